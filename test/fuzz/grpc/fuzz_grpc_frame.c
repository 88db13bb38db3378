/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte is the size of the pieces. Whatever it is, the same messages must come out as in
 * one piece.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
        enum grpc_frame_result last;
        size_t n, bytes;
        uint32_t sum;
};

static struct outcome feed(const uint8_t *data, size_t size, size_t piece)
{
        struct grpc_frame_reader r = { .max = 1000 };
        struct outcome o = { .last = GRPC_FRAME_MORE };

        for (size_t i = 0; i < size && o.last == GRPC_FRAME_MORE; i += piece) {
                size_t left = size - i < piece ? size - i : piece;
                uint8_t *copy = malloc(left);
                const uint8_t *p = copy;
                struct grpc_frame frame;

                if (!copy)
                        abort();
                memcpy(copy, data + i, left);
                while ((o.last = grpc_frame_feed(&r, &p, &left, &frame)) == GRPC_FRAME_MESSAGE) {
                        o.n++;
                        o.bytes += frame.len;
                        for (size_t k = 0; k < frame.len; k++)
                                o.sum = o.sum * 31 + frame.data[k];
                }
                free(copy);
        }
        grpc_frame_done(&r);
        return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct outcome whole, pieces;

        if (size < 2)
                return 0;
        whole = feed(data + 1, size - 1, size - 1);
        pieces = feed(data + 1, size - 1, data[0] + (size_t)1);
        if (whole.last != pieces.last || whole.n != pieces.n || whole.bytes != pieces.bytes ||
            whole.sum != pieces.sum)
                abort();
        return 0;
}
