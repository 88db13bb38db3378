/* SPDX-License-Identifier: Apache-2.0 */
/* "<reference>\n<configuration>": image_from_oci itself insists that its manifest passes the appc parser. */
#include <stdint.h>
#include <string.h>

#include "image/from_oci.h"
#include "util/auto.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
        AUTO_FREE char *reference =
                newline ? xstrndup((const char *)data, (size_t)(newline - data)) : NULL;
        struct image_oci_source src = {
                .config = newline ? newline + 1 : data,
                .config_len = newline ? size - (size_t)(newline + 1 - data) : size,
                .reference = reference,
                .fallback_name = reference,
        };
        struct err e;

        for (int docker = 0; docker < 2; docker++) {
                AUTO(image_oci_result_done) struct image_oci_result r = IMAGE_OCI_RESULT_NULL;

                src.format = docker ? APPC_FORMAT_DOCKER : APPC_FORMAT_OCI;
                if (image_from_oci(&src, &r, &e) == 0 && strlen(r.manifest) != r.manifest_len)
                        __builtin_trap();
        }
        return 0;
}
