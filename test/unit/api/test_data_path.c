/* SPDX-License-Identifier: Apache-2.0 */
/* Which events are asked for; what is made of them is in test_index.c. */
#include "test.h"

#include "api/data_path.h"

struct world {
        struct test_dir dir;
        uv_loop_t loop;
        struct watch *watch;
        struct watch_owner owner;
        struct data_path path;
        int concerns; /* events that do */
        int others;
};

static void on_event(struct watch_owner *o, void *about, const struct watch_event *ev)
{
        struct world *w = (struct world *)((char *)o - offsetof(struct world, owner));

        assert_ptr_equal(about, &w->path);
        if (data_path_concerns(&w->path, ev))
                w->concerns++;
        else
                w->others++;
}

static void on_overflow(struct watch_owner *o)
{
        (void)o;
}

static void world_init(struct world *w, const char *below)
{
        char path[128];
        struct err e;

        *w = (struct world){ .owner = { .on_event = on_event, .on_overflow = on_overflow } };
        test_dir_init(&w->dir);
        assert_int_equal(uv_loop_init(&w->loop), 0);
        assert_ok(watch_new(&w->loop, 0, &w->watch, &e), &e);
        watch_register(w->watch, &w->owner);
        (void)snprintf(path, sizeof(path), "%s/%s", w->dir.path, below);
        data_path_init(&w->path, path, w->watch, &w->owner);
}

static void world_done(struct world *w)
{
        data_path_done(&w->path);
        watch_unregister(w->watch, &w->owner);
        watch_free(w->watch);
        (void)uv_run(&w->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&w->loop), 0);
        test_dir_done(&w->dir);
}

#define AUTO_WORLD AUTO(world_done) struct world

static void make(struct world *w, const char *path)
{
        assert_int_equal(mkdirat(w->dir.fd, path, 0750), 0);
}

/* The directory that the path leads to, by its inode; 0: -ENOENT. */
static ino_t walk(struct world *w)
{
        AUTO_CLOSE int fd = data_path_walk(&w->path);
        struct stat st;

        if (fd == -ENOENT)
                return 0;
        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &st), 0);
        return st.st_ino;
}

static ino_t inode_of(struct world *w, const char *path)
{
        struct stat st;

        assert_int_equal(fstatat(w->dir.fd, path, &st, 0), 0);
        return st.st_ino;
}

static void neighbours_far_above_wake_nobody(void **state)
{
        AUTO_WORLD w;

        (void)state;
        world_init(&w, "a/b/data");
        make(&w, "a");
        make(&w, "a/b");
        make(&w, "a/b/data");
        assert_int_equal(walk(&w), inode_of(&w, "a/b/data"));
        make(&w, "x"); /* beside a */
        make(&w, "a/x");
        make(&w, "a/b/data/x");
        watch_sync(w.watch);
        assert_int_equal(w.concerns + w.others, 0);
        make(&w, "a/b/x"); /* beside the data directory */
        watch_sync(w.watch);
        assert_int_equal(w.concerns, 0);
        assert_int_equal(w.others, 1);
        assert_int_equal(renameat(w.dir.fd, "a", w.dir.fd, "c"), 0);
        watch_sync(w.watch);
        assert_true(w.concerns > 0);
        assert_int_equal(walk(&w), 0);
}

static void what_is_missing_is_waited_for(void **state)
{
        AUTO_WORLD w;

        (void)state;
        world_init(&w, "a/b/data");
        assert_int_equal(walk(&w), 0);
        make(&w, "x");
        watch_sync(w.watch);
        assert_int_equal(w.concerns, 0);
        make(&w, "a");
        watch_sync(w.watch);
        assert_int_equal(w.concerns, 1);
        assert_int_equal(walk(&w), 0);
        make(&w, "a/b");
        watch_sync(w.watch);
        assert_int_equal(w.concerns, 2);
}

static void symlinks_are_part_of_the_way(void **state)
{
        AUTO_WORLD w;

        (void)state;
        world_init(&w, "link/../link/data");
        make(&w, "real");
        make(&w, "real/data");
        assert_int_equal(symlinkat("./real/", w.dir.fd, "link"), 0);
        assert_int_equal(walk(&w), inode_of(&w, "real/data"));
        assert_int_equal(unlinkat(w.dir.fd, "link", 0), 0);
        watch_sync(w.watch);
        assert_int_equal(w.concerns, 1);
        assert_int_equal(walk(&w), 0);
        assert_int_equal(symlinkat("link", w.dir.fd, "link"), 0);
        assert_int_equal(data_path_walk(&w.path), -ELOOP);
}

static void a_watch_that_cannot_be_had_makes_it_blind(void **state)
{
        AUTO_WORLD w;
        struct watch *all = NULL;
        struct err e;

        (void)state;
        world_init(&w, "data");
        make(&w, "data");
        assert_int_equal(walk(&w), inode_of(&w, "data"));
        assert_false(w.path.blind);
        data_path_done(&w.path);
        watch_unregister(w.watch, &w.owner);
        all = w.watch;
        assert_ok(watch_new(&w.loop, 1, &w.watch, &e), &e);
        watch_register(w.watch, &w.owner);
        data_path_init(&w.path, w.dir.path, w.watch, &w.owner);
        assert_int_equal(walk(&w), inode_of(&w, "."));
        assert_true(w.path.blind);
        watch_free(all);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(neighbours_far_above_wake_nobody),
                cmocka_unit_test(what_is_missing_is_waited_for),
                cmocka_unit_test(symlinks_are_part_of_the_way),
                cmocka_unit_test(a_watch_that_cannot_be_had_makes_it_blind),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
