/* SPDX-License-Identifier: Apache-2.0 */
/* status: how the pod ended, written by its supervisor as its last act. Codec only. */
#pragma once

#include <stddef.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/time.h"

struct pod_status {
        int exit_code; /* 0 to 255; what the supervisor exited with */
        int signal;    /* of the app that decided; 0: none */
        char *reason;  /* owned; for people; NULL: none */
        nsec finished_at;
};

#define POD_STATUS_NULL ((struct pod_status){ 0 })

void pod_status_done(struct pod_status *s);
/* Errors: ERR_BAD_DATA, ERR_LIMIT. */
int pod_status_parse(const void *data, size_t len, struct pod_status *ret, struct err *e);
int pod_status_print(const struct pod_status *s, struct buf *out); /* -ENOBUFS */
