/* SPDX-License-Identifier: Apache-2.0 */
/* Limits: from isolators to figures, and to the files of the host's version. */
#include <errno.h>

#include "appc/isolator.h"
#include "runtime/cgroup_priv.h"

void runtime_limits_from_isolators(const struct appc_isolators *iso, bool for_app,
                                   struct runtime_limits *ret)
{
        int64_t cpu = iso->cpu_request_milli >= 0 ? iso->cpu_request_milli : iso->cpu_limit_milli;

        *ret = RUNTIME_LIMITS_NULL;
        ret->memory_limit_bytes = iso->memory_limit;
        ret->memory_request_bytes = iso->memory_request;
        ret->cpu_limit_milli = iso->cpu_limit_milli;
        if (iso->cpu_shares >= 0) {
                ret->cpu_shares = iso->cpu_shares;
        } else if (cpu >= 0) {
                int64_t shares = cpu > 256000 ? 262144 : cpu * 1024 / 1000;

                ret->cpu_shares = shares < 2 ? 2 : shares;
        }
        ret->pids_limit = iso->pids_limit;
        ret->pids_required = iso->pids_limit >= 0;
        if (ret->pids_limit < 0 && for_app)
                ret->pids_limit = RUNTIME_PIDS_DEFAULT;
}

uint64_t cgroup_cpu_weight(int64_t shares)
{
        return 1 + ((uint64_t)shares - 2) * 9999 / 262142;
}

int64_t cgroup_cpu_quota_us(int64_t milli)
{
        int64_t quota = milli > INT64_MAX / CGROUP_CPU_PERIOD_US
                                ? INT64_MAX / 1000
                                : milli * CGROUP_CPU_PERIOD_US / 1000;

        return quota < 1000 ? 1000 : quota; /* the kernel's least */
}

int cgroup_limit_failed(int code, const char *what, int64_t value, struct err *e)
{
        if (code == -ENOENT)
                return err_set(e, ERR_UNSUPPORTED, 0,
                               "this host cannot limit %s: the cgroup controller is missing", what);
        return err_set(e, code == -EINVAL || code == -ERANGE ? ERR_USAGE : ERR_INTERNAL, -code,
                       "limit %s to %lld", what, (long long)value);
}

static bool any_limit(const struct runtime_limits *l)
{
        return l->memory_limit_bytes >= 0 || l->cpu_limit_milli >= 0 ||
               (l->pids_limit >= 0 && l->pids_required);
}

int runtime_cgroup_limit(const struct runtime_cgroup *cg, const struct runtime_limits *limits,
                         struct err *e)
{
        switch (cg->host->mode) {
        case RUNTIME_CGROUP_V1:
        case RUNTIME_CGROUP_HYBRID:
                return cgroup_v1_limit(cg, limits, e);
        case RUNTIME_CGROUP_V2:
                return cgroup_v2_limit(cg, limits, e);
        case RUNTIME_CGROUP_NONE:
        case RUNTIME_CGROUP_MODE_MAX:
                break;
        }
        if (any_limit(limits))
                return err_set(e, ERR_UNSUPPORTED, 0,
                               "this host has no writable cgroups, so nothing can be limited");
        return 0;
}

int runtime_cgroup_restrict_devices(const struct runtime_cgroup *cg, struct err *e)
{
        int v1 = cgroup_v1_index(cg->host, CGROUP_DEVICES), v2 = cgroup_v2_index(cg->host), r;

        if (v1 >= 0)
                r = cgroup_v1_restrict_devices(cg->fd[v1]);
        else if (v2 >= 0)
                r = cgroup_v2_restrict_devices(cg->fd[v2]);
        else
                return err_set(e, ERR_UNSUPPORTED, 0,
                               "this host has no cgroups to restrict devices with");
        if (r == -ENOSYS || r == -EINVAL)
                return err_set(e, ERR_UNSUPPORTED, -r, "restrict devices of cgroup %s", cg->path);
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "restrict devices of cgroup %s", cg->path) : 0;
}
