/* SPDX-License-Identifier: Apache-2.0 */
/* One log entry: whatever parses stays within the given bytes. */
#include <assert.h>
#include <stdint.h>

#include "logs/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct logs_entry entry;

        if (logs_format_parse((const char *)data, size, &entry) == 0) {
                assert(entry.text >= (const char *)data);
                assert(entry.text + entry.len == (const char *)data + size);
        }
        return 0;
}
