/* SPDX-License-Identifier: Apache-2.0 */
/* Events as any service may send them: whatever they hold, each is one line that steers no terminal, and an object of JSON. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/event_lines.h"
#include "cli/event_order.h"
#include "grpc/wire_check.h"
#include "util/auto.h"
#include "util/json.h"
#include "util/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const V1alpha__Event *event)
{
        AUTO(buf_done) struct buf line = BUF_NULL(LIMIT_GRPC_MESSAGE_BYTES);
        const char *p;

        if (event_line_text(event, &line) < 0)
                return;
        for (p = buf_str(&line); *p && *p != '\n'; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f ||
                    ((unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0))
                        abort();
        if (strcmp(p, "\n") != 0 || strlen(buf_str(&line)) != line.len)
                abort();
}

static void check_json(const V1alpha__Event *event)
{
        AUTO(buf_done) struct buf text = BUF_NULL(8 * LIMIT_GRPC_MESSAGE_BYTES);
        AUTO_JSON struct json_object *made = event_json(event), *parsed = NULL;
        struct err e;

        if (json_print(made, false, &text) == 0 &&
            json_parse(text.data, text.len, text.len, &parsed, &e) < 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(event_order_done) struct event_order order = EVENT_ORDER_NULL;
        ProtobufCMessage *m = NULL;
        struct err e;

        if (grpc_wire_unpack(&v1alpha__listen_events_response__descriptor, data, size, 1024 * 1024,
                             &m, &e) < 0)
                return 0;
        event_order_add_consume(&order, (V1alpha__ListenEventsResponse *)m);
        event_order_sort(&order);
        for (size_t i = 0; i < order.n; i++) {
                if (i > 0 && order.v[i].time < order.v[i - 1].time)
                        abort();
                check_line(order.v[i].event);
                check_json(order.v[i].event);
        }
        return 0;
}
