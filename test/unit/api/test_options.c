/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/options.h"

#define PARSE(ret, e, ...)                                                                         \
        ({                                                                                         \
                char *argv_[] = { "carob-api", __VA_ARGS__ __VA_OPT__(, ) NULL };                  \
                api_options_parse((int)ARRAY_LEN(argv_) - 1, argv_, ret, e);                       \
        })

static void no_words_mean_the_defaults(void **state)
{
        AUTO(api_options_done) struct api_options o = API_OPTIONS_NULL;
        struct err e;

        (void)state;
        assert_ok(PARSE(&o, &e), &e);
        assert_string_equal(o.dir, "/var/lib/carob");
        assert_string_equal(o.system_config, "/usr/lib/carob");
        assert_string_equal(o.local_config, "/etc/carob");
        assert_string_equal(o.user_config, "");
        assert_string_equal(o.insecure_options, "none");
        assert_false(o.trust_keys_from_https);
        assert_int_equal(o.log_level, LOG_LEVEL_INFO);
        assert_int_equal(o.listen.n, 0); /* which one it is depends on activation too */
        assert_false(o.insecure_listen);
        assert_null(o.tls_cert);
        assert_null(o.user);
        assert_int_equal(o.confine, CONFINE_TRY);
        assert_int_equal(o.max_connections, 0);
        assert_int_equal(o.events_kept, 0);
        assert_int_equal(o.events_since, 0);
}

static void every_option_is_taken(void **state)
{
        AUTO(api_options_done) struct api_options o = API_OPTIONS_NULL;
        struct err e;

        (void)state;
        assert_ok(PARSE(&o, &e, "--dir=/d", "--system-config", "/s", "--local-config=/l",
                        "--user-config=/u", "--insecure-options=image,tls",
                        "--trust-keys-from-https", "--log-level=debug", "--listen=127.0.0.1:0",
                        "--listen", "unix:/run/x,mode=0600", "--tls-cert=/c", "--tls-key=/k",
                        "--tls-client-ca=/ca", "--tls-allowed-name=a", "--tls-allowed-name=b",
                        "--insecure-listen", "--max-connections=7", "--events-kept=64",
                        "--events-since=1970-01-01T00:00:02.5Z", "--user=u:g", "--confine=require",
                        "--log-format=json", "--access-log", "--metrics-listen=unix:/m"),
                  &e);
        assert_string_equal(o.dir, "/d");
        assert_string_equal(o.system_config, "/s");
        assert_string_equal(o.local_config, "/l");
        assert_string_equal(o.user_config, "/u");
        assert_string_equal(o.insecure_options, "image,tls");
        assert_true(o.trust_keys_from_https);
        assert_int_equal(o.log_level, LOG_LEVEL_DEBUG);
        assert_int_equal(o.listen.n, 2);
        assert_string_equal(o.listen.v[0], "127.0.0.1:0");
        assert_string_equal(o.listen.v[1], "unix:/run/x,mode=0600");
        assert_string_equal(o.tls_cert, "/c");
        assert_string_equal(o.tls_key, "/k");
        assert_string_equal(o.tls_client_ca, "/ca");
        assert_int_equal(o.tls_allowed_name.n, 2);
        assert_string_equal(o.tls_allowed_name.v[1], "b");
        assert_true(o.insecure_listen);
        assert_int_equal(o.max_connections, 7);
        assert_int_equal(o.events_kept, 64);
        assert_int_equal(o.events_since, 5 * NSEC_PER_SEC / 2);
        assert_string_equal(o.user, "u:g");
        assert_int_equal(o.confine, CONFINE_REQUIRE);
        assert_int_equal(o.log_format, LOG_FORMAT_JSON);
        assert_true(o.access_log);
        assert_string_equal(o.metrics_listen, "unix:/m");
}

static void events_may_begin_before_the_start(void **state)
{
        AUTO(api_options_done) struct api_options o = API_OPTIONS_NULL;
        nsec hour_ago = time_now() - 3600 * NSEC_PER_SEC;
        struct err e;

        (void)state;
        assert_ok(PARSE(&o, &e, "--events-since=0"), &e);
        assert_int_equal(o.events_since, 1); /* 0 would be the start */
        assert_ok(PARSE(&o, &e, "--events-since=1h"), &e);
        assert_true(o.events_since >= hour_ago && o.events_since < hour_ago + 100 * NSEC_PER_SEC);
        assert_ok(PARSE(&o, &e, "--events-since=2000000h"), &e);
        assert_int_equal(o.events_since, 1);
        assert_ok(PARSE(&o, &e, "--events-since=1970-01-01T00:00:00Z"), &e);
        assert_int_equal(o.events_since, 1);
}

static void debug_is_a_log_level(void **state)
{
        AUTO(api_options_done) struct api_options o = API_OPTIONS_NULL;
        struct err e;

        (void)state;
        assert_ok(PARSE(&o, &e, "--debug"), &e);
        assert_int_equal(o.log_level, LOG_LEVEL_DEBUG);
}

static void a_user_alone_is_carob(void **state)
{
        AUTO(api_options_done) struct api_options o = API_OPTIONS_NULL;
        struct err e;

        (void)state;
        assert_ok(PARSE(&o, &e, "--user", "--confine=off"), &e);
        assert_string_equal(o.user, "carob");
        assert_int_equal(o.confine, CONFINE_OFF);
}

static void what_contradicts_itself_is_refused(void **state)
{
        struct api_options o = API_OPTIONS_NULL;
        struct err e;

        (void)state;
        assert_err(PARSE(&o, &e, "--tls-key=/k"), &e, ERR_USAGE, "--tls-key without --tls-cert");
        assert_err(PARSE(&o, &e, "--tls-client-ca=/ca"), &e, ERR_USAGE,
                   "--tls-client-ca without --tls-cert: only TLS knows who a client is");
        assert_err(PARSE(&o, &e, "--tls-cert=/c", "--tls-allowed-name=a"), &e, ERR_USAGE,
                   "--tls-allowed-name without --tls-client-ca: clients have no names");
        assert_err(PARSE(&o, &e, "--tls-cert=/c", "--listen=unix:/a", "--listen=unix:/b"), &e,
                   ERR_USAGE,
                   "--tls-cert without a --listen that is TCP: unix sockets have no TLS");
        assert_err(PARSE(&o, &e, "--insecure-listen", "--listen=unix:/a"), &e, ERR_USAGE,
                   "--insecure-listen without a --listen that is TCP");
        assert_ok(PARSE(&o, &e, "--tls-cert=/c", "--listen=unix:/a", "--listen=a:1"), &e);
        api_options_done(&o);
        assert_ok(PARSE(&o, &e, "--tls-cert=/c"), &e);
        api_options_done(&o);
}

static void help_and_version_are_told_apart(void **state)
{
        AUTO(api_options_done) struct api_options help = API_OPTIONS_NULL;
        AUTO(api_options_done) struct api_options version = API_OPTIONS_NULL;
        struct err e;

        (void)state;
        assert_ok(PARSE(&help, &e, "-h"), &e);
        assert_true(help.help && !help.version);
        assert_ok(PARSE(&version, &e, "--version"), &e);
        assert_true(version.version && !version.help);
}

static void wrong_words_are_named(void **state)
{
        struct api_options o = API_OPTIONS_NULL;
        struct err e;

        (void)state;
        assert_err(PARSE(&o, &e, "--bogus"), &e, ERR_USAGE, "unknown option --bogus");
        assert_err(PARSE(&o, &e, "--bogus=1"), &e, ERR_USAGE, "unknown option --bogus=1");
        assert_err(PARSE(&o, &e, "-x"), &e, ERR_USAGE, "unknown option -x");
        assert_err(PARSE(&o, &e, "--dir"), &e, ERR_USAGE, "--dir needs a value");
        assert_err(PARSE(&o, &e, "--help=1"), &e, ERR_USAGE, "--help=1 takes no value");
        assert_err(PARSE(&o, &e, "--dir="), &e, ERR_USAGE, "--dir is empty");
        assert_err(PARSE(&o, &e, "--tls-cert="), &e, ERR_USAGE, "--tls-cert is empty");
        assert_err(PARSE(&o, &e, "--tls-allowed-name="), &e, ERR_USAGE,
                   "--tls-allowed-name is empty");
        assert_err(PARSE(&o, &e, "--user="), &e, ERR_USAGE, "--user is empty");
        assert_err(PARSE(&o, &e, "--confine=no"), &e, ERR_USAGE,
                   "--confine=no: not try, require or off");
        assert_err(PARSE(&o, &e, "--max-connections=0"), &e, ERR_USAGE,
                   "--max-connections=0: not a number from 1 to 1000000");
        assert_err(PARSE(&o, &e, "--events-kept=1048577"), &e, ERR_USAGE,
                   "--events-kept=1048577: not a number from 1 to 1048576");
        assert_err(PARSE(&o, &e, "--events-since=yesterday"), &e, ERR_USAGE,
                   "--events-since=yesterday: not a time (2026-01-31T12:00:00Z), a duration ago "
                   "(10m) or 0");
        assert_err(PARSE(&o, &e, "--listen=nonsense"), &e, ERR_USAGE,
                   "--listen=nonsense: address \"nonsense\" has no port");
        assert_err(PARSE(&o, &e, "--listen=unix:/x,mode=8"), &e, ERR_USAGE,
                   "--listen=unix:/x,mode=8: \"8\": not a mode from 1 to 777");
        assert_err(PARSE(&o, &e, "--log-level=loud"), &e, ERR_USAGE,
                   "--log-level=loud: not error, warning, info or debug");
        assert_err(PARSE(&o, &e, "--log-format=xml"), &e, ERR_USAGE,
                   "--log-format=xml: not text or json");
        assert_err(PARSE(&o, &e, "--metrics-listen=9100"), &e, ERR_USAGE,
                   "--metrics-listen=9100: address \"9100\" has no port");
        assert_err(PARSE(&o, &e, "--listen=a:1", "start"), &e, ERR_USAGE,
                   "unexpected argument \"start\"");
        assert_null(o.listen.v);
}

static void help_fits_eighty_columns(void **state)
{
        (void)state;
        for (const char *line = api_options_help; *line;) {
                const char *end = strchr(line, '\n');

                assert_non_null(end);
                assert_true(end - line <= 80);
                line = end + 1;
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_words_mean_the_defaults),
                cmocka_unit_test(every_option_is_taken),
                cmocka_unit_test(events_may_begin_before_the_start),
                cmocka_unit_test(debug_is_a_log_level),
                cmocka_unit_test(a_user_alone_is_carob),
                cmocka_unit_test(what_contradicts_itself_is_refused),
                cmocka_unit_test(help_and_version_are_told_apart),
                cmocka_unit_test(wrong_words_are_named),
                cmocka_unit_test(help_fits_eighty_columns),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
