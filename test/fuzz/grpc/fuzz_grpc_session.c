/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole connection as bytes. The first byte: bit 0 adds the client's preface and SETTINGS, bit 1
 * lets the session's output be fetched between pieces, bits 2 to 7 are the size of the pieces (0:
 * all at once).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/call.h"
#include "grpc/session.h"
#include "sample.pb-c.h"
#include "util/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void echo(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        (void)ctx;
        grpc_call_reply(call, request);
}

/* As many replies as the queue likes, then what on_drain asks for. */
static void pump(struct grpc_call *call, void *arg)
{
        unsigned *left = arg;
        Sample__Sample m = SAMPLE__SAMPLE__INIT;

        while (*left > 0) {
                (*left)--;
                if (grpc_call_send(call, &m.base) != GRPC_SEND_OK)
                        return;
        }
        free(left);
        grpc_call_finish(call, GRPC_ABORTED, "%s", "enough");
}

static void on_cancel(struct grpc_call *call, void *arg)
{
        (void)call;
        free(arg);
}

static void on_message(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
        (void)arg;
        (void)grpc_call_send(call, message);
}

static void on_half_close(struct grpc_call *call, void *arg)
{
        free(arg);
        grpc_call_finish(call, GRPC_OK, "%s", "");
}

static const struct grpc_call_watch watch = { pump, on_cancel, on_message, on_half_close };

static void list(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        unsigned *left = malloc(sizeof(*left));

        (void)ctx;
        if (!left)
                abort();
        *left = request ? ((const Sample__Sample *)request)->u32 % 100000 : 0;
        grpc_call_watch(call, &watch, left);
        if (request)
                pump(call, left);
}

static void hold(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        (void)request;
        (void)ctx;
        grpc_call_watch(call, &watch, NULL);
}

static const struct grpc_method methods[] = {
        { .name = "E", .input = &sample__sample__descriptor, .handler = echo },
        { .name = "L",
          .input = &sample__sample__descriptor,
          .handler = list,
          .server_streaming = true },
        { .name = "C",
          .input = &sample__sample__descriptor,
          .handler = list,
          .client_streaming = true,
          .server_streaming = true },
        { .name = "H", .input = &sample__sample__descriptor, .handler = hold },
};
static const struct grpc_service service = { .name = "t", .methods = methods, .n_methods = 4 };

static void fetch(struct grpc_session *s)
{
        static uint8_t out[GRPC_SESSION_SEND_MIN];

        for (int i = 0; i < 100 && grpc_session_send(s, out, sizeof(out)) > 0; i++)
                ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint8_t preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
        struct grpc_memory memory = { .max = LIMIT_GRPC_MEMORY_BYTES };
        struct grpc_router router = { 0 };
        const struct grpc_keepalive_config keepalive = grpc_keepalive_defaults(
                &(struct grpc_keepalive_config){ .max_idle = 50 * NSEC_PER_MSEC });
        struct grpc_server_stats stats = { 0 };
        struct grpc_session *s;
        nsec now = NSEC_PER_SEC;
        size_t piece;

        if (size < 1)
                return 0;
        piece = data[0] >> 2 ? data[0] >> 2 : size;
        grpc_router_add(&router, &service, NULL);
        s = grpc_session_new(&(struct grpc_session_config){ .router = &router,
                                                            .memory = &memory,
                                                            .max_message_bytes = 100000,
                                                            .keepalive = &keepalive,
                                                            .stats = &stats });
        if (data[0] & 1)
                (void)grpc_session_receive(s, preface, sizeof(preface) - 1, now);
        for (size_t i = 1; i < size; i += piece) {
                size_t n = size - i < piece ? size - i : piece;

                now += NSEC_PER_MSEC;
                if (grpc_session_receive(s, data + i, n, now) < 0)
                        break;
                if (data[0] & 2)
                        fetch(s);
                if (grpc_session_deadline(s) <= now)
                        grpc_session_tick(s, now);
        }
        fetch(s);
        grpc_session_drain(s, GRPC_END_STOP, now);
        fetch(s);
        grpc_session_tick(s, now + 10 * NSEC_PER_SEC);
        fetch(s);
        (void)grpc_session_free(s);
        if (memory.used != 0)
                abort();
        grpc_router_done(&router);
        return 0;
}
