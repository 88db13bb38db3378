/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner of names against the parser: what both accept, they understand alike. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pod/view_priv.h"
#include "util/auto.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const char *a, const char *b)
{
        if (b && b[0] == '\0')
                b = NULL; /* an empty value and none are the same */
        if (!a != !b || (a && strcmp(a, b) != 0))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(pod_view_freep) struct pod_view *v = xcalloc(1, sizeof(*v));
        AUTO(appc_pod_manifest_freep) struct appc_pod_manifest *m = NULL;
        AUTO_FREE char *text = xmemdup(data, size);
        struct err e;

        if (view_brief(text, size, v) < 0) {
                if (v->n_apps != 0 || v->name)
                        abort();
                return 0;
        }
        if (appc_pod_manifest_parse(text, size, &m, &e) < 0)
                return 0;
        if (v->n_apps != m->n_apps)
                abort();
        same(v->name, kv_list_get(&m->annotations, POD_NAME_ANNOTATION));
        for (size_t i = 0; i < m->n_apps; i++) {
                same(v->apps[i].name, m->apps[i].name);
                same(v->apps[i].image_id, m->apps[i].image_id);
                same(v->apps[i].image_name, m->apps[i].image_name);
                same(v->apps[i].image_version, kv_list_get(&m->apps[i].image_labels, "version"));
        }
        return 0;
}
