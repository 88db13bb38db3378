/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "grpc/bind.h"
#include "live.h"
#include "util/mem.h"

static void tcp_and_unix_clients_are_served(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *tcp = NULL, *local = NULL;

        (void)state;
        live_start(&l, NULL, 0);
        tcp = live_connect(l.tcp);
        local = live_connect(l.unix_addr);
        for (int i = 0; i < 10; i++) {
                live_echo(tcp);
                live_echo(local);
        }
        assert_int_equal(live_stop(&l), 0);
        assert_int_equal(l.stats->accepted, 2);
        assert_int_equal(l.stats->streams_opened, 20);
        assert_int_equal(l.stats->streams, 0);
        assert_true(l.stats->bytes_in > 20 * 20 && l.stats->bytes_out > 20 * 20);
        assert_int_equal(l.stats->ended[GRPC_END_STOP], 2);
}

static void both_families_of_localhost_answer(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        char address[64];

        (void)state;
        live_start(&l, NULL, 0);
        for (int i = 0; i < 2; i++) {
                AUTO(grpc_client_freep) struct grpc_client *c = NULL;
                struct err e;

                (void)snprintf(address, sizeof(address), i ? "127.0.0.1:%u" : "[::1]:%u", l.port);
                if (grpc_client_connect(&c, address, NULL, &e) == 0)
                        live_echo(c);
                else
                        assert_int_equal(i, 0); /* a host without IPv6 */
        }
}

static void clients_that_say_nothing_harm_nobody(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;

        (void)state;
        live_start(&l, NULL, 0);
        c = live_connect(l.tcp);
        for (int i = 0; i < 500; i++)
                (void)close(raw_connect(&l));
        live_echo(c);
        assert_int_equal(live_stop(&l), 0);
}

/* The bytes the server still sends, until it closes. */
static size_t read_to_end(int fd, uint8_t *to, size_t size)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };
        size_t len = 0;
        ssize_t n = 1;

        while (n > 0 && len < size) {
                if (poll(&p, 1, 10000) != 1)
                        fail_msg("the server neither answers nor closes");
                n = recv(fd, to + len, size - len, 0);
                len += n > 0 ? (size_t)n : 0;
        }
        return len;
}

static void clients_that_speak_nonsense_are_cut_off(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;
        static uint8_t junk[100000], answer[4096];

        (void)state;
        live_start(&l, NULL, 0);
        for (unsigned seed = 0; seed < 20; seed++) {
                AUTO_CLOSE int fd = raw_connect(&l);

                for (size_t i = 0; i < sizeof(junk); i++)
                        junk[i] = (uint8_t)((i * 2654435761u + seed) >> 7);
                (void)send(fd, junk, seed * 100 + 30, MSG_NOSIGNAL);
                (void)read_to_end(fd, answer, sizeof(answer));
        }
        c = live_connect(l.tcp);
        live_echo(c);
        assert_int_equal(live_stop(&l), 0);
}

static void goaway_arrives_although_more_was_sent(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO_CLOSE int fd = -1;
        static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        static const uint8_t settings[9] = { 0, 0, 0, 4, 0 };
        static const uint8_t data_on_stream_0[10] = { 0, 0, 1, 0, 0, 0, 0, 0, 0, 'x' };
        static uint8_t more[50000], answer[4096];
        size_t n, at = 0;
        uint8_t last_type = 255;

        (void)state;
        live_start(&l, NULL, 0);
        fd = raw_connect(&l);
        assert_int_equal(send(fd, preface, 24, 0), 24);
        assert_int_equal(send(fd, settings, 9, 0), 9);
        assert_int_equal(send(fd, data_on_stream_0, 10, 0), 10);
        (void)send(fd, more, sizeof(more), MSG_NOSIGNAL);
        n = read_to_end(fd, answer, sizeof(answer));
        while (at + 9 <= n) {
                last_type = answer[at + 3];
                at += 9 + ((size_t)answer[at] << 16 | (size_t)answer[at + 1] << 8 | answer[at + 2]);
        }
        assert_int_equal(last_type, 7); /* GOAWAY */
}

static void connections_over_the_maximum_are_closed(void **state)
{
        struct grpc_server_config config = { .max_connections = 3 };
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *a = NULL, *b = NULL, *c = NULL;
        AUTO_CLOSE int fd = -1;
        uint8_t byte;

        (void)state;
        live_start(&l, &config, 0);
        a = live_connect(l.tcp);
        b = live_connect(l.tcp);
        c = live_connect(l.tcp);
        live_echo(a);
        live_echo(b);
        live_echo(c);
        fd = raw_connect(&l);
        assert_int_equal(read_to_end(fd, &byte, 1), 0);
        live_echo(a);
        assert_int_equal(live_stop(&l), 0);
        assert_int_equal(l.stats->accepted, 4);
        assert_int_equal(l.stats->over_cap, 1);
}

static nsec cpu_of_children(void)
{
        struct rusage u;

        assert_int_equal(getrusage(RUSAGE_CHILDREN, &u), 0);
        return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * NSEC_PER_SEC +
               (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * NSEC_PER_USEC;
}

static void running_out_of_descriptors_neither_spins_nor_lasts(void **state)
{
        struct grpc_server_config config = { .max_connections = 1000 };
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;
        nsec before = cpu_of_children();
        int fds[60];

        (void)state;
        if (test_lacks_new_syscalls())
                skip();
        live_start(&l, &config, 40);
        c = live_connect(l.tcp);
        live_echo(c);
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
                fds[i] = raw_connect(&l);
        (void)poll(NULL, 0, 400);
        live_echo(c); /* who is connected is served */
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
                (void)close(fds[i]);
        {
                AUTO(grpc_client_freep) struct grpc_client *later = live_connect(l.tcp);

                live_echo(later);
        }
        assert_int_equal(live_stop(&l), 0);
        assert_true(l.stats->accept_pauses > 0);
        assert_true(cpu_of_children() - before < 200 * NSEC_PER_MSEC);
}

static void stop_waits_for_calls_and_not_for_ever(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL, *other = NULL;
        ProtobufCMessage *reply = NULL;
        Sample__Sample request = SAMPLE__SAMPLE__INIT;
        struct err e;
        struct stat st;

        (void)state;
        live_start(&l, NULL, 0);
        c = live_connect(l.tcp);
        live_echo(c);
        assert_ok(grpc_client_start(c, "/test.Test/Subscribe", &request.base, 0, &e), &e);
        other = live_connect(l.unix_addr);
        live_echo(other);
        assert_int_equal(live_stop(&l), 0);
        assert_int_equal(grpc_client_next(c, &sample__sample__descriptor, &reply, &e), -1);
        assert_int_equal(e.kind, ERR_UNAVAILABLE);
        assert_int_equal(fstatat(l.dir.fd, "sock", &st, 0), -1);
}

static void stop_without_clients_is_immediate(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        nsec before;

        (void)state;
        live_start(&l, NULL, 0);
        before = time_monotonic();
        assert_int_equal(live_stop(&l), 0);
        assert_true(time_monotonic() - before < 250 * NSEC_PER_MSEC);
}

static void sockets_made_by_others_are_served_and_left(void **state)
{
        const struct grpc_bind_options options = { .gid = (gid_t)-1 };
        AUTO_TEST_DIR struct test_dir dir = { .fd = -1 };
        AUTO_FREE char *local = NULL, *tcp = NULL;
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *a = NULL, *b = NULL, *c = NULL;
        struct grpc_bound unix_bound, tcp_bound;
        struct stat st;
        struct err e;

        (void)state;
        test_dir_init(&dir);
        local = xasprintf("unix:%s/theirs", dir.path);
        assert_ok(grpc_bind(local, &options, &unix_bound, &e), &e);
        assert_ok(grpc_bind("127.0.0.1:0", &options, &tcp_bound, &e), &e);
        tcp = xasprintf("127.0.0.1:%u", tcp_bound.port);
        l.activated[0] = unix_bound.fds[0];
        l.activated[1] = tcp_bound.fds[0];
        live_start(&l, NULL, 0);
        (void)close(unix_bound.fds[0]);
        (void)close(tcp_bound.fds[0]);
        free(unix_bound.unix_path);
        a = live_connect(local);
        b = live_connect(tcp);
        c = live_connect(l.tcp);
        live_echo(a);
        live_echo(b);
        live_echo(c);
        assert_int_equal(live_stop(&l), 0);
        assert_int_equal(fstatat(dir.fd, "theirs", &st, 0), 0); /* its maker will use it again */
}

static struct grpc_server *new_server(uv_loop_t *loop)
{
        assert_int_equal(uv_loop_init(loop), 0);
        return grpc_server_new(loop, NULL);
}

static void free_server(struct grpc_server *server, uv_loop_t *loop)
{
        (void)grpc_server_free(server);
        (void)uv_run(loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(loop), 0);
}

static void descriptors_that_do_not_listen_are_refused(void **state)
{
        uv_loop_t loop;
        struct grpc_server *server = new_server(&loop);
        struct grpc_listen_options local = { .local_only = true };
        struct grpc_bound bound;
        struct err e;
        int fds[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(grpc_server_listen_fd_consume(server, fds[0], NULL, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_int_equal(fcntl(fds[0], F_GETFD), -1); /* consumed all the same */
        (void)close(fds[1]);
        assert_int_equal(grpc_server_listen_fd_consume(server, 9999, NULL, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_ok(
                grpc_bind("0.0.0.0:0", &(struct grpc_bind_options){ .gid = (gid_t)-1 }, &bound, &e),
                &e);
        assert_int_equal(grpc_server_listen_fd_consume(server, bound.fds[0], &local, &e), -1);
        assert_int_equal(e.kind, ERR_STATE);
        free_server(server, &loop);
}

/* A server that has one client, and ends with it; the client's end of the connection. */
static struct grpc_client *start_pair(struct live *l)
{
        struct grpc_client *c = NULL;
        struct err e;

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, l->pair), 0);
        live_start(l, NULL, 0);
        (void)close(l->pair[1]);
        assert_ok(grpc_client_adopt_fd_consume(&c, l->pair[0], NULL, &e), &e);
        return c;
}

static void one_connection_is_served_and_no_more(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL, *other = NULL;
        Sample__Sample request = SAMPLE__SAMPLE__INIT;
        struct err e;

        (void)state;
        c = start_pair(&l);
        live_echo(c);
        live_echo(c);
        assert_int_equal(grpc_client_connect(&other, l.tcp, NULL, &e), -1);
        assert_ok(grpc_client_start(c, "/test.Test/Subscribe", &request.base, 0, &e), &e);
        c = grpc_client_free(c);
        assert_int_equal(live_wait(&l), 0);
        assert_int_equal(l.stats->accepted, 1);
        assert_int_equal(l.stats->ended[GRPC_END_CLIENT], 1);
        assert_int_equal(l.stats->streams, 0);
}

static void who_was_never_heard_ends_it_too(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;

        (void)state;
        c = start_pair(&l);
        c = grpc_client_free(c);
        assert_int_equal(live_wait(&l), 0);
}

static void one_connection_is_stopped_as_others(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;
        Sample__Sample request = SAMPLE__SAMPLE__INIT;
        ProtobufCMessage *reply = NULL;
        struct err e;

        (void)state;
        c = start_pair(&l);
        live_echo(c);
        assert_ok(grpc_client_start(c, "/test.Test/Subscribe", &request.base, 0, &e), &e);
        assert_int_equal(live_stop(&l), 0);
        assert_int_equal(grpc_client_next(c, &sample__sample__descriptor, &reply, &e), -1);
        assert_int_equal(e.kind, ERR_UNAVAILABLE);
}

static void descriptors_without_a_client_are_not_adopted(void **state)
{
        uv_loop_t loop;
        struct grpc_server *server = new_server(&loop);
        struct grpc_listen_options local = { .local_only = true };
        struct grpc_bound bound;
        struct err e;
        int fds[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(grpc_server_adopt_fd_consume(server, fds[i], NULL, &e), -1);
                assert_int_equal(e.kind, ERR_USAGE);
                assert_int_equal(fcntl(fds[i], F_GETFD), -1); /* consumed all the same */
        }
        assert_int_equal(grpc_server_adopt_fd_consume(server, 9999, NULL, &e), -1);
        assert_ok(grpc_bind("127.0.0.1:0", &(struct grpc_bind_options){ .gid = (gid_t)-1 }, &bound,
                            &e),
                  &e);
        assert_int_equal(grpc_server_adopt_fd_consume(server, bound.fds[0], &local, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_false(grpc_server_listens(server));
        free_server(server, &loop);
}

static void addresses_for_other_hosts_are_refused_when_asked_for(void **state)
{
        uv_loop_t loop;
        struct grpc_server *server = new_server(&loop);
        struct grpc_listen_options local = { .local_only = true };
        struct err e;

        (void)state;
        assert_int_equal(grpc_server_listen(server, "0.0.0.0:0", &local, &e), -1);
        assert_int_equal(e.kind, ERR_STATE);
        assert_ok(grpc_server_listen(server, "localhost:0", &local, &e), &e);
        assert_true(grpc_server_port(server) > 0);
        free_server(server, &loop);
}

static void socket_file_of_another_server_is_not_removed(void **state)
{
        AUTO_TEST_DIR struct test_dir dir = { .fd = -1 };
        AUTO_FREE char *address = NULL;
        uv_loop_t loop;
        struct grpc_server *server = new_server(&loop);
        struct grpc_bound theirs;
        struct stat st;
        struct err e;

        (void)state;
        test_dir_init(&dir);
        address = xasprintf("unix:%s/s", dir.path);
        assert_ok(grpc_server_listen(server, address, NULL, &e), &e);
        assert_int_equal(unlinkat(dir.fd, "s", 0), 0);
        assert_ok(grpc_bind(address, &(struct grpc_bind_options){ .gid = (gid_t)-1 }, &theirs, &e),
                  &e);
        free_server(server, &loop);
        assert_int_equal(fstatat(dir.fd, "s", &st, 0), 0);
        (void)close(theirs.fds[0]);
        free(theirs.unix_path);
}

static unsigned n_stopped;

static void count_stopped(void *arg)
{
        (void)arg;
        n_stopped++;
}

static void second_stop_changes_the_time_only(void **state)
{
        uv_loop_t loop;
        struct grpc_server *server = new_server(&loop);
        struct err e;
        struct sockaddr_in in = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        static const char hello[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
        struct grpc_server_stats stats;

        (void)state;
        n_stopped = 0;
        assert_ok(grpc_server_listen(server, "127.0.0.1:0", NULL, &e), &e);
        in.sin_port = htons((uint16_t)grpc_server_port(server));
        assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
        assert_int_equal(send(fd, hello, sizeof(hello) - 1, 0), sizeof(hello) - 1);
        do {
                (void)uv_run(&loop, UV_RUN_ONCE);
                grpc_server_stats(server, &stats);
        } while (stats.bytes_in == 0);
        grpc_server_stop(server, 3600 * NSEC_PER_SEC, count_stopped, NULL);
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        assert_int_equal(grpc_server_connections(server), 1); /* the GOAWAYs need their time */
        grpc_server_stop(server, 0, count_stopped, NULL);
        while (n_stopped == 0)
                (void)uv_run(&loop, UV_RUN_ONCE);
        assert_int_equal(grpc_server_connections(server), 0);
        grpc_server_stats(server, &stats);
        assert_int_equal(stats.ended[GRPC_END_STOP], 1);
        free_server(server, &loop);
        assert_int_equal(n_stopped, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tcp_and_unix_clients_are_served),
                cmocka_unit_test(both_families_of_localhost_answer),
                cmocka_unit_test(clients_that_say_nothing_harm_nobody),
                cmocka_unit_test(clients_that_speak_nonsense_are_cut_off),
                cmocka_unit_test(goaway_arrives_although_more_was_sent),
                cmocka_unit_test(connections_over_the_maximum_are_closed),
                cmocka_unit_test(running_out_of_descriptors_neither_spins_nor_lasts),
                cmocka_unit_test(stop_waits_for_calls_and_not_for_ever),
                cmocka_unit_test(stop_without_clients_is_immediate),
                cmocka_unit_test(sockets_made_by_others_are_served_and_left),
                cmocka_unit_test(descriptors_that_do_not_listen_are_refused),
                cmocka_unit_test(one_connection_is_served_and_no_more),
                cmocka_unit_test(who_was_never_heard_ends_it_too),
                cmocka_unit_test(one_connection_is_stopped_as_others),
                cmocka_unit_test(descriptors_without_a_client_are_not_adopted),
                cmocka_unit_test(addresses_for_other_hosts_are_refused_when_asked_for),
                cmocka_unit_test(socket_file_of_another_server_is_not_removed),
                cmocka_unit_test(second_stop_changes_the_time_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
