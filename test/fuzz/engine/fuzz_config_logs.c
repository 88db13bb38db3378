/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file of logs: what is accepted is within the limits of pods. */
#include <stdint.h>
#include <stdlib.h>

#include "engine/config_logs.h"
#include "pod/launch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO_JSON struct json_object *o = NULL;
        struct engine_config_logs l;
        struct err e;

        if (engine_config_parse(data, size, "logs", &o, &e) < 0 ||
            engine_config_logs_parse(o, &l, &e) < 0)
                return 0;
        if (l.driver < -1 || l.driver >= POD_LOG_DRIVER_MAX || l.max_files < -1 ||
            l.max_files == 0 || l.max_files > POD_LOG_FILES_MAX || l.max_bytes < -1 ||
            l.max_bytes > POD_LOG_BYTES_MAX || (l.max_bytes > 0 && l.max_bytes < POD_LOG_BYTES_MIN))
                abort();
        return 0;
}
