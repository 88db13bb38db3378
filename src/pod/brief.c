/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names in a pod manifest, without a tree of the whole document: a table of 500 pods shows
 * these and nothing else, and parsing took more than half of its time. The scanner knows the
 * shape of JSON, checks what it takes, skips what it does not need, and gives up on whatever is
 * unusual (an escape in a name, a member that is there twice): then the caller parses. A fuzz
 * target holds it against the parser.
 */
#include <string.h>

#include "appc/names.h"
#include "pod/view_priv.h"
#include "util/auto.h"
#include "util/json.h"
#include "util/mem.h"

struct scan {
        const char *p;
        const char *end;
        bool bad;
};

/* Borrowed from the document; at is NULL for "not there". */
struct text {
        const char *at;
        size_t len;
};

static bool give_up(struct scan *s)
{
        s->bad = true;
        return false;
}

static void skip_blanks(struct scan *s)
{
        while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
                s->p++;
}

static bool at(struct scan *s, char c)
{
        skip_blanks(s);
        return s->p < s->end && *s->p == c;
}

static bool eat(struct scan *s, char c)
{
        if (!at(s, c))
                return give_up(s);
        s->p++;
        return true;
}

/* @ret may be NULL: then escapes are as good as anything. */
static bool scan_string(struct scan *s, struct text *ret)
{
        const char *start;

        if (!eat(s, '"'))
                return false;
        start = s->p;
        for (; s->p < s->end && *s->p != '"'; s->p++) {
                if ((unsigned char)*s->p < 0x20 || (*s->p == '\\' && ret))
                        return give_up(s);
                if (*s->p == '\\')
                        s->p++;
        }
        if (s->p >= s->end)
                return give_up(s);
        if (ret)
                *ret = (struct text){ .at = start, .len = (size_t)(s->p - start) };
        s->p++;
        return true;
}

/*
 * One value of any kind. Brackets are counted and not matched: the parser judges documents, not
 * we.
 */
static void skip_value(struct scan *s)
{
        int depth = 0;

        do {
                skip_blanks(s);
                if (s->p >= s->end || depth > JSON_DEPTH_MAX) {
                        s->bad = true;
                        return;
                }
                if (*s->p == '"') {
                        (void)scan_string(s, NULL);
                        continue;
                }
                if (*s->p == '{' || *s->p == '[')
                        depth++;
                else if (*s->p == '}' || *s->p == ']')
                        depth--;
                else if (depth == 0) {
                        size_t n = strcspn(s->p, ",]} \n\t\r"); /* the document ends with a NUL */

                        if (n == 0)
                                s->bad = true;
                        s->p += n;
                        continue;
                }
                s->p++;
        } while (depth > 0 && !s->bad);
        if (depth < 0)
                s->bad = true;
}

/* Step to the next element or member; false at the end, which is consumed, and when we gave up. */
static bool next(struct scan *s, char close, bool *first)
{
        if (s->bad)
                return false;
        if (at(s, close)) {
                s->p++;
                return false;
        }
        if (!*first && !eat(s, ','))
                return false;
        *first = false;
        return true;
}

/* Members @want, strings; all others are skipped, but for the one that @inner takes. */
struct shape {
        const char *const *want; /* ends with NULL */
        const char *inner;       /* may be NULL */
        void (*read)(struct scan *s, void *arg);
        void *arg;
};

static bool is(const struct text *t, const char *name)
{
        return t->len == strlen(name) && memcmp(t->at, name, t->len) == 0;
}

static void scan_member(struct scan *s, const struct shape *shape, const struct text *key,
                        struct text *ret)
{
        if (shape->inner && is(key, shape->inner) && !at(s, 'n')) {
                shape->read(s, shape->arg);
                return;
        }
        for (size_t i = 0; shape->want[i]; i++)
                if (is(key, shape->want[i])) {
                        if (ret[i].at)
                                s->bad = true;
                        else
                                (void)scan_string(s, &ret[i]);
                        return;
                }
        skip_value(s);
}

static void scan_object(struct scan *s, const struct shape *shape, struct text *ret)
{
        bool first = true;

        if (!eat(s, '{'))
                return;
        while (next(s, '}', &first)) {
                struct text key;

                if (!scan_string(s, &key) || !eat(s, ':'))
                        return;
                scan_member(s, shape, &key, ret);
        }
}

static const char *const name_value[] = { "name", "value", NULL };

struct lookup {
        const char *name;
        struct text value; /* of the entry called so */
        bool seen;
};

/* [{"name":..,"value":..}]: the value of one name. */
static void scan_list(struct scan *s, void *arg)
{
        const struct shape entry = { .want = name_value };
        struct lookup *lookup = arg;
        bool first = true;

        if (lookup->seen) {
                s->bad = true;
                return;
        }
        lookup->seen = true;
        if (!eat(s, '['))
                return;
        while (next(s, ']', &first)) {
                struct text found[2] = { { 0 } };

                scan_object(s, &entry, found);
                if (s->bad || !found[0].at || !is(&found[0], lookup->name))
                        continue;
                if (lookup->value.at)
                        s->bad = true;
                lookup->value = found[1];
        }
}

struct image {
        struct text name_id[2];
        struct lookup version;
        bool seen;
};

static void scan_image(struct scan *s, void *arg)
{
        static const char *const want[] = { "name", "id", NULL };
        struct image *image = arg;
        const struct shape shape = {
                .want = want, .inner = "labels", .read = scan_list, .arg = &image->version
        };

        if (image->seen) {
                s->bad = true;
                return;
        }
        image->seen = true;
        scan_object(s, &shape, image->name_id);
}

/* The caller's copy; NULL for nothing. A NUL cannot be in it: it is below 0x20. */
static char *copy(const struct text *t)
{
        return t->len > 0 ? xstrndup(t->at, t->len) : NULL;
}

struct apps {
        struct pod_view *v;
        size_t cap;
        bool seen;
};

static void scan_app(struct scan *s, struct apps *apps)
{
        static const char *const want[] = { "name", NULL };
        struct image image = { .version = { .name = "version" } };
        const struct shape shape = {
                .want = want, .inner = "image", .read = scan_image, .arg = &image
        };
        struct pod_view_app app = { .exit_code = -1 };
        struct text name = { 0 };

        scan_object(s, &shape, &name);
        if (s->bad || apps->v->n_apps == LIMIT_POD_APPS) {
                s->bad = true;
                return;
        }
        app.name = copy(&name);
        app.image_name = copy(&image.name_id[0]);
        app.image_id = copy(&image.name_id[1]);
        app.image_version = copy(&image.version.value);
        ARRAY_GROW(apps->v->apps, apps->v->n_apps, apps->cap);
        apps->v->apps[apps->v->n_apps++] = app;
        /* These become paths and columns: only what the parser would also let pass. */
        if (!app.name || !appc_name_is_valid(app.name) || !app.image_id ||
            !appc_image_id_is_valid(app.image_id) ||
            (app.image_name && !appc_identifier_is_valid(app.image_name)))
                s->bad = true;
}

static void scan_apps(struct scan *s, void *arg)
{
        struct apps *apps = arg;
        bool first = true;

        if (apps->seen) {
                s->bad = true;
                return;
        }
        apps->seen = true;
        if (!eat(s, '['))
                return;
        while (next(s, ']', &first))
                scan_app(s, apps);
}

/* The two lists of the document that matter, each through what the other shapes use. */
struct document {
        struct apps apps;
        struct lookup name;
};

static void scan_document(struct scan *s, struct document *d)
{
        bool first = true;

        if (!eat(s, '{'))
                return;
        while (next(s, '}', &first)) {
                struct text key;

                if (!scan_string(s, &key) || !eat(s, ':'))
                        return;
                if (is(&key, "apps") && !at(s, 'n'))
                        scan_apps(s, &d->apps);
                else if (is(&key, "annotations") && !at(s, 'n'))
                        scan_list(s, &d->name);
                else
                        skip_value(s);
        }
        skip_blanks(s);
        if (s->p != s->end)
                s->bad = true;
}

int view_brief(const char *manifest, size_t len, struct pod_view *v)
{
        struct scan s = { .p = manifest, .end = manifest + len };
        struct document d = { .apps = { .v = v }, .name = { .name = POD_NAME_ANNOTATION } };

        scan_document(&s, &d);
        if (!s.bad) {
                v->name = copy(&d.name.value);
                return 0;
        }
        view_apps_done(v);
        return -1;
}
