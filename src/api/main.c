/* SPDX-License-Identifier: Apache-2.0 */
/* carob-api: serves until SIGTERM or SIGINT. Clients of rkt know the lines it prints. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "api/options.h"
#include "api/service.h"
#include "grpc/health.h"
#include "grpc/server.h"
#include "util/auto.h"
#include "util/log.h"
#include "util/version.h"

#define STOP_GRACE (2 * NSEC_PER_SEC)

enum { EXIT_OURS = 254 };

struct program {
        uv_loop_t loop;
        uv_signal_t sigterm;
        uv_signal_t sigint;
        struct grpc_server *server;
        struct grpc_health *health;
        struct service service;
        bool stopping;
};

static void stopped(void *arg)
{
        struct program *p = arg;
        sigset_t ours;

        /* An impatient second signal must not kill us in the last moment, when nobody handles it any more. */
        (void)sigemptyset(&ours);
        (void)sigaddset(&ours, SIGTERM);
        (void)sigaddset(&ours, SIGINT);
        (void)sigprocmask(SIG_BLOCK, &ours, NULL);
        p->server = grpc_server_free(p->server);
        jobs_close(&p->service.jobs);
        uv_close((uv_handle_t *)&p->sigterm, NULL);
        uv_close((uv_handle_t *)&p->sigint, NULL);
}

/* The first signal lets running calls end, the next one does not wait for them. */
static void on_signal(uv_signal_t *handle, int signo)
{
        struct program *p = handle->data;

        (void)signo;
        if (!p->server)
                return;
        if (!p->stopping) {
                log_info("API service exiting...");
                grpc_health_shutdown(p->health);
        }
        grpc_server_stop(p->server, p->stopping ? 0 : STOP_GRACE, stopped, p);
        p->stopping = true;
}

/* Port 0 was chosen by the kernel: say which it is. */
static void announce(const struct program *p, const char *address)
{
        size_t len = strlen(address);

        if (len > 2 && strcmp(address + len - 2, ":0") == 0)
                log_info("Listening on %.*s:%u", (int)(len - 2), address,
                         grpc_server_port(p->server));
        else
                log_info("Listening on %s", address);
}

static int listen_all(const struct program *p, const struct strv *addresses, struct err *e)
{
        for (size_t i = 0; i < addresses->n; i++) {
                if (grpc_server_listen(p->server, addresses->v[i], NULL, e) < 0)
                        return err_wrap(e, "cannot listen on %s", addresses->v[i]);
                announce(p, addresses->v[i]);
        }
        return 0;
}

/* Each client and each call that reads takes descriptors; the soft limit is made for select(2). */
static void raise_descriptor_limit(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &limit);
        }
}

static void program_init(struct program *p, const struct api_options *o)
{
        (void)uv_loop_init(&p->loop);
        (void)uv_signal_init(&p->loop, &p->sigterm);
        (void)uv_signal_init(&p->loop, &p->sigint);
        p->sigterm.data = p->sigint.data = p;
        (void)uv_signal_start(&p->sigterm, on_signal, SIGTERM);
        (void)uv_signal_start(&p->sigint, on_signal, SIGINT);
        p->service = (struct service){
                .loop = &p->loop,
                .dir = o->dir,
                .system_config_dir = o->system_config,
                .local_config_dir = o->local_config,
                .user_config_dir = o->user_config,
                .insecure_flags = o->insecure_options,
                .trust_keys_from_https = o->trust_keys_from_https,
        };
        jobs_init(&p->service.jobs, &p->loop);
        p->server = grpc_server_new(&p->loop, NULL);
        p->health = grpc_health_new();
        grpc_health_set(p->health, service_public_api.name, GRPC_HEALTH_SERVING);
        grpc_server_add_service(p->server, &service_public_api, &p->service);
        grpc_server_add_service(p->server, &grpc_health_service, p->health);
}

static int serve(const struct api_options *o)
{
        struct program p = { .stopping = false };
        struct err e;
        int status = 0;

        log_info("API service starting...");
        raise_descriptor_limit();
        (void)signal(SIGPIPE, SIG_IGN);
        program_init(&p, o);
        if (listen_all(&p, &o->listen, &e) < 0) {
                log_error("%s", e.text);
                status = EXIT_OURS;
                stopped(&p);
        } else {
                log_info("API service running");
        }
        (void)uv_run(&p.loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&p.loop);
        p.health = grpc_health_free(p.health);
        return status;
}

int main(int argc, char *argv[])
{
        AUTO(api_options_done) struct api_options o = API_OPTIONS_NULL;
        struct err e;

        log_init("carob-api", LOG_LEVEL_INFO);
        if (api_options_parse(argc, argv, &o, &e) < 0) {
                log_error("%s; see carob-api --help", e.text);
                return EXIT_OURS;
        }
        log_init("carob-api", o.log_level);
        if (o.help)
                return fputs(api_options_help, stdout) < 0 || fflush(stdout) != 0;
        if (o.version)
                return printf("carob-api %s\n", CAROB_VERSION) < 0 || fflush(stdout) != 0;
        return serve(&o);
}
