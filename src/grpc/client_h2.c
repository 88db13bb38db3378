/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "grpc/client_priv.h"
#include "grpc/head.h"
#include "util/auto.h"
#include "util/parse.h"

static bool is(const uint8_t *name, size_t len, const char *want)
{
        return strlen(want) == len && memcmp(name, want, len) == 0;
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user_data)
{
        struct grpc_client *c = user_data;
        uint64_t n;

        (void)h2;
        (void)flags;
        if (frame->hd.stream_id != c->stream_id)
                return 0;
        /* nghttp2 ends values with a NUL. */
        if (is(name, name_len, ":status")) {
                if (parse_u64((const char *)value, 100, 999, &n) == 0)
                        c->http_status = (unsigned)n;
        } else if (is(name, name_len, "grpc-status")) {
                c->have_status = true;
                c->code = parse_u64((const char *)value, 0, GRPC_CODE_MAX - 1, &n) == 0
                                  ? (enum grpc_code)n
                                  : GRPC_UNKNOWN;
        } else if (is(name, name_len, "grpc-message")) {
                buf_reset(&c->message);
                grpc_message_decode((const char *)value, value_len, &c->message);
        }
        return 0;
}

static int on_data_chunk(nghttp2_session *h2, uint8_t flags, int32_t stream_id, const uint8_t *data,
                         size_t len, void *user_data)
{
        struct grpc_client *c = user_data;

        (void)flags;
        if (stream_id != c->stream_id || c->http_status != 200) {
                (void)nghttp2_session_consume(h2, stream_id, len);
                return 0;
        }
        memcpy(grpc_queue_reserve(&c->replies, len), data, len);
        return 0;
}

/*
 * grpc/grpc doc/http-grpc-status-mapping.md: for answers of proxies and of servers that are not
 * gRPC.
 */
static enum grpc_code code_from_http(unsigned status)
{
        switch (status) {
        case 400:
                return GRPC_INTERNAL;
        case 401:
                return GRPC_UNAUTHENTICATED;
        case 403:
                return GRPC_PERMISSION_DENIED;
        case 404:
                return GRPC_UNIMPLEMENTED;
        case 429:
        case 502:
        case 503:
        case 504:
                return GRPC_UNAVAILABLE;
        default:
                return GRPC_UNKNOWN;
        }
}

/* PROTOCOL-HTTP2.md, "Errors". */
static enum grpc_code code_from_reset(uint32_t error)
{
        switch (error) {
        case NGHTTP2_REFUSED_STREAM:
                return GRPC_UNAVAILABLE;
        case NGHTTP2_CANCEL:
                return GRPC_CANCELLED;
        case NGHTTP2_ENHANCE_YOUR_CALM:
                return GRPC_RESOURCE_EXHAUSTED;
        case NGHTTP2_INADEQUATE_SECURITY:
                return GRPC_PERMISSION_DENIED;
        default:
                return GRPC_INTERNAL;
        }
}

static int on_stream_close(nghttp2_session *h2, int32_t stream_id, uint32_t error, void *user_data)
{
        struct grpc_client *c = user_data;

        (void)h2;
        if (stream_id != c->stream_id)
                return 0;
        c->over = true;
        if (c->have_status)
                return 0;
        buf_reset(&c->message);
        if (error != NGHTTP2_NO_ERROR) {
                c->code = code_from_reset(error);
                (void)buf_printf(&c->message, "the server reset the call (%s)",
                                 nghttp2_http2_strerror(error));
        } else {
                c->code = c->http_status == 200 ? GRPC_UNKNOWN : code_from_http(c->http_status);
                (void)buf_printf(&c->message, "no gRPC status in the answer (HTTP status %u)",
                                 c->http_status);
        }
        return 0;
}

static ssize_t read_request(nghttp2_session *h2, int32_t stream_id, uint8_t *buf, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
        struct grpc_client *c = user_data;
        size_t left = c->request_len - c->request_sent;
        size_t n = left < length ? left : length;

        (void)h2;
        (void)source;
        if (stream_id != c->stream_id) /* cancelled: its bytes are gone */
                return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        memcpy(buf, c->request + c->request_sent, n);
        c->request_sent += n;
        if (n == left)
                *flags |= NGHTTP2_DATA_FLAG_EOF;
        return (ssize_t)n;
}

void grpc_client_h2_init(struct grpc_client *c, int32_t window)
{
        const nghttp2_settings_entry settings[] = {
                { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
                { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)window },
        };
        nghttp2_session_callbacks *callbacks;
        nghttp2_option *option;

        if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0)
                abort();
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
        nghttp2_option_set_no_auto_window_update(option, 1);
        if (nghttp2_session_client_new2(&c->h2, callbacks, c, option) != 0)
                abort();
        nghttp2_option_del(option);
        nghttp2_session_callbacks_del(callbacks);
        if (nghttp2_submit_settings(c->h2, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings)) != 0 ||
            nghttp2_session_set_local_window_size(c->h2, NGHTTP2_FLAG_NONE, 0, window) != 0)
                abort();
}

#define NV(n, v)                                                                                   \
        {                                                                                          \
                .name = (uint8_t *)(uintptr_t)(n), .value = (uint8_t *)(uintptr_t)(v),             \
                .namelen = strlen(n), .valuelen = strlen(v)                                        \
        }

int grpc_client_h2_submit(struct grpc_client *c, const char *path, nsec timeout)
{
        nghttp2_data_provider provider = { .read_callback = read_request };
        char timeout_text[GRPC_TIMEOUT_TEXT];
        nghttp2_nv headers[] = {
                NV(":method", "POST"),
                NV(":scheme", "http"),
                NV(":path", path),
                NV(":authority", "localhost"),
                NV("content-type", "application/grpc"),
                NV("te", "trailers"),
                NV("user-agent", "carob"),
                NV("", ""),
                NV("", ""),
        };
        size_t n = ARRAY_LEN(headers) - 2;
        int32_t id;

        if (timeout > 0) {
                grpc_timeout_print(timeout, timeout_text);
                headers[n++] = (nghttp2_nv)NV("grpc-timeout", timeout_text);
        }
        if (c->metadata_key)
                headers[n++] = (nghttp2_nv)NV(c->metadata_key, c->metadata_value);
        id = nghttp2_submit_request(c->h2, NULL, headers, n, &provider, NULL);
        if (id < 0)
                return -1;
        c->stream_id = id;
        return 0;
}
