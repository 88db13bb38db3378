/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text_args.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "appc/names.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/parse.h"

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char)tolower((unsigned char)c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX becomes its byte; a '%' that begins no such thing, and %00, stay as they are. */
static char *unescape(const char *s, size_t len)
{
        char *out = xmalloc(len + 1), *p = out;

        for (size_t i = 0; i < len; i++) {
                int hi = s[i] == '%' && i + 2 < len + 0 ? hex_value(s[i + 1]) : -1;
                int lo = hi >= 0 ? hex_value(s[i + 2]) : -1;

                if (lo >= 0 && hi * 16 + lo != 0) {
                        *p++ = (char)(hi * 16 + lo);
                        i += 2;
                } else {
                        *p++ = s[i];
                }
        }
        *p = '\0';
        return out;
}

/* Calls @fn with each "key=value" of a comma-separated list; without '=' the value is NULL. */
typedef int (*pair_fn)(void *ctx, const char *key, const char *value, struct err *e);

static int each_pair(const char *text, pair_fn fn, void *ctx, struct err *e)
{
        const char *p = text;

        do {
                size_t len = strcspn(p, ",");
                const char *eq = memchr(p, '=', len);
                size_t key_len = eq ? (size_t)(eq - p) : len;
                AUTO_FREE char *key = unescape(p, key_len);
                AUTO_FREE char *value = eq ? unescape(eq + 1, len - key_len - 1) : NULL;

                if (fn(ctx, key, value, e) < 0)
                        return -1;
                p += len;
        } while (*p++ == ',');
        return 0;
}

struct volume_work {
        struct appc_volume v;
        bool kind_set;
        const char *empty_only; /* an option was given that only an empty volume has */
        const char *host_only;
};

static int set_id(const char *value, uint32_t *ret, struct err *e)
{
        int64_t id;

        if (parse_i64(value, 0, UINT32_MAX - 1, &id) < 0)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is no user or group id", value);
        *ret = (uint32_t)id;
        return 0;
}

static int set_bool(const char *value, bool *ret, struct err *e)
{
        if (parse_bool(value, ret) < 0)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is neither true nor false", value);
        return 0;
}

static int set_kind(struct volume_work *w, const char *value, struct err *e)
{
        w->kind_set = true;
        if (strcmp(value, "host") == 0)
                w->v.kind = APPC_VOLUME_HOST;
        else if (strcmp(value, "empty") == 0)
                w->v.kind = APPC_VOLUME_EMPTY;
        else
                return err_set(e, ERR_USAGE, 0, "kind=%s is neither host nor empty", value);
        return 0;
}

static int set_empty_option(struct volume_work *w, const char *key, const char *value,
                            struct err *e)
{
        unsigned mode;

        w->empty_only = *key == 'm' ? "mode" : *key == 'u' ? "uid" : "gid";
        if (*key == 'u')
                return set_id(value, &w->v.uid, e);
        if (*key == 'g')
                return set_id(value, &w->v.gid, e);
        if (parse_octal(value, 07777, &mode) < 0)
                return err_set(e, ERR_USAGE, 0, "mode=%s is no octal mode", value);
        w->v.mode = mode;
        return 0;
}

static int set_source(struct volume_work *w, const char *value, struct err *e)
{
        if (*value != '/')
                return err_set(e, ERR_USAGE, 0, "source=%s is no absolute path", value);
        free(w->v.source);
        w->v.source = xstrdup(value);
        w->host_only = "source";
        return 0;
}

static int on_volume_pair(void *ctx, const char *key, const char *value, struct err *e)
{
        struct volume_work *w = ctx;

        if (!value && !w->v.name) {
                if (!appc_name_is_valid(key))
                        return err_set(e, ERR_USAGE, 0, "\"%s\" is no valid name of a volume", key);
                w->v.name = xstrdup(key);
                return 0;
        }
        if (!value)
                return err_set(e, ERR_USAGE, 0, "\"%s\" needs a value", key);
        if (strcmp(key, "kind") == 0)
                return set_kind(w, value, e);
        if (strcmp(key, "source") == 0)
                return set_source(w, value, e);
        if (strcmp(key, "readOnly") == 0)
                return set_bool(value, &w->v.read_only, e);
        if (strcmp(key, "recursive") == 0) {
                w->host_only = "recursive";
                return set_bool(value, &w->v.recursive, e);
        }
        if (strcmp(key, "mode") == 0 || strcmp(key, "uid") == 0 || strcmp(key, "gid") == 0)
                return set_empty_option(w, key, value, e);
        return err_set(e, ERR_USAGE, 0, "unknown option \"%s\"", key);
}

static int check_volume(const struct volume_work *w, struct err *e)
{
        if (!w->v.name)
                return err_set(e, ERR_USAGE, 0, "the volume's name is missing");
        if (!w->kind_set)
                return err_set(e, ERR_USAGE, 0, "kind=host or kind=empty is missing");
        if (w->v.kind == APPC_VOLUME_HOST && !w->v.source)
                return err_set(e, ERR_USAGE, 0, "kind=host needs source=/path");
        if (w->v.kind == APPC_VOLUME_HOST && w->empty_only)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is for kind=empty only", w->empty_only);
        if (w->v.kind == APPC_VOLUME_EMPTY && w->host_only)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is for kind=host only", w->host_only);
        return 0;
}

void volume_arg_done(struct appc_volume *v)
{
        free(v->name);
        free(v->source);
        *v = (struct appc_volume){ 0 };
}

int volume_arg_parse(const char *text, struct appc_volume *ret, struct err *e)
{
        struct volume_work w = { .v = { .recursive = true, .mode = 0755 } };

        if (each_pair(text, on_volume_pair, &w, e) < 0 || check_volume(&w, e) < 0) {
                volume_arg_done(&w.v);
                return -1;
        }
        *ret = w.v;
        return 0;
}

struct mount_work {
        char *volume;
        char *target;
};

static int on_mount_pair(void *ctx, const char *key, const char *value, struct err *e)
{
        struct mount_work *w = ctx;
        char **to = strcmp(key, "volume") == 0   ? &w->volume
                    : strcmp(key, "target") == 0 ? &w->target
                                                 : NULL;

        if (!to || !value)
                return err_set(e, ERR_USAGE, 0, "unknown option \"%s\"", key);
        free(*to);
        *to = xstrdup(value);
        return 0;
}

int mount_arg_parse(const char *text, char **ret_volume, char **ret_target, struct err *e)
{
        struct mount_work w = { 0 };
        int r = each_pair(text, on_mount_pair, &w, e);

        if (r == 0 && (!w.volume || !w.target))
                r = err_set(e, ERR_USAGE, 0, "volume=NAME,target=PATH is needed");
        if (r == 0 && !appc_name_is_valid(w.volume))
                r = err_set(e, ERR_USAGE, 0, "\"%s\" is no valid name of a volume", w.volume);
        if (r == 0 && *w.target != '/' && !appc_name_is_valid(w.target))
                r = err_set(e, ERR_USAGE, 0,
                            "target=%s is neither an absolute path nor a mount point's name",
                            w.target);
        if (r < 0) {
                free(w.volume);
                free(w.target);
                return -1;
        }
        *ret_volume = w.volume;
        *ret_target = w.target;
        return 0;
}

int kv_arg_parse(const char *text, enum kv_arg_kind kind, struct kv_list *to, struct err *e)
{
        const char *eq = strchr(text, '=');
        AUTO_FREE char *name = eq ? xstrndup(text, (size_t)(eq - text)) : NULL;

        if (!name || *name == '\0')
                return err_set(e, ERR_USAGE, 0, "\"%s\" is not NAME=VALUE", text);
        if (kind == KV_ARG_ENV && !appc_env_name_is_valid(name))
                return err_set(e, ERR_USAGE, 0, "\"%s\" is no name for a variable", name);
        if (kind == KV_ARG_IDENTIFIER && !appc_identifier_is_valid(name))
                return err_set(
                        e, ERR_USAGE, 0,
                        "\"%s\" is no AC identifier (a-z and 0-9, with single -._~/ between)",
                        name);
        kv_list_set(to, name, eq + 1);
        return 0;
}

int env_file_parse(const char *text, size_t len, struct kv_list *to, struct err *e)
{
        size_t line = 0;

        for (size_t at = 0; at < len;) {
                const char *nl = memchr(text + at, '\n', len - at);
                size_t n = nl ? (size_t)(nl - text) - at : len - at;
                AUTO_FREE char *copy = xstrndup(text + at, n);

                line++;
                at += n + 1;
                if (strlen(copy) != n)
                        return err_set(e, ERR_USAGE, 0, "line %zu holds a NUL byte", line);
                if (n > 0 && copy[n - 1] == '\r')
                        copy[n - 1] = '\0';
                if (*copy == '\0' || *copy == '#')
                        continue;
                if (to->n >= LIMIT_ENV_ENTRIES)
                        return err_set(e, ERR_LIMIT, 0, "more than %u variables",
                                       LIMIT_ENV_ENTRIES);
                if (kv_arg_parse(copy, KV_ARG_ENV, to, e) < 0)
                        return err_wrap(e, "line %zu", line);
        }
        return 0;
}

static int on_seccomp_pair(void *ctx, const char *key, const char *value, struct err *e)
{
        struct appc_isolators *to = ctx;

        if (value && strcmp(key, "mode") == 0) {
                if (strcmp(value, "retain") != 0 && strcmp(value, "remove") != 0)
                        return err_set(e, ERR_USAGE, 0, "mode=%s is neither retain nor remove",
                                       value);
                to->seccomp_mode = value[2] == 't' ? APPC_SET_RETAIN : APPC_SET_REMOVE;
                return 0;
        }
        if (value && strcmp(key, "errno") == 0) {
                free(to->seccomp_errno);
                to->seccomp_errno = xstrdup(value);
                return 0;
        }
        if (value || *key == '\0')
                return err_set(e, ERR_USAGE, 0, "unknown option \"%s\"", key);
        strv_add(&to->seccomp, key);
        return 0;
}

int seccomp_arg_parse(const char *text, struct appc_isolators *to, struct err *e)
{
        if (each_pair(text, on_seccomp_pair, to, e) < 0)
                return -1;
        if (to->seccomp_mode == APPC_SET_NONE)
                return err_set(e, ERR_USAGE, 0, "mode=retain or mode=remove is missing");
        if (to->seccomp.n == 0)
                return err_set(e, ERR_USAGE, 0, "no system call is named");
        return 0;
}

static int on_cap(void *ctx, const char *key, const char *value, struct err *e)
{
        AUTO_FREE char *name = NULL;

        if (value || *key == '\0' || strlen(key) > 64)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is no capability", key);
        name = strncasecmp(key, "cap_", 4) == 0 ? xstrdup(key) : xasprintf("CAP_%s", key);
        for (char *p = name; *p; p++) {
                *p = (char)toupper((unsigned char)*p);
                if (!isupper((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_')
                        return err_set(e, ERR_USAGE, 0, "\"%s\" is no capability", key);
        }
        if (!strv_contains(ctx, name))
                strv_add(ctx, name);
        return 0;
}

int caps_arg_parse(const char *text, struct strv *to, struct err *e)
{
        return each_pair(text, on_cap, to, e);
}

struct gids_work {
        gid_t *v;
        size_t n, cap;
};

static int on_gid(void *ctx, const char *key, const char *value, struct err *e)
{
        struct gids_work *w = ctx;
        gid_t gid = 0;

        if (value || set_id(key, &gid, e) < 0)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is no group id", key);
        ARRAY_GROW(w->v, w->n, w->cap);
        w->v[w->n++] = gid;
        return 0;
}

int gids_arg_parse(const char *text, gid_t **ret, size_t *ret_n, struct err *e)
{
        struct gids_work w = { 0 };

        if (*text && each_pair(text, on_gid, &w, e) < 0) {
                free(w.v);
                return -1;
        }
        *ret = w.v;
        *ret_n = w.n;
        return 0;
}
