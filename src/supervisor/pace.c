/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/pace.h"

#define LOUD_NS (200 * NSEC_PER_USEC) /* read twice within this time, a pipe is loud */
#define FIRST_NS                                                                                   \
        (100 * NSEC_PER_USEC) /* the first wait; every further one is at most twice as long */

nsec pace_next(struct pace *p, size_t got, size_t capacity, nsec now)
{
        nsec elapsed = now - p->last, half_full, wait;

        p->last = now;
        if (got > 0 && got >= capacity / 4 * 3)
                return now; /* more comes than we can take */
        if (got == 0 || (p->wait == 0 && elapsed > LOUD_NS)) {
                p->wait = 0;
                return 0;
        }
        wait = p->wait == 0 ? FIRST_NS : p->wait * 2;
        if (wait > PACE_MAX_NS)
                wait = PACE_MAX_NS;
        if (elapsed > NSEC_PER_SEC)
                elapsed = NSEC_PER_SEC;
        half_full = elapsed * (nsec)(capacity / 2) / (nsec)got;
        p->wait = half_full < wait ? half_full + 1 : wait;
        return now + p->wait;
}
