/* SPDX-License-Identifier: Apache-2.0 */
#include "api/access_log.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "test.h"
#include "util/log.h"

struct fixture {
        uv_loop_t loop;
        struct access_log log;
        int saved, from;
};

/* stderr is a pipe, as of a service. */
static void begin(struct fixture *f, enum log_format format)
{
        int ends[2];

        assert_int_equal(uv_loop_init(&f->loop), 0);
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        f->saved = dup(STDERR_FILENO);
        f->from = ends[0];
        assert_return_code(dup2(ends[1], STDERR_FILENO), 0);
        close(ends[1]);
        log_init("t", LOG_LEVEL_ERROR); /* the access log was asked for: no level keeps it away */
        log_service(format);
        access_log_init(&f->log, &f->loop);
}

static void end(struct fixture *f)
{
        access_log_close(&f->log);
        (void)uv_run(&f->loop, UV_RUN_DEFAULT);
        access_log_done(&f->log);
        assert_int_equal(uv_loop_close(&f->loop), 0);
        assert_return_code(dup2(f->saved, STDERR_FILENO), 0);
        close(f->saved);
        close(f->from);
        log_init("t", LOG_LEVEL_INFO);
}

static const char *written(const struct fixture *f)
{
        static char text[1 << 20];
        size_t len = 0;
        int more;

        assert_return_code(ioctl(f->from, FIONREAD, &more), errno);
        while (more > 0) {
                ssize_t n = read(f->from, text + len, sizeof(text) - 1 - len);

                assert_true(n > 0);
                len += (size_t)n;
                assert_return_code(ioctl(f->from, FIONREAD, &more), errno);
        }
        text[len] = '\0';
        return text;
}

/* Calls that were written, and those that are told to be lost. */
static size_t accounted(const char *text)
{
        size_t n = 0;

        for (const char *at = text; (at = strstr(at, "t: call ")); at++)
                n++;
        for (const char *at = text; (at = strstr(at, " lines=")); at++)
                n += strtoul(at + strlen(" lines="), NULL, 10);
        return n;
}

static size_t lines_of(const char *text)
{
        size_t n = 0;

        for (; (text = strchr(text, '\n')); text++)
                n++;
        return n;
}

#define PATH "/v1alpha.PublicAPI/GetInfo"

static const struct grpc_peer tcp = { .address = "127.0.0.1:4711", .uid = (uid_t)-1 };
static const struct grpc_call_summary call = {
        .path = PATH,
        .path_len = sizeof(PATH) - 1,
        .peer = &tcp,
        .duration = 52 * NSEC_PER_USEC,
        .http_status = 200,
        .messages_in = 1,
        .messages_out = 1,
        .bytes_in = 5,
        .bytes_out = 120,
};

static void a_call_is_a_line(void **state)
{
        struct fixture f;
        const char *text;

        (void)state;
        begin(&f, LOG_FORMAT_TEXT);
        access_log_call(&f.log, &call);
        assert_string_equal(written(&f), ""); /* not from within the call */
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
        text = written(&f);
        assert_memory_equal(text, "t: call time=20", 15);
        assert_string_equal(strstr(text, "Z "),
                            "Z peer=127.0.0.1:4711 method=/v1alpha.PublicAPI/GetInfo code=OK "
                            "seconds=0.000052 messages_out=1 bytes_in=5 bytes_out=120\n");
        assert_int_equal(uv_run(&f.loop, UV_RUN_NOWAIT), 0); /* and the loop sleeps again */
        end(&f);
}

static void who_called_is_told(void **state)
{
        struct grpc_peer local = { .address = "unix:", .is_unix = true, .uid = 1000 };
        struct grpc_call_summary s = call;
        char name[] = "CN=a b";
        struct fixture f;
        const char *text;

        (void)state;
        begin(&f, LOG_FORMAT_TEXT);
        s.peer = &local;
        s.code = GRPC_NOT_FOUND;
        access_log_call(&f.log, &s);
        local = tcp;
        local.identity = name;
        s.http_status = 415;
        access_log_call(&f.log, &s);
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
        text = written(&f);
        assert_non_null(strstr(text, " peer=unix: uid=1000 method="));
        assert_non_null(strstr(text, " code=NOT_FOUND "));
        assert_non_null(strstr(text, " peer=127.0.0.1:4711 identity=\"CN=a b\" method="));
        assert_non_null(strstr(text, " http_status=415 "));
        end(&f);
}

static void hostile_names_stay_in_their_line(void **state)
{
        char path[1000];
        struct grpc_call_summary s = call;
        struct fixture f;
        const char *text;

        (void)state;
        for (size_t i = 0; i < sizeof(path); i++)
                path[i] = (char)i; /* all bytes there are, NUL first */
        for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
                begin(&f, (enum log_format)format);
                for (size_t skip = 0; skip < 256; skip++) {
                        s.path = path + skip;
                        s.path_len = sizeof(path) - skip;
                        access_log_call(&f.log, &s);
                        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
                        text = written(&f);
                        assert_int_equal(lines_of(text), 1);
                        for (const char *c = text; c[1]; c++)
                                assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
                }
                s.path_len = 0;
                access_log_call(&f.log, &s);
                end(&f);
        }
}

static void nobody_waits_for_a_reader_and_the_loss_is_told(void **state)
{
        enum { CALLS = 2000 }; /* more than pipe and queue hold */
        struct fixture f;
        size_t got = 0;

        (void)state;
        begin(&f, LOG_FORMAT_TEXT);
        for (int i = 0; i < CALLS; i++) {
                access_log_call(&f.log, &call);
                (void)uv_run(&f.loop, UV_RUN_NOWAIT);
        }
        assert_true(f.log.lost > 0);
        assert_true(f.log.len <= ACCESS_LOG_QUEUE);
        /* Somebody reads at last: the timer finds out. */
        while (f.log.len > 0) {
                got += accounted(written(&f));
                (void)uv_run(&f.loop, UV_RUN_ONCE);
        }
        access_log_call(&f.log, &call);
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
        got += accounted(written(&f));
        end(&f);
        assert_int_equal(got, CALLS + 1);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_call_is_a_line),
                cmocka_unit_test(who_called_is_told),
                cmocka_unit_test(hostile_names_stay_in_their_line),
                cmocka_unit_test(nobody_waits_for_a_reader_and_the_loss_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
