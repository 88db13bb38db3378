/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net-info.json: the networks of a pod, an array as rkt wrote it ({netName, ifName, ip, ...}),
 * with ip6. Codec only.
 */
#pragma once

#include <stddef.h>

#include "util/err.h"

enum { POD_NETWORKS_MAX = 64 };

struct pod_network {
        char *name;    /* owned */
        char *if_name; /* owned; NULL: not said, also below */
        char *ip4;     /* owned; text without prefix length */
        char *ip6;     /* owned */
};

struct pod_networks {
        struct pod_network *v; /* owned */
        size_t n;
};

#define POD_NETWORKS_NULL ((struct pod_networks){ 0 })

void pod_networks_done(struct pod_networks *n);
/* Errors: ERR_BAD_DATA, ERR_LIMIT. */
int pod_networks_parse(const void *data, size_t len, struct pod_networks *ret, struct err *e);
