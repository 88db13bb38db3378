/* SPDX-License-Identifier: Apache-2.0 */
#include "api/event_derive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/utf8.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"

enum {
        DATA_MAX = 12,
        NUMBER_MAX = 24,
        REASON_MAX = 2048, /* bytes; a text for people */
};

/* --- what was told */

static uint8_t *bits_of(struct pod_told *t)
{
        return t->n_apps > POD_TOLD_FEW ? t->apps.many : t->apps.few;
}

unsigned pod_told_app(const struct pod_told *t, size_t app)
{
        const uint8_t *bits = t->n_apps > POD_TOLD_FEW ? t->apps.many : t->apps.few;

        return app < t->n_apps ? bits[app / 4] >> app % 4 * 2 & 3u : 0;
}

/* Room for so many apps; what is new was not told. */
static void make_room(struct pod_told *t, size_t n_apps)
{
        uint8_t *many;

        if (n_apps <= t->n_apps)
                return;
        if (n_apps > POD_TOLD_FEW) {
                many = xcalloc((n_apps + 3) / 4, 1);
                memcpy(many, bits_of(t), ((size_t)t->n_apps + 3) / 4);
                if (t->n_apps > POD_TOLD_FEW)
                        free(t->apps.many);
                t->apps.many = many;
        }
        t->n_apps = (uint16_t)n_apps;
}

static void app_told(struct pod_told *t, size_t app, unsigned what)
{
        bits_of(t)[app / 4] |= (uint8_t)(what << app % 4 * 2);
}

void pod_told_done(struct pod_told *t)
{
        free(t->name);
        if (t->n_apps > POD_TOLD_FEW)
                free(t->apps.many);
        *t = POD_TOLD_NULL;
}

static uint8_t pod_bits(const struct pod_past *past)
{
        return (uint8_t)((past->prepared ? POD_TOLD_PREPARED : 0) |
                         (past->aborted ? POD_TOLD_ABORTED : 0) |
                         (past->started ? POD_TOLD_STARTED : 0) |
                         (past->exited ? POD_TOLD_EXITED : 0) |
                         (past->collected ? POD_TOLD_COLLECTED : 0));
}

static unsigned app_bits(const struct pod_past_app *app)
{
        bool started = app->started_at > 0 || app->ended;

        return (started ? APP_TOLD_STARTED : 0u) | (app->ended ? APP_TOLD_EXITED : 0u);
}

/* More than a manifest may have is not looked at: bits are for so many. */
static size_t n_apps_of(const struct pod_past *past)
{
        return past->n_apps < LIMIT_POD_APPS ? past->n_apps : LIMIT_POD_APPS;
}

bool event_derive_has_news(const struct pod_past *past, const struct pod_told *told)
{
        if (pod_bits(past) & ~told->pod)
                return true;
        for (size_t i = 0; i < n_apps_of(past); i++)
                if (app_bits(&past->apps[i]) & ~pod_told_app(told, i))
                        return true;
        return false;
}

/* --- data */

struct facts {
        struct event_datum v[DATA_MAX];
        size_t n;
        char numbers[DATA_MAX][NUMBER_MAX];
        char reason[REASON_MAX + 1];
};

static void add(struct facts *f, const char *key, const char *value)
{
        if (value && *value)
                f->v[f->n++] = (struct event_datum){ key, value };
}

static void add_number(struct facts *f, const char *key, int64_t value)
{
        char *text = f->numbers[f->n];

        (void)snprintf(text, NUMBER_MAX, "%" PRId64, value);
        add(f, key, text);
}

/* Cut between two characters; the ring makes UTF-8 of what is none. */
static void add_reason(struct facts *f, const char *reason)
{
        size_t len = reason ? strnlen(reason, REASON_MAX + 1) : 0;

        if (len > REASON_MAX)
                for (len = REASON_MAX; len > 0 && ((uint8_t)reason[len] & 0xc0) == 0x80; len--)
                        ;
        memcpy(f->reason, len > 0 ? reason : "", len);
        f->reason[len] = '\0';
        add(f, "reason", f->reason);
}

/* When it happened. */
struct moment {
        nsec time;
        bool observed; /* nobody but us has noted it */
};

static void add_moment(struct facts *f, struct moment m)
{
        add_number(f, "time_ns", m.time);
}

/* The last of all data. */
static void add_observed(struct facts *f, struct moment m)
{
        add(f, "observed", m.observed ? "true" : NULL);
}

/* --- pods */

struct deriving {
        const struct pod_past *past;
        struct pod_told *told;
        const struct event_look *look;
        event_tell_fn tell;
        void *arg;
        nsec begun; /* the latest time that is known of it, but for that of its collection: not before this ... */
};

static nsec latest(nsec a, nsec b)
{
        return a > b ? a : b;
}

static nsec begun(const struct pod_past *past)
{
        nsec t = latest(past->created_at, past->prepared_at);

        t = latest(latest(t, past->aborted_at), latest(past->started_at, past->finished_at));
        for (size_t i = 0; i < n_apps_of(past); i++)
                t = latest(t, latest(past->apps[i].started_at, past->apps[i].finished_at));
        return t;
}

/* @known, if it is; else as we see it, but not after @bound, by which it must have happened (0: there is none). */
static struct moment moment(const struct deriving *d, nsec known, nsec bound)
{
        nsec now = d->look->now;

        if (known > 0)
                return (struct moment){ known, false };
        return (struct moment){ bound > 0 && bound < now ? bound : now, true };
}

/*
 * Before our time. What nobody has noted the time of may have happened then, or since: it is told when the pod itself is of our
 * time.
 */
static bool is_old(const struct deriving *d, struct moment m)
{
        return d->look->baseline && (m.observed ? d->begun : m.time) < d->look->since;
}

static void tell(const struct deriving *d, V1alpha__EventType type, const char *from,
                 struct moment m, struct facts *f)
{
        struct event_spec spec = {
                .type = type, .id = d->past->uuid.text, .from = from, .time = m.time, .data = f->v
        };

        if (is_old(d, m))
                return;
        add_observed(f, m);
        spec.n_data = f->n;
        d->tell(&spec, d->arg);
}

static const char *pod_from(const struct deriving *d)
{
        return d->told->name ? d->told->name : d->past->uuid.text;
}

static bool is_news(struct deriving *d, bool happened, uint8_t bit)
{
        if (!happened || d->told->pod & bit)
                return false;
        d->told->pod |= bit;
        return true;
}

static void tell_prepare(struct deriving *d)
{
        const struct pod_past *past = d->past;
        struct facts f = { .n = 0 };
        struct moment m;

        if (is_news(d, past->prepared, POD_TOLD_PREPARED)) {
                m = moment(d, past->prepared_at, past->started_at);
                add_moment(&f, m);
                tell(d, V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_PREPARED, pod_from(d), m, &f);
        }
        if (is_news(d, past->aborted, POD_TOLD_ABORTED)) {
                f.n = 0;
                m = moment(d, past->aborted_at, past->collected_at);
                add_moment(&f, m);
                add_reason(&f, past->reason);
                tell(d, V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_PREPARE_ABORTED, pod_from(d), m, &f);
        }
}

static void tell_started(struct deriving *d)
{
        struct moment m = moment(d, d->past->started_at, d->past->finished_at);
        struct facts f = { .n = 0 };

        if (!is_news(d, d->past->started, POD_TOLD_STARTED))
                return;
        add_moment(&f, m);
        if (d->past->pid > 0)
                add_number(&f, "pid", d->past->pid);
        tell(d, V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_STARTED, pod_from(d), m, &f);
}

static void tell_exited(struct deriving *d)
{
        const struct pod_past *past = d->past;
        struct moment m = moment(d, past->finished_at, past->collected_at);
        struct facts f = { .n = 0 };

        if (!is_news(d, past->exited, POD_TOLD_EXITED))
                return;
        add_moment(&f, m);
        if (past->exit_code >= 0)
                add_number(&f, "exit_code", past->exit_code);
        if (past->signal > 0)
                add_number(&f, "signal", past->signal);
        add_reason(&f, past->reason);
        tell(d, V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_EXITED, pod_from(d), m, &f);
}

static void tell_collected(struct deriving *d)
{
        const struct pod_past *past = d->past;
        struct moment m = moment(d, past->collected_at, 0);
        struct facts f = { .n = 0 };

        if (!is_news(d, past->collected, POD_TOLD_COLLECTED))
                return;
        add_moment(&f, m);
        if (past->exited)
                add(&f, "state", "exited");
        else if (past->aborted)
                add(&f, "state", "aborted prepare");
        else if (past->prepared)
                add(&f, "state", "prepared");
        tell(d, V1ALPHA__EVENT_TYPE__EVENT_TYPE_POD_GARBAGE_COLLECTED, pod_from(d), m, &f);
}

/* --- apps */

struct app_moment {
        size_t app;
        struct moment moment;
};

static int by_time(const void *a, const void *b)
{
        const struct app_moment *x = a, *y = b;

        if (x->moment.time != y->moment.time)
                return x->moment.time < y->moment.time ? -1 : 1;
        return x->app < y->app ? -1 : 1;
}

static void tell_app(struct deriving *d, const struct app_moment *at, unsigned what)
{
        const struct pod_past_app *app = &d->past->apps[at->app];
        bool exited = what == APP_TOLD_EXITED;
        struct facts f = { .n = 0 };

        add_moment(&f, at->moment);
        add(&f, "pod_name", d->told->name);
        add(&f, "image_id", app->image_id);
        add(&f, "image_name", app->image_name);
        if (app->pid > 0)
                add_number(&f, "pid", app->pid);
        if (exited && app->exit_code >= 0)
                add_number(&f, "exit_code", app->exit_code);
        if (exited && app->signal > 0)
                add_number(&f, "signal", app->signal);
        if (exited)
                add(&f, "oom", app->oom ? "true" : NULL);
        tell(d,
             exited ? V1ALPHA__EVENT_TYPE__EVENT_TYPE_APP_EXITED
                    : V1ALPHA__EVENT_TYPE__EVENT_TYPE_APP_STARTED,
             app->name, at->moment, &f);
}

static struct moment app_moment(const struct deriving *d, const struct pod_past_app *app,
                                unsigned what)
{
        const struct pod_past *past = d->past;

        if (what == APP_TOLD_STARTED)
                return moment(d, app->started_at, app->finished_at);
        return moment(d, app->finished_at,
                      past->finished_at > 0 ? past->finished_at : past->collected_at);
}

/* Those of whom @what is news, as it happened. */
static void tell_apps(struct deriving *d, unsigned what)
{
        AUTO_FREE struct app_moment *v = NULL;
        size_t n = 0, n_apps = n_apps_of(d->past);

        for (size_t i = 0; i < n_apps; i++) {
                const struct pod_past_app *app = &d->past->apps[i];

                if (!(app_bits(app) & ~pod_told_app(d->told, i) & what))
                        continue;
                if (!v)
                        v = xcalloc(n_apps - i, sizeof(*v));
                make_room(d->told, n_apps);
                app_told(d->told, i, what);
                v[n++] = (struct app_moment){ i, app_moment(d, app, what) };
        }
        if (n > 1)
                qsort(v, n, sizeof(*v), by_time);
        for (size_t i = 0; i < n; i++)
                tell_app(d, &v[i], what);
}

void event_derive_pod(const struct pod_past *past, struct pod_told *told,
                      const struct event_look *look, event_tell_fn tell_fn, void *arg)
{
        struct deriving d = {
                .past = past, .told = told, .look = look, .tell = tell_fn, .arg = arg
        };

        if (past->name && (!told->name || strcmp(past->name, told->name) != 0)) {
                free(told->name);
                told->name = xstrdup(past->name);
        }
        if (!event_derive_has_news(past, told))
                return;
        d.begun = begun(past);
        tell_prepare(&d);
        tell_started(&d);
        tell_apps(&d, APP_TOLD_STARTED);
        tell_apps(&d, APP_TOLD_EXITED);
        tell_exited(&d);
        tell_collected(&d);
}

/* --- pods that vanished */

static V1alpha__Pod *unpack(const struct encoded *last)
{
        if (!last || !last->data)
                return NULL;
        return v1alpha__pod__unpack(NULL, last->len - last->head_len, last->data + last->head_len);
}

static char *text_or_null(const char *s)
{
        return s && *s ? xstrdup(s) : NULL;
}

static void lost_apps(const V1alpha__Pod *pod, const struct pod_told *told, struct pod_past *ret)
{
        ret->apps = xcalloc(pod->n_apps, sizeof(*ret->apps));
        ret->n_apps = pod->n_apps;
        for (size_t i = 0; i < pod->n_apps; i++) {
                const V1alpha__App *from = pod->apps[i];
                struct pod_past_app *app = &ret->apps[i];

                app->name = xstrdup(from->name);
                app->image_id = from->image ? text_or_null(from->image->id) : NULL;
                app->image_name = from->image ? text_or_null(from->image->name) : NULL;
                app->ended = pod_told_app(told, i) & APP_TOLD_STARTED;
                app->exit_code = -1;
        }
}

/*
 * Not of what was in the garbage already: that tells of its collection itself, unless it was first seen while it was being deleted,
 * and then its last words did, or would have been too old.
 */
static void lost_state(V1alpha__PodState state, struct pod_past *ret)
{
        if (state == V1ALPHA__POD_STATE__POD_STATE_PREPARING)
                ret->aborted = true;
        if (state == V1ALPHA__POD_STATE__POD_STATE_RUNNING ||
            state == V1ALPHA__POD_STATE__POD_STATE_EXITED)
                ret->exited = true;
        if (state != V1ALPHA__POD_STATE__POD_STATE_UNDEFINED &&
            state != V1ALPHA__POD_STATE__POD_STATE_EMBRYO &&
            state != V1ALPHA__POD_STATE__POD_STATE_DELETING &&
            state != V1ALPHA__POD_STATE__POD_STATE_GARBAGE)
                ret->collected = true;
}

void event_derive_lost(const struct uuid *uuid, const struct encoded *last,
                       const struct pod_told *told, struct pod_past *ret)
{
        V1alpha__Pod *pod = unpack(last);
        struct pod_past p = POD_PAST_NULL;

        p.uuid = *uuid;
        p.name = xstrdup_null(told->name);
        p.prepared = told->pod & POD_TOLD_PREPARED;
        p.aborted = told->pod & POD_TOLD_ABORTED;
        p.started = told->pod & POD_TOLD_STARTED;
        p.exited = told->pod & (POD_TOLD_STARTED | POD_TOLD_EXITED);
        p.collected = told->pod & POD_TOLD_EVENTS;
        if (pod) {
                /* Its last words said more than was ever seen of it. */
                if (!(told->pod & POD_TOLD_COLLECTED))
                        lost_state(pod->state, &p);
                p.created_at = pod->created_at;
                p.collected_at = pod->gc_marked_at;
                if (pod->n_apps > 0)
                        lost_apps(pod, told, &p);
                v1alpha__pod__free_unpacked(pod, NULL);
        }
        *ret = p;
}

/* --- images */

static enum appc_base_format format_of(const V1alpha__Image *image)
{
        V1alpha__ImageType type = image->base_format ? image->base_format->type
                                                     : V1ALPHA__IMAGE_TYPE__IMAGE_TYPE_UNDEFINED;

        if (type == V1ALPHA__IMAGE_TYPE__IMAGE_TYPE_APPC)
                return APPC_FORMAT_APPC;
        if (type == V1ALPHA__IMAGE_TYPE__IMAGE_TYPE_DOCKER)
                return APPC_FORMAT_DOCKER;
        return type == V1ALPHA__IMAGE_TYPE__IMAGE_TYPE_OCI ? APPC_FORMAT_OCI : APPC_FORMAT_NONE;
}

void event_derive_image_of(const char *id, const struct encoded *last, struct image_past *ret)
{
        V1alpha__Image *image = NULL;

        *ret = IMAGE_PAST_NULL;
        ret->id = xstrdup(id);
        if (last && last->data)
                image = v1alpha__image__unpack(NULL, last->len - last->head_len,
                                               last->data + last->head_len);
        if (!image)
                return;
        ret->name = text_or_null(image->name);
        /* Clients are told of one that has none that it is the latest. */
        if (strcmp(image->version, "latest") != 0)
                ret->version = text_or_null(image->version);
        ret->format = format_of(image);
        ret->size = image->size > 0 ? (uint64_t)image->size : 0;
        v1alpha__image__free_unpacked(image, NULL);
}

static void tell_image(V1alpha__EventType type, const struct image_past *past, struct moment m,
                       const struct event_look *look, event_tell_fn tell_fn, void *arg)
{
        struct facts f = { .n = 0 };
        struct event_spec spec = { .type = type,
                                   .id = past->id,
                                   .from = past->name ? past->name : past->id,
                                   .time = m.time,
                                   .data = f.v };

        if (look->baseline && (m.observed ? past->imported_at : m.time) < look->since)
                return;
        add_moment(&f, m);
        add(&f, "version", past->version);
        if (past->format != APPC_FORMAT_NONE)
                add(&f, "format", appc_format_name(past->format));
        if (past->size > 0 && past->size <= INT64_MAX)
                add_number(&f, "size", (int64_t)past->size);
        add_observed(&f, m);
        spec.n_data = f.n;
        tell_fn(&spec, arg);
}

static struct moment image_moment(nsec known, const struct event_look *look)
{
        return (struct moment){ known > 0 ? known : look->now, known <= 0 };
}

void event_derive_imported(const struct image_past *past, const struct event_look *look,
                           event_tell_fn tell_fn, void *arg)
{
        tell_image(V1ALPHA__EVENT_TYPE__EVENT_TYPE_IMAGE_IMPORTED, past,
                   image_moment(past->imported_at, look), look, tell_fn, arg);
}

void event_derive_removed(const struct image_past *past, const struct event_look *look,
                          event_tell_fn tell_fn, void *arg)
{
        tell_image(V1ALPHA__EVENT_TYPE__EVENT_TYPE_IMAGE_REMOVED, past,
                   image_moment(past->removed_at, look), look, tell_fn, arg);
}
