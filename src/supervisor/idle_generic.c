/* SPDX-License-Identifier: Apache-2.0 */
/* For machines without an idle_for_ever in machine code: a few dozen KiB more per pod. */
#include "supervisor/idle.h"

#include <unistd.h>

_Noreturn void idle_for_ever(void)
{
        for (;;)
                (void)pause();
}
