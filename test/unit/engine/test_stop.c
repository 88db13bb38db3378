/* SPDX-License-Identifier: Apache-2.0 */
#include "pod_maker.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "engine/stop.h"

/* A child that owns the pod: answers the one request with @reply and ends. */
static pid_t own(struct engine *eng, const struct uuid *uuid, const char *reply)
{
        int ready[2];
        char c;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                struct sockaddr_un a = { .sun_family = AF_UNIX };
                struct pod p = POD_NULL;
                struct err e;
                char text[4096];
                int s = socket(AF_UNIX, SOCK_SEQPACKET, 0), conn;

                if (pod_open(&eng->pods, uuid->text, &p, &e) < 0 ||
                    pod_lock(&eng->pods, &p, &e) < 0)
                        _exit(1);
                (void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/control", p.fd);
                if (bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s, 1) < 0 ||
                    write(ready[1], "x", 1) != 1)
                        _exit(1);
                conn = accept(s, NULL, NULL);
                (void)!recv(conn, text, sizeof(text), 0);
                (void)!send(conn, reply, strlen(reply), 0);
                _exit(0);
        }
        (void)close(ready[1]);
        assert_int_equal(read(ready[0], &c, 1), 1);
        (void)close(ready[0]);
        return pid;
}

static void a_willing_supervisor_ends_the_pod(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        struct uuid uuid;
        struct err e;
        pid_t pid;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        uuid = make_pod(&eng, POD_DIR_RUN);
        pid = own(&eng, &uuid, "{\"ok\":true}");
        assert_int_equal(engine_stop(&eng, uuid.text, false, &e), ENGINE_STOPPED);
        (void)waitpid(pid, NULL, 0);
        assert_int_equal(engine_stop(&eng, uuid.text, false, &e), ENGINE_STOP_ALREADY);
}

static void only_running_pods_are_stopped(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        struct uuid uuid;
        char want[128];
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        uuid = make_pod(&eng, POD_DIR_PREPARED);
        (void)snprintf(want, sizeof(want), "pod \"%s\" is not running (it is prepared)", uuid.text);
        assert_err(engine_stop(&eng, uuid.text, true, &e), &e, ERR_STATE, want);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_willing_supervisor_ends_the_pod),
                cmocka_unit_test(only_running_pods_are_stopped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
