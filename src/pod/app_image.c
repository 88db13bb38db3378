/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/app_image.h"

#include <stdlib.h>
#include <string.h>

#include "appc/names.h"
#include "util/json.h"
#include "util/limits.h"
#include "util/mem.h"

void app_image_done(struct app_image *i)
{
        free(i->id);
        free(i->name);
        free(i->version);
        strv_done(&i->layers);
        *i = APP_IMAGE_NULL;
}

/* A layer's name becomes part of a path: nothing but a number may pass. */
static int check_layers(const struct strv *layers, struct err *e)
{
        for (size_t i = 0; i < layers->n; i++) {
                size_t len = strlen(layers->v[i]);

                if (len == 0 || len > 10 || strspn(layers->v[i], "0123456789") != len)
                        return err_set(e, ERR_BAD_DATA, 0, "layers[%zu]: \"%.40s\" is no layer", i,
                                       layers->v[i]);
        }
        return 0;
}

static int parse_rootfs(const char *s, enum app_rootfs *ret, struct err *e)
{
        if (strcmp(s, "overlay") == 0)
                *ret = APP_ROOTFS_OVERLAY;
        else if (strcmp(s, "copy") == 0)
                *ret = APP_ROOTFS_COPY;
        else
                return err_set(e, ERR_BAD_DATA, 0,
                               "rootfs: \"%.40s\" is neither \"overlay\" nor \"copy\"", s);
        return 0;
}

int app_image_parse(const void *data, size_t len, struct app_image *ret, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        AUTO(app_image_done) struct app_image i = APP_IMAGE_NULL;
        const char *id, *name, *version, *format, *rootfs;

        if (json_parse(data, len, LIMIT_STATE_FILE_BYTES, &o, e) < 0 ||
            json_get_string(o, "id", &id, e) < 0 || json_get_string(o, "name", &name, e) < 0 ||
            json_get_string_opt(o, "version", &version, e) < 0 ||
            json_get_string(o, "format", &format, e) < 0 ||
            json_get_string_opt(o, "rootfs", &rootfs, e) < 0 ||
            json_get_strings_opt(o, "layers", LIMIT_IMAGE_LAYERS, &i.layers, e) < 0 ||
            check_layers(&i.layers, e) < 0 || (rootfs && parse_rootfs(rootfs, &i.rootfs, e) < 0))
                return -1;
        if (!appc_image_id_is_valid(id))
                return err_set(e, ERR_BAD_DATA, 0, "id: \"%.40s\" is no image id", id);
        if (appc_format_parse(format, &i.format) < 0)
                return err_set(e, ERR_BAD_DATA, 0, "format: \"%.40s\" is no image format", format);
        i.id = xstrdup(id);
        i.name = xstrdup(name);
        i.version = xstrdup_null(version);
        *ret = i;
        i = APP_IMAGE_NULL;
        return 0;
}

int app_image_print(const struct app_image *i, struct buf *out)
{
        AUTO_JSON struct json_object *o = json_object_new_object();
        struct json_object *layers;

        json_add_string(o, "id", i->id);
        json_add_string(o, "name", i->name);
        json_add_string(o, "version", i->version);
        json_add_string(o, "format", appc_format_name(i->format));
        layers = json_add_array(o, "layers");
        for (size_t n = 0; n < i->layers.n; n++)
                json_append_string(layers, i->layers.v[n]);
        json_add_string(o, "rootfs", i->rootfs == APP_ROOTFS_COPY ? "copy" : "overlay");
        return json_print(o, false, out);
}
