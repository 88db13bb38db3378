/* SPDX-License-Identifier: Apache-2.0 */
#include "util/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
        const char *digits = *s == '-' ? s + 1 : s;
        char *end;
        long long v;

        if (!isdigit((unsigned char)*digits))
                return -EINVAL;
        errno = 0;
        v = strtoll(s, &end, 10);
        if (*end != '\0')
                return -EINVAL;
        if (errno == ERANGE || v < min || v > max)
                return -ERANGE;
        *ret = v;
        return 0;
}

static int parse_base(const char *s, int base, uint64_t min, uint64_t max, uint64_t *ret)
{
        char *end;
        unsigned long long v;

        if (!isdigit((unsigned char)*s))
                return -EINVAL;
        errno = 0;
        v = strtoull(s, &end, base);
        if (*end != '\0')
                return -EINVAL;
        if (errno == ERANGE || v < min || v > max)
                return -ERANGE;
        *ret = v;
        return 0;
}

int parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
        return parse_base(s, 10, min, max, ret);
}

int parse_octal(const char *s, unsigned max, unsigned *ret)
{
        uint64_t v;
        int r = parse_base(s, 8, 0, max, &v);

        if (r == 0)
                *ret = (unsigned)v;
        return r;
}

int parse_bool(const char *s, bool *ret)
{
        if (strcmp(s, "true") == 0 || strcmp(s, "1") == 0 || strcmp(s, "yes") == 0)
                *ret = true;
        else if (strcmp(s, "false") == 0 || strcmp(s, "0") == 0 || strcmp(s, "no") == 0)
                *ret = false;
        else
                return -EINVAL;
        return 0;
}

/* Multiply by a power of ten that may be negative; rounds up, as a limit may not become zero by rounding. */
static int scale_ten(__int128 *v, int exponent)
{
        for (; exponent > 0; exponent--) {
                *v *= 10;
                if (*v > INT64_MAX)
                        return -ERANGE;
        }
        for (; exponent < 0; exponent++)
                *v = (*v + 9) / 10;
        return 0;
}

struct suffix {
        const char *text;
        int ten;
        int two;
};

static const struct suffix suffixes[] = {
        { "", 0, 0 },    { "n", -9, 0 },  { "u", -6, 0 },  { "m", -3, 0 },
        { "k", 3, 0 },   { "M", 6, 0 },   { "G", 9, 0 },   { "T", 12, 0 },
        { "P", 15, 0 },  { "E", 18, 0 },  { "Ki", 0, 10 }, { "Mi", 0, 20 },
        { "Gi", 0, 30 }, { "Ti", 0, 40 }, { "Pi", 0, 50 }, { "Ei", 0, 60 },
};

static int quantity_suffix(const char *s, int *ret_ten, int *ret_two)
{
        int64_t exponent;

        if ((*s == 'e' || *s == 'E') && s[1] != '\0' && s[1] != 'i') {
                if (parse_i64(s[1] == '+' ? s + 2 : s + 1, -18, 18, &exponent) < 0)
                        return -EINVAL;
                *ret_ten = (int)exponent;
                *ret_two = 0;
                return 0;
        }
        for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
                if (strcmp(s, suffixes[i].text) == 0) {
                        *ret_ten = suffixes[i].ten;
                        *ret_two = suffixes[i].two;
                        return 0;
                }
        return -EINVAL;
}

int parse_quantity(const char *s, int64_t *ret_milli)
{
        __int128 v = 0;
        int fraction_digits = 0, ten, two, r;
        bool any = false;

        if (*s == '-')
                return -ERANGE;
        if (*s == '+')
                s++;
        for (; isdigit((unsigned char)*s); s++, any = true) {
                v = v * 10 + (*s - '0');
                if (v > INT64_MAX)
                        return -ERANGE;
        }
        if (*s == '.')
                for (s++; isdigit((unsigned char)*s); s++, any = true) {
                        if (fraction_digits == 9)
                                continue;
                        v = v * 10 + (*s - '0');
                        fraction_digits++;
                        if (v > (__int128)INT64_MAX * 1000000000)
                                return -ERANGE;
                }
        if (!any || quantity_suffix(s, &ten, &two) < 0)
                return -EINVAL;
        if (two > 0) {
                if (v > ((__int128)1 << 126) >> two)
                        return -ERANGE;
                v <<= two;
        }
        /* Divide last: digits after the point are worth keeping until the scale is known. */
        r = scale_ten(&v, ten - fraction_digits + 3);
        if (r < 0 || v > INT64_MAX)
                return -ERANGE;
        *ret_milli = (int64_t)v;
        return 0;
}
