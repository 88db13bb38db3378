/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/event_types.h"

#define KNOWN                                                                                      \
        "pod, app, image, pod-prepared, pod-prepare-aborted, pod-started, pod-exited, "            \
        "pod-garbage-collected, app-started, app-exited, image-imported, image-removed"

static void expect(const char *text, size_t n, ...)
{
        struct event_types got = { .n = 0 };
        struct err e;
        va_list ap;

        assert_ok(event_types_call(&got, text, &e), &e);
        assert_int_equal(got.n, n);
        va_start(ap, n);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(got.v[i], va_arg(ap, int));
        va_end(ap);
}

static void names_are_understood_in_each_spelling(void **state)
{
        (void)state;
        expect("pod-started", 1, 3);
        expect("POD_STARTED", 1, 3);
        expect("EVENT_TYPE_POD_STARTED", 1, 3);
        expect("event_type_app_exited", 1, 7);
        expect("app-exited,image-removed", 2, 7, 9);
        expect("app", 2, 6, 7);
        expect("pod", 5, 1, 2, 3, 4, 5);
        expect("IMAGE,pod-exited", 3, 8, 9, 4);
}

static void several_options_add_up(void **state)
{
        struct event_types got = { .n = 0 };
        struct err e;

        (void)state;
        assert_ok(event_types_call(&got, "app", &e), &e);
        assert_ok(event_types_call(&got, "pod-exited", &e), &e);
        assert_int_equal(got.n, 3);
        for (int i = 0; i < 100;
             i++) /* a set in the end: what is more of the same changes nothing */
                assert_ok(event_types_call(&got, "pod", &e), &e);
        assert_true(got.n <= EVENT_TYPES_MAX);
}

static void unknown_names_are_answered_with_those_that_are(void **state)
{
        static const char *const bad[] = { "",
                                           "pods",
                                           "pod-",
                                           "undefined",
                                           "EVENT_TYPE_UNDEFINED",
                                           "pod-prepare",
                                           "event-type-pod-started",
                                           "a-name-that-is-longer-than-any-other-name-could-be",
                                           "EVENT_TYPE_" };
        struct event_types got = { .n = 0 };
        struct err e;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                char want[512];

                (void)snprintf(want, sizeof(want), "no events are called \"%s\"; there are " KNOWN,
                               bad[i]);
                assert_err(event_types_call(&got, bad[i], &e), &e, ERR_USAGE, want);
        }
        assert_int_equal(event_types_call(&got, "pod-started,", &e), -1);
        assert_int_equal(event_types_call(&got, ",pod-started", &e), -1);
}

static void types_have_names(void **state)
{
        char name[EVENT_TYPE_NAME_MAX];

        (void)state;
        event_type_name(V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_GARBAGE_COLLECTED, name);
        assert_string_equal(name, "pod-garbage-collected");
        assert_int_equal(event_type_width(), strlen(name));
        event_type_name((V1alpha__EventType)4711, name);
        assert_string_equal(name, "type-4711");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_are_understood_in_each_spelling),
                cmocka_unit_test(several_options_add_up),
                cmocka_unit_test(unknown_names_are_answered_with_those_that_are),
                cmocka_unit_test(types_have_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
