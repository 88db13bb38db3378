/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "supervisor/control.h"

static void answer(void *arg, const struct pod_request *request, struct pod_reply *reply)
{
        int *stops = arg;

        *stops += request->op == POD_OP_STOP;
        reply->ok = true;
        (void)snprintf(reply->state, sizeof(reply->state), "running");
}

static int connect_to(const struct test_dir *d)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", d->path);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

static void ask(struct loop *l, int fd, const char *text, struct pod_reply *ret)
{
        char data[POD_WIRE_MAX];
        struct err e;
        ssize_t n;

        assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
        while ((n = recv(fd, data, sizeof(data), MSG_DONTWAIT)) < 0)
                assert_true(loop_turn(l, 1000) > 0);
        assert_ok(pod_reply_parse(data, (size_t)n, ret, &e), &e);
}

static void requests_are_answered_one_by_one(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(loop_done) struct loop l = LOOP_NULL;
        AUTO_CLOSE int fd = -1;
        struct control c;
        struct pod_reply reply;
        struct stat st;
        struct err e;
        int stops = 0;
        (void)state;

        test_dir_init(&d);
        assert_ok(loop_init(&l, &e), &e);
        assert_int_equal(fs_write_file(d.fd, "control", "", 0, 0600), 0); /* a dead predecessor's */
        assert_ok(control_open(&c, &l, d.fd, answer, &stops, &e), &e);
        assert_int_equal(fstatat(d.fd, "control", &st, 0), 0);
        assert_true(S_ISSOCK(st.st_mode));
        assert_int_equal(st.st_mode & 0777, 0600);
        fd = connect_to(&d);
        ask(&l, fd, "{\"op\":\"state\"}", &reply);
        assert_true(reply.ok);
        assert_string_equal(reply.state, "running");
        ask(&l, fd, "nonsense", &reply);
        assert_false(reply.ok);
        ask(&l, fd, "{\"op\":\"stop\",\"force\":true}", &reply);
        assert_true(reply.ok);
        assert_int_equal(stops, 1);
        control_close(&c);
}

static void clients_beyond_the_limit_are_turned_away_and_slots_come_back(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(loop_done) struct loop l = LOOP_NULL;
        int fds[CONTROL_CLIENTS_MAX + 1], stops = 0;
        struct control c;
        struct pod_reply reply;
        struct err e;
        char byte;
        (void)state;

        test_dir_init(&d);
        assert_ok(loop_init(&l, &e), &e);
        assert_ok(control_open(&c, &l, d.fd, answer, &stops, &e), &e);
        for (int i = 0; i <= CONTROL_CLIENTS_MAX; i++) {
                fds[i] = connect_to(&d);
                assert_int_equal(loop_turn(&l, 1000), 1);
        }
        assert_int_equal(recv(fds[CONTROL_CLIENTS_MAX], &byte, 1, 0), 0);
        (void)close(fds[CONTROL_CLIENTS_MAX]);
        (void)close(fds[0]);
        assert_int_equal(loop_turn(&l, 1000), 1);
        fds[0] = connect_to(&d);
        ask(&l, fds[0], "{\"op\":\"state\"}", &reply);
        assert_true(reply.ok);
        for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
                (void)close(fds[i]);
        control_close(&c);
        control_close(&c);
}

static void control_that_was_never_opened_can_be_closed(void **state)
{
        struct control c;
        (void)state;

        control_init_null(&c);
        control_close(&c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(requests_are_answered_one_by_one),
                cmocka_unit_test(clients_beyond_the_limit_are_turned_away_and_slots_come_back),
                cmocka_unit_test(control_that_was_never_opened_can_be_closed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
