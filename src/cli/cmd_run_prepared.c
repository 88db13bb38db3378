/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/launch_opts.h"
#include "cli/podref.h"
#include "util/auto.h"

static enum output_format format;

static int run_prepared_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_done) struct pod pod = POD_NULL;
        struct uuid uuid;

        (void)n;
        if (launch_opts_complete(e) < 0 || podref_open(&eng, ENGINE_READ, e) < 0 ||
            podref_resolve(&eng, args[0], &uuid, e) < 0 ||
            engine_take_prepared(&eng, uuid.text, &pod, e) < 0)
                return -1;
        if (engine_launch(&eng, &pod, &launch_request, e) < 0)
                return err_wrap(e, "pod %s", uuid.text);
        return podref_print(uuid.text, format, e);
}

static const struct opt_group groups[] = { LAUNCH_OPTS_GROUP, { NULL, NULL } };
static const struct opt opts[] = {
        { OPT_FLAG, 0, "no-overlay", "", NULL, &(bool){ false }, NULL, NULL },
        OUTPUT_FORMAT_OPT(&format),
        { .type = OPT_END },
};

const struct cmd cmd_run_prepared = {
        .name = "run-prepared",
        .usage = "POD",
        .summary = "Run a prepared pod",
        .min_args = 1,
        .max_args = 1,
        .opts = opts,
        .groups = groups,
        .main = run_prepared_main,
};
