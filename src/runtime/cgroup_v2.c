/* SPDX-License-Identifier: Apache-2.0 */
/* Controllers and limits of the v2 hierarchy (kernel documentation: admin-guide/cgroup-v2). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "runtime/cgroup_priv.h"
#include "util/auto.h"
#include "util/fs.h"

static const struct {
        const char *name;
        unsigned bit;
} wanted[] = {
        { "+cpu", CGROUP_CPU },
        { "+io", CGROUP_IO },
        { "+memory", CGROUP_MEMORY },
        { "+pids", CGROUP_PIDS },
};

static unsigned read_controllers(int dirfd, const char *file)
{
        AUTO(buf_done) struct buf text = BUF_NULL(CGROUP_FILE_MAX);

        return cgroup_read(dirfd, file, &text) < 0
                       ? 0
                       : cgroup_controllers_parse(buf_str(&text), text.len);
}

/*
 * One at a time, since the kernel refuses a list as a whole. A refusal (processes in the way in the root of a container's
 * cgroup namespace, for example) is not an error here: it becomes one when a limit is asked for.
 */
unsigned cgroup_v2_enable(int dirfd)
{
        unsigned on = read_controllers(dirfd, "cgroup.subtree_control"), there;
        const unsigned all = CGROUP_CPU | CGROUP_IO | CGROUP_MEMORY | CGROUP_PIDS;

        if ((on & all) == all)
                return on;
        there = read_controllers(dirfd, "cgroup.controllers");
        for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
                if ((there & wanted[i].bit) && !(on & wanted[i].bit) &&
                    cgroup_write(dirfd, "cgroup.subtree_control", wanted[i].name) == 0)
                        on |= wanted[i].bit;
        return on;
}

static int limit_memory(int fd, const struct runtime_limits *l, struct err *e)
{
        int r;

        if (l->memory_limit_bytes >= 0) {
                r = cgroup_write_u64(fd, "memory.max", (uint64_t)l->memory_limit_bytes);
                if (r < 0)
                        return cgroup_limit_failed(r, "memory", l->memory_limit_bytes, e);
                r = cgroup_write(fd, "memory.swap.max", "0");
                if (r < 0 && r != -ENOENT) /* absent without swap accounting */
                        return cgroup_limit_failed(r, "swap", 0, e);
        }
        /* Protection from reclaim; only as good as the parents allow, so no failure. */
        if (l->memory_request_bytes >= 0)
                (void)cgroup_write_u64(fd, "memory.low", (uint64_t)l->memory_request_bytes);
        return 0;
}

static int limit_cpu(int fd, const struct runtime_limits *l, struct err *e)
{
        int r;

        if (l->cpu_limit_milli >= 0) {
                char text[64];

                (void)snprintf(text, sizeof(text), "%lld %d",
                               (long long)cgroup_cpu_quota_us(l->cpu_limit_milli),
                               CGROUP_CPU_PERIOD_US);
                r = cgroup_write(fd, "cpu.max", text);
                if (r < 0)
                        return cgroup_limit_failed(r, "cpu", l->cpu_limit_milli, e);
        }
        if (l->cpu_shares >= 0) {
                r = cgroup_write_u64(fd, "cpu.weight", cgroup_cpu_weight(l->cpu_shares));
                if (r < 0)
                        return cgroup_limit_failed(r, "cpu shares", l->cpu_shares, e);
        }
        return 0;
}

int cgroup_v2_limit(const struct runtime_cgroup *cg, const struct runtime_limits *l, struct err *e)
{
        int fd = cg->fd[cgroup_v2_index(cg->host)], r;

        if (limit_memory(fd, l, e) < 0 || limit_cpu(fd, l, e) < 0)
                return -1;
        if (l->pids_limit < 0)
                return 0;
        r = cgroup_write_u64(fd, "pids.max", (uint64_t)l->pids_limit);
        if (r < 0 && (l->pids_required || r != -ENOENT))
                return cgroup_limit_failed(r, "pids", l->pids_limit, e);
        return 0;
}
