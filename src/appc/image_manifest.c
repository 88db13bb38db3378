/* SPDX-License-Identifier: Apache-2.0 */
#include "appc/image_manifest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "appc/parse_priv.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/time.h"

/* Semantic Versioning 2.0.0 in shape: three numbers, then -pre and +build of dotted identifiers. */
static bool is_semver(const char *s)
{
        for (int i = 0; i < 3; i++) {
                size_t digits = strspn(s, "0123456789");

                if (digits == 0 || digits > 9 || (i < 2 && s[digits] != '.'))
                        return false;
                s += digits + (i < 2);
        }
        for (const char *lead = "-+"; *lead != '\0'; lead++)
                if (*s == *lead) {
                        size_t n = strspn(s + 1, "abcdefghijklmnopqrstuvwxyz"
                                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
                        if (n == 0)
                                return false;
                        s += 1 + n;
                }
        return *s == '\0';
}

static bool is_version(const char *s)
{
        return is_semver(s) && strcmp(s, "0.0.0") != 0;
}

static const struct doc_rule rule_version = { is_version, "is no semantic version" };

int appc_head_read(const struct doc *d, const char *kind, char **ret_version, struct err *e)
{
        AUTO_FREE char *found = NULL;

        if (doc_expect(d, json_type_object, e) < 0 ||
            doc_dup(d, "acKind", &doc_not_empty, &found, e) < 0)
                return -1;
        if (strcmp(found, kind) != 0)
                return doc_err_at(d, "acKind", e, "is \"%.40s\", not \"%s\"", found, kind);
        return doc_dup(d, "acVersion", &rule_version, ret_version, e);
}

/* appc specification, "aci": the values of the labels os and arch. */
static const struct {
        const char *os;
        const char *arch;
} platforms[] = {
        { "linux", "amd64" },   { "linux", "i386" },    { "linux", "aarch64" },
        { "linux", "armv6l" },  { "linux", "armv7l" },  { "linux", "armv7b" },
        { "linux", "ppc64" },   { "linux", "ppc64le" }, { "linux", "aarch64_be" },
        { "linux", "s390x" },   { "linux", "riscv64" }, /* riscv64: after the specification's time */
        { "freebsd", "amd64" }, { "freebsd", "i386" },  { "freebsd", "arm" },
        { "darwin", "x86_64" }, { "darwin", "i386" },
};

static int check_platform(const struct doc *d, const struct kv_list *labels, struct err *e)
{
        const char *os = kv_list_get(labels, "os"), *arch = kv_list_get(labels, "arch");
        bool known_os = false;

        for (size_t i = 0; os && i < ARRAY_LEN(platforms); i++) {
                if (strcmp(platforms[i].os, os) != 0)
                        continue;
                known_os = true;
                if (!arch || strcmp(platforms[i].arch, arch) == 0)
                        return 0;
        }
        if (!os)
                return 0;
        if (!known_os)
                return doc_err_at(d, "labels", e, "\"%.40s\" is no os", os);
        return doc_err_at(d, "labels", e, "\"%.40s\" is no arch of %s", arch, os);
}

int appc_labels_read(const struct doc *d, struct kv_list *ret, struct err *e)
{
        if (doc_kv(d, "labels", &doc_identifier, LIMIT_LIST_ENTRIES, ret, e) < 0)
                return -1;
        if (kv_list_get(ret, "name"))
                return doc_err_at(d, "labels", e, "\"name\" is no label: it is the image's name");
        return check_platform(d, ret, e);
}

/*
 * Years that our clock type does not reach ("0001-01-01" of reproducible builds) are dates all
 * the same.
 */
static bool is_date(const char *s)
{
        AUTO_FREE char *copy = xstrdup(s);
        nsec t;

        if (strlen(copy) > TIME_TEXT_MAX)
                return false;
        for (int i = 0; i < 4; i++) {
                if (!isdigit((unsigned char)copy[i]))
                        return false;
                copy[i] = "2000"[i];
        }
        return time_parse_rfc3339(copy, strlen(copy), &t) == 0;
}

int appc_annotations_read(const struct doc *d, struct kv_list *ret, struct err *e)
{
        if (doc_kv(d, "annotations", &doc_identifier, LIMIT_LIST_ENTRIES, ret, e) < 0)
                return -1;
        for (size_t i = 0; i < ret->n; i++) {
                const char *name = ret->v[i].name, *value = ret->v[i].value;

                if (strcmp(name, "created") == 0 && !is_date(value))
                        return doc_err_at(d, "annotations", e,
                                          "created: \"%.40s\" is no RFC 3339 date", value);
                if ((strcmp(name, "homepage") == 0 || strcmp(name, "documentation") == 0) &&
                    strncmp(value, "http://", 7) != 0 && strncmp(value, "https://", 8) != 0)
                        return doc_err_at(d, "annotations", e,
                                          "%s: \"%.40s\" is no http or https URL", name, value);
        }
        return 0;
}

struct appc_image_manifest *appc_image_manifest_free(struct appc_image_manifest *m)
{
        if (!m)
                return NULL;
        free(m->ac_version);
        free(m->name);
        kv_list_done(&m->labels);
        kv_list_done(&m->annotations);
        appc_app_free(m->app);
        for (size_t i = 0; i < m->n_dependencies; i++) {
                free(m->dependencies[i].name);
                free(m->dependencies[i].id);
                kv_list_done(&m->dependencies[i].labels);
        }
        free(m->dependencies);
        strv_done(&m->path_whitelist);
        free(m);
        return NULL;
}

static int read_dependency(const struct doc *d, struct appc_dependency *ret, struct err *e)
{
        const char *id = "";

        if (doc_expect(d, json_type_object, e) < 0 ||
            doc_dup(d, "imageName", &doc_identifier, &ret->name, e) < 0 ||
            doc_string(d, "imageID", &id, e) < 0)
                return -1;
        if (id[0] != '\0' && doc_dup(d, "imageID", &doc_image_id, &ret->id, e) < 0)
                return -1;
        if (appc_labels_read(d, &ret->labels, e) < 0)
                return -1;
        return doc_int(d, "size", 0, INT64_MAX, &ret->size, e) < 0 ? -1 : 0;
}

static int read_dependencies(const struct doc *d, struct appc_image_manifest *m, struct err *e)
{
        struct doc array;
        int r = doc_array(d, "dependencies", LIMIT_ACI_DEPENDENCIES, &array, e);

        if (r <= 0 || doc_len(&array) == 0)
                return r < 0 ? -1 : 0;
        m->dependencies = xcalloc(doc_len(&array), sizeof(*m->dependencies));
        for (size_t i = 0; i < doc_len(&array); i++) {
                struct doc at = doc_item(&array, i);

                if (read_dependency(&at, &m->dependencies[m->n_dependencies++], e) < 0)
                        return -1;
        }
        return 0;
}

static int read_manifest(const struct doc *d, struct appc_image_manifest *m, struct err *e)
{
        struct doc app;
        int r;

        if (appc_head_read(d, "ImageManifest", &m->ac_version, e) < 0 ||
            doc_dup(d, "name", &doc_identifier, &m->name, e) < 0 ||
            appc_labels_read(d, &m->labels, e) < 0)
                return -1;
        r = doc_object(d, "app", &app, e);
        if (r < 0 || (r > 0 && appc_app_read(&app, &m->app, e) < 0))
                return -1;
        if (appc_annotations_read(d, &m->annotations, e) < 0 || read_dependencies(d, m, e) < 0)
                return -1;
        return doc_strv_max(d, "pathWhitelist", &doc_abs_path, LIMIT_ACI_WHITELIST,
                            &m->path_whitelist, e);
}

int appc_image_manifest_parse(const void *data, size_t len, struct appc_image_manifest **ret,
                              struct err *e)
{
        AUTO(appc_image_manifest_freep)
        struct appc_image_manifest *m = xcalloc(1, sizeof(*m));
        AUTO_JSON struct json_object *o = NULL;
        struct doc root = { 0 };

        if (json_parse(data, len, LIMIT_MANIFEST_BYTES, &o, e) < 0)
                return -1;
        root.o = o;
        if (read_manifest(&root, m, e) < 0)
                return -1;
        *ret = TAKE_PTR(m);
        return 0;
}
