/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One producer, one consumer, CHUNKS buffers. A chunk belongs to the producer while its index is
 * outside [taken, made), to the consumer inside; the lock guards the two counters and the end. The
 * thread has all signals blocked, so that the program's handlers keep running where they ran
 * before.
 */
#include "image/pump_priv.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "util/auto.h"
#include "util/mem.h"

enum { CHUNKS = 6, CHUNK_BYTES = 512 * 1024 };

struct chunk {
        uint8_t *data; /* owned; CHUNK_BYTES */
        size_t len;
        uint64_t packed_pos;
};

struct pump {
        struct decompress *d; /* borrowed; the thread's */
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct chunk ring[CHUNKS];
        unsigned made;
        unsigned taken; /* chunks given back by the consumer */
        bool holding;   /* the consumer reads ring[taken] */
        bool ended;     /* no more chunks: failed says why */
        bool failed;    /* e is set */
        bool cancelled;
        uint64_t packed_pos; /* the consumer's */
        struct err e;
};

/* Fill a whole chunk: a short one costs a turn of the lock. *@ended: nothing comes after it. */
static int fill_chunk(struct pump *p, struct chunk *c, bool *ended, struct err *e)
{
        c->len = 0;
        *ended = false;
        while (c->len < CHUNK_BYTES) {
                size_t n;

                if (decompress_read(p->d, c->data + c->len, CHUNK_BYTES - c->len, &n, e) < 0)
                        return -1;
                if (n == 0) {
                        *ended = true;
                        break;
                }
                c->len += n;
        }
        c->packed_pos = decompress_packed_pos(p->d);
        return 0;
}

static void *run(void *arg)
{
        struct pump *p = arg;
        bool ended = false;

        while (!ended) {
                struct chunk *c;
                struct err e;
                int r;

                (void)pthread_mutex_lock(&p->lock);
                while (p->made - p->taken == CHUNKS && !p->cancelled)
                        (void)pthread_cond_wait(&p->changed, &p->lock);
                ended = p->cancelled;
                c = &p->ring[p->made % CHUNKS];
                (void)pthread_mutex_unlock(&p->lock);
                if (ended)
                        break;
                r = fill_chunk(p, c, &ended, &e);
                (void)pthread_mutex_lock(&p->lock);
                if (r < 0) {
                        p->e = e;
                        p->failed = ended = true;
                } else if (c->len > 0) {
                        p->made++;
                }
                p->ended = ended;
                (void)pthread_cond_signal(&p->changed);
                (void)pthread_mutex_unlock(&p->lock);
        }
        return NULL;
}

static struct pump *pump_free(struct pump *p)
{
        for (size_t i = 0; i < CHUNKS; i++)
                free(p->ring[i].data);
        (void)pthread_cond_destroy(&p->changed);
        (void)pthread_mutex_destroy(&p->lock);
        free(p);
        return NULL;
}

int pump_start(struct pump **ret, struct decompress *d, struct err *e)
{
        struct pump *p = xcalloc(1, sizeof(*p));
        sigset_t all, old;
        int r;

        p->d = d;
        (void)pthread_mutex_init(&p->lock, NULL);
        (void)pthread_cond_init(&p->changed, NULL);
        for (size_t i = 0; i < CHUNKS; i++)
                p->ring[i].data = xmalloc(CHUNK_BYTES);
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &old);
        r = pthread_create(&p->thread, NULL, run, p);
        (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (r != 0) {
                pump_free(p);
                return err_set(e, r == EAGAIN ? ERR_NO_SPACE : ERR_INTERNAL, r, "start a thread");
        }
        *ret = p;
        return 0;
}

int pump_next(struct pump *p, const void **ret, size_t *ret_len, struct err *e)
{
        struct chunk *c = NULL;
        int r = 0;

        (void)pthread_mutex_lock(&p->lock);
        if (p->holding) {
                p->taken++;
                p->holding = false;
                (void)pthread_cond_signal(&p->changed);
        }
        while (p->made == p->taken && !p->ended)
                (void)pthread_cond_wait(&p->changed, &p->lock);
        if (p->made != p->taken) {
                c = &p->ring[p->taken % CHUNKS];
                p->holding = true;
                p->packed_pos = c->packed_pos;
        } else if (p->failed) {
                *e = p->e;
                r = -1;
        }
        (void)pthread_mutex_unlock(&p->lock);
        if (r == 0) {
                *ret = c ? c->data : NULL;
                *ret_len = c ? c->len : 0;
        }
        return r;
}

uint64_t pump_packed_pos(struct pump *p)
{
        return p->packed_pos;
}

struct pump *pump_join(struct pump *p)
{
        if (!p)
                return NULL;
        (void)pthread_mutex_lock(&p->lock);
        p->cancelled = true;
        (void)pthread_cond_signal(&p->changed);
        (void)pthread_mutex_unlock(&p->lock);
        (void)pthread_join(p->thread, NULL);
        return pump_free(p);
}
