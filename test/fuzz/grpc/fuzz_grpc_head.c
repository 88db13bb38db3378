/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields as "name NUL value NUL"; the values also as a grpc-message and as an address. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/address.h"
#include "grpc/head.h"
#include "grpc/status.h"
#include "grpc/utf8.h"
#include "util/auto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void value_alone(const char *value, size_t len)
{
        AUTO(buf_done) struct buf text = BUF_NULL(500), encoded = BUF_NULL(500);
        AUTO_FREE char *clean = grpc_utf8_clean(value, len);
        struct grpc_address a;
        struct err e;

        if (!grpc_utf8_valid((const uint8_t *)clean, strlen(clean)))
                abort();
        grpc_message_decode(value, len, &text);
        grpc_message_encode(buf_str(&text), &encoded);
        (void)grpc_address_parse(clean, &a, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *p = (const char *)data, *end = p + size;
        struct grpc_head h;
        enum grpc_code code;
        const char *text;

        grpc_head_init(&h);
        while (p < end) {
                size_t name_len = strnlen(p, (size_t)(end - p));
                const char *value = p + name_len + (p + name_len < end);
                size_t value_len = strnlen(value, (size_t)(end - value));

                grpc_head_add(&h, p, name_len, value, value_len);
                value_alone(value, value_len);
                p = value + value_len + 1;
        }
        (void)grpc_head_check(&h, &code, &text);
        return 0;
}
