/* SPDX-License-Identifier: Apache-2.0 */
/* All packings, chosen by their magic; output bounded so that bombs end quickly. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/decompress.h"
#include "util/auto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct decompress_options o = {
                .digests = DECOMPRESS_PACKED_SHA256 | DECOMPRESS_SHA256,
                .max_bytes = 4 * 1024 * 1024,
                .ratio_floor = 1024 * 1024,
        };
        AUTO(decompress_freep) struct decompress *d = NULL;
        AUTO_CLOSE int fd = memfd_create("fuzz", MFD_CLOEXEC);
        struct blob b = { .fd = fd, .size = size, .name = "fuzz" };
        static uint8_t chunk[60000];
        struct decompress_totals t;
        struct err e;
        size_t n = 1;

        if (fd < 0 || pwrite(fd, data, size, 0) != (ssize_t)size ||
            decompress_open(&d, &b, &o, &e) < 0)
                return 0;
        while (n > 0) {
                if (decompress_read(d, chunk, sizeof(chunk), &n, &e) < 0)
                        return 0;
        }
        decompress_totals(d, &t);
        return 0;
}
