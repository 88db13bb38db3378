/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/manifest_text.h"

#include "cli/output.h"
#include "util/json.h"
#include "util/limits.h"

bool manifest_text_pretty = true;

int manifest_text_print(const char *data, size_t len, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;

        if (json_parse(data, len, LIMIT_MANIFEST_BYTES, &o, e) < 0)
                return -1;
        return output_json(o, manifest_text_pretty ? OUTPUT_JSON_PRETTY : OUTPUT_JSON, e);
}
