/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/memory.h"

enum { CLIENT_SHARE = 4 }; /* one client may hold this part of the memory */

bool grpc_account_set(struct grpc_account *a, size_t *held, size_t now)
{
        struct grpc_memory *m = a->memory;

        if (now > *held) {
                size_t more = now - *held;

                /* A limit may have been lowered below what is used. */
                if (m->used > m->max || more > m->max - m->used ||
                    a->charged + more > m->max / CLIENT_SHARE)
                        return false;
        }
        m->used += now - *held; /* wraps and comes out right when less */
        a->charged += now - *held;
        *held = now;
        return true;
}
