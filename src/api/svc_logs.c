/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GetLogs: what there is in replies well below the 4 MiB that clients take, and with `follow` what comes, until
 * the pod has ended and everything is sent, or until_time is there. Without it there is at least one reply, as clients
 * of rkt expect.
 *
 * A call is in one of three states: queued (a step reads some lines), paused (the client reads slowly: on_drain
 * goes on), or waiting (all is read: the poll or the timer goes on).
 */
#include "api/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/log_reply.h"
#include "api/when_known.h"
#include "logs/follow.h"
#include "logs/reader.h"
#include "util/auto.h"
#include "util/mem.h"

enum {
        LINES_PER_STEP = 64,
        SEEKS_PER_STEP = 512,
        REPLY_BYTES = 512 * 1024, /* a reply is sent when it has grown to this */
        READER_DESCRIPTORS =
                2, /* directories of the pod and of its logs; and a file for each app */
        FOLLOW_DESCRIPTORS = 5,                /* see logs/follow.c */
        UNFINISHED_BYTES = 32 * LOGS_LINE_MAX, /* of long lines, in all calls together */
};

struct get_logs {
        struct job job;                        /* first: the job is this object */
        struct service *service;               /* borrowed */
        size_t descriptors;                    /* taken from the share of all log readers */
        struct grpc_call *call;                /* borrowed; NULL once it has ended */
        const V1alpha__GetLogsRequest *wanted; /* borrowed from the call */
        struct logs_reader *reader;            /* NULL: not begun yet */
        struct logs_follow *follow;            /* NULL: not wanted */
        uv_poll_t poll;                        /* of follow */
        uv_timer_t timer;                      /* fires at until_time; active only with follow */
        int open_handles; /* of the two above; the object lives until both are closed */
        struct buf reply;
        struct time_go clock;
        bool sent;   /* one reply at least */
        bool paused; /* the client has to read first */
        bool ended;  /* nothing more will be written, or it is past until_time */
};

static void logs_handle_closed(uv_handle_t *handle)
{
        struct get_logs *logs = handle->data;

        if (--logs->open_handles == 0)
                free(logs);
}

/* The call is over for us; the memory goes when the loop has let go of the handles. */
static void logs_free(struct get_logs *logs)
{
        jobs_end(&logs->service->jobs, &logs->job);
        descriptors_give_back(&logs->service->descriptors.logs, logs->descriptors);
        logs->call = NULL;
        logs_reader_free(logs->reader);
        buf_done(&logs->reply);
        if (logs->open_handles == 0) {
                logs_follow_free(logs->follow);
                free(logs);
                return;
        }
        logs->service->log_followers--;
        /* This order: the poll must let go of the descriptor before it is closed. */
        uv_close((uv_handle_t *)&logs->poll, logs_handle_closed);
        uv_close((uv_handle_t *)&logs->timer, logs_handle_closed);
        logs_follow_free(logs->follow);
}

static bool logs_fail(struct get_logs *logs, const struct err *e)
{
        struct grpc_call *call = logs->call;

        logs_free(logs);
        grpc_call_finish_err(call, e);
        return false;
}

static bool logs_end(struct get_logs *logs)
{
        struct grpc_call *call = logs->call;

        logs_free(logs);
        grpc_call_finish(call, GRPC_OK, "%s", "");
        return false;
}

/* False: the client is slow, on_drain will go on. */
static bool logs_send(struct get_logs *logs)
{
        struct grpc_slice all = { .data = logs->reply.data, .len = logs->reply.len };
        enum grpc_send_result r = grpc_call_send_slices(logs->call, &all, 1);

        logs->sent = true;
        logs->paused = r != GRPC_SEND_OK;
        /* Who reads slowly, and who follows and waits, holds nothing here meanwhile. */
        buf_done(&logs->reply);
        return !logs->paused;
}

static void logs_wake(struct get_logs *logs)
{
        (void)uv_poll_stop(&logs->poll);
        if (!logs->paused)
                jobs_add(&logs->service->jobs, &logs->job);
}

static void logs_readable(uv_poll_t *poll, int status, int events)
{
        (void)status;
        (void)events;
        logs_wake(poll->data);
}

static void logs_time_is_up(uv_timer_t *timer)
{
        struct get_logs *logs = timer->data;
        struct err e;

        (void)logs_reader_refresh(logs->reader, &e); /* else the lines known so far must do */
        logs->ended = true;
        logs_wake(logs);
}

/* All lines that were there are read. True: look again. */
static bool logs_at_end(struct get_logs *logs, struct err *e, int *ret_failed)
{
        enum logs_follow_event event;

        *ret_failed = 0;
        if (!logs->follow || logs->ended)
                return false;
        event = logs_follow_check(logs->follow);
        if (event == LOGS_FOLLOW_QUIET)
                return false;
        logs->ended = event == LOGS_FOLLOW_ENDED;
        *ret_failed = logs_reader_refresh(logs->reader, e);
        return true;
}

/* 1: a line, 0: none for now, -1 with e. After the end an unfinished line counts as one. */
static int logs_next(struct get_logs *logs, struct logs_line *ret, struct err *e)
{
        int r = logs_reader_next(logs->reader, ret, e);

        if (r == 0 && logs->follow && logs->ended)
                r = logs_reader_flush(logs->reader, ret);
        return r;
}

/* Nothing more to read now: send what is there, then end or wait. */
static bool logs_drained(struct get_logs *logs)
{
        bool wait = logs->follow && !logs->ended;

        if (logs->reply.len > 0 || (!logs->follow && !logs->sent))
                (void)logs_send(logs);
        if (!wait)
                return logs_end(logs);
        if (!logs->paused)
                (void)uv_poll_start(&logs->poll, UV_READABLE, logs_readable);
        return false;
}

static int logs_begin(struct get_logs *logs, struct err *e);

static bool logs_step(struct job *job)
{
        struct get_logs *logs = (struct get_logs *)job;
        struct logs_line line;
        struct err e;
        int r, failed = 0;

        if (!logs->reader) /* a step of its own: a hundred calls that come at once delay nobody */
                return logs_begin(logs, &e) == 0 ? true : logs_fail(logs, &e);
        r = logs_reader_seek(logs->reader, SEEKS_PER_STEP, &e);
        if (r != 0)
                return r > 0 ? true : logs_fail(logs, &e);
        for (size_t i = 0; i < LINES_PER_STEP; i++) {
                r = logs_next(logs, &line, &e);
                if (r <= 0)
                        break;
                (void)log_reply_add(&logs->reply, &logs->clock,
                                    &line); /* fits: see the maximum of the buffer */
                if (logs->reply.len >= REPLY_BYTES)
                        return logs_send(logs);
        }
        if (r < 0)
                return logs_fail(logs, &e);
        if (r > 0 || logs_at_end(logs, &e, &failed))
                return failed < 0 ? logs_fail(logs, &e) : true;
        return logs_drained(logs);
}

static void logs_drain(struct grpc_call *call, void *arg)
{
        struct get_logs *logs = arg;

        (void)call;
        logs->paused = false;
        jobs_add(&logs->service->jobs, &logs->job);
}

static void logs_cancelled(struct grpc_call *call, void *arg)
{
        (void)call;
        logs_free(arg);
}

/* The apps whose logs are wanted, borrowed from @view. */
static int choose_apps(const struct pod_view *view, const char *wanted, const char **apps,
                       size_t *ret_n, struct err *e)
{
        size_t n = 0;

        if (!view->parsed && view->state != POD_DELETING && view->state != POD_EXITED_DELETING)
                return err_set(e, ERR_STATE, 0, "pod \"%s\" is %s: its apps are not known%s%s",
                               view->uuid.text, pod_state_name(view->state),
                               view->problem ? ": " : "", view->problem ? view->problem : "");
        for (size_t i = 0; i < view->n_apps; i++)
                if (!*wanted || strcmp(view->apps[i].name, wanted) == 0)
                        apps[n++] = view->apps[i].name;
        if (n == 0 && *wanted)
                return err_set(e, ERR_NOT_FOUND, 0, "pod \"%s\" has no app \"%.100s\"",
                               view->uuid.text, wanted);
        *ret_n = n;
        return 0;
}

static int take_descriptors(struct get_logs *logs, size_t n, struct err *e)
{
        struct descriptor_share *share = &logs->service->descriptors.logs;

        if (!descriptors_take(share, n))
                return err_set(e, ERR_LIMIT, 0,
                               "too many logs are being read: %zu of %zu descriptors are in use, "
                               "%zu more are needed",
                               share->used, share->max, n);
        logs->descriptors += n;
        return 0;
}

static void watcher_readable(uv_poll_t *poll, int status, int events)
{
        (void)status;
        (void)events;
        logs_watcher_dispatch(poll->data);
}

/* One for all followers, as long as the service lives. */
static int need_watcher(struct service *service, struct err *e)
{
        AUTO(logs_watcher_freep) struct logs_watcher *w = NULL;

        if (service->log_watcher)
                return 0;
        if (logs_watcher_new(&w, e) < 0)
                return -1;
        if (uv_poll_init(service->loop, &service->log_watcher_poll, logs_watcher_fd(w)) < 0)
                return err_set(e, ERR_INTERNAL, 0, "watch logs");
        service->log_watcher_poll.data = w;
        (void)uv_poll_start(&service->log_watcher_poll, UV_READABLE, watcher_readable);
        service->log_watcher = TAKE_PTR(w);
        return 0;
}

void svc_logs_close(struct service *service)
{
        if (!service->log_watcher)
                return;
        uv_close((uv_handle_t *)&service->log_watcher_poll, NULL);
        service->log_watcher = logs_watcher_free(service->log_watcher);
}

/* Open what the call will read from. Whatever was opened before a failure stays in @logs. */
static int logs_open(struct get_logs *logs, struct pod_store *pods, const struct pod_view *view,
                     struct logs_query *query, struct err *e)
{
        AUTO_FREE const char **apps = xcalloc(view->n_apps + 1, sizeof(*apps));
        AUTO(pod_done) struct pod pod = POD_NULL;

        query->apps = apps;
        if (choose_apps(view, logs->wanted->app_name, apps, &query->n_apps, e) < 0 ||
            take_descriptors(logs,
                             READER_DESCRIPTORS + query->n_apps +
                                     (query->follow ? FOLLOW_DESCRIPTORS : 0),
                             e) < 0 ||
            pod_open(pods, view->uuid.text, &pod, e) < 0)
                return -1;
        if (query->follow &&
            (need_watcher(logs->service, e) < 0 ||
             logs_follow_open(pod.fd, logs->service->log_watcher, &logs->follow, e) < 0))
                return err_wrap(e, "logs of pod \"%s\"", view->uuid.text);
        /* What has ended is read as by anybody who does not follow. */
        logs->ended = logs->follow && logs_follow_check(logs->follow) == LOGS_FOLLOW_ENDED;
        query->follow = logs->follow && !logs->ended;
        query->budget = &logs->service->log_budget;
        query->budget->max = UNFINISHED_BYTES;
        if (logs_reader_open(pod.fd, query, &logs->reader, e) < 0)
                return err_wrap(e, "logs of pod \"%s\"", view->uuid.text);
        /* Rotated files are known only now. */
        if (logs_reader_files(logs->reader) > query->n_apps)
                return take_descriptors(logs, logs_reader_files(logs->reader) - query->n_apps, e);
        return 0;
}

static void logs_watch(struct get_logs *logs, nsec until)
{
        uv_loop_t *loop = logs->service->loop;
        nsec left = until - time_now();

        logs->poll.data = logs->timer.data = logs;
        if (uv_poll_init(loop, &logs->poll, logs_follow_fd(logs->follow)) < 0) {
                logs->ended = true; /* nothing can be waited for: what there is must do */
                return;
        }
        (void)uv_timer_init(loop, &logs->timer);
        logs->open_handles = 2;
        logs->service->log_followers++;
        if (until > 0 && until < INT64_MAX)
                (void)uv_timer_start(&logs->timer, logs_time_is_up,
                                     left > 0 ? (uint64_t)(left / NSEC_PER_MSEC + 1) : 0, 0);
}

/* The directories of the pods: logs are read from files, whatever the index knows. */
static int open_pods(const struct service *service, const char *uuid, struct pod_store *ret,
                     struct err *e)
{
        AUTO_CLOSE int data = index_open(service->index);

        if (data == -ESTALE)
                return err_set(e, ERR_UNAVAILABLE, 0,
                               "logs of pod \"%s\": the data directory is being replaced", uuid);
        if (data < 0)
                return err_set(e, ERR_INTERNAL, -data, "open data directory %s",
                               index_path(service->index));
        return pod_store_open(data, ret, e);
}

static int logs_begin(struct get_logs *logs, struct err *e)
{
        AUTO(pod_store_done) struct pod_store pods = POD_STORE_NULL;
        AUTO(pod_view_freep) struct pod_view *view = NULL;
        const struct service *service = logs->service;
        struct logs_query query = { .stepwise = true };
        const struct pod_record *pod;

        if (log_query_from_request(logs->wanted, &query, e) < 0 ||
            pod_index_check(service->pods, e) < 0 ||
            pod_index_find(service->pods, logs->wanted->pod_id, &pod, e) < 0 ||
            open_pods(service, pod->uuid.text, &pods, e) < 0 ||
            pod_view_read(&pods, pod->uuid.text, POD_VIEW_MANIFEST, &view, e) < 0 ||
            logs_open(logs, &pods, view, &query, e) < 0)
                return -1;
        if (!logs->follow)
                return 0;
        logs_watch(logs, query.until);
        grpc_call_start(logs->call); /* a follower learns at once that it is heard */
        return 0;
}

static void get_logs(struct service *service, struct grpc_call *call,
                     const ProtobufCMessage *request)
{
        static const struct grpc_call_watch watch = { .on_drain = logs_drain,
                                                      .on_cancel = logs_cancelled };
        struct get_logs *logs = xcalloc(1, sizeof(*logs));

        logs->job.step = logs_step;
        logs->service = service;
        logs->call = call;
        logs->wanted = (const V1alpha__GetLogsRequest *)request;
        logs->reply = BUF_NULL(REPLY_BYTES + LOG_REPLY_LINE_MAX);
        grpc_call_watch(call, &watch, logs);
        jobs_add(&service->jobs, &logs->job);
}

void svc_get_logs(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        answer_when_known(ctx, call, request, &known_by_pods, get_logs);
}
