/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/manifest_text.h"
#include "cli/podref.h"
#include "image/view.h"
#include "util/auto.h"

static int cat_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(image_view_done) struct image_view view = { 0 };
        char id[IMAGE_ID_LEN + 1];

        (void)n;
        if (podref_open(&eng, ENGINE_READ, e) < 0 ||
            image_resolve_text(eng.data_fd, args[0], id, e) < 0 ||
            image_view_read(eng.data_fd, id, &view, e) < 0)
                return -1;
        return manifest_text_print(view.manifest, view.manifest_len, e);
}

static const struct opt cat_opts[] = { MANIFEST_TEXT_OPT, { .type = OPT_END } };

const struct cmd cmd_image_cat_manifest = {
        .name = "image cat-manifest",
        .usage = "IMAGE",
        .summary = "Print the manifest of an image",
        .min_args = 1,
        .max_args = 1,
        .opts = cat_opts,
        .main = cat_main,
};
