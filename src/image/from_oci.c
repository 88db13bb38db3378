/* SPDX-License-Identifier: Apache-2.0 */
#include "image/from_oci.h"

#include <string.h>

#include "appc/image_manifest.h"
#include "appc/kv.h"
#include "appc/names.h"
#include "image/from_oci_priv.h"
#include "image/ref.h"
#include "util/auto.h"
#include "util/json.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/time.h"
#include "util/version.h"

void image_oci_result_done(struct image_oci_result *r)
{
        free(r->manifest);
        free(r->name);
        free(r->version);
        free(r->os);
        free(r->arch);
        free(r->variant);
        strv_done(&r->diff_ids);
        *r = IMAGE_OCI_RESULT_NULL;
}

const char *image_arch_to_appc(const char *go_arch, const char *variant)
{
        static const char *const table[][2] = {
                { "amd64", "amd64" },        { "386", "i386" },     { "arm64", "aarch64" },
                { "arm64be", "aarch64_be" }, { "armbe", "armv7b" }, { "ppc64", "ppc64" },
                { "ppc64le", "ppc64le" },    { "s390x", "s390x" },
        };

        if (strcmp(go_arch, "arm") == 0)
                return variant && (strcmp(variant, "v6") == 0 || strcmp(variant, "v5") == 0)
                               ? "armv6l"
                               : "armv7l";
        for (size_t i = 0; i < ARRAY_LEN(table); i++)
                if (strcmp(go_arch, table[i][0]) == 0)
                        return table[i][1];
        return NULL;
}

static int get_text(struct json_object *o, const char *key, char **ret, struct err *e)
{
        const char *s = NULL;

        if (json_get_string_opt(o, key, &s, e) < 0)
                return -1;
        *ret = xstrdup(s ? s : "");
        return 0;
}

static bool is_diff_id(const char *s)
{
        const char *colon = strchr(s, ':');
        size_t want;

        if (strncmp(s, "sha256:", 7) == 0)
                want = 64;
        else if (strncmp(s, "sha512:", 7) == 0)
                want = 128;
        else
                return false;
        return strspn(colon + 1, "0123456789abcdef") == want && colon[1 + want] == '\0';
}

static int get_diff_ids(struct json_object *config, struct strv *ret, struct err *e)
{
        struct json_object *rootfs = NULL;

        if (json_get_object_opt(config, "rootfs", &rootfs, e) < 0)
                return -1;
        if (!rootfs)
                return 0;
        if (json_get_strings_opt(rootfs, "diff_ids", LIMIT_IMAGE_LAYERS, ret, e) < 0)
                return err_wrap(e, "rootfs");
        for (size_t i = 0; i < ret->n; i++)
                if (!is_diff_id(ret->v[i]))
                        return err_set(e, ERR_BAD_DATA, 0, "rootfs.diff_ids[%zu]: not a digest", i);
        return 0;
}

static int get_platform(struct json_object *config, struct image_oci_result *r, struct err *e)
{
        if (get_text(config, "os", &r->os, e) < 0 ||
            get_text(config, "architecture", &r->arch, e) < 0 ||
            get_text(config, "variant", &r->variant, e) < 0)
                return -1;
        if (r->os[0] && strcmp(r->os, "linux") != 0)
                return err_set(e, ERR_UNSUPPORTED, 0, "os: the image is for \"%.64s\", not linux",
                               r->os);
        return 0;
}

static void take_annotation(const struct image_oci_source *src, const struct image_docker_ref *ref,
                            struct kv_list *to)
{
        if (ref->index)
                kv_list_add(to, "appc.io/docker/registryurl", ref->index);
        if (ref->repository)
                kv_list_add(to, "appc.io/docker/repository", ref->repository);
        if (src->config_digest)
                kv_list_add(to, "appc.io/docker/imageid", src->config_digest);
        if (src->manifest_digest)
                kv_list_add(to, "appc.io/docker/manifesthash", src->manifest_digest);
        if (src->reference)
                kv_list_add(to, "appc.io/docker/originalname", src->reference);
        if (ref->tag)
                kv_list_add(to, "appc.io/docker/tag", ref->tag);
}

static int take_general(struct json_object *config, struct kv_list *annotations, struct err *e)
{
        const char *created = NULL, *author = NULL;
        nsec ignored;

        if (json_get_string_opt(config, "created", &created, e) < 0 ||
            json_get_string_opt(config, "author", &author, e) < 0)
                return -1;
        if (created && time_parse_rfc3339(created, strlen(created), &ignored) == 0)
                kv_list_add(annotations, "created", created);
        if (author && author[0])
                kv_list_add(annotations, "author", author);
        return 0;
}

static char *name_from_file(const char *file)
{
        AUTO_FREE char *stem = NULL;
        char *name = NULL;

        if (file) {
                stem = image_ref_strip_suffix(file);
                name = appc_identifier_sanitize(stem);
        }
        return name ? name : xstrdup("unnamed");
}

/* A name, a repository and a tag out of what the archive calls the image, if anything. */
static void take_reference(const struct image_oci_source *src, struct image_docker_ref *ref)
{
        bool tag_only =
                src->reference && src->format == APPC_FORMAT_OCI && !strpbrk(src->reference, "/:");
        struct err ignored;

        if (src->reference && src->reference[0] && !tag_only &&
            image_docker_ref_parse(src->reference, src->format == APPC_FORMAT_DOCKER, ref,
                                   &ignored) == 0)
                return;
        ref->name = name_from_file(src->fallback_name);
        ref->tag = xstrdup(tag_only && src->reference[0] ? src->reference : "latest");
}

static void add_labels(const struct image_oci_result *r, struct json_object *manifest)
{
        const char *arch = image_arch_to_appc(r->arch, r->variant);
        struct kv_list labels = KV_LIST_NULL;

        kv_list_add(&labels, "version", r->version);
        kv_list_add(&labels, "os", "linux");
        if (arch)
                kv_list_add(&labels, "arch", arch);
        json_object_object_add(manifest, "labels", kv_list_to_json_array(&labels));
        kv_list_done(&labels);
}

/* Members in the order of Go's struct, which is what cat-manifest of rkt prints. */
static int write_manifest(struct image_oci_result *r, struct json_object *app,
                          const struct kv_list *annotations, struct err *e)
{
        AUTO_JSON struct json_object *m = json_object_new_object();
        AUTO(buf_done) struct buf text = BUF_NULL(LIMIT_MANIFEST_BYTES);
        AUTO(appc_image_manifest_freep) struct appc_image_manifest *check = NULL;

        json_add_string(m, "acKind", "ImageManifest");
        json_add_string(m, "acVersion", CAROB_APPC_VERSION);
        json_add_string(m, "name", r->name);
        add_labels(r, m);
        json_object_object_add(m, "app", json_object_get(app));
        if (annotations->n)
                json_object_object_add(m, "annotations", kv_list_to_json_array(annotations));
        if (json_print(m, false, &text) < 0)
                return err_set(e, ERR_LIMIT, 0, "the appc manifest would be over %u bytes",
                               LIMIT_MANIFEST_BYTES);
        /* What we store must be readable for ever: the parser's word counts, not ours. */
        if (appc_image_manifest_parse(text.data, text.len, &check, e) < 0)
                return err_wrap(e, "as appc manifest");
        r->manifest_len = text.len;
        r->manifest = buf_take(&text);
        return 0;
}

static int convert(const struct image_oci_source *src, struct json_object *config,
                   struct kv_list *annotations, struct image_oci_result *r, struct err *e)
{
        AUTO(image_docker_ref_done) struct image_docker_ref ref = IMAGE_DOCKER_REF_NULL;
        AUTO_JSON struct json_object *app = NULL;
        struct json_object *inner = NULL;

        if (get_platform(config, r, e) < 0 || get_diff_ids(config, &r->diff_ids, e) < 0 ||
            take_general(config, annotations, e) < 0 ||
            json_get_object_opt(config, "config", &inner, e) < 0)
                return -1;
        take_reference(src, &ref);
        take_annotation(src, &ref, annotations);
        if (image_from_oci_app(inner, annotations, &app, e) < 0)
                return err_wrap(e, "config");
        r->name = TAKE_PTR(ref.name);
        r->version = TAKE_PTR(ref.tag);
        return write_manifest(r, app, annotations, e);
}

int image_from_oci(const struct image_oci_source *src, struct image_oci_result *ret, struct err *e)
{
        AUTO(image_oci_result_done) struct image_oci_result r = IMAGE_OCI_RESULT_NULL;
        AUTO(kv_list_done) struct kv_list annotations = KV_LIST_NULL;
        AUTO_JSON struct json_object *config = NULL;

        if (json_parse(src->config, src->config_len, LIMIT_MANIFEST_BYTES, &config, e) < 0 ||
            convert(src, config, &annotations, &r, e) < 0)
                return err_wrap(e, "image configuration");
        *ret = r;
        r = IMAGE_OCI_RESULT_NULL;
        return 0;
}
