/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pod init: PID 1 of the pod's PID namespace, and what keeps all of the pod's namespaces alive. It dies with the
 * supervisor (PDEATHSIG), and with it, by the kernel's doing, every process of the pod; it holds the pod's lock, so
 * that the pod counts as running for just as long.
 */
#pragma once

#include <stdbool.h>

#include "util/err.h"
#include "util/proc.h"

struct runtime_cgroup;

struct init_args {
        int lock_fd;          /* the pod's directory, locked; borrowed */
        bool own_network;     /* a network namespace of its own, with its loopback up */
        const char *hostname; /* borrowed */
        const struct runtime_cgroup *cgroup; /* joined; NULL: stays in ours */
};

/*
 * Clone it. Does not wait: *ret_report is readable, and belongs to the caller, once the namespaces are set up.
 * Errors: ERR_PERMISSION, ERR_UNSUPPORTED (the kernel lacks a namespace), ERR_INTERNAL.
 */
int init_start(const struct init_args *args, struct proc *ret, int *ret_report, struct err *e);

/* Wait for the report (microseconds) and close it. Errors: what failed in there. */
int init_await(int *report, struct err *e);
