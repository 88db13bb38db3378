/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "util/auto.h"
#include "util/flock.h"
#include "util/fs.h"

/* fd, -1 when it is not there, or another -errno */
static int open_optional(int dirfd, const char *name)
{
        int fd = fs_open_dir(dirfd, name);

        return fd == -ENOENT ? -1 : fd == -EPERM ? -EACCES : fd; /* -EPERM is -1 */
}

static int open_missing(struct pod_store *s)
{
        if (s->pods_fd < 0) {
                int fd = open_optional(s->data_fd, "pods");

                if (fd < -1)
                        return fd;
                s->pods_fd = fd;
        }
        for (int d = 0; s->pods_fd >= 0 && d < POD_DIR_MAX; d++) {
                int fd;

                if (s->dir_fd[d] >= 0)
                        continue;
                fd = open_optional(s->pods_fd, pod_dir_name((enum pod_dir)d));
                if (fd < -1)
                        return fd;
                s->dir_fd[d] = fd;
        }
        return 0;
}

int pod_store_open(int data_fd, struct pod_store *ret, struct err *e)
{
        AUTO(pod_store_done) struct pod_store s = POD_STORE_NULL;
        int r;

        s.data_fd = fcntl(data_fd, F_DUPFD_CLOEXEC, 0);
        if (s.data_fd < 0)
                return err_set(e, ERR_INTERNAL, errno, "open the data directory");
        r = open_missing(&s);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "open the pod directories");
        *ret = s;
        s = POD_STORE_NULL;
        return 0;
}

void pod_store_done(struct pod_store *s)
{
        for (int d = 0; d < POD_DIR_MAX; d++)
                closep(&s->dir_fd[d]);
        closep(&s->pods_fd);
        closep(&s->data_fd);
}

void pod_store_refresh(struct pod_store *s)
{
        (void)open_missing(s);
}

static int open_flags(int dirfd, const char *name, int flags)
{
        int fd = openat(dirfd, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

/* 1: it is here; 0: it is not; -1 with e. */
static int open_in(const struct pod_store *s, const char *uuid, enum pod_dir dir, int flags,
                   struct pod *ret, struct err *e)
{
        int fd = s->dir_fd[dir] < 0 ? -ENOENT : open_flags(s->dir_fd[dir], uuid, flags);

        /* A file or a symlink is no pod, whatever its name. */
        if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
                return 0;
        if (fd < 0)
                return err_set(e, ERR_INTERNAL, -fd, "open pod %s", uuid);
        *ret = (struct pod){ .fd = fd, .dir = dir };
        memcpy(ret->uuid.text, uuid, sizeof(ret->uuid.text));
        return 1;
}

static int open_any(const struct pod_store *s, const char *uuid, int flags, struct pod *ret,
                    struct err *e)
{
        int r = 0;

        for (int d = 0; d < POD_DIR_MAX && r == 0; d++)
                r = open_in(s, uuid, (enum pod_dir)d, flags, ret, e);
        if (r == 0)
                return err_set(e, ERR_NOT_FOUND, 0, "no matches found for \"%s\"", uuid);
        return r < 0 ? -1 : 0;
}

static int no_such_id(const char *uuid, struct err *e)
{
        return err_set(e, ERR_NOT_FOUND, 0, "no matches found for \"%.64s\"", uuid);
}

int pod_open(struct pod_store *s, const char *uuid, struct pod *ret, struct err *e)
{
        if (!uuid_is_valid(uuid))
                return no_such_id(uuid, e);
        pod_store_refresh(s);
        return open_any(s, uuid, O_RDONLY, ret, e);
}

int pod_find(struct pod_store *s, const char *uuid, enum pod_dir first, struct pod *ret,
             struct err *e)
{
        int r;

        if (!uuid_is_valid(uuid))
                return no_such_id(uuid, e);
        r = open_in(s, uuid, first, O_PATH, ret, e);
        if (r != 0)
                return r < 0 ? -1 : 0;
        return open_any(s, uuid, O_PATH, ret, e);
}

void pod_done(struct pod *p)
{
        closep(&p->fd);
}

bool pod_is_locked(const struct pod *p)
{
        if (p->dir == POD_DIR_EMBRYO || p->dir == POD_DIR_PREPARED)
                return false;
        return flock_probe(p->fd) == 1;
}

static bool is_at(const struct pod_store *s, const struct stat *want, const char *uuid, int dir)
{
        struct stat st;

        return s->dir_fd[dir] >= 0 &&
               fstatat(s->dir_fd[dir], uuid, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
               st.st_ino == want->st_ino && st.st_dev == want->st_dev;
}

bool pod_is_there(const struct pod_store *s, const struct pod *p)
{
        struct stat st;

        return fstat(p->fd, &st) == 0 && is_at(s, &st, p->uuid.text, (int)p->dir);
}

int pod_where(struct pod_store *s, const struct pod *p, enum pod_dir *ret)
{
        struct stat st;

        if (fstat(p->fd, &st) < 0)
                return -1;
        pod_store_refresh(s);
        for (int d = 0; d < POD_DIR_MAX; d++)
                if (is_at(s, &st, p->uuid.text, d)) {
                        *ret = (enum pod_dir)d;
                        return 0;
                }
        return -1;
}

/*
 * Looking where a pod is and looking at its lock are two looks, and the pod may move between
 * them. Two combinations would be lies and not just old news: "not locked" seen of a pod that
 * left prepare/ and ran meanwhile is no aborted prepare, and "locked" seen of a pod that left
 * run/ is its deletion. As pods only move forward, one that is still there after the second look
 * was there at the time of it.
 */
enum pod_state pod_state_sample(struct pod_store *s, struct pod *p)
{
        for (;;) {
                bool locked = pod_is_locked(p);
                enum pod_dir now = p->dir;

                if (!(p->dir == POD_DIR_PREPARE && !locked) && !(p->dir == POD_DIR_RUN && locked))
                        return pod_state_of(p->dir, locked);
                if (pod_where(s, p, &now) < 0)
                        return p->dir == POD_DIR_RUN ? POD_EXITED_DELETING : POD_DELETING;
                if (now == p->dir)
                        return pod_state_of(p->dir, locked);
                p->dir = now;
        }
}
