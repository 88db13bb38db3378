/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/image_text.h"
#include "cli/output.h"
#include "cli/podref.h"
#include "engine/in_use.h"
#include "image/store_gc.h"
#include "util/auto.h"
#include "util/json.h"
#include "util/log.h"

static nsec grace = 24 * 3600 * NSEC_PER_SEC;

static enum output_format format;

static int print_json(const struct image_gc_result *r, struct err *e)
{
        AUTO_JSON struct json_object *o = json_object_new_object();
        struct json_object *images = json_add_array(o, "images"), *problems;

        for (size_t i = 0; i < r->removed_ids.n; i++)
                json_append_string(images, r->removed_ids.v[i]);
        json_add_int(o, "layers", (int64_t)r->n_layers);
        json_add_int(o, "blobs", (int64_t)r->n_blobs);
        json_add_int(o, "bytes", (int64_t)r->bytes);
        problems = json_add_array(o, "problems");
        for (size_t i = 0; i < r->problems.n; i++)
                json_append_string(problems, r->problems.v[i]);
        return output_json(o, format, e);
}

static int print_text(const struct image_gc_result *r)
{
        char size[32];

        for (size_t i = 0; i < r->removed_ids.n; i++)
                (void)printf("removed image \"%s\"\n", r->removed_ids.v[i]);
        image_text_size(r->bytes, size);
        (void)printf("%zu images, %zu layers and %zu blobs removed, %s freed\n", r->removed_ids.n,
                     r->n_layers, r->n_blobs, size);
        return 0;
}

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

        (void)args;
        (void)n;
        if (podref_open(&eng, ENGINE_WRITE, e) < 0 || engine_images(&eng, e) < 0 ||
            image_store_gc(eng.images, &o, &result, e) < 0)
                return -1;
        if ((format == OUTPUT_TEXT ? print_text(&result) : print_json(&result, e)) < 0)
                return -1;
        for (size_t i = 0; i < result.problems.n; i++)
                log_warning("%s", result.problems.v[i]);
        if (result.ledger_problem)
                log_warning("%s", result.ledger_problem);
        if (result.problems.n > 0)
                return err_set(e, ERR_INTERNAL, 0, "%zu objects could not be removed",
                               result.problems.n);
        return 0;
}

static const struct opt gc_opts[] = {
        { OPT_DURATION, 0, "grace-period", "24h", "keep images used within this time", &grace, NULL,
          NULL },
        OUTPUT_FORMAT_OPT(&format),
        { .type = OPT_END },
};

const struct cmd cmd_image_gc = {
        .name = "image gc",
        .usage = "",
        .summary = "Remove images and layers that nothing uses",
        .opts = gc_opts,
        .main = gc_main,
};
