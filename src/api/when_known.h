/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that are answered from an index: at once nearly always. When something has just changed that was not read yet, the
 * call waits until it was, and is answered then, whatever happens meanwhile.
 */
#pragma once

#include <stdbool.h>

#include "api/pending.h"
#include "api/service.h"
#include "grpc/call.h"

/* The index that the answer is made from: pod_index_sync, _wait and _cancel, or the like. */
struct known_by {
        bool (*sync)(struct service *service);
        void (*wait)(struct service *service, struct waiter *w);
        void (*cancel)(struct service *service, struct waiter *w);
};

extern const struct known_by known_by_pods, known_by_images;

/* Answers the call, now or later; @request is the call's. */
typedef void (*answer_fn)(struct service *service, struct grpc_call *call,
                          const ProtobufCMessage *request);

/* Have @answer called once, unless the call is cancelled first. @by must stay. */
void answer_when_known(struct service *service, struct grpc_call *call,
                       const ProtobufCMessage *request, const struct known_by *by,
                       answer_fn answer);
