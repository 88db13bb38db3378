/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/request.h"

#include <stdlib.h>

#include "util/mem.h"

static void mounts_done(struct engine_mounts *m)
{
        for (size_t i = 0; i < m->n; i++) {
                free(m->v[i].volume);
                free(m->v[i].path);
        }
        free(m->v);
}

static void app_done(struct engine_app *a)
{
        free(a->image);
        free(a->name);
        free(a->exec);
        strv_done(&a->args);
        free(a->user);
        free(a->group);
        free(a->working_dir);
        free(a->gids);
        mounts_done(&a->mounts);
        kv_list_done(&a->env);
        kv_list_done(&a->annotations);
        kv_list_done(&a->user_annotations);
        kv_list_done(&a->user_labels);
        appc_isolators_done(&a->isolators);
}

void engine_request_done(struct engine_request *r)
{
        for (size_t i = 0; i < r->n_apps; i++)
                app_done(&r->apps[i]);
        free(r->apps);
        for (size_t i = 0; i < r->n_volumes; i++) {
                free(r->volumes[i].name);
                free(r->volumes[i].source);
        }
        free(r->volumes);
        mounts_done(&r->mounts);
        kv_list_done(&r->env);
        kv_list_done(&r->annotations);
        kv_list_done(&r->user_annotations);
        kv_list_done(&r->user_labels);
        free(r->pod_name);
        free(r->manifest_path);
        *r = ENGINE_REQUEST_NULL;
}

struct engine_app *engine_request_add_app(struct engine_request *r, const char *image)
{
        ARRAY_GROW(r->apps, r->n_apps, r->cap_apps);
        r->apps[r->n_apps] =
                (struct engine_app){ .image = xstrdup(image), .isolators = APPC_ISOLATORS_NULL };
        return &r->apps[r->n_apps++];
}

void engine_request_add_volume_consume(struct engine_request *r, struct appc_volume *v)
{
        ARRAY_GROW(r->volumes, r->n_volumes, r->cap_volumes);
        r->volumes[r->n_volumes++] = *v;
        *v = (struct appc_volume){ 0 };
}

void engine_mounts_add(struct engine_mounts *m, const char *volume, const char *path)
{
        ARRAY_GROW(m->v, m->n, m->cap);
        m->v[m->n++] = (struct appc_mount){ .volume = xstrdup(volume), .path = xstrdup(path) };
}
