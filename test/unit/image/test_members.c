/* SPDX-License-Identifier: Apache-2.0 */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "test.h"

#include "image/import/members.h"
#include "tar_maker.h"

struct opened {
        struct buf tar;
        int fd;
        struct members *m;
};

static void opened_done(struct opened *o)
{
        members_free(o->m);
        buf_done(&o->tar);
        (void)close(o->fd);
}

static void open_tar(struct opened *o)
{
        struct blob b = { .name = "app.tar" };
        struct err e;

        tar_end(&o->tar);
        b.fd = o->fd = tar_memfd(&o->tar);
        b.size = o->tar.len;
        assert_ok(members_of_tar(&b, &o->m, &e), &e);
}

#define TAR AUTO(opened_done) struct opened o = { .tar = BUF_NULL(TAR_MAKER_MAX), .fd = -1 }

static void assert_member(const struct members *m, const char *name, const char *want)
{
        AUTO(member_done) struct member f = MEMBER_NULL;
        AUTO(buf_done) struct buf out = BUF_NULL(65536);
        struct err e;

        assert_ok(members_open(m, name, &f, &e), &e);
        assert_ok(blob_read_all(&f.blob, &out, &e), &e);
        assert_string_equal(buf_str(&out), want);
}

static void files_of_a_tar_are_found_in_any_order(void **state)
{
        TAR;
        AUTO_FREE char *big = malloc(300001);
        (void)state;

        memset(big, 'x', 300000);
        big[300000] = 0;
        tar_file(&o.tar, "./b", "two");
        tar_add(&o.tar, (struct tar_entry){ .name = "big", .mode = 0644, .data = big });
        tar_pax_text(&o.tar, "path", "blobs/sha256/0123456789");
        tar_file(&o.tar, "x", "long");
        tar_file(&o.tar, "a", "");
        open_tar(&o);
        assert_member(o.m, "b", "two");
        assert_member(o.m, "blobs/sha256/0123456789", "long");
        assert_member(o.m, "a", "");
        assert_member(o.m, "./b", "two");
        assert_true(members_has(o.m, "big"));
        assert_false(members_has(o.m, "c"));
}

static void links_are_followed_and_the_last_duplicate_counts(void **state)
{
        TAR;
        (void)state;

        tar_file(&o.tar, "f", "old");
        tar_file(&o.tar, "f", "new");
        tar_file(&o.tar, "1/layer.tar", "layer");
        tar_symlink(&o.tar, "2/layer.tar", "../1/layer.tar");
        tar_symlink(&o.tar, "3/layer.tar", "../2/layer.tar");
        tar_hardlink(&o.tar, "h", "1/layer.tar");
        open_tar(&o);
        assert_member(o.m, "f", "new");
        assert_member(o.m, "2/layer.tar", "layer");
        assert_member(o.m, "3/layer.tar", "layer");
        assert_member(o.m, "h", "layer");
}

static void what_is_missing_or_no_file_is_an_error(void **state)
{
        TAR;
        AUTO(member_done) struct member f = MEMBER_NULL;
        struct err e;
        (void)state;

        tar_dir(&o.tar, "d");
        tar_symlink(&o.tar, "a", "b");
        tar_symlink(&o.tar, "b", "a");
        tar_symlink(&o.tar, "out", "../../etc/passwd");
        open_tar(&o);
        assert_err(members_open(o.m, "index.json", &f, &e), &e, ERR_NOT_FOUND,
                   "app.tar: has no \"index.json\"");
        assert_err(members_open(o.m, "d", &f, &e), &e, ERR_BAD_DATA,
                   "app.tar: \"d\" is not a regular file");
        assert_err(members_open(o.m, "a", &f, &e), &e, ERR_NOT_FOUND, "app.tar: has no \"a\"");
        assert_err(members_open(o.m, "out", &f, &e), &e, ERR_BAD_DATA,
                   "app.tar: \"out\" is not a regular file");
        assert_err(members_open(o.m, "../etc/passwd", &f, &e), &e, ERR_NOT_FOUND,
                   "app.tar: has no \"../etc/passwd\"");
}

static void names_that_lead_out_are_refused(void **state)
{
        AUTO(buf_done) struct buf tar = BUF_NULL(65536);
        AUTO_CLOSE int fd = -1;
        struct blob b = { .name = "app.tar" };
        struct members *m = NULL;
        struct err e;
        (void)state;

        tar_file(&tar, "a/../../x", "");
        tar_end(&tar);
        b.fd = fd = tar_memfd(&tar);
        b.size = tar.len;
        assert_err(members_of_tar(&b, &m, &e), &e, ERR_BAD_DATA,
                   "app.tar: entry \"a/../../x\": \"..\" in the name");
        assert_null(m);
}

static void number_of_members_is_limited(void **state)
{
        AUTO(buf_done) struct buf tar = BUF_NULL(TAR_MAKER_MAX);
        AUTO_CLOSE int fd = -1;
        struct blob b = { .name = "app.tar" };
        struct members *m = NULL;
        struct err e;
        (void)state;

        for (int i = 0; i < 65537; i++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "%d", i % 1000);
                tar_file(&tar, name, "");
        }
        b.fd = fd = tar_memfd(&tar);
        b.size = tar.len;
        assert_int_equal(members_of_tar(&b, &m, &e), -1);
        assert_int_equal(e.kind, ERR_LIMIT);
        assert_non_null(strstr(e.text, "app.tar: more than 65536 files"));
}

static void truncated_archive_is_bad_data(void **state)
{
        AUTO(buf_done) struct buf tar = BUF_NULL(65536);
        AUTO_CLOSE int fd = -1;
        struct blob b = { .name = "app.tar" };
        struct members *m = NULL;
        struct err e;
        (void)state;

        tar_file(&tar, "a", "some data");
        tar_file(&tar, "b", "some data");
        tar.len = 1300;
        b.fd = fd = tar_memfd(&tar);
        b.size = tar.len;
        assert_int_equal(members_of_tar(&b, &m, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        assert_memory_equal(e.text, "app.tar: ", 9);
}

static void directory_members_stay_beneath(void **state)
{
        AUTO_TEST_DIR struct test_dir d = { .fd = -1 };
        AUTO(members_freep) struct members *m = NULL;
        AUTO(member_done) struct member f = MEMBER_NULL;
        struct err e;
        (void)state;

        test_dir_init(&d);
        assert_int_equal(fs_write_file(d.fd, "f", "data", 4, 0600), 0);
        assert_int_equal(symlinkat("/etc/hostname", d.fd, "out"), 0);
        assert_int_equal(symlinkat("f", d.fd, "in"), 0);
        assert_int_equal(mkdirat(d.fd, "dir", 0700), 0);
        assert_int_equal(mkfifoat(d.fd, "fifo", 0600), 0);
        m = members_of_dir(d.fd, "layout");
        assert_member(m, "f", "data");
        assert_member(m, "in", "data");
        assert_true(members_has(m, "f"));
        assert_false(members_has(m, "g"));
        assert_err(members_open(m, "out", &f, &e), &e, ERR_NOT_FOUND, "layout: has no \"out\"");
        assert_err(members_open(m, "dir", &f, &e), &e, ERR_BAD_DATA,
                   "layout: \"dir\" is not a regular file");
        assert_err(members_open(m, "fifo", &f, &e), &e, ERR_BAD_DATA,
                   "layout: \"fifo\" is not a regular file");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(files_of_a_tar_are_found_in_any_order),
                cmocka_unit_test(links_are_followed_and_the_last_duplicate_counts),
                cmocka_unit_test(what_is_missing_or_no_file_is_an_error),
                cmocka_unit_test(names_that_lead_out_are_refused),
                cmocka_unit_test(number_of_members_is_limited),
                cmocka_unit_test(truncated_archive_is_bad_data),
                cmocka_unit_test(directory_members_stay_beneath),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
