/* SPDX-License-Identifier: Apache-2.0 */
#include "image/import/docker_json.h"

#include <stdlib.h>
#include <string.h>

#include "util/auto.h"
#include "util/json.h"
#include "util/limits.h"
#include "util/mem.h"

static void docker_image_done(struct docker_image *d)
{
        free(d->config);
        strv_done(&d->tags);
        strv_done(&d->layers);
}

void docker_images_done(struct docker_images *d)
{
        for (size_t i = 0; i < d->n; i++)
                docker_image_done(&d->v[i]);
        free(d->v);
        *d = DOCKER_IMAGES_NULL;
}

static int parse_image(struct json_object *o, struct docker_image *ret, struct err *e)
{
        const char *config;

        if (json_get_string(o, "Config", &config, e) < 0)
                return -1;
        ret->config = xstrdup(config);
        if (json_get_strings_opt(o, "RepoTags", LIMIT_LIST_ENTRIES, &ret->tags, e) < 0 ||
            json_get_strings_opt(o, "Layers", LIMIT_IMAGE_LAYERS, &ret->layers, e) < 0)
                return -1;
        return 0;
}

int docker_manifest_parse(const void *data, size_t len, struct docker_images *ret, struct err *e)
{
        AUTO(docker_images_done) struct docker_images d = DOCKER_IMAGES_NULL;
        AUTO_JSON struct json_object *o = NULL;
        size_t n;

        if (json_parse(data, len, LIMIT_MANIFEST_BYTES, &o, e) < 0)
                return -1;
        if (!json_object_is_type(o, json_type_array))
                return err_set(e, ERR_BAD_DATA, 0, "not an array");
        n = json_object_array_length(o);
        if (n > LIMIT_OCI_DESCRIPTORS)
                return err_set(e, ERR_LIMIT, 0, "%zu images, more than %u (limit)", n,
                               LIMIT_OCI_DESCRIPTORS);
        d.v = xcalloc(n + 1, sizeof(*d.v));
        for (; d.n < n; d.n++) {
                if (parse_image(json_object_array_get_idx(o, d.n), &d.v[d.n], e) < 0) {
                        docker_image_done(&d.v[d.n]);
                        return err_wrap(e, "[%zu]", d.n);
                }
        }
        *ret = d;
        d = DOCKER_IMAGES_NULL;
        return 0;
}

/* A layer id becomes a path: 64 hex digits or nothing. */
static bool is_v1_id(const char *s)
{
        return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static int add_tags(const char *name, struct json_object *tags, struct docker_images *d,
                    size_t *cap, struct err *e)
{
        if (!json_object_is_type(tags, json_type_object))
                return err_set(e, ERR_BAD_DATA, 0, "%.100s: not an object", name);
        json_object_object_foreach (tags, tag, value) {
                const char *id;

                if (json_string_value(value, tag, &id, e) < 0)
                        return err_wrap(e, "%.100s", name);
                if (!is_v1_id(id))
                        return err_set(e, ERR_BAD_DATA, 0, "%.100s: \"%.100s\" is no layer id",
                                       name, id);
                if (d->n >= LIMIT_OCI_DESCRIPTORS)
                        return err_set(e, ERR_LIMIT, 0, "more than %u images (limit)",
                                       LIMIT_OCI_DESCRIPTORS);
                ARRAY_GROW(d->v, d->n, *cap);
                d->v[d->n] = (struct docker_image){ 0 };
                strv_addf(&d->v[d->n].tags, "%s:%s", name, tag);
                strv_add(&d->v[d->n++].layers, id);
        }
        return 0;
}

int docker_repositories_parse(const void *data, size_t len, struct docker_images *ret,
                              struct err *e)
{
        AUTO(docker_images_done) struct docker_images d = DOCKER_IMAGES_NULL;
        AUTO_JSON struct json_object *o = NULL;
        size_t cap = 0;

        if (json_parse(data, len, LIMIT_MANIFEST_BYTES, &o, e) < 0)
                return -1;
        if (!json_object_is_type(o, json_type_object))
                return err_set(e, ERR_BAD_DATA, 0, "not an object");
        json_object_object_foreach (o, name, tags) {
                if (add_tags(name, tags, &d, &cap, e) < 0)
                        return -1;
        }
        *ret = d;
        d = DOCKER_IMAGES_NULL;
        return 0;
}

int docker_v1_parent(const void *data, size_t len, char **ret_parent, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        const char *parent;

        if (json_parse(data, len, LIMIT_MANIFEST_BYTES, &o, e) < 0 ||
            json_get_string_opt(o, "parent", &parent, e) < 0)
                return -1;
        if (parent && *parent && !is_v1_id(parent))
                return err_set(e, ERR_BAD_DATA, 0, "parent: \"%.100s\" is no layer id", parent);
        *ret_parent = parent && *parent ? xstrdup(parent) : NULL;
        return 0;
}

int docker_v1_config(const void *data, size_t len, const struct strv *diff_ids, struct buf *out,
                     struct err *e)
{
        static const char *const dropped[] = { "id",        "parent", "layer_id",
                                               "throwaway", "Size",   "parent_id" };
        AUTO_JSON struct json_object *o = NULL;
        struct json_object *rootfs, *list;

        if (json_parse(data, len, LIMIT_MANIFEST_BYTES, &o, e) < 0)
                return -1;
        if (!json_object_is_type(o, json_type_object))
                return err_set(e, ERR_BAD_DATA, 0, "not an object");
        for (size_t i = 0; i < ARRAY_LEN(dropped); i++)
                json_object_object_del(o, dropped[i]);
        rootfs = json_add_object(o, "rootfs");
        json_add_string(rootfs, "type", "layers");
        list = json_add_array(rootfs, "diff_ids");
        for (size_t i = 0; i < diff_ids->n; i++)
                json_append_string(list, diff_ids->v[i]);
        if (json_print(o, false, out) < 0)
                return err_set(e, ERR_LIMIT, 0, "more than %zu bytes (limit)", out->max);
        return 0;
}

static void add_descriptor(struct json_object *o, const char *media_type, const char *digest,
                           uint64_t size)
{
        json_add_string(o, "mediaType", media_type);
        json_add_string(o, "digest", digest);
        json_add_int(o, "size", (int64_t)size);
}

int docker_make_manifest(const char *config_digest, uint64_t config_size,
                         const struct docker_layer *layers, size_t n_layers, struct buf *out,
                         struct err *e)
{
        AUTO_JSON struct json_object *o = json_object_new_object();
        struct json_object *list;

        json_add_int(o, "schemaVersion", 2);
        json_add_string(o, "mediaType", "application/vnd.oci.image.manifest.v1+json");
        add_descriptor(json_add_object(o, "config"), "application/vnd.oci.image.config.v1+json",
                       config_digest, config_size);
        list = json_add_array(o, "layers");
        for (size_t i = 0; i < n_layers; i++) {
                struct json_object *d = json_object_new_object();

                add_descriptor(d, layers[i].media_type, layers[i].digest, layers[i].size);
                json_object_array_add(list, d);
        }
        if (json_print(o, false, out) < 0)
                return err_set(e, ERR_LIMIT, 0, "more than %zu bytes of manifest (limit)",
                               out->max);
        return 0;
}
