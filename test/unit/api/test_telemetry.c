/* SPDX-License-Identifier: Apache-2.0 */
#include "api/telemetry.h"

#include <string.h>

#include "test.h"

static void close_and_end(struct telemetry *t, uv_loop_t *loop)
{
        telemetry_close(t);
        (void)uv_run(loop, UV_RUN_DEFAULT);
        telemetry_done(t);
        assert_int_equal(uv_loop_close(loop), 0);
}

static void who_does_not_ask_pays_nothing(void **state)
{
        struct api_options o = API_OPTIONS_NULL;
        struct service service = { .dir = "/nonexistent" };
        struct telemetry t;
        uv_loop_t loop;
        struct err e;

        (void)state;
        assert_int_equal(uv_loop_init(&loop), 0);
        telemetry_init(&t, &loop, &o, &service);
        telemetry_add_service(&t, &service_public_api);
        assert_null(telemetry_observer(&t));
        assert_ok(telemetry_listen(&t, NULL, &o, &e), &e);
        close_and_end(&t, &loop);
}

static void calls_are_counted(void **state)
{
        struct api_options o = { .metrics_listen = "127.0.0.1:0" };
        struct service service = { .dir = "/nonexistent" };
        struct grpc_call_summary s = { .service = &service_public_api,
                                       .method = &service_public_api.methods[0] };
        const struct grpc_observer *observer;
        struct telemetry t;
        uv_loop_t loop;

        (void)state;
        assert_int_equal(uv_loop_init(&loop), 0);
        telemetry_init(&t, &loop, &o, &service);
        telemetry_add_service(&t, &service_public_api);
        observer = telemetry_observer(&t);
        assert_non_null(observer);
        observer->on_call_start(&s, observer->arg);
        observer->on_call_end(&s, observer->arg);
        assert_int_equal(t.metrics.rows[1].started, 1);
        assert_int_equal(t.metrics.rows[1].ended[GRPC_OK], 1);
        close_and_end(&t, &loop);
}

static void the_option_is_named_in_errors(void **state)
{
        struct api_options o = { .metrics_listen = "0.0.0.0:0" };
        struct service service = { .dir = "/nonexistent" };
        struct telemetry t;
        uv_loop_t loop;
        struct err e;

        (void)state;
        assert_int_equal(uv_loop_init(&loop), 0);
        telemetry_init(&t, &loop, &o, &service);
        assert_int_equal(telemetry_listen(&t, NULL, &o, &e), -1);
        assert_int_equal(e.kind, ERR_STATE);
        assert_memory_equal(e.text, "--metrics-listen=0.0.0.0:0: ", 28);
        close_and_end(&t, &loop);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(who_does_not_ask_pays_nothing),
                cmocka_unit_test(calls_are_counted),
                cmocka_unit_test(the_option_is_named_in_errors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
