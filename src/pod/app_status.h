/* SPDX-License-Identifier: Apache-2.0 */
/* appsinfo/<app>/status: the life of one app, as its supervisor saw it last. Codec only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/err.h"
#include "util/time.h"

enum app_state { APP_UNKNOWN, APP_CREATED, APP_RUNNING, APP_EXITED, APP_STATE_MAX };

struct app_status {
        enum app_state state;
        pid_t pid;       /* in the host's PID namespace; 0: none */
        nsec created_at; /* 0: not yet, also below */
        nsec started_at;
        nsec finished_at;
        int exit_code; /* 0 to 255; 128 + signal when killed; -1: not known */
        int signal;    /* 0: ended by itself */
        bool oom;      /* the kernel killed something in it for want of memory */
};

enum { APP_STATUS_TEXT_MAX = 512 };

#define APP_STATUS_NULL ((struct app_status){ .exit_code = -1 })

const char *app_state_name(enum app_state state); /* "unknown", "created", "running", "exited" */
/* Errors: ERR_BAD_DATA, ERR_LIMIT. */
int app_status_parse(const void *data, size_t len, struct app_status *ret, struct err *e);
/* Returns the length. Allocates nothing and cannot fail: a supervisor may call it at any time. */
size_t app_status_print(const struct app_status *s, char ret[static APP_STATUS_TEXT_MAX]);
