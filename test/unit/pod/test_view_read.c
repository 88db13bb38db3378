/* SPDX-License-Identifier: Apache-2.0 */
/* One pod: what is told in each state, and what broken files do. */
#include <sys/wait.h>

#include "fixture.h"
#include "util/limits.h"

static void a_running_pod_tells_everything(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = running(&w, 4711);
        AUTO(pod_view_freep) struct pod_view *v = NULL;
        const struct pod_view_app *app;

        (void)state;
        put(&p, "net-info.json", "[{\"netName\":\"n\",\"ifName\":\"eth0\",\"ip\":\"10.0.0.2\"}]");
        v = view_all(&w, &p);
        app = v->apps;
        assert_null(v->problem);
        assert_int_equal(v->state, POD_RUNNING);
        assert_int_equal(v->pid, 4711);
        assert_true(v->created_at > 0 && v->started_at >= v->created_at);
        assert_int_equal(v->gc_marked_at, 0);
        assert_string_equal(v->cgroup, "/carob/x");
        assert_string_equal(v->networks.v[0].ip4, "10.0.0.2");
        assert_string_equal(v->manifest, MANIFEST(MANIFEST_APP("web"), ""));
        assert_int_equal(v->manifest_len, strlen(v->manifest));
        assert_non_null(v->parsed);
        assert_false(v->has_exit_code);
        assert_false(v->ready);
        assert_int_equal(v->n_apps, 1);
        assert_string_equal(app->name, "web");
        assert_string_equal(app->image_id, ID);
        assert_string_equal(app->image_name, "a.b/c");
        assert_string_equal(app->image_version, "1.0");
        assert_int_equal(app->format, APPC_FORMAT_OCI);
        assert_int_equal(app->state, APP_RUNNING);
        assert_int_equal(app->pid, 77);
        assert_int_equal(app->started_at, 2);
        assert_int_equal(app->exit_code, -1);
        assert_string_equal(kv_list_get(app->annotations, "k"), "v");
}

static void an_app_may_exit_before_its_pod(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = running(&w, 1);
        AUTO(pod_view_freep) struct pod_view *v = NULL;
        struct err e;

        (void)state;
        set_app(&p, APP_EXITED, 0);
        assert_ok(pod_write_ready(p.fd, &e), &e);
        v = view_all(&w, &p);
        assert_int_equal(v->state, POD_RUNNING);
        assert_true(v->ready);
        assert_int_equal(v->apps[0].state, APP_EXITED);
        assert_int_equal(v->apps[0].exit_code, 0);
        assert_int_equal(v->apps[0].pid, 0);
}

static void an_exited_pod_tells_how_it_ended(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 3);
        AUTO(pod_view_freep) struct pod_view *v = NULL;

        (void)state;
        put(&p, "net-info.json", "[{\"netName\":\"n\"}]");
        v = view_all(&w, &p);
        assert_int_equal(v->state, POD_EXITED);
        assert_true(v->has_exit_code);
        assert_int_equal(v->exit_code, 3);
        assert_string_equal(v->reason, "why");
        assert_int_equal(v->finished_at, 9);
        assert_int_equal(v->pid, 1234);
        assert_null(v->cgroup);
        assert_int_equal(v->networks.n, 1);
        assert_int_equal(v->apps[0].exit_code, 3);
        assert_int_equal(v->apps[0].finished_at, 3);
}

static void a_killed_pods_apps_have_exited_and_nobody_knows_how(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = running(&w, 1);
        AUTO(pod_view_freep) struct pod_view *v = NULL;

        (void)state;
        assert_int_equal(flock_release(p.fd), 0);
        v = view_all(&w, &p);
        assert_int_equal(v->state, POD_EXITED);
        assert_false(v->has_exit_code);
        assert_int_equal(v->apps[0].state, APP_EXITED);
        assert_int_equal(v->apps[0].exit_code, -1);
        assert_int_equal(v->apps[0].started_at, 2);
        assert_int_equal(v->apps[0].pid, 0);
}

static void a_prepared_pod_has_apps_without_a_life(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = prepared(&w);
        AUTO(pod_view_freep) struct pod_view *v = view_all(&w, &p);

        (void)state;
        assert_int_equal(v->state, POD_PREPARED);
        assert_true(v->created_at > 0);
        assert_int_equal(v->started_at, 0);
        assert_int_equal(v->pid, -1);
        assert_int_equal(v->apps[0].state, APP_UNKNOWN);
        assert_string_equal(v->apps[0].image_name, "a.b/c");
}

static void preparing_and_aborted_pods_tell_id_and_state_only(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = preparing(&w);

        (void)state;
        for (int aborted = 0; aborted < 2; aborted++) {
                AUTO(pod_view_freep) struct pod_view *v = NULL;

                if (aborted)
                        assert_int_equal(flock_release(p.fd), 0);
                v = view_all(&w, &p);
                assert_int_equal(v->state, aborted ? POD_ABORTED_PREPARE : POD_PREPARING);
                assert_string_equal(v->uuid.text, p.uuid.text);
                assert_int_equal(v->created_at, 0);
                assert_int_equal(v->pid, -1);
                assert_null(v->manifest);
                assert_int_equal(v->n_apps, 0);
                assert_null(v->problem);
        }
}

static void garbage_knows_when_it_was_marked(void **state)
{
        AUTO_WORLD struct world w = world_new();
        nsec before = time_now() - NSEC_PER_SEC;
        AUTO_POD struct pod p = exited_garbage(&w);
        AUTO(pod_view_freep) struct pod_view *v = view_all(&w, &p);

        (void)state;
        assert_true(v->gc_marked_at > before && v->gc_marked_at <= time_now());
        assert_int_equal(v->networks.n, 0);
        assert_int_equal(v->exit_code, 0);
        assert_true(v->has_exit_code);
        assert_non_null(v->manifest);
}

static void an_aborted_prepare_in_the_garbage_is_no_problem(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = POD_NULL;
        AUTO(pod_view_freep) struct pod_view *v = NULL;
        struct err e;

        (void)state;
        assert_ok(pod_create(&w.s, &p, &e), &e);
        assert_int_equal(flock_release(p.fd), 0);
        assert_int_equal(pod_to_garbage(&w.s, &p, &e), POD_MOVED);
        v = view_all(&w, &p);
        assert_int_equal(v->state, POD_GARBAGE);
        assert_null(v->problem);
        assert_null(v->manifest);
}

static void a_half_deleted_pod_is_read_as_far_as_it_goes(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited_garbage(&w);
        AUTO(pod_view_freep) struct pod_view *v = NULL;
        struct err e;

        (void)state;
        assert_ok(pod_lock(&w.s, &p, &e), &e);
        assert_int_equal(fs_remove_tree(p.fd, "appsinfo"), 0);
        assert_int_equal(fs_remove_tree(p.fd, "pod-created"), 0);
        v = view_all(&w, &p);
        assert_int_equal(v->state, POD_EXITED_DELETING);
        assert_null(v->problem);
        assert_string_equal(v->apps[0].image_id, ID);
}

static void the_name_comes_from_the_manifest_or_from_the_launch(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod a = prepared(&w), b = prepared(&w), c = prepared(&w);
        AUTO(pod_view_freep) struct pod_view *va = NULL, *vb = NULL, *vc = NULL;

        (void)state;
        put(&a, "pod", NAMED("blue"));
        put(&a, "launch.json", "{\"name\":\"not this\"}");
        put(&b, "launch.json", "{\"net\":\"none\",\"name\":\"green\"}");
        put(&c, "launch.json", "{\"net\":\"none\"}");
        va = view_all(&w, &a);
        vb = view_all(&w, &b);
        vc = view_all(&w, &c);
        assert_string_equal(va->name, "blue");
        assert_string_equal(vb->name, "green");
        assert_null(vc->name);
}

struct damage {
        const char *file;
        const char *content; /* NULL: a FIFO; "->": a symlink; "missing" */
        const char *problem;
};

static void do_damage(const struct pod *p, const struct damage *d)
{
        (void)unlinkat(p->fd, d->file, 0);
        if (!d->content)
                assert_int_equal(mkfifoat(p->fd, d->file, 0600), 0);
        else if (strcmp(d->content, "->") == 0)
                assert_int_equal(symlinkat("/etc/passwd", p->fd, d->file), 0);
        else if (strcmp(d->content, "missing") != 0)
                put(p, d->file, d->content);
}

static void a_broken_file_is_a_problem_and_no_failure(void **state)
{
        static const struct damage rows[] = {
                { "pid", NULL, "pid: not a regular file" },
                { "pid", "->", "pid: not a regular file" },
                { "pid", "", "pid: \"\" is no process id" },
                { "pid", "12x", "pid: \"12x\" is no process id" },
                { "pid", "0", "pid: \"0\" is no process id" },
                { "subcgroup", "a\nb", "subcgroup: not a plain path" },
                { "subcgroup", NULL, "subcgroup: not a regular file" },
                { "net-info.json", "{}", "net-info.json: expected an array of networks" },
                { "net-info.json", NULL, "net-info.json: not a regular file" },
                { "pod-created", "missing", "pod-created: No such file or directory" },
                { "pod", "missing", "pod: No such file or directory" },
                { "pod", NULL, "pod: not a regular file" },
                { "pod", "->", "pod: not a regular file" },
                { "pod", "{}", "pod: acKind: is missing" },
                { "launch.json", "{\"name\":1}",
                  "launch.json: \"name\" must be a string, found int" },
                { "appsinfo/web/image.json", "missing",
                  "appsinfo/web/image.json: No such file or directory" },
                { "appsinfo/web/image.json", "{}", "appsinfo/web/image.json: \"id\" is missing" },
                { "appsinfo/web/status", NULL, "appsinfo/web/status: not a regular file" },
                { "appsinfo/web/status", "{\"state\":\"asleep\"}",
                  "appsinfo/web/status: state: \"asleep\" is no state of an app" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_WORLD struct world w = world_new();
                AUTO_POD struct pod p = running(&w, 1);
                AUTO(pod_view_freep) struct pod_view *v = NULL;

                do_damage(&p, &rows[i]);
                v = view_all(&w, &p);
                assert_non_null(v->problem);
                assert_string_equal(v->problem, rows[i].problem);
                assert_int_equal(v->state, POD_RUNNING);
        }
}

static void a_broken_manifest_is_still_shown(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 0);
        AUTO(pod_view_freep) struct pod_view *v = NULL;

        (void)state;
        put(&p, "pod", "not JSON");
        v = view_all(&w, &p);
        assert_string_equal(v->manifest, "not JSON");
        assert_null(v->parsed);
        assert_int_equal(v->n_apps, 0);
        assert_true(v->has_exit_code);
}

static void grow(const struct pod *p, const char *file, size_t len)
{
        AUTO_CLOSE int fd = openat(p->fd, file, O_CREAT | O_WRONLY | O_CLOEXEC, 0640);

        assert_int_equal(ftruncate(fd, (off_t)len), 0);
}

static void oversized_files_are_not_read(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = running(&w, 1);
        AUTO(pod_view_freep) struct pod_view *a = NULL, *b = NULL;

        (void)state;
        grow(&p, "pod", LIMIT_MANIFEST_BYTES + 1);
        a = view_all(&w, &p);
        assert_string_equal(a->problem, "pod: too long");
        put(&p, "pod", MANIFEST(MANIFEST_APP("web"), ""));
        grow(&p, "net-info.json", LIMIT_STATE_FILE_BYTES + 1);
        b = view_all(&w, &p);
        assert_string_equal(b->problem, "net-info.json: too long");
}

enum { RACES = 60 };

static void start_all(struct pod pods[static RACES])
{
        struct err e;

        for (int i = 0; i < RACES; i++) {
                if (pod_write_pid(pods[i].fd, 4711, &e) < 0)
                        _exit(1);
                set_app(&pods[i], APP_RUNNING, -1);
        }
        _exit(0);
}

/* A view is not a moment's picture, but what it shows must have been possible. */
static void no_app_runs_in_a_pod_that_has_not_started(void **state)
{
        AUTO_WORLD struct world w = world_new();
        struct pod pods[RACES];
        struct err e;
        bool runs;
        int how;
        pid_t child;

        (void)state;
        for (int i = 0; i < RACES; i++) {
                pods[i] = preparing(&w);
                assert_int_equal(pod_to_run(&w.s, &pods[i], &e), POD_MOVED);
        }
        child = fork();
        if (child == 0)
                start_all(pods);
        assert_true(child > 0);
        for (int i = 0; i < RACES; i++) {
                do {
                        AUTO(pod_view_freep) struct pod_view *v = view_all(&w, &pods[i]);

                        runs = v->apps[0].started_at > 0;
                        assert_true(v->started_at > 0 || !runs);
                } while (!runs && waitpid(child, &how, WNOHANG) == 0);
                pod_done(&pods[i]);
        }
        (void)waitpid(child, &how, 0);
}

static void less_is_read_when_less_is_asked(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 0);
        AUTO(pod_view_freep) struct pod_view *facts = NULL, *manifest = NULL;
        struct err e;

        (void)state;
        assert_ok(pod_view_read(&w.s, p.uuid.text, POD_VIEW_FACTS, &facts, &e), &e);
        assert_true(facts->has_exit_code);
        assert_null(facts->manifest);
        assert_ok(pod_view_read(&w.s, p.uuid.text, POD_VIEW_MANIFEST, &manifest, &e), &e);
        assert_false(manifest->has_exit_code);
        assert_string_equal(manifest->apps[0].image_name, "a.b/c");
        assert_int_equal(manifest->apps[0].format, APPC_FORMAT_NONE);
        assert_int_equal(manifest->apps[0].state, APP_UNKNOWN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_running_pod_tells_everything),
                cmocka_unit_test(an_app_may_exit_before_its_pod),
                cmocka_unit_test(an_exited_pod_tells_how_it_ended),
                cmocka_unit_test(a_killed_pods_apps_have_exited_and_nobody_knows_how),
                cmocka_unit_test(a_prepared_pod_has_apps_without_a_life),
                cmocka_unit_test(preparing_and_aborted_pods_tell_id_and_state_only),
                cmocka_unit_test(garbage_knows_when_it_was_marked),
                cmocka_unit_test(an_aborted_prepare_in_the_garbage_is_no_problem),
                cmocka_unit_test(a_half_deleted_pod_is_read_as_far_as_it_goes),
                cmocka_unit_test(the_name_comes_from_the_manifest_or_from_the_launch),
                cmocka_unit_test(a_broken_file_is_a_problem_and_no_failure),
                cmocka_unit_test(a_broken_manifest_is_still_shown),
                cmocka_unit_test(oversized_files_are_not_read),
                cmocka_unit_test(no_app_runs_in_a_pod_that_has_not_started),
                cmocka_unit_test(less_is_read_when_less_is_asked),
        };
        return cmocka_run_group_tests_name("pod/view_read", tests, NULL, NULL);
}
