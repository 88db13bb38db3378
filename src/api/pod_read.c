/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pod is looked at. The watches on its files are there before the files are read, and its lock is asked before
 * the files are: so what is told is never older than what was read, and whatever changes afterwards is an event.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/encode.h"
#include "api/pod_index_priv.h"
#include "util/auto.h"
#include "util/mem.h"

enum {
        MOVES_MAX = 8, /* a pod has six directories to be in */
        NEEDED = 2,    /* descriptors to read a pod's files with */
};

/* Was what could not be read unreadable, or could nothing have been read just now? */
static bool has_descriptors(int any)
{
        int fds[NEEDED], n = 0;
        bool enough;

        while (n < NEEDED && (fds[n] = fcntl(any, F_DUPFD_CLOEXEC, 0)) >= 0)
                n++;
        enough = n == NEEDED;
        while (n > 0)
                closep(&fds[--n]);
        return enough;
}

static struct pod_record *record_new(const struct pod_entry *entry)
{
        struct pod_record *r = xcalloc(1, sizeof(*r));

        r->uuid = entry->uuid;
        r->pid = -1;
        return r;
}

static struct pod_record *unreadable(const struct pod_entry *entry)
{
        struct pod_record *r = record_new(entry);

        r->unreadable = r->broken = true;
        encoded_init_unreadable_pod(&r->encoded, &entry->uuid);
        return r;
}

static struct pod_record *record_of(const struct pod_entry *entry, struct pod_view *view)
{
        struct pod_record *r = record_new(entry);

        r->state = (uint8_t)view->state;
        r->api_state = (uint8_t)encode_pod_state(view->state);
        r->broken = view->problem != NULL;
        r->pid = view->pid;
        encoded_init_pod(&r->encoded, view);
        if (view->state == POD_RUNNING)
                r->cgroup = TAKE_PTR(view->cgroup);
        return r;
}

/*
 * Where the pod is and whether it is locked are two looks, and it may move between them: two combinations must be
 * confirmed, as pod_state_sample has it. 1: *ret is its state; 0: it has moved; -errno.
 */
static int sample(struct pod_index *p, const struct pod_store *s, struct pod_entry *entry,
                  const struct pod *pod, enum pod_state *ret)
{
        int r = pod_lock_ask(p, entry, pod->fd);
        bool locked;

        if (r < 0)
                return r;
        locked = entry->lock == POD_LOCK_HELD;
        if (pod->dir == (locked ? POD_DIR_RUN : POD_DIR_PREPARE) && !pod_is_there(s, pod))
                return 0;
        *ret = pod_state_of(pod->dir, locked);
        return 1;
}

static void tell_gone(struct pod_index *p, const struct pod_store *s, struct pod_entry *entry)
{
        struct pod_sight sight = pod_index_sight(entry, s->data_fd);

        if (p->follower)
                p->follower->gone(p->follower, &sight);
}

/*
 * Another directory of the same name: nothing that we hold belongs to it. What was opened to ask for a lock may be of one that came
 * and went before it was ever read.
 */
static void notice_identity(struct pod_index *p, const struct pod_store *s, struct pod_entry *entry,
                            const struct pod *pod)
{
        struct stat st, held;
        bool other;

        if (fstat(pod->fd, &st) < 0)
                return;
        other = entry->ino != 0 && entry->ino != st.st_ino;
        if (entry->fd >= 0 && fstat(entry->fd, &held) == 0)
                other = other || held.st_ino != st.st_ino || held.st_dev != st.st_dev;
        if (other) {
                tell_gone(p, s, entry);
                pod_told_done(&entry->told);
                pod_lock_forget(p, entry);
                pod_files_forget(p, entry);
                entry->moved = true;
        }
        entry->ino = st.st_ino;
}

static void tell_seen(struct pod_index *p, const struct pod_store *s, struct pod_entry *entry,
                      const struct pod *pod, const struct pod_view *view)
{
        struct pod_sight sight = pod_index_sight(entry, s->data_fd);

        if (p->follower)
                p->follower->seen(p->follower, &sight, pod, view);
}

bool pod_read(struct pod_index *p, struct pod_store *s, struct pod_entry *entry)
{
        AUTO(pod_view_freep) struct pod_view *view = NULL;
        AUTO(pod_done) struct pod pod = POD_NULL;
        enum pod_state state;
        struct err e;
        int r = 0;

        p->stats.reads++;
        for (int i = 0; i < MOVES_MAX && r == 0; i++) {
                pod_done(&pod);
                if (pod_find(s, entry->uuid.text, (enum pod_dir)entry->dir, &pod, &e) < 0) {
                        if (e.kind == ERR_NO_SPACE)
                                return false;
                        if (e.kind == ERR_NOT_FOUND)
                                tell_gone(p, s, entry);
                        pod_index_put(p, entry, e.kind == ERR_NOT_FOUND ? NULL : unreadable(entry));
                        return true;
                }
                notice_identity(p, s, entry, &pod);
                entry->dir = (uint8_t)pod.dir;
                r = sample(p, s, entry, &pod, &state);
        }
        if (r == -EMFILE || r == -ENFILE)
                return false;
        if (r <= 0) {
                pod_index_put(p, entry, unreadable(entry));
                return true;
        }
        pod_files_watch(p, entry, pod.fd);
        view = pod_view_of(&pod, state, POD_VIEW_ALL);
        if (view->problem && !has_descriptors(s->data_fd))
                return false;
        pod_lock_follow(p, entry, state == POD_RUNNING ? view->pid : -1);
        tell_seen(p, s, entry, &pod, view);
        pod_index_put(p, entry, record_of(entry, view));
        return true;
}
