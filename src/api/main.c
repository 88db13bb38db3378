/* SPDX-License-Identifier: Apache-2.0 */
/* carob-api: serves until SIGTERM or SIGINT. Clients of rkt know the lines it prints. */
#include <stdio.h>

#include "api/activation.h"
#include "api/options.h"
#include "api/program.h"
#include "util/auto.h"
#include "util/log.h"
#include "util/version.h"

int main(int argc, char *argv[])
{
        AUTO(api_options_done) struct api_options o = API_OPTIONS_NULL;
        AUTO(activation_done) struct activation activated = ACTIVATION_NULL;
        struct err e;

        log_init("carob-api", LOG_LEVEL_INFO);
        if (api_options_parse(argc, argv, &o, &e) < 0) {
                log_error("%s; see carob-api --help", e.text);
                return EXIT_OURS;
        }
        log_init("carob-api", o.log_level);
        log_service(o.log_format);
        if (o.help)
                return fputs(api_options_help, stdout) < 0 || fflush(stdout) != 0;
        if (o.version)
                return printf("carob-api %s\n", CAROB_VERSION) < 0 || fflush(stdout) != 0;
        if (activation_take(&activated, &e) < 0) {
                log_error("%s", e.text);
                return EXIT_OURS;
        }
        /* rkt's rule, in rkt's words: which of the two is meant would be a guess. */
        if (activated.n > 0 && o.listen.n > 0) {
                log_error("started under systemd.socket(5), but --listen passed! Quitting.");
                return EXIT_OURS;
        }
        return program_run(&o, &activated);
}
