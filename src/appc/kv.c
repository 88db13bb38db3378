/* SPDX-License-Identifier: Apache-2.0 */
#include "appc/kv.h"

#include <stdlib.h>
#include <string.h>

#include "util/json.h"
#include "util/mem.h"

void kv_list_done(struct kv_list *l)
{
        for (size_t i = 0; i < l->n; i++) {
                free(l->v[i].name);
                free(l->v[i].value);
        }
        free(l->v);
        *l = KV_LIST_NULL;
}

void kv_list_add(struct kv_list *l, const char *name, const char *value)
{
        struct kv entry = { .name = xstrdup(name), .value = xstrdup(value) };

        ARRAY_GROW(l->v, l->n, l->cap);
        l->v[l->n++] = entry;
}

void kv_list_set(struct kv_list *l, const char *name, const char *value)
{
        for (size_t i = 0; i < l->n; i++)
                if (strcmp(l->v[i].name, name) == 0) {
                        char *copy = xstrdup(value);

                        free(l->v[i].value);
                        l->v[i].value = copy;
                        return;
                }
        kv_list_add(l, name, value);
}

void kv_list_copy(struct kv_list *to, const struct kv_list *from)
{
        for (size_t i = 0; i < from->n; i++)
                kv_list_add(to, from->v[i].name, from->v[i].value);
}

const char *kv_list_get(const struct kv_list *l, const char *name)
{
        for (size_t i = 0; i < l->n; i++)
                if (strcmp(l->v[i].name, name) == 0)
                        return l->v[i].value;
        return NULL;
}

struct json_object *kv_list_to_json_array(const struct kv_list *l)
{
        struct json_object *array = json_object_new_array();

        for (size_t i = 0; i < l->n; i++) {
                struct json_object *o = json_object_new_object();

                json_add_string(o, "name", l->v[i].name);
                json_add_string(o, "value", l->v[i].value);
                json_object_array_add(array, o);
        }
        return array;
}

struct json_object *kv_list_to_json_object(const struct kv_list *l)
{
        struct json_object *o = json_object_new_object();

        for (size_t i = 0; i < l->n; i++)
                json_add_string(o, l->v[i].name, l->v[i].value);
        return o;
}
