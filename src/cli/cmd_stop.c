/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/podref.h"
#include "engine/stop.h"
#include "util/auto.h"
#include "util/log.h"

static bool force;
static const char *uuid_file;

static int stop_one(struct engine *eng, const char *text, struct err *e)
{
        struct uuid uuid;

        if (podref_resolve(eng, text, &uuid, e) < 0)
                return -1;
        switch (engine_stop(eng, uuid.text, force, e)) {
        case ENGINE_STOP_ALREADY:
                (void)printf("pod \"%s\" is already stopped\n", uuid.text);
                return 0;
        case ENGINE_STOPPED:
                (void)printf("\"%s\"\n", uuid.text);
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
        size_t failed = 0;

        if (podref_collect(args, n, uuid_file, &pods, e) < 0 ||
            podref_open(&eng, ENGINE_READ, e) < 0)
                return -1;
        for (size_t i = 0; i < pods.n; i++)
                if (stop_one(&eng, pods.v[i], e) < 0) {
                        log_error("%s", e->text);
                        failed++;
                }
        if (failed > 0)
                return err_set(e, e->kind, 0, "%zu pod(s) could not be stopped", failed);
        return 0;
}

static const struct opt stop_opts[] = {
        { OPT_FLAG, 0, "force", "[=false]", "kill at once, without asking the apps to end", &force,
          NULL, NULL },
        { OPT_TEXT, 0, "uuid-file", "FILE", "take the pod's UUID from FILE", &uuid_file, NULL,
          NULL },
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
