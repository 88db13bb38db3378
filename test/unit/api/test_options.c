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
        assert_int_equal(o.listen.n, 1);
        assert_string_equal(o.listen.v[0], "localhost:15441");
}

static void every_option_is_taken(void **state)
{
        AUTO(api_options_done) struct api_options o = API_OPTIONS_NULL;
        struct err e;

        (void)state;
        assert_ok(PARSE(&o, &e, "--dir=/d", "--system-config", "/s", "--local-config=/l",
                        "--user-config=/u", "--insecure-options=image,tls",
                        "--trust-keys-from-https", "--log-level=debug", "--listen=127.0.0.1:0",
                        "--listen", "unix:/run/x"),
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
        assert_string_equal(o.listen.v[1], "unix:/run/x");
}

static void debug_is_a_log_level(void **state)
{
        AUTO(api_options_done) struct api_options o = API_OPTIONS_NULL;
        struct err e;

        (void)state;
        assert_ok(PARSE(&o, &e, "--debug"), &e);
        assert_int_equal(o.log_level, LOG_LEVEL_DEBUG);
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
        assert_err(PARSE(&o, &e, "--log-level=loud"), &e, ERR_USAGE,
                   "--log-level=loud: not error, warning, info or debug");
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
                cmocka_unit_test(debug_is_a_log_level),
                cmocka_unit_test(help_and_version_are_told_apart),
                cmocka_unit_test(wrong_words_are_named),
                cmocka_unit_test(help_fits_eighty_columns),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
