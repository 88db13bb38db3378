/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/podref.h"
#include "cli/results.h"
#include "engine/stop.h"

static bool force;
static const char *uuid_file;

static struct results results = { .key = "uuid" };

static int stop_one(struct engine *eng, const char *text, struct err *e)
{
        struct uuid uuid;
        char line[128];

        if (podref_resolve(eng, text, &uuid, e) < 0)
                return -1;
        switch (engine_stop(eng, uuid.text, force, e)) {
        case ENGINE_STOP_ALREADY:
                (void)snprintf(line, sizeof(line), "pod \"%s\" is already stopped", uuid.text);
                results_add(&results, uuid.text, "already stopped", line);
                return 0;
        case ENGINE_STOPPED:
                (void)snprintf(line, sizeof(line), "\"%s\"", uuid.text);
                results_add(&results, uuid.text, "stopped", line);
                return 0;
        case ENGINE_STOP_FAILED:
                break;
        }
        return -1;
}

static int stop_main(char *const *args, size_t n, struct err *e)
{
        return podref_each(args, n, uuid_file, stop_one, &results, "pod(s) could not be stopped",
                           e);
}

static const struct opt stop_opts[] = {
        { OPT_FLAG, 0, "force", "[=false]", "kill at once, without asking the apps to end", &force,
          NULL, NULL },
        { OPT_TEXT, 0, "uuid-file", "FILE", "take the pod's UUID from FILE", &uuid_file, NULL,
          NULL },
        OUTPUT_FORMAT_OPT(&results.format),
        { .type = OPT_END },
};

const struct cmd cmd_stop = {
        .name = "stop",
        .usage = "POD...",
        .summary = "Stop running pod(s) and wait for their end",
        .max_args = CMD_ANY,
        .opts = stop_opts,
        .main = stop_main,
};
