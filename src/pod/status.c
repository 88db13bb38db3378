/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/status.h"

#include <stdlib.h>

#include "util/json.h"
#include "util/limits.h"
#include "util/mem.h"

void pod_status_done(struct pod_status *s)
{
        free(s->reason);
        *s = POD_STATUS_NULL;
}

int pod_status_parse(const void *data, size_t len, struct pod_status *ret, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        struct pod_status s = POD_STATUS_NULL;
        int64_t exit_code = -1, signal = 0;
        const char *reason;

        if (json_parse(data, len, LIMIT_STATE_FILE_BYTES, &o, e) < 0 ||
            json_get_int_opt(o, "exit_code", 0, 255, &exit_code, e) < 0 ||
            json_get_int_opt(o, "signal", 0, 127, &signal, e) < 0 ||
            json_get_int_opt(o, "finished_at", 0, INT64_MAX, &s.finished_at, e) < 0 ||
            json_get_string_opt(o, "reason", &reason, e) < 0)
                return -1;
        if (exit_code < 0)
                return err_set(e, ERR_BAD_DATA, 0, "\"exit_code\" is missing");
        s.exit_code = (int)exit_code;
        s.signal = (int)signal;
        s.reason = xstrdup_null(reason);
        *ret = s;
        return 0;
}

int pod_status_print(const struct pod_status *s, struct buf *out)
{
        AUTO_JSON struct json_object *o = json_object_new_object();

        json_add_int(o, "exit_code", s->exit_code);
        if (s->signal != 0)
                json_add_int(o, "signal", s->signal);
        json_add_string(o, "reason", s->reason);
        json_add_int(o, "finished_at", s->finished_at);
        return json_print(o, false, out);
}
