/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields as "name=value" lines: received, looked at, and sent back. */
#include <stdlib.h>
#include <string.h>

#include "grpc/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(struct grpc_metadata *m, const char *line, size_t len)
{
        const char *equals = memchr(line, '=', len);
        size_t name_len = equals ? (size_t)(equals - line) : len;

        if (equals && !grpc_metadata_reserved(line, name_len))
                (void)grpc_metadata_receive(m, line, name_len, equals + 1, len - name_len - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct grpc_metadata *in = grpc_metadata_new(), *out = grpc_metadata_new();
        const char *at = (const char *)data, *end = at + size;

        while (at < end) {
                const char *stop = memchr(at, '\n', (size_t)(end - at));

                stop = stop ? stop : end;
                take(in, at, (size_t)(stop - at));
                at = stop + 1;
        }
        for (size_t i = 0; i < in->n; i++)
                (void)grpc_metadata_send(out, grpc_metadata_key(in, i), grpc_metadata_value(in, i),
                                         in->fields[i].value_len);
        if (out->n > in->n || grpc_metadata_held(in) > 64 * 1024)
                abort();
        grpc_metadata_free(in);
        grpc_metadata_free(out);
        return 0;
}
