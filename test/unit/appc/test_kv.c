/* SPDX-License-Identifier: Apache-2.0 */
#include "appc/kv.h"
#include "test.h"
#include "util/json.h"

static void the_first_of_a_name_counts(void **state)
{
        struct kv_list l = KV_LIST_NULL;

        (void)state;
        kv_list_add(&l, "a", "1");
        kv_list_add(&l, "a", "2");
        assert_string_equal(kv_list_get(&l, "a"), "1");
        assert_null(kv_list_get(&l, "b"));
        kv_list_set(&l, "a", "3");
        kv_list_set(&l, "b", "4");
        assert_string_equal(kv_list_get(&l, "a"), "3");
        assert_string_equal(kv_list_get(&l, "b"), "4");
        assert_int_equal(l.n, 3);
        kv_list_done(&l);
        assert_int_equal(l.n, 0);
}

static void both_json_forms_keep_the_order(void **state)
{
        AUTO(kv_list_done) struct kv_list l = KV_LIST_NULL, copy = KV_LIST_NULL;
        AUTO_JSON struct json_object *array = NULL, *object = NULL;

        (void)state;
        kv_list_add(&l, "z", "1");
        kv_list_add(&l, "a", "");
        kv_list_copy(&copy, &l);
        array = kv_list_to_json_array(&copy);
        object = kv_list_to_json_object(&copy);
        assert_string_equal(json_object_to_json_string_ext(array, JSON_C_TO_STRING_PLAIN),
                            "[{\"name\":\"z\",\"value\":\"1\"},{\"name\":\"a\",\"value\":\"\"}]");
        assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
                            "{\"z\":\"1\",\"a\":\"\"}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_first_of_a_name_counts),
                cmocka_unit_test(both_json_forms_keep_the_order),
        };
        return cmocka_run_group_tests_name("appc/kv", tests, NULL, NULL);
}
