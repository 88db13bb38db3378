/* SPDX-License-Identifier: Apache-2.0 */
#include "util/uuid.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void uuid_generate(struct uuid *ret)
{
        uint8_t b[16];
        char *to = ret->text;

        /* 16 bytes are never short once the pool is up, and blocking until then is right. */
        if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
                abort();
        b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* RFC 9562 section 5.4: version 4 ... */
        b[8] = (uint8_t)((b[8] & 0x3f) | 0x80); /* ... and section 4.1: the variant */
        for (size_t i = 0; i < sizeof(b); i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *to++ = '-';
                *to++ = "0123456789abcdef"[b[i] >> 4];
                *to++ = "0123456789abcdef"[b[i] & 15];
        }
        *to = '\0';
}

static bool char_fits(char c, size_t at)
{
        if (at == 8 || at == 13 || at == 18 || at == 23)
                return c == '-';
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool uuid_is_valid(const char *s)
{
        size_t i = 0;

        for (; s[i] != '\0'; i++)
                if (i == UUID_TEXT_LEN || !char_fits(s[i], i))
                        return false;
        return i == UUID_TEXT_LEN;
}

int uuid_prefix_normalize(const char *s, struct uuid *ret)
{
        struct uuid out = { 0 };
        size_t i = 0;

        for (; s[i] != '\0'; i++) {
                char c = (char)tolower((unsigned char)s[i]);

                if (i == UUID_TEXT_LEN || !char_fits(c, i))
                        return -EINVAL;
                out.text[i] = c;
        }
        if (i == 0)
                return -EINVAL;
        *ret = out;
        return 0;
}
