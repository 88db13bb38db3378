/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives made to hurt: each must end in an error that names file, entry and reason, or in
 * harmless files.
 */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "untar_test.h"

#include <sys/resource.h>

static void dotdot_is_refused_wherever_it_stands(void **state)
{
        static const char *const names[] = { "..",   "../evil",  "a/../../evil",
                                             "a/..", "/../evil", "./.." };

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                UNTAR_SETUP;
                char want[128];

                tar_file(&tar, names[i], "x");
                tar_end(&tar);
                (void)snprintf(want, sizeof(want), "app.tar: entry \"%s\": \"..\" in the name",
                               names[i]);
                assert_err(untar_layer(&tar, fs, &e), &e, ERR_BAD_DATA, want);
                assert_nothing_outside(&outer);
        }
}

static void hard_links_lead_nowhere_outside(void **state)
{
        UNTAR_SETUP;
        AUTO(buf_done)
        struct buf tar2 = BUF_NULL(65536), tar3 = BUF_NULL(65536), tar4 = BUF_NULL(65536);

        assert_int_equal(fs_write_file(outer.fd, "fs/../secret", "s", 1, 0600), 0);
        tar_hardlink(&tar, "a", "../secret");
        tar_end(&tar);
        assert_err(untar_layer(&tar, fs, &e), &e, ERR_BAD_DATA,
                   "app.tar: entry \"a\": \"..\" in the link target");

        tar_hardlink(&tar2, "a", "/etc/passwd");
        tar_end(&tar2);
        assert_err(untar_layer(&tar2, fs, &e), &e, ERR_BAD_DATA,
                   "app.tar: entry \"a\": hard link to \"etc/passwd\", which is not in the image");

        tar_symlink(&tar3, "up", "../");
        tar_hardlink(&tar3, "a", "up/secret");
        tar_end(&tar3);
        assert_err(untar_layer(&tar3, fs, &e), &e, ERR_BAD_DATA,
                   "app.tar: entry \"a\": hard link to \"up/secret\", which is not in the image");

        tar_dir(&tar4, "d");
        tar_hardlink(&tar4, "a", "d");
        tar_end(&tar4);
        assert_err(untar_layer(&tar4, fs, &e), &e, ERR_BAD_DATA,
                   "app.tar: entry \"a\": hard link to the directory \"d\"");
        assert_int_equal(stat_of(outer.fd, "secret").st_nlink, 1);
}

static void writing_through_symlinks_stays_inside_or_fails(void **state)
{
        static const char *const targets[] = { "/etc", "../../../../../../etc",
                                               "/proc/self/root/etc", "/tmp" };

        for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
                UNTAR_SETUP;

                tar_symlink(&tar, "out", targets[i]);
                tar_file(&tar, "out/carob-evil", "x");
                tar_end(&tar);
                assert_err(untar_layer(&tar, fs, &e), &e, ERR_BAD_DATA,
                           "app.tar: entry \"out/carob-evil\": its directory \"out\" is a symbolic "
                           "link that leads to "
                           "no directory here");
                assert_nothing_outside(&outer);
                assert_int_not_equal(access("/etc/carob-evil", F_OK), 0);
                assert_int_not_equal(access("/tmp/carob-evil", F_OK), 0);
        }
}

static void file_over_an_escaping_symlink_replaces_the_link(void **state)
{
        UNTAR_SETUP;

        assert_int_equal(fs_write_file(outer.fd, "fs/victim", "v", 1, 0600), 0);
        tar_symlink(&tar, "l", "../victim");
        tar_file(&tar, "l", "own");
        tar_symlink(&tar, "m", "victim");
        tar_add(&tar, (struct tar_entry){ .name = "m", .mode = 04777, .uid = 0, .data = "own" });
        tar_end(&tar);
        assert_ok(untar_layer(&tar, fs, &e), &e);
        assert_content(fs, "l", "own");
        assert_content(fs, "victim", "v");
        assert_int_equal(stat_of(fs, "victim").st_mode, S_IFREG | 0600);
}

static void symlink_loop_is_an_error(void **state)
{
        UNTAR_SETUP;

        tar_symlink(&tar, "a", "b");
        tar_symlink(&tar, "b", "a");
        tar_file(&tar, "a/x", "x");
        tar_end(&tar);
        assert_err(untar_layer(&tar, fs, &e), &e, ERR_BAD_DATA,
                   "app.tar: entry \"a/x\": its directory \"a\" is a symbolic link that leads to "
                   "no directory here");
}

static void file_as_a_directory_is_an_error(void **state)
{
        UNTAR_SETUP;

        tar_file(&tar, "a", "x");
        tar_file(&tar, "a/b", "x");
        tar_end(&tar);
        assert_err(untar_layer(&tar, fs, &e), &e, ERR_BAD_DATA,
                   "app.tar: entry \"a/b\": \"a\" is not a directory");
}

static void whiteouts_of_dots_are_refused(void **state)
{
        static const char *const names[] = { ".wh.", ".wh..", ".wh...", "d/.wh..." };

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                UNTAR_SETUP;

                tar_file(&tar, names[i], "");
                tar_end(&tar);
                assert_int_equal(untar_layer(&tar, fs, &e), -1);
                assert_int_equal(e.kind, ERR_BAD_DATA);
                assert_non_null(strstr(e.text, "whiteout of \""));
                assert_nothing_outside(&outer);
        }
}

static void names_over_the_limits_are_refused(void **state)
{
        UNTAR_SETUP;
        AUTO(buf_done) struct buf tar2 = BUF_NULL(65536), tar3 = BUF_NULL(65536);
        AUTO_FREE char *name = calloc(1, 5001);

        memset(name, 'n', 5000);
        for (int i = 100; i < 5000; i += 100)
                name[i] = '/';
        tar_pax_text(&tar, "path", name);
        tar_file(&tar, "x", "");
        tar_end(&tar);
        assert_int_equal(untar_layer(&tar, fs, &e), -1);
        assert_int_equal(e.kind, ERR_LIMIT);
        assert_non_null(strstr(e.text, "app.tar: entry \"nnn"));
        assert_non_null(strstr(e.text, ": name has 5000 bytes, more than 4096 (limit)"));

        memset(name, 'n', 5000);
        name[300] = 0;
        tar_pax_text(&tar2, "path", name);
        tar_file(&tar2, "x", "");
        tar_end(&tar2);
        assert_int_equal(untar_layer(&tar2, fs, &e), -1);
        assert_int_equal(e.kind, ERR_LIMIT);
        assert_non_null(
                strstr(e.text, ": a component of the name has 300 bytes, more than 255 (limit)"));

        for (int i = 0; i < 600; i++)
                name[i] = i % 2 ? '/' : 'd';
        name[600] = 0;
        tar_pax_text(&tar3, "path", name);
        tar_file(&tar3, "x", "");
        tar_end(&tar3);
        assert_int_equal(untar_layer(&tar3, fs, &e), -1);
        assert_int_equal(e.kind, ERR_LIMIT);
        assert_non_null(strstr(e.text, ": name has more than 256 components (limit)"));
}

static void control_bytes_of_names_do_not_reach_the_terminal(void **state)
{
        UNTAR_SETUP;

        tar_file(&tar, "\033[2J\n/../x", "");
        tar_end(&tar);
        assert_err(untar_layer(&tar, fs, &e), &e, ERR_BAD_DATA,
                   "app.tar: entry \"\\033[2J\\012/../x\": \"..\" in the name");
}

static void entry_limit_is_enforced(void **state)
{
        UNTAR_SETUP;
        struct untar_options o = { .limits.entries = 10 };
        struct untar_result r;

        for (int i = 0; i < 11; i++)
                tar_file(&tar, "same", "x");
        tar_end(&tar);
        assert_err(untar_buf(&tar, fs, &o, &r, &e), &e, ERR_LIMIT,
                   "app.tar: entry \"same\": more than 10 entries (limit)");
}

static void byte_limit_counts_all_files(void **state)
{
        UNTAR_SETUP;
        struct untar_options o = { .limits.unpacked_bytes = 10 };
        struct untar_result r;

        tar_file(&tar, "a", "12345");
        tar_file(&tar, "b", "12345");
        tar_file(&tar, "c", "1");
        tar_end(&tar);
        assert_err(untar_buf(&tar, fs, &o, &r, &e), &e, ERR_LIMIT,
                   "app.tar: entry \"c\": the files together have more than 10 bytes (limit)");
}

static void claimed_size_is_no_reason_to_write_or_allocate(void **state)
{
        UNTAR_SETUP;
        AUTO(buf_done) struct buf tar2 = BUF_NULL(65536);

        tar_add(&tar, (struct tar_entry){
                              .name = "big", .mode = 0644, .data = "x", .claim = 4ull << 30 });
        assert_int_equal(untar_layer(&tar, fs, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        assert_non_null(strstr(e.text, "app.tar: entry \"big\": Truncated"));
        assert_true(stat_of(fs, "big").st_size <= 512);

        tar_pax_text(&tar2, "size", "9000000000000000000");
        tar_file(&tar2, "huge", "x");
        assert_err(untar_layer(&tar2, fs, &e), &e, ERR_LIMIT,
                   "app.tar: entry \"huge\": claims 9000000000000000000 bytes, more than "
                   "274877906944 (limit)");
}

static void sparse_claim_over_the_limit_is_refused(void **state)
{
        UNTAR_SETUP;
        struct buf records = BUF_NULL(4096);

        tar_pax_record(&records, "GNU.sparse.name", "disk", 4);
        tar_pax_record(&records, "GNU.sparse.size", "4000000000000000000", 19);
        tar_pax_record(&records, "GNU.sparse.map", "0,1", 3);
        tar_pax_header(&tar, &records);
        tar_file(&tar, "x", "x");
        tar_end(&tar);
        assert_err(untar_layer(&tar, fs, &e), &e, ERR_LIMIT,
                   "app.tar: entry \"disk\": claims 4000000000000000000 bytes, more than "
                   "274877906944 (limit)");
}

static void xattr_limit_is_enforced(void **state)
{
        UNTAR_SETUP;
        AUTO_FREE char *value = calloc(1, 70000);

        memset(value, 'v', 69999);
        tar_pax_text(&tar, "SCHILY.xattr.user.x", value);
        tar_file(&tar, "f", "x");
        tar_end(&tar);
        assert_err(untar_layer(&tar, fs, &e), &e, ERR_LIMIT,
                   "app.tar: entry \"f\": more than 65536 bytes of xattrs (limit)");
}

/*
 * GNU sparse extension headers without end: libarchive would keep a node for each of their entries.
 */
static void headers_without_end_are_cut_off(void **state)
{
        UNTAR_SETUP;
        uint8_t ext[512] = { 0 };
        struct untar_feed feed = { .tar = &tar, .chunk = 65536 };
        struct untar_input in = { untar_feed_next, &feed };
        struct untar_result r;

        tar_file(&tar, "first", "x");
        tar_add(&tar, (struct tar_entry){ .name = "s", .type = 'S', .mode = 0644 });
        memcpy(tar.data + 1024 + 257, "ustar  ", 8);
        memcpy(tar.data + 1024 + 386, "00000000001\00000000000000", 24);
        tar.data[1024 + 482] = 1;
        {
                unsigned sum = 0;

                memset(tar.data + 1024 + 148, ' ', 8);
                for (size_t i = 0; i < 512; i++)
                        sum += tar.data[1024 + i];
                (void)snprintf((char *)tar.data + 1024 + 148, 8, "%06o", sum);
        }
        for (size_t i = 0; i < 21; i++)
                memcpy(ext + 24 * i, "00000000001\00000000000000", 24);
        ext[504] = 1;
        for (int i = 0; i < 60000; i++)
                (void)buf_append(&tar, ext, sizeof(ext));
        assert_err(
                untar(&in, fs, &(struct untar_options){ .name = "app.tar" }, NULL, &r, &e), &e,
                ERR_LIMIT,
                "app.tar: entry \"first\": more than 16777216 bytes of headers after it (limit)");
}

static void owners_that_are_no_users_are_refused(void **state)
{
        UNTAR_SETUP;

        tar_pax_text(&tar, "uid", "4294967295"); /* (uid_t)-1 means "leave it" to chown */
        tar_file(&tar, "f", "x");
        tar_end(&tar);
        assert_err(untar_layer(&tar, fs, &e), &e, ERR_BAD_DATA,
                   "app.tar: entry \"f\": owner 4294967295:0 is no user");
}

static void truncation_anywhere_is_an_error(void **state)
{
        UNTAR_SETUP;
        size_t full;

        tar_dir(&tar, "d");
        tar_file(&tar, "d/f", "some content");
        tar_pax_text(&tar, "path", "long");
        tar_file(&tar, "x", "other content");
        full = tar.len;
        tar_end(&tar);
        for (size_t len = 100; len < full; len += 100) {
                struct untar_result r;

                tar.len = len;
                assert_int_equal(
                        untar_buf(&tar, fs, &(struct untar_options){ .require_end = true }, &r, &e),
                        -1);
                if (e.kind != ERR_BAD_DATA)
                        fail_msg("%zu bytes: %s", len, e.text);
                assert_memory_equal(e.text, "app.tar: ", 9);
        }
        tar.len = full; /* between two entries: only the end marker is missing */
        assert_ok(untar_layer(&tar, fs, &e), &e);
        {
                struct untar_result r;

                assert_err(
                        untar_buf(&tar, fs, &(struct untar_options){ .require_end = true }, &r, &e),
                        &e, ERR_BAD_DATA, "app.tar: truncated: the tar archive has no end marker");
        }
}

static void noise_is_no_archive(void **state)
{
        UNTAR_SETUP;

        for (int i = 0; i < 300; i++)
                (void)buf_puts(&tar, "this is not a tar archive. ");
        assert_int_equal(untar_layer(&tar, fs, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        assert_memory_equal(e.text, "app.tar: ", 9);
}

static void aci_must_be_manifest_and_rootfs(void **state)
{
        static const struct {
                const char *name[3];
                const char *want;
        } cases[] = {
                { { "manifest", "evil", NULL },
                  "app.aci: entry \"evil\": an ACI holds \"manifest\" and \"rootfs\" only" },
                { { "manifest", "rootfsx", NULL },
                  "app.aci: entry \"rootfsx\": an ACI holds \"manifest\" and \"rootfs\" only" },
                { { "manifest", "rootfs/a", "manifest" },
                  "app.aci: entry \"manifest\": comes twice" },
                { { "manifest", NULL, NULL }, "app.aci: not an ACI: it has no \"rootfs\"" },
                { { "rootfs/a", NULL, NULL }, "app.aci: not an ACI: it has no \"manifest\"" },
                { { "manifest", "rootfs", NULL },
                  "app.aci: entry \"rootfs\": the root is not a directory" },
                { { "manifest", "rootfs/../manifest", NULL },
                  "app.aci: entry \"rootfs/../manifest\": \"..\" in the name" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                UNTAR_SETUP;
                AUTO(buf_done) struct buf manifest = BUF_NULL(16);
                struct untar_feed feed = { .tar = &tar };
                struct untar_input in = { untar_feed_next, &feed };
                struct untar_result r;

                for (size_t k = 0; k < 3 && cases[i].name[k]; k++)
                        tar_file(&tar, cases[i].name[k], "{}");
                tar_end(&tar);
                assert_err(untar(&in, fs,
                                 &(struct untar_options){ .name = "app.aci", .mode = UNTAR_ACI },
                                 &manifest, &r, &e),
                           &e, ERR_BAD_DATA, cases[i].want);
        }
}

static void aci_manifest_is_bounded(void **state)
{
        UNTAR_SETUP;
        AUTO(buf_done) struct buf manifest = BUF_NULL(16);
        struct untar_feed feed = { .tar = &tar };
        struct untar_input in = { untar_feed_next, &feed };
        struct untar_result r;

        tar_file(&tar, "manifest", "12345678901234567");
        tar_end(&tar);
        assert_err(untar(&in, fs, &(struct untar_options){ .name = "app.aci", .mode = UNTAR_ACI },
                         &manifest, &r, &e),
                   &e, ERR_LIMIT,
                   "app.aci: entry \"manifest\": claims 17 bytes, more than 16 (limit)");
}

static void aci_hard_links_stay_in_rootfs(void **state)
{
        UNTAR_SETUP;
        AUTO(buf_done) struct buf manifest = BUF_NULL(16);
        struct untar_feed feed = { .tar = &tar };
        struct untar_input in = { untar_feed_next, &feed };
        struct untar_result r;

        tar_file(&tar, "manifest", "{}");
        tar_hardlink(&tar, "rootfs/m", "manifest");
        tar_end(&tar);
        assert_err(untar(&in, fs, &(struct untar_options){ .name = "app.aci", .mode = UNTAR_ACI },
                         &manifest, &r, &e),
                   &e, ERR_BAD_DATA,
                   "app.aci: entry \"rootfs/m\": hard link to something outside rootfs");
}

/* An input of many entries made on the fly: nothing of the archive is in memory. */
struct endless {
        uint64_t n;
        uint64_t max;
        uint8_t block[512 * 64];
};

static int endless_next(void *ctx, const void **ret, size_t *ret_len, struct err *e)
{
        struct endless *s = ctx;
        struct buf b = BUF_NULL(sizeof(s->block));

        (void)e;
        for (int i = 0; i < 64 && s->n < s->max; i++, s->n++) {
                char name[32];

                (void)snprintf(name, sizeof(name), "dir-%llu", (unsigned long long)(s->n % 500));
                tar_add(&b, (struct tar_entry){ .name = name, .type = '5', .mode = 0755 });
        }
        if (b.len > 0)
                memcpy(s->block, b.data, b.len);
        *ret = s->block;
        *ret_len = b.len;
        buf_done(&b);
        return 0;
}

/* Directories are what untar has to remember. 200,000 of them pass through 32 MiB at most. */
static void memory_does_not_grow_with_entries(void **state)
{
        UNTAR_SETUP;
        AUTO_FREE struct endless *s = calloc(1, sizeof(*s));
        struct untar_input in = { endless_next, s };
        struct rusage before, after;
        struct untar_result r;

        s->max = 200000;
        (void)getrusage(RUSAGE_SELF, &before);
        assert_ok(untar(&in, fs, &(struct untar_options){ .name = "app.tar" }, NULL, &r, &e), &e);
        (void)getrusage(RUSAGE_SELF, &after);
        assert_int_equal(r.entries, 200000);
#ifndef __SANITIZE_ADDRESS__ /* its quarantine keeps what was freed */
        assert_true(after.ru_maxrss - before.ru_maxrss < 64 * 1024);
#endif
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(dotdot_is_refused_wherever_it_stands),
                cmocka_unit_test(hard_links_lead_nowhere_outside),
                cmocka_unit_test(writing_through_symlinks_stays_inside_or_fails),
                cmocka_unit_test(file_over_an_escaping_symlink_replaces_the_link),
                cmocka_unit_test(symlink_loop_is_an_error),
                cmocka_unit_test(file_as_a_directory_is_an_error),
                cmocka_unit_test(whiteouts_of_dots_are_refused),
                cmocka_unit_test(names_over_the_limits_are_refused),
                cmocka_unit_test(control_bytes_of_names_do_not_reach_the_terminal),
                cmocka_unit_test(entry_limit_is_enforced),
                cmocka_unit_test(byte_limit_counts_all_files),
                cmocka_unit_test(claimed_size_is_no_reason_to_write_or_allocate),
                cmocka_unit_test(sparse_claim_over_the_limit_is_refused),
                cmocka_unit_test(xattr_limit_is_enforced),
                cmocka_unit_test(headers_without_end_are_cut_off),
                cmocka_unit_test(owners_that_are_no_users_are_refused),
                cmocka_unit_test(truncation_anywhere_is_an_error),
                cmocka_unit_test(noise_is_no_archive),
                cmocka_unit_test(aci_must_be_manifest_and_rootfs),
                cmocka_unit_test(aci_manifest_is_bounded),
                cmocka_unit_test(aci_hard_links_stay_in_rootfs),
                cmocka_unit_test(memory_does_not_grow_with_entries),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
