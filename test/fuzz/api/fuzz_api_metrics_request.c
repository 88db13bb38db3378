/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a scraper: whole, and as they come in pieces. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/metrics_request.h"
#include "util/auto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct metrics_request *r, size_t used, size_t len)
{
        if (used == 0 ? len >= METRICS_REQUEST_MAX : used > len || r->status < 200)
                abort();
        /* Nobody could say where the next request begins. */
        if (used > 0 && !r->close && r->status != 200 && r->status != 404 && r->status != 405)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *at = (const char *)data;
        size_t used, left = size;

        do {
                struct metrics_request r = { .status = 0 }, again = { .status = 0 };
                /* An own block: a byte read too far is seen. */
                size_t len = left < METRICS_REQUEST_MAX ? left : METRICS_REQUEST_MAX;
                AUTO_FREE char *block = malloc(len + 1);

                memcpy(block, at, len);
                used = metrics_request_parse(block, len, &r);
                check(&r, used, len);
                /* A valid request is the same one, whatever follows it. */
                if (used > 0 && !r.close &&
                    (metrics_request_parse(block, used, &again) != used ||
                     again.status != r.status || again.head != r.head || again.format != r.format))
                        abort();
                if (r.close)
                        break;
                at += used;
                left -= used;
        } while (used > 0 && left > 0);
        return 0;
}
