/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a person types to a pod. A whole UUID is one look; otherwise every pod in the
 * directories counts that has this prefix or this name, and names cost a file per pod.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "appc/names.h"
#include "pod/view_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"

enum { TEXT_MAX = 255 };

static int not_found(const char *text, struct err *e)
{
        return err_set(e, ERR_NOT_FOUND, 0, "no matches found for \"%.255s\"", text);
}

static int resolve_whole(struct pod_store *s, unsigned dirs, const char *uuid, struct uuid *ret,
                         struct err *e)
{
        AUTO(pod_done) struct pod p = POD_NULL;

        if (pod_open(s, uuid, &p, e) < 0)
                return -1;
        if (!(dirs & POD_DIR_BIT(p.dir)))
                return not_found(uuid, e);
        *ret = p.uuid;
        return 0;
}

/* May its name be @text? Only a file that holds the letters can say so. */
static bool may_be_called(struct view_reader *r, int podfd, const char *text)
{
        AUTO(buf_done) struct buf b = BUF_NULL(LIMIT_MANIFEST_BYTES);

        if (view_read_small(r, podfd, "launch.json", NULL) > 0 && strstr(r->bytes, text))
                return true;
        return fs_read_file(podfd, "pod", &b) == 0 && strstr(buf_str(&b), POD_NAME_ANNOTATION) &&
               strstr(buf_str(&b), text);
}

struct candidates {
        struct pod_id *v; /* owned; a pod that moved meanwhile has one entry */
        size_t n;
        size_t cap;
        size_t n_alive; /* not finished ones among them */
        struct uuid alive;
};

static void candidates_done(struct candidates *c)
{
        free(c->v);
}

static void add(struct candidates *c, const struct pod_id *id, bool alive)
{
        for (size_t i = 0; i < c->n; i++)
                if (strcmp(c->v[i].uuid.text, id->uuid.text) == 0)
                        return;
        ARRAY_GROW(c->v, c->n, c->cap);
        c->v[c->n++] = *id;
        if (alive) {
                c->n_alive++;
                c->alive = id->uuid;
        }
}

static void match_name(struct view_reader *r, struct pod_store *s, const struct pod_id *id,
                       const char *text, struct candidates *c)
{
        AUTO(pod_done) struct pod p = { .uuid = id->uuid, .fd = -1, .dir = id->dir };
        AUTO(pod_view_freep) struct pod_view *v = NULL;

        p.fd = fs_open_dir(s->dir_fd[id->dir], id->uuid.text);
        if (p.fd < 0 || !may_be_called(r, p.fd, text))
                return;
        v = view_sample(r, s, &p, POD_VIEW_MANIFEST);
        if (v->name && strcmp(v->name, text) == 0)
                add(c, id, !pod_state_is_finished(v->state));
}

static int match_all(struct pod_store *s, unsigned dirs, const char *text,
                     struct candidates *by_prefix, struct candidates *by_name, struct err *e)
{
        AUTO(view_reader_done) struct view_reader r = { 0 };
        struct uuid prefix;
        bool is_prefix = uuid_prefix_normalize(text, &prefix) == 0;
        bool is_name = appc_name_is_valid(text);

        view_reader_init(&r);
        for (int d = 0; d < POD_DIR_MAX; d++) {
                AUTO(pod_ids_done) struct pod_ids ids = { 0 };

                if (!(dirs & POD_DIR_BIT(d)))
                        continue;
                if (pod_ids_list(s, (enum pod_dir)d, &ids, e) < 0)
                        return -1;
                for (size_t i = 0; i < ids.n; i++) {
                        if (is_prefix &&
                            strncmp(ids.v[i].uuid.text, prefix.text, strlen(prefix.text)) == 0)
                                add(by_prefix, &ids.v[i], false);
                        if (is_name)
                                match_name(&r, s, &ids.v[i], text, by_name);
                }
        }
        return 0;
}

int pod_resolve(struct pod_store *s, unsigned dirs, const char *text, struct uuid *ret,
                struct err *e)
{
        AUTO(candidates_done) struct candidates by_prefix = { 0 }, by_name = { 0 };
        char lower[TEXT_MAX + 1];
        size_t len = strlen(text);

        if (len == 0 || len > TEXT_MAX)
                return not_found(text, e);
        for (size_t i = 0; i <= len; i++)
                lower[i] = (char)tolower((unsigned char)text[i]);
        if (uuid_is_valid(lower))
                return resolve_whole(s, dirs, lower, ret, e);
        pod_store_refresh(s);
        if (match_all(s, dirs, lower, &by_prefix, &by_name, e) < 0)
                return -1;
        if (by_name.n > 1 && by_name.n_alive == 1)
                by_name.v[0].uuid = by_name.alive;
        else if (by_name.n > 1)
                return err_set(e, ERR_AMBIGUOUS, 0, "ambiguous name, %zu matches", by_name.n);
        /*
         * A name that is also the beginning of another pod's UUID must not decide what is
         * removed.
         */
        if (by_name.n > 0)
                add(&by_prefix, &by_name.v[0], false);
        if (by_prefix.n == 0)
                return not_found(text, e);
        if (by_prefix.n > 1)
                return err_set(e, ERR_AMBIGUOUS, 0, "ambiguous uuid, %zu matches", by_prefix.n);
        *ret = by_prefix.v[0].uuid;
        return 0;
}
