/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/podref.h"
#include "engine/in_use.h"
#include "image/store_gc.h"
#include "image/view.h"
#include "util/auto.h"
#include "util/log.h"

/* 1 removed, 0 no such image, -1 failed. */
static int remove_one(struct engine *eng, const char *text, struct err *e)
{
        const struct image_gc_options o = {
                .now = time_now(),
                .lock_wait = IMAGE_LOCK_WAIT,
                .in_use = engine_images_in_use,
                .arg = eng,
        };
        AUTO(image_gc_result_done) struct image_gc_result result = { 0 };
        char id[IMAGE_ID_LEN + 1];

        if (image_resolve_text(eng->data_fd, text, id, e) < 0)
                return e->kind == ERR_NOT_FOUND ? 0 : -1;
        if (image_store_rm(eng->images, id, &o, &result, e) < 0)
                return e->kind == ERR_NOT_FOUND ? 0 : -1;
        for (size_t i = 0; i < result.problems.n; i++)
                log_warning("%s", result.problems.v[i]);
        (void)printf("removed image \"%s\"\n", id);
        return 1;
}

static int rm_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        size_t failed = 0;

        if (podref_open(&eng, ENGINE_WRITE, e) < 0 || engine_images(&eng, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                int r = remove_one(&eng, args[i], e);

                if (r != 1)
                        log_error("%s", e->text);
                failed += r < 0;
        }
        if (failed > 0)
                return err_set(e, ERR_INTERNAL, 0, "%zu of %zu images could not be removed", failed,
                               n);
        /* An image that is not there needs no removing: rkt's callers count on success. */
        return 0;
}

const struct cmd cmd_image_rm = {
        .name = "image rm",
        .usage = "IMAGE...",
        .summary = "Remove image(s) from the local store",
        .more = "\tPods made of an image keep its files until they are gone.\n",
        .min_args = 1,
        .max_args = CMD_ANY,
        .main = rm_main,
};
