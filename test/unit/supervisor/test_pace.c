/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "supervisor/pace.h"

enum { CAPACITY = 256 * 1024 };

static const nsec start = 1000 * NSEC_PER_SEC;

/* An app that writes @rate bytes/s is read for @span; returns how often, *now goes on. The pipe never overflows. */
static unsigned reads_within(struct pace *p, int64_t rate, nsec span, nsec *now)
{
        nsec end = *now + span;
        unsigned reads = 0;

        while (*now < end) {
                size_t got = (size_t)((*now - p->last) * rate / NSEC_PER_SEC);
                nsec due;

                assert_true(got < CAPACITY);
                due = pace_next(p, got, CAPACITY, *now);
                assert_true(due == 0 || due >= *now);
                assert_true(due <= *now + PACE_MAX_NS);
                *now = due > *now ? due : *now + 10 * NSEC_PER_USEC;
                reads++;
        }
        return reads;
}

static void quiet_pipe_is_always_read_at_once(void **state)
{
        struct pace p = { 0 };
        nsec now = start;
        (void)state;

        for (int i = 0; i < 100; i++) {
                assert_int_equal(pace_next(&p, 100, CAPACITY, now), 0);
                assert_int_equal(pace_next(&p, 0, CAPACITY, now + 10), 0);
                now += NSEC_PER_MSEC;
        }
}

static void loud_pipe_is_left_alone_until_it_is_half_full(void **state)
{
        struct pace p = { .last = start - 10 * NSEC_PER_USEC };
        nsec now = start;
        unsigned reads;
        (void)state;

        (void)reads_within(&p, 400000000, 10 * NSEC_PER_MSEC, &now);
        reads = reads_within(&p, 400000000, 100 * NSEC_PER_MSEC, &now);
        assert_in_range(reads, 290, 320); /* 40 MB in 128 KiB each */
}

static void wait_grows_slowly_and_not_above_the_maximum(void **state)
{
        struct pace p = { 0 };
        nsec now = start, wait = 0, due;
        (void)state;

        assert_int_equal(pace_next(&p, 100, CAPACITY, now), 0);
        for (int i = 0; i < 10; i++) {
                now += wait + 10 * NSEC_PER_USEC;
                due = pace_next(&p, 100, CAPACITY, now);
                assert_true(due > now);
                assert_true(wait == 0 || due - now <= 2 * wait);
                wait = due - now;
        }
        assert_int_equal(wait, PACE_MAX_NS);
}

static void full_pipe_is_read_again_at_once(void **state)
{
        struct pace p = { 0 };
        (void)state;

        assert_int_equal(pace_next(&p, CAPACITY, CAPACITY, start), start);
        assert_int_equal(pace_next(&p, CAPACITY, CAPACITY, start + NSEC_PER_SEC),
                         start + NSEC_PER_SEC);
}

static void pipe_that_fell_silent_is_quiet_again(void **state)
{
        struct pace p = { .last = start - 10 * NSEC_PER_USEC };
        nsec now = start;
        (void)state;

        (void)reads_within(&p, 1000000, 10 * NSEC_PER_MSEC, &now);
        assert_int_equal(pace_next(&p, 0, CAPACITY, now), 0);
        assert_int_equal(pace_next(&p, 100, CAPACITY, now + NSEC_PER_MSEC), 0);
}

static void supervisor_that_was_stopped_long_does_not_overflow(void **state)
{
        struct pace p = { .last = 1, .wait = 1 };
        (void)state;

        assert_true(pace_next(&p, 1, 1 << 20, INT64_MAX / 2) <= INT64_MAX / 2 + PACE_MAX_NS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(quiet_pipe_is_always_read_at_once),
                cmocka_unit_test(loud_pipe_is_left_alone_until_it_is_half_full),
                cmocka_unit_test(wait_grows_slowly_and_not_above_the_maximum),
                cmocka_unit_test(full_pipe_is_read_again_at_once),
                cmocka_unit_test(pipe_that_fell_silent_is_quiet_again),
                cmocka_unit_test(supervisor_that_was_stopped_long_does_not_overflow),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
