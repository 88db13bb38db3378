/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/image_text.h"

static void sizes_read_as_rkt_printed_them(void **state)
{
        static const struct {
                uint64_t bytes;
                const char *text;
        } rows[] = {
                { 0, "0B" },
                { 1023, "1023B" },
                { 1024, "1.0KiB" },
                { 10 * 1024, "10KiB" },
                { 4016463, "3.8MiB" },
                { 34686732, "33MiB" },
                { UINT64_MAX, "16EiB" },
        };
        char text[32];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                image_text_size(rows[i].bytes, text);
                assert_string_equal(text, rows[i].text);
        }
}

static void unknown_columns_are_refused(void **state)
{
        AUTO(columns_done) struct columns c = COLUMNS_NULL;
        struct err e;

        (void)state;
        assert_ok(image_text_header(&c, "size,name", true, &e), &e);
        assert_int_equal(c.n_rows, 1);
        assert_string_equal(c.cells.v[0], "SIZE");
        assert_err(image_text_header(&c, "id,colour", true, &e), &e, ERR_USAGE,
                   "--fields: no column \"colour\"");
}

static void sorting_follows_column_and_order(void **state)
{
        struct image_view a = { .record = { .id = "sha512-a", .name = "z", .size = 1 } };
        struct image_view b = { .record = { .id = "sha512-b", .name = "y", .size = 2 } };
        const struct image_view *v[] = { &b, &a };
        struct err e;

        (void)state;
        assert_ok(image_text_sort(v, 2, "size", "asc", &e), &e);
        assert_ptr_equal(v[0], &a);
        assert_ok(image_text_sort(v, 2, "name", "asc", &e), &e);
        assert_ptr_equal(v[0], &b);
        assert_ok(image_text_sort(v, 2, "id", "desc", &e), &e);
        assert_ptr_equal(v[0], &b);
        assert_err(image_text_sort(v, 2, "shape", "asc", &e), &e, ERR_USAGE,
                   "--sort: no column \"shape\"");
        assert_err(image_text_sort(v, 2, "id", "up", &e), &e, ERR_USAGE,
                   "--order: \"up\" is neither asc nor desc");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sizes_read_as_rkt_printed_them),
                cmocka_unit_test(unknown_columns_are_refused),
                cmocka_unit_test(sorting_follows_column_and_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
