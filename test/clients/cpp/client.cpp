/* SPDX-License-Identifier: Apache-2.0 */
/* The API as gRPC C++ sees it; how it is spoken to is in test/integration/foreign.py. */
#include <chrono>
#include <fstream>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>
#include <iostream>
#include <map>
#include <sstream>

#include "api.grpc.pb.h"

using google::protobuf::Message;
using google::protobuf::util::MessageToJsonString;

namespace
{

struct Order {
        int timeout_ms = 0;
        int cancel_after = 0;
        std::string method, request;
};

std::string json(const Message &message)
{
        std::string text;
        google::protobuf::util::JsonPrintOptions options;

        options.preserve_proto_field_names = true;
        if (!MessageToJsonString(message, &text, options).ok())
                abort();
        return text;
}

std::string quoted(const std::string &text)
{
        google::protobuf::Value value;

        value.set_string_value(text);
        return json(value);
}

void say_end(const grpc::Status &status)
{
        std::cout << "end " << status.error_code() << " " << quoted(status.error_message())
                  << std::endl;
}

void prepare(const Order &order, grpc::ClientContext &context, Message &request)
{
        if (order.timeout_ms > 0)
                context.set_deadline(std::chrono::system_clock::now() +
                                     std::chrono::milliseconds(order.timeout_ms));
        if (!google::protobuf::util::JsonStringToMessage(order.request, &request).ok()) {
                std::cerr << "no such request: " << order.request << std::endl;
                exit(2);
        }
}

template <typename Request, typename Reply, typename Method>
void unary(const Order &order, Method method)
{
        grpc::ClientContext context;
        Request request;
        Reply reply;

        prepare(order, context, request);
        grpc::Status status = method(&context, request, &reply);
        if (status.ok())
                std::cout << "reply " << json(reply) << std::endl;
        say_end(status);
}

template <typename Request, typename Reply, typename Method>
void stream(const Order &order, Method method)
{
        grpc::ClientContext context;
        Request request;
        Reply reply;
        int seen = 0;

        prepare(order, context, request);
        std::unique_ptr<grpc::ClientReader<Reply>> reader = method(&context, request);
        while (reader->Read(&reply)) {
                std::cout << "reply " << json(reply) << std::endl;
                if (reply.ByteSizeLong() > 0 && ++seen == order.cancel_after)
                        context.TryCancel();
        }
        say_end(reader->Finish());
}

std::string file(const std::string &name)
{
        std::ifstream in(name);
        std::stringstream text;

        if (!name.empty())
                text << in.rdbuf();
        return text.str();
}

std::shared_ptr<grpc::Channel> connect(std::map<std::string, std::string> &flags)
{
        grpc::ChannelArguments args;
        std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();

        args.SetMaxReceiveMessageSize(-1);
        args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
        if (!flags["ca"].empty())
                credentials = grpc::SslCredentials(
                        { file(flags["ca"]), file(flags["key"]), file(flags["cert"]) });
        if (!flags["name"].empty())
                args.SetSslTargetNameOverride(flags["name"]);
        if (flags["window"] == "small") {
                args.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
                args.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 65535);
        }
        if (flags["compression"] == "gzip")
                args.SetCompressionAlgorithm(GRPC_COMPRESS_GZIP);
        return grpc::CreateCustomChannel(flags["target"], credentials, args);
}

} // namespace

int main(int argc, char **argv)
{
        std::map<std::string, std::string> flags;
        std::string line;

        for (int i = 1; i < argc; i++) {
                std::string word = argv[i];
                size_t equals = word.find('=');

                flags[word.substr(2, equals - 2)] = word.substr(equals + 1);
        }

        std::unique_ptr<v1alpha::PublicAPI::Stub> api = v1alpha::PublicAPI::NewStub(connect(flags));

#define UNARY(name)                                                                                \
        {                                                                                          \
#name, [&](const Order &order) {                                                         \
                 unary<v1alpha::name##Request, v1alpha::name##Response>(                           \
                         order, [&](auto *c, auto &q, auto *r) { return api->name(c, q, r); });    \
         }         \
        }
#define STREAM(name)                                                                               \
        {                                                                                          \
#name, [&](const Order &order) {                                                         \
                 stream<v1alpha::name##Request, v1alpha::name##Response>(                          \
                         order, [&](auto *c, auto &q) { return api->name(c, q); });                \
         }         \
        }
        const std::map<std::string, std::function<void(const Order &)>> methods = {
                UNARY(GetInfo),      UNARY(ListPods),      UNARY(InspectPod), UNARY(ListImages),
                UNARY(InspectImage), STREAM(ListenEvents), STREAM(GetLogs),
        };

        while (std::getline(std::cin, line)) {
                std::istringstream words(line);
                Order order;

                words >> order.timeout_ms >> order.cancel_after >> order.method;
                std::getline(words, order.request);
                methods.at(order.method)(order);
        }
        return 0;
}
