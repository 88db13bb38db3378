/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks make no events, but whoever takes or drops one has opened the pod's directory or closes it, and that is seen.
 *
 * A locked pod can only become free by a close. The kernel tells of it a moment before the lock falls, so
 * after each the lock is asked again and again, more and more rarely. The descriptor that we ask with stays open as long as the pod is
 * locked: closing it would look like the owner's close, and asking would never end.
 *
 * A free pod can only become locked by somebody who has opened it, and most who do (every list) take no lock and are gone in
 * no time. The kernel makes one event of two equal ones in a row, so that as many closes as openings do not prove that
 * everybody has left; but then one more question, a little later, is enough, and else it is asked again and again as above. Our
 * own descriptor makes one opening, of which we know, and its close means nothing, since the pod is free then.
 *
 * Asking takes a shared lock for less than a microsecond. Owners put up with that (pod_lock waits, mark shares), but
 * not everybody who tries his hand at a pod directory does; so the first question comes a moment after the opening,
 * except when a call wants to know.
 */
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "api/pod_index_priv.h"
#include "util/auto.h"
#include "util/flock.h"
#include "util/fs.h"
#include "util/mem.h"

/* After an event: when to ask. */
static const nsec pauses[] = { 1 * NSEC_PER_MSEC, 4 * NSEC_PER_MSEC, 15 * NSEC_PER_MSEC,
                               80 * NSEC_PER_MSEC, 400 * NSEC_PER_MSEC };

/* When all visitors have left, as far as we can count. */
#define PAUSE_LEFT  (300 * NSEC_PER_MSEC)
#define PAUSE_ASKED (1 * NSEC_PER_SEC)

enum {
        STAYING_MAX = 64, /* visitors that stay without the lock, and that calls ask about */
        SUSPECTS_MAX =
                512, /* descriptors for all these; when somebody lists thousands of pods, the first ones make room */
        FRESH_STEPS = 3, /* so long a lock that is about to fall may take: calls ask */
};

struct pod_suspect {
        struct pod_entry *entry; /* borrowed */
        struct pod_suspect *prev, *next;
        nsec due; /* INT64_MAX: only when a call wants to know */
        uint32_t opens;
        uint32_t closes;
        uint32_t ours; /* of the opens */
        uint8_t step;  /* of pauses: the next one */
        bool sure; /* somebody may have opened it before we looked: it became free or came here just now */
};

static void release(struct pod_index *p, struct pod_entry *entry)
{
        if (entry->fd >= 0)
                p->stats.descriptors--;
        closep(&entry->fd);
        entry->fd = -1;
}

static void keep(struct pod_index *p, struct pod_entry *entry, int fd)
{
        entry->fd = fd;
        p->stats.descriptors++;
        if (entry->suspect)
                entry->suspect->ours++;
}

static void set_blind(struct pod_index *p, struct pod_entry *entry, bool blind)
{
        if (entry->blind == blind)
                return;
        entry->blind = blind;
        p->n_blind += blind ? 1 : (size_t)-1;
        if (blind)
                pod_files_arrange(p);
}

static void drop(struct pod_index *p, struct pod_entry *entry)
{
        if (!entry->suspect)
                return;
        DL_DELETE(p->suspects, entry->suspect);
        p->n_suspects--;
        free(entry->suspect);
        entry->suspect = NULL;
        if (entry->lock != POD_LOCK_HELD)
                release(p, entry);
}

static struct pod_suspect *suspect(struct pod_index *p, struct pod_entry *entry, nsec pause)
{
        struct pod_suspect *s = entry->suspect;

        if (!s) {
                s = entry->suspect = xcalloc(1, sizeof(*s));
                s->entry = entry;
                s->ours = entry->fd >= 0;
                s->opens = s->ours;
                DL_APPEND(p->suspects, s);
                p->n_suspects++;
        }
        s->step = pause > 0;
        s->due = time_monotonic() + pause;
        return s;
}

static bool has_left(const struct pod_suspect *s)
{
        return !s->sure && s->closes + s->ours >= s->opens;
}

void pod_lock_opened(struct pod_index *p, struct pod_entry *entry)
{
        struct pod_suspect *s;

        if (entry->lock == POD_LOCK_HELD) {
                if (entry->suspect)
                        entry->suspect->opens++;
                return;
        }
        s = suspect(p, entry, pauses[0]);
        s->opens++;
        if (has_left(s)) /* it was our own */
                s->due += PAUSE_LEFT;
}

/* Pods that are visited all the time are asked once a second, and by calls. */
static nsec asked_next(const struct pod_entry *entry)
{
        nsec now = time_monotonic();

        return entry->asked + PAUSE_ASKED > now + PAUSE_LEFT ? entry->asked + PAUSE_ASKED
                                                             : now + PAUSE_LEFT;
}

void pod_lock_closed(struct pod_index *p, struct pod_entry *entry)
{
        struct pod_suspect *s = entry->suspect;

        if (s)
                s->closes++;
        if (entry->lock == POD_LOCK_HELD && !entry->blind)
                (void)suspect(p, entry, 0);
        else if (s && has_left(s))
                s->due = asked_next(entry);
}

/* --- asking */

static void ask_held(struct pod_index *p, struct pod_suspect *s)
{
        if (s->entry->fd < 0 || flock_probe(s->entry->fd) == 1)
                return;
        s->entry->lock = POD_LOCK_FREE;
        s->sure = true;
        s->opens = s->ours; /* whoever came before was not of interest */
        s->closes = 0;
        s->step = 1;
        s->due = time_monotonic() + pauses[0];
        pod_index_touch_news(p, s->entry);
}

static int open_to_ask(struct pod_index *p, struct pod_entry *entry, const struct pod_store *store)
{
        int dir = store->dir_fd[entry->dir], fd;

        if (p->stats.descriptors >= p->fds_max)
                return -EMFILE;
        fd = dir < 0 ? -ENOENT : fs_open_dir(dir, entry->uuid.text);
        if (fd >= 0)
                keep(p, entry, fd);
        else if (fd != -EMFILE && fd != -ENFILE)
                pod_index_touch(p, entry); /* it is somewhere else, or forbidden */
        return fd;
}

static void ask_free(struct pod_index *p, struct pod_suspect *s)
{
        if (s->entry->fd < 0 || flock_probe(s->entry->fd) != 1)
                return;
        s->entry->lock = POD_LOCK_HELD;
        s->sure = false;
        s->step = 1;
        s->due = time_monotonic() + pauses[0];
        pod_index_touch_news(p, s->entry);
}

/* The next time, or never again. */
static void postpone(struct pod_index *p, struct pod_suspect *s, nsec now, size_t *staying)
{
        bool held = s->entry->lock == POD_LOCK_HELD;

        if (s->due > now)
                return;
        if ((held || !has_left(s)) && s->step < ARRAY_LEN(pauses)) {
                s->due = now + pauses[s->step++];
                return;
        }
        s->sure = false;
        s->entry->asked = now;
        if (held || has_left(s) || ++*staying > STAYING_MAX)
                drop(p, s->entry);
        else
                s->due = INT64_MAX;
}

static void arm(struct pod_index *p, nsec now)
{
        nsec due = INT64_MAX;

        for (const struct pod_suspect *s = p->suspects; s; s = s->next)
                due = s->due < due ? s->due : due;
        if (due == INT64_MAX)
                (void)uv_timer_stop(&p->lock_timer);
        else
                (void)uv_timer_start(&p->lock_timer, pod_lock_timer,
                                     due > now ? (uint64_t)((due - now) / NSEC_PER_MSEC + 1) : 1,
                                     0);
}

static void arm_for(struct pod_index *p, const struct pod_suspect *s)
{
        nsec left = s->due - time_monotonic();
        uint64_t ms = left > 0 ? (uint64_t)(left / NSEC_PER_MSEC + 1) : 1;

        if (!uv_is_active((uv_handle_t *)&p->lock_timer) ||
            uv_timer_get_due_in(&p->lock_timer) > ms)
                (void)uv_timer_start(&p->lock_timer, pod_lock_timer, ms, 0);
}

static bool is_asked(const struct pod_suspect *s, bool by_call, nsec now)
{
        if (s->due <= now)
                return true;
        return by_call && (s->entry->lock != POD_LOCK_HELD || s->step <= FRESH_STEPS);
}

/* One round of questions. */
struct asking {
        struct pod_store store; /* opened when first needed */
        bool opened;
        nsec now;
        size_t staying;
};

static void ask_one(struct pod_index *p, struct asking *a, struct pod_suspect *s)
{
        struct pod_entry *entry = s->entry;
        bool starved; /* reading finds that out for itself */

        if (entry->dir == POD_DIR_EMBRYO || entry->dir == POD_DIR_PREPARED) {
                drop(p, entry); /* the lock means nothing there */
                return;
        }
        if (entry->lock == POD_LOCK_UNKNOWN && entry->number != 0) {
                postpone(p, s, a->now, &a->staying); /* it is asked when it is read */
                return;
        }
        if (entry->lock == POD_LOCK_HELD) {
                ask_held(p, s);
                postpone(p, s, a->now, &a->staying);
                return;
        }
        if (entry->fd >= 0) {
                ask_free(p, s);
                postpone(p, s, a->now, &a->staying);
                return;
        }
        if (!a->opened)
                a->opened = pod_index_open_store(p, &a->store, &starved);
        /*
         * That it was opened is still to be told, and must find the suspect that knows of it: so it stays open for another round, or
         * our close would look like a visitor's.
         */
        if (a->opened && open_to_ask(p, entry, &a->store) >= 0) {
                s->due = a->now + (has_left(s) ? PAUSE_LEFT : pauses[0]);
                ask_free(p, s);
        } else {
                postpone(p, s, a->now, &a->staying);
        }
}

/*
 * Those whose time has come, and those of whom a call must know. What happened is noted (watch_sync) before this is called: so
 * it is known of each of our own descriptors that it was opened.
 */
static void ask(struct pod_index *p, bool by_call)
{
        size_t max = p->fds_max / 4 < SUSPECTS_MAX ? p->fds_max / 4 : SUSPECTS_MAX;
        struct asking a = { .store = POD_STORE_NULL, .now = time_monotonic() };
        size_t spare;

        /* More than we care for: the first ones are the oldest. */
        spare = p->n_suspects > max ? p->n_suspects - max : 0;
        for (struct pod_suspect *s = p->suspects, *next; s; s = next) {
                next = s->next;
                a.staying += s->due == INT64_MAX;
                if (spare > 0 && s->entry->lock != POD_LOCK_HELD && has_left(s)) {
                        drop(p, s->entry);
                        spare--;
                } else if (is_asked(s, by_call, a.now)) {
                        ask_one(p, &a, s);
                }
        }
        pod_store_done(&a.store);
        arm(p, a.now);
}

void pod_lock_ask_suspects(struct pod_index *p)
{
        if (p->suspects)
                ask(p, true);
}

void pod_lock_drained(struct pod_index *p)
{
        if (p->suspects)
                ask(p, false);
}

void pod_lock_timer(uv_timer_t *timer)
{
        struct pod_index *p = timer->data;

        index_sync(p->index); /* asks whose time has come, once what has happened is noted */
        pod_lock_drained(p);
        pod_index_wake(p);
}

/*
 * Of the directory above. What follows is no longer in a row with what was before: our opening and a visitor's would be one
 * event otherwise, and we would take it for ours. (A round of questions makes such events at both its ends, and different ones
 * in between.)
 */
static void make_an_event(int handle)
{
        AUTO_CLOSE int fd = fs_open_dir(handle, "..");

        (void)fd;
}

int pod_lock_ask(struct pod_index *p, struct pod_entry *entry, int handle)
{
        AUTO_CLOSE int fd = -1;
        int r;

        if (entry->dir == POD_DIR_EMBRYO || entry->dir == POD_DIR_PREPARED) {
                pod_lock_forget(p, entry);
                return 0;
        }
        if (entry->lock != POD_LOCK_UNKNOWN)
                return 0;
        if (entry->fd < 0) {
                make_an_event(handle);
                fd = fs_open_dir(handle, ".");
                make_an_event(handle);
                if (fd < 0)
                        return fd;
        }
        r = flock_probe(entry->fd >= 0 ? entry->fd : fd);
        entry->lock = r == 1 ? POD_LOCK_HELD : POD_LOCK_FREE;
        if (p->stats.descriptors >= p->fds_max && entry->fd < 0) {
                set_blind(p, entry, r == 1);
                return 0;
        }
        set_blind(p, entry, false);
        /*
         * Is it locked, its owner's close may have been told already, and the lock be about to fall. Is it free, our opening is
         * still to be told, and shall find the suspect that knows of it.
         */
        if (!entry->suspect || r == 1 || entry->moved) {
                struct pod_suspect *s =
                        suspect(p, entry, r == 1 || entry->moved ? pauses[0] : PAUSE_LEFT);

                s->sure = r != 1 && (s->sure || entry->moved);
                arm_for(p, s);
        }
        entry->moved = false;
        if (entry->fd < 0)
                keep(p, entry, TAKE_FD(fd));
        return 0;
}

/* --- the init */

static void init_died(struct watch_owner *o, void *about)
{
        struct pod_index *p = OWNER_OF(o, struct pod_index, file_owner);
        struct pod_entry *entry = about;

        entry->process = NULL;
        if (entry->lock == POD_LOCK_HELD && !entry->blind)
                (void)suspect(p, entry, 0);
}

void pod_lock_follow(struct pod_index *p, struct pod_entry *entry, pid_t pid)
{
        struct watch_stats stats;

        if (pid == entry->pid)
                return;
        watch_process_remove(p->watch, entry->process);
        entry->process = NULL;
        entry->pid = pid;
        watch_stats(p->watch, &stats);
        if (pid > 0 && p->stats.descriptors + stats.processes < p->fds_max)
                entry->process = watch_process_add(p->watch, pid, init_died, &p->file_owner, entry);
}

void pod_lock_forget(struct pod_index *p, struct pod_entry *entry)
{
        pod_lock_follow(p, entry, -1);
        set_blind(p, entry, false);
        entry->lock = POD_LOCK_UNKNOWN;
        drop(p, entry);
        release(p, entry);
}
