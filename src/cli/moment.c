/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/moment.h"

#include <string.h>

int moment_parse(const char *text, nsec now, nsec *ret, struct err *e)
{
        nsec t, span;

        if (time_parse_rfc3339(text, strlen(text), &t) == 0) {
                /* as it is */
        } else if (text[0] == '+' && time_parse_duration(text + 1, &span) == 0) {
                if (__builtin_add_overflow(now, span, &t))
                        t = INT64_MAX;
        } else if (time_parse_duration(text, &span) == 0) {
                t = now - span;
        } else {
                return err_set(e, ERR_USAGE, 0,
                               "\"%s\" is neither a time (2026-01-31T12:00:00Z) nor a duration "
                               "(10m: so long ago; +10m: in so long)",
                               text);
        }
        *ret = t > 0 ? t : 1;
        return 0;
}

int moment_call(void *dest, const char *value, struct err *e)
{
        return moment_parse(value, time_now(), dest, e);
}
