/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/app_status.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "util/auto.h"
#include "util/json.h"
#include "util/limits.h"

static const char *const names[] = {
        [APP_UNKNOWN] = "unknown",
        [APP_CREATED] = "created",
        [APP_RUNNING] = "running",
        [APP_EXITED] = "exited",
};
static_assert(ARRAY_LEN(names) == APP_STATE_MAX, "a name for every state");

const char *app_state_name(enum app_state state)
{
        return names[state];
}

static int parse_state(const char *s, enum app_state *ret, struct err *e)
{
        for (int i = 0; i < APP_STATE_MAX; i++)
                if (strcmp(s, names[i]) == 0) {
                        *ret = (enum app_state)i;
                        return 0;
                }
        return err_set(e, ERR_BAD_DATA, 0, "state: \"%.40s\" is no state of an app", s);
}

int app_status_parse(const void *data, size_t len, struct app_status *ret, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        struct app_status s = APP_STATUS_NULL;
        int64_t pid = 0, exit_code = -1, signal = 0;
        const char *state;

        if (json_parse(data, len, LIMIT_STATE_FILE_BYTES, &o, e) < 0 ||
            json_get_string(o, "state", &state, e) < 0 || parse_state(state, &s.state, e) < 0 ||
            json_get_int_opt(o, "pid", 0, INT_MAX, &pid, e) < 0 ||
            json_get_int_opt(o, "created_at", 0, INT64_MAX, &s.created_at, e) < 0 ||
            json_get_int_opt(o, "started_at", 0, INT64_MAX, &s.started_at, e) < 0 ||
            json_get_int_opt(o, "finished_at", 0, INT64_MAX, &s.finished_at, e) < 0 ||
            json_get_int_opt(o, "exit_code", -1, 255, &exit_code, e) < 0 ||
            json_get_int_opt(o, "signal", 0, 127, &signal, e) < 0 ||
            json_get_bool_opt(o, "oom", &s.oom, e) < 0)
                return -1;
        s.pid = (pid_t)pid;
        s.exit_code = (int)exit_code;
        s.signal = (int)signal;
        *ret = s;
        return 0;
}

size_t app_status_print(const struct app_status *s, char ret[static APP_STATUS_TEXT_MAX])
{
        int n = snprintf(ret, APP_STATUS_TEXT_MAX,
                         "{\"state\":\"%s\",\"pid\":%d,\"created_at\":%" PRId64
                         ",\"started_at\":%" PRId64 ",\"finished_at\":%" PRId64
                         ",\"exit_code\":%d,\"signal\":%d,\"oom\":%s}",
                         names[s->state], s->pid, s->created_at, s->started_at, s->finished_at,
                         s->exit_code, s->signal, s->oom ? "true" : "false");

        return (size_t)n;
}
