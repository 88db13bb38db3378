/* SPDX-License-Identifier: Apache-2.0 */
#include "api/lookup.h"

#include <assert.h>
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

#include "util/mem.h"

struct lookup_key {
        UT_hash_handle hh;
        struct lookup_node *nodes; /* borrowed; never empty */
        size_t n;
        size_t len;
        char text[];
};

void lookup_done(struct lookup *l)
{
        assert(!l->keys);
        *l = LOOKUP_NULL;
}

static struct lookup_key *find(const struct lookup *l, struct text text)
{
        struct lookup_key *key = NULL;

        HASH_FIND(hh, l->keys, text.s ? text.s : "", text.len, key);
        return key;
}

static struct lookup_key *key_new(struct lookup *l, struct text text)
{
        struct lookup_key *key = xcalloc(1, sizeof(*key) + text.len + 1);

        key->len = text.len;
        if (text.len > 0)
                memcpy(key->text, text.s, text.len);
        HASH_ADD(hh, l->keys, text, key->len, key);
        return key;
}

void lookup_add(struct lookup *l, struct lookup_node *node, struct text text, void *item)
{
        struct lookup_key *key = find(l, text);

        if (!key)
                key = key_new(l, text);
        *node = (struct lookup_node){ .item = item, .key = key };
        DL_PREPEND(key->nodes, node);
        key->n++;
}

void lookup_remove(struct lookup *l, struct lookup_node *node)
{
        struct lookup_key *key = node->key;

        if (!key)
                return;
        DL_DELETE(key->nodes, node);
        *node = (struct lookup_node){ 0 };
        if (--key->n > 0)
                return;
        HASH_DEL(l->keys, key);
        free(key);
}

const struct lookup_node *lookup_find(const struct lookup *l, struct text text, size_t *ret_n)
{
        const struct lookup_key *key = find(l, text);

        if (ret_n)
                *ret_n = key ? key->n : 0;
        return key ? key->nodes : NULL;
}
