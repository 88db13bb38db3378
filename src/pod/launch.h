/* SPDX-License-Identifier: Apache-2.0 */
/* launch.json: how the pod is to be run; written before its supervisor starts. Codec only. */
#pragma once

#include <stddef.h>

#include "util/buf.h"
#include "util/err.h"

enum pod_net { POD_NET_NONE, POD_NET_HOST, POD_NET_MAX };

struct pod_launch {
        enum pod_net net;
        char *hostname; /* owned; NULL: "carob-<uuid>" */
        char *name; /* owned; the pod's name; NULL: none, or an annotation of the manifest says it */
};

#define POD_LAUNCH_NULL ((struct pod_launch){ 0 })

void pod_launch_done(struct pod_launch *l);
const char *pod_net_name(enum pod_net net);          /* "none", "host" */
int pod_net_parse(const char *s, enum pod_net *ret); /* 0 or -EINVAL */
/* Unknown members are ignored. Errors: ERR_BAD_DATA, ERR_LIMIT. */
int pod_launch_parse(const void *data, size_t len, struct pod_launch *ret, struct err *e);
int pod_launch_print(const struct pod_launch *l, struct buf *out); /* -ENOBUFS */
