/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fetch.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/ref.h"
#include "image/view.h"
#include "util/auto.h"

static int refuse_url(const char *url, struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, 0,
                       "%s: fetching from the network comes with a later release; for now import a "
                       "local file (ACI, OCI layout, docker archive)",
                       url);
}

static int import_path(struct engine *eng, const char *path, const struct image_import_options *o,
                       struct strv *ret_ids, struct err *e)
{
        if (engine_images(eng, e) < 0)
                return -1;
        return image_import_file(eng->images, path, o, ret_ids, e);
}

int engine_fetch(struct engine *eng, const char *path, const struct image_import_options *o,
                 struct strv *ret_ids, struct err *e)
{
        AUTO(image_ref_done) struct image_ref ref = IMAGE_REF_NULL;
        struct err ignored;

        /* What is no reference at all may still be a fine file name. */
        if (image_ref_parse(path, &ref, &ignored) == 0) {
                if (ref.kind == IMAGE_REF_URL)
                        return refuse_url(path, e);
                if (ref.kind == IMAGE_REF_PATH)
                        return import_path(eng, ref.text, o, ret_ids, e);
        }
        return import_path(eng, path, o, ret_ids, e);
}

static int import_one(struct engine *eng, const char *path, const struct image_import_options *o,
                      char ret_id[static IMAGE_ID_LEN + 1], struct err *e)
{
        AUTO(strv_done) struct strv ids = STRV_NULL;

        if (import_path(eng, path, o, &ids, e) < 0)
                return -1;
        if (ids.n != 1)
                return err_set(e, ERR_USAGE, 0,
                               "%s holds %zu images; fetch it, then name the one that is meant",
                               path, ids.n);
        (void)snprintf(ret_id, IMAGE_ID_LEN + 1, "%s", ids.v[0]);
        return 0;
}

int engine_image_find(struct engine *eng, const char *text, const struct image_import_options *o,
                      char ret_id[static IMAGE_ID_LEN + 1], struct err *e)
{
        AUTO(image_ref_done) struct image_ref ref = IMAGE_REF_NULL;

        if (image_ref_parse(text, &ref, e) < 0)
                return -1;
        if (ref.kind == IMAGE_REF_URL)
                return refuse_url(text, e);
        if (ref.kind == IMAGE_REF_PATH)
                return import_one(eng, ref.text, o, ret_id, e);
        if (image_resolve(eng->data_fd, &ref, ret_id, e) == 0)
                return 0;
        if (e->kind == ERR_NOT_FOUND && access(text, R_OK) == 0)
                return import_one(eng, text, o, ret_id, e);
        return -1;
}
