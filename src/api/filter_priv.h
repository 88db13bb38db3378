/* SPDX-License-Identifier: Apache-2.0 */
/* What filters of pods and of images have in common. */
#pragma once

#include "api/encoded.h"
#include "api/text_set.h"
#include "util/err.h"
#include "v1alpha/api.pb-c.h"

/* Field numbers of the contract (v1alpha.proto). */
enum {
        POD_ID = 1,
        POD_STATE = 3,
        POD_APPS = 4,
        POD_NETWORKS = 5,
        POD_ANNOTATIONS = 7,
        POD_CGROUP = 8,
        APP_NAME = 1,
        APP_IMAGE = 2,
        NETWORK_NAME = 1,
        IMAGE_ID = 2,
        IMAGE_NAME = 3,
        IMAGE_IMPORT_TIMESTAMP = 5,
        IMAGE_ANNOTATIONS = 8,
        IMAGE_LABELS = 9,
        KV_KEY = 1,
        KV_VALUE = 2,
};

/* Pairs that a record must have, all of them. */
struct pairs {
        struct text_set keys;
        struct text *values; /* owned; of keys.v; the texts are borrowed */
        bool impossible;     /* one key is asked to have two values */
};

void pairs_init(struct pairs *p, V1alpha__KeyValue *const *v, size_t n);
void pairs_done(struct pairs *p);
/* Do the pairs that lie in @walk as field @number hold all of @p? Of several with one key only the first counts. */
bool pairs_pass(struct pairs *p, struct encoded_walk walk, uint32_t number);

static inline struct text field_text(const struct encoded_field *f)
{
        return (struct text){ (const char *)f->data, f->len };
}

/* The text of field @number of a message, empty when it is not there. */
struct text message_text(struct encoded_walk message, uint32_t number);

/* ERR_LIMIT over LIMIT_FILTER_VALUES. */
int filter_check_values(size_t n_values, struct err *e);
