/* SPDX-License-Identifier: Apache-2.0 */
#include "api/filter.h"

#include <stdlib.h>

#include "api/cgroup_path.h"
#include "api/filter_priv.h"
#include "util/limits.h"
#include "util/mem.h"

void pairs_init(struct pairs *p, V1alpha__KeyValue *const *v, size_t n)
{
        char **keys = n ? xcalloc(n, sizeof(*keys)) : NULL;

        for (size_t i = 0; i < n; i++)
                keys[i] = v[i]->key;
        text_set_init(&p->keys, keys, n);
        free(keys);
        p->values = n ? xcalloc(n, sizeof(*p->values)) : NULL;
        p->impossible = false;
        for (size_t i = 0; i < n; i++) {
                struct text *value = &p->values[text_set_find(&p->keys, text_of(v[i]->key))];

                if (!value->s)
                        *value = text_of(v[i]->value);
                else if (!text_equal(*value, text_of(v[i]->value)))
                        p->impossible = true;
        }
}

void pairs_done(struct pairs *p)
{
        text_set_done(&p->keys);
        free(p->values);
}

struct text message_text(struct encoded_walk message, uint32_t number)
{
        struct encoded_field f;

        while (encoded_next(&message, &f))
                if (f.number == number)
                        return field_text(&f);
        return (struct text){ "", 0 };
}

bool pairs_pass(struct pairs *p, struct encoded_walk walk, uint32_t number)
{
        struct encoded_field f;

        if (p->impossible)
                return false;
        text_set_begin(&p->keys);
        while (!text_set_all_seen(&p->keys) && encoded_next(&walk, &f)) {
                struct encoded_walk pair = encoded_within(&f);
                size_t known = p->keys.n_seen, i;
                struct text key;

                if (f.number != number)
                        continue;
                key = message_text(pair, KV_KEY);
                text_set_show(&p->keys, key);
                if (p->keys.n_seen == known)
                        continue; /* not asked for, or not the first of its key */
                i = text_set_find(&p->keys, key);
                if (!text_equal(p->values[i], message_text(pair, KV_VALUE)))
                        return false;
        }
        return text_set_all_seen(&p->keys);
}

int filter_check_values(size_t n_values, struct err *e)
{
        if (n_values > LIMIT_FILTER_VALUES)
                return err_set(e, ERR_LIMIT, 0, "filters: %zu values, at most %u are allowed",
                               n_values, LIMIT_FILTER_VALUES);
        return 0;
}
