/* SPDX-License-Identifier: Apache-2.0 */
#include "util/utf8.h"

size_t utf8_length(const void *bytes, size_t len)
{
        const unsigned char *s = bytes;
        size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

        if (n == 0 || n > len || s[0] > 0xf4)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
        if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
            (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
                return 0; /* too long for what it says, a surrogate, or past U+10FFFF */
        return n;
}

size_t utf8_cut(const char *s, size_t len, size_t max)
{
        if (len <= max)
                return len;
        /* A byte that continues a character is not where the rest may begin; of what is no UTF-8, little is lost. */
        for (size_t n = max; n > 0 && max - n < 4; n--)
                if (((unsigned char)s[n] & 0xc0) != 0x80)
                        return n;
        return max;
}
