/* SPDX-License-Identifier: Apache-2.0 */
#include "live.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "grpc/wire_check.h"

static struct grpc_server *server;
static uv_signal_t sigterm;
static struct grpc_server_stats *shared_stats;

static void on_stopped(void *arg)
{
        (void)arg;
        grpc_server_stats(server, shared_stats);
        server = grpc_server_free(server);
        uv_close((uv_handle_t *)&sigterm, NULL);
}

static void on_sigterm(uv_signal_t *handle, int number)
{
        (void)handle;
        (void)number;
        grpc_server_stop(server, 300 * NSEC_PER_MSEC, on_stopped, NULL);
}

/* 0 when everything was closed in the end. */
static int serve(const struct live *l, const struct grpc_server_config *config, unsigned max_fds,
                 int port_fd)
{
        struct rlimit lim = { max_fds, max_fds };
        struct grpc_listen_options options = { 0 };
        struct err e;
        uv_loop_t loop;
        unsigned port;

        if (max_fds > 0 && setrlimit(RLIMIT_NOFILE, &lim) < 0)
                return 2;
        if (uv_loop_init(&loop) != 0)
                return 3;
        shared_stats = l->stats;
        if (l->tls && grpc_tls_new(l->tls, &options.tls, &e) < 0)
                return 7;
        server = grpc_server_new(&loop, config);
        grpc_server_add_service(server, &test_service, NULL);
        if (grpc_server_listen(server, "localhost:0", &options, &e) < 0 ||
            grpc_server_listen(server, l->unix_addr, NULL, &e) < 0)
                return 4;
        for (size_t i = 0; i < ARRAY_LEN(l->activated); i++)
                if (l->activated[i] > 0 &&
                    grpc_server_listen_fd_consume(server, l->activated[i], NULL, &e) < 0)
                        return 8;
        if (l->pair[1] > 0) {
                (void)close(l->pair[0]);
                if (grpc_server_adopt_fd_consume(server, l->pair[1], NULL, &e) < 0)
                        return 9;
                grpc_server_stop_when_left(server, on_stopped, NULL);
                if (grpc_server_listens(server))
                        return 10;
        }
        (void)grpc_tls_unref(options.tls); /* the listener has its own reference */
        (void)uv_signal_init(&loop, &sigterm);
        (void)uv_signal_start(&sigterm, on_sigterm, SIGTERM);
        port = grpc_server_port(server);
        if (write(port_fd, &port, sizeof(port)) != sizeof(port))
                return 5;
        (void)close(port_fd);
        (void)uv_run(&loop, UV_RUN_DEFAULT);
        return server || uv_loop_close(&loop) != 0 ? 6 : 0;
}

void live_start(struct live *l, const struct grpc_server_config *config, unsigned max_fds)
{
        int fds[2];

        l->stats = mmap(NULL, sizeof(*l->stats), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                        -1, 0);
        assert_ptr_not_equal(l->stats, MAP_FAILED);
        test_dir_init(&l->dir);
        (void)snprintf(l->unix_addr, sizeof(l->unix_addr), "unix:%s/sock", l->dir.path);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        l->pid = fork();
        assert_true(l->pid >= 0);
        if (l->pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)close(fds[0]);
                _exit(serve(l, config, max_fds, fds[1]));
        }
        (void)close(fds[1]);
        assert_int_equal(read(fds[0], &l->port, sizeof(l->port)), sizeof(l->port));
        (void)close(fds[0]);
        (void)snprintf(l->tcp, sizeof(l->tcp), "localhost:%u", l->port);
}

int live_wait(struct live *l)
{
        nsec until = time_monotonic() + 20 * NSEC_PER_SEC;
        pid_t r = 0;
        int status;

        while (r == 0 && time_monotonic() < until) {
                r = waitpid(l->pid, &status, WNOHANG);
                if (r == 0)
                        (void)usleep(2000);
        }
        if (r == 0)
                fail_msg("the server does not stop");
        l->pid = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int live_stop(struct live *l)
{
        assert_int_equal(kill(l->pid, SIGTERM), 0);
        return live_wait(l);
}

void live_done(struct live *l)
{
        if (l->pid > 0) {
                (void)kill(l->pid, SIGKILL);
                (void)waitpid(l->pid, NULL, 0);
        }
        test_dir_done(&l->dir);
        (void)munmap(l->stats, sizeof(*l->stats));
}

struct grpc_client *live_connect(const char *address)
{
        struct grpc_client *c = NULL;
        struct err e;

        assert_ok(grpc_client_connect(&c, address, NULL, &e), &e);
        return c;
}

void live_echo(struct grpc_client *c)
{
        AUTO(grpc_message_freep) ProtobufCMessage *reply = NULL;
        Sample__Sample request = SAMPLE__SAMPLE__INIT;
        char text[] = "hello";
        struct err e;

        request.text = text;
        assert_ok(grpc_client_unary(c, "/test.Test/Echo", &request.base,
                                    &sample__sample__descriptor, 5 * NSEC_PER_SEC, &reply, &e),
                  &e);
        assert_string_equal(((Sample__Sample *)reply)->text, "hello");
}

int raw_connect(const struct live *l)
{
        struct sockaddr_in in = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)l->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
        return fd;
}
