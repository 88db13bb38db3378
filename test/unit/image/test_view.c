/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

/* Give image @id another import time by rewriting its record. */
static void set_time(struct fixture *f, char id, long long ns)
{
        AUTO_FREE char *path = xasprintf("%s/record.json", id_of(id));
        AUTO(buf_done) struct buf b = BUF_NULL(65536), out = BUF_NULL(65536);
        AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;
        struct err e;

        assert_int_equal(fs_read_file(f->store->records_fd, path, &b), 0);
        assert_ok(image_record_parse(b.data, b.len, &r, &e), &e);
        r.imported_at = ns;
        assert_ok(image_record_print(&r, &out, &e), &e);
        assert_int_equal(fs_write_file(f->store->records_fd, path, out.data, out.len, 0640), 0);
}

static void no_store_is_an_empty_list(void **state)
{
        AUTO_TEST_DIR struct test_dir dir = { .fd = -1 };
        AUTO(image_view_list_done) struct image_view_list l = IMAGE_VIEW_LIST_NULL;
        struct image_view v = { .version = "untouched" };
        struct err e;

        (void)state;
        test_dir_init(&dir);
        assert_ok(image_view_list(dir.fd, &l, &e), &e);
        assert_int_equal(l.n, 0);
        assert_int_equal(image_view_read(dir.fd, id_of('a'), &v, &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
        assert_string_equal(v.version, "untouched");
}

static void a_view_has_what_the_api_returns(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_view_done) struct image_view v = { 0 }, latest = { 0 };
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a', .version = "1.2",
                  .labels = ",{\"name\":\"version\",\"value\":\"1.2\"}",
                  .more = ",\"annotations\":[{\"name\":\"k\",\"value\":\"v\"}]");
        add_image(&f, .id = 'b');
        assert_ok(image_view_read(f.dir.fd, id_of('a'), &v, &e), &e);
        assert_string_equal(v.record.id, id_of('a'));
        assert_string_equal(v.record.name, "example.com/a");
        assert_string_equal(v.version, "1.2");
        assert_int_equal(v.record.format, APPC_FORMAT_APPC);
        assert_string_equal(v.record.format_version, "0.8.11");
        assert_string_equal(kv_list_get(&v.parsed->annotations, "k"), "v");
        assert_string_equal(kv_list_get(&v.parsed->labels, "os"), "linux");
        assert_string_equal(
                v.manifest,
                "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"example.com/a\","
                "\"labels\":[{\"name\":\"os\",\"value\":\"linux\"},{\"name\":\"version\",\"value\":"
                "\"1.2\"}]"
                ",\"annotations\":[{\"name\":\"k\",\"value\":\"v\"}]}");
        assert_int_equal(v.manifest_len, strlen(v.manifest));
        assert_true(v.last_used > 0);
        assert_ok(image_view_read(f.dir.fd, id_of('b'), &latest, &e), &e);
        assert_string_equal(latest.version, "latest");
}

static void the_list_is_by_import_time_then_id(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_view_list_done) struct image_view_list l = IMAGE_VIEW_LIST_NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a');
        add_image(&f, .id = 'b');
        add_image(&f, .id = 'c');
        set_time(&f, 'a', 2000);
        set_time(&f, 'b', 1000);
        set_time(&f, 'c', 1000);
        assert_ok(image_view_list(f.dir.fd, &l, &e), &e);
        assert_int_equal(l.n, 3);
        assert_string_equal(l.v[0].record.id, id_of('b'));
        assert_string_equal(l.v[1].record.id, id_of('c'));
        assert_string_equal(l.v[2].record.id, id_of('a'));
}

static void broken_records_are_problems_not_failures(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_view_list_done) struct image_view_list l = IMAGE_VIEW_LIST_NULL;
        AUTO_FREE char *no_manifest = xasprintf("%s/manifest", id_of('b'));
        AUTO_FREE char *wrong_id = xasprintf("%s/record.json", id_of('c'));
        AUTO_FREE char *from = xasprintf("%s/record.json", id_of('a'));
        AUTO_FREE char *want = xasprintf("%s: record.json: is of image %s", id_of('c'), id_of('a'));
        AUTO(buf_done) struct buf b = BUF_NULL(65536);
        struct err e;

        (void)state;
        fixture_init(&f);
        for (char c = 'a'; c <= 'c'; c++)
                add_image(&f, .id = c);
        assert_int_equal(unlinkat(f.store->records_fd, no_manifest, 0), 0);
        assert_int_equal(fs_read_file(f.store->records_fd, from, &b), 0);
        assert_int_equal(fs_write_file(f.store->records_fd, wrong_id, b.data, b.len, 0640), 0);
        assert_int_equal(mkdirat(f.store->records_fd, id_of('d'), 0750), 0);
        assert_int_equal(symlinkat("/etc", f.store->records_fd, id_of('e')), 0);
        assert_int_equal(fs_touch(f.store->records_fd, id_of('f'), 0640), 0);
        assert_int_equal(mkdirat(f.store->records_fd, "junk", 0750), 0);
        assert_ok(image_view_list(f.dir.fd, &l, &e), &e);
        assert_int_equal(l.n, 1);
        assert_string_equal(l.v[0].record.id, id_of('a'));
        assert_int_equal(l.problems.n, 5);
        assert_string_equal(l.problems.v[1], want);
}

static void reading_names_the_broken_image(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO_FREE char *json = xasprintf("%s/record.json", id_of('a'));
        AUTO_FREE char *want = xasprintf("image %s: record.json: name: missing", id_of('a'));
        AUTO_FREE char *text = xasprintf(
                "{\"id\":\"%s\",\"format\":\"appc\",\"format_version\":\"1\",\"name\":\"\"}",
                id_of('a'));
        struct image_view v = { 0 };
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a');
        assert_int_equal(fs_write_file(f.store->records_fd, json, text, strlen(text), 0640), 0);
        assert_err(image_view_read(f.dir.fd, id_of('a'), &v, &e), &e, ERR_BAD_DATA, want);
        assert_int_equal(image_view_read(f.dir.fd, "../../../etc", &v, &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_store_is_an_empty_list),
                cmocka_unit_test(a_view_has_what_the_api_returns),
                cmocka_unit_test(the_list_is_by_import_time_then_id),
                cmocka_unit_test(broken_records_are_problems_not_failures),
                cmocka_unit_test(reading_names_the_broken_image),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
