/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/sorted.h"

static int by_value(const void *a, const void *b)
{
        const int *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static void assert_order(struct sorted *s, size_t n)
{
        assert_int_equal(sorted_count(s), n);
        for (size_t i = 1; i < n; i++)
                assert_true(*(int *)sorted_at(s, i - 1) < *(int *)sorted_at(s, i));
}

/* A permutation of 0 .. n - 1: 7919 shares no factor with what is tried here. */
static void fill(int *values, size_t n)
{
        for (size_t i = 0; i < n; i++)
                values[i] = (int)(i * 7919 % n);
}

static void order_holds_however_many_are_added_at_once(void **state)
{
        static const size_t chunks[] = { 1, 2, 8, 9, 100, 1000 };
        int values[1000];

        (void)state;
        fill(values, ARRAY_LEN(values));
        for (size_t c = 0; c < ARRAY_LEN(chunks); c++) {
                struct sorted s;

                sorted_init(&s, by_value);
                for (size_t i = 0; i < ARRAY_LEN(values); i++) {
                        sorted_add(&s, &values[i]);
                        if ((i + 1) % chunks[c] == 0)
                                assert_int_equal(*(int *)sorted_at(&s, 0) >= 0, 1);
                }
                assert_order(&s, ARRAY_LEN(values));
                sorted_done(&s);
        }
}

static void what_is_removed_is_gone_and_no_other(void **state)
{
        int values[100];
        struct sorted s;

        (void)state;
        fill(values, ARRAY_LEN(values));
        sorted_init(&s, by_value);
        for (size_t i = 0; i < ARRAY_LEN(values); i++)
                sorted_add(&s, &values[i]);
        for (size_t i = 0; i < ARRAY_LEN(values); i++) {
                sorted_remove(&s, &values[i]);
                if (i % 3 == 0)
                        sorted_add(&s, &values[i]);
        }
        assert_order(&s, 34);
        sorted_done(&s);
        assert_int_equal(sorted_count(&s), 0);
}

static void lower_bound_is_where_the_key_would_be(void **state)
{
        int values[] = { 30, 10, 20 }, keys[] = { 5, 10, 15, 30, 31 };
        static const size_t expected[] = { 0, 0, 1, 2, 3 };
        struct sorted s;

        (void)state;
        sorted_init(&s, by_value);
        assert_int_equal(sorted_lower_bound(&s, &keys[0], by_value), 0);
        for (size_t i = 0; i < ARRAY_LEN(values); i++)
                sorted_add(&s, &values[i]);
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                assert_int_equal(sorted_lower_bound(&s, &keys[i], by_value), expected[i]);
        sorted_done(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(order_holds_however_many_are_added_at_once),
                cmocka_unit_test(what_is_removed_is_gone_and_no_other),
                cmocka_unit_test(lower_bound_is_where_the_key_would_be),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
