/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depth-first over the dependencies, each image visited once: its result (layers from the top) is
 * kept and used again, so a lattice of images costs as many visits as it has images. The path from
 * the root is kept for finding cycles and for saying where something is wrong.
 */
#include "image/render.h"

#include <string.h>
#include <sys/xattr.h>

#include "image/render_priv.h"
#include "image/store_priv.h"
#include "image/view.h"
#include "image/view_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"

struct visited {
        char *id;           /* owned */
        struct strv layers; /* of the image over its dependencies, top first */
};

struct walk {
        struct image_store *store;
        struct visited done[LIMIT_ACI_DEPENDENCIES + 1];
        size_t n_done;
        struct strv path_ids; /* from the root to where we are */
        struct strv path_names;
};

static void walk_done(struct walk *w)
{
        for (size_t i = 0; i < w->n_done; i++) {
                free(w->done[i].id);
                strv_done(&w->done[i].layers);
        }
        strv_done(&w->path_ids);
        strv_done(&w->path_names);
}

void image_render_done(struct image_render *r)
{
        strv_done(&r->layers);
        strv_done(&r->image_ids);
        *r = IMAGE_RENDER_NULL;
}

static void pop(struct strv *s)
{
        free(s->v[--s->n]);
        s->v[s->n] = NULL;
}

/* "a -> b -> c", cut from the front where it is long: the end is where it went wrong. */
static char *path_text(const struct walk *w, const char *last)
{
        AUTO(buf_done) struct buf b = BUF_NULL(600);
        size_t from = 0, room = 500 > strlen(last) ? 500 - strlen(last) : 0, used = 0;

        for (size_t i = w->path_names.n; i > 0; i--) {
                used += strlen(w->path_names.v[i - 1]) + 4;
                if (used > room) {
                        from = i;
                        break;
                }
        }
        if (from)
                (void)buf_puts(&b, "... -> ");
        for (size_t i = from; i < w->path_names.n; i++)
                (void)buf_printf(&b, "%s -> ", w->path_names.v[i]);
        (void)buf_printf(&b, "%.500s", last);
        return buf_take(&b);
}

static void dependency_ref(const struct appc_dependency *d, struct image_ref *ref)
{
        if (d->id) {
                ref->kind = IMAGE_REF_ID;
                ref->text = xstrndup(d->id, IMAGE_ID_LEN);
                return;
        }
        ref->kind = IMAGE_REF_NAME;
        ref->text = xstrdup(d->name);
        for (size_t i = 0; i < d->labels.n; i++) {
                if (strcmp(d->labels.v[i].name, "version") == 0) {
                        free(ref->tag);
                        ref->tag = xstrdup(d->labels.v[i].value);
                        continue;
                }
                strv_add(&ref->label_names, d->labels.v[i].name);
                strv_add(&ref->label_values, d->labels.v[i].value);
        }
}

static int missing(const struct walk *w, const struct appc_dependency *d, struct err *e)
{
        AUTO(buf_done) struct buf which = BUF_NULL(512);
        AUTO_FREE char *path = path_text(w, d->name);

        if (d->id)
                (void)buf_printf(&which, ", id %s", d->id);
        for (size_t i = 0; i < d->labels.n; i++)
                if (buf_printf(&which, ", %s=%s", d->labels.v[i].name, d->labels.v[i].value) < 0)
                        break;
        return err_set(e, ERR_NOT_FOUND, 0,
                       "dependency \"%.200s\"%s is not in the store (needed by %s); "
                       "fetch its image file first",
                       d->name, buf_str(&which), path);
}

static int find_dependency(const struct walk *w, const struct appc_dependency *d,
                           char ret_id[static IMAGE_ID_LEN + 1], struct err *e)
{
        AUTO(image_ref_done) struct image_ref ref = IMAGE_REF_NULL;

        dependency_ref(d, &ref);
        if (image_resolve_at(w->store->records_fd, &ref, true, ret_id, e) == 0)
                return 0;
        return e->kind == ERR_NOT_FOUND ? missing(w, d, e)
                                        : err_wrap(e, "dependency \"%.200s\"", d->name);
}

static void add_once(struct strv *to, const struct strv *from)
{
        for (size_t i = 0; i < from->n; i++)
                if (!strv_contains(to, from->v[i]))
                        strv_add(to, from->v[i]);
}

static int check_layers(const struct walk *w, const struct image_view *v, struct err *e)
{
        uint64_t ignored;

        for (size_t i = 0; i < v->record.layers.n; i++)
                if (image_layer_size(w->store, v->record.layers.v[i], &ignored) < 0)
                        return err_set(
                                e, ERR_BAD_DATA, 0,
                                "layer %s of image \"%.200s\" is gone; fetch the image again",
                                v->record.layers.v[i], v->record.name);
        return 0;
}

static int visit(struct walk *w, const char *id, const char *name, struct strv *ret_layers,
                 struct err *e);

/*
 * The image's own layers down to the first whose root is opaque: overlayfs reads that mark on
 * directories inside a layer, but not on the layer's root.
 */
static void add_own(const struct walk *w, const struct image_record *r, struct strv *layers)
{
        for (size_t i = 0; i < r->layers.n; i++) {
                AUTO_CLOSE int dir = fs_open_dir(w->store->layers_fd, r->layers.v[i]);
                AUTO_CLOSE int root = dir < 0 ? -1 : fs_open_dir(dir, "fs");
                char value[2];

                if (!strv_contains(layers, r->layers.v[i]))
                        strv_add(layers, r->layers.v[i]);
                if (root >= 0 &&
                    fgetxattr(root, "trusted.overlay.opaque", value, sizeof(value)) == 1)
                        return;
        }
}

/* The image's own layers, then its dependencies from the last to the first: from the top. */
static int assemble(struct walk *w, const struct image_view *v, struct strv *layers, struct err *e)
{
        const struct appc_image_manifest *m = v->parsed;

        add_own(w, &v->record, layers);
        for (size_t i = m->n_dependencies; i > 0; i--) {
                const struct appc_dependency *d = &m->dependencies[i - 1];
                AUTO(strv_done) struct strv below = STRV_NULL;
                char id[IMAGE_ID_LEN + 1];

                if (find_dependency(w, d, id, e) < 0 || visit(w, id, d->name, &below, e) < 0)
                        return -1;
                add_once(layers, &below);
        }
        if (layers->n > LIMIT_IMAGE_LAYERS)
                return err_set(e, ERR_LIMIT, 0, "image \"%.200s\" has more than %u layers",
                               v->record.name, LIMIT_IMAGE_LAYERS);
        return 0;
}

static int visit_new(struct walk *w, const char *id, struct strv *layers, struct err *e)
{
        AUTO(image_view_done) struct image_view v = { 0 };
        char filtered[IMAGE_LAYER_NAME_MAX];

        if (image_view_read_at(w->store->records_fd, id, &v, e) < 0)
                return e->kind == ERR_NOT_FOUND ? -1 : err_wrap(e, "image %s", id);
        if (w->path_names.n == 1) { /* the root came by its id; people know its name */
                free(w->path_names.v[0]);
                w->path_names.v[0] = xstrdup(v.record.name);
        }
        if (check_layers(w, &v, e) < 0 || image_store_touch(w->store, id, e) < 0 ||
            assemble(w, &v, layers, e) < 0)
                return -1;
        if (v.parsed->path_whitelist.n == 0)
                return 0;
        if (image_render_filtered(w->store, id, layers, &v.parsed->path_whitelist, filtered, e) < 0)
                return err_wrap(e, "pathWhitelist of image \"%.200s\"", v.record.name);
        strv_done(layers);
        strv_add(layers, filtered);
        return 0;
}

static int check_path(const struct walk *w, const char *id, const char *name, struct err *e)
{
        AUTO_FREE char *path = NULL;

        if (strv_contains(&w->path_ids, id)) {
                path = path_text(w, name);
                return err_set(e, ERR_BAD_DATA, 0, "dependencies form a cycle: %s", path);
        }
        if (w->path_ids.n > LIMIT_ACI_DEPTH) {
                path = path_text(w, name);
                return err_set(e, ERR_LIMIT, 0, "dependencies are nested deeper than %u: %s",
                               LIMIT_ACI_DEPTH, path);
        }
        return 0;
}

/* @name: as the one who needs it calls it. *ret_layers is appended to. */
static int visit(struct walk *w, const char *id, const char *name, struct strv *ret_layers,
                 struct err *e)
{
        AUTO(strv_done) struct strv layers = STRV_NULL;

        for (size_t i = 0; i < w->n_done; i++) {
                if (strcmp(w->done[i].id, id) != 0)
                        continue;
                add_once(ret_layers, &w->done[i].layers);
                return 0;
        }
        if (check_path(w, id, name, e) < 0)
                return -1;
        strv_add(&w->path_ids, id);
        strv_add(&w->path_names, name);
        if (visit_new(w, id, &layers, e) < 0)
                return -1;
        pop(&w->path_ids);
        pop(&w->path_names);
        if (w->n_done >= ARRAY_LEN(w->done))
                return err_set(e, ERR_LIMIT, 0, "more than %u images are needed",
                               LIMIT_ACI_DEPENDENCIES);
        add_once(ret_layers, &layers);
        w->done[w->n_done].id = xstrdup(id);
        w->done[w->n_done++].layers = layers;
        layers = STRV_NULL;
        return 0;
}

int image_render(struct image_store *s, const char *image_id, struct image_render *ret,
                 struct err *e)
{
        AUTO(walk_done) struct walk w = { .store = s };
        AUTO(image_render_done) struct image_render r = IMAGE_RENDER_NULL;

        if (visit(&w, image_id, image_id, &r.layers, e) < 0)
                return -1;
        if (r.layers.n == 0)
                return err_set(e, ERR_BAD_DATA, 0, "image %s has no layers", image_id);
        for (size_t i = w.n_done; i > 0; i--)
                strv_add(&r.image_ids, w.done[i - 1].id);
        *ret = r;
        r = IMAGE_RENDER_NULL;
        return 0;
}
