/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "grpc/json.h"
#include "grpc/wire_check.h"
#include "sample.pb-c.h"
#include "util/auto.h"
#include "util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO_JSON struct json_object *o = NULL, *back = NULL;
        AUTO(grpc_message_freep) ProtobufCMessage *m = NULL;
        struct err e;

        if (json_parse(data, size, 1u << 20, &o, &e) < 0 ||
            grpc_json_decode(&sample__sample__descriptor, o, &m, &e) < 0)
                return 0;
        if (grpc_json_encode(m, true, &back, &e) < 0)
                abort();
        return 0;
}
