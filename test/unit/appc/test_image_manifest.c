/* SPDX-License-Identifier: Apache-2.0 */
#include "appc/image_manifest.h"
#include "manifests.h"
#include "util/buf.h"
#include "util/limits.h"

static void a_whole_manifest_is_read(void **state)
{
        AUTO(appc_image_manifest_freep)
        struct appc_image_manifest *m = image_of(IMAGE(
                ",\"labels\":[{\"name\":\"version\",\"value\":\"1.0\"},"
                "{\"name\":\"os\",\"value\":\"linux\"},{\"name\":\"arch\",\"value\":\"amd64\"}],"
                "\"annotations\":[{\"name\":\"created\",\"value\":\"2020-01-02T03:04:05Z\"},"
                "{\"name\":\"homepage\",\"value\":\"https://x\"}],"
                "\"dependencies\":[{\"imageName\":\"d.e/f\",\"imageID\":\"sha512-ab\","
                "\"labels\":[{\"name\":\"version\",\"value\":\"2\"}],\"size\":12}],"
                "\"pathWhitelist\":[\"/a\",\"/b\"]"));

        (void)state;
        assert_string_equal(m->ac_version, "0.8.11");
        assert_string_equal(m->name, "a.b/c");
        assert_string_equal(kv_list_get(&m->labels, "version"), "1.0");
        assert_null(m->app);
        assert_int_equal(m->n_dependencies, 1);
        assert_string_equal(m->dependencies[0].id, "sha512-ab");
        assert_int_equal(m->dependencies[0].size, 12);
        assert_string_equal(kv_list_get(&m->dependencies[0].labels, "version"), "2");
        assert_int_equal(m->path_whitelist.n, 2);
}

static void dates_before_our_clock_are_dates(void **state)
{
        AUTO(appc_image_manifest_freep)
        struct appc_image_manifest *m = image_of(IMAGE(
                ",\"annotations\":[{\"name\":\"created\",\"value\":\"0001-01-01T00:00:00Z\"}]"));

        (void)state;
        assert_int_equal(m->annotations.n, 1);
}

static void versions_are_semantic(void **state)
{
        static const char *const good[] = { "0.8.11", "1.30.0+git171c416f", "1.0.0-rc.1+b-2" };
        static const char *const bad[] = { "0.0.0", "1", "1.2", "1.2.3.4", "1.2.x", "1.2.3-", "" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(good) + ARRAY_LEN(bad); i++) {
                bool fits = i < ARRAY_LEN(good);
                AUTO_FREE char *text = xasprintf(
                        "{\"acKind\":\"ImageManifest\",\"acVersion\":\"%s\",\"name\":\"a\"}",
                        fits ? good[i] : bad[i - ARRAY_LEN(good)]);
                AUTO(appc_image_manifest_freep) struct appc_image_manifest *m = NULL;
                struct err e;

                assert_int_equal(appc_image_manifest_parse(text, strlen(text), &m, &e),
                                 fits ? 0 : -1);
        }
}

static void broken_manifests_are_refused_by_place(void **state)
{
        static const struct bad_row rows[] = {
                { "[]", ERR_BAD_DATA, "must be an object, not an array" },
                { "null", ERR_BAD_DATA, "must be an object, not null" },
                { "{}", ERR_BAD_DATA, "acKind: is missing" },
                { POD(""), ERR_BAD_DATA, "acKind: is \"PodManifest\", not \"ImageManifest\"" },
                { "{\"acKind\":\"ImageManifest\",\"acVersion\":\"1\"}", ERR_BAD_DATA,
                  "acVersion: \"1\" is no semantic version" },
                { "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.1\"}", ERR_BAD_DATA,
                  "name: is missing" },
                { "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.1\",\"name\":\"A\"}",
                  ERR_BAD_DATA, "name: \"A\" is not an AC Identifier" },
                { IMAGE(",\"labels\":[{\"name\":\"name\",\"value\":\"x\"}]"), ERR_BAD_DATA,
                  "labels: \"name\" is no label: it is the image's name" },
                { IMAGE(",\"labels\":[{\"name\":\"os\",\"value\":\"plan9\"}]"), ERR_BAD_DATA,
                  "labels: \"plan9\" is no os" },
                { IMAGE(",\"labels\":[{\"name\":\"os\",\"value\":\"linux\"},"
                        "{\"name\":\"arch\",\"value\":\"x86_64\"}]"),
                  ERR_BAD_DATA, "labels: \"x86_64\" is no arch of linux" },
                { IMAGE(",\"labels\":{}"), ERR_BAD_DATA,
                  "labels: must be an array, not an object" },
                { IMAGE(",\"annotations\":[{\"name\":\"created\",\"value\":\"now\"}]"),
                  ERR_BAD_DATA, "annotations: created: \"now\" is no RFC 3339 date" },
                { IMAGE(",\"annotations\":[{\"name\":\"homepage\",\"value\":\"file:///\"}]"),
                  ERR_BAD_DATA, "annotations: homepage: \"file:///\" is no http or https URL" },
                { IMAGE(",\"dependencies\":[{\"imageName\":\"a\",\"imageID\":\"md5-1\"}]"),
                  ERR_BAD_DATA,
                  "dependencies[0].imageID: \"md5-1\" is not an image id (sha512-...)" },
                { IMAGE(",\"dependencies\":[{\"imageName\":\"a\",\"size\":-1}]"), ERR_BAD_DATA,
                  "dependencies[0].size: -1 is outside 0 to 9223372036854775807" },
                { IMAGE(",\"pathWhitelist\":[\"a\"]"), ERR_BAD_DATA,
                  "pathWhitelist[0]: \"a\" is not an absolute path" },
        };

        (void)state;
        refuse_images(rows, ARRAY_LEN(rows));
}

/* The name is in util/limits.h, beside the figure. */
static void test_manifest_limit(void **state)
{
        AUTO_FREE char *big = xmalloc(LIMIT_MANIFEST_BYTES + 2);
        struct appc_image_manifest *m = NULL;
        struct err e;

        (void)state;
        memset(big, ' ', LIMIT_MANIFEST_BYTES + 1);
        assert_err(appc_image_manifest_parse(big, LIMIT_MANIFEST_BYTES + 1, &m, &e), &e, ERR_LIMIT,
                   "JSON of 4194305 bytes is over the limit of 4194304");
}

/* A document whose list at @list, of elements "/", is one longer than @limit. */
static void refuse_longer(const char *open, const char *close, unsigned limit, const char *text)
{
        AUTO(buf_done) struct buf b = BUF_NULL(1 << 20);
        struct appc_image_manifest *m = NULL;
        struct err e;

        (void)buf_printf(&b,
                         "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.1\",\"name\":\"a\","
                         "%s[\"/\"",
                         open);
        for (unsigned i = 0; i < limit; i++)
                (void)buf_puts(&b, ",\"/\"");
        (void)buf_printf(&b, "]%s}", close);
        assert_err(appc_image_manifest_parse(b.data, b.len, &m, &e), &e, ERR_LIMIT, text);
}

static void lists_are_bounded(void **state)
{
        (void)state;
        refuse_longer("\"pathWhitelist\":", "", LIMIT_ACI_WHITELIST,
                      "pathWhitelist: 65537 elements are over the limit of 65536");
        refuse_longer("\"app\":{\"exec\":", "}", LIMIT_LIST_ENTRIES,
                      "app.exec: 4097 elements are over the limit of 4096");
}

static void nesting_is_bounded(void **state)
{
        AUTO(buf_done) struct buf b = BUF_NULL(1 << 20);
        struct appc_image_manifest *m = NULL;
        struct err e;

        (void)state;
        for (int i = 0; i < 10000; i++)
                (void)buf_puts(&b, "[");
        assert_int_equal(appc_image_manifest_parse(b.data, b.len, &m, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_whole_manifest_is_read),
                cmocka_unit_test(dates_before_our_clock_are_dates),
                cmocka_unit_test(versions_are_semantic),
                cmocka_unit_test(broken_manifests_are_refused_by_place),
                cmocka_unit_test(test_manifest_limit),
                cmocka_unit_test(lists_are_bounded),
                cmocka_unit_test(nesting_is_bounded),
        };
        return cmocka_run_group_tests_name("appc/image_manifest", tests, NULL, NULL);
}
