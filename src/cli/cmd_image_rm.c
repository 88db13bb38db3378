/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/podref.h"
#include "cli/results.h"
#include "engine/in_use.h"
#include "image/store_gc.h"
#include "image/view.h"
#include "util/auto.h"
#include "util/log.h"

static struct results results = { .key = "id" };

static int remove_one(struct engine *eng, const char *text, struct err *e)
{
        const struct image_gc_options o = {
                .now = time_now(),
                .lock_wait = IMAGE_LOCK_WAIT,
                .in_use = engine_images_in_use,
                .arg = eng,
        };
        AUTO(image_gc_result_done) struct image_gc_result result = { 0 };
        char id[IMAGE_ID_LEN + 1], line[128];

        if (image_resolve_text(eng->data_fd, text, id, e) < 0 ||
            image_store_rm(eng->images, id, &o, &result, e) < 0)
                return -1;
        for (size_t i = 0; i < result.problems.n; i++)
                log_warning("%s", result.problems.v[i]);
        if (result.ledger_problem)
                log_warning("%s", result.ledger_problem);
        (void)snprintf(line, sizeof(line), "removed image \"%s\"", id);
        results_add(&results, id, "removed", line);
        return 0;
}

static int rm_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        int r;

        if (podref_open(&eng, ENGINE_WRITE, e) < 0 || engine_images(&eng, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                if (remove_one(&eng, args[i], e) == 0)
                        continue;
                results_fail(&results, args[i], e);
                /* An image that is not there needs no removing: rkt's callers count on success. */
                results.failed -= e->kind == ERR_NOT_FOUND;
        }
        r = results_end(&results, "image(s) could not be removed", e);
        results_done(&results);
        return r;
}

static const struct opt rm_opts[] = { OUTPUT_FORMAT_OPT(&results.format), { .type = OPT_END } };

const struct cmd cmd_image_rm = {
        .name = "image rm",
        .usage = "IMAGE...",
        .summary = "Remove image(s) from the local store",
        .more = "\tPods made of an image keep its files until they are gone.\n",
        .min_args = 1,
        .max_args = CMD_ANY,
        .opts = rm_opts,
        .main = rm_main,
};
