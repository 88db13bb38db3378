/* SPDX-License-Identifier: Apache-2.0 */
/* The argument grammar of run and prepare: words separated by newlines, then the manifest that comes of them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/launch_opts.h"
#include "cli/pod_opts.h"
#include "engine/manifest.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char image_text[] =
        "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"example.com/app\","
        "\"app\":{\"exec\":[\"/bin/app\"],\"user\":\"0\",\"group\":\"0\"}}";

/* What was accepted must build a manifest that the parser of pod manifests takes, or be refused with a text. */
static void build(void)
{
        AUTO(appc_image_manifest_freep) struct appc_image_manifest *m = NULL;
        AUTO(appc_pod_manifest_freep) struct appc_pod_manifest *pod = NULL;
        AUTO(buf_done) struct buf out = BUF_NULL(LIMIT_MANIFEST_BYTES);
        AUTO_FREE struct engine_image *images = xcalloc(pod_request.n_apps + 1, sizeof(*images));
        struct err e;

        if (appc_image_manifest_parse(image_text, strlen(image_text), &m, &e) < 0)
                abort();
        for (size_t i = 0; i < pod_request.n_apps; i++)
                images[i] = (struct engine_image){ .id = "sha512-00", .manifest = m };
        if (engine_manifest_build(&pod_request, images, NULL, &out, &e) == 0)
                (void)appc_pod_manifest_parse(out.data, out.len, &pod, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct opt *const tables[] = { launch_opts, pod_opts, app_opts, NULL };
        const struct opt_rules rules = { .tables = tables,
                                         .arg = pod_opts_arg,
                                         .app_args = pod_opts_app_args };
        AUTO(opt_result_done) struct opt_result r = OPT_RESULT_NULL;
        AUTO(strv_done) struct strv words = STRV_NULL;
        AUTO_FREE char *text = xstrndup((const char *)data, size);
        char *save = NULL;
        struct err e;

        for (char *w = strtok_r(text, "\n", &save); w && words.n < 256;
             w = strtok_r(NULL, "\n", &save))
                /* Files named by the fuzzer are not ours to read. */
                if (!strstr(w, "set-env-file"))
                        strv_add(&words, w);
        if (opt_parse(&rules, words.v, words.n, &r, &e) == 0 &&
            pod_opts_check(&pod_request, &e) == 0 && !pod_request.manifest_path)
                build();
        engine_request_done(&pod_request);
        pod_opts_reset();
        return 0;
}
