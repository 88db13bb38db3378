/* SPDX-License-Identifier: Apache-2.0 */
/* One pod's files, read through memory that a list uses again for each of its pods. */
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "pod/view.h"
#include "util/limits.h"

struct view_reader {
        char *bytes; /* owned; LIMIT_STATE_FILE_BYTES + 1 of room */
};

void view_reader_init(struct view_reader *r);
void view_reader_done(struct view_reader *r);

/*
 * File @path beneath @dirfd into r->bytes, NUL-terminated: its length, or -errno. Only regular
 * files, no symlink anywhere, nothing that blocks; -ENOBUFS over the limit of state files.
 * @ret_st may be NULL.
 */
ssize_t view_read_small(struct view_reader *r, int dirfd, const char *path, struct stat *ret_st);

/* Everything needed while one pod is read. */
struct reading {
        struct view_reader *r;
        int podfd;
        struct pod_view *v;
        unsigned want;
        bool lenient; /* being deleted, or never finished: what is missing is no news */
};

/* The first problem stays. */
void view_problem(struct reading *rd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void view_unreadable(struct reading *rd, const char *path, ssize_t r); /* @r: -errno */
/*
 * Into rd->r->bytes: length, or -1 with the problem noted; a missing file is one only when it
 * @must be there.
 */
ssize_t view_read_state(struct reading *rd, const char *path, bool must, struct stat *st);
int view_open_regular(int dirfd, const char *path, struct stat *st); /* descriptor or -errno */
/* Length, or -errno (-ENOBUFS over @max); @to has room for max + 1 bytes and is NUL-terminated. */
ssize_t view_read_whole(int fd, char *to, size_t max);

void view_read_manifest(
        struct reading *rd);              /* bytes, parsed, name, apps as far as they are wanted */
void view_read_names(struct reading *rd); /* POD_VIEW_NAMES */
void view_apps_done(struct pod_view *v);  /* none afterwards */

/* Read the opened pod, which is in @state. Never fails. */
struct pod_view *view_of(struct view_reader *r, const struct pod *p, enum pod_state state,
                         unsigned want);
/* The same after a look at its state. */
struct pod_view *view_sample(struct view_reader *r, struct pod_store *s, struct pod *p,
                             unsigned want);

/*
 * Fill apps and name of @v from the bytes of a pod manifest (followed by a NUL) without parsing
 * all of it: 0, or -1 with @v as it was when the manifest is unusual (or broken) and has to be
 * parsed to be understood.
 */
int view_brief(const char *manifest, size_t len, struct pod_view *v);

/*
 * Names in the pod directories @dirs that are UUIDs of directories; a pod that moves may be there
 * twice.
 */
struct pod_id {
        struct uuid uuid;
        enum pod_dir dir;
};
struct pod_ids {
        struct pod_id *v; /* owned; in the order of the directories */
        size_t n;
        size_t cap;
};
static inline void pod_ids_done(struct pod_ids *ids)
{
        free(ids->v);
}
int pod_ids_list(struct pod_store *s, enum pod_dir dir, struct pod_ids *ret, struct err *e);
