/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/manifest_text.h"
#include "cli/podref.h"
#include "pod/view.h"
#include "util/auto.h"

static const char *uuid_file;

static int cat_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_view_freep) struct pod_view *view = NULL;
        struct uuid uuid;

        if (podref_open(&eng, ENGINE_READ, e) < 0 ||
            podref_one(&eng, args, n, uuid_file, &uuid, e) < 0 ||
            pod_view_read(&eng.pods, uuid.text, POD_VIEW_MANIFEST, &view, e) < 0)
                return -1;
        if (!view->manifest)
                return err_set(e, ERR_STATE, 0, "pod \"%s\" has no manifest: it is %s%s%s",
                               uuid.text, pod_state_name(view->state), view->problem ? "; " : "",
                               view->problem ? view->problem : "");
        return manifest_text_print(view->manifest, view->manifest_len, e);
}

static const struct opt cat_opts[] = {
        MANIFEST_TEXT_OPT,
        { OPT_TEXT, 0, "uuid-file", "FILE", "take the pod's UUID from FILE", &uuid_file, NULL,
          NULL },
        { .type = OPT_END },
};

const struct cmd cmd_cat_manifest = {
        .name = "cat-manifest",
        .usage = "POD",
        .summary = "Print the manifest of a pod",
        .max_args = 1,
        .opts = cat_opts,
        .main = cat_main,
};
