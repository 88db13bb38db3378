/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/gc.h"

#include <errno.h>
#include <sys/stat.h>

#include "engine/remove.h"
#include "pod/change.h"
#include "pod/view.h"
#include "util/auto.h"
#include "util/fs.h"

/* An embryo lives for microseconds; one of this age has lost its maker. */
#define EMBRYO_AGE (60 * NSEC_PER_SEC)

struct run {
        struct engine *eng;
        const struct engine_gc *gc;
        nsec begun; /* time_monotonic(): what this run marks is younger than gc->now */
        size_t failed;
};

static void note(struct run *r, enum engine_gc_what what, const char *uuid, const char *text)
{
        r->failed += what == ENGINE_GC_FAILED;
        if (r->gc->note)
                r->gc->note(r->gc->arg, what, uuid, text);
}

static void note_failure(struct run *r, const char *uuid, const struct err *e)
{
        /* All mean that somebody else is about to do what we wanted, owns the pod again, or has moved it on. */
        if (e->kind == ERR_BUSY || e->kind == ERR_NOT_FOUND || e->kind == ERR_STATE)
                note(r, ENGINE_GC_SKIPPED, uuid, e->text);
        else
                note(r, ENGINE_GC_FAILED, uuid, e->text);
}

static void mark(struct run *r, const char *uuid,
                 enum pod_move (*move)(struct pod_store *, struct pod *, struct err *))
{
        AUTO(pod_done) struct pod p = POD_NULL;
        struct err e;
        enum pod_move moved;

        if (pod_open(&r->eng->pods, uuid, &p, &e) < 0) {
                note_failure(r, uuid, &e);
                return;
        }
        moved = move(&r->eng->pods, &p, &e);
        if (moved == POD_MOVED)
                note(r, ENGINE_GC_MARKED, uuid, NULL);
        else if (moved == POD_MOVE_LOST)
                note(r, ENGINE_GC_SKIPPED, uuid, e.text);
        else
                note_failure(r, uuid, &e);
}

/* When the pod came into its directory: the rename changed its ctime. -1: gone. */
static nsec moved_at(struct run *r, const char *uuid)
{
        AUTO(pod_done) struct pod p = POD_NULL;
        struct stat st;
        struct err e;

        if (pod_open(&r->eng->pods, uuid, &p, &e) < 0 || fstat(p.fd, &st) < 0)
                return -1;
        return fs_ctime(&st);
}

static void delete_one(struct run *r, const char *uuid)
{
        struct err e;

        if (engine_delete_garbage(r->eng, uuid, &e) < 0)
                note_failure(r, uuid, &e);
        else
                note(r, ENGINE_GC_REMOVED, uuid, NULL);
}

static bool is_older(struct run *r, const char *uuid, nsec age)
{
        nsec at = moved_at(r, uuid), now = r->gc->now + (time_monotonic() - r->begun);

        /* No age means all, whatever the clocks of the file system and of the caller make of a moment. */
        return at >= 0 && (age <= 0 || at <= now - age);
}

static void mark_one(struct run *r, const struct pod_view *v)
{
        const char *uuid = v->uuid.text;

        if (v->state == POD_EXITED)
                mark(r, uuid, pod_to_exited_garbage);
        else if (v->state == POD_ABORTED_PREPARE ||
                 (v->state == POD_EMBRYO && is_older(r, uuid, EMBRYO_AGE)))
                mark(r, uuid, pod_to_garbage);
        else if (v->state == POD_PREPARED && !r->gc->mark_only &&
                 is_older(r, uuid, r->gc->expire_prepared))
                mark(r, uuid, pod_to_garbage);
}

static void sweep_one(struct run *r, const struct pod_view *v)
{
        const char *uuid = v->uuid.text;

        if (v->state == POD_GARBAGE ||
            (v->state == POD_EXITED_GARBAGE && is_older(r, uuid, r->gc->grace)))
                delete_one(r, uuid);
        else if (v->state == POD_EXITED_GARBAGE)
                note(r, ENGINE_GC_KEPT, uuid, NULL);
        else if (v->state == POD_DELETING || v->state == POD_EXITED_DELETING)
                note(r, ENGINE_GC_SKIPPED, uuid, "another process is removing it");
}

static int each(struct run *r, unsigned dirs, void (*fn)(struct run *, const struct pod_view *),
                struct err *e)
{
        AUTO(pod_view_list_done) struct pod_view_list list = POD_VIEW_LIST_NULL;

        if (pod_view_list(&r->eng->pods, dirs, POD_VIEW_STATE, &list, e) < 0)
                return -1;
        for (size_t i = 0; i < list.n; i++)
                fn(r, list.v[i]);
        return 0;
}

int engine_gc(struct engine *eng, const struct engine_gc *gc, size_t *ret_failed, struct err *e)
{
        struct run r = { .eng = eng, .gc = gc, .begun = time_monotonic() };
        const unsigned live = POD_DIR_BIT(POD_DIR_EMBRYO) | POD_DIR_BIT(POD_DIR_PREPARE) |
                              POD_DIR_BIT(POD_DIR_PREPARED) | POD_DIR_BIT(POD_DIR_RUN);
        const unsigned dead = POD_DIR_BIT(POD_DIR_EXITED_GARBAGE) | POD_DIR_BIT(POD_DIR_GARBAGE);

        if (each(&r, live, mark_one, e) < 0)
                return -1;
        if (!gc->mark_only && each(&r, dead, sweep_one, e) < 0)
                return -1;
        *ret_failed = r.failed;
        return 0;
}
