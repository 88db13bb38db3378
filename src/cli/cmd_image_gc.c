/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/image_text.h"
#include "cli/podref.h"
#include "engine/in_use.h"
#include "image/store_gc.h"
#include "util/auto.h"
#include "util/log.h"

static nsec grace = 24 * 3600 * NSEC_PER_SEC;

static int gc_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(image_gc_result_done) struct image_gc_result result = { 0 };
        struct image_gc_options o = {
                .now = time_now(),
                .grace = grace,
                .lock_wait = IMAGE_LOCK_WAIT,
                .in_use = engine_images_in_use,
                .arg = &eng,
        };
        char size[32];

        (void)args;
        (void)n;
        if (podref_open(&eng, ENGINE_WRITE, e) < 0 || engine_images(&eng, e) < 0 ||
            image_store_gc(eng.images, &o, &result, e) < 0)
                return -1;
        for (size_t i = 0; i < result.removed_ids.n; i++)
                (void)printf("removed image \"%s\"\n", result.removed_ids.v[i]);
        image_text_size(result.bytes, size);
        (void)printf("%zu images, %zu layers and %zu blobs removed, %s freed\n",
                     result.removed_ids.n, result.n_layers, result.n_blobs, size);
        for (size_t i = 0; i < result.problems.n; i++)
                log_warning("%s", result.problems.v[i]);
        if (result.problems.n > 0)
                return err_set(e, ERR_INTERNAL, 0, "%zu objects could not be removed",
                               result.problems.n);
        return 0;
}

static const struct opt gc_opts[] = {
        { OPT_DURATION, 0, "grace-period", "24h", "keep images used within this time", &grace, NULL,
          NULL },
        { .type = OPT_END },
};

const struct cmd cmd_image_gc = {
        .name = "image gc",
        .usage = "",
        .summary = "Remove images and layers that nothing uses",
        .opts = gc_opts,
        .main = gc_main,
};
