/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "image/decompress.h"

#include <bzlib.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <zstd.h>

#include "tar_maker.h"
#include "util/mem.h"

enum { BIG = 8 * 1024 * 1024 };

/* Packers: append one member with @data to @b. */
static void pack_gzip(struct buf *b, const void *data, size_t len)
{
        static struct isal_zstream s;
        static uint8_t level_buf[ISAL_DEF_LVL1_DEFAULT];
        uint8_t *out;

        isal_deflate_init(&s);
        s.end_of_stream = 1;
        s.flush = NO_FLUSH;
        s.gzip_flag = IGZIP_GZIP;
        s.level = 1;
        s.level_buf = level_buf;
        s.level_buf_size = sizeof(level_buf);
        s.next_in = (uint8_t *)(uintptr_t)data;
        s.avail_in = (uint32_t)len;
        assert_int_equal(buf_reserve(b, len + len / 8 + 4096, &out), 0);
        s.next_out = out;
        s.avail_out = (uint32_t)(len + len / 8 + 4096);
        assert_int_equal(isal_deflate(&s), COMP_OK);
        assert_int_equal(s.avail_in, 0);
        buf_commit(b, s.total_out);
}

static void pack_zstd(struct buf *b, const void *data, size_t len)
{
        uint8_t *out;
        size_t n = ZSTD_compressBound(len);

        assert_int_equal(buf_reserve(b, n, &out), 0);
        n = ZSTD_compress(out, n, data, len, 1);
        assert_false(ZSTD_isError(n));
        buf_commit(b, n);
}

static void pack_xz(struct buf *b, const void *data, size_t len)
{
        size_t bound = lzma_stream_buffer_bound(len), n = 0;
        uint8_t *out;

        assert_int_equal(buf_reserve(b, bound, &out), 0);
        assert_int_equal(
                lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, data, len, out, &n, bound),
                LZMA_OK);
        buf_commit(b, n);
}

static void pack_bzip2(struct buf *b, const void *data, size_t len)
{
        unsigned n = (unsigned)(len + len / 100 + 600);
        uint8_t *out;

        assert_int_equal(buf_reserve(b, n, &out), 0);
        assert_int_equal(BZ2_bzBuffToBuffCompress((char *)out, &n, (char *)(uintptr_t)data,
                                                  (unsigned)len, 1, 0, 0),
                         BZ_OK);
        buf_commit(b, n);
}

typedef void (*pack_fn)(struct buf *b, const void *data, size_t len);

static const struct {
        enum packing packing;
        pack_fn pack;
} packers[] = {
        { PACKING_GZIP, pack_gzip },
        { PACKING_ZSTD, pack_zstd },
        { PACKING_XZ, pack_xz },
        { PACKING_BZIP2, pack_bzip2 },
};

static int unpack(const struct buf *packed, const struct decompress_options *o, struct buf *out,
                  struct decompress_totals *ret, struct err *e)
{
        AUTO(decompress_freep) struct decompress *d = NULL;
        AUTO_CLOSE int fd = tar_memfd(packed);
        struct blob b = { .fd = fd, .size = packed->len, .name = "app.tar" };
        AUTO_FREE uint8_t *chunk = xmalloc(70000);
        size_t n;

        if (decompress_open(&d, &b, o, e) < 0)
                return -1;
        do {
                if (decompress_read(d, chunk, 70000, &n, e) < 0)
                        return -1;
                if (out)
                        assert_int_equal(buf_append(out, chunk, n), 0);
        } while (n > 0);
        decompress_totals(d, ret);
        return 0;
}

/* Some compressible, some not. */
static uint8_t *sample(size_t len)
{
        uint8_t *p = xmalloc(len);
        uint32_t x = 1;

        for (size_t i = 0; i < len; i++) {
                x = x * 1664525 + 1013904223;
                p[i] = i % 4096 < 2048 ? (uint8_t)(x >> 24) : (uint8_t)(i >> 8);
        }
        return p;
}

static void every_packing_round_trips_with_digests(void **state)
{
        const int all = DECOMPRESS_PACKED_SHA256 | DECOMPRESS_SHA256 | DECOMPRESS_SHA512;
        AUTO_FREE uint8_t *data = sample(BIG);
        char want[DIGEST_HEX_MAX + 1];
        (void)state;

        for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
                AUTO(buf_done) struct buf packed = BUF_NULL(4 * BIG), out = BUF_NULL(2 * BIG);
                struct decompress_totals t;
                struct err e;

                packers[i].pack(&packed, data, BIG);
                assert_ok(unpack(&packed, &(struct decompress_options){ .digests = all }, &out, &t,
                                 &e),
                          &e);
                assert_int_equal(t.packing, packers[i].packing);
                assert_int_equal(out.len, BIG);
                assert_memory_equal(out.data, data, BIG);
                assert_int_equal(t.packed_bytes, packed.len);
                assert_int_equal(t.unpacked_bytes, BIG);
                digest_of(DIGEST_SHA256, packed.data, packed.len, want);
                assert_string_equal(t.packed_sha256, want);
                digest_of(DIGEST_SHA256, data, BIG, want);
                assert_string_equal(t.sha256, want);
                digest_of(DIGEST_SHA512, data, BIG, want);
                assert_string_equal(t.sha512, want);
        }
}

static void plain_bytes_pass_through(void **state)
{
        AUTO(buf_done) struct buf packed = BUF_NULL(4 * BIG), out = BUF_NULL(4 * BIG);
        struct decompress_totals t;
        char want[DIGEST_HEX_MAX + 1];
        struct err e;
        (void)state;

        assert_int_equal(buf_puts(&packed, "hello, this is no compressed data"), 0);
        assert_ok(unpack(&packed, &(struct decompress_options){ .digests = DECOMPRESS_SHA256 },
                         &out, &t, &e),
                  &e);
        assert_string_equal(buf_str(&out), buf_str(&packed));
        assert_int_equal(t.packing, PACKING_PLAIN);
        digest_of(DIGEST_SHA256, packed.data, packed.len, want);
        assert_string_equal(t.sha256, want);
        assert_string_equal(t.packed_sha256, "");
}

static void empty_blob_is_empty_output(void **state)
{
        AUTO(buf_done) struct buf packed = BUF_NULL(16), out = BUF_NULL(16);
        struct decompress_totals t;
        struct err e;
        (void)state;

        assert_ok(unpack(&packed, &(struct decompress_options){ 0 }, &out, &t, &e), &e);
        assert_int_equal(t.unpacked_bytes, 0);
}

static void several_members_and_zero_padding_are_one_stream(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
                AUTO(buf_done) struct buf packed = BUF_NULL(4 * BIG), out = BUF_NULL(4 * BIG);
                struct decompress_totals t;
                struct err e;

                packers[i].pack(&packed, "one ", 4);
                packers[i].pack(&packed, "", 0);
                assert_int_equal(buf_append(&packed, "\0\0\0\0\0\0\0\0", 8), 0);
                packers[i].pack(&packed, "two", 3);
                assert_int_equal(buf_append(&packed, "\0\0\0\0", 4), 0);
                assert_ok(unpack(&packed, &(struct decompress_options){ 0 }, &out, &t, &e), &e);
                assert_string_equal(buf_str(&out), "one two");
                assert_int_equal(t.packed_bytes, packed.len);
        }
}

static void many_members_stay_fast_and_right(void **state)
{
        AUTO(buf_done) struct buf packed = BUF_NULL(4 * BIG), out = BUF_NULL(4 * BIG);
        struct decompress_totals t;
        struct err e;
        (void)state;

        for (int i = 0; i < 5000; i++)
                pack_gzip(&packed, "0123456789", 10);
        assert_ok(unpack(&packed, &(struct decompress_options){ 0 }, &out, &t, &e), &e);
        assert_int_equal(out.len, 50000);
}

static void junk_after_the_end_is_refused(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
                AUTO(buf_done) struct buf packed = BUF_NULL(4 * BIG);
                struct decompress_totals t;
                struct err e;

                packers[i].pack(&packed, "one", 3);
                assert_int_equal(buf_puts(&packed, "junk"), 0);
                assert_int_equal(unpack(&packed, &(struct decompress_options){ 0 }, NULL, &t, &e),
                                 -1);
                assert_int_equal(e.kind, ERR_BAD_DATA);
                assert_non_null(strstr(e.text, "app.tar: bytes after the end of the "));
        }
}

static void every_truncation_is_an_error(void **state)
{
        AUTO_FREE uint8_t *data = sample(3000);
        (void)state;

        for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
                AUTO(buf_done) struct buf packed = BUF_NULL(4 * BIG);
                size_t full;

                packers[i].pack(&packed, data, 3000);
                full = packed.len;
                /* shorter than its magic it is not that packing at all */
                for (size_t len = PACKING_MAGIC_BYTES; len < full; len += 1 + len / 64) {
                        struct decompress_totals t;
                        struct err e;

                        packed.len = len;
                        assert_int_equal(
                                unpack(&packed, &(struct decompress_options){ 0 }, NULL, &t, &e),
                                -1);
                        assert_int_equal(e.kind, ERR_BAD_DATA);
                        assert_non_null(strstr(e.text, "truncated"));
                }
        }
}

static void wrong_checksum_is_noticed(void **state)
{
        AUTO_FREE uint8_t *data = sample(3000);
        AUTO(buf_done) struct buf packed = BUF_NULL(4 * BIG);
        struct decompress_totals t;
        struct err e;

        (void)state;

        pack_gzip(&packed, data, 3000);
        packed.data[packed.len - 6] ^= 1; /* the stored CRC */
        assert_int_equal(unpack(&packed, &(struct decompress_options){ 0 }, NULL, &t, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        assert_non_null(strstr(e.text, "app.tar: corrupt gzip data near byte"));
        assert_non_null(strstr(e.text, "wrong checksum"));
}

static void bomb_is_refused_by_ratio(void **state)
{
        AUTO_FREE uint8_t *zero = xcalloc(1, BIG);
        AUTO(buf_done) struct buf packed = BUF_NULL(4 * BIG);
        struct decompress_totals t;
        struct err e;
        (void)state;

        pack_zstd(&packed, zero, BIG);
        assert_ok(unpack(&packed, &(struct decompress_options){ 0 }, NULL, &t, &e),
                  &e); /* below the floor */
        assert_err(
                unpack(&packed, &(struct decompress_options){ .ratio_floor = 1024 * 1024 }, NULL,
                       &t, &e),
                &e, ERR_LIMIT,
                "app.tar: unpacks to more than 1100 times its size (limit): a decompression bomb");
}

static void output_limit_is_enforced(void **state)
{
        AUTO_FREE uint8_t *data = sample(100000);
        struct decompress_totals t;
        struct err e;
        (void)state;

        for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
                AUTO(buf_done) struct buf packed = BUF_NULL(4 * BIG);

                packers[i].pack(&packed, data, 100000);
                assert_ok(unpack(&packed, &(struct decompress_options){ .max_bytes = 100000 }, NULL,
                                 &t, &e),
                          &e);
                assert_err(unpack(&packed, &(struct decompress_options){ .max_bytes = 99999 }, NULL,
                                  &t, &e),
                           &e, ERR_LIMIT, "app.tar: unpacks to more than 99999 bytes (limit)");
        }
}

static void zstd_window_over_the_memory_limit_is_refused(void **state)
{
        AUTO(buf_done) struct buf packed = BUF_NULL(4 * BIG);
        struct decompress_totals t;
        struct err e;
        (void)state;

        /*
         * by hand: magic, frame header descriptor 0, window descriptor 2^31, one empty last block
         */
        assert_int_equal(buf_append(&packed, "\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9), 0);
        assert_int_equal(unpack(&packed, &(struct decompress_options){ 0 }, NULL, &t, &e), -1);
        assert_int_equal(e.kind, ERR_LIMIT);
        assert_non_null(
                strstr(e.text, "app.tar: zstd data needs more than the 128 MiB of memory allowed"));
}

static void short_file_is_bad_data(void **state)
{
        AUTO(decompress_freep) struct decompress *d = NULL;
        AUTO(buf_done) struct buf data = BUF_NULL(64);
        AUTO_CLOSE int fd = -1;
        struct blob b = { .size = 10, .name = "x" };
        struct err e;
        (void)state;

        assert_int_equal(buf_puts(&data, "abc"), 0);
        b.fd = fd = tar_memfd(&data);
        assert_err(decompress_open(&d, &b, &(struct decompress_options){ 0 }, &e), &e, ERR_BAD_DATA,
                   "x: ends after 3 of 10 bytes");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_packing_round_trips_with_digests),
                cmocka_unit_test(plain_bytes_pass_through),
                cmocka_unit_test(empty_blob_is_empty_output),
                cmocka_unit_test(several_members_and_zero_padding_are_one_stream),
                cmocka_unit_test(many_members_stay_fast_and_right),
                cmocka_unit_test(junk_after_the_end_is_refused),
                cmocka_unit_test(every_truncation_is_an_error),
                cmocka_unit_test(wrong_checksum_is_noticed),
                cmocka_unit_test(bomb_is_refused_by_ratio),
                cmocka_unit_test(output_limit_is_enforced),
                cmocka_unit_test(zstd_window_over_the_memory_limit_is_refused),
                cmocka_unit_test(short_file_is_bad_data),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
