/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/event_filter.h"
#include "util/limits.h"
#include "util/mem.h"

#define ID_A "11111111-2222-4333-8444-555555555555"

static V1alpha__EventFilter empty(void)
{
        V1alpha__EventFilter f;

        v1alpha__event_filter__init(&f);
        return f;
}

/* A pod that started at the 100th second and a half. */
static struct event sample(void)
{
        return (struct event){
                .number = 5,
                .time = 100 * NSEC_PER_SEC + NSEC_PER_SEC / 2,
                .type = V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_STARTED,
                .id = ID_A,
                .from = "web",
        };
}

static bool passes(const V1alpha__EventFilter *wanted)
{
        struct event event = sample();
        struct event_filter f;
        struct err e;
        bool r;

        assert_ok(event_filter_init(&f, wanted, &e), &e);
        r = event_filter_passes(&f, &event);
        event_filter_done(&f);
        return r;
}

static void no_filter_and_an_empty_one_let_everything_pass(void **state)
{
        V1alpha__EventFilter wanted = empty();

        (void)state;
        assert_true(passes(NULL));
        assert_true(passes(&wanted));
}

static void types_are_any_of(void **state)
{
        V1alpha__EventType types[] = { V1ALPHA__EVENT_TYPE__EVENT_TYPE_IMAGE_REMOVED,
                                       V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_STARTED,
                                       V1ALPHA__EVENT_TYPE__EVENT_TYPE_IMAGE_REMOVED };
        V1alpha__EventFilter wanted = empty();

        (void)state;
        wanted.types = types;
        wanted.n_types = 3;
        assert_true(passes(&wanted));
        wanted.n_types = 1;
        assert_false(passes(&wanted));
}

static void ids_and_names_are_any_of_and_exact(void **state)
{
        char *ids[] = { "x", ID_A, "11111111" };
        char *names[] = { "we", "web", "web2" };
        V1alpha__EventFilter wanted = empty();

        (void)state;
        wanted.ids = ids;
        wanted.n_ids = 3;
        assert_true(passes(&wanted));
        wanted.names = names;
        wanted.n_names = 3;
        assert_true(passes(&wanted));
        names[1] = "WEB";
        assert_false(passes(&wanted));
        names[1] = "web";
        ids[1] = "11111111-2222-4333-8444-55555555555";
        assert_false(passes(&wanted));
}

static void from_since_on_and_before_until(void **state)
{
        V1alpha__EventFilter wanted = empty();

        (void)state;
        wanted.since_time = 100;
        assert_true(passes(&wanted));
        wanted.since_time = 101;
        assert_false(passes(&wanted));
        wanted.since_time = 0;
        wanted.until_time = 101;
        assert_true(passes(&wanted));
        wanted.until_time = 100;
        assert_false(passes(&wanted));
        wanted.since_time = wanted.until_time = INT64_MAX;
        assert_false(passes(&wanted));
        wanted.since_time = 1;
        assert_true(passes(&wanted));
}

static void all_conditions_must_hold(void **state)
{
        V1alpha__EventType type = V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_STARTED;
        char *id = ID_A, *name = "web";
        V1alpha__EventFilter wanted = empty();

        (void)state;
        wanted.types = &type;
        wanted.ids = &id;
        wanted.names = &name;
        wanted.n_types = wanted.n_ids = wanted.n_names = 1;
        wanted.since_time = 100;
        wanted.until_time = 101;
        assert_true(passes(&wanted));
        type = V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_EXITED;
        assert_false(passes(&wanted));
        type = V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_STARTED;
        name = "client";
        assert_false(passes(&wanted));
}

static void since_can_be_asked_of_the_older_events_only(void **state)
{
        struct event event = sample();
        struct event_filter f;
        struct err e;

        (void)state;
        assert_ok(event_filter_init(&f, NULL, &e), &e);
        f.since = event.time + 1;
        assert_false(event_filter_passes(&f, &event));
        f.since_before = event.number + 1;
        assert_false(event_filter_passes(&f, &event));
        f.since_before = event.number;
        assert_true(event_filter_passes(&f, &event));
        event_filter_done(&f);
}

static void types_that_are_none_are_refused(void **state)
{
        static const struct {
                int type;
                const char *text;
        } bad[] = { { 0, "types: 0 is no type of event" },
                    { 10, "types: 10 is no type of event" },
                    { -1, "types: -1 is no type of event" },
                    { 32, "types: 32 is no type of event" },
                    { INT32_MAX, "types: 2147483647 is no type of event" } };
        V1alpha__EventFilter wanted = empty();

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                V1alpha__EventType types[] = { V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_STARTED,
                                               (V1alpha__EventType)bad[i].type };
                struct event_filter f;
                struct err e;

                wanted.types = types;
                wanted.n_types = 2;
                assert_err(event_filter_init(&f, &wanted, &e), &e, ERR_USAGE, bad[i].text);
        }
}

static void negative_times_are_refused(void **state)
{
        V1alpha__EventFilter wanted = empty();
        struct event_filter f;
        struct err e;

        (void)state;
        wanted.since_time = -1;
        assert_err(event_filter_init(&f, &wanted, &e), &e, ERR_USAGE, "since_time: -1 is negative");
        wanted.since_time = 0;
        wanted.until_time = -3;
        assert_err(event_filter_init(&f, &wanted, &e), &e, ERR_USAGE, "until_time: -3 is negative");
}

static void too_many_values_are_refused(void **state)
{
        AUTO_FREE char **names = xcalloc(LIMIT_FILTER_VALUES, sizeof(*names));
        V1alpha__EventType type = V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_STARTED;
        V1alpha__EventFilter wanted = empty();
        struct event_filter f;
        struct err e;

        (void)state;
        for (size_t i = 0; i < LIMIT_FILTER_VALUES; i++)
                names[i] = "web";
        wanted.names = names;
        wanted.n_names = LIMIT_FILTER_VALUES;
        assert_true(passes(&wanted));
        wanted.types = &type;
        wanted.n_types = 1;
        assert_err(event_filter_init(&f, &wanted, &e), &e, ERR_LIMIT,
                   "filters: 65537 values, at most 65536 are allowed");
}

static void who_names_subjects_is_personal(void **state)
{
        V1alpha__EventType type = V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_STARTED;
        char *name = "web";
        V1alpha__EventFilter wanted = empty();
        struct event_filter f;
        struct err e;

        (void)state;
        wanted.types = &type;
        wanted.n_types = 1;
        wanted.since_time = 1;
        assert_ok(event_filter_init(&f, &wanted, &e), &e);
        assert_false(event_filter_is_personal(&f));
        event_filter_done(&f);
        wanted.names = &name;
        wanted.n_names = 1;
        assert_ok(event_filter_init(&f, &wanted, &e), &e);
        assert_true(event_filter_is_personal(&f));
        event_filter_done(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_filter_and_an_empty_one_let_everything_pass),
                cmocka_unit_test(types_are_any_of),
                cmocka_unit_test(ids_and_names_are_any_of_and_exact),
                cmocka_unit_test(from_since_on_and_before_until),
                cmocka_unit_test(all_conditions_must_hold),
                cmocka_unit_test(since_can_be_asked_of_the_older_events_only),
                cmocka_unit_test(types_that_are_none_are_refused),
                cmocka_unit_test(negative_times_are_refused),
                cmocka_unit_test(too_many_values_are_refused),
                cmocka_unit_test(who_names_subjects_is_personal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
