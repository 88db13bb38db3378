/* SPDX-License-Identifier: Apache-2.0 */
/* launch.json: how the pod is to be run; written before its supervisor starts. Codec only. */
#pragma once

#include <stddef.h>

#include "util/buf.h"
#include "util/err.h"

enum pod_net { POD_NET_NONE, POD_NET_HOST, POD_NET_MAX };

/* Where the apps' output goes. The log files are always written: everything that shows logs reads them. */
enum pod_log_driver {
        POD_LOG_FILE,
        POD_LOG_JOURNALD, /* and to systemd's journal */
        POD_LOG_DRIVER_MAX
};

enum { POD_LOG_FILES_MAX = 64 };
#define POD_LOG_BYTES_MIN (INT64_C(1) << 20)
#define POD_LOG_BYTES_MAX (INT64_C(1) << 50)

struct pod_launch {
        enum pod_net net;
        char *hostname; /* owned; NULL: "carob-<uuid>" */
        char *name; /* owned; the pod's name; NULL: none, or an annotation of the manifest says it */
        int64_t log_bytes; /* of one log file, from POD_LOG_BYTES_MIN; 0: no limit; -1: not said */
        int log_files;     /* of one app, from 1 to POD_LOG_FILES_MAX; -1: not said */
        enum pod_log_driver log_driver;
};

#define POD_LAUNCH_NULL ((struct pod_launch){ .log_bytes = -1, .log_files = -1 })

void pod_launch_done(struct pod_launch *l);
const char *pod_net_name(enum pod_net net);                  /* "none", "host" */
int pod_net_parse(const char *s, enum pod_net *ret);         /* 0 or -EINVAL */
const char *pod_log_driver_name(enum pod_log_driver driver); /* "file", "journald" */
/*
 * What users write: "journald"; "16Mi", "1G", "0" for no limit. Errors: ERR_USAGE, with a text that begins with the word.
 */
int pod_log_driver_parse(const char *s, enum pod_log_driver *ret, struct err *e);
int pod_log_size_parse(const char *s, int64_t *ret, struct err *e);
/* Unknown members are ignored. Errors: ERR_BAD_DATA, ERR_LIMIT. */
int pod_launch_parse(const void *data, size_t len, struct pod_launch *ret, struct err *e);
int pod_launch_print(const struct pod_launch *l, struct buf *out); /* -ENOBUFS */
