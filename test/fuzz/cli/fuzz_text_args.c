/* SPDX-License-Identifier: Apache-2.0 */
/* --volume, --mount, NAME=VALUE, environment files, seccomp, capabilities, groups: the first byte chooses. */
#include <stdint.h>
#include <stdlib.h>

#include "cli/text_args.h"
#include "util/auto.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_volume(const char *text)
{
        struct appc_volume v = { 0 };
        struct err e;

        if (volume_arg_parse(text, &v, &e) < 0)
                return;
        if (!v.name || (v.kind == APPC_VOLUME_HOST) != (v.source != NULL))
                abort();
        volume_arg_done(&v);
}

static void try_mount(const char *text)
{
        AUTO_FREE char *volume = NULL, *target = NULL;
        struct err e;

        if (mount_arg_parse(text, &volume, &target, &e) == 0 && (!volume || !target))
                abort();
}

static void try_lists(uint8_t which, const char *text, size_t len)
{
        AUTO(kv_list_done) struct kv_list l = KV_LIST_NULL;
        AUTO(appc_isolators_done) struct appc_isolators i = APPC_ISOLATORS_NULL;
        AUTO_FREE gid_t *gids = NULL;
        size_t n;
        struct err e;

        switch (which) {
        case 2:
                (void)kv_arg_parse(text, (enum kv_arg_kind)(len % 3), &l, &e);
                break;
        case 3:
                (void)env_file_parse(text, len, &l, &e);
                break;
        case 4:
                (void)seccomp_arg_parse(text, &i, &e);
                break;
        case 5:
                (void)caps_arg_parse(text, &i.caps, &e);
                break;
        default:
                (void)gids_arg_parse(text, &gids, &n, &e);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO_FREE char *text = NULL;
        uint8_t which;

        if (size == 0)
                return 0;
        which = data[0] % 7;
        text = xmemdup(data + 1, size - 1);
        if (which == 0)
                try_volume(text);
        else if (which == 1)
                try_mount(text);
        else
                try_lists(which, text, size - 1);
        return 0;
}
