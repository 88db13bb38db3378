/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pod as others see it: everything that list, status and the API tell, read at one time and
 * owned by the view. Nothing here writes, waits, or fails because a pod is broken: what could not
 * be read stays unknown, and `problem` says why. A view is a sample.
 *
 * What is true when files and state disagree: an exited pod's app that was last seen running has
 * exited, exit code unknown (-1). The cgroup is told only of running pods, networks of running
 * and exited ones. Of embryo, preparing and aborted pods only id and state are told.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "appc/format.h"
#include "appc/pod_manifest.h"
#include "pod/app_status.h"
#include "pod/net_info.h"
#include "pod/store.h"
#include "util/err.h"
#include "util/time.h"

/*
 * What to read; each costs some system calls per pod. Id, state and gc_marked_at are always
 * there.
 */
enum pod_view_want {
        POD_VIEW_STATE = 0,
        POD_VIEW_TIMES = 1 << 0,    /* created_at, started_at */
        POD_VIEW_PROCESS = 1 << 1,  /* pid, started_at, cgroup, ready */
        POD_VIEW_NETWORKS = 1 << 2, /* networks */
        POD_VIEW_END = 1 << 3,      /* finished_at, exit code, reason */
        POD_VIEW_FACTS = POD_VIEW_TIMES | POD_VIEW_PROCESS | POD_VIEW_NETWORKS | POD_VIEW_END,
        /*
         * Apps with their names and their images' names, and the pod's name where its manifest
         * says it: a quick look that does not check, and does not keep, the rest of the manifest.
         * For tables of many pods.
         */
        POD_VIEW_NAMES = 1 << 4,
        POD_VIEW_MANIFEST =
                1 << 5, /* bytes and parsed, name; apps with name, image id, annotations */
        POD_VIEW_IMAGES = 1 << 6, /* image of each app, from image.json (brings MANIFEST along) */
        POD_VIEW_APPS = 1 << 7,   /* status of each app (brings MANIFEST along) */
        POD_VIEW_ALL = POD_VIEW_FACTS | POD_VIEW_MANIFEST | POD_VIEW_IMAGES | POD_VIEW_APPS,
};

struct pod_view_app {
        char *name;          /* owned */
        char *image_id;      /* owned; from image.json, else as the pod manifest has it */
        char *image_name;    /* owned; NULL: not known */
        char *image_version; /* owned; NULL: not known */
        enum appc_base_format format;
        enum app_state state; /* UNKNOWN before the pod runs */
        pid_t pid;            /* 0 unless running */
        pid_t main_pid;       /* the same, but it stays after the end; 0: not known */
        nsec created_at;      /* 0: not known, also below */
        nsec started_at;
        nsec finished_at;
        int exit_code; /* -1: has not exited, or not known */
        int signal;
        bool oom;
        const struct kv_list *annotations; /* borrowed; NULL for POD_VIEW_NAMES */
        const struct appc_pod_app
                *manifest; /* borrowed; what the pod manifest says of it; NULL as above */
};

struct pod_view {
        struct uuid uuid;
        enum pod_dir dir;
        enum pod_state state;
        pid_t pid;       /* the pod init's; -1: none. Stays after the exit */
        nsec created_at; /* 0: not known, also below */
        nsec started_at;
        nsec gc_marked_at;
        nsec finished_at; /* when the supervisor wrote `status` */
        bool ready;       /* running, and all apps were started */
        char *cgroup;     /* owned; "/..." ; NULL: none or not running */
        struct pod_networks networks;
        bool has_exit_code;
        int exit_code; /* valid with has_exit_code; a killed pod has none */
        int signal;    /* of the app that decided; 0: none; likewise */
        char *reason;  /* owned; NULL: none */
        char *name;    /* owned; NULL: none */
        char *manifest; /* owned; the bytes of `pod`, NUL-terminated; NULL: not asked for, not available */
        size_t manifest_len;
        struct appc_pod_manifest
                *parsed;           /* owned; NULL also when the bytes are no valid manifest */
        struct pod_view_app *apps; /* owned; in the order of the manifest */
        size_t n_apps;
        char *problem; /* owned; the first thing that could not be read; NULL: none */
};

struct pod_view_list {
        struct pod_view **v; /* owned; sorted by uuid */
        size_t n;
};

#define POD_VIEW_LIST_NULL ((struct pod_view_list){ 0 })

/* The annotation of a pod manifest that names the pod. */
#define POD_NAME_ANNOTATION "carob.io/pod-name"

/* Errors: those of pod_open only. */
int pod_view_read(struct pod_store *s, const char *uuid, unsigned want, struct pod_view **ret,
                  struct err *e);
/*
 * The same of a pod that was found or opened, and whose state the caller knows as of now. Never fails: what cannot be read
 * is `problem`.
 */
struct pod_view *pod_view_of(const struct pod *p, enum pod_state state, unsigned want);
struct pod_view *pod_view_free(struct pod_view *v);
static inline void pod_view_freep(struct pod_view **v)
{
        pod_view_free(*v);
}

/*
 * All pods whose directory is in @dirs (POD_DIR_BIT), each once even when it moves meanwhile.
 * Names that are no UUID, plain files and symlinks are skipped. Errors: ERR_NO_SPACE
 * (descriptors), ERR_PERMISSION, ERR_INTERNAL for a pod directory that cannot be listed at all;
 * never because of one pod.
 */
int pod_view_list(struct pod_store *s, unsigned dirs, unsigned want, struct pod_view_list *ret,
                  struct err *e);
void pod_view_list_done(struct pod_view_list *l);

/*
 * The pod a person means among those in @dirs: a full UUID, the name of a pod, or a prefix of its
 * UUID, in any case of letters. A name borne by several pods means the one that is not finished,
 * when there is exactly one. Errors: ERR_NOT_FOUND `no matches found for "x"`, ERR_AMBIGUOUS
 * `ambiguous uuid, N matches`.
 */
int pod_resolve(struct pod_store *s, unsigned dirs, const char *text, struct uuid *ret,
                struct err *e);
