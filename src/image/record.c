/* SPDX-License-Identifier: Apache-2.0 */
#include "image/record.h"

#include <string.h>

#include "appc/names.h"
#include "util/json.h"
#include "util/limits.h"
#include "util/mem.h"

static bool is_hex(const char *s, size_t n)
{
        return strspn(s, "0123456789abcdef") == n && s[n] == '\0';
}

bool image_id_is_valid(const char *s)
{
        return strncmp(s, "sha512-", 7) == 0 && is_hex(s + 7, IMAGE_ID_LEN - 7);
}

bool image_layer_name_is_valid(const char *s)
{
        size_t n = strspn(s, "0123456789");

        return n > 0 && n <= 10 && s[n] == '\0' && s[0] != '0';
}

bool image_blob_digest_is_valid(const char *s)
{
        return strncmp(s, "sha256:", 7) == 0 && is_hex(s + 7, 64);
}

static void name_done(struct image_record_name *n)
{
        free(n->name);
        free(n->version);
}

static void names_drop(struct image_record *r, size_t i)
{
        name_done(&r->names[i]);
        r->n_names--;
        memmove(&r->names[i], &r->names[i + 1], (r->n_names - i) * sizeof(*r->names));
}

static bool same_text(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

void image_record_add_name(struct image_record *r, const char *name, const char *version, nsec at)
{
        for (size_t i = 0; i < r->n_names; i++) {
                if (strcmp(r->names[i].name, name) == 0 &&
                    same_text(r->names[i].version, version)) {
                        names_drop(r, i);
                        break;
                }
        }
        if (r->n_names == IMAGE_NAMES_MAX)
                names_drop(r, 0);
        if (!r->names)
                r->names = xcalloc(IMAGE_NAMES_MAX, sizeof(*r->names));
        r->names[r->n_names++] =
                (struct image_record_name){ xstrdup(name), xstrdup_null(version), at };
}

void image_record_done(struct image_record *r)
{
        for (size_t i = 0; i < r->n_names; i++)
                name_done(&r->names[i]);
        free(r->names);
        free(r->id);
        free(r->format_version);
        free(r->name);
        free(r->version);
        strv_done(&r->layers);
        free(r->manifest_digest);
        free(r->config_digest);
        strv_done(&r->dependencies);
        *r = IMAGE_RECORD_NULL;
}

static int name_check(const char *name, const char *version, struct err *e)
{
        if (!name || !name[0])
                return err_set(e, ERR_BAD_DATA, 0, "name: missing");
        if (strlen(name) > APPC_NAME_MAX)
                return err_set(e, ERR_LIMIT, 0, "name: over %d bytes", APPC_NAME_MAX);
        if (version && strlen(version) > IMAGE_VERSION_MAX)
                return err_set(e, ERR_LIMIT, 0, "version: over %d bytes", IMAGE_VERSION_MAX);
        return 0;
}

static int layers_check(const struct image_record *r, struct err *e)
{
        if (r->layers.n > LIMIT_IMAGE_LAYERS)
                return err_set(e, ERR_LIMIT, 0, "layers: more than %u", LIMIT_IMAGE_LAYERS);
        for (size_t i = 0; i < r->layers.n; i++)
                if (!image_layer_name_is_valid(r->layers.v[i]))
                        return err_set(e, ERR_BAD_DATA, 0, "layers[%zu]: not a layer name", i);
        return 0;
}

/* Both directions end here: what we write is what we would read. */
static int record_check(const struct image_record *r, struct err *e)
{
        if (!r->id || !image_id_is_valid(r->id))
                return err_set(e, ERR_BAD_DATA, 0, "id: not an image id");
        if (name_check(r->name, r->version, e) < 0 || layers_check(r, e) < 0)
                return -1;
        for (size_t i = 0; i < r->n_names; i++)
                if (name_check(r->names[i].name, r->names[i].version, e) < 0)
                        return err_wrap(e, "names[%zu]", i);
        if (!r->format_version)
                return err_set(e, ERR_BAD_DATA, 0, "format_version: missing");
        if (r->format == APPC_FORMAT_NONE)
                return err_set(e, ERR_BAD_DATA, 0, "format: missing");
        if (r->dependencies.n > LIMIT_ACI_DEPENDENCIES)
                return err_set(e, ERR_LIMIT, 0, "dependencies: more than %u",
                               LIMIT_ACI_DEPENDENCIES);
        for (size_t i = 0; i < r->dependencies.n; i++)
                if (!image_id_is_valid(r->dependencies.v[i]))
                        return err_set(e, ERR_BAD_DATA, 0, "dependencies[%zu]: not an image id", i);
        if (r->manifest_digest && !image_blob_digest_is_valid(r->manifest_digest))
                return err_set(e, ERR_BAD_DATA, 0, "manifest_digest: not a sha256 digest");
        if (r->config_digest && !image_blob_digest_is_valid(r->config_digest))
                return err_set(e, ERR_BAD_DATA, 0, "config_digest: not a sha256 digest");
        return 0;
}

static int get_dup(struct json_object *o, const char *key, bool needed, char **ret, struct err *e)
{
        const char *s = NULL;

        if ((needed ? json_get_string : json_get_string_opt)(o, key, &s, e) < 0)
                return -1;
        *ret = xstrdup_null(s);
        return 0;
}

static int get_format(struct json_object *o, enum appc_base_format *ret, struct err *e)
{
        const char *s;

        if (json_get_string(o, "format", &s, e) < 0)
                return -1;
        if (appc_format_parse(s, ret) < 0)
                return err_set(e, ERR_BAD_DATA, 0, "format: unknown \"%.32s\"", s);
        return 0;
}

static int get_names(struct json_object *o, struct image_record *r, struct err *e)
{
        struct json_object *array = NULL;

        if (json_get_array_opt(o, "names", IMAGE_NAMES_MAX, &array, e) < 0)
                return -1;
        for (size_t i = 0; array && i < json_object_array_length(array); i++) {
                struct json_object *one = json_object_array_get_idx(array, i);
                const char *name, *version = NULL;
                int64_t at = 0;

                if (json_get_string(one, "name", &name, e) < 0 ||
                    json_get_string_opt(one, "version", &version, e) < 0 ||
                    json_get_int_opt(one, "at", 0, INT64_MAX, &at, e) < 0)
                        return err_wrap(e, "names[%zu]", i);
                image_record_add_name(r, name, version, at);
        }
        return 0;
}

static int record_fill(struct json_object *o, struct image_record *r, struct err *e)
{
        int64_t size = 0;

        if (get_dup(o, "id", true, &r->id, e) < 0 || get_format(o, &r->format, e) < 0 ||
            get_dup(o, "format_version", true, &r->format_version, e) < 0 ||
            get_dup(o, "name", true, &r->name, e) < 0 ||
            get_dup(o, "version", false, &r->version, e) < 0 ||
            json_get_strings_opt(o, "layers", LIMIT_IMAGE_LAYERS, &r->layers, e) < 0 ||
            json_get_int_opt(o, "size", 0, INT64_MAX, &size, e) < 0 ||
            json_get_int_opt(o, "imported_at", 0, INT64_MAX, &r->imported_at, e) < 0 ||
            get_dup(o, "manifest_digest", false, &r->manifest_digest, e) < 0 ||
            get_dup(o, "config_digest", false, &r->config_digest, e) < 0 ||
            get_names(o, r, e) < 0 ||
            json_get_strings_opt(o, "dependencies", LIMIT_ACI_DEPENDENCIES, &r->dependencies, e) <
                    0)
                return -1;
        r->size = (uint64_t)size;
        return record_check(r, e);
}

int image_record_parse(const void *data, size_t len, struct image_record *ret, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;

        if (json_parse(data, len, LIMIT_STATE_FILE_BYTES, &o, e) < 0 || record_fill(o, &r, e) < 0)
                return -1;
        *ret = r;
        r = IMAGE_RECORD_NULL;
        return 0;
}

static void add_strings(struct json_object *o, const char *key, const struct strv *s)
{
        struct json_object *a = json_add_array(o, key);

        for (size_t i = 0; i < s->n; i++)
                json_append_string(a, s->v[i]);
}

static void add_names(struct json_object *o, const struct image_record *r)
{
        struct json_object *array;

        if (r->n_names == 0)
                return;
        array = json_add_array(o, "names");
        for (size_t i = 0; i < r->n_names; i++) {
                struct json_object *one = json_object_new_object();

                json_add_string(one, "name", r->names[i].name);
                json_add_string(one, "version", r->names[i].version);
                json_add_int(one, "at", r->names[i].at);
                json_object_array_add(array, one);
        }
}

int image_record_print(const struct image_record *r, struct buf *out, struct err *e)
{
        AUTO_JSON struct json_object *o = json_object_new_object();

        if (record_check(r, e) < 0)
                return -1;
        if (r->size > INT64_MAX || r->imported_at < 0)
                return err_set(e, ERR_BAD_DATA, 0, "size or imported_at: out of range");
        json_add_string(o, "id", r->id);
        json_add_string(o, "format", appc_format_name(r->format));
        json_add_string(o, "format_version", r->format_version);
        json_add_string(o, "name", r->name);
        json_add_string(o, "version", r->version);
        add_strings(o, "layers", &r->layers);
        json_add_int(o, "size", (int64_t)r->size);
        json_add_int(o, "imported_at", r->imported_at);
        json_add_string(o, "manifest_digest", r->manifest_digest);
        json_add_string(o, "config_digest", r->config_digest);
        add_names(o, r);
        if (r->dependencies.n)
                add_strings(o, "dependencies", &r->dependencies);
        if (json_print(o, false, out) < 0)
                return err_set(e, ERR_LIMIT, 0, "record is too big");
        return 0;
}
