/* SPDX-License-Identifier: Apache-2.0 */
/* A data directory with pods in it. The owner of a pod is played by a descriptor of its own. */
#pragma once

#include "pod/change.h"
#include "pod/record.h"
#include "pod/view.h"
#include "test.h"
#include "util/flock.h"
#include "util/mem.h"

struct world {
        struct test_dir dir;
        struct pod_store s;
};

static inline struct world world_new(void)
{
        struct world w = { .s = POD_STORE_NULL };
        struct err e;

        test_dir_init(&w.dir);
        assert_ok(pod_store_create(w.dir.fd, &w.s, &e), &e);
        return w;
}

static inline void world_done(struct world *w)
{
        pod_store_done(&w->s);
        test_dir_done(&w->dir);
}

#define AUTO_WORLD AUTO(world_done)
#define AUTO_POD   AUTO(pod_done)

#define ID         "sha512-140375b2a2bd836559a7c978f36762b75b80a7665e5d922db055d1792d6a4182"
#define MANIFEST_APP(name)                                                                         \
        "{\"name\":\"" name "\",\"image\":{\"id\":\"" ID "\",\"name\":\"a.b/c\"},"                 \
        "\"annotations\":[{\"name\":\"k\",\"value\":\"v\"}]}"
#define MANIFEST(apps, more)                                                                       \
        "{\"acKind\":\"PodManifest\",\"acVersion\":\"0.8.11\",\"apps\":[" apps "]" more "}"
#define NAMED(name)                                                                                \
        MANIFEST(MANIFEST_APP("web"),                                                              \
                 ",\"annotations\":[{\"name\":\"carob.io/pod-name\",\"value\":\"" name "\"}]")

/* Write what every prepared pod has. */
static inline void fill_with(const struct pod *p, const char *manifest)
{
        struct app_image image = { .id = xstrdup(ID),
                                   .name = xstrdup("a.b/c"),
                                   .version = xstrdup("1.0"),
                                   .format = APPC_FORMAT_OCI };
        struct err e;
        AUTO_CLOSE int app = pod_app_dir(p->fd, "web", &e);

        assert_true(app >= 0);
        strv_add(&image.layers, "1");
        assert_ok(pod_write_app_image(app, &image, &e), &e);
        assert_ok(pod_write_manifest(p->fd, manifest, strlen(manifest), &e), &e);
        app_image_done(&image);
}

static inline void fill(const struct pod *p)
{
        fill_with(p, MANIFEST(MANIFEST_APP("web"), ""));
}

/* A pod in prepare/ with everything in it, locked through p.fd. */
static inline struct pod preparing(struct world *w)
{
        struct pod p = POD_NULL;
        struct err e;

        assert_ok(pod_create(&w->s, &p, &e), &e);
        fill(&p);
        return p;
}

static inline struct pod prepared(struct world *w)
{
        struct pod p = preparing(w);
        struct err e;

        assert_int_equal(pod_to_prepared(&w->s, &p, &e), POD_MOVED);
        assert_int_equal(flock_release(p.fd), 0);
        return p;
}

static inline void set_app(const struct pod *p, enum app_state state, int exit_code)
{
        struct app_status s = { .state = state,
                                .pid = 77,
                                .created_at = 1,
                                .started_at = 2,
                                .finished_at = state == APP_EXITED ? 3 : 0,
                                .exit_code = exit_code };
        struct err e;
        AUTO_CLOSE int app = pod_app_dir(p->fd, "web", &e);

        assert_ok(pod_write_app_status(app, &s, &e), &e);
}

/* In run/, locked through p.fd, with the process @pid as its init. */
static inline struct pod running(struct world *w, pid_t pid)
{
        struct pod p = preparing(w);
        struct err e;

        assert_int_equal(pod_to_run(&w->s, &p, &e), POD_MOVED);
        assert_ok(pod_write_cgroup(p.fd, "/carob/x", &e), &e);
        assert_ok(pod_write_pid(p.fd, pid, &e), &e);
        set_app(&p, APP_RUNNING, -1);
        return p;
}

static inline struct pod exited(struct world *w, int code)
{
        struct pod p = running(w, 1234);
        struct pod_status status = { .exit_code = code,
                                     .reason = xstrdup("why"),
                                     .finished_at = 9 };
        struct err e;

        set_app(&p, APP_EXITED, code);
        assert_ok(pod_write_status(p.fd, &status, &e), &e);
        pod_status_done(&status);
        assert_int_equal(flock_release(p.fd), 0);
        return p;
}

static inline struct pod exited_garbage(struct world *w)
{
        struct pod p = exited(w, 0);
        struct err e;

        assert_int_equal(pod_to_exited_garbage(&w->s, &p, &e), POD_MOVED);
        return p;
}

static inline void put(const struct pod *p, const char *name, const char *text)
{
        (void)unlinkat(p->fd, name, 0);
        assert_int_equal(fs_write_file(p->fd, name, text, strlen(text), 0640), 0);
}

static inline struct pod_view *view_all(struct world *w, const struct pod *p)
{
        struct pod_view *v = NULL;
        struct err e;

        assert_ok(pod_view_read(&w->s, p->uuid.text, POD_VIEW_ALL, &v, &e), &e);
        return v;
}

static inline enum pod_state state_of(struct world *w, const struct pod *p)
{
        AUTO(pod_view_freep) struct pod_view *v = view_all(w, p);

        return v->state;
}

static inline size_t count_fds(void)
{
        AUTO_DIR DIR *dir = opendir("/proc/self/fd");
        size_t n = 0;

        while (readdir(dir))
                n++;
        return n;
}
