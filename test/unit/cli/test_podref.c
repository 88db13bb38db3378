/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/podref.h"

static void arguments_and_file_exclude_each_other(void **state)
{
        AUTO(strv_done) struct strv pods = STRV_NULL;
        char a[] = "a", *args[] = { a };
        struct err e;

        (void)state;
        assert_err(podref_collect(args, 1, "file", &pods, &e), &e, ERR_USAGE,
                   "name pods, or --uuid-file, not both");
        assert_err(podref_collect(args, 0, NULL, &pods, &e), &e, ERR_USAGE,
                   "name a pod, or a file that has its UUID with --uuid-file");
        assert_ok(podref_collect(args, 1, NULL, &pods, &e), &e);
        assert_int_equal(pods.n, 1);
}

static void a_saved_uuid_is_read_back(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(strv_done) struct strv pods = STRV_NULL;
        struct uuid uuid;
        char path[128];
        struct err e;

        (void)state;
        test_dir_init(&d);
        (void)snprintf(path, sizeof(path), "%s/u", d.path);
        uuid_generate(&uuid);
        assert_ok(podref_save_file(path, uuid.text, &e), &e);
        assert_ok(podref_add_file(path, &pods, &e), &e);
        assert_string_equal(pods.v[0], uuid.text);
        assert_int_equal(fs_write_file(d.fd, "u", "garbage\n", 8, 0644), 0);
        assert_int_equal(podref_add_file(path, &pods, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        assert_ok(podref_save_file(NULL, uuid.text, &e), &e);
        assert_ok(podref_add_file(NULL, &pods, &e), &e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(arguments_and_file_exclude_each_other),
                cmocka_unit_test(a_saved_uuid_is_read_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
