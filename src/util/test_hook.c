/* SPDX-License-Identifier: Apache-2.0 */
#include "util/test_hook.h"

#ifdef CAROB_TEST_HOOKS

#include <signal.h>
#include <stdlib.h>
#include <string.h>

void test_hook(const char *step)
{
        const char *wanted = getenv("CAROB_TEST_STOP_AT");
        size_t n = strlen(step);

        if (!wanted || strncmp(wanted, step, n) != 0)
                return;
        if (strcmp(wanted + n, ":stop") == 0)
                (void)raise(SIGSTOP);
        else if (wanted[n] == '\0')
                (void)raise(SIGKILL);
}

#else

/* An empty translation unit is not valid C. */
extern int test_hook_absent;

#endif
