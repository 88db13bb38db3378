/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "image/ref.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct row {
        const char *text;
        enum image_ref_kind kind;
        const char *name, *tag, *digest;
};

static void words_are_sorted_by_kind(void **state)
{
        static const struct row rows[] = {
                { "sha512-ab", IMAGE_REF_ID, "sha512-ab", NULL, NULL },
                { "sha512-AbC", IMAGE_REF_ID, "sha512-abc", NULL, NULL },
                { "sha512-" HEX64 "0123", IMAGE_REF_ID, "sha512-" HEX64, NULL, NULL },
                { "busybox", IMAGE_REF_NAME, "busybox", NULL, NULL },
                { "busybox:1.36", IMAGE_REF_NAME, "busybox", "1.36", NULL },
                { "quay.io/coreos/etcd:v3.1", IMAGE_REF_NAME, "quay.io/coreos/etcd", "v3.1", NULL },
                { "quay.io:443/x", IMAGE_REF_NAME, "quay.io_443/x", NULL, NULL },
                { "quay.io:443/x:2", IMAGE_REF_NAME, "quay.io_443/x", "2", NULL },
                { "a@sha256:" HEX64, IMAGE_REF_NAME, "a", NULL, "sha256:" HEX64 },
                { "a:1@sha256:" HEX64, IMAGE_REF_NAME, "a", "1", "sha256:" HEX64 },
                { "a__b/c--d", IMAGE_REF_NAME, "a_b/c-d", NULL, NULL },
                { "/tmp/x", IMAGE_REF_PATH, "/tmp/x", NULL, NULL },
                { "./x", IMAGE_REF_PATH, "./x", NULL, NULL },
                { "../x", IMAGE_REF_PATH, "../x", NULL, NULL },
                { "file:///tmp/x.aci", IMAGE_REF_PATH, "/tmp/x.aci", NULL, NULL },
                { "x.aci", IMAGE_REF_PATH, "x.aci", NULL, NULL },
                { "dir/x.tar.gz", IMAGE_REF_PATH, "dir/x.tar.gz", NULL, NULL },
                { "docker://busybox", IMAGE_REF_URL, "docker://busybox", NULL, NULL },
                { "https://example.com/a.aci", IMAGE_REF_URL, "https://example.com/a.aci", NULL,
                  NULL },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(image_ref_done) struct image_ref r = IMAGE_REF_NULL;
                struct err e;

                assert_ok(image_ref_parse(rows[i].text, &r, &e), &e);
                assert_int_equal(r.kind, rows[i].kind);
                assert_string_equal(r.text, rows[i].name);
                assert_string_equal(r.tag ? r.tag : "-", rows[i].tag ? rows[i].tag : "-");
                assert_string_equal(r.digest ? r.digest : "-",
                                    rows[i].digest ? rows[i].digest : "-");
        }
}

static void labels_follow_the_name(void **state)
{
        AUTO(image_ref_done) struct image_ref r = IMAGE_REF_NULL;
        struct err e;

        (void)state;
        assert_ok(image_ref_parse("example.com/a,version=2,os=linux,arch=amd64", &r, &e), &e);
        assert_string_equal(r.text, "example.com/a");
        assert_string_equal(r.tag, "2");
        assert_int_equal(r.label_names.n, 2);
        assert_string_equal(r.label_names.v[1], "arch");
        assert_string_equal(r.label_values.v[1], "amd64");
}

static void mistakes_are_quoted_and_explained(void **state)
{
        static const struct {
                const char *text, *why;
        } rows[] = {
                { "", "image name is empty" },
                { "a\nb", "image name holds control characters" },
                { "sha512-a", "image \"sha512-a\": an image id needs at least two hex digits after "
                              "\"sha512-\"" },
                { "sha512-xyz", "image \"sha512-xyz\": an image id is \"sha512-\" and hex digits" },
                { "Busybox",
                  "image \"Busybox\": not an image name: lower-case letters, digits, and "
                  "one of -._~/ in between" },
                { "-a", "image \"-a\": not an image name: lower-case letters, digits, and one of "
                        "-._~/ in between" },
                { "a b", "image \"a b\": not an image name: lower-case letters, digits, and one of "
                         "-._~/ in between" },
                { "a:", "image \"a:\": nothing after ':'" },
                { "a:1,version=2", "image \"a:1,version=2\": the version is given twice" },
                { "a,os", "image \"a,os\": after ',' comes label=value" },
                { "a,os=1,os=2", "image \"a,os=1,os=2\": a label is given twice" },
                { "a,OS=1", "image \"a,OS=1\": bad label name" },
                { "a@md5:00", "image \"a@md5:00\": after '@' comes sha256:<64 hex digits>" },
                { "file://", "image \"file://\": no path" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct image_ref r = IMAGE_REF_NULL;
                struct err e;

                assert_err(image_ref_parse(rows[i].text, &r, &e), &e, ERR_USAGE, rows[i].why);
                assert_null(r.text);
        }
}

static void endless_words_are_refused(void **state)
{
        char text[IMAGE_REF_TEXT_MAX + 2];
        struct image_ref r = IMAGE_REF_NULL;
        struct err e;

        (void)state;
        memset(text, 'a', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(image_ref_parse(text, &r, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
}

static void archive_suffixes_come_off(void **state)
{
        static const char *const rows[][2] = {
                { "busybox.tar.gz", "busybox" },
                { "a.aci", "a" },
                { "a", "a" },
                { ".tar", ".tar" },
                { "x.y.tar", "x.y" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_FREE char *s = image_ref_strip_suffix(rows[i][0]);

                assert_string_equal(s, rows[i][1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_are_sorted_by_kind),
                cmocka_unit_test(labels_follow_the_name),
                cmocka_unit_test(mistakes_are_quoted_and_explained),
                cmocka_unit_test(endless_words_are_refused),
                cmocka_unit_test(archive_suffixes_come_off),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
