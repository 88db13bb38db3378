/* SPDX-License-Identifier: Apache-2.0 */
/* Honest archives. The others: test_untar_hostile.c. */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "untar_test.h"

#include <errno.h>

static void files_dirs_links_and_modes_arrive(void **state)
{
        UNTAR_SETUP;
        struct stat st;

        NEEDS_ROOT;
        tar_add(&tar, (struct tar_entry){
                              .name = "./", .type = '5', .mode = 0711, .uid = 5, .mtime = 1000 });
        tar_add(&tar,
                (struct tar_entry){ .name = "bin/", .type = '5', .mode = 01777, .mtime = 1234 });
        tar_add(&tar, (struct tar_entry){ .name = "bin/su",
                                          .mode = 04755,
                                          .uid = 7,
                                          .gid = 8,
                                          .mtime = 5678,
                                          .data = "elf" });
        tar_symlink(&tar, "bin/sh", "/bin/su");
        tar_hardlink(&tar, "bin/su2", "bin/su");
        tar_add(&tar, (struct tar_entry){ .name = "fifo", .type = '6', .mode = 0640 });
        tar_add(&tar, (struct tar_entry){
                              .name = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3 });
        tar_add(&tar, (struct tar_entry){
                              .name = "disk", .type = '4', .mode = 0660, .major = 8, .minor = 1 });
        tar_end(&tar);
        assert_ok(untar_layer(&tar, fs, &e), &e);

        st = stat_of(fs, ".");
        assert_int_equal(st.st_mode, S_IFDIR | 0711);
        assert_int_equal(st.st_uid, 5);
        assert_int_equal(st.st_mtime, 1000);
        st = stat_of(fs, "bin");
        assert_int_equal(st.st_mode, S_IFDIR | 01777);
        assert_int_equal(st.st_mtime, 1234);
        st = stat_of(fs, "bin/su");
        assert_int_equal(st.st_mode, S_IFREG | 04755);
        assert_int_equal(st.st_uid, 7);
        assert_int_equal(st.st_gid, 8);
        assert_int_equal(st.st_mtime, 5678);
        assert_int_equal(st.st_nlink, 2);
        assert_int_equal(stat_of(fs, "bin/su2").st_ino, st.st_ino);
        assert_content(fs, "bin/su", "elf");
        assert_true(S_ISLNK(stat_of(fs, "bin/sh").st_mode));
        assert_int_equal(stat_of(fs, "fifo").st_mode, S_IFIFO | 0640);
        st = stat_of(fs, "null");
        assert_int_equal(st.st_mode, S_IFCHR | 0666);
        assert_int_equal(st.st_rdev, makedev(1, 3));
        st = stat_of(fs, "disk");
        assert_int_equal(st.st_mode, S_IFBLK | 0660);
}

static void large_owners_and_fractions_come_from_pax(void **state)
{
        UNTAR_SETUP;
        struct stat st;

        NEEDS_ROOT;
        tar_pax_text(&tar, "uid", "4000000000");
        tar_file(&tar, "a", "");
        tar_pax_text(&tar, "gid", "65537");
        tar_file(&tar, "b", "");
        tar_pax_text(&tar, "mtime", "123456789.25");
        tar_file(&tar, "c", "");
        tar_end(&tar);
        assert_ok(untar_layer(&tar, fs, &e), &e);
        assert_int_equal(stat_of(fs, "a").st_uid, 4000000000);
        assert_int_equal(stat_of(fs, "b").st_gid, 65537);
        st = stat_of(fs, "c");
        assert_int_equal(st.st_mtim.tv_sec, 123456789);
        assert_int_equal(st.st_mtim.tv_nsec, 250000000);
}

static void absolute_and_dotted_names_are_relative_to_the_root(void **state)
{
        UNTAR_SETUP;

        tar_file(&tar, "/abs", "1");
        tar_file(&tar, "././a//b/./c", "2");
        tar_hardlink(&tar, "link", "/abs");
        tar_end(&tar);
        assert_ok(untar_layer(&tar, fs, &e), &e);
        assert_content(fs, "abs", "1");
        assert_content(fs, "a/b/c", "2");
        assert_content(fs, "link", "1");
        assert_nothing_outside(&outer);
}

static void missing_parents_are_0755(void **state)
{
        UNTAR_SETUP;
        struct untar_result r;

        tar_add(&tar, (struct tar_entry){ .name = "x/y/z", .mode = 0600, .mtime = 77 });
        tar_end(&tar);
        assert_ok(untar_buf(&tar, fs, &(struct untar_options){ 0 }, &r, &e), &e);
        assert_int_equal(stat_of(fs, "x").st_mode, S_IFDIR | 0755);
        assert_int_equal(stat_of(fs, "x/y").st_mode, S_IFDIR | 0755);
        assert_int_equal(stat_of(fs, "x/y").st_mtime, 77);
        assert_true(r.depends_on_lowers);
        assert_int_equal(r.entries, 1);
}

static void implied_directory_looks_as_below(void **state)
{
        UNTAR_SETUP;
        AUTO_CLOSE int low = -1, lower2 = -1;
        int lowers[2];
        struct untar_result r;
        struct stat st;

        NEEDS_ROOT;
        assert_int_equal(mkdirat(outer.fd, "low", 0755), 0);
        assert_int_equal(mkdirat(outer.fd, "low/tmp", 0755), 0);
        assert_int_equal(fchmodat(outer.fd, "low/tmp", 01777, 0), 0);
        assert_int_equal(fchownat(outer.fd, "low/tmp", 3, 4, 0), 0);
        assert_int_equal(mkdirat(outer.fd, "top", 0755), 0);
        lowers[0] = lower2 = openat(outer.fd, "top", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        lowers[1] = low = openat(outer.fd, "low", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        tar_file(&tar, "tmp/x", "");
        tar_end(&tar);
        assert_ok(untar_buf(&tar, fs, &(struct untar_options){ .lowers = lowers, .n_lowers = 2 },
                            &r, &e),
                  &e);
        st = stat_of(fs, "tmp");
        assert_int_equal(st.st_mode, S_IFDIR | 01777);
        assert_int_equal(st.st_uid, 3);
        assert_int_equal(st.st_gid, 4);
        assert_true(r.depends_on_lowers);
}

static void layer_with_all_its_directories_stands_alone(void **state)
{
        UNTAR_SETUP;
        struct untar_result r;

        tar_dir(&tar, "a/");
        tar_dir(&tar, "a/b/");
        tar_file(&tar, "a/b/c", "x");
        tar_end(&tar);
        assert_ok(untar_buf(&tar, fs, &(struct untar_options){ 0 }, &r, &e), &e);
        assert_false(r.depends_on_lowers);
        assert_int_equal(r.entries, 3);
        assert_int_equal(r.bytes, 1);
}

static void hard_link_to_a_lower_file_copies_it_up(void **state)
{
        UNTAR_SETUP;
        AUTO_CLOSE int low = -1;
        struct untar_result r;

        assert_int_equal(mkdirat(outer.fd, "low", 0755), 0);
        assert_int_equal(mkdirat(outer.fd, "low/d", 0755), 0);
        assert_int_equal(fs_write_file(outer.fd, "low/d/f", "data", 4, 0640), 0);
        low = openat(outer.fd, "low", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        tar_hardlink(&tar, "g", "d/f");
        tar_end(&tar);
        assert_ok(untar_buf(&tar, fs, &(struct untar_options){ .lowers = &low, .n_lowers = 1 }, &r,
                            &e),
                  &e);
        assert_content(fs, "g", "data");
        assert_int_equal(stat_of(fs, "d/f").st_ino, stat_of(fs, "g").st_ino);
        assert_true(r.depends_on_lowers);
}

static void later_entries_replace_earlier_ones(void **state)
{
        UNTAR_SETUP;

        NEEDS_ROOT; /* a directory after a file is opaque */
        tar_file(&tar, "f", "old");
        tar_file(&tar, "f", "new");
        tar_dir(&tar, "d");
        tar_file(&tar, "d/in", "x");
        tar_file(&tar, "d", "now a file");
        tar_file(&tar, "g", "x");
        tar_dir(&tar, "g");
        tar_file(&tar, "g/in", "y");
        tar_symlink(&tar, "l", "g");
        tar_dir(&tar, "l");
        tar_file(&tar, "l/in", "own");
        tar_file(&tar, "s", "x");
        tar_symlink(&tar, "s", "g");
        tar_hardlink(&tar, "f", "f"); /* to itself */
        tar_hardlink(&tar, "g/in", "f");
        tar_dir(&tar, "e");
        tar_file(&tar, "e/1", "1");
        tar_add(&tar, (struct tar_entry){ .name = "e", .type = '5', .mode = 0700 });
        tar_end(&tar);
        assert_ok(untar_layer(&tar, fs, &e), &e);
        assert_content(fs, "f", "new");
        assert_content(fs, "d", "now a file");
        assert_content(fs, "g/in", "new");
        assert_content(fs, "l/in", "own");
        assert_true(S_ISDIR(stat_of(fs, "l").st_mode));
        assert_true(S_ISLNK(stat_of(fs, "s").st_mode));
        assert_content(fs, "e/1", "1");
        assert_int_equal(stat_of(fs, "e").st_mode, S_IFDIR | 0700);
}

static void symlinks_in_the_middle_are_followed_as_in_a_chroot(void **state)
{
        UNTAR_SETUP;

        tar_dir(&tar, "run");
        tar_symlink(&tar, "var", "/");
        tar_symlink(&tar, "up", "../../../../run");
        tar_file(&tar, "var/run/x", "x");
        tar_file(&tar, "up/y", "y");
        tar_end(&tar);
        assert_ok(untar_layer(&tar, fs, &e), &e);
        assert_content(fs, "run/x", "x");
        assert_content(fs, "run/y", "y");
        assert_nothing_outside(&outer);
}

static void whiteouts_become_overlay_devices(void **state)
{
        UNTAR_SETUP;

        NEEDS_ROOT;
        tar_dir(&tar, "etc");
        tar_file(&tar, "etc/.wh.passwd", "");
        tar_file(&tar, ".wh.gone", "");
        tar_file(&tar, ".wh..wh.plnk", "aufs's own");
        tar_file(&tar, "etc/.wh..wh.aufs", "");
        tar_end(&tar);
        assert_ok(untar_layer(&tar, fs, &e), &e);
        assert_true(is_whiteout(fs, "etc/passwd"));
        assert_true(is_whiteout(fs, "gone"));
        assert_false(is_there(fs, ".wh..wh.plnk"));
        assert_false(is_there(fs, "etc/.wh..wh.aufs"));
        assert_false(is_there(fs, "etc/.wh.passwd"));
}

static void opaque_marks_work_in_both_orders(void **state)
{
        UNTAR_SETUP;

        NEEDS_ROOT;
        tar_file(&tar, "a/.wh..wh..opq", "");
        tar_add(&tar, (struct tar_entry){ .name = "a", .type = '5', .mode = 0750 });
        tar_file(&tar, "a/f", "f");
        tar_dir(&tar, "b");
        tar_file(&tar, "b/f", "f");
        tar_file(&tar, "b/.wh..wh..opq", "");
        tar_dir(&tar, "c");
        tar_end(&tar);
        assert_ok(untar_layer(&tar, fs, &e), &e);
        assert_true(is_opaque(fs, "a"));
        assert_true(is_opaque(fs, "b"));
        assert_false(is_opaque(fs, "c"));
        assert_int_equal(stat_of(fs, "a").st_mode, S_IFDIR | 0750);
        assert_content(fs, "a/f", "f");
        assert_content(fs, "b/f", "f");
}

static void whiteout_of_what_the_layer_brings_hides_only_below(void **state)
{
        UNTAR_SETUP;

        NEEDS_ROOT;
        tar_file(&tar, ".wh.d1", "");
        tar_dir(&tar, "d1");
        tar_file(&tar, "d1/x", "x");
        tar_dir(&tar, "d2");
        tar_file(&tar, "d2/x", "x");
        tar_file(&tar, ".wh.d2", "");
        tar_file(&tar, ".wh.f1", "");
        tar_file(&tar, "f1", "f");
        tar_file(&tar, "f2", "f");
        tar_file(&tar, ".wh.f2", "");
        tar_file(&tar, ".wh.d3", "");
        tar_file(&tar, "d3/x", "implied");
        tar_end(&tar);
        assert_ok(untar_layer(&tar, fs, &e), &e);
        assert_true(is_opaque(fs, "d1"));
        assert_true(is_opaque(fs, "d2"));
        assert_true(is_opaque(fs, "d3"));
        assert_content(fs, "d1/x", "x");
        assert_content(fs, "d2/x", "x");
        assert_content(fs, "f1", "f");
        assert_content(fs, "f2", "f");
        assert_content(fs, "d3/x", "implied");
}

/* As umoci writes a directory that became a file or a symlink. */
static void whiteouts_below_a_replaced_directory_hide_nothing(void **state)
{
        UNTAR_SETUP;

        NEEDS_ROOT;
        tar_dir(&tar, "keep");
        tar_file(&tar, "keep/x", "x");
        tar_file(&tar, "was-dir", "now a file");
        tar_file(&tar, "was-dir/.wh.x", "");
        tar_symlink(&tar, "link", "keep");
        tar_file(&tar, "link/.wh.y", "");
        tar_file(&tar, "link/.wh..wh..opq", "");
        tar_file(&tar, ".wh.gone", "");
        tar_file(&tar, "gone/.wh.x", "");
        tar_end(&tar);
        assert_ok(untar_layer(&tar, fs, &e), &e);
        assert_content(fs, "was-dir", "now a file");
        assert_true(is_whiteout(fs, "gone"));
        assert_false(is_there(fs, "keep/y"));
        assert_false(is_opaque(fs, "keep"));
        assert_content(fs, "keep/x", "x");
}

static void opaque_root_whites_out_all_names_below(void **state)
{
        UNTAR_SETUP;
        AUTO_CLOSE int low = -1;
        struct untar_result r;

        NEEDS_ROOT;
        assert_int_equal(fs_mkdirs(outer.fd, "low/etc", 0755), 0);
        assert_int_equal(fs_mkdirs(outer.fd, "low/usr", 0755), 0);
        low = openat(outer.fd, "low", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        tar_file(&tar, ".wh..wh..opq", "");
        tar_dir(&tar, "etc");
        tar_end(&tar);
        assert_ok(untar_buf(&tar, fs, &(struct untar_options){ .lowers = &low, .n_lowers = 1 }, &r,
                            &e),
                  &e);
        assert_true(is_opaque(fs, "etc"));
        assert_true(is_whiteout(fs, "usr"));
        assert_true(r.depends_on_lowers);
}

static void xattrs_arrive_but_never_those_of_overlayfs(void **state)
{
        UNTAR_SETUP;
        static const char caps[20] = "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0";
        char v[128];

        NEEDS_ROOT;
        tar_pax_text(&tar, "SCHILY.xattr.trusted.overlay.opaque", "y");
        tar_dir(&tar, "d");
        tar_pax_text(&tar, "SCHILY.xattr.trusted.overlay.redirect", "/etc");
        tar_dir(&tar, "d2");
        tar_pax(&tar, "SCHILY.xattr.security.capability", caps, sizeof(caps));
        tar_add(&tar, (struct tar_entry){ .name = "ping", .mode = 0755, .uid = 1, .data = "x" });
        tar_pax_text(&tar, "SCHILY.xattr.trusted.x", "value");
        tar_file(&tar, "t", "x");
        tar_pax_text(&tar, "SCHILY.xattr.security.selinux", "label");
        tar_file(&tar, "s", "x");
        tar_end(&tar);
        assert_ok(untar_layer(&tar, fs, &e), &e);
        assert_false(is_opaque(fs, "d"));
        (void)snprintf(v, sizeof(v), "%s/fs/d2", outer.path);
        assert_int_equal(lgetxattr(v, "trusted.overlay.redirect", v, sizeof(v)), -1);
        (void)snprintf(v, sizeof(v), "%s/fs/ping", outer.path);
        assert_int_equal(lgetxattr(v, "security.capability", v, sizeof(v)), sizeof(caps));
        assert_memory_equal(v, caps, sizeof(caps));
        (void)snprintf(v, sizeof(v), "%s/fs/t", outer.path);
        assert_int_equal(lgetxattr(v, "trusted.x", v, sizeof(v)), 5);
        (void)snprintf(v, sizeof(v), "%s/fs/s", outer.path);
        assert_int_equal(lgetxattr(v, "security.selinux", v, sizeof(v)), -1);
}

static void who_is_not_root_gets_what_is_possible(void **state)
{
        UNTAR_SETUP;
        struct untar_result r;
        AUTO_CLOSE int d = -1;
        char v[4];
        int result;

        NEEDS_ROOT; /* to become somebody else */
        tar_add(&tar, (struct tar_entry){
                              .name = "null", .type = '3', .mode = 0666, .major = 1, .minor = 3 });
        tar_add(&tar, (struct tar_entry){ .name = "su", .mode = 06755, .uid = 0, .data = "elf" });
        tar_add(&tar, (struct tar_entry){ .name = "closed", .type = '5', .mode = 0500 });
        tar_add(&tar, (struct tar_entry){ .name = "closed/in", .type = '5', .mode = 0 });
        tar_file(&tar, "closed/in/file", "x");
        tar_file(&tar, ".wh.gone", "");
        tar_dir(&tar, "d");
        tar_file(&tar, "d/.wh..wh..opq", "");
        tar_end(&tar);
        assert_int_equal(fchown(outer.fd, 65534, 65534), 0);
        assert_int_equal(fchown(fs, 65534, 65534), 0);
        assert_int_equal(seteuid(65534), 0);
        result = untar_buf(&tar, fs, &(struct untar_options){ .user_xattr = true }, &r, &e);
        assert_int_equal(seteuid(0), 0);
        assert_ok(result, &e);
        assert_false(is_there(fs, "null"));
        assert_int_equal(stat_of(fs, "su").st_mode,
                         S_IFREG | 0755); /* of another owner now: not setuid */
        assert_int_equal(stat_of(fs, "closed").st_mode, S_IFDIR | 0500);
        assert_int_equal(stat_of(fs, "closed/in").st_mode, S_IFDIR);
        assert_content(fs, "closed/in/file", "x");
        assert_true(is_whiteout(fs, "gone"));
        d = openat(fs, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(fgetxattr(d, "user.overlay.opaque", v, sizeof(v)), 1);
        assert_true(r.skipped > 0);
        assert_string_equal(r.skipped_first, "null: device: Operation not permitted");
}

static void sparse_file_keeps_its_holes(void **state)
{
        UNTAR_SETUP;
        struct buf records = BUF_NULL(4096);
        AUTO_CLOSE int fd = -1;
        struct untar_result r;
        struct stat st;
        char data[4] = "";

        /* GNU.sparse 0.1: the map is in the pax header, the data parts follow packed */
        tar_pax_record(&records, "GNU.sparse.name", "disk", 4);
        tar_pax_record(&records, "GNU.sparse.size", "5000000000", 10);
        tar_pax_record(&records, "GNU.sparse.map", "4294967296,3,5000000000,0", 25);
        tar_pax_header(&tar, &records);
        tar_file(&tar, "GNUSparseFile.1/disk", "abc");
        tar_file(&tar, "after", "x");
        tar_end(&tar);
        assert_ok(untar_buf(&tar, fs, &(struct untar_options){ 0 }, &r, &e), &e);
        st = stat_of(fs, "disk");
        assert_int_equal(st.st_size, 5000000000);
        assert_true(st.st_blocks <= 64);
        fd = openat(fs, "disk", O_RDONLY | O_CLOEXEC);
        assert_int_equal(pread(fd, data, 3, 4294967296), 3);
        assert_string_equal(data, "abc");
        assert_content(fs, "after", "x");
        assert_int_equal(r.bytes, 4);
}

static void unicode_and_raw_byte_names_are_kept(void **state)
{
        UNTAR_SETUP;

        tar_pax_text(&tar, "path", "caf\xc3\xa9");
        tar_file(&tar, "x", "1");
        tar_pax_text(&tar, "path", "latin\xe9");
        tar_file(&tar, "x", "2");
        tar_file(&tar, "raw\xff", "3");
        tar_pax_text(&tar, "linkpath", "t\xe9");
        tar_symlink(&tar, "l", "x");
        tar_end(&tar);
        assert_ok(untar_layer(&tar, fs, &e), &e);
        assert_content(fs, "caf\xc3\xa9", "1");
        assert_content(fs, "latin\xe9", "2");
        assert_content(fs, "raw\xff", "3");
        assert_true(S_ISLNK(stat_of(fs, "l").st_mode));
        assert_int_equal(stat_of(fs, "l").st_size, 2);
}

static void path_of_4096_bytes_arrives(void **state)
{
        UNTAR_SETUP;
        char path[4097];
        AUTO_CLOSE int at = -1;

        for (size_t i = 0; i < 4096; i++)
                path[i] = i % 200 == 199 ? '/' : 'd';
        path[4096] = 0;
        tar_pax_text(&tar, "path", path);
        tar_file(&tar, "x", "deep");
        tar_end(&tar);
        assert_ok(untar_layer(&tar, fs, &e), &e);
        path[4096 - 96 - 1] = 0;
        at = fs_open_in_root(fs, path, O_RDONLY | O_DIRECTORY, 0);
        assert_true(at >= 0);
        assert_content(at, path + sizeof(path) - 1 - 96, "deep");
}

static void empty_archives_are_empty_layers(void **state)
{
        UNTAR_SETUP;
        struct untar_result r;

        assert_ok(untar_buf(&tar, fs, &(struct untar_options){ 0 }, &r, &e), &e);
        assert_int_equal(r.entries, 0);
        tar_end(&tar);
        assert_ok(untar_buf(&tar, fs, &(struct untar_options){ .require_end = true }, &r, &e), &e);
        assert_int_equal(r.entries, 0);
}

static void chunk_size_of_the_input_does_not_matter(void **state)
{
        UNTAR_SETUP;
        static const size_t chunks[] = { 512, 1000, 4096, 10240 };
        AUTO_FREE char *big = malloc(100001);

        memset(big, 'x', 100000);
        big[100000] = 0;
        tar_dir(&tar, "d");
        tar_pax_text(&tar, "path", "d/with-a-pax-name");
        tar_file(&tar, "x", big);
        tar_file(&tar, "d/2", "2");
        tar_end(&tar);
        for (size_t i = 0; i < ARRAY_LEN(chunks); i++) {
                struct untar_feed feed = { .tar = &tar, .chunk = chunks[i] };
                struct untar_input in = { untar_feed_next, &feed };
                struct untar_result r;

                assert_ok(
                        untar(&in, fs, &(struct untar_options){ .name = "app.tar" }, NULL, &r, &e),
                        &e);
                assert_int_equal(r.bytes, 100001);
                assert_int_equal(feed.pos, tar.len);
                assert_int_equal(stat_of(fs, "d/with-a-pax-name").st_size, 100000);
        }
}

static void bytes_after_the_end_marker_are_pulled_and_ignored(void **state)
{
        UNTAR_SETUP;
        struct untar_feed feed = { .tar = &tar, .chunk = 512 };
        struct untar_input in = { untar_feed_next, &feed };
        struct untar_result r;

        tar_file(&tar, "f", "f");
        tar_end(&tar);
        tar_file(&tar, "behind", "the end");
        assert_ok(untar(&in, fs, &(struct untar_options){ .name = "app.tar" }, NULL, &r, &e), &e);
        assert_int_equal(feed.pos, tar.len);
        assert_false(is_there(fs, "behind"));
}

static void aci_gives_manifest_and_rootfs(void **state)
{
        UNTAR_SETUP;
        AUTO(buf_done) struct buf manifest = BUF_NULL(1024);
        struct untar_feed feed = { .tar = &tar };
        struct untar_input in = { untar_feed_next, &feed };
        struct untar_result r;

        tar_add(&tar, (struct tar_entry){ .name = "rootfs", .type = '5', .mode = 0751 });
        tar_file(&tar, "rootfs/a", "a");
        tar_hardlink(&tar, "rootfs/b", "rootfs/a");
        tar_file(&tar, "rootfs/.wh.c", "no whiteout here");
        tar_file(&tar, "rootfs/rootfs/d", "d");
        tar_file(&tar, "manifest", "{\"acKind\":1}");
        tar_end(&tar);
        assert_ok(untar(&in, fs, &(struct untar_options){ .name = "app.aci", .mode = UNTAR_ACI },
                        &manifest, &r, &e),
                  &e);
        assert_string_equal(buf_str(&manifest), "{\"acKind\":1}");
        assert_content(fs, "a", "a");
        assert_int_equal(stat_of(fs, "b").st_nlink, 2);
        assert_content(fs, ".wh.c", "no whiteout here");
        assert_content(fs, "rootfs/d", "d");
        assert_int_equal(stat_of(fs, ".").st_mode, S_IFDIR | 0751);
        assert_false(r.depends_on_lowers);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(files_dirs_links_and_modes_arrive),
                cmocka_unit_test(large_owners_and_fractions_come_from_pax),
                cmocka_unit_test(absolute_and_dotted_names_are_relative_to_the_root),
                cmocka_unit_test(missing_parents_are_0755),
                cmocka_unit_test(implied_directory_looks_as_below),
                cmocka_unit_test(layer_with_all_its_directories_stands_alone),
                cmocka_unit_test(hard_link_to_a_lower_file_copies_it_up),
                cmocka_unit_test(later_entries_replace_earlier_ones),
                cmocka_unit_test(symlinks_in_the_middle_are_followed_as_in_a_chroot),
                cmocka_unit_test(whiteouts_become_overlay_devices),
                cmocka_unit_test(opaque_marks_work_in_both_orders),
                cmocka_unit_test(whiteout_of_what_the_layer_brings_hides_only_below),
                cmocka_unit_test(whiteouts_below_a_replaced_directory_hide_nothing),
                cmocka_unit_test(opaque_root_whites_out_all_names_below),
                cmocka_unit_test(xattrs_arrive_but_never_those_of_overlayfs),
                cmocka_unit_test(who_is_not_root_gets_what_is_possible),
                cmocka_unit_test(sparse_file_keeps_its_holes),
                cmocka_unit_test(unicode_and_raw_byte_names_are_kept),
                cmocka_unit_test(path_of_4096_bytes_arrives),
                cmocka_unit_test(empty_archives_are_empty_layers),
                cmocka_unit_test(chunk_size_of_the_input_does_not_matter),
                cmocka_unit_test(bytes_after_the_end_marker_are_pulled_and_ignored),
                cmocka_unit_test(aci_gives_manifest_and_rootfs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
