/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/watch_table.h"

static void a_wd_may_have_several_owners(void **state)
{
        struct watch_table t = { .slots = NULL };
        struct watch_owner one = { .next = NULL }, two = { .next = NULL };
        int about;

        (void)state;
        assert_null(watch_table_find(&t, 7, &one, NULL));
        watch_table_add(&t, (struct watch_slot){ .owner = &one, .about = &about, .wd = 7 });
        watch_table_add(&t, (struct watch_slot){ .owner = &two, .about = &about, .wd = 7 });
        watch_table_add(&t, (struct watch_slot){ .owner = &one, .about = NULL, .wd = 7 });
        watch_table_add(&t, (struct watch_slot){ .wd = 8 });
        assert_int_equal(watch_table_owners(&t, 7), 3);
        assert_int_equal(watch_table_owners(&t, 8), 0); /* one without an owner */
        assert_non_null(watch_table_find(&t, 8, NULL, NULL));
        watch_table_erase(&t, watch_table_find(&t, 7, &two, &about));
        assert_int_equal(watch_table_owners(&t, 7), 2);
        assert_null(watch_table_find(&t, 7, &two, &about));
        watch_table_done(&t);
}

/* Against a model that cannot be wrong: as many owners as were added and not erased. */
static void any_order_of_additions_and_removals_is_kept(void **state)
{
        enum { WDS = 300, STEPS = 60000 };
        struct watch_table t = { .slots = NULL };
        struct watch_owner owner = { .next = NULL };
        int model[WDS + 1] = { 0 };
        unsigned chance = 1;

        (void)state;
        for (int i = 0; i < STEPS; i++) {
                int wd = (int)((chance = chance * 1103515245 + 12345) >> 8) % WDS + 1;
                bool add = (chance >> 28) % 2 == 0;

                if (add && model[wd] < 4) {
                        watch_table_add(&t, (struct watch_slot){ .owner = &owner, .wd = wd });
                        model[wd]++;
                } else if (!add && model[wd] > 0) {
                        watch_table_erase(&t, watch_table_find(&t, wd, &owner, NULL));
                        model[wd]--;
                }
                assert_int_equal(watch_table_owners(&t, wd), model[wd]);
        }
        for (int wd = 1; wd <= WDS; wd++)
                assert_int_equal(watch_table_owners(&t, wd), model[wd]);
        watch_table_done(&t);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_wd_may_have_several_owners),
                cmocka_unit_test(any_order_of_additions_and_removals_is_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
