/* SPDX-License-Identifier: Apache-2.0 */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "test.h"

#include "runtime/spec_priv.h"
#include "util/limits.h"
#include "util/mem.h"

#define PASSWD                                                                                     \
        "root:x:0:0:root:/root:/bin/sh\n"                                                          \
        "\n# comment\nbroken:x:1\n"                                                                \
        "web:x:33:34:www:/srv/www:/bin/false\n"                                                    \
        "big:x:99999999999:0::/:\n"                                                                \
        "nohome:x:7:7:::\n"                                                                        \
        "last:x:8:9::/l:"
#define GROUP                                                                                      \
        "root:x:0:\nweb:x:34:\nadm:x:4:syslog,web\nusers:x:100:web\nbad:x:q:web\nnear:x:5:webb,"   \
        "we\n"

static void write_file(int dirfd, const char *path, const char *text)
{
        assert_int_equal(fs_write_file(dirfd, path, text, strlen(text), 0644), 0);
}

static void make_root(struct test_dir *d)
{
        test_dir_init(d);
        assert_int_equal(fs_mkdir(d->fd, "etc", 0755), 0);
        write_file(d->fd, "etc/passwd", PASSWD);
        write_file(d->fd, "etc/group", GROUP);
}

static void names_are_looked_up_in_the_image(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(runtime_user_done) struct runtime_user u = { 0 };
        struct err e;

        (void)state;
        make_root(&d);
        assert_ok(runtime_user_resolve(d.fd, "web", "web", NULL, 0, &u, &e), &e);
        assert_int_equal(u.uid, 33);
        assert_int_equal(u.gid, 34);
        assert_string_equal(u.home, "/srv/www");
        assert_int_equal(u.n_groups, 2);
        assert_int_equal(u.groups[0], 4);
        assert_int_equal(u.groups[1], 100);
}

static void numbers_need_no_entry(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(runtime_user_done) struct runtime_user u = { 0 };
        struct err e;

        (void)state;
        test_dir_init(&d);
        assert_ok(runtime_user_resolve(d.fd, "1234", "4321", NULL, 0, &u, &e), &e);
        assert_int_equal(u.uid, 1234);
        assert_int_equal(u.gid, 4321);
        assert_null(u.home);
        assert_int_equal(u.n_groups, 0);
}

static void nothing_said_is_root(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(runtime_user_done) struct runtime_user u = { 0 };
        struct err e;

        (void)state;
        make_root(&d);
        assert_ok(runtime_user_resolve(d.fd, NULL, "", NULL, 0, &u, &e), &e);
        assert_int_equal(u.uid, 0);
        assert_int_equal(u.gid, 0);
        assert_string_equal(u.home, "/root");
}

static void a_path_means_its_owner_as_in_a_chroot(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(runtime_user_done) struct runtime_user u = { 0 };
        struct err e;

        (void)state;
        if (geteuid() != 0)
                skip();
        make_root(&d);
        write_file(d.fd, "etc/owned", "");
        assert_int_equal(fchownat(d.fd, "etc/owned", 8, 9, 0), 0);
        assert_int_equal(symlinkat("/etc/owned", d.fd, "link"), 0);
        assert_ok(runtime_user_resolve(d.fd, "/link", "/../link", NULL, 0, &u, &e), &e);
        assert_int_equal(u.uid, 8);
        assert_int_equal(u.gid, 9);
        assert_string_equal(u.home, "/l");
}

static void given_groups_replace_those_of_the_image(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(runtime_user_done) struct runtime_user u = { 0 };
        const gid_t gids[] = { 34, 500 };
        struct err e;

        (void)state;
        make_root(&d);
        assert_ok(runtime_user_resolve(d.fd, "web", "34", gids, 2, &u, &e), &e);
        assert_int_equal(u.n_groups, 1); /* without the primary one */
        assert_int_equal(u.groups[0], 500);
}

static void unknown_names_are_told(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        struct runtime_user u = { .uid = 77 };
        struct err e;

        (void)state;
        make_root(&d);
        assert_err(runtime_user_resolve(d.fd, "nobody", "0", NULL, 0, &u, &e), &e, ERR_NOT_FOUND,
                   "user \"nobody\" is not in the image's /etc/passwd");
        assert_err(runtime_user_resolve(d.fd, "broken", "0", NULL, 0, &u, &e), &e, ERR_NOT_FOUND,
                   "user \"broken\" is not in the image's /etc/passwd");
        assert_err(runtime_user_resolve(d.fd, "0", "nogroup", NULL, 0, &u, &e), &e, ERR_NOT_FOUND,
                   "group \"nogroup\" is not in the image's /etc/group");
        assert_err(runtime_user_resolve(d.fd, "/none", "0", NULL, 0, &u, &e), &e, ERR_NOT_FOUND,
                   "find the owner of \"/none\" in the image: No such file or directory");
        assert_int_equal(u.uid, 77);
}

static void ids_out_of_range_do_not_count(void **state)
{
        struct passwd_entry p;

        (void)state;
        assert_int_equal(passwd_find(PASSWD, strlen(PASSWD), "big", 0, &p), 0);
        assert_int_equal(passwd_find("m:x:4294967295:0::/:", 20, "m", 0, &p), 0);
        assert_int_equal(passwd_find("m:x:4294967294:0::/:", 20, "m", 0, &p), 1);
        assert_int_equal(passwd_find("m:x:-1:0::/:", 12, "m", 0, &p), 0);
}

static void a_symlink_out_of_the_root_stays_inside(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        struct runtime_user u;
        struct err e;

        (void)state;
        test_dir_init(&d);
        assert_int_equal(fs_mkdir(d.fd, "etc", 0755), 0);
        assert_int_equal(symlinkat("../../../../etc/passwd", d.fd, "etc/passwd"), 0); /* itself */
        assert_int_equal(runtime_user_resolve(d.fd, "root", "0", NULL, 0, &u, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        assert_string_equal(e.text,
                            "open the image's /etc/passwd: Too many levels of symbolic links");
}

static void special_files_are_refused_without_blocking(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        struct runtime_user u;
        struct err e;

        (void)state;
        test_dir_init(&d);
        assert_int_equal(fs_mkdir(d.fd, "etc", 0755), 0);
        assert_int_equal(mkfifoat(d.fd, "etc/passwd", 0644), 0);
        assert_err(runtime_user_resolve(d.fd, "root", "0", NULL, 0, &u, &e), &e, ERR_BAD_DATA,
                   "the image's /etc/passwd is not a regular file");
}

static void a_huge_file_is_refused(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        struct runtime_user u;
        struct err e;

        (void)state;
        make_root(&d);
        {
                AUTO_CLOSE int fd = openat(d.fd, "etc/passwd", O_WRONLY | O_CLOEXEC);

                assert_int_equal(ftruncate(fd, (off_t)USER_FILE_MAX + 1), 0);
        }
        assert_err(runtime_user_resolve(d.fd, "root", "0", NULL, 0, &u, &e), &e, ERR_LIMIT,
                   "the image's /etc/passwd is larger than 1048576 bytes");
}

static void membership_is_by_whole_name(void **state)
{
        uint32_t gids[8];

        (void)state;
        assert_int_equal(group_list(GROUP, strlen(GROUP), "web", gids, 8), 2);
        assert_int_equal(group_list(GROUP, strlen(GROUP), "we", gids, 8), 1);
        assert_int_equal(group_list(GROUP, strlen(GROUP), "web", gids, 1), 1);
        assert_int_equal(group_list(GROUP, strlen(GROUP), "", gids, 8), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_are_looked_up_in_the_image),
                cmocka_unit_test(numbers_need_no_entry),
                cmocka_unit_test(nothing_said_is_root),
                cmocka_unit_test(a_path_means_its_owner_as_in_a_chroot),
                cmocka_unit_test(given_groups_replace_those_of_the_image),
                cmocka_unit_test(unknown_names_are_told),
                cmocka_unit_test(ids_out_of_range_do_not_count),
                cmocka_unit_test(a_symlink_out_of_the_root_stays_inside),
                cmocka_unit_test(special_files_are_refused_without_blocking),
                cmocka_unit_test(a_huge_file_is_refused),
                cmocka_unit_test(membership_is_by_whole_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
