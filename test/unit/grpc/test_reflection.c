/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/reflection.h"

#include "grpc/frame.h"
#include "grpc/health.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "peer.h"

#define REQUEST(what)  GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##what
#define RESPONSE(what) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##what
#define V1             "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
#define V1ALPHA        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"

typedef Grpc__Reflection__V1__ServerReflectionRequest request;
typedef Grpc__Reflection__V1__ServerReflectionResponse response;

static void reflection_freep(struct grpc_reflection **r)
{
        *r = grpc_reflection_free(*r);
}

static void response_freep(response **r)
{
        grpc__reflection__v1__server_reflection_response__free_unpacked(*r, NULL);
}

static struct peer *peer_with(struct grpc_reflection *r)
{
        struct peer *p = peer_new();

        grpc_reflection_add(r, &test_service);
        grpc_reflection_add(r, &grpc_health_service);
        grpc_router_add(&p->router, &grpc_reflection_v1_service, r);
        grpc_router_add(&p->router, &grpc_reflection_v1alpha_service, r);
        return p;
}

static request ask_for(int what, const char *text)
{
        request q = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
        static char host[] = "host.example";

        q.host = host;
        q.message_request_case =
                (Grpc__Reflection__V1__ServerReflectionRequest__MessageRequestCase)what;
        q.file_by_filename = (char *)(uintptr_t)text;
        return q;
}

static size_t frame_of(const request *q, uint8_t *to)
{
        size_t len = grpc__reflection__v1__server_reflection_request__pack(q, to + GRPC_FRAME_HEAD);

        grpc_frame_head(to, false, (uint32_t)len);
        return GRPC_FRAME_HEAD + len;
}

/* The only reply of a stream with this one request. */
static response *ask_on(struct peer *p, const char *path, const request *q)
{
        uint8_t body[70000];
        struct peer_stream *s = peer_call(p, path, body, frame_of(q, body));
        response *r;

        peer_run(p);
        assert_string_equal(s->grpc_status, "0");
        r = grpc__reflection__v1__server_reflection_response__unpack(
                NULL, s->data.len - GRPC_FRAME_HEAD, s->data.data + GRPC_FRAME_HEAD);
        assert_non_null(r);
        assert_string_equal(r->valid_host, q->host);
        assert_int_equal(r->original_request->message_request_case, q->message_request_case);
        return r;
}

static response *ask(struct peer *p, int what, const char *text)
{
        request q = ask_for(what, text);

        return ask_on(p, V1, &q);
}

static void assert_error(struct peer *p, const request *q, int code, const char *text)
{
        AUTO(response_freep) response *r = ask_on(p, V1, q);

        assert_int_equal(r->message_response_case, RESPONSE(ERROR_RESPONSE));
        assert_int_equal(r->error_response->error_code, code);
        assert_string_equal(r->error_response->error_message, text);
}

static void all_services_are_listed_in_both_versions(void **state)
{
        static const char *const names[] = { "grpc.reflection.v1.ServerReflection",
                                             "grpc.reflection.v1alpha.ServerReflection",
                                             "test.Test", "grpc.health.v1.Health" };
        AUTO(reflection_freep) struct grpc_reflection *r = grpc_reflection_new();
        AUTO_PEER struct peer *p = peer_with(r);
        request q = ask_for(REQUEST(LIST_SERVICES), "");

        (void)state;
        for (int i = 0; i < 2; i++) {
                AUTO(response_freep) response *a = ask_on(p, i ? V1ALPHA : V1, &q);

                assert_int_equal(a->message_response_case, RESPONSE(LIST_SERVICES_RESPONSE));
                assert_int_equal(a->list_services_response->n_service, ARRAY_LEN(names));
                for (size_t k = 0; k < ARRAY_LEN(names); k++)
                        assert_string_equal(a->list_services_response->service[k]->name, names[k]);
        }
}

static void files_come_by_name_and_by_symbol(void **state)
{
        static const char *const symbols[] = { "grpc.health.v1.Health",
                                               "grpc.health.v1.Health.Watch",
                                               "grpc.health.v1.HealthCheckResponse.ServingStatus" };
        AUTO(reflection_freep) struct grpc_reflection *r = grpc_reflection_new();
        AUTO_PEER struct peer *p = peer_with(r);
        AUTO(response_freep)
        response *file = ask(p, REQUEST(FILE_BY_FILENAME), "grpc/health/v1/health.proto");
        const ProtobufCBinaryData *bytes = file->file_descriptor_response->file_descriptor_proto;

        (void)state;
        assert_int_equal(file->message_response_case, RESPONSE(FILE_DESCRIPTOR_RESPONSE));
        assert_int_equal(file->file_descriptor_response->n_file_descriptor_proto, 1);
        /* A FileDescriptorProto begins with its name. */
        assert_memory_equal(bytes->data, "\x0a\x1bgrpc/health/v1/health.proto", 29);
        for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
                AUTO(response_freep)
                response *s = ask(p, REQUEST(FILE_CONTAINING_SYMBOL), symbols[i]);

                assert_int_equal(s->message_response_case, RESPONSE(FILE_DESCRIPTOR_RESPONSE));
                assert_int_equal(s->file_descriptor_response->file_descriptor_proto->len,
                                 bytes->len);
        }
}

static void what_is_not_known_is_not_found(void **state)
{
        AUTO(reflection_freep) struct grpc_reflection *r = grpc_reflection_new();
        AUTO_PEER struct peer *p = peer_with(r);
        Grpc__Reflection__V1__ExtensionRequest x = GRPC__REFLECTION__V1__EXTENSION_REQUEST__INIT;
        char type[] = "grpc.health.v1.HealthCheckRequest";
        request q = ask_for(REQUEST(FILE_BY_FILENAME), "no.proto");

        (void)state;
        assert_error(p, &q, GRPC_NOT_FOUND, "unknown file: no.proto");
        q = ask_for(REQUEST(FILE_CONTAINING_SYMBOL), "no.Such");
        assert_error(p, &q, GRPC_NOT_FOUND, "unknown symbol: no.Such");
        q = ask_for(REQUEST(FILE_CONTAINING_SYMBOL), "test.Test"); /* listed, but not described */
        assert_error(p, &q, GRPC_NOT_FOUND, "unknown symbol: test.Test");
        q = ask_for(REQUEST(ALL_EXTENSION_NUMBERS_OF_TYPE), "no.Such");
        assert_error(p, &q, GRPC_NOT_FOUND, "unknown type: no.Such");
        x.containing_type = type;
        x.extension_number = 7;
        q = ask_for(REQUEST(FILE_CONTAINING_EXTENSION), NULL);
        q.file_containing_extension = &x;
        assert_error(p, &q, GRPC_NOT_FOUND,
                     "unknown extension of: grpc.health.v1.HealthCheckRequest");
        q = ask_for(REQUEST(_NOT_SET), NULL);
        assert_error(p, &q, GRPC_INVALID_ARGUMENT, "the request asks for: nothing");
}

static void a_type_without_extensions_has_none(void **state)
{
        AUTO(reflection_freep) struct grpc_reflection *r = grpc_reflection_new();
        AUTO_PEER struct peer *p = peer_with(r);
        AUTO(response_freep)
        response *a =
                ask(p, REQUEST(ALL_EXTENSION_NUMBERS_OF_TYPE), "grpc.health.v1.HealthCheckRequest");

        (void)state;
        assert_int_equal(a->message_response_case, RESPONSE(ALL_EXTENSION_NUMBERS_RESPONSE));
        assert_string_equal(a->all_extension_numbers_response->base_type_name,
                            "grpc.health.v1.HealthCheckRequest");
        assert_int_equal(a->all_extension_numbers_response->n_extension_number, 0);
}

static void an_absurd_name_is_not_repeated(void **state)
{
        AUTO(reflection_freep) struct grpc_reflection *r = grpc_reflection_new();
        AUTO_PEER struct peer *p = peer_with(r);
        char name[1000];
        request q = ask_for(REQUEST(FILE_CONTAINING_SYMBOL), name);

        (void)state;
        memset(name, 'x', sizeof(name));
        name[sizeof(name) - 1] = '\0';
        assert_error(p, &q, GRPC_NOT_FOUND, "unknown symbol");
}

static void one_stream_answers_request_after_request(void **state)
{
        AUTO(reflection_freep) struct grpc_reflection *r = grpc_reflection_new();
        AUTO_PEER struct peer *p = peer_with(r);
        request q = ask_for(REQUEST(LIST_SERVICES), "");
        uint8_t body[1000];
        size_t len = frame_of(&q, body), one;
        struct peer_stream *s;

        (void)state;
        memcpy(body + len, body, len);
        s = peer_open(p, V1, body, len);
        peer_run(p);
        one = s->data.len;
        assert_true(one > 0 && !s->ended);
        s->body = body;
        s->body_len = len;
        s->keep_open = false;
        assert_int_equal(nghttp2_session_resume_data(p->h2, s->id), 0);
        peer_run(p);
        assert_int_equal(s->data.len, 2 * one);
        assert_string_equal(s->grpc_status, "0");
}

static void who_asks_and_does_not_read_has_to_wait(void **state)
{
        AUTO(reflection_freep) struct grpc_reflection *r = grpc_reflection_new();
        AUTO_PEER struct peer *p = peer_with(r);
        request q = ask_for(REQUEST(FILE_BY_FILENAME), "grpc/reflection/v1/reflection.proto");
        static uint8_t body[60000];
        size_t len = 0, questions = 0, one;
        struct peer_stream *s;

        (void)state;
        for (; len + 1000 < sizeof(body); questions++)
                len += frame_of(&q, body + len);
        peer_run(p);
        p->blocked = true;
        s = peer_call(p, V1, body, len);
        peer_run(p);
        assert_true(p->memory.used < LIMIT_GRPC_QUEUE_BYTES + sizeof(body) + 100000);
        p->blocked = false;
        peer_run(p);
        assert_string_equal(s->grpc_status, "0");
        one = GRPC_FRAME_HEAD + ((size_t)s->data.data[3] << 8 | s->data.data[4]);
        assert_int_equal(s->data.len, questions * one);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_services_are_listed_in_both_versions),
                cmocka_unit_test(files_come_by_name_and_by_symbol),
                cmocka_unit_test(what_is_not_known_is_not_found),
                cmocka_unit_test(a_type_without_extensions_has_none),
                cmocka_unit_test(an_absurd_name_is_not_repeated),
                cmocka_unit_test(one_stream_answers_request_after_request),
                cmocka_unit_test(who_asks_and_does_not_read_has_to_wait),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
