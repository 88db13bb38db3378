/* SPDX-License-Identifier: Apache-2.0 */
/* What was accepted can be printed, and read again as the same. */
#include <stdlib.h>

#include "appc/image_manifest.h"
#include "util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(appc_image_manifest_freep) struct appc_image_manifest *m = NULL;
        AUTO(appc_app_freep) struct appc_app *copy = NULL;
        AUTO_JSON struct json_object *a = NULL, *b = NULL;
        struct err e;

        if (appc_image_manifest_parse(data, size, &m, &e) < 0 || !m->app)
                return 0;
        copy = appc_app_dup(m->app);
        a = appc_app_to_json(m->app);
        b = appc_app_to_json(copy);
        if (!json_object_equal(a, b))
                abort();
        return 0;
}
