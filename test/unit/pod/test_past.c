/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"
#include "pod/past.h"
#include "util/limits.h"

#define UUID      "b5b2ba6a-4d2f-4a0a-9f0e-3f1a6e6d9b11"
#define AUTO_PAST AUTO(pod_past_done)

static int parse(const char *text, struct pod_past *ret, struct err *e)
{
        return pod_past_parse(text, strlen(text), ret, e);
}

static void assert_prints(const struct pod_past *p, const char *want)
{
        AUTO(buf_done) struct buf b = BUF_NULL(65536);

        assert_int_equal(pod_past_print(p, &b), 0);
        assert_string_equal(buf_str(&b), want);
}

static struct pod_past past_of(struct world *w, const char *uuid)
{
        AUTO(pod_view_freep) struct pod_view *v = NULL;
        AUTO_POD struct pod p = POD_NULL;
        struct pod_past past;
        struct err e;

        assert_ok(pod_find(&w->s, uuid, POD_DIR_RUN, &p, &e), &e);
        assert_ok(pod_view_read(&w->s, uuid, POD_VIEW_ALL, &v, &e), &e);
        pod_past_of(&p, v, &past);
        return past;
}

static nsec set_mtime(int dirfd, const char *name, nsec at)
{
        const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                           { .tv_sec = at / NSEC_PER_SEC,
                                             .tv_nsec = at % NSEC_PER_SEC } };

        assert_int_equal(utimensat(dirfd, name, times, 0), 0);
        return at;
}

#define T (NSEC_PER_SEC * 1700000000)

static void a_whole_life_is_read_back_as_it_was(void **state)
{
        static const char line[] =
                "{\"uuid\":\"" UUID "\",\"name\":\"web\",\"created_at\":1,\"prepared_at\":2,"
                "\"started_at\":3,\"pid\":44,\"finished_at\":9,\"exit_code\":137,\"signal\":9,"
                "\"reason\":\"why\",\"collected_at\":10,\"apps\":[{\"name\":\"a\",\"image_id\":\"" ID
                "\",\"image_name\":\"a.b/c\",\"started_at\":4,\"finished_at\":8,\"pid\":45,"
                "\"exit_code\":137,\"signal\":9,\"oom\":true},{\"name\":\"b\"}]}";
        AUTO_PAST struct pod_past p = POD_PAST_NULL;
        struct err e;

        (void)state;
        assert_ok(parse(line, &p, &e), &e);
        assert_string_equal(p.uuid.text, UUID);
        assert_string_equal(p.name, "web");
        assert_int_equal(p.created_at, 1);
        assert_true(p.prepared && p.started && p.exited && p.collected && !p.aborted);
        assert_int_equal(p.prepared_at, 2);
        assert_int_equal(p.started_at, 3);
        assert_int_equal(p.pid, 44);
        assert_int_equal(p.finished_at, 9);
        assert_int_equal(p.exit_code, 137);
        assert_int_equal(p.signal, 9);
        assert_string_equal(p.reason, "why");
        assert_int_equal(p.collected_at, 10);
        assert_int_equal(p.n_apps, 2);
        assert_true(p.apps[0].ended && p.apps[0].oom && !p.apps[1].ended);
        assert_int_equal(p.apps[0].pid, 45);
        assert_int_equal(p.apps[1].exit_code, -1);
        assert_prints(&p, line);
}

static void what_has_not_happened_is_not_there(void **state)
{
        AUTO_PAST struct pod_past p = POD_PAST_NULL;
        struct err e;

        (void)state;
        assert_ok(parse("{\"uuid\":\"" UUID "\",\"new\":{},\"name\":\"\"}", &p, &e), &e);
        assert_false(p.prepared || p.aborted || p.started || p.exited || p.collected);
        assert_null(p.name);
        assert_int_equal(p.pid, -1);
        assert_int_equal(p.exit_code, -1);
        assert_prints(&p, "{\"uuid\":\"" UUID "\"}");
}

static void what_happened_at_no_known_time_is_there(void **state)
{
        static const char line[] =
                "{\"uuid\":\"" UUID
                "\",\"started_at\":3,\"pid\":4,\"finished_at\":0,\"collected_at\":7,"
                "\"apps\":[{\"name\":\"a\",\"started_at\":4,\"finished_at\":0,\"pid\":5}]}";
        AUTO_PAST struct pod_past p = POD_PAST_NULL;
        struct err e;

        (void)state;
        assert_ok(parse(line, &p, &e), &e);
        assert_true(p.exited && p.apps[0].ended);
        assert_int_equal(p.finished_at, 0);
        assert_prints(&p, line);
}

static void a_wrong_line_is_refused(void **state)
{
        static const struct {
                const char *line, *text;
        } cases[] = {
                { "{\"uuid\":\"" UUID, "JSON at byte 45: unexpected end of data" },
                { "{}", "\"uuid\" is missing" },
                { "{\"uuid\":\"../x\"}", "\"uuid\" is no id of a pod" },
                { "{\"uuid\":\"" UUID "\",\"started_at\":-1}",
                  "\"started_at\" is -1, outside 0 to 9223372036854775807" },
                { "{\"uuid\":\"" UUID "\",\"exit_code\":256}",
                  "\"exit_code\" is 256, outside 0 to 255" },
                { "{\"uuid\":\"" UUID "\",\"apps\":[{\"name\":\"a\"},{\"name\":\"../b\"}]}",
                  "apps[1]: \"name\" is no name of an app" },
                { "{\"uuid\":\"" UUID "\",\"apps\":[null]}",
                  "apps[0]: expected an object around \"name\", found null" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct pod_past p = POD_PAST_NULL;
                struct err e;

                assert_err(parse(cases[i].line, &p, &e), &e, ERR_BAD_DATA, cases[i].text);
        }
}

static void more_apps_than_a_pod_has_are_refused(void **state)
{
        AUTO(buf_done) struct buf b = BUF_NULL(65536);
        struct pod_past p = POD_PAST_NULL;
        struct err e;

        (void)state;
        assert_int_equal(buf_puts(&b, "{\"uuid\":\"" UUID "\",\"apps\":["), 0);
        for (unsigned i = 0; i <= LIMIT_POD_APPS; i++)
                assert_int_equal(buf_printf(&b, "%s{\"name\":\"a%u\"}", i > 0 ? "," : "", i), 0);
        assert_int_equal(buf_puts(&b, "]}"), 0);
        assert_int_equal(parse(buf_str(&b), &p, &e), -1);
        assert_int_equal(e.kind, ERR_LIMIT);
}

static void a_pod_being_prepared_has_no_past(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = preparing(&w);
        AUTO_PAST struct pod_past past = past_of(&w, p.uuid.text);

        (void)state;
        assert_false(past.prepared || past.aborted || past.started || past.exited ||
                     past.collected);
        assert_int_equal(past.n_apps, 0);
}

static void a_preparation_that_was_killed_ended_with_its_last_file(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = preparing(&w);

        (void)state;
        put(&p, "pod-prepared", "");
        (void)set_mtime(p.fd, ".", T);
        assert_int_equal(flock_release(p.fd), 0);
        for (int i = 0; i < 2; i++) {
                AUTO_PAST struct pod_past past = past_of(&w, p.uuid.text);
                struct err e;

                assert_true(past.aborted);
                assert_false(past.prepared || past.exited);
                assert_int_equal(past.collected, i);
                assert_string_equal(past.reason,
                                    "the process that prepared it ended before it was done");
                assert_true(past.created_at > 0);
                if (i == 1)
                        break;
                assert_int_equal(past.aborted_at, T);
                assert_int_equal(unlinkat(p.fd, "pod-prepared", 0), 0);
                (void)set_mtime(p.fd, ".", T);
                assert_int_equal(pod_to_garbage(&w.s, &p, &e), POD_MOVED);
        }
}

static void a_preparation_killed_at_once_is_told_of_in_the_garbage(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = POD_NULL;
        AUTO_PAST struct pod_past past = POD_PAST_NULL;
        struct err e;

        (void)state;
        assert_ok(pod_create(&w.s, &p, &e), &e);
        assert_int_equal(flock_release(p.fd), 0);
        assert_int_equal(pod_to_garbage(&w.s, &p, &e), POD_MOVED);
        past = past_of(&w, p.uuid.text);
        assert_true(past.aborted && past.collected);
        assert_true(past.created_at > 0 && past.aborted_at >= past.created_at);
}

static void a_preparation_that_failed_says_why(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = POD_NULL;
        struct err e;

        (void)state;
        assert_ok(pod_create(&w.s, &p, &e), &e);
        fill_with(&p, NAMED("shop"));
        put(&p, "pod-aborted", "no\tspace \xff left\n");
        (void)set_mtime(p.fd, "pod-aborted", T);
        assert_int_equal(flock_release(p.fd), 0);
        for (int i = 0; i < 2; i++) {
                AUTO_PAST struct pod_past past = past_of(&w, p.uuid.text);

                assert_true(past.aborted);
                assert_int_equal(past.aborted_at, T);
                assert_string_equal(past.reason, "no space \xef\xbf\xbd left");
                assert_string_equal(past.name, "shop");
                assert_int_equal(past.collected, i);
                assert_int_equal(past.collected_at > 0, i);
                if (i == 0)
                        assert_int_equal(pod_to_garbage(&w.s, &p, &e), POD_MOVED);
        }
}

static void hostile_marks_do_no_harm(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = preparing(&w);
        AUTO_FREE char *long_text = xmalloc(100001);

        (void)state;
        assert_int_equal(flock_release(p.fd), 0);
        assert_int_equal(mkfifoat(p.fd, "pod-aborted", 0600), 0);
        for (int i = 0; i < 3; i++) {
                AUTO_PAST struct pod_past past = past_of(&w, p.uuid.text);

                assert_true(past.aborted);
                assert_true(past.aborted_at > 0);
                if (i < 2)
                        assert_string_equal(
                                past.reason,
                                "the process that prepared it ended before it was done");
                else
                        assert_int_equal(strlen(past.reason), POD_REASON_MAX);
                assert_int_equal(unlinkat(p.fd, "pod-aborted", 0), 0);
                if (i == 0)
                        assert_int_equal(symlinkat("/etc/passwd", p.fd, "pod-aborted"), 0);
                memset(long_text, 'x', 100000);
                long_text[100000] = '\0';
                if (i == 1)
                        put(&p, "pod-aborted", long_text);
        }
}

static void a_prepared_pod_has_the_time_of_its_mark(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = prepared(&w);
        AUTO_PAST struct pod_past none = past_of(&w, p.uuid.text), past = POD_PAST_NULL;

        (void)state;
        put(&p, "pod-prepared", "");
        (void)set_mtime(p.fd, "pod-prepared", T);
        past = past_of(&w, p.uuid.text);
        assert_true(none.prepared && past.prepared);
        assert_int_equal(past.prepared_at, T);
        assert_false(past.aborted || past.started || past.exited || past.collected);
}

static void a_running_pod_was_started(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = running(&w, 1234);
        AUTO_PAST struct pod_past past = POD_PAST_NULL;

        (void)state;
        (void)set_mtime(p.fd, "pid", 1); /* set_app's times are that small */
        past = past_of(&w, p.uuid.text);
        assert_false(past.prepared || past.aborted || past.exited || past.collected);
        assert_true(past.started);
        assert_int_equal(past.started_at, 1);
        assert_int_equal(past.pid, 1234);
        assert_int_equal(past.n_apps, 1);
        assert_string_equal(past.apps[0].name, "web");
        assert_string_equal(past.apps[0].image_id, ID);
        assert_string_equal(past.apps[0].image_name, "a.b/c");
        assert_int_equal(past.apps[0].started_at, 2);
        assert_int_equal(past.apps[0].pid, 77);
        assert_false(past.apps[0].ended);
}

static void an_exited_pod_and_its_app_ended(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 7);
        struct err e;

        (void)state;
        (void)set_mtime(p.fd, "pid", 1);
        for (int i = 0; i < 2; i++) {
                AUTO_PAST struct pod_past past = past_of(&w, p.uuid.text);

                assert_true(past.exited);
                assert_int_equal(past.finished_at, 9);
                assert_int_equal(past.exit_code, 7);
                assert_string_equal(past.reason, "why");
                assert_true(past.apps[0].ended);
                assert_int_equal(past.apps[0].finished_at, 3);
                assert_int_equal(past.apps[0].exit_code, 7);
                assert_int_equal(past.apps[0].pid, 77);
                assert_int_equal(past.collected, i);
                if (i == 0)
                        assert_int_equal(pod_to_exited_garbage(&w.s, &p, &e), POD_MOVED);
        }
}

static void a_killed_supervisor_leaves_no_time(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = running(&w, 1234);
        AUTO_PAST struct pod_past past = POD_PAST_NULL;

        (void)state;
        assert_int_equal(flock_release(p.fd), 0);
        past = past_of(&w, p.uuid.text);
        assert_true(past.exited && past.started && past.apps[0].ended);
        assert_int_equal(past.finished_at, 0);
        assert_int_equal(past.exit_code, -1);
        assert_int_equal(past.apps[0].finished_at, 0);
        assert_int_equal(past.apps[0].exit_code, -1);
}

static void a_pod_without_init_was_not_started(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = preparing(&w);
        AUTO_PAST struct pod_past past = POD_PAST_NULL;
        struct err e;

        (void)state;
        assert_int_equal(pod_to_run(&w.s, &p, &e), POD_MOVED);
        set_app(&p, APP_CREATED, -1);
        assert_int_equal(flock_release(p.fd), 0);
        past = past_of(&w, p.uuid.text);
        assert_true(past.exited);
        assert_false(past.started);
        assert_int_equal(past.pid, -1);
}

static void times_are_in_order_whatever_the_clocks_did(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 0);
        AUTO_PAST struct pod_past past = POD_PAST_NULL;

        (void)state;
        (void)set_mtime(p.fd, "pid", T);
        past = past_of(&w, p.uuid.text);
        assert_int_equal(past.started_at, T);
        assert_int_equal(past.apps[0].started_at, T);
        assert_int_equal(past.apps[0].finished_at, T);
        assert_int_equal(past.finished_at, T);
}

static void a_pod_is_not_collected_before_its_end(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 0);
        AUTO_PAST struct pod_past past = POD_PAST_NULL;
        struct pod_status status = { .finished_at = INT64_MAX / 2 };
        struct err e;

        (void)state;
        assert_ok(pod_write_status(p.fd, &status, &e), &e);
        assert_int_equal(pod_to_exited_garbage(&w.s, &p, &e), POD_MOVED);
        past = past_of(&w, p.uuid.text);
        assert_int_equal(past.collected_at, INT64_MAX / 2);
}

static void a_pod_that_is_being_deleted_says_nothing(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited_garbage(&w);
        struct err e;

        (void)state;
        assert_ok(pod_lock(&w.s, &p, &e), &e);
        for (int i = 0; i < 2; i++) {
                AUTO_PAST struct pod_past past = past_of(&w, p.uuid.text);

                assert_int_equal(past.exited, i == 0);
                assert_int_equal(past.collected, i == 0);
                assert_int_equal(past.aborted, 0);
                if (i == 0)
                        assert_int_equal(unlinkat(p.fd, "pod-created", 0), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_whole_life_is_read_back_as_it_was),
                cmocka_unit_test(what_has_not_happened_is_not_there),
                cmocka_unit_test(what_happened_at_no_known_time_is_there),
                cmocka_unit_test(a_wrong_line_is_refused),
                cmocka_unit_test(more_apps_than_a_pod_has_are_refused),
                cmocka_unit_test(a_pod_being_prepared_has_no_past),
                cmocka_unit_test(a_preparation_that_was_killed_ended_with_its_last_file),
                cmocka_unit_test(a_preparation_killed_at_once_is_told_of_in_the_garbage),
                cmocka_unit_test(a_preparation_that_failed_says_why),
                cmocka_unit_test(hostile_marks_do_no_harm),
                cmocka_unit_test(a_prepared_pod_has_the_time_of_its_mark),
                cmocka_unit_test(a_running_pod_was_started),
                cmocka_unit_test(an_exited_pod_and_its_app_ended),
                cmocka_unit_test(a_killed_supervisor_leaves_no_time),
                cmocka_unit_test(a_pod_without_init_was_not_started),
                cmocka_unit_test(times_are_in_order_whatever_the_clocks_did),
                cmocka_unit_test(a_pod_is_not_collected_before_its_end),
                cmocka_unit_test(a_pod_that_is_being_deleted_says_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
