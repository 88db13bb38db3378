/* SPDX-License-Identifier: Apache-2.0 */
/* A node made by hand: a data directory, and an index that follows it on a real loop. */
#pragma once

#include "test.h"

#include <dirent.h>
#include <sys/file.h>
#include <uv.h>

#include "api/event_source.h"
#include "api/image_index.h"
#include "api/index.h"
#include "api/jobs.h"
#include "api/pod_index.h"
#include "util/time.h"

#define POD_1 "11111111-0000-4000-8000-000000000001"
#define POD_2 "22222222-0000-4000-8000-000000000002"
#define POD_3 "33333333-0000-4000-8000-000000000003"

struct node {
        struct test_dir dir; /* the data directory is "data" in it */
        char data[96];
        uv_loop_t loop;
        uv_timer_t server; /* stands for what keeps a service going: waiting for news does not */
        struct jobs jobs;
        struct index *index;
        struct pod_index *pods;
        struct image_index *images;
        bool with_events; /* set before node_start: there are the following two as well */
        nsec since;       /* likewise; 0: all */
        struct event_ring *ring;
        uint64_t told; /* the number of the event that a test has looked at last */
        struct event_source *source;
};

static inline void node_tick(uv_timer_t *timer)
{
        (void)timer;
}

static inline void node_start(struct node *n, size_t watches)
{
        struct err e;

        assert_int_equal(uv_loop_init(&n->loop), 0);
        jobs_init(&n->jobs, &n->loop);
        (void)uv_timer_init(&n->loop, &n->server);
        (void)uv_timer_start(&n->server, node_tick, 1000000, 0);
        assert_ok(index_new(&n->loop, n->data, watches, &n->index, &e), &e);
        n->pods = pod_index_new(&n->loop, &n->jobs, n->index);
        n->images = image_index_new(&n->loop, &n->jobs, n->index);
        if (n->with_events) {
                n->ring = event_ring_new(100000);
                n->source = event_source_new(n->index, n->pods, n->images, n->ring, n->since);
        }
        index_add_part(n->index, pod_index_part(n->pods));
        index_add_part(n->index, image_index_part(n->images));
        index_start(n->index);
}

static inline void node_stop(struct node *n)
{
        if (!n->pods)
                return;
        event_source_free(n->source);
        event_ring_free(n->ring);
        n->source = NULL;
        n->ring = NULL;
        pod_index_free(n->pods);
        image_index_free(n->images);
        index_free(n->index);
        jobs_close(&n->jobs);
        uv_close((uv_handle_t *)&n->server, NULL);
        (void)uv_run(&n->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&n->loop), 0);
        n->pods = NULL;
}

/* An empty temporary directory, nothing started. */
static inline void node_dir(struct node *n)
{
        *n = (struct node){ .pods = NULL };
        test_dir_init(&n->dir);
        (void)snprintf(n->data, sizeof(n->data), "%s/data", n->dir.path);
}

static inline void node_init(struct node *n)
{
        node_dir(n);
        assert_int_equal(fs_mkdirs(n->dir.fd, "data/pods", 0750), 0);
        node_start(n, 0);
}

static inline void node_done(struct node *n)
{
        node_stop(n);
        test_dir_done(&n->dir);
}

#define AUTO_NODE AUTO(node_done) struct node

/* What a call does: afterwards the index tells the truth. */
struct node_waiter {
        struct waiter waiter;
        bool done;
};

static inline void node_told(struct waiter *w)
{
        ((struct node_waiter *)w)->done = true;
}

static inline void node_sync(struct node *n)
{
        struct node_waiter w = { .waiter.fn = node_told };

        if (pod_index_sync(n->pods))
                return;
        pod_index_wait(n->pods, &w.waiter);
        for (int i = 0; i < 10000 && !w.done; i++) {
                (void)uv_run(&n->loop, UV_RUN_NOWAIT);
                (void)usleep(200);
        }
        assert_true(w.done);
}

static inline void node_sync_images(struct node *n)
{
        struct node_waiter w = { .waiter.fn = node_told };

        if (image_index_sync(n->images))
                return;
        image_index_wait(n->images, &w.waiter);
        for (int i = 0; i < 10000 && !w.done; i++) {
                (void)uv_run(&n->loop, UV_RUN_NOWAIT);
                (void)usleep(200);
        }
        assert_true(w.done);
}

/* The loop runs for a while, as when nobody calls. */
static inline void node_idle(struct node *n, int ms)
{
        nsec end = time_monotonic() + ms * NSEC_PER_MSEC;

        while (time_monotonic() < end) {
                (void)uv_run(&n->loop, UV_RUN_NOWAIT);
                (void)usleep(200);
        }
}

/* The state's name, "none" when there is no such pod, "unreadable". */
static inline const char *node_state(struct node *n, const char *uuid)
{
        const struct pod_record *r;

        node_sync(n);
        r = pod_index_get(n->pods, uuid);
        if (!r)
                return "none";
        return r->unreadable ? "unreadable" : pod_state_name((enum pod_state)r->state);
}

/* --- pods; paths are below the temporary directory */

static inline void node_mkdirs(struct node *n, const char *path)
{
        char copy[256];

        (void)snprintf(copy, sizeof(copy), "%s", path);
        for (char *c = copy; (c = strchr(c, '/')); *c++ = '/') {
                *c = '\0';
                (void)mkdirat(n->dir.fd, copy, 0750);
        }
        (void)mkdirat(n->dir.fd, copy, 0750);
}

static inline void node_write(struct node *n, const char *path, const char *text)
{
        assert_int_equal(fs_write_file(n->dir.fd, path, text, strlen(text), 0640), 0);
}

static inline void node_file(struct node *n, const char *where, const char *uuid, const char *name,
                             const char *text)
{
        char path[256];

        (void)snprintf(path, sizeof(path), "data/pods/%s/%s/%s", where, uuid, name);
        node_write(n, path, text);
}

static inline void node_pod(struct node *n, const char *where, const char *uuid)
{
        char path[256];

        (void)snprintf(path, sizeof(path), "data/pods/%s/%s/appsinfo/web", where, uuid);
        node_mkdirs(n, path);
        node_file(
                n, where, uuid, "pod",
                "{\"acVersion\":\"0.8.11\",\"acKind\":\"PodManifest\",\"apps\":[{\"name\":\"web\","
                "\"image\":{\"id\":\"sha512-"
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}}]}");
        node_file(n, where, uuid, "pod-created", "");
        node_file(n, where, uuid, "appsinfo/web/image.json",
                  "{\"id\":\"sha512-"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"name\":"
                  "\"example.com/web\",\"version\":\"1.0\",\"format\":\"oci\",\"layers\":[\"1\"],"
                  "\"rootfs\":\"overlay\"}");
}

static inline void node_move(struct node *n, const char *from, const char *to, const char *uuid)
{
        char a[256], b[256];

        (void)snprintf(a, sizeof(a), "data/pods/%s", to);
        node_mkdirs(n, a);
        (void)snprintf(a, sizeof(a), "data/pods/%s/%s", from, uuid);
        (void)snprintf(b, sizeof(b), "data/pods/%s/%s", to, uuid);
        assert_int_equal(renameat(n->dir.fd, a, n->dir.fd, b), 0);
}

static inline void node_remove(struct node *n, const char *path)
{
        assert_int_equal(fs_remove_tree(n->dir.fd, path), 0);
}

/* Its descriptor, open as a visitor has it. */
static inline int node_open(struct node *n, const char *where, const char *uuid)
{
        char path[256];
        int fd;

        (void)snprintf(path, sizeof(path), "data/pods/%s/%s", where, uuid);
        fd = fs_open_dir(n->dir.fd, path);
        assert_true(fd >= 0);
        return fd;
}

static inline int node_lock(struct node *n, const char *where, const char *uuid)
{
        int fd = node_open(n, where, uuid);

        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        return fd;
}
