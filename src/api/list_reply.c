/* SPDX-License-Identifier: Apache-2.0 */
#include "api/list_reply.h"

#include "util/limits.h"

int list_reply_too_long(bool detail, struct err *e)
{
        return err_set(e, ERR_LIMIT, 0, "the list is over %u bytes: use more filters%s",
                       LIMIT_API_REPLY_BYTES, detail ? ", or ask without detail" : "");
}

int list_reply_add(struct buf *reply, const struct encoded *item, bool detail, struct err *e)
{
        size_t len = encoded_len(item, detail);
        uint8_t *to;

        if (buf_reserve(reply, len, &to) < 0)
                return list_reply_too_long(detail, e);
        (void)encoded_copy(item, detail, to);
        buf_commit(reply, len);
        return 0;
}

void list_reply_send(struct grpc_call *call, const struct buf *reply, int r, const struct err *e)
{
        const struct grpc_slice slice = { .data = reply->data, .len = reply->len };

        if (r < 0)
                grpc_call_finish_err(call, e);
        else
                grpc_call_reply_slices(call, &slice, 1);
}
