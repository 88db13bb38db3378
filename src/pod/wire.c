/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/wire.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "util/auto.h"
#include "util/json.h"

static const char *const op_names[] = { [POD_OP_STOP] = "stop", [POD_OP_STATE] = "state" };
static_assert(ARRAY_LEN(op_names) == POD_OP_MAX, "a name for every operation");

/* Nobody waits longer for an app to end than a day; and nothing overflows later. */
static const int64_t GRACE_MAX_MS = INT64_C(24) * 3600 * 1000;

int pod_request_parse(const void *data, size_t len, struct pod_request *ret, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        struct pod_request r = { .grace_ms = -1 };
        const char *op;

        if (json_parse(data, len, POD_WIRE_MAX, &o, e) < 0 ||
            json_get_string(o, "op", &op, e) < 0 ||
            json_get_bool_opt(o, "force", &r.force, e) < 0 ||
            json_get_int_opt(o, "grace_ms", -1, GRACE_MAX_MS, &r.grace_ms, e) < 0)
                return -1;
        for (int i = 0; i < POD_OP_MAX; i++)
                if (strcmp(op, op_names[i]) == 0) {
                        r.op = (enum pod_op)i;
                        *ret = r;
                        return 0;
                }
        return err_set(e, ERR_UNSUPPORTED, 0, "operation \"%.40s\" is not known", op);
}

int pod_request_print(const struct pod_request *r, struct buf *out)
{
        AUTO_JSON struct json_object *o = json_object_new_object();

        json_add_string(o, "op", op_names[r->op]);
        if (r->op == POD_OP_STOP) {
                json_add_bool(o, "force", r->force);
                json_add_int(o, "grace_ms", r->grace_ms);
        }
        return json_print(o, false, out);
}

int pod_reply_parse(const void *data, size_t len, struct pod_reply *ret, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        struct json_object *ok = NULL;
        struct pod_reply r = { 0 };
        const char *error, *state;

        if (json_parse(data, len, POD_WIRE_MAX, &o, e) < 0 ||
            json_get_bool_opt(o, "ok", &r.ok, e) < 0 ||
            json_get_string_opt(o, "error", &error, e) < 0 ||
            json_get_string_opt(o, "state", &state, e) < 0)
                return -1;
        if (!json_object_object_get_ex(o, "ok", &ok) || !ok)
                return err_set(e, ERR_BAD_DATA, 0, "\"ok\" is missing");
        (void)snprintf(r.error, sizeof(r.error), "%s", error ? error : "");
        (void)snprintf(r.state, sizeof(r.state), "%s", state ? state : "");
        *ret = r;
        return 0;
}

/* Where a text of at most @max bytes ends without half a character. */
static int whole_characters(const char *s, size_t max)
{
        size_t len = strnlen(s, max), start = len;

        while (start > 0 && len - start < 3 && ((unsigned char)s[start - 1] & 0xc0) == 0x80)
                start--;
        if (start > 0 && ((unsigned char)s[start - 1] & 0xc0) == 0xc0) {
                unsigned char lead = (unsigned char)s[start - 1];
                size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

                if (len - (start - 1) < want)
                        return (int)(start - 1);
        }
        return (int)len;
}

int pod_reply_print(const struct pod_reply *r, struct buf *out)
{
        AUTO_JSON struct json_object *o = json_object_new_object();

        json_add_bool(o, "ok", r->ok);
        if (!r->ok)
                json_object_object_add(
                        o, "error",
                        json_object_new_string_len(
                                r->error, whole_characters(r->error, sizeof(r->error) - 1)));
        if (r->state[0] != '\0')
                json_add_string(o, "state", r->state);
        return json_print(o, false, out);
}
