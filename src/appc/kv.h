/* SPDX-License-Identifier: Apache-2.0 */
/* Ordered name-value list: labels, annotations, environment, and the user's maps. */
#pragma once

#include <stddef.h>

struct json_object;

struct kv {
        char *name;  /* owned */
        char *value; /* owned */
};

struct kv_list {
        struct kv *v; /* owned */
        size_t n;
        size_t cap;
};

#define KV_LIST_NULL ((struct kv_list){ 0 })

void kv_list_done(struct kv_list *l); /* empty and usable afterwards */
void kv_list_add(struct kv_list *l, const char *name,
                 const char *value); /* at the end, also twice */
void kv_list_set(struct kv_list *l, const char *name,
                 const char *value); /* replaces the first, else adds */
void kv_list_copy(struct kv_list *to, const struct kv_list *from);  /* appends all */
const char *kv_list_get(const struct kv_list *l, const char *name); /* of the first; NULL: none */

/* New reference for the caller. [{"name":..,"value":..}] and {"name":"value"}; in order. */
struct json_object *kv_list_to_json_array(const struct kv_list *l);
struct json_object *kv_list_to_json_object(const struct kv_list *l);
