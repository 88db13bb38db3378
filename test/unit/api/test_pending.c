/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/pending.h"

struct counted {
        struct waiter waiter;
        struct pending *pending;
        struct waiter *cancels; /* another one that it ends; NULL */
        int told;
};

static void told(struct waiter *w)
{
        struct counted *c = (struct counted *)w;

        c->told++;
        if (c->cancels)
                pending_cancel(c->pending, c->cancels);
}

static void a_waiter_wants_what_was_there_when_it_came(void **state)
{
        struct pending p = { .last = 0 };
        struct counted early = { .waiter.fn = told }, late = { .waiter.fn = told };
        uint64_t one, two, three;

        (void)state;
        one = pending_add(&p);
        two = pending_add(&p);
        pending_wait(&p, &early.waiter);
        three = pending_add(&p);
        pending_wait(&p, &late.waiter);
        pending_done(&p, one);
        pending_done(&p, two);
        assert_int_equal(early.told, 0);
        pending_done(&p, three); /* the oldest that is not done */
        assert_int_equal(early.told, 1);
        assert_int_equal(late.told, 0);
        pending_done(&p, UINT64_MAX);
        assert_int_equal(late.told, 1);
        pending_done(&p, UINT64_MAX);
        assert_int_equal(early.told + late.told, 2);
}

static void a_cancelled_waiter_is_not_told(void **state)
{
        struct pending p = { .last = 0 };
        struct counted a = { .waiter.fn = told }, b = { .waiter.fn = told };

        (void)state;
        (void)pending_add(&p);
        pending_wait(&p, &a.waiter);
        pending_wait(&p, &b.waiter);
        pending_cancel(&p, &a.waiter);
        pending_cancel(&p, &a.waiter);
        pending_done(&p, UINT64_MAX);
        assert_int_equal(a.told, 0);
        assert_int_equal(b.told, 1);
}

static void one_that_is_told_may_cancel_another(void **state)
{
        struct pending p = { .last = 0 };
        struct counted a = { .waiter.fn = told }, b = { .waiter.fn = told },
                       c = { .waiter.fn = told };

        (void)state;
        a.pending = &p;
        a.cancels = &b.waiter;
        (void)pending_add(&p);
        pending_wait(&p, &a.waiter);
        pending_wait(&p, &b.waiter);
        pending_wait(&p, &c.waiter);
        pending_done(&p, UINT64_MAX);
        assert_int_equal(a.told, 1);
        assert_int_equal(b.told, 0);
        assert_int_equal(c.told, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_waiter_wants_what_was_there_when_it_came),
                cmocka_unit_test(a_cancelled_waiter_is_not_told),
                cmocka_unit_test(one_that_is_told_may_cancel_another),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
