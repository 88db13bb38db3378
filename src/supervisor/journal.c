/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/mman.h>

#include "util/auto.h"
#include "util/log.h"

enum {
        ENTRIES_PER_TURN = 64, /* of all apps: the pipes come first */
        ENTRIES_PER_APP = 8,   /* before it is the next one's turn */
        RETRY_MS = 500,        /* between two attempts to find the journal again */
        LAST_TRIES = 3,        /* to tell the journal of an app what it will not get */
        LAST_TRY_MS = 20,
};

/* The last lines of a pod are worth some waiting, but not for somebody who may never come. */
#define FINISH_TIME      (5 * NSEC_PER_SEC)
#define FINISH_TIME_GONE NSEC_PER_SEC

static void journal_ready(struct loop_source *s, uint32_t events);

int journal_open(struct journal *j, struct loop *loop, struct err *e)
{
        void *window;

        *j = JOURNAL_NULL;
        j->loop = loop;
        j->source.ready = journal_ready;
        if (logs_journal_connect(LOGS_JOURNAL_SOCKET, &j->fd, e) < 0)
                return err_wrap(e, "--log-driver=journald");
        window = mmap(NULL, LOGS_FORWARD_WINDOW, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (window == MAP_FAILED)
                return err_set(e, ERR_INTERNAL, errno, "map log buffers");
        j->window = window;
        return 0;
}

void journal_done(struct journal *j)
{
        if (j->loop)
                loop_remove(j->loop, &j->source);
        closep(&j->fd);
        if (j->window)
                (void)munmap(j->window, LOGS_FORWARD_WINDOW);
        *j = JOURNAL_NULL;
}

int journal_add(struct journal *j, struct journal_app *a, const struct logs_writer *writer,
                const char *uuid, const char *pod, struct err *e)
{
        *a = (struct journal_app){ .forward = LOGS_FORWARD_NULL };
        if (logs_forward_init(&a->forward, writer, uuid, pod, e) < 0)
                return -1;
        a->next = j->apps;
        j->apps = a;
        return 0;
}

void journal_remove(struct journal *j, struct journal_app *a)
{
        for (struct journal_app **at = &j->apps; *at; at = &(*at)->next)
                if (*at == a) {
                        *at = a->next;
                        break;
                }
        j->turn = NULL;
        a->behind = false;
        logs_forward_done(&a->forward);
}

static bool any_behind(const struct journal *j)
{
        for (const struct journal_app *a = j->apps; a; a = a->next)
                if (a->behind)
                        return true;
        return false;
}

static void gone(struct journal *j)
{
        loop_remove(j->loop, &j->source);
        closep(&j->fd);
        j->retry_at = time_monotonic() + RETRY_MS * NSEC_PER_MSEC;
}

/* False: this app, and with it all, must wait. */
static bool send_some(struct journal *j, struct journal_app *a, size_t entries)
{
        switch (logs_forward_some(&a->forward, j->fd, j->window, entries)) {
        case LOGS_FORWARD_IDLE:
                a->behind = false;
                return true;
        case LOGS_FORWARD_MORE:
                return true;
        case LOGS_FORWARD_FULL:
                return false;
        case LOGS_FORWARD_GONE:
                gone(j);
                return false;
        }
        return false;
}

/* A little of each app that is behind, and of the same again, until the turn's share is used up. */
static void send_round(struct journal *j)
{
        struct journal_app *a = j->turn ? j->turn : j->apps;

        for (size_t n = 0; n < ENTRIES_PER_TURN / ENTRIES_PER_APP && any_behind(j); n++) {
                while (!a->behind)
                        a = a->next ? a->next : j->apps;
                if (!send_some(j, a, ENTRIES_PER_APP))
                        break;
                a = a->next ? a->next : j->apps;
        }
        j->turn = a;
}

static void watch_while_behind(struct journal *j)
{
        bool behind = any_behind(j);

        if (!behind)
                loop_remove(j->loop, &j->source);
        else if (j->fd >= 0 && j->source.fd < 0 &&
                 loop_add(j->loop, &j->source, j->fd, EPOLLOUT) < 0)
                gone(j); /* tried again by the clock */
}

static void journal_ready(struct loop_source *s, uint32_t events)
{
        struct journal *j = OWNER_OF(s, struct journal, source);

        (void)events;
        send_round(j);
        watch_while_behind(j);
}

void journal_kick(struct journal *j, struct journal_app *a)
{
        a->behind = true;
        if (j->fd < 0 || j->source.fd >= 0)
                return; /* the clock, or the loop, will see to it */
        (void)send_some(j, a, ENTRIES_PER_TURN);
        watch_while_behind(j);
}

int journal_timeout(const struct journal *j, nsec now)
{
        nsec at = j->give_up_at;

        if (!j->window || !any_behind(j))
                return -1;
        if (j->fd < 0 && (at == 0 || j->retry_at < at))
                at = j->retry_at;
        if (at == 0)
                return -1;
        return at <= now ? 0 : (int)((at - now) / NSEC_PER_MSEC) + 1;
}

void journal_tick(struct journal *j, nsec now)
{
        struct err e;

        if (!j->window || j->fd >= 0 || now < j->retry_at || !any_behind(j))
                return;
        if (logs_journal_connect(LOGS_JOURNAL_SOCKET, &j->fd, &e) < 0)
                j->retry_at = now + RETRY_MS * NSEC_PER_MSEC;
        else
                watch_while_behind(j);
}

/* The only place that waits, and not for long: all else is done, and a journal that takes anything takes this. */
static void give_up(struct journal *j, struct journal_app *a)
{
        for (int i = 0; i < LAST_TRIES && j->fd >= 0; i++) {
                struct pollfd p = { .fd = j->fd, .events = POLLOUT };

                if (logs_forward_give_up(&a->forward, j->fd) != LOGS_FORWARD_FULL)
                        return;
                (void)poll(&p, 1, LAST_TRY_MS);
        }
}

static void say_what_is_missing(struct journal *j)
{
        for (struct journal_app *a = j->apps; a; a = a->next) {
                uint64_t n = logs_forward_behind(&a->forward) + a->forward.lost_ever;

                if (n == 0)
                        continue;
                log_warning("app %s: %" PRIu64 " bytes of its log did not reach the journal",
                            a->forward.writer->app, n);
                give_up(j, a);
        }
}

bool journal_finish(struct journal *j, nsec now)
{
        if (j->give_up_at == 0)
                j->give_up_at = now + (j->fd >= 0 ? FINISH_TIME : FINISH_TIME_GONE);
        if (any_behind(j) && now < j->give_up_at)
                return false;
        say_what_is_missing(j);
        return true;
}

void journal_relax(struct journal *j)
{
        if (!j->window)
                return;
        (void)madvise(j->window, LOGS_FORWARD_WINDOW, MADV_DONTNEED);
        for (struct journal_app *a = j->apps; a; a = a->next)
                logs_forward_relax(&a->forward);
}
