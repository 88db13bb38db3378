/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/launch_opts.h"
#include "cli/pod_opts.h"
#include "cli/podref.h"
#include "cli/progress.h"
#include "engine/prepare.h"
#include "util/auto.h"

static const char *uuid_file;

static enum output_format format;

static int run_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_done) struct pod pod = POD_NULL;
        struct image_import_options import = progress_import_options();

        (void)args;
        (void)n;
        if (pod_opts_check(&pod_request, e) < 0 || launch_opts_complete(e) < 0 ||
            podref_open(&eng, ENGINE_WRITE, e) < 0)
                return -1;
        if (engine_prepare(&eng, &pod_request, &import, &pod, e) < 0)
                return -1;
        if (podref_save_file(uuid_file, pod.uuid.text, e) < 0) {
                engine_note_aborted(&pod, e);
                return -1;
        }
        if (engine_launch(&eng, &pod, &launch_request, e) < 0) {
                engine_note_aborted(&pod, e);
                return err_wrap(e, "pod %s", pod.uuid.text);
        }
        return podref_print(pod.uuid.text, format, e);
}

static const struct opt run_opts[] = {
        { OPT_TEXT, 0, "uuid-file-save", "FILE", "write the pod's UUID to FILE", &uuid_file, NULL,
          NULL },
        { OPT_FLAG, 0, "quiet", "", NULL, &(bool){ false }, NULL, NULL },
        OUTPUT_FORMAT_OPT(&format),
        { .type = OPT_END },
};

static const struct opt_group run_groups[] = {
        LAUNCH_OPTS_GROUP,
        { "OPTIONS OF THE POD", pod_opts },
        { "OPTIONS OF AN APP (after its image)", app_opts },
        { NULL, NULL },
};

const struct cmd cmd_run = {
        .name = "run",
        .usage = "IMAGE [app options] [-- ARGS... [---]] ...",
        .summary = "Run image(s) in a pod",
        .more = "\tPrepares a pod and becomes its supervisor: it ends with the pod, with the exit "
                "status\n"
                "\tof its apps. The first app that fails stops the pod.\n\n" POD_OPTS_MORE,
        .max_args = CMD_ANY,
        .opts = run_opts,
        .groups = run_groups,
        .main = run_main,
        .arg = pod_opts_arg,
        .app_args = pod_opts_app_args,
};
