/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that a service manager opened for us: the protocol of sd_listen_fds(3). LISTEN_PID says
 * whom they are for, LISTEN_FDS how many there are from descriptor 3 on, LISTEN_FDNAMES their names.
 */
#pragma once

#include <sys/types.h>

#include "util/err.h"
#include "util/strv.h"

enum {
        ACTIVATION_FIRST_FD = 3,
        ACTIVATION_MAX = 64, /* units with more than a handful are not known */
};

struct activation {
        unsigned n;        /* descriptors ACTIVATION_FIRST_FD and on; 0: none were passed */
        struct strv names; /* n of them; "unknown" where none was given */
};

#define ACTIVATION_NULL ((struct activation){ 0 })

/*
 * The values of the three variables, NULL where one is not set, for process @self. Descriptors for
 * another process are none. Errors: ERR_BAD_DATA for text that breaks the protocol.
 */
int activation_parse(const char *listen_pid, const char *listen_fds, const char *listen_fdnames,
                     pid_t self, struct activation *ret, struct err *e);

/*
 * The same from our environment, which loses the variables, whatever they say: nobody whom we start
 * shall think they are for him. The descriptors become close-on-exec and stay the caller's to close.
 * Errors: also ERR_BAD_DATA for a descriptor that is not open.
 */
int activation_take(struct activation *ret, struct err *e);
void activation_done(struct activation *a); /* does not touch the descriptors */
