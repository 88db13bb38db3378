/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits, devices and killing with the v1 controllers (kernel documentation: admin-guide/cgroup-v1). Each controller
 * has its own directory; a controller that is not mounted cannot limit.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "runtime/cgroup_priv.h"
#include "util/auto.h"
#include "util/fs.h"

static int controller_fd(const struct runtime_cgroup *cg, enum cgroup_controller c)
{
        int i = cgroup_v1_index(cg->host, c);

        return i < 0 ? -1 : cg->fd[i];
}

/* -ENOENT when the controller is missing, so that one path reports it. */
static int write_at(int fd, const char *file, int64_t value)
{
        return fd < 0 ? -ENOENT : cgroup_write_u64(fd, file, (uint64_t)value);
}

static int limit_memory(int fd, const struct runtime_limits *l, struct err *e)
{
        int r;

        if (l->memory_limit_bytes >= 0) {
                r = write_at(fd, "memory.limit_in_bytes", l->memory_limit_bytes);
                if (r < 0)
                        return cgroup_limit_failed(r, "memory", l->memory_limit_bytes, e);
                /* Memory and swap together; the file is absent without swap accounting. */
                r = write_at(fd, "memory.memsw.limit_in_bytes", l->memory_limit_bytes);
                if (r < 0 && r != -ENOENT)
                        return cgroup_limit_failed(r, "memory and swap", l->memory_limit_bytes, e);
        }
        /* A hint to reclaim; the kernel promises nothing, so its absence is no failure. */
        if (l->memory_request_bytes >= 0)
                (void)write_at(fd, "memory.soft_limit_in_bytes", l->memory_request_bytes);
        return 0;
}

static int limit_cpu(int fd, const struct runtime_limits *l, struct err *e)
{
        int r;

        if (l->cpu_limit_milli >= 0) {
                r = write_at(fd, "cpu.cfs_period_us", CGROUP_CPU_PERIOD_US);
                if (r == 0)
                        r = write_at(fd, "cpu.cfs_quota_us",
                                     cgroup_cpu_quota_us(l->cpu_limit_milli));
                if (r < 0)
                        return cgroup_limit_failed(r, "cpu", l->cpu_limit_milli, e);
        }
        if (l->cpu_shares >= 0) {
                r = write_at(fd, "cpu.shares", l->cpu_shares);
                if (r < 0)
                        return cgroup_limit_failed(r, "cpu shares", l->cpu_shares, e);
        }
        return 0;
}

int cgroup_v1_limit(const struct runtime_cgroup *cg, const struct runtime_limits *l, struct err *e)
{
        int r;

        if (limit_memory(controller_fd(cg, CGROUP_MEMORY), l, e) < 0 ||
            limit_cpu(controller_fd(cg, CGROUP_CPU), l, e) < 0)
                return -1;
        if (l->pids_limit < 0)
                return 0;
        r = write_at(controller_fd(cg, CGROUP_PIDS), "pids.max", l->pids_limit);
        if (r < 0 && (l->pids_required || r != -ENOENT))
                return cgroup_limit_failed(r, "pids", l->pids_limit, e);
        return 0;
}

static void rule_text(const struct cgroup_device *d, char *ret, size_t size)
{
        char major[16] = "*", minor[16] = "*";

        if (d->major >= 0)
                (void)snprintf(major, sizeof(major), "%d", d->major);
        if (d->minor >= 0)
                (void)snprintf(minor, sizeof(minor), "%d", d->minor);
        (void)snprintf(ret, size, "%c %s:%s %s", d->type, major, minor, d->access);
}

int cgroup_v1_restrict_devices(int dirfd)
{
        int r = cgroup_write(dirfd, "devices.deny", "a");

        for (size_t i = 0; i < cgroup_n_devices && r == 0; i++) {
                char rule[64];

                rule_text(&cgroup_devices[i], rule, sizeof(rule));
                r = cgroup_write(dirfd, "devices.allow", rule);
        }
        return r;
}

static void kill_pid(pid_t pid, void *arg)
{
        (void)arg;
        (void)kill(pid, SIGKILL);
}

/*
 * Frozen, nobody can fork away between our reading of the list and the signal, and no pid can be handed to a
 * stranger. The signal takes effect at the thaw.
 */
int cgroup_v1_kill_once(const struct runtime_cgroup *cg)
{
        int fd = controller_fd(cg, CGROUP_FREEZER), n;

        (void)cgroup_write(fd, "freezer.state", "FROZEN");
        n = cgroup_each_pid(fd, kill_pid, NULL);
        (void)cgroup_write(fd, "freezer.state", "THAWED");
        return n;
}
