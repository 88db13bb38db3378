/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/head.h"

#include "test.h"

static void add(struct grpc_head *h, const char *name, const char *value)
{
        grpc_head_add(h, name, strlen(name), value, strlen(value));
}

static struct grpc_head good(void)
{
        struct grpc_head h;

        grpc_head_init(&h);
        add(&h, ":method", "POST");
        add(&h, ":path", "/s/m");
        add(&h, "content-type", "application/grpc");
        return h;
}

static void timeouts_are_digits_and_a_unit(void **state)
{
        static const struct {
                const char *text;
                nsec value; /* -1: malformed */
        } table[] = {
                { "1n", 1 },
                { "250u", 250000 },
                { "100m", 100000000 },
                { "5S", 5 * NSEC_PER_SEC },
                { "2M", 120 * NSEC_PER_SEC },
                { "3H", 3 * 3600 * NSEC_PER_SEC },
                { "99999999n", 99999999 },
                { "99999999H", INT64_MAX },
                { "0S", 0 },
                { "", -1 },
                { "5", -1 },
                { "S", -1 },
                { "5s", -1 },
                { "-5S", -1 },
                { "+5S", -1 },
                { " 5S", -1 },
                { "1.5S", -1 },
                { "123456789S", -1 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                nsec t = -1;

                assert_int_equal(grpc_timeout_parse(table[i].text, strlen(table[i].text), &t),
                                 table[i].value >= 0);
                assert_true(t == table[i].value);
        }
}

static void printed_timeouts_are_never_shorter(void **state)
{
        (void)state;
        for (nsec t = 1; t > 0 && t < INT64_MAX / 3; t = 3 * t + 1) {
                char text[GRPC_TIMEOUT_TEXT];
                nsec back;

                grpc_timeout_print(t, text);
                assert_true(grpc_timeout_parse(text, strlen(text), &back));
                assert_true(back >= t);
                assert_true((double)(back - t) <= (double)t / 1000.0 + 1);
        }
}

static void content_types_are_grpc_or_not(void **state)
{
        static const struct {
                const char *value;
                bool ok;
        } table[] = {
                { "application/grpc", true },
                { "application/grpc+proto", true },
                { "application/grpc;charset=utf-8", true },
                { "application/grpc+proto; x=y", true },
                { "Application/GRPC", true },
                { "application/grpc+json", false },
                { "application/grpc-web", false },
                { "application/grpcx", false },
                { "application/grp", false },
                { "application/json", false },
                { "", false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct grpc_head h = good();
                enum grpc_code code;
                const char *text;

                add(&h, "content-type", table[i].value);
                assert_int_equal(grpc_head_check(&h, &code, &text), table[i].ok ? 200 : 415);
        }
}

static void verdicts_name_the_reason(void **state)
{
        static char large[LIMIT_GRPC_HEADER_BYTES];
        static const struct {
                const char *name, *value;
                unsigned status;
                enum grpc_code code;
        } table[] = {
                { "x-other", "y", 200, GRPC_OK },
                { ":method", "GET", 405, GRPC_OK },
                { "grpc-timeout", "soon", 200, GRPC_INTERNAL },
                { "grpc-encoding", "gzip", 200, GRPC_OK }, /* only a compressed message is wrong */
                { "x-large", large, 200, GRPC_RESOURCE_EXHAUSTED },
        };

        (void)state;
        memset(large, 'x', sizeof(large) - 1);
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                struct grpc_head h = good();
                enum grpc_code code;
                const char *text;

                add(&h, table[i].name, table[i].value);
                assert_int_equal(grpc_head_check(&h, &code, &text), table[i].status);
                assert_int_equal(code, table[i].code);
                assert_int_equal(*text != '\0', table[i].status != 200 || table[i].code != GRPC_OK);
        }
}

static void two_hosts_are_one_too_many(void **state)
{
        struct grpc_head h = good();
        enum grpc_code code;
        const char *text;

        (void)state;
        add(&h, "host", "a");
        assert_int_equal(grpc_head_check(&h, &code, &text), 200);
        add(&h, "host", "b");
        assert_int_equal(grpc_head_check(&h, &code, &text), 400);
}

static void path_that_does_not_fit_is_no_method(void **state)
{
        struct grpc_head h = good();
        char path[LIMIT_GRPC_PATH_BYTES + 2];
        enum grpc_code code;
        const char *text;

        (void)state;
        memset(path, '/', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        add(&h, ":path", path + 1);
        assert_int_equal(h.path_len, LIMIT_GRPC_PATH_BYTES);
        assert_int_equal(grpc_head_check(&h, &code, &text), 200);
        assert_int_equal(code, GRPC_OK);
        add(&h, ":path", path);
        assert_int_equal(grpc_head_check(&h, &code, &text), 200);
        assert_int_equal(code, GRPC_UNIMPLEMENTED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(timeouts_are_digits_and_a_unit),
                cmocka_unit_test(printed_timeouts_are_never_shorter),
                cmocka_unit_test(content_types_are_grpc_or_not),
                cmocka_unit_test(verdicts_name_the_reason),
                cmocka_unit_test(two_hosts_are_one_too_many),
                cmocka_unit_test(path_that_does_not_fit_is_no_method),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
