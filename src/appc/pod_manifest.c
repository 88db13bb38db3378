/* SPDX-License-Identifier: Apache-2.0 */
#include "appc/pod_manifest.h"

#include <stdlib.h>
#include <string.h>

#include "appc/names.h"
#include "appc/parse_priv.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/parse.h"

static void volume_done(struct appc_volume *v)
{
        free(v->name);
        free(v->source);
}

static void pod_app_done(struct appc_pod_app *app)
{
        free(app->name);
        free(app->image_id);
        free(app->image_name);
        kv_list_done(&app->image_labels);
        appc_app_free(app->app);
        for (size_t i = 0; i < app->n_mounts; i++) {
                free(app->mounts[i].volume);
                free(app->mounts[i].path);
                if (app->mounts[i].app_volume)
                        volume_done(app->mounts[i].app_volume);
                free(app->mounts[i].app_volume);
        }
        free(app->mounts);
        kv_list_done(&app->annotations);
}

struct appc_pod_manifest *appc_pod_manifest_free(struct appc_pod_manifest *m)
{
        if (!m)
                return NULL;
        free(m->ac_version);
        for (size_t i = 0; i < m->n_apps; i++)
                pod_app_done(&m->apps[i]);
        free(m->apps);
        for (size_t i = 0; i < m->n_volumes; i++)
                volume_done(&m->volumes[i]);
        free(m->volumes);
        appc_isolators_done(&m->isolators);
        kv_list_done(&m->annotations);
        for (size_t i = 0; i < m->n_ports; i++) {
                free(m->ports[i].name);
                free(m->ports[i].host_ip);
                if (m->ports[i].pod_port)
                        appc_port_done(m->ports[i].pod_port);
                free(m->ports[i].pod_port);
        }
        free(m->ports);
        kv_list_done(&m->user_annotations);
        kv_list_done(&m->user_labels);
        free(m);
        return NULL;
}

const struct appc_volume *appc_pod_manifest_volume(const struct appc_pod_manifest *m,
                                                   const char *name)
{
        for (size_t i = 0; i < m->n_volumes; i++)
                if (strcmp(m->volumes[i].name, name) == 0)
                        return &m->volumes[i];
        return NULL;
}

static int read_host_volume(const struct doc *d, struct appc_volume *v, struct err *e)
{
        static const char *const only_empty[] = { "mode", "uid", "gid" };

        for (size_t i = 0; i < ARRAY_LEN(only_empty); i++) {
                struct json_object *o = NULL;

                if (json_object_object_get_ex(d->o, only_empty[i], &o) && o)
                        return doc_err_at(d, only_empty[i], e, "is for empty volumes only");
        }
        v->kind = APPC_VOLUME_HOST;
        return doc_dup(d, "source", &doc_abs_path, &v->source, e);
}

static int read_empty_volume(const struct doc *d, struct appc_volume *v, struct err *e)
{
        int64_t uid = 0, gid = 0;
        const char *text = NULL;
        unsigned mode = 0755;

        if (doc_string(d, "source", &text, e) < 0)
                return -1;
        if (text && text[0] != '\0')
                return doc_err_at(d, "source", e, "is for host volumes only");
        text = NULL;
        if (doc_string(d, "mode", &text, e) < 0)
                return -1;
        if (text && text[0] != '\0' && parse_octal(text, 07777, &mode) < 0)
                return doc_err_at(d, "mode", e, "\"%.20s\" is no octal file mode", text);
        if (doc_int(d, "uid", 0, UINT32_MAX - 1, &uid, e) < 0 ||
            doc_int(d, "gid", 0, UINT32_MAX - 1, &gid, e) < 0)
                return -1;
        v->kind = APPC_VOLUME_EMPTY;
        v->mode = (mode_t)mode;
        v->uid = (uid_t)uid;
        v->gid = (gid_t)gid;
        return 0;
}

static int read_volume(const struct doc *d, struct appc_volume *v, struct err *e)
{
        AUTO_FREE char *kind = NULL;

        v->recursive = true; /* as rkt has it */
        if (doc_expect(d, json_type_object, e) < 0 ||
            doc_dup(d, "name", &doc_name, &v->name, e) < 0 ||
            doc_dup(d, "kind", &doc_not_empty, &kind, e) < 0 ||
            doc_bool(d, "readOnly", &v->read_only, e) < 0 ||
            doc_bool(d, "recursive", &v->recursive, e) < 0)
                return -1;
        if (strcmp(kind, "host") == 0)
                return read_host_volume(d, v, e);
        if (strcmp(kind, "empty") == 0)
                return read_empty_volume(d, v, e);
        return doc_err_at(d, "kind", e, "\"%.40s\" is neither \"host\" nor \"empty\"", kind);
}

static int read_volumes(const struct doc *d, struct appc_pod_manifest *m, struct err *e)
{
        AUTO_FREE const char **names = NULL;
        struct doc array;
        int r = doc_array(d, "volumes", LIMIT_LIST_ENTRIES, &array, e);

        if (r <= 0 || doc_len(&array) == 0)
                return r < 0 ? -1 : 0;
        m->volumes = xcalloc(doc_len(&array), sizeof(*m->volumes));
        names = xcalloc(doc_len(&array), sizeof(*names));
        for (size_t i = 0; i < doc_len(&array); i++) {
                struct doc at = doc_item(&array, i);

                if (read_volume(&at, &m->volumes[m->n_volumes++], e) < 0)
                        return -1;
                names[i] = m->volumes[i].name;
        }
        return doc_unique(&array, names, m->n_volumes, e);
}

/* rkt's older manifests name the mount point instead of its path. */
static bool is_mount_target(const char *s)
{
        return s[0] == '/' || appc_name_is_valid(s);
}

static const struct doc_rule rule_target = { is_mount_target,
                                             "is neither an absolute path nor an AC Name" };

static int read_mount(const struct doc *d, const struct appc_pod_manifest *m,
                      struct appc_mount *mount, struct err *e)
{
        struct doc own;
        int r;

        if (doc_expect(d, json_type_object, e) < 0 ||
            doc_dup(d, "volume", &doc_name, &mount->volume, e) < 0 ||
            doc_dup(d, "path", &rule_target, &mount->path, e) < 0)
                return -1;
        r = doc_object(d, "appVolume", &own, e);
        if (r < 0)
                return -1;
        if (r > 0) {
                mount->app_volume = xcalloc(1, sizeof(*mount->app_volume));
                return read_volume(&own, mount->app_volume, e);
        }
        if (!appc_pod_manifest_volume(m, mount->volume))
                return doc_err_at(d, "volume", e, "the pod has no volume \"%.80s\"", mount->volume);
        return 0;
}

static int read_mounts(const struct doc *d, const struct appc_pod_manifest *m,
                       struct appc_pod_app *app, struct err *e)
{
        struct doc array;
        int r = doc_array(d, "mounts", LIMIT_LIST_ENTRIES, &array, e);

        if (r <= 0 || doc_len(&array) == 0)
                return r < 0 ? -1 : 0;
        app->mounts = xcalloc(doc_len(&array), sizeof(*app->mounts));
        for (size_t i = 0; i < doc_len(&array); i++) {
                struct doc at = doc_item(&array, i);

                if (read_mount(&at, m, &app->mounts[app->n_mounts++], e) < 0)
                        return -1;
        }
        return 0;
}

static int read_pod_app(const struct doc *d, const struct appc_pod_manifest *m,
                        struct appc_pod_app *app, struct err *e)
{
        struct doc image, inner;
        const char *name = "";
        int r;

        if (doc_expect(d, json_type_object, e) < 0 ||
            doc_dup(d, "name", &doc_name, &app->name, e) < 0)
                return -1;
        r = doc_object(d, "image", &image, e);
        if (r == 0)
                return doc_err_at(d, "image", e, "is missing");
        if (r < 0 || doc_dup(&image, "id", &doc_image_id, &app->image_id, e) < 0 ||
            doc_string(&image, "name", &name, e) < 0 ||
            (name[0] != '\0' &&
             doc_dup(&image, "name", &doc_identifier, &app->image_name, e) < 0) ||
            appc_labels_read(&image, &app->image_labels, e) < 0)
                return -1;
        r = doc_object(d, "app", &inner, e);
        if (r < 0 || (r > 0 && appc_app_read(&inner, &app->app, e) < 0))
                return -1;
        if (doc_bool(d, "readOnlyRootFS", &app->read_only_rootfs, e) < 0 ||
            read_mounts(d, m, app, e) < 0)
                return -1;
        return appc_annotations_read(d, &app->annotations, e);
}

static int read_apps(const struct doc *d, struct appc_pod_manifest *m, struct err *e)
{
        AUTO_FREE const char **names = NULL;
        struct doc array;
        int r = doc_array(d, "apps", LIMIT_POD_APPS, &array, e);

        if (r <= 0 || doc_len(&array) == 0)
                return r < 0 ? -1 : 0;
        m->apps = xcalloc(doc_len(&array), sizeof(*m->apps));
        names = xcalloc(doc_len(&array), sizeof(*names));
        for (size_t i = 0; i < doc_len(&array); i++) {
                struct doc at = doc_item(&array, i);

                if (read_pod_app(&at, m, &m->apps[m->n_apps++], e) < 0)
                        return -1;
                names[i] = m->apps[i].name;
        }
        return doc_unique(&array, names, m->n_apps, e);
}

static int read_port(const struct doc *d, struct appc_pod_port *port, struct err *e)
{
        struct doc inner;
        const char *ip = "";
        int64_t number = 0;
        int r;

        if (doc_expect(d, json_type_object, e) < 0 ||
            doc_dup(d, "name", &doc_name, &port->name, e) < 0)
                return -1;
        r = doc_int(d, "hostPort", 1, 65535, &number, e);
        if (r == 0)
                return doc_err_at(d, "hostPort", e, "is missing");
        if (r < 0 || doc_string(d, "hostIP", &ip, e) < 0)
                return -1;
        port->host_port = (uint16_t)number;
        port->host_ip = ip[0] != '\0' ? xstrdup(ip) : NULL;
        r = doc_object(d, "podPort", &inner, e);
        if (r <= 0)
                return r;
        port->pod_port = xcalloc(1, sizeof(*port->pod_port));
        return appc_port_read(&inner, false, port->pod_port, e);
}

static int read_ports(const struct doc *d, struct appc_pod_manifest *m, struct err *e)
{
        struct doc array;
        int r = doc_array(d, "ports", LIMIT_LIST_ENTRIES, &array, e);

        if (r <= 0 || doc_len(&array) == 0)
                return r < 0 ? -1 : 0;
        m->ports = xcalloc(doc_len(&array), sizeof(*m->ports));
        for (size_t i = 0; i < doc_len(&array); i++) {
                struct doc at = doc_item(&array, i);

                if (read_port(&at, &m->ports[m->n_ports++], e) < 0)
                        return -1;
        }
        return 0;
}

int appc_pod_manifest_parse(const void *data, size_t len, struct appc_pod_manifest **ret,
                            struct err *e)
{
        AUTO(appc_pod_manifest_freep) struct appc_pod_manifest *m = xcalloc(1, sizeof(*m));
        AUTO_JSON struct json_object *o = NULL;
        struct doc root = { 0 };

        m->isolators = APPC_ISOLATORS_NULL;
        if (json_parse(data, len, LIMIT_MANIFEST_BYTES, &o, e) < 0)
                return -1;
        root.o = o;
        if (appc_head_read(&root, "PodManifest", &m->ac_version, e) < 0 ||
            read_volumes(&root, m, e) < 0 || read_apps(&root, m, e) < 0 ||
            appc_isolators_read(&root, false, &m->isolators, e) < 0 ||
            appc_annotations_read(&root, &m->annotations, e) < 0 || read_ports(&root, m, e) < 0 ||
            doc_map(&root, "userAnnotations", &m->user_annotations, e) < 0 ||
            doc_map(&root, "userLabels", &m->user_labels, e) < 0)
                return -1;
        *ret = TAKE_PTR(m);
        return 0;
}
