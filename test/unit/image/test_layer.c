/* SPDX-License-Identifier: Apache-2.0 */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "untar_test.h"

#include "image/layer.h"

static void digest_text(const void *data, size_t len, char ret[80])
{
        char hex[DIGEST_HEX_MAX + 1];

        digest_of(DIGEST_SHA256, data, len, hex);
        (void)snprintf(ret, 80, "sha256:%.64s", hex);
}

/* More than the ring holds, so that both threads wait for each other. */
static void make_big(struct buf *tar, int files)
{
        AUTO_FREE char *data = malloc(200000);
        char name[32];

        memset(data, 'd', 200000);
        for (int i = 0; i < files; i++) {
                (void)snprintf(name, sizeof(name), "file-%d", i);
                tar_add(tar, (struct tar_entry){
                                     .name = name, .mode = 0644, .data = data, .len = 200000 });
        }
        tar_end(tar);
}

static void layer_arrives_with_its_digests(void **state)
{
        UNTAR_SETUP;
        AUTO_CLOSE int fd = -1;
        struct blob b = { .name = "layer" };
        struct layer_unpack u = { .blob = &b, .digests = DECOMPRESS_SHA512 };
        struct layer_result r;
        char diff_id[80], sha512[DIGEST_HEX_MAX + 1];

        make_big(&tar, 50);
        b.fd = fd = tar_memfd(&tar);
        b.size = tar.len;
        digest_text(tar.data, tar.len, diff_id);
        digest_of(DIGEST_SHA512, tar.data, tar.len, sha512);
        u.expect.diff_id = diff_id;
        u.expect.packed_digest = diff_id;
        assert_ok(layer_unpack(&u, fs, NULL, &r, &e), &e);
        assert_string_equal(r.stream.sha256, diff_id + 7);
        assert_string_equal(r.stream.packed_sha256, diff_id + 7);
        assert_string_equal(r.stream.sha512, sha512);
        assert_int_equal(r.tar.entries, 50);
        assert_int_equal(r.tar.bytes, 50 * 200000);
        assert_int_equal(stat_of(fs, "file-49").st_size, 200000);
}

static void sha512_diff_id_is_verified(void **state)
{
        UNTAR_SETUP;
        AUTO_CLOSE int fd = -1;
        struct blob b = { .name = "l" };
        struct layer_unpack u = { .blob = &b };
        struct layer_result r;
        char hex[DIGEST_HEX_MAX + 1], diff_id[160];

        tar_file(&tar, "f", "x");
        tar_end(&tar);
        b.fd = fd = tar_memfd(&tar);
        b.size = tar.len;
        digest_of(DIGEST_SHA512, tar.data, tar.len, hex);
        (void)snprintf(diff_id, sizeof(diff_id), "sha512:%s", hex);
        u.expect.diff_id = diff_id;
        assert_ok(layer_unpack(&u, fs, NULL, &r, &e), &e);
        diff_id[10] ^= 1;
        assert_int_equal(layer_unpack(&u, fs, NULL, &r, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        assert_memory_equal(e.text, "l: wrong diff id: expected sha512:", 34);
}

static void wrong_diff_id_names_both(void **state)
{
        UNTAR_SETUP;
        AUTO_CLOSE int fd = -1;
        struct blob b = { .name = "app.tar: blobs/1" };
        struct layer_unpack u = { .blob = &b };
        struct layer_result r;
        char found[80], want[400];

        tar_file(&tar, "f", "x");
        tar_end(&tar);
        b.fd = fd = tar_memfd(&tar);
        b.size = tar.len;
        digest_text(tar.data, tar.len, found);
        u.expect.diff_id = "sha256:0000";
        (void)snprintf(want, sizeof(want),
                       "app.tar: blobs/1: wrong diff id: expected sha256:0000, found %s", found);
        assert_err(layer_unpack(&u, fs, NULL, &r, &e), &e, ERR_BAD_DATA, want);
}

static void broken_bytes_are_reported_as_a_wrong_digest(void **state)
{
        UNTAR_SETUP;
        AUTO_CLOSE int fd = -1;
        struct blob b = { .name = "l" };
        struct layer_unpack u = { .blob = &b };
        struct layer_result r;
        char good[80], bad[80], want[400];

        tar_file(&tar, "f", "x");
        tar_end(&tar);
        digest_text(tar.data, tar.len, good);
        tar.data[10] = 'X'; /* the header's checksum is wrong now */
        digest_text(tar.data, tar.len, bad);
        b.fd = fd = tar_memfd(&tar);
        b.size = tar.len;
        u.expect.packed_digest = good;
        (void)snprintf(want, sizeof(want), "l: wrong digest: expected %s, found %s", good, bad);
        assert_err(layer_unpack(&u, fs, NULL, &r, &e), &e, ERR_BAD_DATA, want);
}

static void failure_in_the_middle_stops_the_helper(void **state)
{
        UNTAR_SETUP;
        AUTO_CLOSE int fd = -1;
        struct blob b = { .name = "l" };
        struct layer_unpack u = { .blob = &b };
        struct layer_result r;

        tar_file(&tar, "../x", "x");
        make_big(&tar, 50);
        b.fd = fd = tar_memfd(&tar);
        b.size = tar.len;
        for (int i = 0; i < 20; i++)
                assert_err(layer_unpack(&u, fs, NULL, &r, &e), &e, ERR_BAD_DATA,
                           "l: entry \"../x\": \"..\" in the name");
}

static void failing_input_is_the_error(void **state)
{
        UNTAR_SETUP;
        AUTO_CLOSE int fd = -1;
        struct blob b = { .name = "l" };
        struct layer_unpack u = { .blob = &b };
        struct layer_result r;

        make_big(&tar, 20);
        b.fd = fd = tar_memfd(&tar);
        b.size = tar.len + 1;
        assert_int_equal(layer_unpack(&u, fs, NULL, &r, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        assert_non_null(strstr(e.text, "l: ends after "));
}

struct seen {
        int calls;
        uint64_t last;
};

static void on_progress(uint64_t done, uint64_t total, void *arg)
{
        struct seen *s = arg;

        assert_true(done >= s->last);
        assert_true(done <= total);
        s->last = done;
        s->calls++;
}

static void progress_ends_with_the_total(void **state)
{
        UNTAR_SETUP;
        AUTO_CLOSE int fd = -1;
        struct blob b = { .name = "l" };
        struct seen s = { 0 };
        struct layer_unpack u = { .blob = &b, .progress = on_progress, .progress_arg = &s };
        struct layer_result r;

        make_big(&tar, 60);
        b.fd = fd = tar_memfd(&tar);
        b.size = tar.len;
        assert_ok(layer_unpack(&u, fs, NULL, &r, &e), &e);
        assert_true(s.calls >= 3);
        assert_int_equal(s.last, tar.len);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(layer_arrives_with_its_digests),
                cmocka_unit_test(sha512_diff_id_is_verified),
                cmocka_unit_test(wrong_diff_id_names_both),
                cmocka_unit_test(broken_bytes_are_reported_as_a_wrong_digest),
                cmocka_unit_test(failure_in_the_middle_stops_the_helper),
                cmocka_unit_test(failing_input_is_the_error),
                cmocka_unit_test(progress_ends_with_the_total),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
