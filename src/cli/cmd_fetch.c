/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/podref.h"
#include "cli/progress.h"
#include "engine/fetch.h"
#include "util/auto.h"
#include "util/json.h"

/* "sha512-" and 32 digits: what rkt printed, and what its users paste. */
enum { SHORT_ID_LEN = 7 + 32 };

static bool full;
static const char *platform;
static enum output_format format;

static int print_ids(const struct strv *ids, struct err *e)
{
        AUTO_JSON struct json_object *list = NULL;

        if (format == OUTPUT_TEXT) {
                for (size_t i = 0; i < ids->n; i++)
                        (void)printf("%.*s\n", full ? IMAGE_ID_LEN : SHORT_ID_LEN, ids->v[i]);
                return 0;
        }
        list = json_object_new_array();
        for (size_t i = 0; i < ids->n; i++)
                json_append_string(list, ids->v[i]);
        return output_json(list, format, e);
}

static int fetch_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(strv_done) struct strv ids = STRV_NULL;
        struct image_import_options import = progress_import_options();
        struct err ignored;

        import.platform = platform;
        if (podref_open(&eng, ENGINE_WRITE, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++)
                if (engine_fetch(&eng, args[i], &import, &ids, e) < 0) {
                        /* What was imported before the failure is there, and the user may want to know it. */
                        (void)print_ids(&ids, &ignored);
                        (void)fflush(stdout);
                        return -1;
                }
        return print_ids(&ids, e);
}

static const struct opt fetch_opts[] = {
        { OPT_FLAG, 0, "full", "[=false]", "print image ids in full", &full, NULL, NULL },
        { OPT_TEXT, 0, "platform", "OS/ARCH[/VARIANT]",
          "which image of a list to take; default: this machine's", &platform, NULL, NULL },
        OUTPUT_FORMAT_OPT(&format),
        { OPT_TEXT, 0, "pull-policy", "", NULL, &(const char *){ NULL }, NULL, NULL },
        { OPT_FLAG, 0, "store-only", "", NULL, &(bool){ false }, NULL, NULL },
        { OPT_FLAG, 0, "no-store", "", NULL, &(bool){ false }, NULL, NULL },
        { .type = OPT_END },
};

const struct cmd cmd_fetch = {
        .name = "fetch",
        .usage = "FILE...",
        .summary = "Import image(s) into the store, print their ids",
        .more = "\tFILE is an ACI (plain, gzip, xz, bzip2 or zstd), an OCI image layout (directory "
                "or tar), or a\n"
                "\tdocker archive; its format is found by its content.\n",
        .min_args = 1,
        .max_args = CMD_ANY,
        .opts = fetch_opts,
        .main = fetch_main,
};
