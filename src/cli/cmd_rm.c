/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/podref.h"
#include "cli/results.h"
#include "engine/remove.h"

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
        return podref_each(args, n, uuid_file, rm_one, &results, "pod(s) could not be removed", e);
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
