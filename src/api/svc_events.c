/* SPDX-License-Identifier: Apache-2.0 */
#include "api/service.h"

void svc_listen_events(struct grpc_call *call, const ProtobufCMessage *request, void *ctx)
{
        (void)request;
        (void)ctx;
        grpc_call_finish(call, GRPC_UNIMPLEMENTED, "ListenEvents: events are not implemented yet");
}
