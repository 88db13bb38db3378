/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole connection again, from the other side: the input is a script of what a client says, in
 * frames that are well formed as far as their lengths and header blocks go, of time, of blocked
 * output, and of what handlers do later. It gets to where random bytes seldom do: many streams,
 * flow control, cancellation, draining.
 */
#include <nghttp2/nghttp2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/call.h"
#include "grpc/session.h"
#include "sample.pb-c.h"
#include "util/auto.h"
#include "util/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
        HELD_MAX = 8,
        BLOCK_MAX = 12 * 1024, /* less than a frame: blocks are whole, or cut on purpose */
        FRAME_HEAD = 9,
};

/* The rest of the input. What is not there reads as 0. */
struct script {
        const uint8_t *at, *end;
};

static struct peer {
        struct grpc_session *session;
        nghttp2_hd_deflater *deflater;
        struct script script;
        uint32_t next_stream;
        nsec now;
        bool broken;
} peer;

static struct grpc_call *held[HELD_MAX];
static struct grpc_blob *blob;

static uint8_t take(void)
{
        return peer.script.at < peer.script.end ? *peer.script.at++ : 0;
}

static uint32_t take32(void)
{
        uint32_t v = 0;

        for (int i = 0; i < 4; i++)
                v = v << 8 | take();
        return v;
}

static size_t take_bytes(size_t max, const uint8_t **ret)
{
        size_t n = take() * 5u;
        size_t left = (size_t)(peer.script.end - peer.script.at);

        n = n < max ? n : max;
        n = n < left ? n : left;
        *ret = peer.script.at;
        peer.script.at += n;
        return n;
}

/* Handlers. */

static void on_cancel(struct grpc_call *call, void *arg)
{
        (void)arg;
        for (size_t i = 0; i < HELD_MAX; i++)
                if (held[i] == call)
                        held[i] = NULL;
}

static void on_message(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
        (void)arg;
        if (grpc_call_send(call, message) == GRPC_SEND_REFUSED) {
                on_cancel(call, NULL);
                grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED, "%s", "too much");
        }
}

static void on_half_close(struct grpc_call *call, void *arg)
{
        on_cancel(call, arg);
        grpc_call_finish(call, GRPC_OK, "%s", "");
}

static void on_drain(struct grpc_call *call, void *arg)
{
        (void)arg;
        (void)grpc_call_send_slices(call, NULL, 0);
}

static const struct grpc_call_watch watch = { on_drain, on_cancel, on_message, on_half_close };

/* Waits for the script; when all places are taken, answers at once. */
static void hold(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        (void)request;
        (void)ctx;
        for (size_t i = 0; i < HELD_MAX; i++)
                if (!held[i]) {
                        held[i] = call;
                        grpc_call_watch(call, &watch, NULL);
                        return;
                }
        grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED, "%s", "");
}

static void echo(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        (void)ctx;
        grpc_call_reply(call, request);
}

static void large(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        static uint8_t zeros[300 * 1024];
        const struct grpc_slice slices[] = { { zeros, sizeof(zeros) }, { zeros, 1 } };

        (void)ctx;
        (void)request;
        if (grpc_call_send_slices(call, slices, 2) != GRPC_SEND_REFUSED)
                (void)grpc_call_send_slices(call, slices, 1);
        grpc_call_finish(call, GRPC_OK, "%s", "");
}

static const struct grpc_method methods[] = {
        { .name = "E", .input = &sample__sample__descriptor, .handler = echo },
        { .name = "H", .input = &sample__sample__descriptor, .handler = hold, .metadata = true },
        { .name = "L",
          .input = &sample__sample__descriptor,
          .handler = large,
          .server_streaming = true },
        { .name = "C",
          .input = &sample__sample__descriptor,
          .handler = hold,
          .client_streaming = true,
          .server_streaming = true,
          .metadata = true },
};
static const struct grpc_service service = { .name = "t", .methods = methods, .n_methods = 4 };

/* What the client says. */

static void say(const void *bytes, size_t len)
{
        if (!peer.broken && grpc_session_receive(peer.session, bytes, len, peer.now) < 0)
                peer.broken = true;
}

static void say_frame(uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t len)
{
        uint8_t frame[FRAME_HEAD + 16384] = {
                (uint8_t)(len >> 16),
                (uint8_t)(len >> 8),
                (uint8_t)len,
                type,
                flags,
                (uint8_t)(stream >> 24),
                (uint8_t)(stream >> 16),
                (uint8_t)(stream >> 8),
                (uint8_t)stream,
        };

        if (len > 0)
                memcpy(frame + FRAME_HEAD, payload, len);
        say(frame, FRAME_HEAD + len);
}

/* One of the last eight streams, or the next. */
static uint32_t some_stream(void)
{
        uint8_t back = take() % 9;

        return peer.next_stream > 2u * back ? peer.next_stream - 2 * back : 1;
}

static nghttp2_nv header(const char *name, const char *value)
{
        return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                             strlen(value), 0 };
}

static size_t request_block(uint8_t *to)
{
        static const char *const paths[] = {
                "/t/E", "/t/H", "/t/L", "/t/C", "/t/none", "/u/E", "x"
        };
        static const nghttp2_nv none = { 0 };
        static const struct {
                const char *name, *value;
        } more[] = {
                { "te", "trailers" },
                { "grpc-timeout", "1m" },
                { "grpc-timeout", "0n" },
                { "grpc-timeout", "99999999H" },
                { "grpc-encoding", "gzip" },
                { "x-bin", "AAA=" },
                { "grpc-accept-encoding", "gzip" },
                { "content-length", "5" },
                { "host", "x" },
        };
        nghttp2_nv nv[32] = { none };
        const uint8_t *value;
        unsigned choice = take32();
        size_t n = 0, len;
        ssize_t block;

        nv[n++] = header(":method", choice & 1 && choice & 2 ? "GET" : "POST");
        nv[n++] = header(":scheme", "http");
        nv[n++] = header(":path", paths[choice >> 2 & 7 ? (choice >> 2 & 7) - 1 : 0]);
        nv[n++] = header("content-type", choice >> 5 & 7 ? "application/grpc" : "text/plain");
        for (unsigned i = 0; i < ARRAY_LEN(more); i++)
                if (choice >> (8 + i) & 1)
                        nv[n++] = header(more[i].name, more[i].value);
        len = take_bytes(1000, &value);
        for (unsigned i = 0; i < (choice >> 24 & 15); i++)
                nv[n++] = (nghttp2_nv){ (uint8_t *)(uintptr_t) "x", (uint8_t *)(uintptr_t)value, 1,
                                        len, 0 };
        block = nghttp2_hd_deflate_hd(peer.deflater, to, BLOCK_MAX, nv, n);
        return block > 0 ? (size_t)block : 0;
}

static void say_headers(void)
{
        enum { END_STREAM = 1, END_HEADERS = 4 };
        uint8_t block[BLOCK_MAX];
        uint8_t how = take();
        uint32_t stream = how & 2 ? some_stream() : peer.next_stream;
        size_t len = request_block(block), cut = how & 4 ? len / 2 : len;

        if (!(how & 2))
                peer.next_stream += 2;
        say_frame(NGHTTP2_HEADERS, (how & END_STREAM) | (cut == len ? END_HEADERS : 0), stream,
                  block, cut);
        if (cut < len)
                say_frame(NGHTTP2_CONTINUATION, how & 8 ? 0 : END_HEADERS, stream, block + cut,
                          len - cut);
}

static void say_message(void)
{
        uint8_t message[5 + 2000] = { 0 };
        uint8_t how = take();
        const uint8_t *bytes;
        size_t len = take_bytes(2000, &bytes);

        message[0] = how & 2 ? 1 : 0;
        message[1] = how & 4 ? 1 : 0;
        message[3] = (uint8_t)(len >> 8);
        message[4] = (uint8_t)len;
        memcpy(message + 5, bytes, len);
        say_frame(NGHTTP2_DATA, how & NGHTTP2_FLAG_END_STREAM, some_stream(), message, 5 + len);
}

static void say_anything(uint8_t type)
{
        uint8_t flags = take();
        uint32_t stream = take() & 1 ? some_stream() : 0;
        const uint8_t *bytes;
        size_t len = take_bytes(1000, &bytes);

        say_frame(type, flags, stream, bytes, len);
}

static void say_number(uint8_t type)
{
        uint32_t number = take32(), stream = take() & 1 ? some_stream() : 0;
        const uint8_t payload[] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16),
                                    (uint8_t)(number >> 8), (uint8_t)number };

        say_frame(type, 0, stream, payload, sizeof(payload));
}

/* What happens on our side. */

static void fetch(unsigned times)
{
        static uint8_t out[GRPC_SESSION_SEND_MIN];

        while (times-- > 0 && grpc_session_send(peer.session, out, sizeof(out)) > 0)
                ;
}

static void pass_time(nsec by)
{
        peer.now += by;
        if (grpc_session_deadline(peer.session) <= peer.now)
                grpc_session_tick(peer.session, peer.now);
}

static void wake_handler(void)
{
        Sample__Sample m = SAMPLE__SAMPLE__INIT;
        uint8_t how = take();
        struct grpc_call *call = held[how % HELD_MAX];

        if (!call)
                return;
        m.u32 = how;
        if ((how & 8) && !grpc_call_method(call)->server_streaming) {
                held[how % HELD_MAX] = NULL;
                grpc_call_reply(call, &m.base); /* it may send no more than one */
                return;
        }
        if (how & 8)
                (void)grpc_call_send(call, &m.base);
        if (how & 16)
                grpc_call_start(call);
        if (how & 32) {
                held[how % HELD_MAX] = NULL;
                grpc_call_finish(call, how & 64 ? GRPC_OK : GRPC_ABORTED, "%s", "100 % \xff");
        }
}

static void new_blob(void)
{
        size_t len = (size_t)take() * take() * 8;

        blob = grpc_blob_unref(blob); /* those who wait for the old one go on */
        blob = grpc_blob_new(len);
        memset(blob->data, 'b', len);
}

static void send_blobs(struct grpc_call **held_call, size_t n)
{
        struct grpc_blob *const both[] = { blob, blob };
        struct grpc_call *call = *held_call;

        if (grpc_call_method(call)->server_streaming) {
                (void)grpc_call_send_blobs(call, both, n);
                return;
        }
        *held_call = NULL;
        grpc_call_reply_shared(call, blob);
}

static void give_metadata(struct grpc_call *call, bool trailer)
{
        struct grpc_metadatum m;
        const uint8_t *value;
        size_t len = take_bytes(1000, &value);

        for (size_t i = 0; grpc_call_metadata_at(call, i, &m); i++)
                (void)(trailer ? grpc_call_add_trailer : grpc_call_add_header)(call, m.key, m.value,
                                                                               m.len);
        (void)(trailer ? grpc_call_add_trailer
                       : grpc_call_add_header)(call, take() & 1 ? "x-bin" : "x", value, len);
}

static void fail_with_details(struct grpc_call *call)
{
        const uint8_t *value;
        struct grpc_detail detail = { .type = "t.Detail" };

        detail.len = take_bytes(1000, &value);
        detail.data = value;
        on_cancel(call, NULL);
        grpc_call_finish_details(call, take() % GRPC_CODE_MAX, "details", &detail, 1);
}

/* A handler that does more than answer. */
static void busy_handler(void)
{
        uint8_t how = take();
        struct grpc_call **call = &held[how % HELD_MAX];

        if (!*call)
                return;
        switch (how / HELD_MAX % 8) {
        case 0:
                grpc_call_pause_receive(*call);
                return;
        case 1:
                grpc_call_resume_receive(*call);
                return;
        case 2:
        case 3:
                send_blobs(call, how / HELD_MAX % 8 - 1);
                return;
        case 4:
        case 5:
                give_metadata(*call, how & HELD_MAX);
                return;
        case 6:
                fail_with_details(*call);
                return;
        default:
                grpc_call_compress(*call, take() % 3);
                return;
        }
}

static void step(void)
{
        switch (take() % 16) {
        case 0:
        case 1:
                say_headers();
                return;
        case 2:
        case 3:
                say_message();
                return;
        case 4:
                say_anything(NGHTTP2_DATA);
                return;
        case 5:
                say_number(NGHTTP2_RST_STREAM);
                return;
        case 6:
                say_number(NGHTTP2_WINDOW_UPDATE);
                return;
        case 7:
                say_anything(NGHTTP2_SETTINGS);
                return;
        case 8:
                say_frame(NGHTTP2_PING, take() & 1, 0, "pingping", 8);
                return;
        case 9:
                say_anything(take() % 12);
                return;
        case 10:
                fetch(take());
                return;
        case 11:
                pass_time(NSEC_PER_MSEC * take());
                return;
        case 12:
                pass_time(NSEC_PER_SEC * take());
                return;
        case 13:
                wake_handler();
                return;
        case 14:
                busy_handler();
                return;
        default:
                if (take() == 'd')
                        grpc_session_drain(peer.session, GRPC_END_STOP, peer.now);
                else
                        new_blob();
                return;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint8_t preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
        struct grpc_keepalive_config keepalive;
        struct grpc_server_stats stats = { 0 };
        struct grpc_memory memory = { .max = LIMIT_GRPC_MEMORY_BYTES };
        struct grpc_router router = { 0 };

        grpc_router_add(&router, &service, NULL);
        memset(held, 0, sizeof(held));
        blob = grpc_blob_new_copy("\x72\1x", 3);
        peer = (struct peer){ .next_stream = 1,
                              .now = NSEC_PER_SEC,
                              .script = { data, data + size } };
        if (nghttp2_hd_deflate_new(&peer.deflater, 4096) != 0)
                abort();
        keepalive = grpc_keepalive_defaults(&(struct grpc_keepalive_config){ 0 });
        peer.session = grpc_session_new(&(struct grpc_session_config){ .router = &router,
                                                                       .memory = &memory,
                                                                       .max_message_bytes = 100000,
                                                                       .keepalive = &keepalive,
                                                                       .stats = &stats });
        say(preface, sizeof(preface) - 1);
        while (peer.script.at < peer.script.end && !peer.broken) {
                step();
                if (grpc_session_calls(peer.session) > LIMIT_GRPC_STREAMS)
                        abort();
        }
        fetch(1000);
        blob = grpc_blob_unref(blob);
        (void)grpc_session_free(peer.session);
        nghttp2_hd_deflate_del(peer.deflater);
        for (size_t i = 0; i < HELD_MAX; i++)
                if (held[i]) /* nobody told the handler */
                        abort();
        if (memory.used != 0)
                abort();
        grpc_router_done(&router);
        return 0;
}
