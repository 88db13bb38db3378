/* SPDX-License-Identifier: Apache-2.0 */
/* What was accepted keeps its promises: references lead somewhere. */
#include <stdlib.h>

#include "appc/pod_manifest.h"
#include "util/auto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(appc_pod_manifest_freep) struct appc_pod_manifest *m = NULL;
        struct err e;

        if (appc_pod_manifest_parse(data, size, &m, &e) < 0)
                return 0;
        for (size_t i = 0; i < m->n_apps; i++)
                for (size_t j = 0; j < m->apps[i].n_mounts; j++)
                        if (!m->apps[i].mounts[j].app_volume &&
                            !appc_pod_manifest_volume(m, m->apps[i].mounts[j].volume))
                                abort();
        return 0;
}
