/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where last words come in: a pod whose collection is news may be in the middle of being deleted, and says nothing of itself then;
 * so before anything is told of such a pod, and of one that is gone, the ledger is read. A line says all there is to
 * say, so that whatever was read of the pod before and after it is no news any more.
 */
#include <stdlib.h>
#include <string.h>

#include "api/event_source_priv.h"
#include "util/auto.h"
#include "util/log.h"
#include "util/mem.h"

static struct event_source *of_follower(struct pod_follower *f)
{
        return OWNER_OF(f, struct event_source, pod_follower);
}

static void tell(struct event_source *s, const struct pod_past *past, struct pod_told *told,
                 bool first)
{
        struct event_look look = event_tail_look(&s->pod_tail, first);

        event_derive_pod(past, told, &look, event_source_tell, s);
        /* A pod that is being deleted says nothing, and its last words are still to be considered. */
        if (told->pod || past->created_at > 0)
                told->pod |= POD_TOLD_SEEN;
}

static uint64_t key_of(const struct pod_past *past)
{
        return event_key(past->uuid.text, (uint64_t)past->created_at);
}

static bool is_first(const struct pod_told *told)
{
        return !(told->pod & POD_TOLD_SEEN);
}

/* --- last words */

/* What was told of that pod, wherever it is remembered. */
static struct pod_told *told_of(struct event_source *s, const char *uuid)
{
        struct pod_told *told = pod_index_told(s->pods, uuid);
        struct event_lost_pod *lost;

        if (told && !is_first(told))
                return told;
        HASH_FIND_STR(s->lost_pods, uuid, lost);
        return lost ? &lost->told : told;
}

static void last_words(struct event_source *s, const struct pod_past *past)
{
        struct pod_told *told = told_of(s, past->uuid.text);
        AUTO(pod_told_done) struct pod_told none = POD_TOLD_NULL;

        if (told) {
                if (told->pod & POD_TOLD_OTHER)
                        pod_told_done(told);
                tell(s, past, told, is_first(told));
                return;
        }
        if (event_finished_has(&s->pod_tail.finished, key_of(past)))
                return;
        tell(s, past, &none, true);
        event_finished_add(&s->pod_tail.finished, key_of(past));
}

static void on_line(const char *line, size_t len, void *arg)
{
        AUTO(pod_past_done) struct pod_past past = POD_PAST_NULL;
        struct err e;

        if (pod_past_parse(line, len, &past, &e) < 0)
                log_warning_limited("pods/" POD_LEDGER ": a line that is no pod: %s", e.text);
        else
                last_words(arg, &past);
}

static void read_ledger(struct event_source *s, int data_fd)
{
        event_tail_read(&s->pod_tail, data_fd, on_line, s);
}

/* --- pods that could not be read for a while */

static void forget_lost(struct event_source *s, struct event_lost_pod *lost)
{
        HASH_DEL(s->lost_pods, lost);
        pod_told_done(&lost->told);
        free(lost);
}

static void on_lost(struct pod_follower *f, const struct pod_sight *sight)
{
        struct event_source *s = of_follower(f);
        struct event_lost_pod *lost;

        if (is_first(sight->told) || sight->told->pod & POD_TOLD_OTHER)
                return;
        HASH_FIND_STR(s->lost_pods, sight->uuid->text, lost);
        if (lost)
                forget_lost(s, lost);
        lost = xcalloc(1, sizeof(*lost));
        lost->uuid = *sight->uuid;
        lost->ino = sight->ino;
        lost->told = *sight->told;
        *sight->told = POD_TOLD_NULL;
        HASH_ADD(hh, s->lost_pods, uuid.text, UUID_TEXT_LEN, lost);
}

/* It ended somehow, and nobody has said how. */
static void vanished(struct event_source *s, const struct uuid *uuid, const struct encoded *last,
                     struct pod_told *told)
{
        AUTO(pod_past_done) struct pod_past past = POD_PAST_NULL;

        event_derive_lost(uuid, last, told, &past);
        tell(s, &past, told, false);
        event_finished_add(&s->pod_tail.finished, key_of(&past));
}

/* It is there again, or another one of that name. */
static void recall(struct event_source *s, const struct uuid *uuid, ino_t ino,
                   struct pod_told *told)
{
        struct event_lost_pod *lost;

        HASH_FIND_STR(s->lost_pods, uuid->text, lost);
        if (!lost)
                return;
        if (is_first(told) && (ino == 0 || ino == lost->ino)) {
                pod_told_done(told);
                *told = lost->told;
                lost->told = POD_TOLD_NULL;
        } else {
                read_ledger(s, -1);
                vanished(s, uuid, NULL, &lost->told);
        }
        forget_lost(s, lost);
}

/* Those that did not come back with the others. */
static void settle_lost(struct event_source *s)
{
        struct event_lost_pod *lost, *next;

        HASH_ITER (hh, s->lost_pods, lost, next) {
                struct pod_told *told = pod_index_told(s->pods, lost->uuid.text);

                if (told) {
                        recall(s, &lost->uuid, 0, told);
                        continue;
                }
                vanished(s, &lost->uuid, NULL, &lost->told);
                forget_lost(s, lost);
        }
}

static void forget_all_lost(struct event_source *s)
{
        struct event_lost_pod *lost, *next;

        HASH_ITER (hh, s->lost_pods, lost, next)
                forget_lost(s, lost);
}

/* --- what the index sees */

static void make_other(struct pod_told *told)
{
        pod_told_done(told);
        told->pod = POD_TOLD_OTHER;
}

static void on_attached(struct pod_follower *f, int data_fd)
{
        struct event_source *s = of_follower(f);

        if (!event_tail_attached(&s->pod_tail, data_fd))
                return;
        forget_all_lost(s);
        pod_index_each_told(s->pods, make_other);
}

/* What came and went unseen, perhaps while events were lost, is in the ledger by now, or has an event to come. */
static void on_scanned(struct pod_follower *f)
{
        struct event_source *s = of_follower(f);
        struct err e;

        if (!s->pod_tail.present || pod_index_check(s->pods, &e) < 0)
                return;
        read_ledger(s, -1);
        settle_lost(s);
        s->pod_tail.baseline = false;
}

static bool is_garbage(const struct pod_view *view)
{
        return view->dir == POD_DIR_EXITED_GARBAGE || view->dir == POD_DIR_GARBAGE;
}

/*
 * Pods only go forward, so one that was collected and is somewhere else is another one of that name, which could not be told from the
 * first (a file system gives the numbers of its inodes again).
 */
static bool is_another(const struct pod_told *told, const struct pod_view *view)
{
        return told->pod & POD_TOLD_OTHER || (told->pod & POD_TOLD_COLLECTED && !is_garbage(view));
}

/* Somebody was killed between its last words and its deletion, and it was never seen before. */
static bool is_finished(const struct event_source *s, const struct pod_past *past,
                        const struct pod_told *told)
{
        return is_first(told) && past->collected &&
               event_finished_has(&s->pod_tail.finished, key_of(past));
}

static void ignore(const struct event_spec *spec, void *arg)
{
        (void)spec, (void)arg;
}

static void on_seen(struct pod_follower *f, const struct pod_sight *sight, const struct pod *pod,
                    const struct pod_view *view)
{
        struct event_source *s = of_follower(f);
        AUTO(pod_past_done) struct pod_past past = POD_PAST_NULL;
        struct event_look look = { .now = 0 };

        pod_past_of(pod, view, &past);
        if (is_another(sight->told, view))
                pod_told_done(sight->told);
        if (s->lost_pods)
                recall(s, sight->uuid, sight->ino, sight->told);
        if (is_garbage(view) &&
            (!(sight->told->pod & POD_TOLD_COLLECTED) || event_derive_has_news(&past, sight->told)))
                read_ledger(s, sight->data_fd);
        if (is_finished(s, &past, sight->told))
                event_derive_pod(&past, sight->told, &look, ignore, NULL);
        tell(s, &past, sight->told, is_first(sight->told));
}

static void on_gone(struct pod_follower *f, const struct pod_sight *sight)
{
        struct event_source *s = of_follower(f);

        if (sight->told->pod & POD_TOLD_OTHER)
                return;
        if (s->lost_pods)
                recall(s, sight->uuid, sight->ino, sight->told);
        read_ledger(s, sight->data_fd);
        vanished(s, sight->uuid, sight->last, sight->told);
}

void event_pods_init(struct event_source *s, nsec since)
{
        event_tail_init(&s->pod_tail, s->index, "pods/" POD_LEDGER, since);
        s->pod_follower = (struct pod_follower){ .attached = on_attached,
                                                 .scanned = on_scanned,
                                                 .seen = on_seen,
                                                 .gone = on_gone,
                                                 .lost = on_lost };
        pod_index_follow(s->pods, &s->pod_follower);
}

void event_pods_done(struct event_source *s)
{
        pod_index_follow(s->pods, NULL);
        forget_all_lost(s);
        event_tail_done(&s->pod_tail);
}
