/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/event_types.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/auto.h"
#include "util/buf.h"

#define PREFIX "EVENT_TYPE_"

/* "EVENT_TYPE_POD_STARTED", "pod_started" and the like to "pod-started". */
static void normalize(const char *text, size_t len, char ret[static EVENT_TYPE_NAME_MAX])
{
        size_t n;

        if (len > strlen(PREFIX) && strncasecmp(text, PREFIX, strlen(PREFIX)) == 0) {
                text += strlen(PREFIX);
                len -= strlen(PREFIX);
        }
        n = len < EVENT_TYPE_NAME_MAX ? len : EVENT_TYPE_NAME_MAX - 1;
        for (size_t i = 0; i < n; i++)
                ret[i] = (char)(text[i] == '_' ? '-' : tolower((unsigned char)text[i]));
        ret[n] = '\0';
}

/* Name number @i; false: there are no more. EVENT_TYPE_UNDEFINED is the type of no event. */
static bool name_at(unsigned i, V1alpha__EventType *ret, char name[static EVENT_TYPE_NAME_MAX])
{
        const ProtobufCEnumDescriptor *d = &v1alpha__event_type__descriptor;

        if (i + 1 >= d->n_values)
                return false;
        *ret = (V1alpha__EventType)d->values[i + 1].value;
        normalize(d->values[i + 1].name, strlen(d->values[i + 1].name), name);
        return true;
}

void event_type_name(V1alpha__EventType type, char ret[static EVENT_TYPE_NAME_MAX])
{
        const ProtobufCEnumValue *v =
                protobuf_c_enum_descriptor_get_value(&v1alpha__event_type__descriptor, (int)type);

        if (v)
                normalize(v->name, strlen(v->name), ret);
        else
                (void)snprintf(ret, EVENT_TYPE_NAME_MAX, "type-%d", (int)type);
}

size_t event_type_width(void)
{
        char name[EVENT_TYPE_NAME_MAX];
        V1alpha__EventType type;
        size_t width = 0;

        for (unsigned i = 0; name_at(i, &type, name); i++)
                width = strlen(name) > width ? strlen(name) : width;
        return width;
}

void event_types_each(void (*fn)(const char *word, void *arg), void *arg)
{
        char name[EVENT_TYPE_NAME_MAX], last[EVENT_TYPE_NAME_MAX] = "";
        V1alpha__EventType type;

        /* Names of a kind stand together. */
        for (unsigned i = 0; name_at(i, &type, name); i++) {
                name[strcspn(name, "-")] = '\0';
                if (strcmp(name, last) != 0)
                        fn(name, arg);
                memcpy(last, name, sizeof(last));
        }
        for (unsigned i = 0; name_at(i, &type, name); i++)
                fn(name, arg);
}

static void list_word(const char *word, void *arg)
{
        struct buf *list = arg;

        (void)buf_printf(list, "%s%s", list->len > 0 ? ", " : "", word);
}

static int add_word(struct event_types *to, const char *text, size_t len, struct err *e)
{
        AUTO(buf_done) struct buf known = BUF_NULL(1024);
        char wanted[EVENT_TYPE_NAME_MAX], name[EVENT_TYPE_NAME_MAX];
        size_t n, found = 0;
        V1alpha__EventType type;

        normalize(text, len, wanted);
        n = strlen(wanted);
        for (unsigned i = 0; name_at(i, &type, name); i++) {
                bool kind = n > 0 && !strchr(wanted, '-') && strncmp(name, wanted, n) == 0 &&
                            name[n] == '-';

                if (!kind && strcmp(name, wanted) != 0)
                        continue;
                found++;
                if (to->n < EVENT_TYPES_MAX)
                        to->v[to->n++] = type;
        }
        if (found > 0)
                return 0;
        event_types_each(list_word, &known);
        return err_set(e, ERR_USAGE, 0, "no events are called \"%.*s\"; there are %s", (int)len,
                       text, buf_str(&known));
}

int event_types_call(void *dest, const char *value, struct err *e)
{
        for (;;) {
                size_t len = strcspn(value, ",");

                if (add_word(dest, value, len, e) < 0)
                        return -1;
                if (value[len] == '\0')
                        return 0;
                value += len + 1;
        }
}
