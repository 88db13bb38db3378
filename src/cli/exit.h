/* SPDX-License-Identifier: Apache-2.0 */
/* Exit statuses. A pod's own status is passed through, so ours stay out of the way of any app's. */
#pragma once

#include "util/err.h"

enum {
        CLI_EXIT_OURS = 254,  /* any failure of carob itself, wrong usage included, as rkt */
        CLI_EXIT_NO_WORDS = 2 /* called without a command: the help was printed */
};

int cli_exit_status(const struct err *e);
