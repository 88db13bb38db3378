/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/in_use.h"

#include <errno.h>

#include "engine/engine.h"
#include "pod/app_image.h"
#include "pod/view.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"

struct collect {
        struct image_in_use *ret;
        const char *uuid;
        struct err *e;
};

static int add_app(int appsfd, const char *app, unsigned char type, void *arg)
{
        struct collect *c = arg;
        AUTO(buf_done) struct buf text = BUF_NULL(LIMIT_STATE_FILE_BYTES);
        AUTO(app_image_done) struct app_image image = APP_IMAGE_NULL;
        AUTO_FREE char *path = xasprintf("%s/image.json", app);
        int r = fs_read_file(appsfd, path, &text);

        (void)type;
        /* Not yet written: the preparer holds the SHARED lock until it is, so it cannot be alive now. */
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0)
                return err_set(c->e, ERR_INTERNAL, -r, "pod %s: %s", c->uuid, path);
        if (app_image_parse(text.data, text.len, &image, c->e) < 0)
                return err_wrap(c->e, "pod %s: %s", c->uuid, path);
        strv_add(&c->ret->images, image.id);
        for (size_t i = 0; i < image.layers.n; i++)
                strv_add(&c->ret->layers, image.layers.v[i]);
        return 0;
}

/* A pod that will never run again may be broken: its layers do not matter to it any more. */
static int add_pod(struct engine *eng, const struct pod_view *v, struct image_in_use *ret,
                   struct err *e)
{
        AUTO(pod_done) struct pod p = POD_NULL;
        AUTO_CLOSE int apps = -1;
        struct collect c = { .ret = ret, .uuid = v->uuid.text, .e = e };

        if (pod_open(&eng->pods, v->uuid.text, &p, e) < 0)
                return e->kind == ERR_NOT_FOUND ? 0 : -1;
        apps = fs_open_dir(p.fd, "appsinfo");
        if (apps == -ENOENT)
                return 0;
        if (apps < 0)
                return err_set(e, ERR_INTERNAL, -apps, "pod %s: appsinfo", v->uuid.text);
        if (fs_each(apps, add_app, &c) == 0)
                return 0;
        return pod_state_is_finished(pod_state_sample(&eng->pods, &p)) ? 0 : -1;
}

int engine_images_in_use(void *arg, struct image_in_use *ret, struct err *e)
{
        struct engine *eng = arg;
        AUTO(pod_view_list_done) struct pod_view_list list = POD_VIEW_LIST_NULL;

        if (pod_view_list(&eng->pods, POD_DIRS_ALL, POD_VIEW_STATE, &list, e) < 0)
                return -1;
        for (size_t i = 0; i < list.n; i++)
                if (add_pod(eng, list.v[i], ret, e) < 0)
                        return -1;
        return 0;
}
