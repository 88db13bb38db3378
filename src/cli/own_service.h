/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A carob-api of our own, for a command that finds no service: it serves one connection, which has no name in any file
 * system or network, and ends with it. So nothing is left of it, whatever becomes of us.
 */
#pragma once

#include "util/err.h"
#include "util/proc.h"
#include "util/strv.h"

struct own_service {
        struct proc proc;
};

#define OWN_SERVICE_NULL ((struct own_service){ .proc = PROC_NULL })

/*
 * Start it on --dir with @options (of carob-api) beside. *ret_fd is the connection, the caller's to close; nothing is
 * known yet of whether the service can do what it shall: the first call tells. What it has to say at @level warning
 * and above goes to our stderr. Errors: ERR_UNSUPPORTED when it cannot be executed, ERR_NO_SPACE, ERR_INTERNAL.
 */
int own_service_start(struct own_service *s, const struct strv *options, int *ret_fd,
                      struct err *e);

/*
 * After the connection was closed: waits for the end, which is near, and sees to it. Returns the exit status; -1: there
 * was no service. Calling it again is fine.
 */
int own_service_end(struct own_service *s);
