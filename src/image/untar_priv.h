/* SPDX-License-Identifier: Apache-2.0 */
/* One running untar, shared by untar*.c. All functions fill u->e and return -1 on failure. */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "image/untar.h"
#include "util/limits.h"

enum { UNTAR_QUOTED_MAX = 200 };

struct untar {
        const struct untar_options *o;
        const struct untar_input *in;
        struct untar_limits limits; /* all set */
        int rootfd;                 /* borrowed */
        struct archive *archive;
        struct archive_entry *entry; /* the archive's */
        struct err *e;               /* the caller's */

        /* What libarchive pulls. */
        bool in_header;       /* it reads headers now: header_left counts */
        uint64_t header_left; /* bytes it may still pull for them */
        bool input_failed;    /* u->e is set by the input, or by us on its way */
        bool input_ended;     /* the input said so */
        bool tail_is_zero;    /* the stream's last 512 bytes so far are all zero */

        /*
         * The current entry: as written, and normalised ("" is the root, no leading or trailing
         * slash).
         */
        const char *raw;
        char last[UNTAR_QUOTED_MAX]; /* the previous one, quoted */
        char path[LIMIT_ARCHIVE_PATH_BYTES + 1];

        /* The directory opened last: archives come directory by directory. */
        char parent[LIMIT_ARCHIVE_PATH_BYTES + 1];
        int parent_fd; /* owned; -1: nothing cached */

        struct buf *manifest;
        bool has_manifest;
        bool has_rootfs;
        bool root_opaque; /* a whiteout of everything at the top */
        bool user_skip;   /* not root: failing chowns are expected */

        /* struct late_dir and path, one after the other: what is set when all is written. */
        struct buf dirs;
        size_t last_dir; /* where the last one starts */
        struct untar_result r;
};

/* A name fit for a terminal and for an error text: control bytes escaped, the middle cut out. */
void untar_quote(const char *name, char ret[static UNTAR_QUOTED_MAX]);

/* 'archive: entry "x": fmt: strerror' */
int untar_fail(struct untar *u, enum err_kind kind, int num, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
/*
 * A failed system call about the current entry: kind by errno (names too long are ERR_LIMIT ...).
 */
int untar_fail_sys(struct untar *u, int num, const char *what);
/* Count something that cannot be had here, and remember the first. */
void untar_skip(struct untar *u, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* untar_path.c */
/* @what: "name", "link target"; for errors. @ret has room for LIMIT_ARCHIVE_PATH_BYTES + 1. */
int untar_normalise(struct untar *u, const char *raw, const char *what, char *ret);
/*
 * The directory that holds @path (not ""), made if it is missing: *ret_fd is borrowed from the
 * cache until the next call, *ret_base points into @path.
 */
int untar_parent(struct untar *u, const char *path, int *ret_fd, const char **ret_base);
void untar_forget_parent(struct untar *u); /* something that paths lead through was replaced */
/* Set times (and a mode that would be in the way now) of directory @path at the end. */
int untar_dir_later(struct untar *u, const char *path, const struct timespec *mtime, mode_t mode);
int untar_dirs_finish(struct untar *u);
/* The lower directory at @path, an owned descriptor; -1: none. */
int untar_open_lower_dir(const struct untar *u, const char *path);

/* untar_write.c */
int untar_write_entry(struct untar *u); /* u->path, anything but whiteouts */
int untar_apply_root(struct untar *u);  /* the entry is the root directory itself */
int untar_is_whiteout(const struct stat *st);

/* untar_meta.c */
int untar_meta_fd(struct untar *u, int fd, bool is_dir); /* owner, mode, xattrs, [mtime of files] */
int untar_meta_at(struct untar *u, int dirfd, const char *base, bool is_symlink);
/* Owner, mode and xattrs of something in a lower layer. */
int untar_copy_meta(struct untar *u, int from, int to, bool is_dir);
struct timespec untar_mtime(const struct untar *u);

/* untar_whiteout.c */
int untar_whiteout_make(struct untar *u, int dirfd, const char *name);
int untar_set_opaque(struct untar *u, int dirfd);
/* 1: the entry was about whiteouts and is done; 0: an ordinary one; -1 */
int untar_whiteout_entry(struct untar *u);
int untar_whiteout_finish(struct untar *u);
