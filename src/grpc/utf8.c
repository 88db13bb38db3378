/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/utf8.h"

#include <string.h>

#include "util/mem.h"

static bool is_tail(uint8_t c)
{
        return (c & 0xc0) == 0x80;
}

size_t grpc_utf8_char(const uint8_t *p, size_t left)
{
        /* RFC 3629 section 4: only the second byte's range depends on the first. */
        if (left == 0)
                return 0;
        if (p[0] < 0x80)
                return 1;
        if (p[0] < 0xc2 || p[0] > 0xf4 || left < 2 || !is_tail(p[1]))
                return 0;
        if (p[0] < 0xe0)
                return 2;
        if (left < 3 || !is_tail(p[2]))
                return 0;
        if (p[0] < 0xf0) {
                if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
                        return 0;
                return 3;
        }
        if (left < 4 || !is_tail(p[3]))
                return 0;
        if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
                return 0;
        return 4;
}

bool grpc_utf8_valid(const uint8_t *p, size_t len)
{
        while (len > 0) {
                uint64_t word;
                size_t n;

                /* Names and numbers are ASCII: eight bytes at a time. */
                if (len >= sizeof(word)) {
                        memcpy(&word, p, sizeof(word));
                        if ((word & UINT64_C(0x8080808080808080)) == 0) {
                                p += sizeof(word);
                                len -= sizeof(word);
                                continue;
                        }
                }
                n = grpc_utf8_char(p, len);
                if (n == 0)
                        return false;
                p += n;
                len -= n;
        }
        return true;
}

char *grpc_utf8_clean(const void *data, size_t len)
{
        static const char replacement[] = "\xef\xbf\xbd";
        const uint8_t *p = data;
        char *text, *to;

        if (!memchr(data, '\0', len) && grpc_utf8_valid(data, len))
                return xmemdup(data, len);
        text = to = xreallocarray(NULL, 3 * len + 1, 1);
        while (len > 0) {
                size_t n = *p ? grpc_utf8_char(p, len) : 0;

                memcpy(to, n > 0 ? (const char *)p : replacement, n > 0 ? n : 3);
                to += n > 0 ? n : 3;
                n = n > 0 ? n : 1;
                p += n;
                len -= n;
        }
        *to = '\0';
        return text;
}
