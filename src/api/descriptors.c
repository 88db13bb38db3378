/* SPDX-License-Identifier: Apache-2.0 */
#include "api/descriptors.h"

#include <assert.h>

#include "util/limits.h"

enum {
        SHARE_MIN = 16, /* whatever the limit is, something must work */
};

static struct descriptor_share share_of(size_t n, size_t max)
{
        n = n < SHARE_MIN ? SHARE_MIN : n;
        return (struct descriptor_share){ .max = n < max ? n : max };
}

struct descriptors descriptors_split(size_t limit)
{
        return (struct descriptors){
                .connections = share_of(limit / 4, LIMIT_GRPC_CONNECTIONS),
                .logs = share_of(limit / 8, LIMIT_API_LOG_DESCRIPTORS),
        };
}

bool descriptors_take(struct descriptor_share *share, size_t n)
{
        if (n > share->max - share->used)
                return false;
        share->used += n;
        return true;
}

void descriptors_give_back(struct descriptor_share *share, size_t n)
{
        assert(n <= share->used);
        share->used -= n;
}
