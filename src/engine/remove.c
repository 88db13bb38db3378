/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/remove.h"

#include "pod/change.h"
#include "pod/remove.h"
#include "runtime/cgroup.h"
#include "util/auto.h"
#include "util/fs.h"
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

int engine_delete_garbage(struct engine *eng, const char *uuid, struct err *e)
{
        AUTO(pod_done) struct pod p = POD_NULL;

        if (pod_open(&eng->pods, uuid, &p, e) < 0 || pod_lock(&eng->pods, &p, e) < 0)
                return e->kind == ERR_NOT_FOUND ? 0 : -1;
        test_hook("garbage-locked");
        if (remove_cgroup(&p, e) < 0)
                return err_wrap(e, "cgroup of pod \"%s\"", uuid);
        test_hook("cgroup-removed");
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
