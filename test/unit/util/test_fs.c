/* SPDX-License-Identifier: Apache-2.0 */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "test.h"

#include <errno.h>

#include "util/atomic_file.h"
#include "util/flock.h"
#include "util/fs.h"

static void a_fifo_does_not_hang_the_reader(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        struct buf b = BUF_NULL(10);

        (void)state;
        test_dir_init(&d);
        assert_int_equal(mkfifoat(d.fd, "pid", 0600), 0);
        assert_int_equal(fs_read_file(d.fd, "pid", &b), -EINVAL);
        assert_int_equal(symlinkat("/etc/passwd", d.fd, "link"), 0);
        assert_int_equal(fs_read_file(d.fd, "link", &b), -ELOOP);
        assert_int_equal(fs_read_file(d.fd, "none", &b), -ENOENT);
}

static void a_users_file_may_be_a_symlink(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        struct buf b = BUF_NULL(10);
        char path[128];

        (void)state;
        test_dir_init(&d);
        assert_int_equal(fs_write_file(d.fd, "f", "hi", 2, 0640), 0);
        assert_int_equal(symlinkat("f", d.fd, "link"), 0);
        (void)snprintf(path, sizeof(path), "%s/link", d.path);
        assert_int_equal(fs_read_user_file(path, &b), 0);
        assert_string_equal(buf_str(&b), "hi");
        assert_int_equal(fs_read_user_file("/nonexistent/file", &b), -ENOENT);
        buf_done(&b);
}

static void reading_stops_at_the_maximum(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        struct buf b = BUF_NULL(4), c = BUF_NULL(5);

        (void)state;
        test_dir_init(&d);
        assert_int_equal(fs_write_file(d.fd, "f", "12345", 5, 0640), 0);
        assert_int_equal(fs_read_file(d.fd, "f", &b), -ENOBUFS);
        assert_int_equal(fs_read_file(d.fd, "f", &c), 0);
        assert_string_equal(buf_str(&c), "12345");
        buf_done(&b);
        buf_done(&c);
}

static void paths_in_a_root_stay_inside(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO_CLOSE int a = -1;
        struct buf b = BUF_NULL(100);

        (void)state;
        test_dir_init(&d);
        assert_int_equal(fs_mkdirs(d.fd, "root/etc", 0755), 0);
        assert_int_equal(fs_write_file(d.fd, "root/etc/passwd", "ours", 4, 0644), 0);
        assert_int_equal(symlinkat("/etc/passwd", d.fd, "root/abs"), 0);
        assert_int_equal(symlinkat("../../../../../../etc", d.fd, "root/up"), 0);
        AUTO_CLOSE int root = fs_open_dir(d.fd, "root");
        a = fs_open_in_root(root, "up/passwd", O_RDONLY, 0);
        assert_true(a >= 0);
        assert_int_equal(fs_read_fd(a, &b), 0);
        assert_string_equal(buf_str(&b), "ours");
        assert_int_equal(fs_open_beneath(root, "abs", O_RDONLY, 0), -ELOOP);
        assert_int_equal(fs_open_beneath(root, "../root/etc", O_RDONLY, 0), -EXDEV);
        buf_done(&b);
}

static void removal_takes_deep_and_locked_up_trees_and_follows_nothing(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO_CLOSE int at = -1;
        struct stat st;

        (void)state;
        test_dir_init(&d);
        assert_int_equal(fs_mkdirs(d.fd, "outside", 0755), 0);
        assert_int_equal(fs_write_file(d.fd, "outside/keep", "x", 1, 0644), 0);
        assert_int_equal(fs_mkdirs(d.fd, "tree", 0755), 0);
        assert_int_equal(symlinkat("../outside", d.fd, "tree/link"), 0);
        at = fs_open_dir(d.fd, "tree");
        for (int i = 0; i < 3000;
             i++) { /* far deeper than PATH_MAX and any descriptor limit we want to need */
                int next;

                assert_int_equal(mkdirat(at, "directory", 0755), 0);
                assert_int_equal(fs_write_file(at, "file", "x", 1, 0644), 0);
                next = fs_open_dir(at, "directory");
                assert_true(next >= 0);
                (void)close(at);
                at = next;
        }
        assert_int_equal(fs_mkdirs(d.fd, "tree/locked/in", 0755), 0);
        assert_int_equal(fchmodat(d.fd, "tree/locked", 0, 0), 0);
        assert_int_equal(fs_remove_tree(d.fd, "tree"), 0);
        assert_int_equal(fstatat(d.fd, "tree", &st, 0), -1);
        assert_int_equal(fstatat(d.fd, "outside/keep", &st, 0), 0);
        assert_int_equal(fs_remove_tree(d.fd, "tree"), 0);
}

static void copies_keep_links_holes_and_modes(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        struct stat a, b;
        char target[16] = "";

        (void)state;
        test_dir_init(&d);
        assert_int_equal(fs_mkdirs(d.fd, "from/sub", 0755), 0);
        assert_int_equal(fs_write_file(d.fd, "from/sub/f", "hello", 5, 0640), 0);
        assert_int_equal(linkat(d.fd, "from/sub/f", d.fd, "from/again", 0), 0);
        assert_int_equal(symlinkat("sub/f", d.fd, "from/sym"), 0);
        assert_int_equal(fs_write_file(d.fd, "from/holes", "", 0, 0644), 0);
        AUTO_CLOSE int holes = openat(d.fd, "from/holes", O_WRONLY | O_CLOEXEC);
        assert_int_equal(ftruncate(holes, 1 << 30), 0);
        assert_int_equal(pwrite(holes, "x", 1, 1 << 20), 1);
        assert_int_equal(fchmodat(d.fd, "from/sub", 01777, 0), 0);

        assert_int_equal(fs_copy_tree(d.fd, "from", d.fd, "to"), 0);
        assert_int_equal(fstatat(d.fd, "to/sub/f", &a, 0), 0);
        assert_int_equal(fstatat(d.fd, "to/again", &b, 0), 0);
        assert_int_equal(a.st_ino, b.st_ino);
        assert_int_equal(a.st_mode & 07777, 0640);
        assert_int_equal(fstatat(d.fd, "to/sub", &a, 0), 0);
        assert_int_equal(a.st_mode & 07777, 01777);
        assert_int_equal(fstatat(d.fd, "to/holes", &a, 0), 0);
        assert_int_equal(a.st_size, 1 << 30);
        assert_true(a.st_blocks < 1000);
        assert_int_equal(readlinkat(d.fd, "to/sym", target, sizeof(target)), 5);
        assert_int_equal(fs_copy_tree(d.fd, "from", d.fd, "to"), -EEXIST);
}

static void atomic_write_replaces_and_leaves_no_temporary(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        struct buf b = BUF_NULL(100);

        (void)state;
        test_dir_init(&d);
        assert_int_equal(atomic_file_write(d.fd, "f", "one", 3, 0640, ATOMIC_FILE_DURABLE), 0);
        assert_int_equal(atomic_file_write(d.fd, "f", "two!", 4, 0640, ATOMIC_FILE_VOLATILE), 0);
        assert_int_equal(fs_read_file(d.fd, "f", &b), 0);
        assert_string_equal(buf_str(&b), "two!");
        assert_int_equal(mkdirat(d.fd, "dir", 0755), 0);
        assert_true(atomic_file_write(d.fd, "dir", "x", 1, 0640, 0) < 0);
        assert_int_equal(unlinkat(d.fd, "f", 0), 0);
        assert_int_equal(unlinkat(d.fd, "dir", AT_REMOVEDIR), 0);
        assert_int_equal(rmdir(d.path), 0); /* empty: nothing was left behind */
        buf_done(&b);
}

static void a_lock_follows_the_directory_through_rename(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO_CLOSE int owner = -1, other = -1;

        (void)state;
        test_dir_init(&d);
        assert_int_equal(mkdirat(d.fd, "a", 0755), 0);
        owner = fs_open_dir(d.fd, "a");
        assert_int_equal(flock_try_exclusive(owner), 0);
        assert_int_equal(renameat(d.fd, "a", d.fd, "b"), 0);
        other = fs_open_dir(d.fd, "b");
        assert_int_equal(flock_probe(other), 1);
        assert_int_equal(flock_try_exclusive(other), -EWOULDBLOCK);
        assert_int_equal(flock_wait(other, true, time_monotonic() + 5 * NSEC_PER_MSEC), -ETIMEDOUT);
        closep(&owner);
        assert_int_equal(flock_probe(other), 0);
        assert_int_equal(flock_try_exclusive(other), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_fifo_does_not_hang_the_reader),
                cmocka_unit_test(a_users_file_may_be_a_symlink),
                cmocka_unit_test(reading_stops_at_the_maximum),
                cmocka_unit_test(paths_in_a_root_stay_inside),
                cmocka_unit_test(removal_takes_deep_and_locked_up_trees_and_follows_nothing),
                cmocka_unit_test(copies_keep_links_holes_and_modes),
                cmocka_unit_test(atomic_write_replaces_and_leaves_no_temporary),
                cmocka_unit_test(a_lock_follows_the_directory_through_rename),
        };
        return cmocka_run_group_tests_name("util/fs", tests, NULL, NULL);
}
