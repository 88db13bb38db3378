/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries are found by id, and wait in a queue when they are to be read (again). Whatever happens to a pod only puts it in the
 * queue; reading it looks where it is and what it says, whatever made us look. So no sequence of events
 * can be misunderstood: events tell when to look, never what is true.
 */
#include "api/pod_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <utlist.h>

#include "api/pod_index_priv.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"

enum {
        /*
         * Changes come in bursts, and a pod that is just being made need not be read at each of its files. So there must be
         * quiet for a moment, though not for ever. Nobody waits for this: a call reads what is pending at once.
         */
        DELAY_MS = 2,
        DELAY_MAX_MS = 10,
        STARVED_MS = 100,
        READS_PER_STEP = 4,
        READS_FOR = 16,  /* pods that begin as asked for; most who ask name one */
        LISTS_MS = 2000, /* a list that nobody asked for in this time is forgotten */
};

/* What a call may read before it answers, rather than wait for its turn. */
#define READ_IN_CALL (1 * NSEC_PER_MSEC)

struct pod_record *pod_record_free(struct pod_record *r)
{
        if (!r)
                return NULL;
        encoded_done(&r->encoded);
        free(r->cgroup);
        free(r);
        return NULL;
}

/* --- entries and their records */

struct pod_entry *pod_index_entry(struct pod_index *p, const char *uuid)
{
        struct pod_entry *entry = pod_table_get(&p->table, uuid);

        if (entry)
                return entry;
        entry = xcalloc(1, sizeof(*entry));
        memcpy(entry->uuid.text, uuid, sizeof(entry->uuid.text));
        entry->key = pod_table_key(uuid);
        entry->fd = -1;
        pod_table_insert(&p->table, entry);
        return entry;
}

static void take_out(struct pod_index *p, struct pod_entry *entry)
{
        if (entry->number == 0)
                return;
        entry->number = 0;
        DL_DELETE(p->queue, entry);
        p->n_queue--;
}

static void count(struct pod_index *p, const struct pod_record *r, bool more)
{
        size_t one = more ? 1 : (size_t)-1;

        if (!r)
                return;
        p->stats.pods += one;
        p->stats.broken += r->broken ? one : 0;
        if (!r->unreadable)
                p->stats.by_state[r->state] += one;
}

static void forget_lists(struct pod_index *p)
{
        p->lists[0] = grpc_blob_unref(p->lists[0]);
        p->lists[1] = grpc_blob_unref(p->lists[1]);
}

static bool is_same(const struct pod_record *a, const struct pod_record *b)
{
        return a && b && a->state == b->state && a->broken == b->broken &&
               a->unreadable == b->unreadable && encoded_equal(&a->encoded, &b->encoded);
}

void pod_index_put(struct pod_index *p, struct pod_entry *entry, struct pod_record *record)
{
        struct pod_record *before = entry->record;

        take_out(p, entry);
        if (is_same(before, record)) {
                pod_record_free(record);
                return;
        }
        if (before || record) {
                count(p, before, false);
                count(p, record, true);
                p->generation++;
                p->stats.changes++;
                forget_lists(p);
                entry->record = record;
                if (before)
                        pod_lookup_remove(&p->lookup, before);
                if (record)
                        pod_lookup_add(&p->lookup, record);
                pod_record_free(before);
        }
        if (record)
                return;
        pod_lock_forget(p, entry);
        pod_files_forget(p, entry);
        pod_table_remove(&p->table, entry);
        pod_told_done(&entry->told);
        free(entry);
}

struct pod_sight pod_index_sight(struct pod_entry *entry, int data_fd)
{
        return (struct pod_sight){ .uuid = &entry->uuid,
                                   .ino = entry->ino,
                                   .told = &entry->told,
                                   .last = entry->record ? &entry->record->encoded : NULL,
                                   .data_fd = data_fd };
}

/* --- the queue */

static void begin(uv_timer_t *timer)
{
        struct pod_index *p = timer->data;

        p->news = false;
        pod_scan_again(p);
        if (p->queue)
                jobs_add(p->jobs, &p->job);
}

void pod_index_wake(struct pod_index *p)
{
        if (!p->queue && !p->again)
                return;
        if (p->hurry && p->news && !p->starved) {
                (void)uv_timer_stop(&p->delay);
                begin(&p->delay);
                return;
        }
        if (!uv_is_active((uv_handle_t *)&p->delay))
                p->delayed = uv_now(p->loop);
        else if (p->starved || uv_now(p->loop) - p->delayed > DELAY_MAX_MS)
                return;
        (void)uv_timer_start(&p->delay, begin, p->starved ? STARVED_MS : DELAY_MS, 0);
}

void pod_index_touch(struct pod_index *p, struct pod_entry *entry)
{
        if (entry->number != 0)
                return; /* it is read later than now in any case */
        entry->number = pending_add(&p->pending);
        DL_APPEND(p->queue, entry);
        p->n_queue++;
}

void pod_index_touch_news(struct pod_index *p, struct pod_entry *entry)
{
        pod_index_touch(p, entry);
        p->news = true;
}

static void scan_ended(struct pod_index *p)
{
        if (p->scan_began == 0)
                return;
        p->stats.last_scan_ns = time_monotonic() - p->scan_began;
        p->scan_began = 0;
        if (p->follower)
                p->follower->scanned(p->follower);
}

/* All that is pending is done up to the first of the queue. */
static void tell_waiters(struct pod_index *p)
{
        if (!p->queue || p->queue->number > p->scan_number)
                scan_ended(p);
        pending_done(&p->pending, p->queue ? p->queue->number : UINT64_MAX);
}

bool pod_index_open_store(const struct pod_index *p, struct pod_store *ret, bool *ret_starved)
{
        AUTO_CLOSE int fd = index_open(p->index);
        struct err e;

        *ret_starved = fd == -EMFILE || fd == -ENFILE;
        if (fd < 0)
                return false;
        if (pod_store_open(fd, ret, &e) == 0)
                return true;
        *ret_starved = e.kind == ERR_NO_SPACE;
        return false;
}

/* What there is to read from, unless there is nothing: then every entry is one of a pod that is gone. */
static bool begin_reading(struct pod_index *p, struct pod_store *ret)
{
        return p->absent || pod_index_open_store(p, ret, &p->starved);
}

static bool read_one(struct pod_index *p, struct pod_store *store, struct pod_entry *entry)
{
        struct pod_sight sight = pod_index_sight(entry, -1);

        if (!p->absent)
                return pod_read(p, store, entry);
        if (p->follower)
                p->follower->lost(p->follower, &sight);
        pod_index_put(p, entry, NULL);
        return true;
}

/* Read from the front of the queue, up to @n entries, and until @deadline. False: nothing can be read now. */
static bool read_some(struct pod_index *p, size_t n, nsec deadline)
{
        AUTO(pod_store_done) struct pod_store store = POD_STORE_NULL;
        uint64_t last = p->pending.last;

        if (!p->queue)
                return true;
        if (!begin_reading(p, &store))
                return false;
        for (size_t i = 0; i < n && p->queue && p->queue->number <= last; i++) {
                if (!read_one(p, &store, p->queue)) {
                        p->starved = true;
                        return false;
                }
                if (deadline > 0 && time_monotonic() > deadline)
                        break;
        }
        return true;
}

static bool job_step(struct job *job)
{
        struct pod_index *p = OWNER_OF(job, struct pod_index, job);
        bool can = read_some(p, READS_PER_STEP, 0);

        tell_waiters(p);
        if (!can)
                pod_index_wake(p); /* another time */
        return can && p->queue;
}

/* What has happened until now becomes pending. */
static void take_note(struct pod_index *p)
{
        index_sync(p->index);
        pod_scan_again(p);
        pod_lock_ask_suspects(p);
}

bool pod_index_sync(struct pod_index *p)
{
        take_note(p);
        if (p->queue)
                (void)read_some(p, SIZE_MAX, time_monotonic() + READ_IN_CALL);
        if (!p->queue)
                tell_waiters(p);
        return !p->queue;
}

/* The first pending entry whose id begins so, NULL: there is none. */
static struct pod_entry *pending_entry(const struct pod_index *p, const char *prefix)
{
        size_t len = strlen(prefix);

        for (size_t at = pod_table_lower(&p->table, prefix); at < p->table.n; at++) {
                struct pod_entry *entry = p->table.v[at].entry;

                if (strncmp(entry->uuid.text, prefix, len) != 0)
                        return NULL;
                if (entry->number != 0)
                        return entry;
        }
        return NULL;
}

/* Every pod that may exist has an entry as soon as a scan begins, so those that begin so are all there is to know. */
bool pod_index_sync_for(struct pod_index *p, const char *prefix)
{
        AUTO(pod_store_done) struct pod_store store = POD_STORE_NULL;
        struct pod_entry *entry;
        struct uuid wanted;

        take_note(p);
        if (!p->queue || *prefix == '\0' || uuid_prefix_normalize(prefix, &wanted) < 0)
                return !p->queue || pod_index_sync(p);
        entry = pending_entry(p, wanted.text);
        if (entry && !begin_reading(p, &store))
                return false;
        for (unsigned i = 0; entry && i < READS_FOR; i++) {
                if (!read_one(p, &store, entry))
                        return false;
                entry = pending_entry(p, wanted.text);
        }
        if (!p->queue)
                tell_waiters(p);
        return !entry && !p->again;
}

void pod_index_wait(struct pod_index *p, struct waiter *w)
{
        pending_wait(&p->pending, w);
        if (!p->starved)
                jobs_add(p->jobs, &p->job);
        pod_index_wake(p);
}

void pod_index_cancel(struct pod_index *p, struct waiter *w)
{
        pending_cancel(&p->pending, w);
}

int pod_index_check(const struct pod_index *p, struct err *e)
{
        if (!p->failed)
                return 0;
        *e = p->error;
        return -1;
}

/* --- look-ups */

size_t pod_index_count(const struct pod_index *p)
{
        return p->stats.pods;
}

const struct pod_record *pod_index_next(const struct pod_index *p, size_t *at)
{
        while (*at < p->table.n) {
                const struct pod_record *r = p->table.v[(*at)++].entry->record;

                if (r)
                        return r;
        }
        return NULL;
}

size_t pod_index_from(const struct pod_index *p, const char *uuid)
{
        return pod_table_lower(&p->table, uuid);
}

const struct pod_record *pod_index_get(const struct pod_index *p, const char *uuid)
{
        const struct pod_entry *entry = uuid_is_valid(uuid) ? pod_table_get(&p->table, uuid) : NULL;

        return entry ? entry->record : NULL;
}

int pod_index_find(const struct pod_index *p, const char *prefix, const struct pod_record **ret,
                   struct err *e)
{
        const struct pod_record *found = NULL;
        struct uuid wanted;
        size_t len, n = 0;

        if (*prefix == '\0')
                return err_set(e, ERR_USAGE, 0, "no pod id given");
        if (uuid_prefix_normalize(prefix, &wanted) < 0)
                return err_set(e, ERR_USAGE, 0, "pod id \"%.100s\": not the beginning of a UUID",
                               prefix);
        len = strlen(wanted.text);
        for (size_t at = pod_table_lower(&p->table, wanted.text); at < p->table.n; at++) {
                const struct pod_entry *entry = p->table.v[at].entry;

                if (strncmp(entry->uuid.text, wanted.text, len) != 0)
                        break;
                found = entry->record ? entry->record : found;
                n += entry->record != NULL;
        }
        if (n == 0)
                return err_set(e, ERR_NOT_FOUND, 0, "no matches found for \"%s\"", prefix);
        if (n > 1)
                return err_set(e, ERR_AMBIGUOUS, 0, "pod id \"%s\": ambiguous uuid, %zu matches",
                               prefix, n);
        *ret = found;
        return 0;
}

/* Whoever asks for lists does so again and again; when nobody does, their memory is worth more. */
static void lists_unused(uv_timer_t *timer)
{
        struct pod_index *p = timer->data;

        if (p->lists_used != p->lists_seen)
                (void)uv_timer_start(timer, lists_unused, LISTS_MS, 0);
        else
                forget_lists(p);
        p->lists_seen = p->lists_used;
}

struct grpc_blob *pod_index_list(struct pod_index *p, bool detail, struct err *e)
{
        const struct pod_record *r;
        size_t len = 0;
        uint8_t *to;

        p->lists_used++;
        if (p->lists[detail])
                return grpc_blob_ref(p->lists[detail]);
        for (size_t at = 0; (r = pod_index_next(p, &at));)
                len += encoded_len(&r->encoded, detail);
        if (len > LIMIT_API_REPLY_BYTES) {
                (void)err_set(e, ERR_LIMIT, 0, "the list is over %u bytes: use filters",
                              LIMIT_API_REPLY_BYTES);
                return NULL;
        }
        p->lists[detail] = grpc_blob_new(len);
        to = p->lists[detail]->data;
        for (size_t at = 0; (r = pod_index_next(p, &at));)
                to = encoded_copy(&r->encoded, detail, to);
        if (!uv_is_active((uv_handle_t *)&p->lists_timer))
                (void)uv_timer_start(&p->lists_timer, lists_unused, LISTS_MS, 0);
        return grpc_blob_ref(p->lists[detail]);
}

const struct pod_lookup *pod_index_lookup(const struct pod_index *p)
{
        return &p->lookup;
}

uint64_t pod_index_generation(const struct pod_index *p)
{
        return p->generation;
}

void pod_index_follow(struct pod_index *p, struct pod_follower *f)
{
        p->follower = f;
}

struct pod_told *pod_index_told(const struct pod_index *p, const char *uuid)
{
        struct pod_entry *entry = uuid_is_valid(uuid) ? pod_table_get(&p->table, uuid) : NULL;

        return entry ? &entry->told : NULL;
}

void pod_index_each_told(const struct pod_index *p, void (*fn)(struct pod_told *told))
{
        for (size_t i = 0; i < p->table.n; i++)
                fn(&p->table.v[i].entry->told);
}

void pod_index_hurry(struct pod_index *p, bool hurry)
{
        p->hurry = hurry;
        watch_hurry(p->watch, hurry);
}

void pod_index_stats(const struct pod_index *p, struct pod_index_stats *ret)
{
        *ret = p->stats;
        ret->pending = p->n_queue;
}

/* --- the object */

static void timer_init(struct pod_index *p, uv_timer_t *timer)
{
        (void)uv_timer_init(p->loop, timer);
        timer->data = p;
        uv_unref((uv_handle_t *)timer); /* what may be due later is no reason to go on */
        p->handles++;
}

struct pod_index *pod_index_new(uv_loop_t *loop, struct jobs *jobs, struct index *index)
{
        struct pod_index *p = xcalloc(1, sizeof(*p));
        struct rlimit limit;

        p->loop = loop;
        p->jobs = jobs;
        p->index = index;
        p->watch = index_watch(index);
        p->part = (struct index_part){ .attach = pod_scan_attach, .name = "pods" };
        p->job.step = job_step;
        p->fds_max = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (size_t)limit.rlim_cur / 2 : 0;
        timer_init(p, &p->delay);
        timer_init(p, &p->lock_timer);
        timer_init(p, &p->coarse);
        timer_init(p, &p->lists_timer);
        pod_scan_init(p);
        pod_files_init(p);
        return p;
}

struct index_part *pod_index_part(struct pod_index *p)
{
        return &p->part;
}

static void closed(uv_handle_t *handle)
{
        struct pod_index *p = handle->data;

        if (--p->handles == 0)
                free(p);
}

void pod_index_free(struct pod_index *p)
{
        if (!p)
                return;
        p->follower = NULL;
        while (p->table.n > 0)
                pod_index_put(p, p->table.v[p->table.n - 1].entry, NULL);
        jobs_end(p->jobs, &p->job);
        pod_scan_done(p);
        forget_lists(p);
        pod_lookup_done(&p->lookup);
        free(p->table.v);
        uv_close((uv_handle_t *)&p->delay, closed);
        uv_close((uv_handle_t *)&p->lock_timer, closed);
        uv_close((uv_handle_t *)&p->coarse, closed);
        uv_close((uv_handle_t *)&p->lists_timer, closed);
}
