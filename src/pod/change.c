/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/change.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pod/past.h"
#include "pod/record.h"
#include "util/auto.h"
#include "util/flock.h"
#include "util/fs.h"
#include "util/test_hook.h"

enum { LOCK_TRY_MS = 50 };

/*
 * Group carob may read, if there is such a group; what is made beneath inherits it through the
 * set-group-id bit. Without the group, or the right to give: private to the owner, which harms
 * nobody.
 */
static int give_to_group(int dirfd, const char *name)
{
        struct group *group = getgrnam("carob");

        if (!group || fchownat(dirfd, name, (uid_t)-1, group->gr_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        return fchmodat(dirfd, name, 02750, 0) < 0 ? -errno : 0;
}

static int make_dir(int dirfd, const char *name)
{
        struct stat parent;
        int r = fs_mkdir(dirfd, name, 0750);

        if (r < 0)
                return r;
        if (fstat(dirfd, &parent) == 0 && parent.st_mode & S_ISGID &&
            fchmodat(dirfd, name, 02750, 0) < 0)
                return -errno;
        return 0;
}

static int make_store(int data_fd)
{
        AUTO_CLOSE int pods_fd = -1;
        int r = make_dir(data_fd, "pods");

        if (r == 0)
                r = give_to_group(data_fd, "pods");
        if (r < 0 && r != -EEXIST)
                return r;
        pods_fd = fs_open_dir(data_fd, "pods");
        if (pods_fd < 0)
                return pods_fd;
        for (int d = 0; d < POD_DIR_MAX; d++) {
                r = make_dir(pods_fd, pod_dir_name((enum pod_dir)d));
                if (r < 0 && r != -EEXIST)
                        return r;
        }
        return 0;
}

int pod_store_create(int data_fd, struct pod_store *ret, struct err *e)
{
        AUTO(pod_store_done) struct pod_store s = POD_STORE_NULL;
        int r = 0;

        if (pod_store_open(data_fd, &s, e) < 0)
                return -1;
        for (int d = 0; d < POD_DIR_MAX && r == 0; d++)
                if (s.dir_fd[d] < 0)
                        r = make_store(data_fd);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "make the pod directories");
        pod_store_refresh(&s);
        for (int d = 0; d < POD_DIR_MAX; d++)
                if (s.dir_fd[d] < 0)
                        return err_set(e, ERR_INTERNAL, ENOENT, "open pods/%s",
                                       pod_dir_name((enum pod_dir)d));
        *ret = s;
        s = POD_STORE_NULL;
        return 0;
}

static void remove_embryo(int embryo, const struct pod *p)
{
        if (p->fd >= 0)
                (void)unlinkat(p->fd, "pod-created", 0);
        (void)unlinkat(embryo, p->uuid.text, AT_REMOVEDIR);
}

int pod_create(struct pod_store *s, struct pod *ret, struct err *e)
{
        AUTO(pod_done) struct pod p = POD_NULL;
        int embryo = s->dir_fd[POD_DIR_EMBRYO], r;

        uuid_generate(&p.uuid);
        r = make_dir(embryo, p.uuid.text);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "make a pod directory");
        test_hook("embryo-made");
        p.fd = fs_open_dir(embryo, p.uuid.text);
        r = p.fd < 0 ? p.fd : flock_try_exclusive(p.fd);
        test_hook("embryo-locked");
        if (r == 0 && pod_write_created(p.fd, e) < 0) {
                remove_embryo(embryo, &p);
                return -1;
        }
        test_hook("created-written");
        /*
         * Not fsynced: until the pod is prepared or runs, nobody was promised that it survives a
         * loss of power.
         */
        if (r == 0 && renameat2(embryo, p.uuid.text, s->dir_fd[POD_DIR_PREPARE], p.uuid.text,
                                RENAME_NOREPLACE) < 0)
                r = -errno;
        if (r < 0) {
                remove_embryo(embryo, &p);
                return err_set(e, ERR_INTERNAL, -r, "lock and publish pod directory %s",
                               p.uuid.text);
        }
        test_hook("prepare-made");
        p.dir = POD_DIR_PREPARE;
        *ret = p;
        p = POD_NULL;
        return 0;
}

int pod_lock(struct pod_store *s, struct pod *p, struct err *e)
{
        int r = flock_wait(p->fd, true, time_monotonic() + LOCK_TRY_MS * NSEC_PER_MSEC);

        if (r == -ETIMEDOUT)
                return err_set(e, ERR_BUSY, 0, "pod %s is in use by another process", p->uuid.text);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "lock pod %s", p->uuid.text);
        if (pod_where(s, p, &p->dir) < 0) {
                (void)flock_release(p->fd);
                return err_set(e, ERR_NOT_FOUND, 0, "pod %s was removed meanwhile", p->uuid.text);
        }
        return 0;
}

/*
 * A pod that goes from prepare/ to run/ may come back as an aborted prepare after a loss of power: nothing of it runs
 * any more in either case. Its start need not wait for the disk, then. From prepared/ it must not come back: somebody
 * would run it a second time.
 */
static int rename_to(struct pod_store *s, const struct pod *p, enum pod_dir to)
{
        int from_fd = s->dir_fd[p->dir], to_fd = s->dir_fd[to];

        if (p->dir != POD_DIR_PREPARE || to != POD_DIR_RUN)
                return fs_rename_publish(from_fd, p->uuid.text, to_fd, p->uuid.text);
        return renameat2(from_fd, p->uuid.text, to_fd, p->uuid.text, RENAME_NOREPLACE) < 0 ? -errno
                                                                                           : 0;
}

static enum pod_move move(struct pod_store *s, struct pod *p, enum pod_dir to, struct err *e)
{
        int r = rename_to(s, p, to);

        if (r == 0) {
                p->dir = to;
                test_hook(pod_dir_name(to));
                return POD_MOVED;
        }
        /* The rename may have been done, and its fsync not: say where the pod is in any case. */
        (void)pod_where(s, p, &p->dir);
        if (r == -ENOENT || r == -EEXIST) {
                (void)err_set(e, ERR_STATE, 0, "pod %s was moved or removed by another process",
                              p->uuid.text);
                return POD_MOVE_LOST;
        }
        (void)err_set(e, ERR_INTERNAL, -r, "move pod %s to %s", p->uuid.text, pod_dir_name(to));
        return POD_MOVE_FAILED;
}

static int may_move(const struct pod *p, unsigned from, enum pod_dir to, struct err *e)
{
        if (from & POD_DIR_BIT(p->dir))
                return 0;
        if (p->dir == to)
                return err_set(e, ERR_STATE, 0,
                               "pod %s is in %s already: another process was first", p->uuid.text,
                               pod_dir_name(to));
        return err_set(e, ERR_STATE, 0, "pod %s cannot go from %s to %s", p->uuid.text,
                       pod_dir_name(p->dir), pod_dir_name(to));
}

enum pod_move pod_to_prepared(struct pod_store *s, struct pod *p, struct err *e)
{
        if (may_move(p, POD_DIR_BIT(POD_DIR_PREPARE), POD_DIR_PREPARED, e) < 0)
                return POD_MOVE_FAILED;
        return move(s, p, POD_DIR_PREPARED, e);
}

enum pod_move pod_to_run(struct pod_store *s, struct pod *p, struct err *e)
{
        unsigned from = POD_DIR_BIT(POD_DIR_PREPARE) | POD_DIR_BIT(POD_DIR_PREPARED);

        if (may_move(p, from, POD_DIR_RUN, e) < 0)
                return POD_MOVE_FAILED;
        return move(s, p, POD_DIR_RUN, e);
}

/*
 * p->dir may be old news: if the pod is in prepared/ by now, the mark is there for good. From here on the lock keeps it
 * where it is.
 */
static int take_back_prepared(struct pod_store *s, const struct pod *p)
{
        enum pod_dir now;

        if (p->dir != POD_DIR_PREPARE || pod_where(s, p, &now) < 0 || now != POD_DIR_PREPARE)
                return 0;
        /* The time of what was done last: as the mark of an aborted preparation, without a text, the file keeps it. */
        if (renameat2(p->fd, POD_MARK_PREPARED, p->fd, POD_MARK_ABORTED, RENAME_NOREPLACE) == 0 ||
            errno == ENOENT)
                return 0;
        if (errno != EEXIST)
                return -errno;
        return unlinkat(p->fd, POD_MARK_PREPARED, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/*
 * The shared lock excludes an owner as well as the exclusive one would, but a reader that probes
 * meanwhile does not take us for the owner.
 */
static enum pod_move mark_locked(struct pod_store *s, struct pod *p, enum pod_dir to, struct err *e)
{
        int r = to == POD_DIR_GARBAGE ? take_back_prepared(s, p) : 0;

        if (r < 0) {
                (void)err_set(e, ERR_INTERNAL, -r, "mark pod %s as aborted", p->uuid.text);
                return POD_MOVE_FAILED;
        }
        test_hook("mark-taken-back");
        return move(s, p, to, e);
}

static enum pod_move mark(struct pod_store *s, struct pod *p, enum pod_dir to, struct err *e)
{
        enum pod_move moved;
        int r = flock_try_shared(p->fd);

        if (r == -EWOULDBLOCK) {
                (void)err_set(e, ERR_BUSY, 0, "pod %s is in use by another process", p->uuid.text);
                return POD_MOVE_LOST;
        }
        if (r < 0) {
                (void)err_set(e, ERR_INTERNAL, -r, "lock pod %s", p->uuid.text);
                return POD_MOVE_FAILED;
        }
        moved = mark_locked(s, p, to, e);
        (void)flock_release(p->fd);
        return moved;
}

enum pod_move pod_to_exited_garbage(struct pod_store *s, struct pod *p, struct err *e)
{
        if (may_move(p, POD_DIR_BIT(POD_DIR_RUN), POD_DIR_EXITED_GARBAGE, e) < 0)
                return POD_MOVE_FAILED;
        return mark(s, p, POD_DIR_EXITED_GARBAGE, e);
}

enum pod_move pod_to_garbage(struct pod_store *s, struct pod *p, struct err *e)
{
        unsigned from = POD_DIR_BIT(POD_DIR_EMBRYO) | POD_DIR_BIT(POD_DIR_PREPARE) |
                        POD_DIR_BIT(POD_DIR_PREPARED);

        if (may_move(p, from, POD_DIR_GARBAGE, e) < 0)
                return POD_MOVE_FAILED;
        return mark(s, p, POD_DIR_GARBAGE, e);
}
