/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/keepalive.h"

#include "test.h"

static const nsec start = 100 * NSEC_PER_SEC;

static struct grpc_keepalive_config config(struct grpc_keepalive_config c)
{
        return grpc_keepalive_defaults(&c);
}

static void defaults_are_those_of_grpc(void **state)
{
        struct grpc_keepalive_config c = config((struct grpc_keepalive_config){ 0 });

        (void)state;
        assert_int_equal(c.ping_after, 7200 * NSEC_PER_SEC);
        assert_int_equal(c.ping_timeout, 20 * NSEC_PER_SEC);
        assert_int_equal(c.min_client_ping, 300 * NSEC_PER_SEC);
        assert_int_equal(c.max_idle, GRPC_NEVER);
        assert_int_equal(c.max_age, GRPC_NEVER);
        c = config((struct grpc_keepalive_config){ .ping_after = 1, .max_idle = 5 });
        assert_int_equal(c.ping_after, NSEC_PER_SEC);
        assert_int_equal(c.max_idle, 5);
}

static void silence_is_answered_by_a_ping_and_then_by_the_end(void **state)
{
        struct grpc_keepalive_config c = config((struct grpc_keepalive_config){
                .ping_after = 60 * NSEC_PER_SEC, .ping_timeout = 5 * NSEC_PER_SEC });
        struct grpc_keepalive k;

        (void)state;
        grpc_keepalive_init(&k, &c, false, 100, start);
        grpc_keepalive_settings_acked(&k);
        assert_int_equal(grpc_keepalive_deadline(&k), start + 60 * NSEC_PER_SEC);
        grpc_keepalive_heard(&k, start + NSEC_PER_SEC);
        assert_int_equal(grpc_keepalive_tick(&k, start + 60 * NSEC_PER_SEC),
                         GRPC_KEEPALIVE_NOTHING);
        assert_int_equal(grpc_keepalive_tick(&k, start + 61 * NSEC_PER_SEC), GRPC_KEEPALIVE_PING);
        assert_int_equal(grpc_keepalive_tick(&k, start + 61 * NSEC_PER_SEC),
                         GRPC_KEEPALIVE_NOTHING);
        assert_int_equal(grpc_keepalive_deadline(&k), start + 66 * NSEC_PER_SEC);
        grpc_keepalive_heard(&k, start + 62 * NSEC_PER_SEC); /* any byte is a sign of life */
        assert_int_equal(grpc_keepalive_deadline(&k), start + 122 * NSEC_PER_SEC);
        assert_int_equal(grpc_keepalive_tick(&k, start + 122 * NSEC_PER_SEC), GRPC_KEEPALIVE_PING);
        assert_int_equal(grpc_keepalive_tick(&k, start + 127 * NSEC_PER_SEC),
                         GRPC_KEEPALIVE_CLOSE_SILENT);
}

static void client_may_be_wrong_twice(void **state)
{
        struct grpc_keepalive_config c =
                config((struct grpc_keepalive_config){ .min_client_ping = 10 * NSEC_PER_SEC });
        struct grpc_keepalive k;
        nsec now = start;

        (void)state;
        grpc_keepalive_init(&k, &c, false, 100, start);
        assert_true(grpc_keepalive_client_ping(&k, 1, now));
        for (int i = 0; i < 5; i++)
                assert_true(grpc_keepalive_client_ping(&k, 1, now += 10 * NSEC_PER_SEC));
        assert_true(grpc_keepalive_client_ping(&k, 1, now += NSEC_PER_SEC));
        assert_true(grpc_keepalive_client_ping(&k, 1, now += NSEC_PER_SEC));
        assert_false(grpc_keepalive_client_ping(&k, 1, now += NSEC_PER_SEC));
}

static void answers_of_ours_forgive(void **state)
{
        struct grpc_keepalive_config c = config((struct grpc_keepalive_config){ 0 });
        struct grpc_keepalive k;
        nsec now = start;

        (void)state;
        grpc_keepalive_init(&k, &c, false, 100, start);
        for (int i = 0; i < 100; i++) {
                grpc_keepalive_answered(&k);
                assert_true(grpc_keepalive_client_ping(&k, 1, now += NSEC_PER_MSEC));
                assert_true(grpc_keepalive_client_ping(&k, 1, now += NSEC_PER_MSEC));
                assert_true(grpc_keepalive_client_ping(&k, 1, now += NSEC_PER_MSEC));
        }
}

static void pings_without_calls_are_welcome_every_two_hours(void **state)
{
        struct grpc_keepalive_config c = config((struct grpc_keepalive_config){ 0 });
        struct grpc_keepalive k;
        nsec now = start;

        (void)state;
        grpc_keepalive_init(&k, &c, false, 100, start);
        for (int i = 0; i < 5; i++)
                assert_true(grpc_keepalive_client_ping(&k, 0, now += 7200 * NSEC_PER_SEC));
        assert_true(grpc_keepalive_client_ping(&k, 0, now += 3600 * NSEC_PER_SEC));
        assert_true(grpc_keepalive_client_ping(&k, 0, now += 3600 * NSEC_PER_SEC));
        assert_false(grpc_keepalive_client_ping(&k, 0, now += 3600 * NSEC_PER_SEC));

        c.pings_without_calls = true;
        grpc_keepalive_init(&k, &c, false, 100, start);
        for (int i = 0; i < 5; i++)
                assert_true(grpc_keepalive_client_ping(&k, 0, now += 300 * NSEC_PER_SEC));
}

static void some_may_ping_as_they_like(void **state)
{
        struct grpc_keepalive_config c = config((struct grpc_keepalive_config){ 0 });
        struct grpc_keepalive k;

        (void)state;
        grpc_keepalive_init(&k, &c, true, 100, start);
        for (int i = 0; i < 100; i++)
                assert_true(grpc_keepalive_client_ping(&k, 0, start));
        c.min_client_ping = GRPC_PINGS_ANY;
        grpc_keepalive_init(&k, &c, false, 100, start);
        for (int i = 0; i < 100; i++)
                assert_true(grpc_keepalive_client_ping(&k, 0, start));
}

static void idleness_counts_from_the_last_call(void **state)
{
        struct grpc_keepalive_config c =
                config((struct grpc_keepalive_config){ .max_idle = 10 * NSEC_PER_SEC });
        struct grpc_keepalive k;

        (void)state;
        grpc_keepalive_init(&k, &c, false, 100, start);
        assert_int_equal(grpc_keepalive_deadline(&k), start + 10 * NSEC_PER_SEC);
        grpc_keepalive_settings_acked(&k);
        grpc_keepalive_calls(&k, 1, start + NSEC_PER_SEC);
        assert_int_equal(grpc_keepalive_tick(&k, start + 50 * NSEC_PER_SEC),
                         GRPC_KEEPALIVE_NOTHING);
        grpc_keepalive_calls(&k, 0, start + 60 * NSEC_PER_SEC);
        assert_int_equal(grpc_keepalive_deadline(&k), start + 70 * NSEC_PER_SEC);
        assert_int_equal(grpc_keepalive_tick(&k, start + 70 * NSEC_PER_SEC),
                         GRPC_KEEPALIVE_DRAIN_IDLE);
        assert_int_equal(grpc_keepalive_tick(&k, start + 80 * NSEC_PER_SEC),
                         GRPC_KEEPALIVE_NOTHING);
}

static void age_is_spread_and_followed_by_grace(void **state)
{
        struct grpc_keepalive_config c = config((struct grpc_keepalive_config){
                .max_age = 100 * NSEC_PER_SEC, .max_age_grace = 5 * NSEC_PER_SEC });
        struct grpc_keepalive k;

        (void)state;
        for (uint32_t spread = 0; spread < 1000; spread += 7) {
                grpc_keepalive_init(&k, &c, false, spread, start);
                assert_true(k.age_by >= start + 90 * NSEC_PER_SEC);
                assert_true(k.age_by <= start + 110 * NSEC_PER_SEC);
        }
        grpc_keepalive_init(&k, &c, false, 100, start);
        grpc_keepalive_settings_acked(&k);
        assert_int_equal(grpc_keepalive_tick(&k, start + 100 * NSEC_PER_SEC),
                         GRPC_KEEPALIVE_DRAIN_AGE);
        assert_int_equal(grpc_keepalive_deadline(&k), start + 105 * NSEC_PER_SEC);
        assert_int_equal(grpc_keepalive_tick(&k, start + 105 * NSEC_PER_SEC),
                         GRPC_KEEPALIVE_CLOSE_AGE);
}

static void settings_must_be_acknowledged(void **state)
{
        struct grpc_keepalive_config c = config((struct grpc_keepalive_config){ 0 });
        struct grpc_keepalive k;

        (void)state;
        grpc_keepalive_init(&k, &c, false, 100, start);
        assert_int_equal(grpc_keepalive_deadline(&k), start + 20 * NSEC_PER_SEC);
        assert_int_equal(grpc_keepalive_tick(&k, start + 20 * NSEC_PER_SEC),
                         GRPC_KEEPALIVE_CLOSE_SETTINGS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(defaults_are_those_of_grpc),
                cmocka_unit_test(silence_is_answered_by_a_ping_and_then_by_the_end),
                cmocka_unit_test(client_may_be_wrong_twice),
                cmocka_unit_test(answers_of_ours_forgive),
                cmocka_unit_test(pings_without_calls_are_welcome_every_two_hours),
                cmocka_unit_test(some_may_ping_as_they_like),
                cmocka_unit_test(idleness_counts_from_the_last_call),
                cmocka_unit_test(age_is_spread_and_followed_by_grace),
                cmocka_unit_test(settings_must_be_acknowledged),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
