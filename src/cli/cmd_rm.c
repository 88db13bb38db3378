/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/podref.h"
#include "cli/results.h"
#include "engine/remove.h"
#include "util/auto.h"

static const char *uuid_file;

static struct results results = { .key = "uuid" };

static int rm_one(struct engine *eng, const char *text, struct err *e)
{
        struct uuid uuid;
        char line[64];

        if (podref_resolve(eng, text, &uuid, e) < 0 || engine_rm(eng, uuid.text, e) < 0)
                return -1;
        (void)snprintf(line, sizeof(line), "\"%s\"", uuid.text);
        results_add(&results, uuid.text, "removed", line);
        return 0;
}

static int rm_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(strv_done) struct strv pods = STRV_NULL;
        int r;

        if (podref_collect(args, n, uuid_file, &pods, e) < 0 ||
            podref_open(&eng, ENGINE_READ, e) < 0)
                return -1;
        for (size_t i = 0; i < pods.n; i++)
                if (rm_one(&eng, pods.v[i], e) < 0)
                        results_fail(&results, pods.v[i], e);
        r = results_end(&results, "pod(s) could not be removed", e);
        results_done(&results);
        return r;
}

static const struct opt rm_opts[] = {
        { OPT_TEXT, 0, "uuid-file", "FILE", "take the pod's UUID from FILE", &uuid_file, NULL,
          NULL },
        OUTPUT_FORMAT_OPT(&results.format),
        { .type = OPT_END },
};

const struct cmd cmd_rm = {
        .name = "rm",
        .usage = "POD...",
        .summary = "Remove pod(s) that do not run, with their files",
        .max_args = CMD_ANY,
        .opts = rm_opts,
        .main = rm_main,
};
