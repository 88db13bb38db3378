/* SPDX-License-Identifier: Apache-2.0 */
/* A node made by hand whose events are told, and what happens on it as `carob` would do it. */
#pragma once

#include "node.h"

#include "image/past.h"
#include "pod/past.h"
#include "util/buf.h"
#include "util/ledger.h"
#include "util/mem.h"

#define ZEROS   "00000000000000000000000000000000000000000000000000000000000000"
#define IMAGE_A "sha512-aa" ZEROS
#define IMAGE_B "sha512-ab" ZEROS
#define RECORDS "data/images/records/"

/* --- what is told */

static inline const char *type_name(V1alpha__EventType type)
{
        static const char *const names[] = {
                "undefined", "prepared",    "aborted",    "started",  "exited",
                "collected", "app-started", "app-exited", "imported", "removed",
        };

        return names[type];
}

/* Pods are called by the first letter of their id, images by their name. */
static inline void add_event(struct buf *out, const struct event *e)
{
        V1alpha__ListenEventsResponse *reply =
                v1alpha__listen_events_response__unpack(NULL, e->len, e->encoded);
        V1alpha__Event *event;

        assert_non_null(reply);
        event = reply->events[0];
        assert_int_equal(buf_printf(out, "%s %.1s", type_name(event->type), event->from), 0);
        for (size_t i = 0; i < event->n_data; i++)
                if (strcmp(event->data[i]->key, "exit_code") == 0)
                        assert_int_equal(buf_printf(out, "=%s", event->data[i]->value), 0);
                else if (strcmp(event->data[i]->key, "observed") == 0)
                        assert_int_equal(buf_puts(out, " seen"), 0);
                else if (strcmp(event->data[i]->key, "reason") == 0)
                        assert_int_equal(buf_printf(out, " (%s)", event->data[i]->value), 0);
        assert_int_equal(buf_puts(out, "\n"), 0);
        v1alpha__listen_events_response__free_unpacked(reply, NULL);
}

/* All that was told since the last time. */
static inline const char *news(struct node *n)
{
        static struct buf out = BUF_NULL(1024 * 1024);

        node_sync(n);
        node_sync_images(n);
        buf_reset(&out);
        while (n->told + 1 < event_ring_next(n->ring))
                add_event(&out, event_ring_at(n->ring, ++n->told));
        return buf_str(&out);
}

static inline void quiet(struct node *n)
{
        assert_string_equal(news(n), "");
        node_idle(n, 30);
        assert_string_equal(news(n), "");
}

/* --- what happens */

static inline void begin(struct node *n)
{
        node_dir(n);
        n->with_events = true;
        n->since = time_now_coarse();
        node_mkdirs(n, "data/pods/run");
        node_mkdirs(n, "data/images/records");
        node_start(n, 0);
        quiet(n);
}

/* A pod with an app that runs. The owner's descriptor. */
static inline int run_pod(struct node *n, const char *uuid)
{
        char status[256];
        int fd;

        node_pod(n, "embryo", uuid);
        node_move(n, "embryo", "prepare", uuid);
        fd = node_lock(n, "prepare", uuid);
        node_move(n, "prepare", "run", uuid);
        node_file(n, "run", uuid, "pid", "1");
        (void)snprintf(status, sizeof(status),
                       "{\"state\":\"running\",\"pid\":7,\"started_at\":%lld}",
                       (long long)time_now());
        node_file(n, "run", uuid, "appsinfo/web/status", status);
        return fd;
}

static inline void app_ends(struct node *n, const char *uuid, int exit_code)
{
        char status[256];

        (void)snprintf(status, sizeof(status),
                       "{\"state\":\"exited\",\"pid\":7,\"started_at\":%lld,\"finished_at\":%lld,"
                       "\"exit_code\":%d}",
                       (long long)(time_now() - NSEC_PER_SEC), (long long)time_now(), exit_code);
        node_file(n, "run", uuid, "appsinfo/web/status", status);
}

static inline void pod_ends(struct node *n, const char *uuid, int exit_code)
{
        char status[256];

        (void)snprintf(status, sizeof(status), "{\"exit_code\":%d,\"finished_at\":%lld}", exit_code,
                       (long long)time_now());
        node_file(n, "run", uuid, "status", status);
}

static inline void whole_life(struct node *n, const char *uuid)
{
        int fd = run_pod(n, uuid);

        app_ends(n, uuid, 3);
        pod_ends(n, uuid, 3);
        (void)close(fd);
        node_move(n, "run", "exited-garbage", uuid);
}

static inline void append(struct node *n, const char *dir, const char *name, const struct buf *line)
{
        AUTO_CLOSE int fd = fs_open_dir(n->dir.fd, dir);
        struct err e;

        assert_true(fd >= 0);
        assert_ok(ledger_append(fd, name, buf_str(line), line->len, &e), &e);
}

/* What is written before a pod is deleted. */
static inline void last_words(struct node *n, const char *where, const char *uuid)
{
        AUTO(pod_store_done) struct pod_store store = POD_STORE_NULL;
        AUTO(pod_view_freep) struct pod_view *view = NULL;
        AUTO(pod_past_done) struct pod_past past = POD_PAST_NULL;
        AUTO(pod_done) struct pod pod = POD_NULL;
        AUTO(buf_done) struct buf line = BUF_NULL(LEDGER_LINE_MAX);
        AUTO_CLOSE int data = fs_open_dir(n->dir.fd, "data");
        struct err e;

        (void)where;
        assert_ok(pod_store_open(data, &store, &e), &e);
        assert_ok(pod_open(&store, uuid, &pod, &e), &e);
        view = pod_view_of(&pod, pod_state_of(pod.dir, false), POD_VIEW_ALL);
        pod_past_of(&pod, view, &past);
        assert_int_equal(pod_past_print(&past, &line), 0);
        append(n, "data/pods", POD_LEDGER, &line);
}

static inline void delete_pod(struct node *n, const char *where, const char *uuid)
{
        char path[128];

        (void)snprintf(path, sizeof(path), "data/pods/%s/%s", where, uuid);
        node_remove(n, path);
}

static inline void remove_pod(struct node *n, const char *where, const char *uuid)
{
        last_words(n, where, uuid);
        delete_pod(n, where, uuid);
}

static inline void write_record(struct node *n, const char *dir, const char *id, const char *name,
                                nsec imported_at)
{
        AUTO_FREE char *record = xasprintf(
                "{\"id\":\"%s\",\"format\":\"oci\",\"format_version\":\"1.0.0\",\"name\":\"%s\","
                "\"version\":\"1.0\",\"layers\":[\"1\"],\"size\":1,\"imported_at\":%lld}",
                id, name, (long long)imported_at);
        AUTO_FREE char *manifest = xasprintf(
                "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"%s\"}", name);
        AUTO_FREE char *to = xasprintf("%s/record.json", dir);
        AUTO_FREE char *to_manifest = xasprintf("%s/manifest", dir);

        node_mkdirs(n, dir);
        node_write(n, to, record);
        node_write(n, to_manifest, manifest);
}

static inline void import(struct node *n, const char *id, const char *name, nsec imported_at)
{
        AUTO_FREE char *to = xasprintf(RECORDS "%s", id);

        write_record(n, "data/tmp", id, name, imported_at);
        assert_int_equal(renameat(n->dir.fd, "data/tmp", n->dir.fd, to), 0);
}

static inline void image_last_words(struct node *n, const char *id, const char *name,
                                    nsec imported_at)
{
        struct image_past past = { .id = (char *)(uintptr_t)id,
                                   .name = (char *)(uintptr_t)name,
                                   .format = APPC_FORMAT_OCI,
                                   .imported_at = imported_at,
                                   .removed_at = time_now() };
        AUTO(buf_done) struct buf line = BUF_NULL(LEDGER_LINE_MAX);

        assert_int_equal(image_past_print(&past, &line), 0);
        append(n, "data/images", IMAGE_LEDGER, &line);
}

static inline void remove_image(struct node *n, const char *id)
{
        AUTO_FREE char *path = xasprintf(RECORDS "%s", id);

        node_remove(n, path);
}

/* So much that events are lost, wherever it is read. */
static inline void overflow(struct node *n)
{
        node_mkdirs(n, "data/pods/run/" POD_3);
        for (int i = 0; i < 30000; i++)
                (void)close(node_open(n, "run", POD_3));
        node_remove(n, "data/pods/run/" POD_3);
}

static inline bool overflowed(struct node *n)
{
        struct index_stats stats;

        index_stats(n->index, &stats);
        return stats.watch.overflows > 0;
}
