/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/pod_opts.h"
#include "cli/podref.h"
#include "cli/progress.h"
#include "engine/prepare.h"
#include "util/auto.h"
#include "util/test_hook.h"

static const char *uuid_file;
static bool quiet;

static enum output_format format;

static int prepare_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_done) struct pod pod = POD_NULL;
        struct image_import_options import =
                quiet ? (struct image_import_options){ 0 } : progress_import_options();

        (void)args;
        (void)n;
        if (pod_opts_check(&pod_request, e) < 0 || podref_open(&eng, ENGINE_WRITE, e) < 0)
                return -1;
        if (engine_prepare(&eng, &pod_request, &import, &pod, e) < 0)
                return -1;
        if (podref_save_file(uuid_file, pod.uuid.text, e) < 0) {
                engine_note_aborted(&pod, e);
                return err_wrap(e, "pod %s", pod.uuid.text);
        }
        if (engine_publish(&eng, &pod, e) < 0)
                return err_wrap(e, "pod %s", pod.uuid.text);
        test_hook("moved-to-prepared");
        return podref_print(pod.uuid.text, format, e);
}

static const struct opt prepare_opts[] = {
        { OPT_TEXT, 0, "uuid-file-save", "FILE", "write the pod's UUID to FILE", &uuid_file, NULL,
          NULL },
        { OPT_FLAG, 0, "quiet", "[=false]", "print nothing but the UUID", &quiet, NULL, NULL },
        OUTPUT_FORMAT_OPT(&format),
        { .type = OPT_END },
};

const struct cmd cmd_prepare = {
        .name = "prepare",
        .usage = "IMAGE [app options] [-- ARGS... [---]] ...",
        .summary = "Make a pod ready to be run with run-prepared",
        .more = "\tPrints the UUID of the pod.\n\n" POD_OPTS_MORE,
        .max_args = CMD_ANY,
        .opts = prepare_opts,
        .groups = pod_opt_groups,
        .main = prepare_main,
        .arg = pod_opts_arg,
        .app_args = pod_opts_app_args,
};
