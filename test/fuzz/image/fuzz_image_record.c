/* SPDX-License-Identifier: Apache-2.0 */
/* record.json: what parses must print, and what was printed must parse to the same text again. */
#include <stdint.h>
#include <string.h>

#include "image/record.h"
#include "util/auto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(image_record_done)
        struct image_record r = IMAGE_RECORD_NULL, again = IMAGE_RECORD_NULL;
        AUTO(buf_done) struct buf one = BUF_NULL(1 << 20), two = BUF_NULL(1 << 20);
        struct err e;

        if (image_record_parse(data, size, &r, &e) < 0)
                return 0;
        if (image_record_print(&r, &one, &e) < 0)
                return 0; /* escapes may make it longer than the limit */
        if (image_record_parse(one.data, one.len, &again, &e) < 0)
                return one.len > 65536 ? 0 : (__builtin_trap(), 0);
        if (image_record_print(&again, &two, &e) < 0 || strcmp(buf_str(&one), buf_str(&two)) != 0)
                __builtin_trap();
        return 0;
}
