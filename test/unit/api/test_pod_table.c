/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/pod_index_priv.h"

enum { PODS = 500 };

static struct pod_entry entries[PODS];

static void fill(struct pod_table *t)
{
        for (unsigned i = 0; i < PODS; i++) {
                unsigned scrambled = i * 173 % PODS;

                (void)snprintf(entries[i].uuid.text, sizeof(entries[i].uuid.text),
                               "%08x-0000-4000-8000-%012x", scrambled / 5, scrambled % 5);
                entries[i].key = pod_table_key(entries[i].uuid.text);
                pod_table_insert(t, &entries[i]);
        }
}

static void the_key_keeps_the_order_of_ids(void **state)
{
        (void)state;
        assert_int_equal(pod_table_key("01234567-89ab-4def-8000-000000000000"), 0x0123456789ab4def);
        assert_int_equal(pod_table_key("f"), 0xf000000000000000);
        assert_int_equal(pod_table_key("01234567-8"), 0x0123456780000000);
        assert_int_equal(pod_table_key(""), 0);
        assert_int_equal(pod_table_key("-"), 0);
}

static void entries_are_sorted_and_found(void **state)
{
        struct pod_table t = { .v = NULL };

        (void)state;
        fill(&t);
        assert_int_equal(t.n, PODS);
        for (size_t i = 1; i < t.n; i++)
                assert_true(strcmp(t.v[i - 1].entry->uuid.text, t.v[i].entry->uuid.text) < 0);
        for (size_t i = 0; i < PODS; i++)
                assert_ptr_equal(pod_table_get(&t, entries[i].uuid.text), &entries[i]);
        assert_null(pod_table_get(&t, "00000000-0000-4000-8000-000000000009"));
        assert_null(pod_table_get(&t, "ffffffff-0000-4000-8000-000000000000"));
        free(t.v);
}

static void a_beginning_leads_to_the_first_that_begins_so(void **state)
{
        struct pod_table t = { .v = NULL };

        (void)state;
        fill(&t);
        assert_int_equal(pod_table_lower(&t, "00000003"), 15);
        assert_int_equal(pod_table_lower(&t, "00000003-0000-4000-8000-0000000000"), 15);
        assert_int_equal(pod_table_lower(&t, "00000003-0000-4000-8000-000000000001"), 16);
        assert_int_equal(pod_table_lower(&t, "0"), 0);
        assert_int_equal(pod_table_lower(&t, "1"), PODS);
        free(t.v);
}

static void what_is_removed_is_not_found(void **state)
{
        struct pod_table t = { .v = NULL };

        (void)state;
        fill(&t);
        for (size_t i = 0; i < PODS; i += 2)
                pod_table_remove(&t, &entries[i]);
        assert_int_equal(t.n, PODS / 2);
        for (size_t i = 0; i < PODS; i++)
                assert_ptr_equal(pod_table_get(&t, entries[i].uuid.text),
                                 i % 2 ? &entries[i] : NULL);
        free(t.v);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_key_keeps_the_order_of_ids),
                cmocka_unit_test(entries_are_sorted_and_found),
                cmocka_unit_test(a_beginning_leads_to_the_first_that_begins_so),
                cmocka_unit_test(what_is_removed_is_not_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
