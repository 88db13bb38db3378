/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stddef.h>

#include "supervisor/loop.h"

struct counter {
        struct loop_source source;
        struct loop *loop;
        struct counter *victim; /* removed when we are called */
        int pipe[2];
        int calls;
};

static void called(struct loop_source *s, uint32_t events)
{
        struct counter *c = OWNER_OF(s, struct counter, source);
        (void)events;

        c->calls++;
        if (c->victim)
                loop_remove(c->loop, &c->victim->source);
}

static void counter_init(struct counter *c, struct loop *l)
{
        *c = (struct counter){ .source = { -1, called }, .loop = l };
        assert_int_equal(pipe(c->pipe), 0);
        assert_int_equal(loop_add(l, &c->source, c->pipe[0], EPOLLIN), 0);
}

static void counter_done(struct counter *c)
{
        loop_remove(c->loop, &c->source);
        (void)close(c->pipe[0]);
        (void)close(c->pipe[1]);
}

static void ready_sources_are_called_until_they_are_not(void **state)
{
        AUTO(loop_done) struct loop l = LOOP_NULL;
        struct counter c;
        struct err e;
        char byte;
        (void)state;

        assert_ok(loop_init(&l, &e), &e);
        counter_init(&c, &l);
        assert_int_equal(loop_turn(&l, 0), 0);
        assert_int_equal(write(c.pipe[1], "x", 1), 1);
        assert_int_equal(loop_turn(&l, -1), 1);
        assert_int_equal(loop_turn(&l, -1), 1);
        assert_int_equal(c.calls, 2);
        assert_int_equal(read(c.pipe[0], &byte, 1), 1);
        assert_int_equal(loop_turn(&l, 0), 0);
        counter_done(&c);
}

static void source_removed_by_an_earlier_one_is_not_called(void **state)
{
        AUTO(loop_done) struct loop l = LOOP_NULL;
        struct counter a, b;
        struct err e;
        (void)state;

        assert_ok(loop_init(&l, &e), &e);
        counter_init(&a, &l);
        counter_init(&b, &l);
        a.victim = &b;
        b.victim = &a;
        assert_int_equal(write(a.pipe[1], "x", 1), 1);
        assert_int_equal(write(b.pipe[1], "x", 1), 1);
        assert_int_equal(loop_turn(&l, -1), 2);
        assert_int_equal(a.calls + b.calls, 1);
        counter_done(&a);
        counter_done(&b);
}

static void regular_file_is_refused(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(loop_done) struct loop l = LOOP_NULL;
        struct loop_source s = LOOP_SOURCE_NULL;
        AUTO_CLOSE int fd = -1;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_ok(loop_init(&l, &e), &e);
        assert_int_equal(fs_write_file(d.fd, "f", "", 0, 0600), 0);
        fd = fs_open_file(d.fd, "f");
        assert_int_equal(loop_add(&l, &s, fd, EPOLLIN), -EPERM);
        assert_int_equal(s.fd, -1);
        loop_remove(&l, &s);
}

struct alarm {
        struct loop_timer timer;
        struct loop *loop;
        nsec again; /* set it again so much later; negative: not */
        struct alarm *victim;
        int calls;
};

static void rang(struct loop_timer *t)
{
        struct alarm *a = OWNER_OF(t, struct alarm, timer);

        a->calls++;
        if (a->victim)
                loop_timer_stop(a->loop, &a->victim->timer);
        if (a->again >= 0)
                loop_timer_set(a->loop, t, time_monotonic() + a->again);
}

static void timer_is_called_once_when_it_is_due(void **state)
{
        AUTO(loop_done) struct loop l = LOOP_NULL;
        struct alarm a = { .timer = { .ready = rang }, .loop = &l, .again = -1 };
        nsec due = time_monotonic() + 3 * NSEC_PER_MSEC;
        struct err e;
        (void)state;

        assert_ok(loop_init(&l, &e), &e);
        loop_timer_set(&l, &a.timer, due);
        while (a.calls == 0)
                assert_true(loop_turn(&l, -1) >= 0);
        assert_true(time_monotonic() >= due);
        assert_int_equal(loop_turn(&l, 0), 0);
        assert_int_equal(a.calls, 1);
        loop_timer_set(&l, &a.timer, 1);
        loop_timer_set(&l, &a.timer, 2);
        assert_int_equal(loop_turn(&l, -1), 1);
        loop_timer_set(&l, &a.timer, 1);
        loop_timer_stop(&l, &a.timer);
        loop_timer_stop(&l, &a.timer);
        assert_int_equal(loop_turn(&l, 0), 0);
        assert_int_equal(a.calls, 2);
}

static void timer_that_is_always_due_starves_nobody(void **state)
{
        AUTO(loop_done) struct loop l = LOOP_NULL;
        struct alarm a = { .timer = { .ready = rang }, .loop = &l, .again = 0 };
        struct counter c;
        struct err e;
        (void)state;

        assert_ok(loop_init(&l, &e), &e);
        counter_init(&c, &l);
        loop_timer_set(&l, &a.timer, 1);
        assert_int_equal(write(c.pipe[1], "x", 1), 1);
        for (int i = 1; i <= 3; i++) {
                assert_int_equal(loop_turn(&l, -1), 2);
                assert_int_equal(a.calls, i);
                assert_int_equal(c.calls, i);
        }
        loop_timer_stop(&l, &a.timer);
        counter_done(&c);
}

static void timer_stopped_by_another_is_not_called(void **state)
{
        AUTO(loop_done) struct loop l = LOOP_NULL;
        struct alarm a = { .timer = { .ready = rang }, .loop = &l, .again = -1 };
        struct alarm b = { .timer = { .ready = rang }, .loop = &l, .again = -1, .victim = &a };
        struct err e;
        (void)state;

        a.victim = &b;
        assert_ok(loop_init(&l, &e), &e);
        loop_timer_set(&l, &a.timer, 1);
        loop_timer_set(&l, &b.timer, 1);
        assert_int_equal(loop_turn(&l, -1), 1);
        assert_int_equal(loop_turn(&l, 0), 0);
        assert_int_equal(a.calls + b.calls, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ready_sources_are_called_until_they_are_not),
                cmocka_unit_test(source_removed_by_an_earlier_one_is_not_called),
                cmocka_unit_test(regular_file_is_refused),
                cmocka_unit_test(timer_is_called_once_when_it_is_due),
                cmocka_unit_test(timer_that_is_always_due_starves_nobody),
                cmocka_unit_test(timer_stopped_by_another_is_not_called),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
