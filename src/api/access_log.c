/* SPDX-License-Identifier: Apache-2.0 */
#include "api/access_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/auto.h"
#include "util/log.h"
#include "util/mem.h"

enum { RETRY_MS = 100 };

void access_log_init(struct access_log *a, uv_loop_t *loop)
{
        *a = (struct access_log){ .queue = xmalloc(ACCESS_LOG_QUEUE) };
        (void)uv_prepare_init(loop, &a->flush);
        (void)uv_timer_init(loop, &a->retry);
        a->flush.data = a->retry.data = a;
}

void access_log_done(struct access_log *a)
{
        free(a->queue);
        a->queue = NULL;
}

/* The longest run of whole lines that one write takes. */
static size_t batch(const char *lines, size_t len)
{
        const char *end;

        if (len <= LOG_OUTPUT_MAX)
                return len;
        end = memrchr(lines, '\n', LOG_OUTPUT_MAX);
        return end ? (size_t)(end - lines) + 1 : LOG_OUTPUT_MAX; /* no line is so long */
}

/* Whether all was written, or lost for good. */
static bool write_queue(struct access_log *a)
{
        size_t done = 0;

        while (done < a->len) {
                size_t n = batch(a->queue + done, a->len - done);

                if (log_write(a->queue + done, n) == LOG_OUTPUT_FULL)
                        break;
                done += n;
        }
        a->len -= done;
        memmove(a->queue, a->queue + done, a->len);
        return a->len == 0;
}

static void on_flush(uv_prepare_t *handle);

static void on_retry(uv_timer_t *timer)
{
        struct access_log *a = timer->data;

        (void)uv_prepare_start(&a->flush, on_flush);
}

static void on_flush(uv_prepare_t *handle)
{
        struct access_log *a = handle->data;

        (void)uv_prepare_stop(&a->flush);
        if (!write_queue(a))
                (void)uv_timer_start(&a->retry, on_retry, RETRY_MS, 0);
}

static bool append(struct access_log *a, const char *line, size_t len)
{
        if (len > ACCESS_LOG_QUEUE - a->len)
                return false;
        memcpy(a->queue + a->len, line, len);
        a->len += len;
        return true;
}

/* What was lost is told before the next line that is not. */
static bool tell_lost(struct access_log *a)
{
        struct log_field field = LOG_NUMBER("lines", (int64_t)(a->lost - a->lost_told));
        char line[LOG_COMPOSED_MAX];

        if (a->lost == a->lost_told)
                return true;
        if (!append(a, line,
                    log_compose(LOG_LEVEL_WARNING, "lines of the access log were lost", &field, 1,
                                line)))
                return false;
        a->lost_told = a->lost;
        return true;
}

/* The bytes of a path as a string: a NUL cannot be in one, and would only cut it. */
static const char *text_of(const char *data, size_t len, char *to, size_t size)
{
        if (len >= size)
                len = size - 1;
        if (len > 0)
                memcpy(to, data, len);
        to[len] = '\0';
        return to;
}

static size_t compose(const struct grpc_call_summary *s, char ret[static LOG_COMPOSED_MAX])
{
        char path[LOG_FIELD_MAX + 1];
        struct log_field fields[10];
        size_t n = 0;

        fields[n++] = LOG_TEXT("peer", s->peer->address);
        if (s->peer->identity)
                fields[n++] = LOG_TEXT("identity", s->peer->identity);
        if (s->peer->is_unix && s->peer->uid != (uid_t)-1)
                fields[n++] = LOG_NUMBER("uid", s->peer->uid);
        fields[n++] = LOG_TEXT("method", text_of(s->path, s->path_len, path, sizeof(path)));
        if (s->http_status == 200 || s->http_status == 0)
                fields[n++] = LOG_TEXT("code", grpc_code_name(s->code));
        else
                fields[n++] = LOG_NUMBER("http_status", s->http_status);
        fields[n++] = LOG_SECONDS("seconds", s->duration);
        fields[n++] = LOG_NUMBER("messages_out", (int64_t)s->messages_out);
        fields[n++] = LOG_NUMBER("bytes_in", (int64_t)s->bytes_in);
        fields[n++] = LOG_NUMBER("bytes_out", (int64_t)s->bytes_out);
        return log_compose(LOG_LEVEL_INFO, "call", fields, n, ret);
}

void access_log_call(struct access_log *a, const struct grpc_call_summary *s)
{
        char line[LOG_COMPOSED_MAX];

        if (!tell_lost(a) || !append(a, line, compose(s, line)))
                a->lost++;
        /* While the timer runs nothing can be written anyway. */
        if (a->len > 0 && !uv_is_active((uv_handle_t *)&a->retry))
                (void)uv_prepare_start(&a->flush, on_flush);
}

void access_log_close(struct access_log *a)
{
        (void)write_queue(a);
        uv_close((uv_handle_t *)&a->flush, NULL);
        uv_close((uv_handle_t *)&a->retry, NULL);
}
