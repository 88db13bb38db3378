/* SPDX-License-Identifier: Apache-2.0 */
#include "image/ref.h"

#include <string.h>

#include "appc/names.h"
#include "image/record.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"

static const char hex_digits[] = "0123456789abcdef";

static bool has_prefix(const char *s, const char *prefix)
{
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool has_suffix(const char *s, const char *suffix)
{
        size_t n = strlen(s), m = strlen(suffix);

        return n > m && strcmp(s + n - m, suffix) == 0;
}

void image_ref_done(struct image_ref *r)
{
        free(r->text);
        free(r->tag);
        free(r->digest);
        strv_done(&r->label_names);
        strv_done(&r->label_values);
        *r = IMAGE_REF_NULL;
}

static int usage(struct err *e, const char *s, const char *why)
{
        return err_set(e, ERR_USAGE, 0, "image \"%.200s\": %s", s, why);
}

static int parse_id(const char *s, struct image_ref *r, struct err *e)
{
        size_t n = strlen(s + 7);

        r->kind = IMAGE_REF_ID;
        r->text = xstrndup(s, IMAGE_ID_LEN);
        for (char *c = r->text; *c; c++)
                if (*c >= 'A' && *c <= 'F')
                        *c = (char)(*c - 'A' + 'a');
        if (n < 2)
                return usage(e, s, "an image id needs at least two hex digits after \"sha512-\"");
        if (strspn(r->text + 7, hex_digits) != strlen(r->text + 7))
                return usage(e, s, "an image id is \"sha512-\" and hex digits");
        return 0;
}

/*
 * What the archives we import are called; a name that a registry would take never ends so in
 * practice.
 */
static const char *archive_suffix(const char *s)
{
        static const char *const suffixes[] = {
                ".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".tgz", ".tar", ".aci", ".oci",
        };

        for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
                if (has_suffix(s, suffixes[i]))
                        return suffixes[i];
        return NULL;
}

char *image_ref_strip_suffix(const char *file)
{
        const char *suffix = archive_suffix(file);

        return xstrndup(file, strlen(file) - (suffix ? strlen(suffix) : 0));
}

static bool looks_like_path(const char *s)
{
        return s[0] == '/' || has_prefix(s, "./") || has_prefix(s, "../") || strcmp(s, ".") == 0 ||
               strcmp(s, "..") == 0 || archive_suffix(s);
}

static bool is_text(const char *s)
{
        for (; *s; s++)
                if ((unsigned char)*s < ' ' || *s == 0x7f)
                        return false;
        return true;
}

static int add_label(struct image_ref *r, const char *s, char *label, struct err *e)
{
        char *eq = strchr(label, '=');

        if (!eq || eq == label)
                return usage(e, s, "after ',' comes label=value");
        *eq = '\0';
        if (strcmp(label, "version") == 0) {
                if (r->tag)
                        return usage(e, s, "the version is given twice");
                r->tag = xstrdup(eq + 1);
                return 0;
        }
        if (strcmp(label, "name") == 0 || !appc_identifier_is_valid(label))
                return usage(e, s, "bad label name");
        if (strv_contains(&r->label_names, label))
                return usage(e, s, "a label is given twice");
        if (r->label_names.n >= LIMIT_LIST_ENTRIES)
                return usage(e, s, "too many labels");
        strv_add(&r->label_names, label);
        strv_add(&r->label_values, eq + 1);
        return 0;
}

static int split_digest(struct image_ref *r, const char *s, char *name, struct err *e)
{
        char *at = strchr(name, '@');

        if (!at)
                return 0;
        if (!image_blob_digest_is_valid(at + 1))
                return usage(e, s, "after '@' comes sha256:<64 hex digits>");
        r->digest = xstrdup(at + 1);
        *at = '\0';
        return 0;
}

static int split_tag(struct image_ref *r, const char *s, char *name, struct err *e)
{
        char *slash = strrchr(name, '/');
        char *colon = strrchr(slash ? slash : name, ':');

        if (!colon)
                return 0;
        if (!colon[1])
                return usage(e, s, "nothing after ':'");
        if (r->tag)
                return usage(e, s, "the version is given twice");
        r->tag = xstrdup(colon + 1);
        *colon = '\0';
        return 0;
}

/*
 * A registry allows "a__b" and "a--b", which an appc name does not; the import has squeezed them,
 * so does this. Everything else that is not a name stays an error, or a typing mistake would become
 * another image.
 */
static char *name_dup(const char *name)
{
        size_t n = strlen(name);

        if (appc_identifier_is_valid(name))
                return xstrdup(name);
        if (n == 0 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-._~/") != n ||
            strchr("-._~/", name[0]) || strchr("-._~/", name[n - 1]))
                return NULL;
        return appc_identifier_sanitize(name);
}

static int parse_name(const char *s, struct image_ref *r, struct err *e)
{
        AUTO_FREE char *copy = xstrdup(s);
        char *rest = copy;
        char *name = strsep(&rest, ",");

        r->kind = IMAGE_REF_NAME;
        if (split_digest(r, s, name, e) < 0 || split_tag(r, s, name, e) < 0)
                return -1;
        for (char *label; (label = strsep(&rest, ","));)
                if (add_label(r, s, label, e) < 0)
                        return -1;
        for (char *c = name; *c; c++)
                if (*c == ':')
                        *c = '_'; /* only a registry's port is left */
        r->text = name_dup(name);
        if (!r->text)
                return usage(e, s,
                             "not an image name: lower-case letters, digits, and one of -._~/ in "
                             "between");
        return 0;
}

static int ref_fill(const char *s, struct image_ref *r, struct err *e)
{
        if (!s[0])
                return err_set(e, ERR_USAGE, 0, "image name is empty");
        if (strlen(s) > IMAGE_REF_TEXT_MAX)
                return usage(e, s, "too long");
        if (!is_text(s))
                return err_set(e, ERR_USAGE, 0, "image name holds control characters");
        if (has_prefix(s, "sha512-"))
                return parse_id(s, r, e);
        if (has_prefix(s, "http://") || has_prefix(s, "https://") || has_prefix(s, "docker://")) {
                r->kind = IMAGE_REF_URL;
                r->text = xstrdup(s);
                return 0;
        }
        if (has_prefix(s, "file://") || looks_like_path(s)) {
                r->kind = IMAGE_REF_PATH;
                r->text = xstrdup(has_prefix(s, "file://") ? s + 7 : s);
                return r->text[0] ? 0 : usage(e, s, "no path");
        }
        return parse_name(s, r, e);
}

int image_ref_parse(const char *s, struct image_ref *ret, struct err *e)
{
        AUTO(image_ref_done) struct image_ref r = IMAGE_REF_NULL;

        if (ref_fill(s, &r, e) < 0)
                return -1;
        *ret = r;
        r = IMAGE_REF_NULL;
        return 0;
}
