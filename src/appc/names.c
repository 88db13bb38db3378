/* SPDX-License-Identifier: Apache-2.0 */
#include "appc/names.h"

#include <string.h>

#include "util/auto.h"
#include "util/mem.h"

static bool is_alnum(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_in(char c, const char *set)
{
        return c != '\0' && strchr(set, c);
}

/* ^[a-z0-9]+([SEPARATORS][a-z0-9]+)*$ */
static bool name_is_valid(const char *s, const char *separators)
{
        size_t i = 0;

        for (; s[i] != '\0'; i++) {
                if (i == APPC_NAME_MAX)
                        return false;
                if (is_alnum(s[i]))
                        continue;
                if (!is_in(s[i], separators) || i == 0 || !is_alnum(s[i - 1]))
                        return false;
        }
        return i > 0 && is_alnum(s[i - 1]);
}

bool appc_identifier_is_valid(const char *s)
{
        return name_is_valid(s, "-._~/");
}

bool appc_name_is_valid(const char *s)
{
        return name_is_valid(s, "-") && strlen(s) <= 255;
}

bool appc_env_name_is_valid(const char *s)
{
        for (size_t i = 0; s[i] != '\0'; i++) {
                char c = s[i];
                bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

                if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '.' || c == '-')))
                        return false;
        }
        return s[0] != '\0';
}

bool appc_image_id_is_valid(const char *s)
{
        size_t n;

        if (strncmp(s, "sha512-", 7) != 0)
                return false;
        n = strspn(s + 7, "0123456789abcdef");
        return n > 0 && n <= 128 && s[7 + n] == '\0';
}

static char *sanitize(const char *s, const char *separators, char instead, size_t max)
{
        size_t len = strnlen(s, max), n = 0;
        AUTO_FREE char *out = xmalloc(len + 1);

        for (size_t i = 0; i < len; i++) {
                char c = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] - 'A' + 'a') : s[i];

                if (!is_alnum(c)) {
                        if (n == 0 || !is_alnum(out[n - 1]))
                                continue;
                        c = is_in(c, separators) ? c : instead;
                }
                out[n++] = c;
        }
        if (n > 0 && !is_alnum(out[n - 1]))
                n--;
        if (n == 0)
                return NULL;
        out[n] = '\0';
        return TAKE_PTR(out);
}

char *appc_identifier_sanitize(const char *s)
{
        return sanitize(s, "-._~/", '_', APPC_NAME_MAX);
}

char *appc_name_sanitize(const char *s)
{
        return sanitize(s, "-", '-', 255);
}
