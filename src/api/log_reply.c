/* SPDX-License-Identifier: Apache-2.0 */
#include "api/log_reply.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "api/encode.h"
#include "api/request_time.h"
#include "util/auto.h"
#include "util/time.h"

int log_query_from_request(const V1alpha__GetLogsRequest *request, struct logs_query *ret,
                           struct err *e)
{
        if (request->lines < 0)
                return err_set(e, ERR_USAGE, 0, "lines: %" PRId32 " is negative", request->lines);
        if (request_time("since_time", request->since_time, &ret->since, e) < 0 ||
            request_time("until_time", request->until_time, &ret->until, e) < 0)
                return -1;
        ret->tail = request->lines > 0 ? request->lines : -1;
        ret->follow = request->follow;
        return 0;
}

int log_reply_add(struct buf *out, struct time_go *clock, const struct logs_line *line)
{
        static const char mark[] = " MESSAGE=";
        AUTO(buf_done) struct buf fixed = BUF_NULL(LOG_REPLY_LINE_MAX);
        const void *text = line->text;
        size_t len = line->len, head;
        char when[TIME_TEXT_MAX];

        time_format_go_next(clock, line->time, NSEC_PER_USEC, when);
        head = strlen(when) + strlen(mark);
        if (!encode_is_text(text, len)) {
                if (encode_utf8(&fixed, text, len) < 0)
                        return -ENOBUFS;
                text = fixed.data;
                len = fixed.len;
        }
        if (out->max - out->len < head + len + 8)
                return -ENOBUFS;
        (void)encode_list_head(out, head + len);
        (void)buf_puts(out, when);
        (void)buf_puts(out, mark);
        return buf_append(out, text, len);
}
