/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/remove.h"

#include "pod/change.h"
#include "pod/past.h"
#include "pod/remove.h"
#include "pod/view.h"
#include "runtime/cgroup.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/ledger.h"
#include "util/limits.h"
#include "util/test_hook.h"

enum { CGROUP_WAIT_MS = 5000 };

/* A supervisor that was killed could not take its cgroup away. Pods that never ran have none. */
static int remove_cgroup(const struct pod *p, struct err *e)
{
        AUTO(runtime_cgroup_host_freep) struct runtime_cgroup_host *host = NULL;
        AUTO(buf_done) struct buf path = BUF_NULL(LIMIT_STATE_FILE_BYTES);
        bool known = fs_read_file(p->fd, "subcgroup", &path) == 0 && path.len > 0;

        if (!known && p->dir == POD_DIR_GARBAGE)
                return 0;
        while (path.len > 0 && path.data[path.len - 1] == '\n')
                path.data[--path.len] = '\0';
        if (runtime_cgroup_host_open(&host, e) < 0)
                return -1;
        return runtime_cgroup_gc(host, p->uuid.text, known ? buf_str(&path) : NULL, CGROUP_WAIT_MS,
                                 e);
}

static int append_past(struct engine *eng, const struct pod_past *past, struct err *e)
{
        AUTO(buf_done) struct buf line = BUF_NULL(LEDGER_LINE_MAX);
        struct pod_past brief = *past;

        if (pod_past_print(past, &line) < 0) {
                /* Hundreds of apps with the longest of names: what became of the pod is worth more. */
                buf_reset(&line);
                brief.n_apps = 0;
                brief.name = NULL;
                if (pod_past_print(&brief, &line) < 0)
                        return err_set(e, ERR_LIMIT, 0, "last words of pod %s", past->uuid.text);
        }
        return ledger_append(eng->pods.pods_fd, POD_LEDGER, buf_str(&line), line.len, e);
}

/*
 * What happened to the pod, for those who follow events and did not look in time. Nothing when a deletion that did not get to
 * its end has done it already.
 */
static void write_last_words(struct engine *eng, const struct pod *p)
{
        enum pod_state state =
                p->dir == POD_DIR_EXITED_GARBAGE ? POD_EXITED_DELETING : POD_DELETING;
        AUTO(pod_view_freep) struct pod_view *view = NULL;
        AUTO(pod_past_done) struct pod_past past = POD_PAST_NULL;
        struct err e;

        if (eng->ledger_locked || (p->dir != POD_DIR_EXITED_GARBAGE && p->dir != POD_DIR_GARBAGE))
                return;
        view = pod_view_of(p, state, POD_VIEW_ALL);
        pod_past_of(p, view, &past);
        if (!past.collected || append_past(eng, &past, &e) == 0)
                return;
        eng->ledger_locked = e.kind == ERR_BUSY;
        if (!eng->ledger_failed && eng->warn) {
                (void)err_wrap(&e, "pods are removed, but not all of their events may be told");
                eng->warn(e.text);
        }
        eng->ledger_failed = true;
}

int engine_delete_garbage(struct engine *eng, const char *uuid, struct err *e)
{
        AUTO(pod_done) struct pod p = POD_NULL;

        if (pod_open(&eng->pods, uuid, &p, e) < 0 || pod_lock(&eng->pods, &p, e) < 0)
                return e->kind == ERR_NOT_FOUND ? 0 : -1;
        test_hook("garbage-locked");
        if (remove_cgroup(&p, e) < 0)
                return err_wrap(e, "cgroup of pod \"%s\"", uuid);
        test_hook("cgroup-removed");
        write_last_words(eng, &p);
        test_hook("last-words");
        return pod_remove(&eng->pods, &p, e);
}

/* The move that makes it garbage, unless it is already. */
static int mark(struct engine *eng, struct pod *p, struct err *e)
{
        enum pod_state state = pod_state_sample(&eng->pods, p);
        enum pod_move moved = POD_MOVED;

        switch (state) {
        case POD_RUNNING:
                return err_set(e, ERR_STATE, 0, "pod \"%s\" is currently running", p->uuid.text);
        case POD_EMBRYO:
        case POD_PREPARING:
                return err_set(e, ERR_STATE, 0, "pod \"%s\" is being prepared", p->uuid.text);
        case POD_EXITED_DELETING:
        case POD_DELETING:
                return err_set(e, ERR_BUSY, 0, "pod \"%s\" is being removed by another process",
                               p->uuid.text);
        case POD_ABORTED_PREPARE:
        case POD_PREPARED:
                moved = pod_to_garbage(&eng->pods, p, e);
                break;
        case POD_EXITED:
                moved = pod_to_exited_garbage(&eng->pods, p, e);
                break;
        case POD_EXITED_GARBAGE:
        case POD_GARBAGE:
        case POD_STATE_MAX:
                break;
        }
        return moved == POD_MOVED ? 0 : -1;
}

int engine_rm(struct engine *eng, const char *uuid, struct err *e)
{
        AUTO(pod_done) struct pod p = POD_NULL;

        if (pod_open(&eng->pods, uuid, &p, e) < 0 || mark(eng, &p, e) < 0)
                return -1;
        test_hook("marked");
        return engine_delete_garbage(eng, uuid, e);
}
