/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/gzip.h"

#include "test.h"
#include "util/mem.h"

/* printf hello | gzip -n; and the same as zlib's format. */
static const uint8_t hello_gzip[] = { 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                      0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x86,
                                      0xa6, 0x10, 0x36, 0x05, 0x00, 0x00, 0x00 };
static const uint8_t hello_zlib[] = { 0x78, 0x9c, 0xcb, 0x48, 0xcd, 0xc9, 0xc9,
                                      0x07, 0x00, 0x06, 0x2c, 0x02, 0x15 };

static void assert_expands(enum grpc_encoding encoding, const void *data, size_t len, size_t max,
                           enum grpc_expand_result expected)
{
        AUTO_FREE uint8_t *to = NULL;
        /* A copy of the exact size: sanitizers see reads behind it. */
        AUTO_FREE uint8_t *copy = xmalloc(len + !len);
        size_t n = 0;

        if (len > 0)
                memcpy(copy, data, len);
        assert_int_equal(grpc_expand(encoding, copy, len, max, &to, &n), expected);
        if (expected == GRPC_EXPAND_OK) {
                assert_int_equal(n, 5);
                assert_memory_equal(to, "hello", 5);
        } else {
                assert_null(to);
        }
}

static void both_formats_expand(void **state)
{
        (void)state;
        assert_expands(GRPC_ENCODING_GZIP, hello_gzip, sizeof(hello_gzip), 100, GRPC_EXPAND_OK);
        assert_expands(GRPC_ENCODING_DEFLATE, hello_zlib, sizeof(hello_zlib), 100, GRPC_EXPAND_OK);
        assert_expands(GRPC_ENCODING_GZIP, hello_gzip, sizeof(hello_gzip), 5, GRPC_EXPAND_OK);
        assert_expands(GRPC_ENCODING_DEFLATE, hello_zlib, sizeof(hello_zlib), 5, GRPC_EXPAND_OK);
}

static void what_is_over_the_limit_is_too_large(void **state)
{
        (void)state;
        assert_expands(GRPC_ENCODING_GZIP, hello_gzip, sizeof(hello_gzip), 4,
                       GRPC_EXPAND_TOO_LARGE);
        assert_expands(GRPC_ENCODING_DEFLATE, hello_zlib, sizeof(hello_zlib), 4,
                       GRPC_EXPAND_TOO_LARGE);
}

static void what_is_cut_changed_or_followed_is_corrupt(void **state)
{
        uint8_t bytes[sizeof(hello_gzip) + 1] = { 0 };

        (void)state;
        for (size_t len = 0; len < sizeof(hello_gzip); len++)
                assert_expands(GRPC_ENCODING_GZIP, hello_gzip, len, 1000000, GRPC_EXPAND_CORRUPT);
        for (size_t len = 0; len < sizeof(hello_zlib); len++)
                assert_expands(GRPC_ENCODING_DEFLATE, hello_zlib, len, 1000000,
                               GRPC_EXPAND_CORRUPT);
        memcpy(bytes, hello_gzip, sizeof(hello_gzip));
        assert_expands(GRPC_ENCODING_GZIP, bytes, sizeof(bytes), 1000000, GRPC_EXPAND_CORRUPT);
        for (size_t i = 17; i < 25; i++) { /* checksum and size */
                memcpy(bytes, hello_gzip, sizeof(hello_gzip));
                bytes[i] ^= 1;
                assert_expands(GRPC_ENCODING_GZIP, bytes, sizeof(hello_gzip), 1000000,
                               GRPC_EXPAND_CORRUPT);
        }
        assert_expands(GRPC_ENCODING_GZIP, hello_zlib, sizeof(hello_zlib), 1000000,
                       GRPC_EXPAND_CORRUPT);
}

static void bombs_take_no_more_than_they_may(void **state)
{
        enum { SIZE = 10 * 1024 * 1024 };
        AUTO_FREE uint8_t *zeros = xcalloc(1, SIZE);
        AUTO_FREE uint8_t *packed = xmalloc(SIZE);
        AUTO_FREE uint8_t *to = NULL;
        size_t len = grpc_shrink(zeros, SIZE, packed, SIZE), n;

        (void)state;
        assert_true(len > 0 && len < SIZE / 200);
        assert_int_equal(grpc_expand(GRPC_ENCODING_GZIP, packed, len, SIZE - 1, &to, &n),
                         GRPC_EXPAND_TOO_LARGE);
        /* Saying that it is small does not help. */
        memset(packed + len - 4, 0, 4);
        assert_int_equal(grpc_expand(GRPC_ENCODING_GZIP, packed, len, SIZE, &to, &n),
                         GRPC_EXPAND_CORRUPT);
        assert_null(to);
}

static void text_survives_both_ways(void **state)
{
        uint8_t text[5000], packed[5000];
        AUTO_FREE uint8_t *to = NULL;
        size_t len, n;

        (void)state;
        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = (uint8_t)("carob pods "[i % 11] + (i * i) % 3);
        len = grpc_shrink(text, sizeof(text), packed, sizeof(packed));
        assert_true(len > 0 && len < sizeof(text));
        assert_int_equal(grpc_shrink(text, sizeof(text), packed, len / 2), 0);
        (void)grpc_shrink(text, sizeof(text), packed, sizeof(packed));
        assert_int_equal(grpc_expand(GRPC_ENCODING_GZIP, packed, len, sizeof(text), &to, &n),
                         GRPC_EXPAND_OK);
        assert_int_equal(n, sizeof(text));
        assert_memory_equal(to, text, n);
}

static void blobs_are_packed_once_and_only_when_it_is_worth_it(void **state)
{
        struct grpc_blob *small = grpc_blob_new(GRPC_SHRINK_MIN - 1);
        struct grpc_blob *large = grpc_blob_new(10 * GRPC_SHRINK_MIN);
        struct grpc_blob *noise = grpc_blob_new(10 * GRPC_SHRINK_MIN), *gzip;
        uint32_t random = 1;

        (void)state;
        memset(small->data, 'x', small->len);
        memset(large->data, 'x', large->len);
        for (size_t i = 0; i < noise->len; i++)
                noise->data[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
        assert_null(grpc_blob_shrink(small));
        assert_null(grpc_blob_shrink(noise));
        assert_null(grpc_blob_shrink(noise));
        gzip = grpc_blob_shrink(large);
        assert_non_null(gzip);
        assert_true(gzip->len < 200);
        assert_ptr_equal(grpc_blob_shrink(large), gzip);
        grpc_blob_unref(small);
        grpc_blob_unref(large);
        grpc_blob_unref(noise);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_formats_expand),
                cmocka_unit_test(what_is_over_the_limit_is_too_large),
                cmocka_unit_test(what_is_cut_changed_or_followed_is_corrupt),
                cmocka_unit_test(bombs_take_no_more_than_they_may),
                cmocka_unit_test(text_survives_both_ways),
                cmocka_unit_test(blobs_are_packed_once_and_only_when_it_is_worth_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
