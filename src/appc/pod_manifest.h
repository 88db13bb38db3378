/* SPDX-License-Identifier: Apache-2.0 */
/* The appc pod manifest (appc specification, "pods"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "appc/app.h"
#include "appc/isolator.h"
#include "appc/kv.h"
#include "util/err.h"

enum appc_volume_kind { APPC_VOLUME_EMPTY, APPC_VOLUME_HOST };

struct appc_volume {
        char *name; /* owned; AC Name */
        enum appc_volume_kind kind;
        char *source; /* owned; absolute, host volumes only; else NULL */
        bool read_only;
        bool recursive; /* host: with the mounts beneath; true unless the manifest says false */
        mode_t mode;    /* empty: of the directory made, 0755 unless said */
        uid_t uid;      /* empty: its owner */
        gid_t gid;
};

struct appc_mount {
        char *volume; /* owned; names a volume, unless app_volume */
        char *path;   /* owned; absolute path in the app, or the name of a mount point of the app */
        struct appc_volume *app_volume; /* owned; a volume of this mount alone; NULL: the pod's */
};

struct appc_pod_app {
        char *name;       /* owned; AC Name, unique in the pod */
        char *image_id;   /* owned; as written, may be shortened */
        char *image_name; /* owned; NULL when not written */
        struct kv_list image_labels;
        struct appc_app *app; /* owned; NULL: the image's app is used */
        bool read_only_rootfs;
        struct appc_mount *mounts; /* owned */
        size_t n_mounts;
        struct kv_list annotations;
};

struct appc_pod_port {
        char *name;                 /* owned; names a port of an app, unless pod_port is set */
        uint16_t host_port;         /* >= 1 */
        char *host_ip;              /* owned; NULL: any */
        struct appc_port *pod_port; /* owned; NULL when not written; its name may be NULL */
};

struct appc_pod_manifest {
        char *ac_version;
        struct appc_pod_app *apps; /* owned; in the order of the document */
        size_t n_apps;
        struct appc_volume *volumes; /* owned; unique names */
        size_t n_volumes;
        struct appc_isolators isolators; /* unknown ones are in .ignored */
        struct kv_list annotations;
        struct appc_pod_port *ports; /* owned */
        size_t n_ports;
        struct kv_list user_annotations;
        struct kv_list user_labels;
};

/*
 * As appc_image_manifest_parse, and with cross references: app names and volume names are unique,
 * a mount names a volume of the pod or brings its own.
 */
int appc_pod_manifest_parse(const void *data, size_t len, struct appc_pod_manifest **ret,
                            struct err *e);
struct appc_pod_manifest *appc_pod_manifest_free(struct appc_pod_manifest *m);
static inline void appc_pod_manifest_freep(struct appc_pod_manifest **m)
{
        appc_pod_manifest_free(*m);
}
const struct appc_volume *appc_pod_manifest_volume(const struct appc_pod_manifest *m,
                                                   const char *name); /* borrowed; NULL: none */
