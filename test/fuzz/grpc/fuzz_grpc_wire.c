/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passes the check must unpack, pack again to something that passes, and print as JSON that
 * reads back.
 */
#include <stdint.h>
#include <stdlib.h>

#include "grpc/json.h"
#include "grpc/wire_check.h"
#include "sample.pb-c.h"
#include "util/auto.h"
#include "util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const ProtobufCMessage *m)
{
        AUTO(grpc_message_freep) ProtobufCMessage *back = NULL, *again = NULL;
        AUTO_JSON struct json_object *o = NULL;
        struct err e;
        size_t len = protobuf_c_message_get_packed_size(m);
        AUTO_FREE uint8_t *packed = malloc(len + 1);

        if (!packed || protobuf_c_message_pack(m, packed) != len ||
            grpc_wire_unpack(m->descriptor, packed, len, 10000000, &again, &e) < 0)
                abort();
        if (grpc_json_encode(m, false, &o, &e) < 0)
                abort();
        if (grpc_json_decode(m->descriptor, o, &back, &e) < 0 && e.kind != ERR_LIMIT)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(grpc_message_freep) ProtobufCMessage *m = NULL;
        struct err e;

        if (grpc_wire_unpack(&sample__sample__descriptor, data, size, 10000, &m, &e) == 0)
                round_trip(m);
        return 0;
}
