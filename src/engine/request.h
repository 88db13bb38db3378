/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user asks for with prepare and run: plain data, filled from the command line. Strings are owned unless
 * marked otherwise; NULL, empty and -1 mean "not said, the image's stays".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "appc/isolator.h"
#include "appc/kv.h"
#include "appc/pod_manifest.h"
#include "util/strv.h"

struct engine_mounts {
        struct appc_mount *v; /* owned */
        size_t n;
        size_t cap;
};

/* An app of the pod: an image, and what of it is changed. */
struct engine_app {
        char *image; /* a reference as typed: name, id, path */
        char *name;
        char *exec;       /* replaces the image's whole command line */
        struct strv args; /* after "--" */
        bool has_args;
        char *user;
        char *group;
        char *working_dir;
        gid_t *gids;
        size_t n_gids;
        bool gids_set;
        bool read_only_rootfs;
        struct engine_mounts mounts;
        struct kv_list env;
        struct kv_list annotations;
        struct kv_list user_annotations;
        struct kv_list user_labels;
        struct appc_isolators isolators; /* what is set here replaces the image's, one by one */
};

struct engine_request {
        struct engine_app *apps;
        size_t n_apps;
        size_t cap_apps;
        struct appc_volume *volumes;
        size_t n_volumes;
        size_t cap_volumes;
        struct engine_mounts mounts; /* for every app */
        struct kv_list env;          /* --set-env and --set-env-file, in rising precedence */
        bool inherit_env;            /* the caller's, below the images' */
        struct kv_list annotations;
        struct kv_list user_annotations;
        struct kv_list user_labels;
        char *pod_name;
        char *manifest_path; /* instead of apps and everything above */
        bool no_overlay;
};

#define ENGINE_REQUEST_NULL ((struct engine_request){ 0 })

void engine_request_done(struct engine_request *r);

/* The added object; borrowed, and moved by the next addition. */
struct engine_app *engine_request_add_app(struct engine_request *r, const char *image);
void engine_request_add_volume_consume(struct engine_request *r, struct appc_volume *v);
void engine_mounts_add(struct engine_mounts *m, const char *volume, const char *path);
