/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whiteouts of OCI layers (image-spec layer.md, "Whiteouts") as overlayfs keeps them: `.wh.x`
 * becomes the character device 0:0 called x, `.wh..wh..opq` the xattr overlay.opaque=y of its
 * directory. They speak of the layers below only, whatever their place in the archive: a name that
 * this layer brings itself stays, made opaque if it is a directory. overlayfs never looks at the
 * opaque mark of a layer's own root, so there each name below is whited out.
 */
#include "image/untar_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"

#define WHITEOUT_PREFIX ".wh."
#define WHITEOUT_META   ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

int untar_set_opaque(struct untar *u, int dirfd)
{
        const char *name = u->o->user_xattr ? "user.overlay.opaque" : "trusted.overlay.opaque";

        return fsetxattr(dirfd, name, "y", 1, 0) < 0 ? untar_fail_sys(u, errno, "mark as opaque")
                                                     : 0;
}

int untar_whiteout_make(struct untar *u, int dirfd, const char *name)
{
        AUTO_CLOSE int fd = -1;
        struct stat st;

        if (mknodat(dirfd, name, S_IFCHR | 0600, makedev(0, 0)) == 0)
                return 0;
        if (errno != EEXIST)
                return untar_fail_sys(u, errno, "make a whiteout");
        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return untar_fail_sys(u, errno, "look at");
        if (!S_ISDIR(st.st_mode))
                return 0; /* hides what is below by itself */
        fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return untar_fail_sys(u, errno, "open");
        return untar_set_opaque(u, fd);
}

/*
 * Where a directory became something else, archivers list what was in it as whiteouts below its new
 * name: nothing is left to hide there. Above all they must not reach through a symlink that took
 * the directory's place.
 */
static bool parent_is_replaced(const struct untar *u)
{
        const char *slash = strrchr(u->path, '/');
        AUTO_FREE char *parent = slash ? xstrndup(u->path, (size_t)(slash - u->path)) : NULL;
        AUTO_CLOSE int fd = -1;

        if (!parent)
                return false;
        fd = fs_open_beneath(u->rootfd, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        return fd == -ENOTDIR || fd == -ELOOP;
}

int untar_whiteout_entry(struct untar *u)
{
        const char *base;
        int dirfd;

        if (strncmp(u->path, WHITEOUT_META, strlen(WHITEOUT_META)) != 0 &&
            !strstr(u->path, "/" WHITEOUT_META)) {
                const char *slash = strrchr(u->path, '/');

                base = slash ? slash + 1 : u->path;
                if (strncmp(base, WHITEOUT_PREFIX, strlen(WHITEOUT_PREFIX)) != 0)
                        return 0;
                base += strlen(WHITEOUT_PREFIX);
                if (!*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
                        return untar_fail(u, ERR_BAD_DATA, 0, "whiteout of \"%s\"", base);
                if (parent_is_replaced(u))
                        return 1;
                if (untar_parent(u, u->path, &dirfd, &base) < 0)
                        return -1;
                return untar_whiteout_make(u, dirfd, base + strlen(WHITEOUT_PREFIX)) < 0 ? -1 : 1;
        }
        if (strcmp(u->path, WHITEOUT_OPAQUE) == 0) {
                u->root_opaque = true;
                return 1;
        }
        if (parent_is_replaced(u))
                return 1;
        if (untar_parent(u, u->path, &dirfd, &base) < 0)
                return -1;
        if (strcmp(base, WHITEOUT_OPAQUE) == 0 && untar_set_opaque(u, dirfd) < 0)
                return -1;
        return 1; /* other .wh..wh. names are aufs's own bookkeeping */
}

static int hide_one(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        struct untar *u = arg;
        struct stat st;

        (void)d_type;
        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && untar_is_whiteout(&st))
                return 0;
        return untar_whiteout_make(u, u->rootfd, name) < 0 ? 1 : 0;
}

int untar_whiteout_finish(struct untar *u)
{
        if (!u->root_opaque)
                return 0;
        u->r.depends_on_lowers = true;
        for (size_t i = 0; i < u->o->n_lowers; i++) {
                int r = fs_each(u->o->lowers[i], hide_one, u);

                if (r > 0)
                        return -1;
                if (r < 0)
                        return err_set(u->e, ERR_INTERNAL, -r, "%s: list a lower layer",
                                       u->o->name);
        }
        return 0;
}
