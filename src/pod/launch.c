/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/launch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/json.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/parse.h"

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

static const char *const driver_names[] = {
        [POD_LOG_FILE] = "file",
        [POD_LOG_JOURNALD] = "journald",
};
static_assert(ARRAY_LEN(driver_names) == POD_LOG_DRIVER_MAX, "a name for every driver");

const char *pod_log_driver_name(enum pod_log_driver driver)
{
        return driver_names[driver];
}

int pod_log_driver_parse(const char *s, enum pod_log_driver *ret, struct err *e)
{
        for (int i = 0; i < POD_LOG_DRIVER_MAX; i++)
                if (strcmp(s, driver_names[i]) == 0) {
                        *ret = (enum pod_log_driver)i;
                        return 0;
                }
        return err_set(e, ERR_USAGE, 0, "\"%.40s\" is neither file nor journald", s);
}

int pod_log_size_parse(const char *s, int64_t *ret, struct err *e)
{
        int64_t milli;

        if (parse_quantity(s, &milli) < 0 || milli % 1000 != 0 ||
            milli / 1000 > POD_LOG_BYTES_MAX || (milli != 0 && milli / 1000 < POD_LOG_BYTES_MIN))
                return err_set(e, ERR_USAGE, 0,
                               "\"%.40s\" is no size from 1Mi on (16Mi, 1G), or 0 for no limit", s);
        *ret = milli / 1000;
        return 0;
}

int pod_launch_parse(const void *data, size_t len, struct pod_launch *ret, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        const char *net, *hostname, *name, *driver;
        struct pod_launch l = POD_LAUNCH_NULL;
        int64_t log_files = -1;

        if (json_parse(data, len, LIMIT_STATE_FILE_BYTES, &o, e) < 0 ||
            json_get_string_opt(o, "net", &net, e) < 0 ||
            json_get_string_opt(o, "hostname", &hostname, e) < 0 ||
            json_get_string_opt(o, "name", &name, e) < 0 ||
            json_get_int_opt(o, "logBytes", 0, POD_LOG_BYTES_MAX, &l.log_bytes, e) < 0 ||
            json_get_int_opt(o, "logFiles", 1, POD_LOG_FILES_MAX, &log_files, e) < 0 ||
            json_get_string_opt(o, "logDriver", &driver, e) < 0)
                return -1;
        if (driver && pod_log_driver_parse(driver, &l.log_driver, e) < 0)
                return err_set(e, ERR_BAD_DATA, 0, "logDriver: \"%.40s\" is none", driver);
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
        if (l->log_driver != POD_LOG_FILE)
                json_add_string(o, "logDriver", pod_log_driver_name(l->log_driver));
        return json_print(o, false, out);
}
