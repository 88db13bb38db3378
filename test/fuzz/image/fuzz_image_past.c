/* SPDX-License-Identifier: Apache-2.0 */
/* A line of the ledger of removed images. Whatever was accepted prints, and what was printed is accepted and prints the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/past.h"
#include "util/auto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
        if (!ok)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(image_past_done) struct image_past p = IMAGE_PAST_NULL, again = IMAGE_PAST_NULL;
        AUTO(buf_done) struct buf b = BUF_NULL(4 << 20), c = BUF_NULL(4 << 20);
        struct err e;

        if (image_past_parse(data, size, &p, &e) < 0)
                return 0;
        must(image_past_print(&p, &b) == 0 && !memchr(b.data, '\n', b.len));
        if (image_past_parse(b.data, b.len, &again, &e) < 0) {
                must(e.kind == ERR_LIMIT);
                return 0;
        }
        must(image_past_print(&again, &c) == 0);
        must(strcmp(buf_str(&b), buf_str(&c)) == 0);
        return 0;
}
