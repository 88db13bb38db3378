/* SPDX-License-Identifier: Apache-2.0 */
#include "api/request_time.h"

#include <inttypes.h>

int request_time(const char *field, int64_t seconds, nsec *ret, struct err *e)
{
        if (seconds < 0)
                return err_set(e, ERR_USAGE, 0, "%s: %" PRId64 " is negative", field, seconds);
        if (__builtin_mul_overflow(seconds, NSEC_PER_SEC, ret))
                *ret = INT64_MAX;
        return 0;
}
