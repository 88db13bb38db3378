/* SPDX-License-Identifier: Apache-2.0 */
#include "api/pending.h"

#include <stddef.h>
#include <utlist.h>

void pending_wait(struct pending *p, struct waiter *w)
{
        w->until = p->last;
        w->waits = true;
        DL_APPEND(p->waiters, w);
}

void pending_cancel(struct pending *p, struct waiter *w)
{
        if (!w->waits)
                return;
        w->waits = false;
        DL_DELETE(p->waiters, w);
}

/*
 * Each callback may end any waiter and begin new ones, so the list is looked at anew after each; what is new waits for
 * what is not done, or it would not wait.
 */
void pending_done(struct pending *p, uint64_t oldest)
{
        struct waiter *w = p->waiters;

        while (w) {
                if (w->until >= oldest) {
                        w = w->next;
                        continue;
                }
                pending_cancel(p, w);
                w->fn(w);
                w = p->waiters;
        }
}
