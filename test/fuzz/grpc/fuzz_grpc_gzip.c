/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed messages. The first byte: bit 0 gzip or zlib's format, the others how large it may be. */
#include <stdlib.h>

#include "grpc/gzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t *out = NULL;
        size_t len = 0, max;

        if (size < 1)
                return 0;
        max = (size_t)(data[0] >> 1) * 1024;
        if (grpc_expand(data[0] & 1 ? GRPC_ENCODING_GZIP : GRPC_ENCODING_DEFLATE, data + 1,
                        size - 1, max, &out, &len) == GRPC_EXPAND_OK &&
            len > max)
                abort();
        free(out);
        return 0;
}
