/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/net_info.h"

#include <stdlib.h>

#include "util/json.h"
#include "util/limits.h"
#include "util/mem.h"

void pod_networks_done(struct pod_networks *n)
{
        for (size_t i = 0; i < n->n; i++) {
                free(n->v[i].name);
                free(n->v[i].if_name);
                free(n->v[i].ip4);
                free(n->v[i].ip6);
        }
        free(n->v);
        *n = POD_NETWORKS_NULL;
}

/* "" and absent are the same to Go, and so to what rkt wrote. */
static int get_text(struct json_object *o, const char *key, char **ret, struct err *e)
{
        const char *s;

        if (json_get_string_opt(o, key, &s, e) < 0)
                return -1;
        *ret = s && s[0] != '\0' ? xstrdup(s) : NULL;
        return 0;
}

static int read_network(struct json_object *o, struct pod_network *ret, struct err *e)
{
        const char *name;

        if (json_get_string(o, "netName", &name, e) < 0)
                return -1;
        ret->name = xstrdup(name);
        if (get_text(o, "ifName", &ret->if_name, e) < 0 || get_text(o, "ip", &ret->ip4, e) < 0)
                return -1;
        return get_text(o, "ip6", &ret->ip6, e);
}

int pod_networks_parse(const void *data, size_t len, struct pod_networks *ret, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        AUTO(pod_networks_done) struct pod_networks list = POD_NETWORKS_NULL;
        size_t n;

        if (json_parse(data, len, LIMIT_STATE_FILE_BYTES, &o, e) < 0)
                return -1;
        if (o && !json_object_is_type(o, json_type_array)) /* Go writes null for an empty list */
                return err_set(e, ERR_BAD_DATA, 0, "expected an array of networks");
        n = o ? json_object_array_length(o) : 0;
        if (n > POD_NETWORKS_MAX)
                return err_set(e, ERR_LIMIT, 0, "%zu networks are over the limit of %d", n,
                               POD_NETWORKS_MAX);
        list.v = xcalloc(n + 1, sizeof(*list.v));
        for (size_t i = 0; i < n; i++)
                if (read_network(json_object_array_get_idx(o, i), &list.v[list.n++], e) < 0)
                        return err_wrap(e, "[%zu]", i);
        *ret = list;
        list = POD_NETWORKS_NULL;
        return 0;
}
