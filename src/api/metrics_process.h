/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Prometheus calls the process metrics, of ourselves. What must be opened for them is opened once, at the start:
 * a confined service opens nothing.
 */
#pragma once

#include <stdint.h>

#include "util/time.h"

struct metrics_process {
        int statm_fd; /* owned: /proc/self/statm; -1: there is no /proc */
        int fds_fd;   /* owned: /proc/self/fd; -1 likewise */
        nsec started; /* since the epoch */
};

#define METRICS_PROCESS_NULL ((struct metrics_process){ .statm_fd = -1, .fds_fd = -1 })

struct metrics_process_values {
        nsec cpu;                              /* user and system */
        int64_t virtual_bytes, resident_bytes; /* -1: not known */
        int64_t open_fds;                      /* -1: not known */
        int64_t max_fds;                       /* -1: no limit */
        nsec started;
};

/* Never fails: what cannot be opened is not known. At the program's start: that is what it takes for it. */
void metrics_process_open(struct metrics_process *p);
void metrics_process_done(struct metrics_process *p);
void metrics_process_read(const struct metrics_process *p, struct metrics_process_values *ret);
