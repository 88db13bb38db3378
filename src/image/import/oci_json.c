/* SPDX-License-Identifier: Apache-2.0 */
#include "image/import/oci_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/digest.h"
#include "util/json.h"
#include "util/limits.h"
#include "util/mem.h"

/* image-spec media-types.md; distribution's manifest-v2-2.md for Docker's */
static const struct {
        const char *prefix; /* compression suffixes follow */
        enum oci_kind kind;
} media_types[] = {
        { "application/vnd.oci.image.index.v1+json", OCI_INDEX },
        { "application/vnd.docker.distribution.manifest.list.v2+json", OCI_INDEX },
        { "application/vnd.oci.image.manifest.v1+json", OCI_MANIFEST },
        { "application/vnd.docker.distribution.manifest.v2+json", OCI_MANIFEST },
        { "application/vnd.oci.image.config.v1+json", OCI_CONFIG },
        { "application/vnd.docker.container.image.v1+json", OCI_CONFIG_DOCKER },
        { "application/vnd.oci.image.layer.v1.tar", OCI_LAYER },
        { "application/vnd.docker.image.rootfs.diff.tar", OCI_LAYER },
        { "application/vnd.oci.image.layer.nondistributable.v1.tar", OCI_LAYER_FOREIGN },
        { "application/vnd.docker.image.rootfs.foreign.diff.tar", OCI_LAYER_FOREIGN },
        { "application/vnd.docker.distribution.manifest.v1+json", OCI_SCHEMA1 },
        { "application/vnd.docker.distribution.manifest.v1+prettyjws", OCI_SCHEMA1 },
};

static bool is_layer_suffix(const char *s)
{
        return !*s || strcmp(s, "+gzip") == 0 || strcmp(s, ".gzip") == 0 ||
               strcmp(s, "+zstd") == 0 || strcmp(s, ".zstd") == 0;
}

enum oci_kind oci_media_kind(const char *media_type)
{
        for (size_t i = 0; i < ARRAY_LEN(media_types); i++) {
                size_t n = strlen(media_types[i].prefix);
                bool layer = media_types[i].kind == OCI_LAYER ||
                             media_types[i].kind == OCI_LAYER_FOREIGN;

                if (strncmp(media_type, media_types[i].prefix, n) != 0)
                        continue;
                if (layer ? is_layer_suffix(media_type + n) : !media_type[n])
                        return media_types[i].kind;
        }
        return OCI_OTHER;
}

static void descriptor_done(struct oci_descriptor *d)
{
        free(d->media_type);
        free(d->digest);
        free(d->os);
        free(d->arch);
        free(d->variant);
        free(d->ref_name);
        *d = (struct oci_descriptor){ 0 };
}

void oci_index_done(struct oci_index *x)
{
        for (size_t i = 0; i < x->n; i++)
                descriptor_done(&x->d[i]);
        free(x->d);
        *x = OCI_INDEX_NULL;
}

void oci_manifest_done(struct oci_manifest *m)
{
        descriptor_done(&m->config);
        for (size_t i = 0; i < m->n_layers; i++)
                descriptor_done(&m->layers[i]);
        free(m->layers);
        *m = OCI_MANIFEST_NULL;
}

static int parse_platform(struct json_object *o, struct oci_descriptor *d, struct err *e)
{
        const char *os, *arch, *variant;
        struct json_object *p;

        if (json_get_object_opt(o, "platform", &p, e) < 0)
                return -1;
        if (!p)
                return 0;
        if (json_get_string_opt(p, "os", &os, e) < 0 ||
            json_get_string_opt(p, "architecture", &arch, e) < 0 ||
            json_get_string_opt(p, "variant", &variant, e) < 0)
                return -1;
        d->os = xstrdup(os ? os : "");
        d->arch = xstrdup(arch ? arch : "");
        d->variant = xstrdup(variant ? variant : "");
        return 0;
}

static int parse_annotations(struct json_object *o, struct oci_descriptor *d, struct err *e)
{
        const char *full, *ref, *kind;
        struct json_object *a;

        if (json_get_object_opt(o, "annotations", &a, e) < 0)
                return -1;
        if (!a)
                return 0;
        if (json_get_string_opt(a, "io.containerd.image.name", &full, e) < 0 ||
            json_get_string_opt(a, "org.opencontainers.image.ref.name", &ref, e) < 0 ||
            json_get_string_opt(a, "vnd.docker.reference.type", &kind, e) < 0)
                return -1;
        d->ref_name = xstrdup_null(full ? full : ref);
        d->attestation = kind && strcmp(kind, "attestation-manifest") == 0;
        return 0;
}

static int parse_descriptor(struct json_object *o, struct oci_descriptor *ret, struct err *e)
{
        AUTO(descriptor_done) struct oci_descriptor d = { 0 };
        const char *media_type, *digest;
        int64_t size = -1;

        if (json_get_string(o, "mediaType", &media_type, e) < 0 ||
            json_get_string(o, "digest", &digest, e) < 0 ||
            json_get_int_opt(o, "size", 0, INT64_MAX, &size, e) < 0)
                return -1;
        if (size < 0)
                return err_set(e, ERR_BAD_DATA, 0, "\"size\" is missing");
        if (!digest_is_oci_sha256(digest))
                return err_set(
                        e, strncmp(digest, "sha256:", 7) == 0 ? ERR_BAD_DATA : ERR_UNSUPPORTED, 0,
                        "digest: \"%.80s\" is not \"sha256:\" and 64 hexadecimal digits", digest);
        d.media_type = xstrdup(media_type);
        d.digest = xstrdup(digest);
        d.size = (uint64_t)size;
        if (parse_platform(o, &d, e) < 0 || parse_annotations(o, &d, e) < 0)
                return -1;
        *ret = d;
        d = (struct oci_descriptor){ 0 };
        return 0;
}

/* schemaVersion 2 and, if there is a mediaType, one of @kind. */
static int check_head(struct json_object *o, enum oci_kind kind, struct err *e)
{
        const char *media_type;
        int64_t version = 2; /* some early OCI tools left it out */

        if (json_get_int_opt(o, "schemaVersion", INT64_MIN, INT64_MAX, &version, e) < 0)
                return -1;
        if (version != 2)
                return err_set(e, ERR_UNSUPPORTED, 0,
                               "schemaVersion: only 2 is understood, not %lld", (long long)version);
        if (json_get_string_opt(o, "mediaType", &media_type, e) < 0)
                return -1;
        if (media_type && oci_media_kind(media_type) != kind)
                return err_set(e, ERR_BAD_DATA, 0,
                               "mediaType: \"%.100s\" is not that of an image %s", media_type,
                               kind == OCI_INDEX ? "index" : "manifest");
        return 0;
}

static bool has(struct json_object *o, const char *key)
{
        return json_object_object_get_ex(o, key, NULL);
}

static int parse_list(struct json_object *o, const char *key, size_t max, struct oci_index *ret,
                      struct err *e)
{
        struct json_object *list;

        if (json_get_array_opt(o, key, max, &list, e) < 0)
                return -1;
        if (!list)
                return err_set(e, ERR_BAD_DATA, 0, "\"%s\" is missing", key);
        ret->d = xcalloc(json_object_array_length(list) + 1, sizeof(*ret->d));
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                if (parse_descriptor(json_object_array_get_idx(list, i), &ret->d[i], e) < 0)
                        return err_wrap(e, "%s[%zu]", key, i);
                ret->n++;
        }
        return 0;
}

int oci_index_parse(const void *data, size_t len, struct oci_index *ret, struct err *e)
{
        AUTO(oci_index_done) struct oci_index x = OCI_INDEX_NULL;
        AUTO_JSON struct json_object *o = NULL;

        if (json_parse(data, len, LIMIT_MANIFEST_BYTES, &o, e) < 0 ||
            check_head(o, OCI_INDEX, e) < 0)
                return -1;
        if (has(o, "layers") || has(o, "config"))
                return err_set(e, ERR_BAD_DATA, 0,
                               "an index with the members of a manifest is ambiguous");
        if (parse_list(o, "manifests", LIMIT_OCI_DESCRIPTORS, &x, e) < 0)
                return -1;
        *ret = x;
        x = OCI_INDEX_NULL;
        return 0;
}

int oci_manifest_parse(const void *data, size_t len, struct oci_manifest *ret, struct err *e)
{
        AUTO(oci_manifest_done) struct oci_manifest m = OCI_MANIFEST_NULL;
        AUTO(oci_index_done) struct oci_index layers = OCI_INDEX_NULL;
        AUTO_JSON struct json_object *o = NULL;
        struct json_object *config;

        if (json_parse(data, len, LIMIT_MANIFEST_BYTES, &o, e) < 0 ||
            check_head(o, OCI_MANIFEST, e) < 0)
                return -1;
        if (has(o, "manifests"))
                return err_set(e, ERR_BAD_DATA, 0,
                               "a manifest with the members of an index is ambiguous");
        if (json_get_object_opt(o, "config", &config, e) < 0)
                return -1;
        if (!config)
                return err_set(e, ERR_BAD_DATA, 0, "\"config\" is missing");
        if (parse_descriptor(config, &m.config, e) < 0)
                return err_wrap(e, "config");
        if (parse_list(o, "layers", LIMIT_IMAGE_LAYERS, &layers, e) < 0)
                return -1;
        m.layers = layers.d;
        m.n_layers = layers.n;
        layers = OCI_INDEX_NULL;
        *ret = m;
        m = OCI_MANIFEST_NULL;
        return 0;
}

int oci_layout_version(const void *data, size_t len, char ret[static 16], struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        const char *version;

        if (json_parse(data, len, LIMIT_MANIFEST_BYTES, &o, e) < 0 ||
            json_get_string(o, "imageLayoutVersion", &version, e) < 0)
                return -1;
        if (strncmp(version, "1.", 2) != 0 || strlen(version) >= 16)
                return err_set(e, ERR_UNSUPPORTED, 0,
                               "imageLayoutVersion: only 1.x is understood, not \"%.40s\"",
                               version);
        (void)snprintf(ret, 16, "%s", version);
        return 0;
}
