/* SPDX-License-Identifier: Apache-2.0 */
/* mountinfo and /proc/self/cgroup, separated by a NUL: mount points are anybody's text. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cgroup_priv.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = xmemdup(data, size); /* adds a NUL */
        size_t n = strlen(text);
        struct runtime_cgroup_host *host = xcalloc(1, sizeof(*host));

        cgroup_host_parse(text, n < size ? text + n + 1 : "", host);
        assert(host->n <= CGROUP_HIERARCHIES_MAX && host->mode < RUNTIME_CGROUP_MODE_MAX);
        for (size_t i = 0; i < host->n; i++)
                assert(host->h[i].own[0] != '/');
        (void)cgroup_flat_get(text, "oom_kill");
        (void)runtime_cgroup_host_free(host);
        free(text);
        return 0;
}
