/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/inotify.h>
#include <sys/wait.h>

#include "api/watch.h"

struct world {
        struct test_dir dir;
        uv_loop_t loop;
        struct watch *watch;
        struct watch_owner owner;
        char names[256]; /* of all events: "a b " */
        int ignored;     /* IN_IGNORED that came */
        int overflows;
        int drained;
        int died;
        void *about; /* of the last event */
};

static struct world *of_owner(struct watch_owner *o)
{
        return (struct world *)((char *)o - offsetof(struct world, owner));
}

static void on_event(struct watch_owner *o, void *about, const struct watch_event *ev)
{
        struct world *w = of_owner(o);

        w->about = about;
        if (ev->mask & IN_IGNORED)
                w->ignored++;
        else
                (void)snprintf(w->names + strlen(w->names), sizeof(w->names) - strlen(w->names),
                               "%s ", ev->name);
}

static void on_overflow(struct watch_owner *o)
{
        of_owner(o)->overflows++;
}

static void on_drained(struct watch_owner *o)
{
        of_owner(o)->drained++;
}

static void on_death(struct watch_owner *o, void *about)
{
        of_owner(o)->died++;
        of_owner(o)->about = about;
}

static void world_init(struct world *w, size_t budget)
{
        struct err e;

        *w = (struct world){ .owner = { .on_event = on_event,
                                        .on_overflow = on_overflow,
                                        .on_drained = on_drained } };
        test_dir_init(&w->dir);
        assert_int_equal(uv_loop_init(&w->loop), 0);
        assert_ok(watch_new(&w->loop, budget, &w->watch, &e), &e);
        watch_register(w->watch, &w->owner);
}

static void world_done(struct world *w)
{
        watch_unregister(w->watch, &w->owner);
        watch_free(w->watch);
        (void)uv_run(&w->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&w->loop), 0);
        test_dir_done(&w->dir);
}

#define AUTO_WORLD AUTO(world_done) struct world

static int add(struct world *w, void *about, const char *name)
{
        return watch_add(w->watch, &w->owner, about, w->dir.fd, name, IN_CREATE);
}

static void make(struct world *w, const char *path)
{
        assert_int_equal(mkdirat(w->dir.fd, path, 0750), 0);
}

static void expect(struct world *w, const char *names)
{
        w->names[0] = '\0';
        watch_sync(w->watch);
        assert_string_equal(w->names, names);
}

static struct watch_stats stats_of(struct world *w)
{
        struct watch_stats stats;

        watch_stats(w->watch, &stats);
        return stats;
}

static void events_are_taken_at_any_time(void **state)
{
        AUTO_WORLD w;
        int about;

        (void)state;
        world_init(&w, 0);
        assert_true(add(&w, &about, ".") > 0);
        expect(&w, "");
        assert_int_equal(w.drained, 0);
        make(&w, "a");
        make(&w, "b");
        expect(&w, "a b ");
        assert_ptr_equal(w.about, &about);
        assert_int_equal(w.drained, 1);
        expect(&w, "");
        assert_int_equal(w.drained, 1);
}

static void tick(uv_timer_t *timer)
{
        (void)timer;
}

static void the_loop_takes_them_too(void **state)
{
        AUTO_WORLD w;
        uv_timer_t timer;
        int about;

        (void)state;
        world_init(&w, 0);
        (void)add(&w, &about, ".");
        make(&w, "a");
        (void)uv_timer_init(&w.loop, &timer); /* no handle of the hub keeps a loop going */
        (void)uv_timer_start(&timer, tick, 5000, 0);
        while (w.drained == 0 && uv_is_active((uv_handle_t *)&timer))
                (void)uv_run(&w.loop, UV_RUN_ONCE);
        uv_close((uv_handle_t *)&timer, NULL);
        assert_string_equal(w.names, "a ");
}

static void each_owner_of_a_directory_is_told(void **state)
{
        AUTO_WORLD w;
        int one, two, wd;

        (void)state;
        world_init(&w, 0);
        wd = add(&w, &one, ".");
        assert_int_equal(add(&w, &one, "."), wd);
        assert_int_equal(add(&w, &two, "."), wd);
        assert_int_equal(stats_of(&w).watches, 1);
        make(&w, "a");
        expect(&w, "a a ");
        watch_remove(w.watch, &w.owner, &two, wd);
        make(&w, "b");
        expect(&w, "b ");
        watch_remove(w.watch, &w.owner, &one, wd);
        assert_int_equal(stats_of(&w).watches, 0);
        make(&w, "c");
        expect(&w, "");
        assert_int_equal(w.ignored, 0);
}

static void what_was_removed_is_silent_even_about_the_past(void **state)
{
        AUTO_WORLD w;
        int one, two, wd, again;

        (void)state;
        world_init(&w, 0);
        wd = add(&w, &one, ".");
        make(&w, "a");
        watch_remove(w.watch, &w.owner, &one, wd);
        again = add(&w, &two, ".");
        assert_true(again > 0);
        make(&w, "b");
        expect(&w, "b ");
        assert_ptr_equal(w.about, &two);
}

static void a_directory_that_goes_takes_its_watch_along(void **state)
{
        AUTO_WORLD w;
        int about, wd;

        (void)state;
        world_init(&w, 0);
        make(&w, "a");
        wd = add(&w, &about, "a");
        assert_int_equal(unlinkat(w.dir.fd, "a", AT_REMOVEDIR), 0);
        expect(&w, "");
        assert_int_equal(w.ignored, 1);
        assert_int_equal(stats_of(&w).watches, 0);
        watch_remove(w.watch, &w.owner, &about, wd); /* which is no mistake */
        make(&w, "a");
        assert_true(add(&w, &about, "a") > 0);
        make(&w, "a/b");
        expect(&w, "b ");
}

static void what_is_no_directory_is_not_watched(void **state)
{
        AUTO_WORLD w;
        int about;

        (void)state;
        world_init(&w, 0);
        assert_int_equal(add(&w, &about, "none"), -ENOENT);
        assert_int_equal(fs_touch(w.dir.fd, "file", 0640), 0);
        assert_int_equal(add(&w, &about, "file"), -ENOTDIR);
        assert_int_equal(symlinkat(".", w.dir.fd, "link"), 0);
        assert_true(add(&w, &about, "link") < 0);
        assert_int_equal(stats_of(&w).watches, 0);
}

static void the_budget_is_kept(void **state)
{
        AUTO_WORLD w;
        int about, wd;

        (void)state;
        world_init(&w, 2);
        make(&w, "a");
        make(&w, "b");
        make(&w, "c");
        wd = add(&w, &about, "a");
        assert_true(wd > 0);
        assert_int_equal(watch_room(w.watch), 1);
        assert_true(add(&w, &about, "b") > 0);
        assert_int_equal(add(&w, &about, "c"), -ENOSPC);
        assert_int_equal(add(&w, &about, "a"), wd); /* is no new one */
        assert_int_equal(stats_of(&w).refused, 1);
        watch_remove(w.watch, &w.owner, &about, wd);
        assert_true(add(&w, &about, "c") > 0);
        make(&w, "c/x");
        expect(&w, "x ");
}

static void lost_events_are_told(void **state)
{
        AUTO_WORLD w;
        int about;

        (void)state;
        world_init(&w, 0);
        make(&w, "a");
        (void)watch_add(w.watch, &w.owner, &about, w.dir.fd, ".",
                        IN_CREATE | IN_OPEN | IN_CLOSE_NOWRITE);
        for (int i = 0; i < 10000; i++)
                (void)close(fs_open_dir(w.dir.fd, "a"));
        watch_sync(w.watch);
        if (w.overflows == 0)
                skip(); /* the queue is longer here */
        assert_int_equal(w.overflows, 1);
        assert_int_equal(stats_of(&w).overflows, 1);
        make(&w, "b");
        expect(&w, "b ");
}

static void a_death_is_told_once(void **state)
{
        AUTO_WORLD w;
        int about;
        pid_t pid;

        (void)state;
        if (syscall(SYS_pidfd_open, getpid(), 0) < 0)
                skip(); /* valgrind does not know it */
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        (void)pause();
        }
        world_init(&w, 0);
        assert_non_null(watch_process_add(w.watch, pid, on_death, &w.owner, &about));
        watch_sync(w.watch);
        assert_int_equal(w.died, 0);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        watch_sync(w.watch);
        assert_int_equal(w.died, 1);
        assert_ptr_equal(w.about, &about);
        watch_sync(w.watch);
        assert_int_equal(w.died, 1);
        assert_int_equal(stats_of(&w).processes, 0);
        assert_null(watch_process_add(w.watch, pid, on_death, &w.owner, &about));
        watch_process_remove(w.watch,
                             watch_process_add(w.watch, getpid(), on_death, &w.owner, &about));
        assert_int_equal(stats_of(&w).processes, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(events_are_taken_at_any_time),
                cmocka_unit_test(the_loop_takes_them_too),
                cmocka_unit_test(each_owner_of_a_directory_is_told),
                cmocka_unit_test(what_was_removed_is_silent_even_about_the_past),
                cmocka_unit_test(a_directory_that_goes_takes_its_watch_along),
                cmocka_unit_test(what_is_no_directory_is_not_watched),
                cmocka_unit_test(the_budget_is_kept),
                cmocka_unit_test(lost_events_are_told),
                cmocka_unit_test(a_death_is_told_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
