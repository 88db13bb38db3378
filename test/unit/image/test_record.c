/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#include "image/record.h"
#include "util/limits.h"

#define ID     "sha512-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char full[] =
        "{\"id\":\"" ID
        "\",\"format\":\"oci\",\"format_version\":\"1.0.0\",\"name\":\"example.com/a\","
        "\"version\":\"1.2\",\"layers\":[\"12\",\"7\"],\"size\":9000000000,\"imported_at\":"
        "1700000000123456789,\"manifest_digest\":\"" DIGEST "\",\"config_digest\":\"" DIGEST
        "\",\"names\":[{\"name\":\"b\",\"version\":\"1\",\"at\":5},{\"name\":\"c\",\"at\":6}]"
        ",\"dependencies\":[\"" ID "\"]}";

static void record_survives_the_round_trip_byte_for_byte(void **state)
{
        AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;
        AUTO(buf_done) struct buf out = BUF_NULL(65536);
        struct err e;

        (void)state;
        assert_ok(image_record_parse(full, strlen(full), &r, &e), &e);
        assert_string_equal(r.id, ID);
        assert_int_equal(r.format, APPC_FORMAT_OCI);
        assert_string_equal(r.version, "1.2");
        assert_int_equal(r.layers.n, 2);
        assert_string_equal(r.layers.v[0], "12");
        assert_int_equal(r.size, 9000000000);
        assert_int_equal(r.imported_at, 1700000000123456789);
        assert_string_equal(r.dependencies.v[0], ID);
        assert_int_equal(r.n_names, 2);
        assert_null(r.names[1].version);
        assert_ok(image_record_print(&r, &out, &e), &e);
        assert_string_equal(buf_str(&out), full);
}

static void absent_optional_members_stay_absent(void **state)
{
        static const char text[] = "{\"id\":\"" ID "\",\"format\":\"appc\",\"format_version\":"
                                   "\"0.8.11\",\"name\":\"a\",\"future\":[1]}";
        AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;
        struct err e;

        (void)state;
        assert_ok(image_record_parse(text, strlen(text), &r, &e), &e);
        assert_null(r.version);
        assert_null(r.manifest_digest);
        assert_int_equal(r.layers.n, 0);
        assert_int_equal(r.dependencies.n, 0);
        assert_int_equal(r.size, 0);
}

static void refuses(const char *text, enum err_kind kind, const char *why)
{
        struct image_record r = { .name = (char *)(uintptr_t) "untouched" };
        struct err e;

        assert_err(image_record_parse(text, strlen(text), &r, &e), &e, kind, why);
        assert_string_equal(r.name, "untouched");
}

static void broken_members_are_named(void **state)
{
        (void)state;
        refuses("{\"id\":\"sha512-ab\",\"format\":\"appc\",\"format_version\":\"1\",\"name\":"
                "\"a\"}",
                ERR_BAD_DATA, "id: not an image id");
        refuses("{\"id\":\"" ID "\",\"format\":\"zip\",\"format_version\":\"1\",\"name\":\"a\"}",
                ERR_BAD_DATA, "format: unknown \"zip\"");
        refuses("{\"id\":\"" ID "\",\"format\":\"appc\",\"format_version\":\"1\",\"name\":\"\"}",
                ERR_BAD_DATA, "name: missing");
        refuses("{\"id\":\"" ID "\",\"format\":\"appc\",\"format_version\":\"1\",\"name\":\"a\","
                "\"layers\":[\"1\",\"../2\"]}",
                ERR_BAD_DATA, "layers[1]: not a layer name");
        refuses("{\"id\":\"" ID "\",\"format\":\"appc\",\"format_version\":\"1\",\"name\":\"a\","
                "\"config_digest\":\"sha256:../../etc/passwd\"}",
                ERR_BAD_DATA, "config_digest: not a sha256 digest");
        refuses("{\"id\":\"" ID "\",\"format\":\"appc\",\"format_version\":\"1\",\"name\":\"a\","
                "\"dependencies\":[\"x\"]}",
                ERR_BAD_DATA, "dependencies[0]: not an image id");
}

static void layers_over_the_limit_are_refused(void **state)
{
        AUTO(buf_done) struct buf b = BUF_NULL(65536);
        AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;
        struct err e;

        (void)state;
        (void)buf_puts(&b,
                       "{\"id\":\"" ID "\",\"format\":\"appc\",\"format_version\":\"1\",\"name\":"
                       "\"a\",\"layers\":[\"1\"");
        for (unsigned i = 0; i < LIMIT_IMAGE_LAYERS; i++)
                (void)buf_puts(&b, ",\"1\"");
        (void)buf_puts(&b, "]}");
        assert_int_equal(image_record_parse(b.data, b.len, &r, &e), -1);
        assert_int_equal(e.kind, ERR_LIMIT);
}

static void printing_refuses_what_parsing_would(void **state)
{
        struct image_record r = { .id = (char *)(uintptr_t)ID,
                                  .format = APPC_FORMAT_APPC,
                                  .format_version = (char *)(uintptr_t) "1" };
        AUTO(buf_done) struct buf out = BUF_NULL(65536);
        struct err e;

        (void)state;
        assert_err(image_record_print(&r, &out, &e), &e, ERR_BAD_DATA, "name: missing");
        assert_int_equal(out.len, 0);
}

static void names_are_kept_once_and_the_oldest_gives_way(void **state)
{
        AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;

        (void)state;
        image_record_add_name(&r, "a", NULL, 1);
        image_record_add_name(&r, "a", "1", 2);
        image_record_add_name(&r, "a", NULL, 3);
        assert_int_equal(r.n_names, 2);
        assert_string_equal(r.names[0].version, "1");
        assert_int_equal(r.names[1].at, 3);
        for (int i = 0; i < IMAGE_NAMES_MAX - 1; i++) {
                char version[8];

                (void)snprintf(version, sizeof(version), "v%d", i);
                image_record_add_name(&r, "b", version, 4 + i);
        }
        assert_int_equal(r.n_names, IMAGE_NAMES_MAX);
        assert_int_equal(r.names[0].at, 3);
}

static void a_full_record_of_long_names_fits_its_file(void **state)
{
        AUTO(image_record_done)
        struct image_record r = IMAGE_RECORD_NULL, again = IMAGE_RECORD_NULL;
        AUTO(buf_done) struct buf out = BUF_NULL(LIMIT_STATE_FILE_BYTES);
        char name[513], version[IMAGE_VERSION_MAX + 2];
        struct err e;

        (void)state;
        memset(name, 'a', 512);
        name[512] = '\0';
        memset(version, 1, IMAGE_VERSION_MAX); /* six bytes each, escaped */
        version[IMAGE_VERSION_MAX] = '\0';
        assert_ok(image_record_parse(full, strlen(full), &r, &e), &e);
        for (unsigned i = 0; i < LIMIT_IMAGE_LAYERS - 2; i++)
                strv_add(&r.layers, "1234567890");
        for (unsigned i = 0; i < LIMIT_ACI_DEPENDENCIES - 1; i++)
                strv_add(&r.dependencies, ID);
        for (int i = 0; i < IMAGE_NAMES_MAX; i++) {
                version[0] = (char)('a' + i);
                image_record_add_name(&r, name, version, INT64_MAX);
        }
        assert_ok(image_record_print(&r, &out, &e), &e);
        assert_ok(image_record_parse(out.data, out.len, &again, &e), &e);
        buf_reset(&out);
        version[IMAGE_VERSION_MAX] = 'x';
        version[IMAGE_VERSION_MAX + 1] = '\0';
        image_record_add_name(&r, name, version, 1);
        assert_err(image_record_print(&r, &out, &e), &e, ERR_LIMIT,
                   "names[15]: version: over 256 bytes");
}

static void layer_names_are_short_plain_numbers(void **state)
{
        (void)state;
        assert_true(image_layer_name_is_valid("1"));
        assert_true(image_layer_name_is_valid("1234567890"));
        assert_false(image_layer_name_is_valid("12345678901"));
        assert_false(image_layer_name_is_valid("01"));
        assert_false(image_layer_name_is_valid("0"));
        assert_false(image_layer_name_is_valid(""));
        assert_false(image_layer_name_is_valid("1/.."));
        assert_false(image_layer_name_is_valid("by-digest"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(record_survives_the_round_trip_byte_for_byte),
                cmocka_unit_test(absent_optional_members_stay_absent),
                cmocka_unit_test(broken_members_are_named),
                cmocka_unit_test(layers_over_the_limit_are_refused),
                cmocka_unit_test(printing_refuses_what_parsing_would),
                cmocka_unit_test(names_are_kept_once_and_the_oldest_gives_way),
                cmocka_unit_test(a_full_record_of_long_names_fits_its_file),
                cmocka_unit_test(layer_names_are_short_plain_numbers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
