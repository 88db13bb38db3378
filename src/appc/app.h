/* SPDX-License-Identifier: Apache-2.0 */
/* The "app" member of image and pod manifests: what to execute, and how. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "appc/isolator.h"
#include "appc/kv.h"
#include "util/strv.h"

struct json_object;

struct appc_mount_point {
        char *name; /* owned; AC Name */
        char *path; /* owned; absolute */
        bool read_only;
};

struct appc_port {
        char *name;     /* owned; AC Name */
        char *protocol; /* owned; as written, "tcp" or "udp" usually */
        uint16_t port;  /* >= 1 */
        uint16_t count; /* >= 1; port + count <= 65536 */
        bool socket_activated;
};

struct appc_app {
        struct strv exec;      /* may be empty: then the pod's manifest must say it */
        struct strv pre_start; /* empty: no such event handler */
        struct strv post_stop; /* empty: no such event handler */
        char *user;            /* owned; never empty: number, name or absolute path */
        char *group;           /* owned; never empty */
        gid_t *gids;           /* owned; supplementary groups */
        size_t n_gids;
        char *working_dir;                     /* owned; absolute, or NULL */
        struct kv_list env;                    /* names unique and valid */
        struct appc_mount_point *mount_points; /* owned */
        size_t n_mount_points;
        struct appc_port *ports; /* owned */
        size_t n_ports;
        struct appc_isolators isolators;
        struct kv_list user_annotations;
        struct kv_list user_labels;
};

struct appc_app *appc_app_new(void); /* user and group "0", everything else absent */
struct appc_app *appc_app_free(struct appc_app *app);
static inline void appc_app_freep(struct appc_app **app)
{
        appc_app_free(*app);
}
/* The caller's own deep copy: command line options are applied to a copy of the image's app. */
struct appc_app *appc_app_dup(const struct appc_app *app);
/* New reference; members in the order in which rkt writes them, absent ones left out. */
struct json_object *appc_app_to_json(const struct appc_app *app);
