/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work in a child process: beside ours in time, and with memory of its own. What it allocates, however much, leaves no
 * trace in a process that is to live as long as its pod.
 */
#pragma once

#include "util/err.h"
#include "util/proc.h"

struct apart {
        struct proc proc; /* owned */
        int report;       /* owned; where the child's error comes from */
};

#define APART_NULL ((struct apart){ .proc = PROC_NULL, .report = -1 })

/* Run @fn(@arg) in a child, which dies with us. The process must have one thread. */
int apart_start(int (*fn)(void *arg, struct err *e), void *arg, struct apart *ret, struct err *e);
/* Wait for its end, and reap it. -1 with the error of @fn, or ERR_INTERNAL when the child died. */
int apart_wait(struct apart *a, struct err *e);
void apart_done(struct apart *a); /* kills it if it still runs */
