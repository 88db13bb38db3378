/* SPDX-License-Identifier: Apache-2.0 */
#include "api/options.h"

#include <getopt.h>
#include <string.h>

#include "util/auto.h"

const char api_options_help[] =
        "Usage: carob-api [OPTION]...\n"
        "\n"
        "Serve the read-only gRPC API v1alpha.PublicAPI until SIGTERM or SIGINT.\n"
        "\n"
        "      --dir=PATH              data directory (default: /var/lib/carob)\n"
        "      --listen=ADDRESS        HOST:PORT or unix:PATH; may be given several times\n"
        "                              (default: " API_LISTEN_DEFAULT ")\n"
        "      --system-config=PATH    told to clients (default: /usr/lib/carob)\n"
        "      --local-config=PATH     told to clients (default: /etc/carob)\n"
        "      --user-config=PATH      told to clients\n"
        "      --insecure-options=LIST told to clients (default: none)\n"
        "      --trust-keys-from-https told to clients\n"
        "      --log-level=LEVEL       error, warning, info or debug (default: info)\n"
        "      --debug                 the same as --log-level=debug\n"
        "  -h, --help                  show this text\n"
        "      --version               show the version\n"
        "\n"
        "It needs no root: the right to read the data directory is enough. Exit status:\n"
        "0 after a signal, 254 when it could not start.\n";

enum option_id {
        OPT_DIR = 256,
        OPT_LISTEN,
        OPT_SYSTEM_CONFIG,
        OPT_LOCAL_CONFIG,
        OPT_USER_CONFIG,
        OPT_INSECURE,
        OPT_TRUST_KEYS,
        OPT_LOG_LEVEL,
        OPT_DEBUG,
        OPT_HELP,
        OPT_VERSION,
};

static const struct option long_options[] = {
        { "dir", required_argument, NULL, OPT_DIR },
        { "listen", required_argument, NULL, OPT_LISTEN },
        { "system-config", required_argument, NULL, OPT_SYSTEM_CONFIG },
        { "local-config", required_argument, NULL, OPT_LOCAL_CONFIG },
        { "user-config", required_argument, NULL, OPT_USER_CONFIG },
        { "insecure-options", required_argument, NULL, OPT_INSECURE },
        { "trust-keys-from-https", no_argument, NULL, OPT_TRUST_KEYS },
        { "log-level", required_argument, NULL, OPT_LOG_LEVEL },
        { "debug", no_argument, NULL, OPT_DEBUG },
        { "help", no_argument, NULL, OPT_HELP },
        { "version", no_argument, NULL, OPT_VERSION },
        { 0 },
};

static int wrong_word(char *const argv[], int option, struct err *e)
{
        /* A short option stands in optopt; a long one is the word before the next to be read. */
        if (option == ':')
                return err_set(e, ERR_USAGE, 0, "%s needs a value", argv[optind - 1]);
        if (optopt > 0 && optopt < 256)
                return err_set(e, ERR_USAGE, 0, "unknown option -%c", optopt);
        return err_set(e, ERR_USAGE, 0, optopt ? "%s takes no value" : "unknown option %s",
                       argv[optind - 1]);
}

static int take(struct api_options *o, enum option_id id, const char *value, struct err *e)
{
        switch (id) {
        case OPT_DIR:
                if (*value == '\0')
                        return err_set(e, ERR_USAGE, 0, "--dir is empty");
                o->dir = value;
                return 0;
        case OPT_LISTEN:
                strv_add(&o->listen, value);
                return 0;
        case OPT_SYSTEM_CONFIG:
                o->system_config = value;
                return 0;
        case OPT_LOCAL_CONFIG:
                o->local_config = value;
                return 0;
        case OPT_USER_CONFIG:
                o->user_config = value;
                return 0;
        case OPT_INSECURE:
                o->insecure_options = value;
                return 0;
        case OPT_TRUST_KEYS:
                o->trust_keys_from_https = true;
                return 0;
        case OPT_LOG_LEVEL:
                if (log_level_parse(value, &o->log_level) < 0)
                        return err_set(e, ERR_USAGE, 0,
                                       "--log-level=%s: not error, warning, info or debug", value);
                return 0;
        case OPT_DEBUG:
                o->log_level = LOG_LEVEL_DEBUG;
                return 0;
        case OPT_HELP:
                o->help = true;
                return 0;
        case OPT_VERSION:
                o->version = true;
                return 0;
        }
        return 0;
}

int api_options_parse(int argc, char *const argv[], struct api_options *ret, struct err *e)
{
        AUTO(api_options_done)
        struct api_options o = {
                .dir = "/var/lib/carob",
                .system_config = "/usr/lib/carob",
                .local_config = "/etc/carob",
                .user_config = "",
                .insecure_options = "none",
                .log_level = LOG_LEVEL_INFO,
        };
        int id;

        optind = 0; /* glibc: begin anew, whatever was parsed before */
        opterr = 0;
        while ((id = getopt_long(argc, argv, "+:h", long_options, NULL)) != -1) {
                if (id == '?' || id == ':')
                        return wrong_word(argv, id, e);
                if (take(&o, id == 'h' ? OPT_HELP : (enum option_id)id, optarg, e) < 0)
                        return -1;
        }
        if (optind < argc)
                return err_set(e, ERR_USAGE, 0, "unexpected argument \"%s\"", argv[optind]);
        if (o.listen.n == 0)
                strv_add(&o.listen, API_LISTEN_DEFAULT);
        *ret = o;
        o.listen = STRV_NULL;
        return 0;
}

void api_options_done(struct api_options *o)
{
        strv_done(&o->listen);
}
