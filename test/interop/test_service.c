/* SPDX-License-Identifier: Apache-2.0 */
#include "test_service.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "grpc/call.h"
#include "grpc/testing/empty.pb-c.h"
#include "grpc/testing/messages.pb-c.h"
#include "grpc/testing/test.set.h"
#include "util/auto.h"
#include "util/mem.h"

enum {
        RESPONSE_MAX = 64 * 1024 * 1024,
        WAITING_MAX = 1000, /* responses asked for and not sent yet: after that we stop listening */
};

static const char echo_initial[] = "x-grpc-test-echo-initial";
static const char echo_trailing[] = "x-grpc-test-echo-trailing-bin";

/* [Echo Metadata] */
static void echo_metadata(struct grpc_call *call)
{
        const void *value;
        size_t len;

        value = grpc_call_metadata(call, echo_initial, &len);
        if (value)
                (void)grpc_call_add_header(call, echo_initial, value, len);
        value = grpc_call_metadata(call, echo_trailing, &len);
        if (value)
                (void)grpc_call_add_trailer(call, echo_trailing, value, len);
}

/* [CompressedRequest]: false when the client's word about its message is not true. */
static bool compressed_as_said(const struct grpc_call *call, const Grpc__Testing__BoolValue *said)
{
        return !said || !!said->value == grpc_call_message_compressed(call);
}

static void finish_not_as_said(struct grpc_call *call)
{
        grpc_call_finish(call, GRPC_INVALID_ARGUMENT,
                         "the request is %s, not what it says of itself",
                         grpc_call_message_compressed(call) ? "compressed" : "not compressed");
}

/* [CompressedResponse] */
static void compress_as_asked(struct grpc_call *call, bool yes)
{
        grpc_call_compress(call, yes ? GRPC_COMPRESS_ACCEPTED : GRPC_COMPRESS_NEVER);
}

static void empty_call(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        Grpc__Testing__Empty reply = GRPC__TESTING__EMPTY__INIT;

        (void)request;
        (void)ctx;
        echo_metadata(call);
        grpc_call_reply(call, &reply.base);
}

static void unary_call(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        const Grpc__Testing__SimpleRequest *q = (const Grpc__Testing__SimpleRequest *)request;
        Grpc__Testing__SimpleResponse reply;
        Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;

        (void)ctx;
        echo_metadata(call);
        if (!compressed_as_said(call, q->expect_compressed)) {
                finish_not_as_said(call);
                return;
        }
        if (q->response_status && q->response_status->code != 0) {
                grpc_call_finish(call, (enum grpc_code)q->response_status->code, "%s",
                                 q->response_status->message);
                return;
        }
        if (q->response_size < 0 || q->response_size > RESPONSE_MAX) {
                grpc_call_finish(call, GRPC_INVALID_ARGUMENT, "no response has %d bytes",
                                 q->response_size);
                return;
        }
        grpc__testing__simple_response__init(&reply);
        compress_as_asked(call, q->response_compressed && q->response_compressed->value);
        payload.body.len = (size_t)q->response_size;
        payload.body.data = xcalloc(1, payload.body.len + 1);
        reply.payload = &payload;
        grpc_call_reply(call, &reply.base);
        free(payload.body.data);
}

/* A client's stream, and the sum of its payloads. */
struct input {
        int32_t sum;
};

static void input_message(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
        const Grpc__Testing__StreamingInputCallRequest *q =
                (const Grpc__Testing__StreamingInputCallRequest *)message;
        struct input *in = arg;

        if (!compressed_as_said(call, q->expect_compressed)) {
                free(in);
                finish_not_as_said(call);
                return;
        }
        if (q->payload)
                in->sum = (int32_t)((uint32_t)in->sum + (uint32_t)q->payload->body.len);
}

static void input_end(struct grpc_call *call, void *arg)
{
        Grpc__Testing__StreamingInputCallResponse reply =
                GRPC__TESTING__STREAMING_INPUT_CALL_RESPONSE__INIT;
        struct input *in = arg;

        reply.aggregated_payload_size = in->sum;
        free(in);
        grpc_call_reply(call, &reply.base);
}

static void input_cancel(struct grpc_call *call, void *arg)
{
        (void)call;
        free(arg);
}

static void streaming_input_call(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        static const struct grpc_call_watch watch = { .on_message = input_message,
                                                      .on_half_close = input_end,
                                                      .on_cancel = input_cancel };

        (void)request;
        (void)ctx;
        echo_metadata(call);
        grpc_call_watch(call, &watch, xcalloc(1, sizeof(struct input)));
}

struct response {
        int32_t size, interval_us;
        bool compressed;
};

/* Responses that are asked for, and sent in their own time. */
struct output {
        struct grpc_call *call;
        uv_timer_t timer;         /* interval_us of the next one */
        struct response *waiting; /* owned */
        size_t n_waiting, cap, next;
        bool slept; /* the next one's interval is over */
        bool sleeping;
        bool paused;    /* until on_drain */
        bool deaf;      /* receiving is paused */
        bool after_all; /* half duplex: nothing before the client has said all */
        bool complete;  /* it has */
        int32_t code;   /* [Echo Status] */
        char *message;  /* owned */
};

static void free_output(uv_handle_t *handle)
{
        struct output *o = handle->data;

        free(o->waiting);
        free(o->message);
        free(o);
}

static void output_close(struct output *o)
{
        uv_close((uv_handle_t *)&o->timer, free_output);
}

static void pump(struct output *o);

static void on_timer(uv_timer_t *timer)
{
        struct output *o = timer->data;

        o->sleeping = false;
        o->slept = true;
        pump(o);
}

static enum grpc_send_result send_response(struct grpc_call *call, const struct response *r)
{
        Grpc__Testing__StreamingOutputCallResponse reply =
                GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
        Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
        enum grpc_send_result result;

        compress_as_asked(call, r->compressed);
        payload.body.len = (size_t)r->size;
        payload.body.data = xcalloc(1, payload.body.len + 1);
        reply.payload = &payload;
        result = grpc_call_send(call, &reply.base);
        free(payload.body.data);
        return result;
}

/* True: sent, go on. False: wait, or the call is over. */
static bool send_next(struct output *o)
{
        struct response *r = &o->waiting[o->next];

        if (r->interval_us > 0 && !o->slept) {
                o->sleeping = true;
                (void)uv_timer_start(&o->timer, on_timer, ((uint64_t)r->interval_us + 999) / 1000,
                                     0);
                return false;
        }
        o->slept = false;
        o->next++;
        switch (send_response(o->call, r)) {
        case GRPC_SEND_OK:
                return true;
        case GRPC_SEND_PAUSE:
                o->paused = true;
                return false;
        case GRPC_SEND_REFUSED:
                break;
        }
        grpc_call_finish(o->call, GRPC_RESOURCE_EXHAUSTED, "no room for a response");
        output_close(o);
        return false;
}

static void pump(struct output *o)
{
        if (o->sleeping || o->paused || (o->after_all && !o->complete))
                return;
        while (o->next < o->n_waiting)
                if (!send_next(o))
                        return;
        o->next = o->n_waiting = 0;
        if (o->complete || o->code != 0) {
                grpc_call_finish(o->call, (enum grpc_code)o->code, "%s",
                                 o->message ? o->message : "");
                output_close(o);
        } else if (o->deaf) {
                o->deaf = false;
                grpc_call_resume_receive(o->call);
        }
}

/* False: the call has ended. */
static bool output_add(struct output *o, const Grpc__Testing__StreamingOutputCallRequest *q)
{
        for (size_t i = 0; i < q->n_response_parameters; i++) {
                const Grpc__Testing__ResponseParameters *p = q->response_parameters[i];

                if (p->size < 0 || p->size > RESPONSE_MAX) {
                        grpc_call_finish(o->call, GRPC_INVALID_ARGUMENT, "no response has %d bytes",
                                         p->size);
                        output_close(o);
                        return false;
                }
                ARRAY_GROW(o->waiting, o->n_waiting, o->cap);
                o->waiting[o->n_waiting++] =
                        (struct response){ p->size, p->interval_us,
                                           p->compressed && p->compressed->value };
        }
        if (q->response_status && q->response_status->code != 0 && o->code == 0) {
                o->code = q->response_status->code;
                o->message = xstrdup(q->response_status->message);
        }
        return true;
}

static void output_message(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
        struct output *o = arg;

        if (!output_add(o, (const Grpc__Testing__StreamingOutputCallRequest *)message))
                return;
        if (o->n_waiting - o->next > WAITING_MAX && !o->after_all) {
                o->deaf = true;
                grpc_call_pause_receive(call);
        }
        pump(o);
}

static void output_end(struct grpc_call *call, void *arg)
{
        struct output *o = arg;

        (void)call;
        o->complete = true;
        pump(o);
}

static void output_drain(struct grpc_call *call, void *arg)
{
        struct output *o = arg;

        (void)call;
        o->paused = false;
        pump(o);
}

static void output_cancel(struct grpc_call *call, void *arg)
{
        (void)call;
        output_close(arg);
}

static struct output *output_new(struct grpc_call *call, uv_loop_t *loop)
{
        static const struct grpc_call_watch watch = { .on_message = output_message,
                                                      .on_half_close = output_end,
                                                      .on_drain = output_drain,
                                                      .on_cancel = output_cancel };
        struct output *o = xcalloc(1, sizeof(*o));

        o->call = call;
        (void)uv_timer_init(loop, &o->timer);
        o->timer.data = o;
        echo_metadata(call);
        grpc_call_watch(call, &watch, o);
        return o;
}

static void streaming_output_call(struct grpc_call *call, const ProtobufCMessage *request,
                                  void *ctx)
{
        struct output *o = output_new(call, ctx);

        o->complete = true;
        if (output_add(o, (const Grpc__Testing__StreamingOutputCallRequest *)request))
                pump(o);
}

static void full_duplex_call(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        (void)request;
        (void)output_new(call, ctx);
}

static void half_duplex_call(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        (void)request;
        output_new(call, ctx)->after_all = true;
}

static const struct grpc_method methods[] = {
        { .name = "EmptyCall",
          .input = &grpc__testing__empty__descriptor,
          .handler = empty_call,
          .metadata = true },
        { .name = "UnaryCall",
          .input = &grpc__testing__simple_request__descriptor,
          .handler = unary_call,
          .metadata = true },
        { .name = "CacheableUnaryCall",
          .input = &grpc__testing__simple_request__descriptor,
          .handler = unary_call,
          .metadata = true },
        { .name = "StreamingOutputCall",
          .input = &grpc__testing__streaming_output_call_request__descriptor,
          .handler = streaming_output_call,
          .server_streaming = true,
          .metadata = true },
        { .name = "StreamingInputCall",
          .input = &grpc__testing__streaming_input_call_request__descriptor,
          .handler = streaming_input_call,
          .client_streaming = true,
          .metadata = true },
        { .name = "FullDuplexCall",
          .input = &grpc__testing__streaming_output_call_request__descriptor,
          .handler = full_duplex_call,
          .client_streaming = true,
          .server_streaming = true,
          .metadata = true },
        { .name = "HalfDuplexCall",
          .input = &grpc__testing__streaming_output_call_request__descriptor,
          .handler = half_duplex_call,
          .client_streaming = true,
          .server_streaming = true,
          .metadata = true },
};

const struct grpc_service interop_test_service = {
        .name = "grpc.testing.TestService",
        .methods = methods,
        .n_methods = ARRAY_LEN(methods),
        .descriptors = grpc_testing_set_data,
        .descriptors_len = sizeof(grpc_testing_set_data),
};
