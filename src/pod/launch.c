/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/launch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/json.h"
#include "util/limits.h"
#include "util/mem.h"

static const char *const net_names[] = { [POD_NET_NONE] = "none", [POD_NET_HOST] = "host" };
static_assert(ARRAY_LEN(net_names) == POD_NET_MAX, "a name for every network");

void pod_launch_done(struct pod_launch *l)
{
        free(l->hostname);
        free(l->name);
        *l = POD_LAUNCH_NULL;
}

const char *pod_net_name(enum pod_net net)
{
        return net_names[net];
}

int pod_net_parse(const char *s, enum pod_net *ret)
{
        for (int i = 0; i < POD_NET_MAX; i++)
                if (strcmp(s, net_names[i]) == 0) {
                        *ret = (enum pod_net)i;
                        return 0;
                }
        return -EINVAL;
}

int pod_launch_parse(const void *data, size_t len, struct pod_launch *ret, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        const char *net, *hostname, *name;
        struct pod_launch l = POD_LAUNCH_NULL;
        int64_t log_files = -1;

        if (json_parse(data, len, LIMIT_STATE_FILE_BYTES, &o, e) < 0 ||
            json_get_string_opt(o, "net", &net, e) < 0 ||
            json_get_string_opt(o, "hostname", &hostname, e) < 0 ||
            json_get_string_opt(o, "name", &name, e) < 0 ||
            json_get_int_opt(o, "logBytes", 0, POD_LOG_BYTES_MAX, &l.log_bytes, e) < 0 ||
            json_get_int_opt(o, "logFiles", 1, POD_LOG_FILES_MAX, &log_files, e) < 0)
                return -1;
        l.log_files = (int)log_files;
        if (net && pod_net_parse(net, &l.net) < 0)
                return err_set(e, ERR_BAD_DATA, 0, "net: \"%.40s\" is no network", net);
        l.hostname = xstrdup_null(hostname);
        l.name = xstrdup_null(name);
        *ret = l;
        return 0;
}

int pod_launch_print(const struct pod_launch *l, struct buf *out)
{
        AUTO_JSON struct json_object *o = json_object_new_object();

        json_add_string(o, "net", pod_net_name(l->net));
        json_add_string(o, "hostname", l->hostname);
        json_add_string(o, "name", l->name);
        if (l->log_bytes >= 0)
                json_add_int(o, "logBytes", l->log_bytes);
        if (l->log_files > 0)
                json_add_int(o, "logFiles", l->log_files);
        return json_print(o, false, out);
}
