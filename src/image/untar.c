/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver: libarchive reads headers and data from the caller's stream; what an entry means is
 * decided here, what is written in untar_write.c, where in untar_path.c.
 *
 * libarchive keeps all headers of one entry in memory, and a GNU sparse file may have any number of
 * them (1.4 MB of gzip made it take 400 MB), so the bytes it pulls for headers are counted as they
 * pass.
 */
#include "image/untar.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/untar_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"

enum {
        TAR_BLOCK = 512,
        LATE_DIRS_BYTES = 32 * 1024 * 1024, /* about 500,000 directories */
};

void untar_quote(const char *name, char ret[static UNTAR_QUOTED_MAX])
{
        const size_t len = strlen(name);
        const size_t head = 120, tail = 50;
        size_t n = 0;

        for (size_t i = 0; i < len && n < UNTAR_QUOTED_MAX - 8; i++) {
                unsigned char c = (unsigned char)name[i];

                if (len > head + tail && i == head) {
                        n += (size_t)snprintf(ret + n, UNTAR_QUOTED_MAX - n, "...");
                        i = len - tail;
                        c = (unsigned char)name[i];
                }
                if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
                        n += (size_t)snprintf(ret + n, UNTAR_QUOTED_MAX - n, "\\%03o", c);
                else
                        ret[n++] = (char)c;
        }
        ret[n] = 0;
}

int untar_fail(struct untar *u, enum err_kind kind, int num, const char *fmt, ...)
{
        char name[UNTAR_QUOTED_MAX], text[512];
        va_list ap;

        if (u->input_failed)
                return -1; /* that is the cause, and it is in u->e already */
        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        untar_quote(u->raw ? u->raw : "?", name);
        return err_set(u->e, kind, num, "%.200s: entry \"%s\": %s", u->o->name, name, text);
}

int untar_fail_sys(struct untar *u, int num, const char *what)
{
        enum err_kind kind = ERR_INTERNAL;

        if (num == ENAMETOOLONG || num == EFBIG || num == EMLINK || num == ELOOP)
                kind = ERR_LIMIT;
        return untar_fail(u, kind, num, "%s", what);
}

void untar_skip(struct untar *u, const char *fmt, ...)
{
        char name[UNTAR_QUOTED_MAX], text[128];
        va_list ap;

        if (u->r.skipped++ > 0)
                return;
        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        untar_quote(u->raw ? u->raw : "?", name);
        (void)snprintf(u->r.skipped_first, sizeof(u->r.skipped_first), "%.100s: %s", name, text);
}

static void note_tail(struct untar *u, const uint8_t *p, size_t len)
{
        static const uint8_t zero[TAR_BLOCK];

        /*
         * A shorter last chunk cannot come: tars are whole blocks, and others are truncated anyway.
         */
        u->tail_is_zero = len >= TAR_BLOCK && memcmp(p + len - TAR_BLOCK, zero, TAR_BLOCK) == 0;
}

static la_ssize_t pull(struct archive *a, void *arg, const void **ret)
{
        struct untar *u = arg;
        size_t len;

        if (u->input_ended)
                return 0;
        if (u->in_header && u->header_left == 0) {
                (void)untar_fail(u, ERR_LIMIT, 0, "more than %u bytes of headers after it (limit)",
                                 LIMIT_ARCHIVE_HEADER_BYTES);
                u->input_failed = true;
        }
        if (u->input_failed || u->in->next(u->in->ctx, ret, &len, u->e) < 0) {
                u->input_failed = true;
                archive_set_error(a, EIO, "input failed");
                return -1;
        }
        if (u->in_header)
                u->header_left -= len < u->header_left ? len : u->header_left;
        u->input_ended = len == 0;
        if (len > 0)
                note_tail(u, *ret, len);
        return (la_ssize_t)len;
}

/* libarchive could not read on: our input's error, or broken bytes. */
static int fail_archive(struct untar *u)
{
        const char *text = archive_error_string(u->archive);

        if (u->input_failed)
                return -1;
        if (archive_errno(u->archive) == ENOMEM)
                return err_set(u->e, ERR_NO_SPACE, ENOMEM, "%s", u->o->name);
        return err_set(u->e, ERR_BAD_DATA, 0, "%.200s: %s%s%s%s", u->o->name,
                       text ? text : "broken tar archive", *u->last ? " (after entry \"" : "",
                       u->last, *u->last ? "\")" : "");
}

/*
 * Warnings are about attributes that libarchive would drop; we do not import what we could not
 * read. But bytes that are no UTF-8 are fine in a name, and libarchive keeps them.
 */
static bool warning_is_harmless(struct archive *a)
{
        const char *text = archive_error_string(a);

        return text && strstr(text, "can't be converted");
}

/* Where the entry goes in an ACI. 1: handled here; 0: write it; -1 */
static int map_aci(struct untar *u)
{
        if (!*u->path)
                return 1; /* "./": tar -C dir -c . */
        if (strcmp(u->path, "manifest") == 0) {
                uint8_t *p;
                la_ssize_t n;

                if (u->has_manifest)
                        return untar_fail(u, ERR_BAD_DATA, 0, "comes twice");
                if (archive_entry_filetype(u->entry) != AE_IFREG ||
                    archive_entry_hardlink(u->entry))
                        return untar_fail(u, ERR_BAD_DATA, 0, "is not a regular file");
                u->has_manifest = true;
                if (archive_entry_size(u->entry) < 0 ||
                    buf_reserve(u->manifest, (size_t)archive_entry_size(u->entry), &p) < 0)
                        return untar_fail(u, ERR_LIMIT, 0,
                                          "claims %" PRId64 " bytes, more than %zu (limit)",
                                          archive_entry_size(u->entry), u->manifest->max);
                n = archive_read_data(u->archive, p, (size_t)archive_entry_size(u->entry));
                if (n != archive_entry_size(u->entry))
                        return untar_fail(u, ERR_BAD_DATA, 0, "truncated");
                buf_commit(u->manifest, (size_t)n);
                return 1;
        }
        if (strcmp(u->path, "rootfs") != 0 && strncmp(u->path, "rootfs/", 7) != 0)
                return untar_fail(u, ERR_BAD_DATA, 0,
                                  "an ACI holds \"manifest\" and \"rootfs\" only");
        u->has_rootfs = true;
        if (u->path[6] == 0)
                u->path[0] = 0;
        else
                memmove(u->path, u->path + 7, strlen(u->path + 7) + 1);
        return 0;
}

static int check_entry(struct untar *u)
{
        const int64_t uid = archive_entry_uid(u->entry), gid = archive_entry_gid(u->entry);

        if (++u->r.entries > u->limits.entries)
                return untar_fail(u, ERR_LIMIT, 0, "more than %" PRIu64 " entries (limit)",
                                  u->limits.entries);
        if (!u->raw)
                return untar_fail(u, ERR_BAD_DATA, 0, "no name");
        if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
                return untar_fail(u, ERR_BAD_DATA, 0, "owner %" PRId64 ":%" PRId64 " is no user",
                                  uid, gid);
        return untar_normalise(u, u->raw, "name", u->path);
}

static int one_entry(struct untar *u)
{
        int r = 0;

        u->raw = archive_entry_pathname(u->entry);
        if (check_entry(u) < 0)
                return -1;
        if (u->o->mode == UNTAR_ACI)
                r = map_aci(u);
        if (r != 0)
                return r < 0 ? -1 : 0;
        if (!*u->path)
                return untar_apply_root(u);
        if (u->o->mode == UNTAR_LAYER)
                r = untar_whiteout_entry(u);
        if (r != 0)
                return r < 0 ? -1 : 0;
        return untar_write_entry(u);
}

static int all_entries(struct untar *u)
{
        for (;;) {
                int r;

                u->in_header = true;
                u->header_left = LIMIT_ARCHIVE_HEADER_BYTES;
                r = archive_read_next_header(u->archive, &u->entry);
                u->in_header = false;
                if (r == ARCHIVE_EOF)
                        return 0;
                if (r != ARCHIVE_OK && !(r == ARCHIVE_WARN && warning_is_harmless(u->archive)))
                        return fail_archive(u);
                if (one_entry(u) < 0)
                        return -1;
                untar_quote(u->raw, u->last);
                u->raw = u->last; /* the entry's own text is gone with the next header */
                if (archive_read_data_skip(u->archive) < ARCHIVE_WARN)
                        return fail_archive(u);
        }
}

/* What stands after the end marker belongs to the digest, so it has to be pulled too. */
static int drain(struct untar *u)
{
        while (!u->input_ended) {
                const void *p;

                if (pull(u->archive, u, &p) < 0)
                        return -1;
        }
        return 0;
}

static int check_end(struct untar *u)
{
        if (u->o->require_end && !u->tail_is_zero)
                return err_set(u->e, ERR_BAD_DATA, 0,
                               "%s: truncated: the tar archive has no end marker", u->o->name);
        if (u->o->mode != UNTAR_ACI)
                return 0;
        if (!u->has_manifest || !u->has_rootfs)
                return err_set(u->e, ERR_BAD_DATA, 0, "%s: not an ACI: it has no \"%s\"",
                               u->o->name, u->has_manifest ? "rootfs" : "manifest");
        return 0;
}

static int run(struct untar *u)
{
        (void)archive_read_support_format_tar(u->archive);
        (void)archive_read_support_format_empty(u->archive);
        if (archive_read_open(u->archive, u, NULL, pull, NULL) != ARCHIVE_OK)
                return fail_archive(u);
        if (all_entries(u) < 0 || drain(u) < 0 || untar_whiteout_finish(u) < 0 ||
            untar_dirs_finish(u) < 0)
                return -1;
        return check_end(u);
}

static void set_limits(struct untar_limits *l)
{
        l->entries = l->entries ? l->entries : LIMIT_ARCHIVE_ENTRIES;
        l->unpacked_bytes = l->unpacked_bytes ? l->unpacked_bytes : LIMIT_ARCHIVE_UNPACKED_BYTES;
        l->path_bytes = l->path_bytes && l->path_bytes < LIMIT_ARCHIVE_PATH_BYTES
                                ? l->path_bytes
                                : LIMIT_ARCHIVE_PATH_BYTES;
        l->depth = l->depth ? l->depth : LIMIT_ARCHIVE_DEPTH;
        l->xattr_bytes = l->xattr_bytes ? l->xattr_bytes : LIMIT_ARCHIVE_XATTR_BYTES;
}

int untar(const struct untar_input *in, int rootfd, const struct untar_options *o,
          struct buf *manifest, struct untar_result *ret, struct err *e)
{
        AUTO_FREE struct untar *u = xcalloc(1, sizeof(*u));
        /*
         * Without it libarchive, in a program that never called setlocale, would mangle names that
         * are not ASCII.
         */
        locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
        locale_t old = utf8 ? uselocale(utf8) : (locale_t)0;
        int r;

        u->o = o;
        u->in = in;
        u->limits = o->limits;
        set_limits(&u->limits);
        u->rootfd = rootfd;
        u->e = e;
        u->parent_fd = -1;
        u->manifest = manifest;
        u->user_skip = geteuid() != 0;
        u->dirs = BUF_NULL(LATE_DIRS_BYTES);
        u->archive = archive_read_new();
        r = u->archive ? run(u) : err_set(e, ERR_NO_SPACE, ENOMEM, "%s", o->name);
        (void)archive_read_free(u->archive);
        untar_forget_parent(u);
        buf_done(&u->dirs);
        if (utf8) {
                (void)uselocale(old);
                freelocale(utf8);
        }
        if (r == 0)
                *ret = u->r;
        return r;
}
