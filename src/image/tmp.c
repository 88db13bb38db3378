/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Temporary directories whose owner is alive exactly as long as their flock is held.
 *
 * Making one and locking it are two steps, and a reaper may come in between. So the maker looks
 * again once it has the lock: a directory without links was reaped, and another is made. The reaper
 * removes only what it has locked itself.
 */
#include "image/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/flock.h"
#include "util/fs.h"
#include "util/test_hook.h"

enum { MAKE_TRIES = 16 };

/* 1: ours, 0: reaped or being reaped, -errno */
static int try_make(struct image_store *s, struct image_tmp *t)
{
        struct stat st;
        int r;

        uuid_generate(&t->name);
        r = fs_mkdir(s->tmp_fd, t->name.text, 0700);
        if (r < 0)
                return r == -EEXIST || r == -ENOENT ? 0 : r; /* ENOENT: reaped before its chmod */
        test_hook("tmp:made");
        t->fd = fs_open_dir(s->tmp_fd, t->name.text);
        if (t->fd < 0)
                return t->fd == -ENOENT ? 0 : t->fd;
        r = flock_try_exclusive(t->fd);
        if (r < 0)
                return r == -EWOULDBLOCK ? 0 : r;
        if (fstat(t->fd, &st) < 0)
                return -errno;
        return st.st_nlink > 0;
}

int image_tmp_make(struct image_store *s, struct image_tmp *ret, struct err *e)
{
        struct image_tmp t = IMAGE_TMP_NULL;
        int r = 0;

        for (int i = 0; i < MAKE_TRIES && r == 0; i++) {
                closep(&t.fd);
                r = try_make(s, &t);
        }
        if (r > 0) {
                *ret = t;
                return 0;
        }
        closep(&t.fd);
        return err_set(e, ERR_INTERNAL, r < 0 ? -r : EAGAIN, "make a directory in images/tmp");
}

void image_tmp_drop(struct image_store *s, struct image_tmp *t)
{
        int keep = errno;

        if (t->fd >= 0)
                (void)fs_remove_tree(s->tmp_fd, t->name.text);
        closep(&t->fd);
        errno = keep;
}

static int reap_one(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        AUTO_CLOSE int fd = fs_open_dir(dirfd, name);

        (void)d_type;
        (void)arg;
        if (fd == -ENOTDIR || fd == -ELOOP)
                (void)unlinkat(dirfd, name, 0);
        else if (fd >= 0 && flock_try_exclusive(fd) == 0)
                (void)fs_remove_tree(dirfd, name);
        return 0;
}

void image_tmp_reap(struct image_store *s)
{
        (void)fs_each(s->tmp_fd, reap_one, NULL);
}
