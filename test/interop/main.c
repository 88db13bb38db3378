/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server for the interoperability tests of gRPC, with the flags that theirs have:
 *
 *      interop-server [--port=N] [--use_tls=true --tls_cert_file=FILE --tls_key_file=FILE]
 *                     [--tls_client_ca_file=FILE] [--listen=ADDRESS]
 *
 * Prints "listening on port N" (0 takes a free one) and serves until SIGTERM.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "grpc/health.h"
#include "grpc/reflection.h"
#include "grpc/server.h"
#include "test_service.h"
#include "util/auto.h"
#include "util/parse.h"

struct options {
        unsigned port;
        bool use_tls;
        const char *listen; /* one more address: "unix:/path" */
        struct grpc_tls_config tls;
};

struct program {
        uv_loop_t loop;
        uv_signal_t sigterm, sigint;
        struct grpc_server *server;
        struct grpc_health *health;
        struct grpc_reflection *reflection;
};

/* The value of --@name=value; NULL when @arg is another one. */
static const char *value_of(const char *arg, const char *name)
{
        size_t len = strlen(name);

        if (strncmp(arg, "--", 2) != 0 || strncmp(arg + 2, name, len) != 0 || arg[2 + len] != '=')
                return NULL;
        return arg + 2 + len + 1;
}

static bool parse(int argc, char *argv[], struct options *o)
{
        for (int i = 1; i < argc; i++) {
                const char *value;
                uint64_t n;

                if ((value = value_of(argv[i], "port")) && parse_u64(value, 0, 65535, &n) == 0)
                        o->port = (unsigned)n;
                else if ((value = value_of(argv[i], "use_tls")))
                        o->use_tls = strcmp(value, "true") == 0;
                else if ((value = value_of(argv[i], "tls_cert_file")))
                        o->tls.cert_file = value;
                else if ((value = value_of(argv[i], "tls_key_file")))
                        o->tls.key_file = value;
                else if ((value = value_of(argv[i], "tls_client_ca_file")))
                        o->tls.client_ca_file = value;
                else if ((value = value_of(argv[i], "listen")))
                        o->listen = value;
                else if (strcmp(argv[i], "--use_tls") == 0)
                        o->use_tls = true;
                else {
                        (void)fprintf(stderr, "interop-server: unknown option: %s\n", argv[i]);
                        return false;
                }
        }
        return true;
}

static void on_stopped(void *arg)
{
        struct program *p = arg;

        p->server = grpc_server_free(p->server);
        uv_close((uv_handle_t *)&p->sigterm, NULL);
        uv_close((uv_handle_t *)&p->sigint, NULL);
}

static void on_signal(uv_signal_t *handle, int number)
{
        struct program *p = handle->data;

        (void)number;
        if (!p->server)
                return;
        grpc_health_shutdown(p->health);
        grpc_server_stop(p->server, NSEC_PER_SEC, on_stopped, p);
}

static void program_init(struct program *p)
{
        (void)signal(SIGPIPE, SIG_IGN);
        (void)uv_loop_init(&p->loop);
        (void)uv_signal_init(&p->loop, &p->sigterm);
        (void)uv_signal_init(&p->loop, &p->sigint);
        p->sigterm.data = p->sigint.data = p;
        (void)uv_signal_start(&p->sigterm, on_signal, SIGTERM);
        (void)uv_signal_start(&p->sigint, on_signal, SIGINT);
        p->server = grpc_server_new(&p->loop, NULL);
        p->health = grpc_health_new();
        grpc_health_set(p->health, interop_test_service.name, GRPC_HEALTH_SERVING);
        p->reflection = grpc_reflection_new();
        grpc_reflection_add(p->reflection, &interop_test_service);
        grpc_reflection_add(p->reflection, &grpc_health_service);
        grpc_server_add_service(p->server, &interop_test_service, &p->loop);
        grpc_server_add_service(p->server, &grpc_health_service, p->health);
        grpc_server_add_service(p->server, &grpc_reflection_v1_service, p->reflection);
        grpc_server_add_service(p->server, &grpc_reflection_v1alpha_service, p->reflection);
}

static int listen_at(struct grpc_server *server, const struct options *o, struct err *e)
{
        AUTO(grpc_tls_unrefp) struct grpc_tls *tls = NULL;
        struct grpc_listen_options options = { .local_only = false };
        char address[16];

        if (o->use_tls && grpc_tls_new(&o->tls, &tls, e) < 0)
                return -1;
        options.tls = tls;
        (void)snprintf(address, sizeof(address), ":%u", o->port);
        if (grpc_server_listen(server, address, &options, e) < 0)
                return -1;
        return o->listen ? grpc_server_listen(server, o->listen, &options, e) : 0;
}

int main(int argc, char *argv[])
{
        struct options o = { .port = 0 };
        struct program p = { .server = NULL };
        int status = 0;
        struct err e;

        if (!parse(argc, argv, &o))
                return 2;
        program_init(&p);
        if (listen_at(p.server, &o, &e) < 0) {
                (void)fprintf(stderr, "interop-server: %s\n", e.text);
                status = 1;
                on_stopped(&p);
        } else {
                (void)printf("listening on port %u\n", grpc_server_port(p.server));
                (void)fflush(stdout);
        }
        (void)uv_run(&p.loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&p.loop);
        p.health = grpc_health_free(p.health);
        p.reflection = grpc_reflection_free(p.reflection);
        return status;
}
