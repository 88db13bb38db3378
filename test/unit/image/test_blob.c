/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "image/blob.h"
#include "tar_maker.h"

#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static int file_with(const char *text)
{
        struct buf b = BUF_NULL(4096);
        int fd;

        assert_int_equal(buf_puts(&b, text), 0);
        fd = tar_memfd(&b);
        buf_done(&b);
        assert_true(fd >= 0);
        return fd;
}

static void range_of_a_file_is_read(void **state)
{
        AUTO_CLOSE int fd = file_with("xxabcyy");
        struct blob b = { .fd = fd, .offset = 2, .size = 3, .name = "blob" };
        AUTO(buf_done) struct buf out = BUF_NULL(16);
        struct err e;
        (void)state;

        assert_ok(blob_read_all(&b, &out, &e), &e);
        assert_string_equal(buf_str(&out), "abc");
}

static void matching_digest_is_accepted(void **state)
{
        AUTO_CLOSE int fd = file_with("abc");
        struct blob b = { .fd = fd, .size = 3, .name = "blob" };
        AUTO(buf_done) struct buf out = BUF_NULL(16);
        char hex[DIGEST_HEX_MAX + 1];
        struct err e;
        (void)state;

        assert_ok(blob_read_verified(&b, "sha256:" ABC_SHA256, &out, &e), &e);
        assert_string_equal(buf_str(&out), "abc");
        assert_ok(blob_sha256(&b, hex, &e), &e);
        assert_string_equal(hex, ABC_SHA256);
}

static void wrong_digest_names_both(void **state)
{
        AUTO_CLOSE int fd = file_with("abd");
        struct blob b = { .fd = fd, .size = 3, .name = "app.tar: blobs/x" };
        AUTO(buf_done) struct buf out = BUF_NULL(16);
        struct err e;
        (void)state;

        assert_err(
                blob_read_verified(&b, "sha256:" ABC_SHA256, &out, &e), &e, ERR_BAD_DATA,
                "app.tar: blobs/x: wrong digest: expected sha256:" ABC_SHA256
                ", found sha256:a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9");
}

static void unknown_digest_algorithm_is_unsupported(void **state)
{
        AUTO_CLOSE int fd = file_with("abc");
        struct blob b = { .fd = fd, .size = 3, .name = "blob" };
        AUTO(buf_done) struct buf out = BUF_NULL(16);
        struct err e;
        (void)state;

        assert_err(blob_read_verified(&b, "md5:900150983cd24fb0d6963f7d28e17f72", &out, &e), &e,
                   ERR_UNSUPPORTED,
                   "blob: only sha256 digests are understood, not "
                   "\"md5:900150983cd24fb0d6963f7d28e17f72\"");
}

static void size_limit_is_enforced_before_reading(void **state)
{
        AUTO_CLOSE int fd = file_with("abc");
        struct blob b = { .fd = fd, .size = UINT64_MAX, .name = "blob" };
        AUTO(buf_done) struct buf out = BUF_NULL(2);
        struct err e;
        (void)state;

        assert_err(blob_read_all(&b, &out, &e), &e, ERR_LIMIT,
                   "blob: 18446744073709551615 bytes, more than the 2 allowed here");
}

static void file_shorter_than_the_blob_is_bad_data(void **state)
{
        AUTO_CLOSE int fd = file_with("abc");
        struct blob b = { .fd = fd, .size = 5, .name = "blob" };
        AUTO(buf_done) struct buf out = BUF_NULL(16);
        struct err e;
        (void)state;

        assert_err(blob_read_all(&b, &out, &e), &e, ERR_BAD_DATA, "blob: ends after 3 of 5 bytes");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(range_of_a_file_is_read),
                cmocka_unit_test(matching_digest_is_accepted),
                cmocka_unit_test(wrong_digest_names_both),
                cmocka_unit_test(unknown_digest_algorithm_is_unsupported),
                cmocka_unit_test(size_limit_is_enforced_before_reading),
                cmocka_unit_test(file_shorter_than_the_blob_is_bad_data),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
