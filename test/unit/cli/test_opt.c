/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/opt.h"
#include "util/buf.h"
#include "util/time.h"

static struct {
        bool flag;
        const char *text, *maybe;
        nsec span;
        int64_t number;
        struct buf calls;
} got;

static int record(void *dest, const char *value, struct err *e)
{
        (void)dest;
        if (strcmp(value, "bad") == 0)
                return err_set(e, ERR_USAGE, 0, "no good");
        (void)buf_printf(&got.calls, "[%s]", value);
        return 0;
}

static const struct opt table[] = {
        { OPT_FLAG, 'f', "flag", "[=false]", "a flag", &got.flag, NULL, NULL },
        { OPT_TEXT, 't', "text", "TEXT", "a text", &got.text, NULL, NULL },
        { OPT_TEXT, 0, "maybe", "TEXT", "a text", &got.maybe, NULL, "bare" },
        { OPT_DURATION, 0, "span", "30m", "a time", &got.span, NULL, NULL },
        { OPT_NUMBER, 'n', "number", "N", "a number", &got.number, NULL, NULL },
        { OPT_CALL, 0, "call", "X", "called", NULL, record, NULL },
        { .type = OPT_END },
};
static const struct opt *const tables[] = { table, NULL };

static int on_arg(void *ctx, const char *arg, struct err *e)
{
        (void)ctx;
        (void)e;
        return buf_printf(&got.calls, "<%s>", arg);
}

static int on_app_args(void *ctx, char *const *args, size_t n, struct err *e)
{
        (void)ctx;
        (void)e;
        (void)buf_puts(&got.calls, "(");
        for (size_t i = 0; i < n; i++)
                (void)buf_printf(&got.calls, i ? " %s" : "%s", args[i]);
        return buf_puts(&got.calls, ")");
}

static int parse(const struct opt_rules *rules, const char *line, struct opt_result *r,
                 struct err *e)
{
        static char copy[256];
        char *words[32], *save = NULL;
        size_t n = 0;

        buf_done(&got.calls);
        memset(&got, 0, sizeof(got));
        got.calls = BUF_NULL(4096);
        (void)snprintf(copy, sizeof(copy), "%s", line);
        for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
                words[n++] = w;
        return opt_parse(rules, words, n, r, e);
}

static const struct opt_rules plain = { .tables = tables };

static void values_after_equals_and_as_next_word_are_the_same(void **state)
{
        AUTO(opt_result_done) struct opt_result r = OPT_RESULT_NULL;
        struct err e;

        (void)state;
        assert_ok(parse(&plain, "--text=a one --span 90s -n5 two --maybe=x", &r, &e), &e);
        assert_string_equal(got.text, "a");
        assert_string_equal(got.maybe, "x");
        assert_int_equal(got.span, 90 * NSEC_PER_SEC);
        assert_int_equal(got.number, 5);
        assert_int_equal(r.args.n, 2);
        assert_string_equal(r.args.v[1], "two");
}

static void flags_take_a_value_only_after_equals(void **state)
{
        AUTO(opt_result_done) struct opt_result r = OPT_RESULT_NULL;
        struct err e;

        (void)state;
        assert_ok(parse(&plain, "--flag false --maybe word", &r, &e), &e);
        assert_true(got.flag);
        assert_string_equal(got.maybe, "bare");
        assert_int_equal(r.args.n, 2);
        opt_result_done(&r);
        assert_ok(parse(&plain, "--flag=true --flag=false", &r, &e), &e);
        assert_false(got.flag);
        assert_ok(parse(&plain, "-fn 7 -t=x -tyy", &r, &e), &e);
        assert_true(got.flag);
        assert_int_equal(got.number, 7);
        assert_string_equal(got.text, "yy");
}

static void wrong_usage_names_the_word(void **state)
{
        static const struct {
                const char *line, *text;
        } rows[] = {
                { "--nope", "unknown option \"--nope\"" },
                { "--nope=1", "unknown option \"--nope\"" },
                { "--tex=1", "unknown option \"--tex\"" },
                { "-x", "unknown option \"-x\"" },
                { "-fx", "unknown option \"-x\"" },
                { "--text", "--text needs a value (TEXT)" },
                { "-n", "--number needs a value (N)" },
                { "--flag=perhaps", "--flag: \"perhaps\" is neither true nor false" },
                { "--span=5", "--span: \"5\" is no duration such as 90s or 1h30m" },
                { "--span=-5s", "--span: \"-5s\" is no duration such as 90s or 1h30m" },
                { "--number=-1", "--number: \"-1\" is no number" },
                { "--call bad", "--call: no good" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(opt_result_done) struct opt_result r = OPT_RESULT_NULL;
                struct err e;

                assert_err(parse(&plain, rows[i].line, &r, &e), &e, ERR_USAGE, rows[i].text);
        }
}

static void app_arguments_end_at_three_dashes(void **state)
{
        const struct opt_rules rules = { .tables = tables, .arg = on_arg, .app_args = on_app_args };
        AUTO(opt_result_done) struct opt_result r = OPT_RESULT_NULL;
        struct err e;

        (void)state;
        assert_ok(parse(&rules, "a --call 1 -- -x --flag -- --- b --call 2 --", &r, &e), &e);
        assert_string_equal(buf_str(&got.calls), "<a>[1](-x --flag --)<b>[2]()");
        assert_false(got.flag);
}

static void two_dashes_end_the_options_elsewhere(void **state)
{
        AUTO(opt_result_done) struct opt_result r = OPT_RESULT_NULL;
        struct err e;

        (void)state;
        assert_ok(parse(&plain, "a -- --flag --- -", &r, &e), &e);
        assert_int_equal(r.args.n, 4);
        assert_string_equal(r.args.v[1], "--flag");
}

static void stops_at_the_first_argument_when_asked(void **state)
{
        const struct opt_rules rules = { .tables = tables, .stop_at_arg = true };
        AUTO(opt_result_done) struct opt_result r = OPT_RESULT_NULL;
        struct err e;

        (void)state;
        assert_ok(parse(&rules, "--flag --text v run --nope", &r, &e), &e);
        assert_int_equal(r.used, 3);
        assert_int_equal(r.args.n, 0);
}

static void help_wins_over_what_follows(void **state)
{
        AUTO(opt_result_done) struct opt_result r = OPT_RESULT_NULL;
        struct err e;

        (void)state;
        assert_ok(parse(&plain, "a --help --nope", &r, &e), &e);
        assert_true(r.help);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(values_after_equals_and_as_next_word_are_the_same),
                cmocka_unit_test(flags_take_a_value_only_after_equals),
                cmocka_unit_test(wrong_usage_names_the_word),
                cmocka_unit_test(app_arguments_end_at_three_dashes),
                cmocka_unit_test(two_dashes_end_the_options_elsewhere),
                cmocka_unit_test(stops_at_the_first_argument_when_asked),
                cmocka_unit_test(help_wins_over_what_follows),
        };
        int r = cmocka_run_group_tests(tests, NULL, NULL);

        buf_done(&got.calls);
        return r;
}
