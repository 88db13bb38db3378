/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/utsname.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "util/json.h"
#include "util/version.h"

static enum output_format format;

/* rkt's line, which scripts cut at the colon; called as rkt, the version is the one its clients can compare. */
static void print_text(const char *machine)
{
        if (cli_program()[0] == 'r')
                (void)printf("rkt Version: %s\n", CAROB_RKT_VERSION);
        else
                (void)printf("carob Version: %s\n", CAROB_VERSION);
        (void)printf("appc Version: %s\n", CAROB_APPC_VERSION);
        (void)printf("API Version: %s\n", CAROB_API_VERSION);
        (void)printf("OS/Arch: linux/%s\n", machine);
}

static int version_main(char *const *args, size_t n, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        struct utsname u;

        (void)args;
        (void)n;
        if (uname(&u) < 0)
                return err_set(e, ERR_INTERNAL, errno, "uname");
        if (format == OUTPUT_TEXT) {
                print_text(u.machine);
                return 0;
        }
        o = json_object_new_object();
        json_add_string(o, "version", CAROB_VERSION);
        json_add_string(o, "rkt_version", CAROB_RKT_VERSION);
        json_add_string(o, "appc_version", CAROB_APPC_VERSION);
        json_add_string(o, "api_version", CAROB_API_VERSION);
        json_add_string(o, "arch", u.machine);
        return output_json(o, format, e);
}

static const struct opt version_opts[] = { OUTPUT_FORMAT_OPT(&format), { .type = OPT_END } };

const struct cmd cmd_version = {
        .name = "version",
        .usage = "",
        .summary = "Print the version",
        .opts = version_opts,
        .main = version_main,
};
