/* SPDX-License-Identifier: Apache-2.0 */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "store_fixture.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "image/store_gc.h"
#include "image/store_priv.h"
#include "util/proc.h"

static void read_image(struct fixture *f, char id, struct image_view *v)
{
        struct err e;

        assert_ok(image_view_read(f->dir.fd, id_of(id), v, &e), &e);
}

static void commit_publishes_layers_blobs_and_the_record(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_view_done) struct image_view v = { 0 };
        struct stat st;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a', .layers = "12", .paths = "bin/ bin/sh",
                  .manifest_digest = digest_of_char('d'));
        read_image(&f, 'a', &v);
        assert_int_equal(v.record.layers.n, 2);
        assert_string_equal(v.record.layers.v[0], "1");
        assert_string_equal(v.record.layers.v[1], "2");
        assert_int_equal(v.record.size, 2 * 100 + 4);
        assert_true(v.record.imported_at > 0);
        assert_int_equal(fstatat(f.store->layers_fd, "1/fs/bin/sh", &st, 0), 0);
        assert_int_equal(fstatat(f.store->layers_fd, "1/fs", &st, 0), 0);
        assert_int_equal(st.st_mode, S_IFDIR | 0755);
        assert_int_equal(fstatat(f.store->blobs_fd, digest_of_char('d') + 7, &st, 0), 0);
        assert_int_equal(count_in(f.store->digests_fd), 2);
        assert_int_equal(count_in(f.store->tmp_fd), 0);
}

static void images_share_layers_of_one_digest(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_view_done) struct image_view v = { 0 };

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a', .layers = "12");
        add_image(&f, .id = 'b', .layers = "321");
        read_image(&f, 'b', &v);
        assert_int_equal(count_in(f.store->layers_fd), 3);
        assert_string_equal(v.record.layers.v[0], "3");
        assert_string_equal(v.record.layers.v[1], "2");
        assert_string_equal(v.record.layers.v[2], "1");
}

static void a_layer_that_comes_twice_is_kept_twice_in_the_record_and_counted_once(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_view_done) struct image_view v = { 0 };

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a', .layers = "121");
        read_image(&f, 'a', &v);
        assert_int_equal(v.record.layers.n, 3);
        assert_string_equal(v.record.layers.v[0], v.record.layers.v[2]);
        assert_int_equal(v.record.size, 200);
        assert_int_equal(count_in(f.store->layers_fd), 2);
}

static void two_imports_of_one_image_at_once_both_succeed(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        struct image_txn *t[2] = { NULL };
        struct image_record r[2] = { { 0 } };
        static const struct test_image like = { .id = 'a' };
        AUTO_FREE char *manifest = image_manifest_text(&like, "example.com/a");
        struct err e;

        (void)state;
        fixture_init(&f);
        for (int i = 0; i < 2; i++) {
                char layer[IMAGE_LAYER_NAME_MAX];

                assert_ok(image_txn_begin(&t[i], f.store, 0, &e), &e);
                txn_add_layer(t[i], '1', "f", layer);
                r[i].id = xstrdup(id_of('a'));
                r[i].name = xstrdup("example.com/a");
                r[i].format = APPC_FORMAT_APPC;
                r[i].format_version = xstrdup("0.8.11");
                strv_add(&r[i].layers, layer);
        }
        for (int i = 0; i < 2; i++)
                assert_ok(image_txn_commit(t[i], &r[i], manifest, strlen(manifest), &e), &e);
        assert_int_equal(count_in(f.store->records_fd), 1);
        assert_int_equal(count_in(f.store->layers_fd), 1);
        assert_string_equal(r[1].layers.v[0], "1");
        for (int i = 0; i < 2; i++) {
                image_txn_free(t[i]);
                image_record_done(&r[i]);
        }
}

static void importing_again_keeps_the_record_and_adds_the_name(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_view_done) struct image_view v = { 0 };

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a', .version = "1");
        add_image(&f, .id = 'a', .name = "example.com/other", .version = "2");
        read_image(&f, 'a', &v);
        assert_string_equal(v.record.name, "example.com/a");
        assert_string_equal(v.version, "1");
        assert_int_equal(v.record.n_names, 1);
        assert_string_equal(v.record.names[0].name, "example.com/other");
        assert_true(v.record.names[0].at > v.record.imported_at);
}

static void a_broken_record_is_replaced(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO_FREE char *json = xasprintf("%s/record.json", id_of('a'));
        AUTO(image_view_done) struct image_view v = { 0 };

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a');
        assert_int_equal(fs_write_file(f.store->records_fd, json, "{", 1, 0640), 0);
        add_image(&f, .id = 'a');
        read_image(&f, 'a', &v);
        assert_int_equal(count_in(f.store->records_fd), 1);
        assert_int_equal(count_in(f.store->layers_fd), 1);
        assert_int_equal(count_in(f.store->tmp_fd), 0);
}

static void a_lost_layer_is_published_again(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_view_done) struct image_view v = { 0 };
        struct stat st;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a');
        add_image(&f, .id = 'b');
        assert_int_equal(fs_remove_tree(f.store->layers_fd, "1"), 0);
        add_image(&f, .id = 'a');
        read_image(&f, 'a', &v);
        assert_string_equal(v.record.layers.v[0], "3");
        assert_int_equal(fstatat(f.store->layers_fd, "3/fs/f", &st, 0), 0);
}

static void records_of_layers_that_are_not_there_are_refused(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_txn_freep) struct image_txn *t = NULL;
        AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        r.id = xstrdup(id_of('a'));
        r.name = xstrdup("a");
        r.format = APPC_FORMAT_APPC;
        r.format_version = xstrdup("1");
        strv_add(&r.layers, "17");
        assert_ok(image_txn_begin(&t, f.store, 0, &e), &e);
        assert_err(image_txn_commit(t, &r, "{}", 2, &e), &e, ERR_USAGE,
                   "layer \"17\" is not in the store");
        assert_int_equal(count_in(f.store->records_fd), 0);
}

static void a_full_disk_is_said_and_leaves_nothing_visible(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_txn_freep) struct image_txn *t = NULL;
        struct rlimit old, small = { 0, RLIM_INFINITY };
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(image_txn_begin(&t, f.store, 0, &e), &e);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        assert_int_equal(image_txn_add_blob(t, digest_of_char('a'), "xyz", 3, &e), -1);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(e.num, EFBIG);
        t = image_txn_free(t);
        assert_int_equal(count_in(f.store->blobs_fd), 0);
        assert_int_equal(count_in(f.store->tmp_fd), 0);
}

/* Import into a filesystem of @inodes inodes. 0: done, 1: full, and nothing visible; anything else is wrong. */
static int import_with_inodes(const char *dir, unsigned inodes)
{
        static const struct test_image image = { .id = 'a', .layers = "12", .paths = "d/ d/f" };
        AUTO(image_store_freep) struct image_store *store = NULL;
        AUTO(image_view_list_done) struct image_view_list l = IMAGE_VIEW_LIST_NULL;
        AUTO_CLOSE int data = -1;
        char options[64];
        struct err e;
        int r;

        (void)snprintf(options, sizeof(options), "size=1m,nr_inodes=%u", inodes);
        if (mount("carob-test", dir, "tmpfs", 0, options) < 0)
                return 77;
        data = fs_open_dir_path(dir);
        r = image_store_open(&store, data, &e);
        if (r == 0)
                r = try_add_image(store, &image, &e);
        if (r < 0 && e.kind != ERR_NO_SPACE)
                return 2;
        if (image_view_list(data, &l, &e) < 0 || l.problems.n || l.n != (r < 0 ? 0u : 1u))
                return 3;
        if (store && count_in(store->tmp_fd) != 0)
                return 4;
        return r < 0;
}

/* The fixture's asserts must not run in the child: a failed one would go on as a second test program. */
static int import_in_own_namespace(const char *dir, unsigned inodes)
{
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                if (unshare(CLONE_NEWNS) < 0 ||
                    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                        _exit(77);
                _exit(import_with_inodes(dir, inodes));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void no_space_at_any_step_leaves_nothing_visible(void **state)
{
        AUTO_TEST_DIR struct test_dir dir = { .fd = -1 };
        unsigned inodes = 2;
        int r;

        (void)state;
        test_dir_init(&dir);
        do
                r = import_in_own_namespace(dir.path, inodes++);
        while (r == 1);
        if (r == 77)
                skip(); /* needs root */
        assert_int_equal(r, 0);
        assert_true(inodes > 25); /* or nothing was tested */
}

/* Interruption: a child imports, and is killed at its @at-th system call. True when it was still at work. */
static bool killed_at(struct fixture *f, unsigned at)
{
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                static const struct test_image image = { .id = 'a',
                                                         .layers = "12",
                                                         .paths = "d/ d/f" };
                struct err e;

                (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                (void)raise(SIGSTOP);
                _exit(try_add_image(f->store, &image, &e) == 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSTOPPED(status));
        for (unsigned i = 0; i < at; i++) {
                assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                if (WIFEXITED(status)) {
                        assert_int_equal(WEXITSTATUS(status), 0);
                        return false;
                }
                assert_true(WIFSTOPPED(status));
        }
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return true;
}

static void check_after_the_kill(struct fixture *f, unsigned at)
{
        AUTO(image_view_list_done) struct image_view_list l = IMAGE_VIEW_LIST_NULL;
        AUTO(image_gc_result_done) struct image_gc_result gone = { 0 };
        AUTO(image_view_done) struct image_view v = { 0 };
        const struct image_gc_options o = { .now = time_now(), .grace = 3600 * NSEC_PER_SEC };
        struct stat st;
        struct err e;

        assert_ok(image_view_list(f->dir.fd, &l, &e), &e);
        assert_int_equal(l.problems.n, 0); /* the whole image or none */
        if (l.n == 0 && at % 2) {
                assert_ok(image_store_gc(f->store, &o, &gone, &e), &e);
                assert_int_equal(count_in(f->store->layers_fd), 0);
                assert_int_equal(count_in(f->store->digests_fd), 0);
                assert_int_equal(count_in(f->store->tmp_fd), 0);
        }
        add_image(f, .id = 'a', .layers = "12", .paths = "d/ d/f");
        assert_int_equal(count_in(f->store->tmp_fd), 0);
        read_image(f, 'a', &v);
        for (size_t i = 0; i < v.record.layers.n; i++) {
                AUTO_FREE char *path = xasprintf("%s/fs/d/f", v.record.layers.v[i]);

                assert_int_equal(fstatat(f->store->layers_fd, path, &st, 0), 0);
                assert_int_equal(st.st_size, 1);
        }
        assert_int_equal(v.record.size, 200);
}

static void death_at_any_system_call_leaves_the_whole_image_or_nothing(void **state)
{
        (void)state;
        for (unsigned at = 1;; at++) {
                AUTO_FIXTURE struct fixture f = { 0 };

                fixture_init(&f);
                if (!killed_at(&f, at)) {
                        assert_true(at > 100); /* or nothing was tested */
                        return;
                }
                check_after_the_kill(&f, at);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(commit_publishes_layers_blobs_and_the_record),
                cmocka_unit_test(images_share_layers_of_one_digest),
                cmocka_unit_test(
                        a_layer_that_comes_twice_is_kept_twice_in_the_record_and_counted_once),
                cmocka_unit_test(two_imports_of_one_image_at_once_both_succeed),
                cmocka_unit_test(importing_again_keeps_the_record_and_adds_the_name),
                cmocka_unit_test(a_broken_record_is_replaced),
                cmocka_unit_test(a_lost_layer_is_published_again),
                cmocka_unit_test(records_of_layers_that_are_not_there_are_refused),
                cmocka_unit_test(a_full_disk_is_said_and_leaves_nothing_visible),
                cmocka_unit_test(no_space_at_any_step_leaves_nothing_visible),
                cmocka_unit_test(death_at_any_system_call_leaves_the_whole_image_or_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
