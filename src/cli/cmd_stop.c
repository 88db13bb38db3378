/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/podref.h"
#include "cli/results.h"
#include "engine/stop.h"
#include "util/auto.h"

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
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(strv_done) struct strv pods = STRV_NULL;
        int r;

        if (podref_collect(args, n, uuid_file, &pods, e) < 0 ||
            podref_open(&eng, ENGINE_READ, e) < 0)
                return -1;
        for (size_t i = 0; i < pods.n; i++)
                if (stop_one(&eng, pods.v[i], e) < 0)
                        results_fail(&results, pods.v[i], e);
        r = results_end(&results, "pod(s) could not be stopped", e);
        results_done(&results);
        return r;
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
