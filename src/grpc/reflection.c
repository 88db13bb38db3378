/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each request of the stream has one reply, made at once and without memory of earlier ones: a file
 * comes with all it imports every time. Both versions have the same messages, so one set of
 * generated code serves both.
 */
#include "grpc/reflection.h"

#include <stdlib.h>
#include <string.h>

#include "grpc/call.h"
#include "grpc/descriptor.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "grpc/reflection/v1/reflection.set.h"
#include "grpc/reflection/v1alpha/reflection.set.h"
#include "util/auto.h"
#include "util/mem.h"

#define REQUEST(what)  GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##what
#define RESPONSE(what) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##what

struct grpc_reflection {
        struct grpc_descriptors files;
        const struct grpc_service **services; /* owned list of borrowed ones */
        size_t n_services;
        size_t cap;
};

/* One reply with the parts it may have. */
struct answer {
        Grpc__Reflection__V1__ServerReflectionResponse response;
        Grpc__Reflection__V1__FileDescriptorResponse files;
        Grpc__Reflection__V1__ExtensionNumberResponse extensions;
        Grpc__Reflection__V1__ListServiceResponse list;
        Grpc__Reflection__V1__ErrorResponse error;
        char *text;   /* owned */
        void *memory; /* owned: what the parts point at */
};

struct grpc_reflection *grpc_reflection_new(void)
{
        struct grpc_reflection *r = xcalloc(1, sizeof(*r));

        grpc_reflection_add(r, &grpc_reflection_v1_service);
        grpc_reflection_add(r, &grpc_reflection_v1alpha_service);
        return r;
}

struct grpc_reflection *grpc_reflection_free(struct grpc_reflection *r)
{
        if (!r)
                return NULL;
        grpc_descriptors_done(&r->files);
        free(r->services);
        free(r);
        return NULL;
}

void grpc_reflection_add(struct grpc_reflection *r, const struct grpc_service *service)
{
        ARRAY_GROW(r->services, r->n_services, r->cap);
        r->services[r->n_services++] = service;
        if (service->descriptors)
                grpc_descriptors_add(&r->files, service->descriptors, service->descriptors_len);
}

/* @name is named unless it is absurd: the client has it in original_request anyway. */
static void set_error(struct answer *a, enum grpc_code code, const char *what, const char *name)
{
        enum { NAME_MAX_BYTES = 256 };

        a->text = strlen(name) > NAME_MAX_BYTES ? xstrdup(what) : xasprintf("%s: %s", what, name);
        a->error.error_code = (int32_t)code;
        a->error.error_message = a->text;
        a->response.error_response = &a->error;
        a->response.message_response_case = RESPONSE(ERROR_RESPONSE);
}

static void set_files(struct answer *a, const struct grpc_reflection *r, int file)
{
        struct grpc_span *spans = xreallocarray(NULL, r->files.n_files, sizeof(*spans));
        size_t n = grpc_descriptors_closure(&r->files, file, spans);
        ProtobufCBinaryData *list = xreallocarray(NULL, n, sizeof(*list));

        for (size_t i = 0; i < n; i++)
                list[i] = (ProtobufCBinaryData){ spans[i].len, (uint8_t *)(uintptr_t)spans[i].p };
        free(spans);
        a->memory = list;
        a->files.file_descriptor_proto = list;
        a->files.n_file_descriptor_proto = n;
        a->response.file_descriptor_response = &a->files;
        a->response.message_response_case = RESPONSE(FILE_DESCRIPTOR_RESPONSE);
}

static void answer_file(struct answer *a, const struct grpc_reflection *r, int file,
                        const char *what, const char *name)
{
        if (file < 0)
                set_error(a, GRPC_NOT_FOUND, what, name);
        else
                set_files(a, r, file);
}

static void answer_extensions(struct answer *a, const struct grpc_reflection *r, char *type)
{
        size_t n = grpc_descriptors_extensions(&r->files, type, NULL, 0);

        if (n == 0 && grpc_descriptors_by_symbol(&r->files, type) < 0) {
                set_error(a, GRPC_NOT_FOUND, "unknown type", type);
                return;
        }
        a->extensions.extension_number = a->memory = xcalloc(n + 1, sizeof(int32_t));
        a->extensions.n_extension_number =
                grpc_descriptors_extensions(&r->files, type, a->memory, n);
        a->extensions.base_type_name = type;
        a->response.all_extension_numbers_response = &a->extensions;
        a->response.message_response_case = RESPONSE(ALL_EXTENSION_NUMBERS_RESPONSE);
}

static void answer_list(struct answer *a, const struct grpc_reflection *r)
{
        Grpc__Reflection__V1__ServiceResponse **list, *services;

        list = xreallocarray(NULL, r->n_services, sizeof(*list) + sizeof(*services));
        services = (Grpc__Reflection__V1__ServiceResponse *)(list + r->n_services);
        for (size_t i = 0; i < r->n_services; i++) {
                grpc__reflection__v1__service_response__init(&services[i]);
                services[i].name = (char *)(uintptr_t)r->services[i]->name; /* only read */
                list[i] = &services[i];
        }
        a->memory = list;
        a->list.service = list;
        a->list.n_service = r->n_services;
        a->response.list_services_response = &a->list;
        a->response.message_response_case = RESPONSE(LIST_SERVICES_RESPONSE);
}

static void answer_request(struct answer *a, const struct grpc_reflection *r,
                           const Grpc__Reflection__V1__ServerReflectionRequest *q)
{
        const struct grpc_descriptors *files = &r->files;
        const Grpc__Reflection__V1__ExtensionRequest *x = q->file_containing_extension;
        const char *text = q->file_by_filename; /* as are the others that are strings */

        switch ((int)q->message_request_case) {
        case REQUEST(FILE_BY_FILENAME):
                answer_file(
                        a, r,
                        grpc_descriptors_by_name(
                                files, (struct grpc_span){ (const uint8_t *)text, strlen(text) }),
                        "unknown file", text);
                break;
        case REQUEST(FILE_CONTAINING_SYMBOL):
                answer_file(a, r, grpc_descriptors_by_symbol(files, text), "unknown symbol", text);
                break;
        case REQUEST(FILE_CONTAINING_EXTENSION):
                answer_file(a, r,
                            grpc_descriptors_by_extension(files, x->containing_type,
                                                          x->extension_number),
                            "unknown extension of", x->containing_type);
                break;
        case REQUEST(ALL_EXTENSION_NUMBERS_OF_TYPE):
                answer_extensions(a, r, q->all_extension_numbers_of_type);
                break;
        case REQUEST(LIST_SERVICES):
                answer_list(a, r);
                break;
        case REQUEST(_NOT_SET):
        default:
                set_error(a, GRPC_INVALID_ARGUMENT, "the request asks for", "nothing");
                break;
        }
}

static void on_message(struct grpc_call *call, const ProtobufCMessage *message, void *arg)
{
        const Grpc__Reflection__V1__ServerReflectionRequest *q =
                (const Grpc__Reflection__V1__ServerReflectionRequest *)message;
        struct answer a = { .text = NULL };
        enum grpc_send_result sent;

        grpc__reflection__v1__server_reflection_response__init(&a.response);
        grpc__reflection__v1__file_descriptor_response__init(&a.files);
        grpc__reflection__v1__extension_number_response__init(&a.extensions);
        grpc__reflection__v1__list_service_response__init(&a.list);
        grpc__reflection__v1__error_response__init(&a.error);
        a.response.valid_host = q->host;
        a.response.original_request =
                (Grpc__Reflection__V1__ServerReflectionRequest *)(uintptr_t)q; /* only read */
        answer_request(&a, arg, q);
        sent = grpc_call_send(call, &a.response.base);
        free(a.text);
        free(a.memory);
        if (sent == GRPC_SEND_PAUSE)
                grpc_call_pause_receive(call); /* whoever does not read need not ask */
        else if (sent == GRPC_SEND_REFUSED)
                grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED, "no room for the reply");
}

static void on_drain(struct grpc_call *call, void *arg)
{
        (void)arg;
        grpc_call_resume_receive(call);
}

static void on_half_close(struct grpc_call *call, void *arg)
{
        (void)arg;
        grpc_call_finish(call, GRPC_OK, "%s", "");
}

static void info(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        static const struct grpc_call_watch watch = { .on_message = on_message,
                                                      .on_drain = on_drain,
                                                      .on_half_close = on_half_close };

        (void)request; /* they come one by one */
        grpc_call_watch(call, &watch, ctx);
}

static const struct grpc_method methods[] = {
        { .name = "ServerReflectionInfo",
          .input = &grpc__reflection__v1__server_reflection_request__descriptor,
          .handler = info,
          .client_streaming = true,
          .server_streaming = true },
};

const struct grpc_service grpc_reflection_v1_service = {
        .name = "grpc.reflection.v1.ServerReflection",
        .methods = methods,
        .n_methods = ARRAY_LEN(methods),
        .descriptors = grpc_reflection_set_data,
        .descriptors_len = sizeof(grpc_reflection_set_data),
};

const struct grpc_service grpc_reflection_v1alpha_service = {
        .name = "grpc.reflection.v1alpha.ServerReflection",
        .methods = methods,
        .n_methods = ARRAY_LEN(methods),
        .descriptors = grpc_reflection_v1alpha_set_data,
        .descriptors_len = sizeof(grpc_reflection_v1alpha_set_data),
};
