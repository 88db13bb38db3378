/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/strv.h"

static int api_service_main(char *const *args, size_t n, struct err *e)
{
        AUTO_FREE char *path = fs_find_sibling("carob-api", CAROB_LIBDIR);
        AUTO(strv_done) struct strv argv = STRV_NULL;

        strv_add(&argv, "carob-api");
        /* Those after the command are carob-api's own to read, which knows them all. */
        cli_globals_add(&argv);
        for (size_t i = 0; i < n; i++)
                strv_add(&argv, args[i]);
        (void)execv(path, argv.v);
        return err_set(e, ERR_UNSUPPORTED, errno, "cannot execute the API service %s", path);
}

/* Read by carob-api, which knows them; here for help, manual and completion (tools/check-manual compares). */
#define PASSED(type, name, value, help)                                                            \
        {                                                                                          \
                type, 0, name, value, help, NULL, NULL, NULL                                       \
        }
static const struct opt api_service_opts[] = {
        PASSED(OPT_TEXT, "listen", "ADDRESS",
               "HOST:PORT, or unix:PATH[,mode=MODE][,group=GROUP]; repeatable"),
        PASSED(OPT_TEXT, "tls-cert", "FILE", "serve TCP by TLS with this certificate"),
        PASSED(OPT_TEXT, "tls-key", "FILE", "its key"),
        PASSED(OPT_TEXT, "tls-client-ca", "FILE",
               "clients need a certificate signed by one of these"),
        PASSED(OPT_TEXT, "tls-allowed-name", "NAME", "and it must be for NAME; repeatable"),
        PASSED(OPT_FLAG, "insecure-listen", NULL, "serve other hosts without TLS"),
        PASSED(OPT_NUMBER, "max-connections", "N", "connections at a time"),
        PASSED(OPT_NUMBER, "events-kept", "N", "remember the latest N events"),
        PASSED(OPT_TEXT, "events-since", "TIME", "also what the disk tells of from TIME on"),
        { OPT_TEXT, 0, "user", "USER[:GROUP]", "started as root, become USER (default: carob)",
          NULL, NULL, "carob" },
        PASSED(OPT_TEXT, "confine", "try|require|off", "landlock and seccomp"),
        PASSED(OPT_TEXT, "log-level", "error|warning|info|debug", "what is told"),
        PASSED(OPT_TEXT, "log-format", "text|json", "how it is told"),
        PASSED(OPT_FLAG, "access-log", NULL, "tell of each call that ended"),
        PASSED(OPT_TEXT, "metrics-listen", "PLACE", "serve metrics at HOST:PORT or unix:PATH"),
        PASSED(OPT_FLAG, "version", NULL, "show the version"),
        { 0 },
};

const struct cmd cmd_api_service = {
        .name = "api-service",
        .usage = "",
        .summary = "Run the API service",
        .more = "\tBecomes carob-api, with the global options that stand before the command and "
                "all words after\n"
                "\tit: see carob-api(8), or carob-api --help.\n",
        .max_args = CMD_ANY,
        .opts = api_service_opts,
        .main = api_service_main,
        .raw = true,
};
