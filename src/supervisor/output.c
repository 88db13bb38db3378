/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All pipes share one buffer, which is free whenever the loop turns: its bytes are in the log before the next read, and
 * if the outlet has not taken them all, no pipe is read until it has.
 */
#include "supervisor/output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/time.h"

enum { PIPE_BYTES = 256 * 1024 };

static char *map_pages(size_t size)
{
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return p == MAP_FAILED ? NULL : p;
}

static void outlet_ready(struct loop_source *s, uint32_t events);
static void pipe_ready(struct loop_source *s, uint32_t events);
static void pipe_due(struct loop_timer *t);

int output_init_consume(struct output *o, struct loop *loop, int logs_fd,
                        const struct output_how *how, struct err *e)
{
        *o = (struct output){
                .loop = loop, .logs_fd = logs_fd, .how = *how, .journal = JOURNAL_NULL
        };
        for (int i = 0; i < LOGS_STREAM_MAX; i++)
                o->outlets[i] = OUTLET_NULL;
        o->writable = (struct loop_source){ .fd = -1, .ready = outlet_ready };
        o->in = map_pages(LOGS_READ_MAX);
        o->out = map_pages(LOGS_BATCH_MAX);
        if (!o->in || !o->out)
                return err_set(e, ERR_INTERNAL, errno, "map log buffers");
        if (how->attached) {
                outlet_init(&o->outlets[LOGS_STDOUT], STDOUT_FILENO);
                outlet_init(&o->outlets[LOGS_STDERR], STDERR_FILENO);
        }
        return how->journal ? journal_open(&o->journal, loop, e) : 0;
}

void output_done(struct output *o)
{
        loop_remove(o->loop, &o->writable);
        journal_done(&o->journal);
        closep(&o->logs_fd);
        for (int i = 0; i < LOGS_STREAM_MAX; i++)
                outlet_done(&o->outlets[i]);
        if (o->in)
                (void)munmap(o->in, LOGS_READ_MAX);
        if (o->out)
                (void)munmap(o->out, LOGS_BATCH_MAX);
        o->in = o->out = NULL;
}

static void pause_pipes(struct output *o)
{
        for (struct output_pipe *p = o->pipes; p; p = p->next) {
                loop_remove(o->loop, &p->source);
                loop_timer_stop(o->loop, &p->timer);
        }
}

static void resume_pipes(struct output *o)
{
        for (struct output_pipe *p = o->pipes; p; p = p->next)
                if (p->source.fd < 0 && p->timer.due == 0)
                        (void)loop_add(o->loop, &p->source, p->fd, EPOLLIN);
}

/* The outlet takes more, or does not matter any more. */
static void continue_pending(struct output *o)
{
        size_t n = outlet_write(o->pending_to, o->pending, o->pending_len);

        o->pending += n;
        o->pending_len -= n;
        if (o->pending_len > 0 && !o->lossy)
                return;
        loop_remove(o->loop, &o->writable);
        o->pending_to = NULL;
        o->pending_len = 0;
        resume_pipes(o);
}

static void outlet_ready(struct loop_source *s, uint32_t events)
{
        (void)events;
        continue_pending(OWNER_OF(s, struct output, writable));
}

static void copy_out(struct output *o, enum logs_stream stream, const char *data, size_t len)
{
        struct outlet *outlet = &o->outlets[stream];
        size_t n = outlet_write(outlet, data, len);

        if (n == len || o->lossy)
                return;
        /* What cannot be waited for is dropped, rather than spun on. */
        if (loop_add(o->loop, &o->writable, outlet->fd, EPOLLOUT) < 0)
                return;
        o->pending = data + n;
        o->pending_len = len - n;
        o->pending_to = outlet;
        pause_pipes(o);
}

static void forward(struct output_pipe *p)
{
        if (p->output->how.journal)
                journal_kick(&p->output->journal, &p->app->journal);
}

static void pipe_end(struct output_pipe *p)
{
        struct output *o = p->output;

        logs_writer_end(&p->app->writer, o->out, p->stream, time_now());
        forward(p);
        loop_remove(o->loop, &p->source);
        loop_timer_stop(o->loop, &p->timer);
        closep(&p->fd);
        for (struct output_pipe **at = &o->pipes; *at; at = &(*at)->next)
                if (*at == p) {
                        *at = p->next;
                        break;
                }
}

/* One read: how many bytes came; 0 when there is nothing now, or when it was the end. */
static size_t pipe_read(struct output_pipe *p)
{
        struct output *o = p->output;
        ssize_t n = read(p->fd, o->in, LOGS_READ_MAX);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) {
                pipe_end(p);
                return 0;
        }
        o->touched = true;
        logs_writer_put(&p->app->writer, o->out, p->stream, o->in, (size_t)n, time_now());
        if (o->how.attached)
                copy_out(o, p->stream, o->in, (size_t)n);
        forward(p);
        return (size_t)n;
}

/* Read it once, so that one loud app does not starve the rest, and see to it that it is read again. */
static void pipe_serve(struct output_pipe *p)
{
        struct output *o = p->output;
        nsec now = time_monotonic(), due;
        size_t n = pipe_read(p);

        if (p->fd < 0 || o->pending_to)
                return;
        due = pace_next(&p->pace, n, p->capacity, now);
        if (due == 0 && (p->source.fd >= 0 || loop_add(o->loop, &p->source, p->fd, EPOLLIN) == 0))
                return;
        loop_remove(o->loop, &p->source);
        loop_timer_set(o->loop, &p->timer, due > 0 ? due : now + PACE_MAX_NS);
}

static void pipe_ready(struct loop_source *s, uint32_t events)
{
        (void)events;
        pipe_serve(OWNER_OF(s, struct output_pipe, source));
}

static void pipe_due(struct loop_timer *t)
{
        pipe_serve(OWNER_OF(t, struct output_pipe, timer));
}

static int make_pipe(struct output *o, struct output_app *a, enum logs_stream stream,
                     int *ret_write, struct err *e)
{
        struct output_pipe *p = &a->pipes[stream];
        int fds[2], capacity;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_set(e, ERR_INTERNAL, errno, "make a pipe");
        *p = (struct output_pipe){
                .source = { .fd = -1, .ready = pipe_ready },
                .timer = { .ready = pipe_due },
                .output = o,
                .app = a,
                .stream = stream,
                .fd = fds[0],
                .next = o->pipes,
        };
        o->pipes = p;
        *ret_write = fds[1];
        /* Fewer switches between a loud app and us; a user over the pipe quota keeps the default. */
        (void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
        capacity = fcntl(fds[1], F_GETPIPE_SZ);
        p->capacity = capacity > 0 ? (size_t)capacity : PIPE_BYTES;
        if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ||
            loop_add(o->loop, &p->source, fds[0], EPOLLIN) < 0)
                return err_set(e, ERR_INTERNAL, errno, "watch a pipe");
        return 0;
}

int output_add(struct output *o, struct output_app *a, const char *app,
               int ret_write[LOGS_STREAM_MAX], struct err *e)
{
        *a = (struct output_app){
                .writer = LOGS_WRITER_NULL,
                .journal = { .forward = LOGS_FORWARD_NULL },
        };
        for (int i = 0; i < LOGS_STREAM_MAX; i++) {
                a->pipes[i].fd = -1;
                ret_write[i] = -1;
        }
        if (logs_writer_open(o->logs_fd, app, &o->how.limits, &a->writer, e) < 0)
                return -1;
        if (o->how.journal &&
            journal_add(&o->journal, &a->journal, &a->writer, o->how.uuid, o->how.pod, e) < 0)
                return -1;
        for (int i = 0; i < LOGS_STREAM_MAX; i++)
                if (make_pipe(o, a, (enum logs_stream)i, &ret_write[i], e) < 0)
                        return -1;
        return 0;
}

void output_app_done(struct output *o, struct output_app *a)
{
        for (int i = 0; i < LOGS_STREAM_MAX; i++)
                if (a->pipes[i].output == o && a->pipes[i].fd >= 0)
                        pipe_end(&a->pipes[i]);
        journal_remove(&o->journal, &a->journal);
        logs_writer_done(&a->writer);
}

void output_make_lossy(struct output *o)
{
        o->lossy = true;
        if (o->pending_to)
                continue_pending(o);
}

bool output_finish(struct output *o)
{
        while (o->pipes && !o->pending_to) {
                struct output_pipe *p = o->pipes;

                /* "Nothing now" is the end too: a descriptor that was passed to a stranger must not hold us up. */
                if (pipe_read(p) == 0 && p->fd >= 0)
                        pipe_end(p);
        }
        return !o->pipes && !o->pending_to &&
               (!o->how.journal || journal_finish(&o->journal, time_monotonic()));
}

int output_timeout(const struct output *o)
{
        return journal_timeout(&o->journal, time_monotonic());
}

void output_tick(struct output *o)
{
        journal_tick(&o->journal, time_monotonic());
}

void output_relax(struct output *o)
{
        if (!o->touched || o->pending_to)
                return;
        (void)madvise(o->in, LOGS_READ_MAX, MADV_DONTNEED);
        (void)madvise(o->out, LOGS_BATCH_MAX, MADV_DONTNEED);
        journal_relax(&o->journal);
        o->touched = false;
}
