/* SPDX-License-Identifier: Apache-2.0 */
#include "api/log_reply.h"

#include <errno.h>
#include <inttypes.h>

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

int log_reply_add(struct buf *out, const struct logs_line *line)
{
        AUTO(buf_done) struct buf text = BUF_NULL(LOG_REPLY_LINE_MAX);
        char when[TIME_TEXT_MAX];

        time_format_go(line->time, NSEC_PER_USEC, when);
        if (buf_printf(&text, "%s MESSAGE=", when) < 0 ||
            encode_utf8(&text, line->text, line->len) < 0 || out->max - out->len < text.len + 8)
                return -ENOBUFS;
        return encode_list_text(out, text.data, text.len);
}
