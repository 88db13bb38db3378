/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/base64.h"

#include <errno.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(const void *data, size_t len, struct buf *out)
{
        const uint8_t *p = data;

        for (size_t i = 0; i < len; i += 3) {
                size_t n = len - i < 3 ? len - i : 3;
                uint32_t bits = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                                (n > 2 ? p[i + 2] : 0);
                char four[4] = {
                        alphabet[bits >> 18],
                        alphabet[bits >> 12 & 63],
                        n > 1 ? alphabet[bits >> 6 & 63] : '=',
                        n > 2 ? alphabet[bits & 63] : '=',
                };
                int r = buf_append(out, four, sizeof(four));

                if (r < 0)
                        return r;
        }
        return 0;
}

static int digit(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        if (c == '+' || c == '-')
                return 62;
        if (c == '/' || c == '_')
                return 63;
        return -1;
}

int base64_decode(const char *text, size_t len, struct buf *out)
{
        uint32_t bits = 0;
        unsigned held = 0;

        /* Padding only where it belongs: one or two, filling up the last four. */
        if (len > 0 && len % 4 == 0 && text[len - 1] == '=')
                len -= text[len - 2] == '=' ? 2 : 1;
        if (len % 4 == 1)
                return -EINVAL;
        for (size_t i = 0; i < len; i++) {
                int d = digit(text[i]);
                int r = 0;

                if (d < 0)
                        return -EINVAL;
                bits = bits << 6 | (uint32_t)d;
                held += 6;
                if (held >= 8) {
                        held -= 8;
                        r = buf_putc(out, (char)(bits >> held & 0xff));
                }
                if (r < 0)
                        return r;
        }
        return 0;
}
