/* SPDX-License-Identifier: Apache-2.0 */
#include "appc/format.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "util/auto.h"

static const char *const names[] = {
        [APPC_FORMAT_NONE] = "none",
        [APPC_FORMAT_APPC] = "appc",
        [APPC_FORMAT_DOCKER] = "docker",
        [APPC_FORMAT_OCI] = "oci",
};
static_assert(ARRAY_LEN(names) == APPC_FORMAT_MAX, "a name for every format");

const char *appc_format_name(enum appc_base_format f)
{
        return names[f];
}

int appc_format_parse(const char *s, enum appc_base_format *ret)
{
        for (int i = APPC_FORMAT_APPC; i < APPC_FORMAT_MAX; i++)
                if (strcmp(s, names[i]) == 0) {
                        *ret = (enum appc_base_format)i;
                        return 0;
                }
        return -EINVAL;
}
