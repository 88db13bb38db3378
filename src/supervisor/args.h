/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of carob-pod, which only carob writes. */
#pragma once

#include <stdbool.h>

#include "util/err.h"
#include "util/time.h"

struct sup_args {
        const char *dir; /* borrowed from argv, like all strings; absolute */
        const char *uuid;
        int lock_fd;      /* the pod's directory, locked exclusively */
        int detached_fd;  /* where to report "ok" or an error; -1: attached */
        bool interactive; /* our stdin is the only app's */
        bool debug;
        nsec grace; /* between TERM and KILL when the pod stops */
};

int sup_args_parse(int argc, char *argv[], struct sup_args *ret, struct err *e);
