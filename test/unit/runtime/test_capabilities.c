/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <json-c/json.h>
#include <linux/capability.h>

#include "runtime/spec_priv.h"
#include "util/json.h"

#define BIT(c) (UINT64_C(1) << (c))

static void names_and_numbers_agree(void **state)
{
        (void)state;
        for (unsigned i = 0; capability_name(i); i++)
                assert_int_equal(capability_number(capability_name(i)), i);
        assert_int_equal(capability_number("CAP_CHOWN"), CAP_CHOWN);
        assert_int_equal(capability_number("sys_admin"), CAP_SYS_ADMIN);
        assert_int_equal(capability_number("CAP_CHECKPOINT_RESTORE"), CAP_CHECKPOINT_RESTORE);
        assert_true(capability_number("CAP_") < 0);
        assert_true(capability_number("CAP_CHOWNX") < 0);
        assert_null(capability_name(41));
}

static void default_has_none_of_the_dangerous_ones(void **state)
{
        (void)state;
        assert_false(capabilities_default &
                     (BIT(CAP_SYS_ADMIN) | BIT(CAP_NET_RAW) | BIT(CAP_MKNOD) |
                      BIT(CAP_AUDIT_WRITE) | BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH) |
                      BIT(CAP_SYS_MODULE)));
        assert_int_equal(__builtin_popcountll(capabilities_default), 11);
}

static void isolators_retain_and_remove(void **state)
{
        AUTO(appc_isolators_done) struct appc_isolators iso = APPC_ISOLATORS_NULL;
        uint64_t caps, retained;
        struct err e;

        (void)state;
        if (geteuid() != 0)
                skip(); /* our own bounding set may be smaller */
        strv_add(&iso.caps, "CAP_CHOWN");
        strv_add(&iso.caps, "CAP_NET_RAW");
        iso.caps_mode = APPC_SET_RETAIN;
        assert_ok(capabilities_effective(&iso, &caps, &retained, &e), &e);
        assert_int_equal(caps, BIT(CAP_CHOWN) | BIT(CAP_NET_RAW));
        assert_int_equal(retained, caps);
        iso.caps_mode = APPC_SET_REMOVE;
        assert_ok(capabilities_effective(&iso, &caps, &retained, &e), &e);
        assert_int_equal(caps & capabilities_default, caps);
        assert_false(caps & BIT(CAP_CHOWN));
        assert_int_equal(retained, 0);
}

static void unknown_capability_is_told(void **state)
{
        AUTO(appc_isolators_done) struct appc_isolators iso = APPC_ISOLATORS_NULL;
        uint64_t caps = 5, retained = 5;
        struct err e;

        (void)state;
        strv_add(&iso.caps, "CAP_FLY");
        iso.caps_mode = APPC_SET_REMOVE;
        assert_err(capabilities_effective(&iso, &caps, &retained, &e), &e, ERR_BAD_DATA,
                   "there is no capability \"CAP_FLY\"");
        assert_int_equal(caps, 5);
}

static size_t count(struct json_object *process, const char *set)
{
        struct json_object *caps, *list;

        assert_true(json_object_object_get_ex(process, "capabilities", &caps));
        assert_true(json_object_object_get_ex(caps, set, &list));
        return json_object_array_length(list);
}

static void root_gets_them_and_others_only_what_was_asked_for(void **state)
{
        AUTO_JSON struct json_object *root = json_object_new_object(),
                                     *user = json_object_new_object(),
                                     *asked = json_object_new_object();

        (void)state;
        capabilities_to_json(BIT(0) | BIT(1), 0, 0, root);
        assert_int_equal(count(root, "effective"), 2);
        assert_int_equal(count(root, "inheritable"), 0);
        capabilities_to_json(BIT(0) | BIT(1), 0, 1000, user);
        assert_int_equal(count(user, "bounding"), 2);
        assert_int_equal(count(user, "effective"), 0);
        capabilities_to_json(BIT(0), BIT(0), 1000, asked);
        assert_int_equal(count(asked, "permitted"), 1);
        assert_int_equal(count(asked, "ambient"), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_and_numbers_agree),
                cmocka_unit_test(default_has_none_of_the_dangerous_ones),
                cmocka_unit_test(isolators_retain_and_remove),
                cmocka_unit_test(unknown_capability_is_told),
                cmocka_unit_test(root_gets_them_and_others_only_what_was_asked_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
