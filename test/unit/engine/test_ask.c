/* SPDX-License-Identifier: Apache-2.0 */
#include "pod_maker.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "engine/ask.h"

/* A child that answers one request with @reply (NULL: never answers). */
static pid_t serve(const struct pod *p, const char *reply)
{
        int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        pid_t pid;

        (void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/control", p->fd);
        assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
        assert_int_equal(listen(fd, 4), 0);
        pid = fork();
        if (pid == 0) {
                char text[4096];
                int c = accept(fd, NULL, NULL);
                ssize_t n = recv(c, text, sizeof(text) - 1, 0);

                text[n > 0 ? n : 0] = '\0';
                if (!reply)
                        (void)pause();
                if (strstr(text, "\"stop\""))
                        (void)send(c, reply, strlen(reply), 0);
                _exit(0);
        }
        (void)close(fd);
        return pid;
}

static void end(pid_t pid)
{
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
}

static int ask(const struct pod *p, nsec wait, struct pod_reply *reply, struct err *e)
{
        const struct pod_request req = { .op = POD_OP_STOP, .grace_ms = -1 };

        return engine_ask(p, &req, time_monotonic() + wait, reply, e);
}

static void the_answer_comes_back(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_done) struct pod p = POD_NULL;
        struct pod_reply reply;
        struct err e;
        pid_t pid;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        assert_ok(pod_create(&eng.pods, &p, &e), &e);
        pid = serve(&p, "{\"ok\":false,\"error\":\"not now\"}");
        assert_ok(ask(&p, 5 * NSEC_PER_SEC, &reply, &e), &e);
        end(pid);
        assert_false(reply.ok);
        assert_string_equal(reply.error, "not now");
}

static void silence_and_absence_are_told_apart(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_done) struct pod p = POD_NULL;
        struct pod_reply reply;
        struct err e;
        pid_t pid;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        assert_ok(pod_create(&eng.pods, &p, &e), &e);
        assert_int_equal(ask(&p, NSEC_PER_SEC, &reply, &e), -1);
        assert_int_equal(e.kind, ERR_UNAVAILABLE);
        pid = serve(&p, NULL);
        assert_int_equal(ask(&p, 50 * NSEC_PER_MSEC, &reply, &e), -1);
        assert_int_equal(e.kind, ERR_TIMEOUT);
        end(pid);
        assert_int_equal(ask(&p, NSEC_PER_SEC, &reply, &e), -1);
        assert_int_equal(e.kind, ERR_UNAVAILABLE);
}

static void nonsense_is_bad_data(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_done) struct pod p = POD_NULL;
        struct pod_reply reply;
        struct err e;
        pid_t pid;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        assert_ok(pod_create(&eng.pods, &p, &e), &e);
        pid = serve(&p, "hello");
        assert_int_equal(ask(&p, 5 * NSEC_PER_SEC, &reply, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        end(pid);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_answer_comes_back),
                cmocka_unit_test(silence_and_absence_are_told_apart),
                cmocka_unit_test(nonsense_is_bad_data),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
