/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/podref.h"
#include "engine/remove.h"
#include "util/auto.h"
#include "util/log.h"

static const char *uuid_file;

static int rm_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(strv_done) struct strv pods = STRV_NULL;
        struct uuid uuid;
        size_t failed = 0;

        if (podref_collect(args, n, uuid_file, &pods, e) < 0 ||
            podref_open(&eng, ENGINE_READ, e) < 0)
                return -1;
        for (size_t i = 0; i < pods.n; i++)
                if (podref_resolve(&eng, pods.v[i], &uuid, e) < 0 ||
                    engine_rm(&eng, uuid.text, e) < 0) {
                        log_error("%s", e->text);
                        failed++;
                } else {
                        (void)printf("\"%s\"\n", uuid.text);
                }
        if (failed > 0)
                return err_set(e, e->kind, 0, "%zu pod(s) could not be removed", failed);
        return 0;
}

static const struct opt rm_opts[] = {
        { OPT_TEXT, 0, "uuid-file", "FILE", "take the pod's UUID from FILE", &uuid_file, NULL,
          NULL },
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
