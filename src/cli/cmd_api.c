/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/api_client.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "grpc/client.h"
#include "grpc/json.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/json.h"
#include "util/limits.h"
#include "util/mem.h"
#include "v1alpha/api.pb-c.h"

static const char *address = API_CLIENT_ADDRESS;
static bool defaults;
static nsec timeout;
static enum output_format format = OUTPUT_JSON;

static void message_freep(ProtobufCMessage **m)
{
        if (*m)
                protobuf_c_message_free_unpacked(*m, NULL);
}

static int find_method(const char *name, const ProtobufCMethodDescriptor **ret, struct err *e)
{
        const ProtobufCServiceDescriptor *service = &v1alpha__public_api__descriptor;
        AUTO(buf_done) struct buf known = BUF_NULL(1024);

        for (unsigned i = 0; i < service->n_methods; i++) {
                if (strcasecmp(service->methods[i].name, name) == 0) {
                        *ret = &service->methods[i];
                        return 0;
                }
                (void)buf_printf(&known, "%s%s", i ? ", " : "", service->methods[i].name);
        }
        return err_set(e, ERR_USAGE, 0, "no call \"%s\"; there are %s", name, buf_str(&known));
}

/* The request: an argument, standard input for "-", or the empty message. */
static int read_request(const ProtobufCMethodDescriptor *method, const char *text,
                        ProtobufCMessage **ret, struct err *e)
{
        AUTO(buf_done) struct buf in = BUF_NULL(LIMIT_GRPC_MESSAGE_BYTES);
        AUTO_JSON struct json_object *o = NULL;
        int r = 0;

        if (!text)
                text = "{}";
        if (strcmp(text, "-") == 0)
                r = fs_read_fd(STDIN_FILENO, &in);
        else
                r = buf_puts(&in, text);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "cannot read the request");
        if (json_parse(in.data, in.len, LIMIT_GRPC_MESSAGE_BYTES, &o, e) < 0 ||
            grpc_json_decode(method->input, o, ret, e) < 0)
                return err_wrap(e, "request");
        return 0;
}

static int print_reply(const ProtobufCMessage *reply, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;

        if (grpc_json_encode(reply, defaults, &o, e) < 0 || output_json(o, format, e) < 0)
                return -1;
        /* A stream's reader wants each reply when it comes. */
        if (fflush(stdout) != 0)
                return err_set(e, ERR_INTERNAL, errno, "cannot write the output");
        return 0;
}

static int call(const ProtobufCMethodDescriptor *method, const ProtobufCMessage *request,
                struct err *e)
{
        const struct api_client_options options = { .address = address };
        AUTO(api_client_done) struct api_client client = API_CLIENT_NULL;
        char path[128];
        int n;

        (void)snprintf(path, sizeof(path), "/%s/%s", v1alpha__public_api__descriptor.name,
                       method->name);
        if (api_client_open(&client, &options, e) < 0)
                return -1;
        if (grpc_client_start(client.grpc, path, request, timeout, e) < 0)
                return api_client_failed(&client, method->name, e);
        for (;;) {
                AUTO(message_freep) ProtobufCMessage *reply = NULL;

                n = grpc_client_next(client.grpc, method->output, &reply, e);
                if (n < 0)
                        return api_client_failed(&client, method->name, e);
                if (n == 0)
                        return 0;
                if (print_reply(reply, e) < 0)
                        return -1;
        }
}

static int api_main(char *const *args, size_t n, struct err *e)
{
        AUTO(message_freep) ProtobufCMessage *request = NULL;
        const ProtobufCMethodDescriptor *method = NULL;

        if (find_method(args[0], &method, e) < 0 ||
            read_request(method, n > 1 ? args[1] : NULL, &request, e) < 0)
                return -1;
        return call(method, request, e);
}

static const struct opt api_opts[] = {
        { OPT_TEXT, 0, "address", "localhost:15441",
          "where the API service listens: HOST:PORT or unix:PATH; none: ask one of our own, for this "
          "call",
          &address, NULL, NULL },
        { OPT_DURATION, 0, "timeout", "TIME", "give up after so long", &timeout, NULL, NULL },
        { OPT_FLAG, 0, "defaults", "[=false]", "print fields that hold their default too",
          &defaults, NULL, NULL },
        OUTPUT_FORMAT_OPT(&format),
        { .type = OPT_END },
};

const struct cmd cmd_api = {
        .name = "api",
        .usage = "CALL [JSON]",
        .summary = "Call the API service, print the replies as JSON",
        .more = "\tCALL is one of GetInfo, ListPods, InspectPod, ListImages, InspectImage, "
                "ListEvents and\n"
                "\tGetLogs. JSON is the request (\"-\": from standard input; nothing: the empty "
                "one), for\n"
                "\texample '{\"filters\":[{\"states\":[\"POD_STATE_RUNNING\"]}]}'. Each reply is a "
                "line.\n",
        .min_args = 1,
        .max_args = 2,
        .opts = api_opts,
        .main = api_main,
};
