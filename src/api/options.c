/* SPDX-License-Identifier: Apache-2.0 */
#include "api/options.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "api/event_ring.h"
#include "api/listen.h"
#include "util/auto.h"
#include "util/parse.h"
#include "util/time.h"

#define USER_DEFAULT    "carob"
#define CONNECTIONS_MAX 1000000u /* of --max-connections; far beyond what descriptors allow */

/* clang-format off */
const char api_options_help[] =
        "Usage: carob-api [OPTION]...\n"
        "\n"
        "Serve the read-only gRPC API v1alpha.PublicAPI until SIGTERM or SIGINT.\n"
        "\n"
        "      --dir=PATH              data directory (default: /var/lib/carob)\n"
        "\n"
        "Who may come:\n"
        "      --listen=ADDRESS        HOST:PORT, or unix:PATH[,mode=MODE][,group=GROUP];\n"
        "                              may be given several times\n"
        "                              (default: " API_LISTEN_DEFAULT ")\n"
        "      --tls-cert=FILE         serve TCP by TLS with this certificate (PEM)\n"
        "      --tls-key=FILE          its key (default: in the same file)\n"
        "      --tls-client-ca=FILE    clients need a certificate signed by one of these\n"
        "      --tls-allowed-name=NAME and it must be for NAME; may be repeated\n"
        "      --insecure-listen       serve other hosts without TLS\n"
        "      --max-connections=N     at a time (default: 4096)\n"
        "\n"
        "What the service may do:\n"
        "      --events-kept=N         remember the latest N events (default: 16384)\n"
        "      --events-since=TIME     also what the disk tells of from TIME on: a\n"
        "                              time, a duration ago, or 0 (default: the start)\n"
        "      --user[=USER[:GROUP]]   started as root, become USER (default: carob)\n"
        "      --confine=MODE          landlock and seccomp: try, require or off\n"
        "                              (default: try)\n"
        "\n"
        "What it says:\n"
        "      --log-level=LEVEL       error, warning, info or debug (default: info)\n"
        "      --debug                 the same as --log-level=debug\n"
        "      --log-format=FORMAT     text or json (default: text)\n"
        "      --access-log            log a line for each call\n"
        "      --metrics-listen=PLACE  HOST:PORT or unix:PATH of /metrics for Prometheus\n"
        "      --system-config=PATH    told to clients (default: /usr/lib/carob)\n"
        "      --local-config=PATH     told to clients (default: /etc/carob)\n"
        "      --user-config=PATH      told to clients\n"
        "      --insecure-options=LIST told to clients (default: none)\n"
        "      --trust-keys-from-https told to clients\n"
        "  -h, --help                  show this text\n"
        "      --version               show the version\n"
        "\n"
        "It needs no root: the right to read the data directory is enough. SIGHUP has it\n"
        "read the certificates again. Exit status: 0 after a signal, 254 when it could\n"
        "not start.\n";
/* clang-format on */

struct row;
typedef int take_fn(const struct row *row, void *field, const char *value, struct err *e);

static int take_word(const struct row *row, void *field, const char *value, struct err *e);
static int take_text(const struct row *row, void *field, const char *value, struct err *e);
static int take_flag(const struct row *row, void *field, const char *value, struct err *e);
static int take_list(const struct row *row, void *field, const char *value, struct err *e);
static int take_listen(const struct row *row, void *field, const char *value, struct err *e);
static int take_user(const struct row *row, void *field, const char *value, struct err *e);
static int take_confine(const struct row *row, void *field, const char *value, struct err *e);
static int take_count(const struct row *row, void *field, const char *value, struct err *e);
static int take_since(const struct row *row, void *field, const char *value, struct err *e);
static int take_level(const struct row *row, void *field, const char *value, struct err *e);
static int take_debug(const struct row *row, void *field, const char *value, struct err *e);
static int take_format(const struct row *row, void *field, const char *value, struct err *e);
static int take_address(const struct row *row, void *field, const char *value, struct err *e);

#define FIELD(member)      offsetof(struct api_options, member), 0
#define COUNT(member, max) offsetof(struct api_options, member), (max)

static const struct row {
        const char *name;
        int has_arg;
        take_fn *take;
        size_t field;
        uint32_t max; /* of numbers */
} rows[] = {
        { "dir", required_argument, take_word, FIELD(dir) },
        { "listen", required_argument, take_listen, FIELD(listen) },
        { "tls-cert", required_argument, take_word, FIELD(tls_cert) },
        { "tls-key", required_argument, take_word, FIELD(tls_key) },
        { "tls-client-ca", required_argument, take_word, FIELD(tls_client_ca) },
        { "tls-allowed-name", required_argument, take_list, FIELD(tls_allowed_name) },
        { "insecure-listen", no_argument, take_flag, FIELD(insecure_listen) },
        { "max-connections", required_argument, take_count,
          COUNT(max_connections, CONNECTIONS_MAX) },
        { "events-kept", required_argument, take_count, COUNT(events_kept, EVENTS_KEPT_MAX) },
        { "events-since", required_argument, take_since, FIELD(events_since) },
        { "user", optional_argument, take_user, FIELD(user) },
        { "confine", required_argument, take_confine, FIELD(confine) },
        { "log-level", required_argument, take_level, FIELD(log_level) },
        { "debug", no_argument, take_debug, FIELD(log_level) },
        { "log-format", required_argument, take_format, FIELD(log_format) },
        { "access-log", no_argument, take_flag, FIELD(access_log) },
        { "metrics-listen", required_argument, take_address, FIELD(metrics_listen) },
        { "system-config", required_argument, take_text, FIELD(system_config) },
        { "local-config", required_argument, take_text, FIELD(local_config) },
        { "user-config", required_argument, take_text, FIELD(user_config) },
        { "insecure-options", required_argument, take_text, FIELD(insecure_options) },
        { "trust-keys-from-https", no_argument, take_flag, FIELD(trust_keys_from_https) },
        { "help", no_argument, take_flag, FIELD(help) },
        { "version", no_argument, take_flag, FIELD(version) },
};

static int take_text(const struct row *row, void *field, const char *value, struct err *e)
{
        (void)row, (void)e;
        *(const char **)field = value;
        return 0;
}

static int take_word(const struct row *row, void *field, const char *value, struct err *e)
{
        if (*value == '\0')
                return err_set(e, ERR_USAGE, 0, "--%s is empty", row->name);
        return take_text(row, field, value, e);
}

static int take_flag(const struct row *row, void *field, const char *value, struct err *e)
{
        (void)row, (void)value, (void)e;
        *(bool *)field = true;
        return 0;
}

static int take_list(const struct row *row, void *field, const char *value, struct err *e)
{
        if (*value == '\0')
                return err_set(e, ERR_USAGE, 0, "--%s is empty", row->name);
        strv_add(field, value);
        return 0;
}

static int take_listen(const struct row *row, void *field, const char *value, struct err *e)
{
        AUTO(listen_spec_done) struct listen_spec spec = LISTEN_SPEC_NULL;

        if (listen_spec_parse(value, &spec, e) < 0)
                return err_wrap(e, "--%s=%s", row->name, value);
        strv_add(field, value);
        return 0;
}

static int take_user(const struct row *row, void *field, const char *value, struct err *e)
{
        return take_word(row, field, value ? value : USER_DEFAULT, e);
}

static int take_confine(const struct row *row, void *field, const char *value, struct err *e)
{
        static const char *const modes[] = {
                [CONFINE_TRY] = "try",
                [CONFINE_REQUIRE] = "require",
                [CONFINE_OFF] = "off",
        };

        for (size_t i = 0; i < ARRAY_LEN(modes); i++)
                if (strcmp(value, modes[i]) == 0) {
                        *(enum confine_mode *)field = (enum confine_mode)i;
                        return 0;
                }
        return err_set(e, ERR_USAGE, 0, "--%s=%s: not try, require or off", row->name, value);
}

static int take_count(const struct row *row, void *field, const char *value, struct err *e)
{
        uint64_t n;

        if (parse_u64(value, 1, row->max, &n) < 0)
                return err_set(e, ERR_USAGE, 0, "--%s=%s: not a number from 1 to %" PRIu32,
                               row->name, value, row->max);
        *(size_t *)field = n;
        return 0;
}

static int take_since(const struct row *row, void *field, const char *value, struct err *e)
{
        nsec t, ago;

        if (strcmp(value, "0") == 0)
                t = 0;
        else if (time_parse_duration(value, &ago) == 0)
                t = time_now() - ago;
        else if (time_parse_rfc3339(value, strlen(value), &t) < 0)
                return err_set(e, ERR_USAGE, 0,
                               "--%s=%s: not a time (2026-01-31T12:00:00Z), a duration ago (10m) "
                               "or 0",
                               row->name, value);
        *(nsec *)field = t > 0 ? t : 1;
        return 0;
}

static int take_level(const struct row *row, void *field, const char *value, struct err *e)
{
        if (log_level_parse(value, field) < 0)
                return err_set(e, ERR_USAGE, 0, "--%s=%s: not error, warning, info or debug",
                               row->name, value);
        return 0;
}

static int take_debug(const struct row *row, void *field, const char *value, struct err *e)
{
        (void)row, (void)value, (void)e;
        *(enum log_level *)field = LOG_LEVEL_DEBUG;
        return 0;
}

static int take_format(const struct row *row, void *field, const char *value, struct err *e)
{
        if (log_format_parse(value, field) < 0)
                return err_set(e, ERR_USAGE, 0, "--%s=%s: not text or json", row->name, value);
        return 0;
}

static int take_address(const struct row *row, void *field, const char *value, struct err *e)
{
        AUTO(listen_spec_done) struct listen_spec spec = LISTEN_SPEC_NULL;

        if (listen_spec_parse(value, &spec, e) < 0)
                return err_wrap(e, "--%s=%s", row->name, value);
        return take_text(row, field, value, e);
}

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

static int parse_words(int argc, char *const argv[], struct api_options *o, struct err *e)
{
        struct option long_options[ARRAY_LEN(rows) + 1] = { 0 };
        int id;

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                long_options[i] =
                        (struct option){ rows[i].name, rows[i].has_arg, NULL, 256 + (int)i };
        optind = 0; /* glibc: begin anew, whatever was parsed before */
        opterr = 0;
        while ((id = getopt_long(argc, argv, "+:h", long_options, NULL)) != -1) {
                if (id == '?' || id == ':')
                        return wrong_word(argv, id, e);
                if (id == 'h') {
                        o->help = true;
                } else {
                        const struct row *row = &rows[id - 256];

                        if (row->take(row, (char *)o + row->field, optarg, e) < 0)
                                return -1;
                }
        }
        if (optind < argc)
                return err_set(e, ERR_USAGE, 0, "unexpected argument \"%s\"", argv[optind]);
        return 0;
}

/* TLS is for TCP: who may reach a unix socket is decided by its file's mode and group. */
static bool only_unix(const struct strv *listen)
{
        for (size_t i = 0; i < listen->n; i++)
                if (strncmp(listen->v[i], "unix:", 5) != 0)
                        return false;
        return listen->n > 0;
}

static int check_together(const struct api_options *o, struct err *e)
{
        if (o->tls_key && !o->tls_cert)
                return err_set(e, ERR_USAGE, 0, "--tls-key without --tls-cert");
        if (o->tls_client_ca && !o->tls_cert)
                return err_set(
                        e, ERR_USAGE, 0,
                        "--tls-client-ca without --tls-cert: only TLS knows who a client is");
        if (o->tls_allowed_name.n > 0 && !o->tls_client_ca)
                return err_set(e, ERR_USAGE, 0,
                               "--tls-allowed-name without --tls-client-ca: clients have no names");
        if (o->tls_cert && only_unix(&o->listen))
                return err_set(
                        e, ERR_USAGE, 0,
                        "--tls-cert without a --listen that is TCP: unix sockets have no TLS");
        if (o->insecure_listen && only_unix(&o->listen))
                return err_set(e, ERR_USAGE, 0, "--insecure-listen without a --listen that is TCP");
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

        if (parse_words(argc, argv, &o, e) < 0 || check_together(&o, e) < 0)
                return -1;
        *ret = o;
        o.listen = o.tls_allowed_name = STRV_NULL;
        return 0;
}

void api_options_done(struct api_options *o)
{
        strv_done(&o->listen);
        strv_done(&o->tls_allowed_name);
}
