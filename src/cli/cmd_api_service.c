/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/strv.h"

/* The options before the command; those after it are carob-api's own to read, which knows them all. */
static void add_globals(struct strv *argv)
{
        const struct cli_globals *g = &cli_globals;

        strv_addf(argv, "--dir=%s", g->dir);
        strv_addf(argv, "--system-config=%s", g->system_config);
        strv_addf(argv, "--local-config=%s", g->local_config);
        strv_addf(argv, "--user-config=%s", g->user_config ? g->user_config : "");
        strv_addf(argv, "--insecure-options=%s", g->insecure_options);
        if (g->trust_keys_from_https)
                strv_add(argv, "--trust-keys-from-https");
        if (g->debug)
                strv_add(argv, "--debug");
}

static int api_service_main(char *const *args, size_t n, struct err *e)
{
        AUTO_FREE char *path = fs_find_sibling("carob-api", CAROB_LIBDIR);
        AUTO(strv_done) struct strv argv = STRV_NULL;

        strv_add(&argv, "carob-api");
        add_globals(&argv);
        for (size_t i = 0; i < n; i++)
                strv_add(&argv, args[i]);
        (void)execv(path, argv.v);
        return err_set(e, ERR_UNSUPPORTED, errno, "cannot execute the API service %s", path);
}

const struct cmd cmd_api_service = {
        .name = "api-service",
        .usage = "[--listen=ADDRESS]... [OPTION]...",
        .summary = "Run the API service",
        .more = "\tBecomes carob-api, with the global options that stand before the command and "
                "all words after\n"
                "\tit: see carob-api(8), or carob-api --help.\n",
        .max_args = CMD_ANY,
        .main = api_service_main,
        .raw = true,
};
