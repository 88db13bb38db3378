// SPDX-License-Identifier: Apache-2.0
// The same service by gRPC C++, at its best: requests are decoded, replies were encoded beforehand and are sent without
// a copy. What is measured is the library.
//
// Usage: peer METHOD=REPLY-FILE...    prints the port it listens at, on 127.0.0.1
#include <grpcpp/grpcpp.h>

#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "api.grpc.pb.h"

using Api = v1alpha::PublicAPI;
using Raw = Api::WithRawCallbackMethod_GetInfo<Api::WithRawCallbackMethod_ListPods<
        Api::WithRawCallbackMethod_InspectPod<Api::WithRawCallbackMethod_ListImages<
                Api::WithRawCallbackMethod_InspectImage<Api::Service>>>>>;

class Service final : public Raw
{
        template <class Request>
        grpc::ServerUnaryReactor *answer(grpc::CallbackServerContext *context, const char *method,
                                         const grpc::ByteBuffer *request, grpc::ByteBuffer *reply)
        {
                auto *reactor = context->DefaultReactor();
                grpc::ByteBuffer bytes = *request;
                Request message;
                auto status = grpc::SerializationTraits<Request>::Deserialize(&bytes, &message);

                *reply = replies[method];
                reactor->Finish(status);
                return reactor;
        }

    public:
        std::map<std::string, grpc::ByteBuffer> replies;

#define METHOD(name)                                                                               \
        grpc::ServerUnaryReactor *name(grpc::CallbackServerContext *context,                       \
                                       const grpc::ByteBuffer *request, grpc::ByteBuffer *reply)   \
                override                                                                           \
        {                                                                                          \
                return answer<v1alpha::name##Request>(context, #name, request, reply);             \
        }

        METHOD(GetInfo)
        METHOD(ListPods)
        METHOD(InspectPod)
        METHOD(ListImages)
        METHOD(InspectImage)
};

int main(int argc, char *argv[])
{
        Service service;
        grpc::ServerBuilder builder;
        int port = 0;

        for (int i = 1; i < argc; i++) {
                std::string word = argv[i];
                auto equals = word.find('=');
                std::ifstream file(word.substr(equals + 1), std::ios::binary);
                std::stringstream data;

                data << file.rdbuf();
                grpc::Slice slice(data.str());
                service.replies[word.substr(0, equals)] = grpc::ByteBuffer(&slice, 1);
        }
        builder.SetMaxSendMessageSize(-1);
        builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
        builder.RegisterService(&service);
        auto server = builder.BuildAndStart();
        std::cout << port << std::endl;
        server->Wait();
        return 0;
}
