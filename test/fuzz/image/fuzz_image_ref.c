/* SPDX-License-Identifier: Apache-2.0 */
/* Image references as people type them and as archives carry them. */
#include <stdint.h>
#include <string.h>

#include "appc/names.h"
#include "image/ref.h"
#include "util/auto.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO_FREE char *text = xstrndup((const char *)data, size < 8192 ? size : 8192);
        AUTO_FREE char *stem = image_ref_strip_suffix(text);
        AUTO(image_ref_done) struct image_ref r = IMAGE_REF_NULL;
        struct err e;

        if (strlen(stem) > strlen(text))
                __builtin_trap();
        if (image_ref_parse(text, &r, &e) == 0) {
                if (r.kind == IMAGE_REF_NAME && !appc_identifier_is_valid(r.text))
                        __builtin_trap();
                if (r.label_names.n != r.label_values.n)
                        __builtin_trap();
        }
        for (int hub = 0; hub < 2; hub++) {
                AUTO(image_docker_ref_done) struct image_docker_ref d = IMAGE_DOCKER_REF_NULL;

                if (image_docker_ref_parse(text, hub, &d, &e) == 0 &&
                    !appc_identifier_is_valid(d.name))
                        __builtin_trap();
        }
        return 0;
}
