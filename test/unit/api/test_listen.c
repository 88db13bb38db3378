/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/listen.h"

static void addresses_are_taken_apart(void **state)
{
        static const struct {
                const char *text, *address;
                mode_t mode;
                const char *group;
        } good[] = {
                { "localhost:1", "localhost:1", 0, NULL },
                { "[::1]:15441", "[::1]:15441", 0, NULL },
                { "unix:/run/a", "unix:/run/a", 0, NULL },
                { "unix:/run/a,mode=0600", "unix:/run/a", 0600, NULL },
                { "unix:/run/a,group=carob", "unix:/run/a", 0, "carob" },
                { "unix:/run/a,group=12,mode=666", "unix:/run/a", 0666, "12" },
                { "unix:/run/a,mode=660,group=x,mode=600", "unix:/run/a", 0600, "x" },
                { "unix:/run/a,b", "unix:/run/a,b", 0, NULL },
                { "unix:/run/a,b,mode=600", "unix:/run/a,b", 0600, NULL },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(good); i++) {
                AUTO(listen_spec_done) struct listen_spec s = LISTEN_SPEC_NULL;
                struct err e;

                assert_ok(listen_spec_parse(good[i].text, &s, &e), &e);
                assert_string_equal(s.address, good[i].address);
                assert_int_equal(s.mode, good[i].mode);
                if (good[i].group)
                        assert_string_equal(s.group, good[i].group);
                else
                        assert_null(s.group);
        }
}

static void what_is_no_address_is_told(void **state)
{
        static const struct {
                const char *text, *error;
        } bad[] = {
                { "nonsense", "address \"nonsense\" has no port" },
                { "unix:a", "address \"unix:a\": the path must be absolute" },
                { "unix:/a,mode=", "\"\": not a mode from 1 to 777" },
                { "unix:/a,mode=0", "\"0\": not a mode from 1 to 777" },
                { "unix:/a,mode=1777", "\"1777\": not a mode from 1 to 777" },
                { "unix:/a,mode=rw", "\"rw\": not a mode from 1 to 777" },
                { "unix:/a,group=", "\"group=\" names no group" },
                { "unix:/a,mode=600,owner=x",
                  "\"owner=x\": only mode= and group= can follow the path" },
                { "unix:/a,mode=600,", "\"\": only mode= and group= can follow the path" },
                { "localhost:1,mode=600", "address \"localhost:1,mode=600\": malformed port" },
        };
        struct listen_spec s = LISTEN_SPEC_NULL;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct err e;

                assert_err(listen_spec_parse(bad[i].text, &s, &e), &e, ERR_USAGE, bad[i].error);
                assert_null(s.address);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_are_taken_apart),
                cmocka_unit_test(what_is_no_address_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
