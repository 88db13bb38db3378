/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/datadir.h"

#define ONE "aaaaaaaa-0000-4000-8000-000000000001"
#define TWO "aaaaaaaa-0000-4000-8000-000000000002"
#define SIX "bbbbbbbb-0000-4000-8000-000000000006"

static void make(const struct test_dir *dir, const char *path)
{
        assert_int_equal(fs_mkdirs(dir->fd, path, 0750), 0);
}

static void test_data(struct test_dir *dir, struct datadir *data)
{
        struct err e;

        test_dir_init(dir);
        make(dir, "pods/run/" TWO);
        make(dir, "pods/prepared/" ONE);
        make(dir, "pods/garbage/" SIX);
        assert_ok(datadir_open(dir->path, data, &e), &e);
}

static void a_missing_directory_is_empty(void **state)
{
        AUTO(datadir_done) struct datadir data = DATADIR_NULL;
        AUTO(strv_done) struct strv ids = STRV_NULL;
        struct pod_view *view = NULL;
        struct image_view image;
        struct err e;

        (void)state;
        assert_ok(datadir_open("/nonexistent/carob", &data, &e), &e);
        assert_ok(datadir_pod_ids(&data, &ids, &e), &e);
        assert_int_equal(ids.n, 0);
        assert_err(datadir_pod_read(&data, ONE, POD_VIEW_ALL, &view, &e), &e, ERR_NOT_FOUND,
                   "no matches found for \"" ONE "\"");
        assert_err(datadir_image_read(&data, "sha512-abcd", &image, &e), &e, ERR_NOT_FOUND,
                   "image \"sha512-abcd\": no image IDs found");
}

static void a_file_is_no_data_directory(void **state)
{
        struct datadir data = DATADIR_NULL;
        struct err e;

        (void)state;
        assert_err(datadir_open("/etc/passwd", &data, &e), &e, ERR_INTERNAL,
                   "open data directory /etc/passwd: Not a directory");
        assert_int_equal(data.fd, -1);
}

static void ids_are_sorted_and_each_is_told_once(void **state)
{
        AUTO_TEST_DIR struct test_dir dir;
        AUTO(datadir_done) struct datadir data = DATADIR_NULL;
        AUTO(strv_done) struct strv ids = STRV_NULL;
        struct err e;

        (void)state;
        test_data(&dir, &data);
        make(&dir, "pods/run/" ONE); /* as if met twice on its way */
        make(&dir, "pods/run/lost+found");
        make(&dir, "pods/run/AAAAAAAA-0000-4000-8000-000000000003");
        assert_int_equal(fs_touch(dir.fd, "pods/run/cccccccc-0000-4000-8000-000000000009", 0640),
                         0);
        assert_ok(datadir_pod_ids(&data, &ids, &e), &e);
        assert_int_equal(ids.n, 3);
        assert_string_equal(ids.v[0], ONE);
        assert_string_equal(ids.v[1], TWO);
        assert_string_equal(ids.v[2], SIX);
        assert_null(ids.v[3]);
}

static void a_beginning_in_any_case_finds_its_pod(void **state)
{
        static const char *const good[] = { "b", "BB", "bbbbbbbb-0000", SIX,
                                            "BBBBBBBB-0000-4000-8000-000000000006" };
        AUTO_TEST_DIR struct test_dir dir;
        AUTO(datadir_done) struct datadir data = DATADIR_NULL;
        struct err e;

        (void)state;
        test_data(&dir, &data);
        for (size_t i = 0; i < ARRAY_LEN(good); i++) {
                AUTO(pod_view_freep) struct pod_view *view = NULL;
                struct uuid id;

                assert_ok(datadir_pod_find(&data, good[i], &id, &e), &e);
                assert_string_equal(id.text, SIX);
                assert_ok(datadir_pod_read(&data, good[i], POD_VIEW_STATE, &view, &e), &e);
                assert_string_equal(view->uuid.text, SIX);
                assert_int_equal(view->state, POD_GARBAGE);
        }
}

static void what_finds_no_pod_says_why(void **state)
{
        AUTO_TEST_DIR struct test_dir dir;
        AUTO(datadir_done) struct datadir data = DATADIR_NULL;
        struct uuid id = { "untouched" };
        struct err e;

        (void)state;
        test_data(&dir, &data);
        assert_err(datadir_pod_find(&data, "", &id, &e), &e, ERR_USAGE, "no pod id given");
        assert_err(datadir_pod_find(&data, "x", &id, &e), &e, ERR_USAGE,
                   "pod id \"x\": not the beginning of a UUID");
        assert_err(datadir_pod_find(&data, "a", &id, &e), &e, ERR_AMBIGUOUS,
                   "pod id \"a\": ambiguous uuid, 2 matches");
        assert_err(datadir_pod_find(&data, "c", &id, &e), &e, ERR_NOT_FOUND,
                   "no matches found for \"c\"");
        assert_string_equal(id.text, "untouched");
}

static void image_ids_are_sorted_and_nothing_else_is_told(void **state)
{
#define HEX63 "000000000000000000000000000000000000000000000000000000000000000"
        AUTO_TEST_DIR struct test_dir dir;
        AUTO(datadir_done) struct datadir data = DATADIR_NULL;
        AUTO(strv_done) struct strv ids = STRV_NULL, none = STRV_NULL;
        struct err e;

        (void)state;
        test_data(&dir, &data);
        assert_ok(datadir_image_ids(&data, &none, &e), &e);
        assert_int_equal(none.n, 0);
        make(&dir, "images/records/sha512-" HEX63 "b");
        make(&dir, "images/records/sha512-" HEX63 "a");
        make(&dir, "images/records/sha512-" HEX63);
        make(&dir, "images/records/.tmp-x");
        assert_int_equal(fs_touch(dir.fd, "images/records/sha512-" HEX63 "c", 0640), 0);
        assert_ok(datadir_image_ids(&data, &ids, &e), &e);
        assert_int_equal(ids.n, 2);
        assert_string_equal(ids.v[0], "sha512-" HEX63 "a");
        assert_string_equal(ids.v[1], "sha512-" HEX63 "b");
}

static void what_is_no_image_id_is_refused(void **state)
{
        static const char *const bad[] = { "sha512-",   "sha512-a",     "sha512-xy",  "etcd",
                                           "sha512-AB", "sha512-ab/..", "sha256-abcd" };
        AUTO_TEST_DIR struct test_dir dir;
        AUTO(datadir_done) struct datadir data = DATADIR_NULL;
        struct image_view view;
        struct err e;

        (void)state;
        test_data(&dir, &data);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                assert_int_equal(datadir_image_read(&data, bad[i], &view, &e), -1);
                assert_int_equal(e.kind, ERR_USAGE);
                assert_non_null(strstr(e.text, bad[i]));
        }
        assert_err(datadir_image_read(&data, "", &view, &e), &e, ERR_USAGE, "no image id given");
        assert_int_equal(datadir_image_read(&data, "sha512-ab", &view, &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
        assert_non_null(strstr(e.text, "image \"sha512-ab\""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_missing_directory_is_empty),
                cmocka_unit_test(a_file_is_no_data_directory),
                cmocka_unit_test(ids_are_sorted_and_each_is_told_once),
                cmocka_unit_test(a_beginning_in_any_case_finds_its_pod),
                cmocka_unit_test(what_finds_no_pod_says_why),
                cmocka_unit_test(image_ids_are_sorted_and_nothing_else_is_told),
                cmocka_unit_test(what_is_no_image_id_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
