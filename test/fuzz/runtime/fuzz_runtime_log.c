/* SPDX-License-Identifier: Apache-2.0 */
/* What an OCI runtime left in its log. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "runtime/invoke.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char text[64];

        runtime_log_last_error((const char *)data, size, text, sizeof(text));
        assert(strlen(text) < sizeof(text));
        return 0;
}
