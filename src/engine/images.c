/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/images.h"

#include <stdlib.h>

#include "engine/fetch.h"
#include "util/auto.h"
#include "util/mem.h"

void engine_images_resolved_done(struct engine_images_resolved *r)
{
        for (size_t i = 0; i < r->n; i++) {
                image_view_done(&r->v[i].view);
                image_render_done(&r->v[i].render);
        }
        free(r->v);
        *r = ENGINE_IMAGES_RESOLVED_NULL;
}

static void make_room(struct engine_images_resolved *r, size_t n)
{
        r->v = xcalloc(n ? n : 1, sizeof(*r->v));
        r->n = n;
}

int engine_images_find(struct engine *eng, const struct engine_request *req,
                       const struct image_import_options *o, struct engine_images_resolved *ret,
                       struct err *e)
{
        make_room(ret, req->n_apps);
        for (size_t i = 0; i < req->n_apps; i++)
                if (engine_image_find(eng, req->apps[i].image, o, ret->v[i].id, e) < 0)
                        return -1;
        return 0;
}

int engine_images_of_manifest(struct engine *eng, const struct appc_pod_manifest *pod,
                              struct engine_images_resolved *ret, struct err *e)
{
        make_room(ret, pod->n_apps);
        for (size_t i = 0; i < pod->n_apps; i++)
                if (image_resolve_text(eng->data_fd, pod->apps[i].image_id, ret->v[i].id, e) < 0)
                        return err_wrap(e, "app %s: image %s", pod->apps[i].name,
                                        pod->apps[i].image_id);
        return 0;
}

int engine_images_render(struct engine *eng, struct engine_images_resolved *r, struct err *e)
{
        for (size_t i = 0; i < r->n; i++) {
                struct engine_resolved *one = &r->v[i];

                if (image_view_read(eng->data_fd, one->id, &one->view, e) < 0 ||
                    image_render(eng->images, one->id, &one->render, e) < 0)
                        return err_wrap(e, "image %s", one->id);
        }
        return 0;
}
