/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server sends, hostile or not, to the client in the middle of a call. The first byte: bit 0
 * adds SETTINGS.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "grpc/client_priv.h"
#include "grpc/wire_check.h"
#include "sample.pb-c.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint8_t settings[9] = { 0, 0, 0, 4, 0 };
        Sample__Sample request;
        ProtobufCMessage *reply;
        struct grpc_client *c;
        struct err e;
        int fds[2];

        sample__sample__init(&request);
        if (size < 1 || size > 32768)
                return 0;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
                abort();
        if (data[0] & 1)
                (void)send(fds[1], settings, sizeof(settings), MSG_NOSIGNAL);
        (void)send(fds[1], data + 1, size - 1, MSG_NOSIGNAL);
        (void)shutdown(fds[1], SHUT_WR);
        c = xcalloc(1, sizeof(*c));
        c->fd = fds[0];
        c->reader.max = 100000;
        c->message = BUF_NULL(1000);
        grpc_client_h2_init(c, 65535);
        if (grpc_client_start(c, "/t/E", &request.base, NSEC_PER_SEC, &e) == 0)
                while (grpc_client_next(c, &sample__sample__descriptor, &reply, &e) == 1)
                        protobuf_c_message_free_unpacked(reply, NULL);
        (void)grpc_client_free(c);
        (void)close(fds[1]);
        return 0;
}
