/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/exit.h"

#include <assert.h>

#include "util/auto.h"

/* rkt's scripts know one number for all failures; the table keeps the place where that could change. */
static const unsigned char statuses[] = {
        [ERR_INTERNAL] = CLI_EXIT_OURS,    [ERR_USAGE] = CLI_EXIT_OURS,
        [ERR_NOT_FOUND] = CLI_EXIT_OURS,   [ERR_EXISTS] = CLI_EXIT_OURS,
        [ERR_AMBIGUOUS] = CLI_EXIT_OURS,   [ERR_BUSY] = CLI_EXIT_OURS,
        [ERR_STATE] = CLI_EXIT_OURS,       [ERR_BAD_DATA] = CLI_EXIT_OURS,
        [ERR_LIMIT] = CLI_EXIT_OURS,       [ERR_NO_SPACE] = CLI_EXIT_OURS,
        [ERR_PERMISSION] = CLI_EXIT_OURS,  [ERR_UNSUPPORTED] = CLI_EXIT_OURS,
        [ERR_TIMEOUT] = CLI_EXIT_OURS,     [ERR_CANCELLED] = CLI_EXIT_OURS,
        [ERR_UNAVAILABLE] = CLI_EXIT_OURS,
};
static_assert(ARRAY_LEN(statuses) == ERR_KIND_MAX, "every kind has an exit status");

int cli_exit_status(const struct err *e)
{
        return (unsigned)e->kind < ERR_KIND_MAX ? statuses[e->kind] : CLI_EXIT_OURS;
}
