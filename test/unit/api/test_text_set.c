/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/text_set.h"
#include "util/mem.h"

static void every_value_is_found_and_no_other(void **state)
{
        char *values[] = { "bb", "a", "", "ccc", "bb", "ba", "a" };
        struct text_set set;

        (void)state;
        text_set_init(&set, values, ARRAY_LEN(values));
        assert_int_equal(set.n, 5);
        for (size_t i = 0; i < ARRAY_LEN(values); i++) {
                size_t at = text_set_find(&set, text_of(values[i]));

                assert_true(at < set.n && text_equal(set.v[at], text_of(values[i])));
                assert_true(text_set_passes(&set, text_of(values[i])));
        }
        assert_int_equal(text_set_find(&set, text_of("ab")), set.n);
        assert_false(text_set_passes(&set, text_of("b")));
        assert_true(text_set_passes(&set, (struct text){ "cccc", 3 }));
        text_set_done(&set);
}

static void an_empty_set_asks_for_nothing(void **state)
{
        struct text_set set;

        (void)state;
        text_set_init(&set, NULL, 0);
        assert_true(text_set_passes(&set, text_of("x")));
        text_set_begin(&set);
        assert_true(text_set_all_seen(&set));
        text_set_show(&set, text_of("x"));
        assert_true(text_set_all_seen(&set));
        text_set_done(&set);
}

static void all_of_it_must_be_shown_in_each_round(void **state)
{
        char *values[] = { "web", "db", "web" };
        struct text_set set;

        (void)state;
        text_set_init(&set, values, ARRAY_LEN(values));
        for (unsigned round = 0; round < 3; round++) {
                text_set_begin(&set);
                text_set_show(&set, text_of("web"));
                text_set_show(&set, text_of("web"));
                text_set_show(&set, text_of("other"));
                assert_false(text_set_all_seen(&set));
                text_set_show(&set, text_of("db"));
                assert_true(text_set_all_seen(&set));
        }
        text_set_done(&set);
}

static void marks_of_old_rounds_never_count(void **state)
{
        char *values[] = { "web" };
        struct text_set set;

        (void)state;
        text_set_init(&set, values, 1);
        text_set_begin(&set);
        text_set_show(&set, text_of("web")); /* marked with round 1 */
        set.round = UINT32_MAX;
        text_set_begin(&set); /* which comes again */
        assert_false(text_set_all_seen(&set));
        text_set_show(&set, text_of("web"));
        assert_true(text_set_all_seen(&set));
        text_set_done(&set);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_value_is_found_and_no_other),
                cmocka_unit_test(an_empty_set_asks_for_nothing),
                cmocka_unit_test(all_of_it_must_be_shown_in_each_round),
                cmocka_unit_test(marks_of_old_rounds_never_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
