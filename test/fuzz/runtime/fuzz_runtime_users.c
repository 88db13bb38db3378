/* SPDX-License-Identifier: Apache-2.0 */
/* An image's passwd and group files. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/spec_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data;
        struct passwd_entry p;
        uint32_t gid, gids[16];

        if (passwd_find(text, size, "web", 0, &p) == 1) {
                assert(p.name_len == 3 && p.uid != UINT32_MAX && p.gid != UINT32_MAX);
                assert(p.home >= text && p.home + p.home_len <= text + size);
        }
        (void)passwd_find(text, size, NULL, 33, &p);
        (void)group_find(text, size, "web", &gid);
        assert(group_list(text, size, "web", gids, 16) <= 16);
        return 0;
}
