/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pathWhitelist: one new layer with hard links to the listed files of a chain.
 *
 * Every listed path is looked up in the chain as overlayfs would: component by component, through
 * the layers in which the parent directory is visible. A whiteout, a file over a directory, or an
 * opaque directory ends the look downwards. Symlinks in the middle are not followed: a list names
 * what is in the tree, literally. A listed directory comes without its contents; parents of what is
 * listed come along with their metadata.
 *
 * The result is published under its chain: `digest` of such a layer is
 * "rendered:<owner>:<digest>,<digest>...". The link's name is a 64-bit hash of it, which only has
 * to be rare: the whole text is compared. (A cryptographic hash would pull libcrypto into every
 * `carob run`.)
 */
#include "image/render_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "image/store_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"

enum { ROOTS_MAX = LIMIT_IMAGE_LAYERS };

/* The directories that one path has in the layers, top first. */
struct stack {
        int fd[ROOTS_MAX];
        size_t n;
};

static void stack_done(struct stack *s)
{
        for (size_t i = 0; i < s->n; i++)
                closep(&s->fd[i]);
        s->n = 0;
}

static void stack_freep(struct stack **s)
{
        if (*s)
                stack_done(*s);
        free(*s);
}

struct made_dir {   /* times are set at the end: filling a directory changes them */
        char *path; /* owned; relative to the destination */
        struct timespec times[2];
};

struct filter {
        int to;                /* borrowed */
        struct made_dir *made; /* owned */
        size_t n_made, cap_made;
};

static void filter_done(struct filter *f)
{
        for (size_t i = 0; i < f->n_made; i++)
                free(f->made[i].path);
        free(f->made);
}

static bool is_whiteout(const struct stat *st)
{
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool is_opaque(int fd)
{
        char value[2];

        return fgetxattr(fd, "trusted.overlay.opaque", value, sizeof(value)) == 1 &&
               value[0] == 'y';
}

/*
 * Look for @name in the directories @at. 1: *ret_where has the topmost and @ret_st what it is, and,
 * when that is a directory, @below all that it merges; 0: there is none; -errno.
 */
static int look_up(const struct stack *at, const char *name, int *ret_where, struct stat *ret_st,
                   struct stack *below)
{
        int found = 0;

        for (size_t i = 0; i < at->n; i++) {
                struct stat st;
                int fd;

                if (fstatat(at->fd[i], name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                        if (errno == ENOENT || errno == ENAMETOOLONG)
                                continue;
                        return -errno;
                }
                if (is_whiteout(&st))
                        break;
                if (!found) {
                        *ret_where = at->fd[i];
                        *ret_st = st;
                        found = 1;
                }
                if (!S_ISDIR(st.st_mode))
                        break;
                fd = fs_open_dir(at->fd[i], name);
                if (fd < 0)
                        return fd;
                below->fd[below->n++] = fd;
                if (is_opaque(fd))
                        break;
        }
        return found;
}

/* A directory below @parent with the metadata of @like; an existing one is fine. Returns its fd. */
static int make_dir(struct filter *f, int parent, const char *name, const char *path, int like)
{
        AUTO_CLOSE int fd = -1;
        struct stat st;
        int r;

        if (mkdirat(parent, name, 0700) < 0)
                return errno == EEXIST ? fs_open_dir(parent, name) : -errno;
        fd = fs_open_dir(parent, name);
        r = fd < 0 ? fd : fs_copy_metadata(like, fd);
        if (r < 0)
                return r;
        /* What it hid is filtered already; what a sibling has there must show. */
        (void)fremovexattr(fd, "trusted.overlay.opaque");
        if (fstat(like, &st) < 0)
                return -errno;
        ARRAY_GROW(f->made, f->n_made, f->cap_made);
        f->made[f->n_made++] = (struct made_dir){ xstrdup(path), { st.st_atim, st.st_mtim } };
        return TAKE_FD(fd);
}

static int link_file(int from, const char *name, int to)
{
        if (linkat(from, name, to, name, 0) == 0 || errno == EEXIST)
                return 0;
        /* Too many links, another filesystem, or a kernel that protects hard links. */
        if (errno != EMLINK && errno != EXDEV && errno != EPERM && errno != EOPNOTSUPP)
                return -errno;
        return fs_copy_file(from, name, to);
}

static int open_roots(const int *roots, size_t n, struct stack *ret)
{
        for (size_t i = 0; i < n; i++) {
                int fd = fs_open_dir(roots[i], ".");

                if (fd < 0)
                        return fd;
                ret->fd[ret->n++] = fd;
        }
        return 0;
}

/* strsep cut the path at the end of a component; it grows again by that one. */
static void rejoin(char *rest)
{
        if (rest)
                rest[-1] = '/';
}

/* One listed path. @path is writable. */
static int take_path(struct filter *f, const int *roots, size_t n_roots, char *path)
{
        AUTO(stack_freep) struct stack *at = xcalloc(1, sizeof(*at));
        AUTO(stack_freep) struct stack *below = xcalloc(1, sizeof(*below));
        AUTO_CLOSE int to = fs_open_dir(f->to, ".");
        char *rest = path, *name;
        int r = to < 0 ? to : open_roots(roots, n_roots, at);

        while (r == 0 && (name = strsep(&rest, "/"))) {
                struct stack *swap = at;
                struct stat st;
                int where = -1, next;

                if (!name[0] || strcmp(name, ".") == 0) {
                        rejoin(rest);
                        continue;
                }
                if (strcmp(name, "..") == 0)
                        return 0;
                r = look_up(at, name, &where, &st, below);
                if (r <= 0)
                        return r;
                if (!S_ISDIR(st.st_mode))
                        return rest && rest[strspn(rest, "/")] ? 0 : link_file(where, name, to);
                next = make_dir(f, to, name, path, below->fd[0]);
                if (next < 0)
                        return next;
                closep(&to);
                to = next;
                stack_done(at);
                at = below;
                below = swap;
                rejoin(rest);
                r = 0;
        }
        return r;
}

int image_filter_tree(const int *roots, size_t n_roots, const struct strv *whitelist, int to)
{
        AUTO(filter_done) struct filter f = { .to = to };
        int r = 0;

        if (n_roots == 0 || n_roots > ROOTS_MAX)
                return -EINVAL;
        for (size_t i = 0; i < whitelist->n && r == 0; i++) {
                AUTO_FREE char *path = xstrdup(whitelist->v[i] + strspn(whitelist->v[i], "/"));

                r = take_path(&f, roots, n_roots, path);
        }
        for (size_t i = f.n_made; i > 0 && r == 0; i--)
                if (utimensat(to, f.made[i - 1].path, f.made[i - 1].times, AT_SYMLINK_NOFOLLOW) < 0)
                        r = -errno;
        return r < 0 ? r : fs_copy_metadata(roots[0], to);
}

static uint64_t hash64(const char *s)
{
        uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

        for (; *s; s++)
                h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
        return h;
}

static int describe(struct image_store *s, const char *owner, const struct strv *layers,
                    struct buf *ret, struct err *e)
{
        (void)buf_printf(ret, "rendered:%s:", owner);
        for (size_t i = 0; i < layers->n; i++) {
                AUTO_FREE char *digest = image_layer_digest(s, layers->v[i]);

                if (!digest)
                        return err_set(e, ERR_BAD_DATA, 0, "layer %s is gone", layers->v[i]);
                if (buf_printf(ret, "%s%s", i ? "," : "", digest) < 0)
                        return err_set(e, ERR_LIMIT, 0, "chain of layers is too long");
        }
        return 0;
}

static int fill(struct image_store *s, const struct strv *layers, const struct strv *whitelist,
                int to, struct err *e)
{
        AUTO(stack_done) struct stack roots = { .n = 0 };
        int r = 0;

        for (size_t i = 0; i < layers->n && r == 0; i++) {
                AUTO_CLOSE int dir = fs_open_dir(s->layers_fd, layers->v[i]);
                int fd = dir < 0 ? dir : fs_open_dir(dir, "fs");

                if (fd < 0)
                        return err_set(e, ERR_INTERNAL, -fd, "open layer %s", layers->v[i]);
                roots.fd[roots.n++] = fd;
        }
        r = image_filter_tree(roots.fd, roots.n, whitelist, to);
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "make the filtered layer") : 0;
}

int image_render_filtered(struct image_store *s, const char *owner, const struct strv *layers,
                          const struct strv *whitelist, char ret[static IMAGE_LAYER_NAME_MAX],
                          struct err *e)
{
        AUTO(image_txn_freep) struct image_txn *t = NULL;
        AUTO(buf_done) struct buf chain = BUF_NULL(LIMIT_STATE_FILE_BYTES - 1);
        char link[64], provisional[IMAGE_LAYER_NAME_MAX];
        AUTO_CLOSE int fs = -1;
        unsigned token;
        int r;

        if (describe(s, owner, layers, &chain, e) < 0)
                return -1;
        (void)snprintf(link, sizeof(link), "rendered-%016llx",
                       (unsigned long long)hash64(buf_str(&chain)));
        r = image_layer_lookup(s, link, buf_str(&chain), ret);
        if (r != 0)
                return r > 0 ? 0 : err_set(e, ERR_INTERNAL, -r, "look for the filtered layer");
        if (layers->n > ROOTS_MAX)
                return err_set(e, ERR_LIMIT, 0, "more than %d layers", ROOTS_MAX);
        if (image_txn_begin(&t, s, IMAGE_LOCK_WAIT, e) < 0 ||
            image_txn_stage_layer(t, &fs, &token, e) < 0 || fill(s, layers, whitelist, fs, e) < 0 ||
            /* Linked files take no room of their own. */
            image_txn_finish_layer_as(t, token, link, buf_str(&chain), 0, provisional, e) < 0)
                return -1;
        return image_txn_commit_layer(t, provisional, ret, e);
}
