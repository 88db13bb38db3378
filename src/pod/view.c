/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "pod/view_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"

void view_apps_done(struct pod_view *v)
{
        for (size_t i = 0; i < v->n_apps; i++) {
                free(v->apps[i].name);
                free(v->apps[i].image_id);
                free(v->apps[i].image_name);
                free(v->apps[i].image_version);
        }
        free(v->apps);
        v->apps = NULL;
        v->n_apps = 0;
}

struct pod_view *pod_view_free(struct pod_view *v)
{
        if (!v)
                return NULL;
        free(v->cgroup);
        pod_networks_done(&v->networks);
        free(v->reason);
        free(v->name);
        free(v->manifest);
        view_apps_done(v);
        appc_pod_manifest_free(v->parsed);
        free(v->problem);
        free(v);
        return NULL;
}

int pod_view_read(struct pod_store *s, const char *uuid, unsigned want, struct pod_view **ret,
                  struct err *e)
{
        AUTO(view_reader_done) struct view_reader r = { 0 };
        AUTO(pod_done) struct pod p = POD_NULL;

        if (pod_open(s, uuid, &p, e) < 0)
                return -1;
        view_reader_init(&r);
        *ret = view_sample(&r, s, &p, want);
        return 0;
}

struct pod_view *pod_view_of(const struct pod *p, enum pod_state state, unsigned want)
{
        /* On the stack, of which most is never touched: one that goes through thousands of pods would allocate as often. */
        char bytes[LIMIT_STATE_FILE_BYTES + 2];
        struct view_reader r = { .bytes = bytes };

        return view_of(&r, p, state, want);
}

static int add_id(int dirfd, const char *name, unsigned char type, void *arg)
{
        struct pod_ids *ids = arg;
        struct pod_id id = { 0 };

        (void)dirfd;
        if (!uuid_is_valid(name) || (type != DT_DIR && type != DT_UNKNOWN))
                return 0;
        memcpy(id.uuid.text, name, sizeof(id.uuid.text));
        ARRAY_GROW(ids->v, ids->n, ids->cap);
        ids->v[ids->n++] = id;
        return 0;
}

int pod_ids_list(struct pod_store *s, enum pod_dir dir, struct pod_ids *ret, struct err *e)
{
        size_t before = ret->n;
        int r = s->dir_fd[dir] < 0 ? 0 : fs_each(s->dir_fd[dir], add_id, ret);

        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "list pods/%s", pod_dir_name(dir));
        for (size_t i = before; i < ret->n; i++)
                ret->v[i].dir = dir;
        return 0;
}

/* 0; -1 with e only when no pod at all could be opened any more. */
static int add_view(struct view_reader *r, struct pod_store *s, const struct pod_id *id,
                    unsigned want, struct pod_view_list *list, size_t *cap, struct err *e)
{
        AUTO(pod_done) struct pod p = { .uuid = id->uuid, .fd = -1, .dir = id->dir };

        p.fd = fs_open_dir(s->dir_fd[id->dir], id->uuid.text);
        if (p.fd == -EMFILE || p.fd == -ENFILE)
                return err_set(e, ERR_INTERNAL, -p.fd, "open pod %s", id->uuid.text);
        if (p.fd < 0)
                return 0; /* moved on: a later directory has it; or removed; or no directory */
        ARRAY_GROW(list->v, list->n, *cap);
        list->v[list->n] = view_sample(r, s, &p, want);
        list->n++;
        return 0;
}

static int compare(const void *a, const void *b)
{
        const struct pod_view *x = *(struct pod_view *const *)a, *y = *(struct pod_view *const *)b;
        int order = strcmp(x->uuid.text, y->uuid.text);

        return order != 0 ? order : (int)x->dir - (int)y->dir;
}

/* A pod that moved while we listed was seen twice: the later directory has the news. */
static void drop_doubles(struct pod_view_list *list)
{
        size_t n = 0;

        if (list->n == 0)
                return;
        qsort(list->v, list->n, sizeof(struct pod_view *), compare);
        for (size_t i = 1; i < list->n; i++) {
                if (strcmp(list->v[n]->uuid.text, list->v[i]->uuid.text) == 0)
                        list->v[n] = pod_view_free(list->v[n]);
                else
                        n++;
                list->v[n] = list->v[i];
        }
        list->n = n + 1;
}

int pod_view_list(struct pod_store *s, unsigned dirs, unsigned want, struct pod_view_list *ret,
                  struct err *e)
{
        AUTO(view_reader_done) struct view_reader r = { 0 };
        AUTO(pod_view_list_done) struct pod_view_list list = POD_VIEW_LIST_NULL;
        size_t cap = 0;

        pod_store_refresh(s);
        view_reader_init(&r);
        for (int d = 0; d < POD_DIR_MAX; d++) {
                AUTO(pod_ids_done) struct pod_ids ids = { 0 };

                if (!(dirs & POD_DIR_BIT(d)))
                        continue;
                if (pod_ids_list(s, (enum pod_dir)d, &ids, e) < 0)
                        return -1;
                for (size_t i = 0; i < ids.n; i++)
                        if (add_view(&r, s, &ids.v[i], want, &list, &cap, e) < 0)
                                return -1;
        }
        drop_doubles(&list);
        *ret = list;
        list = POD_VIEW_LIST_NULL;
        return 0;
}

void pod_view_list_done(struct pod_view_list *l)
{
        for (size_t i = 0; i < l->n; i++)
                pod_view_free(l->v[i]);
        free(l->v);
        *l = POD_VIEW_LIST_NULL;
}
