/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metrics.h"

#include "test.h"

static const struct grpc_method methods[] = { { .name = "One" }, { .name = "Two" } };
static const struct grpc_service service = { .name = "a.B", .methods = methods, .n_methods = 2 };
static const struct grpc_method other_methods[] = { { .name = "Three" } };
static const struct grpc_service other = { .name = "c.D",
                                           .methods = other_methods,
                                           .n_methods = 1 };

static struct metrics make(void)
{
        struct metrics m;

        metrics_init(&m);
        metrics_add_service(&m, &service);
        metrics_add_service(&m, &other);
        return m;
}

static void every_method_has_its_row(void **state)
{
        AUTO(metrics_done) struct metrics m = make();
        struct grpc_call_summary s = { .service = &service, .method = &methods[1] };

        (void)state;
        assert_int_equal(m.n_rows, 4);
        metrics_call_start(&m, &s);
        metrics_call_start(&m, &s);
        s = (struct grpc_call_summary){ .service = &service,
                                        .method = &methods[1],
                                        .code = GRPC_NOT_FOUND,
                                        .duration = 7,
                                        .messages_in = 1,
                                        .messages_out = 2,
                                        .bytes_in = 3,
                                        .bytes_out = 4 };
        metrics_call_end(&m, &s);
        s.service = &other;
        s.method = &other_methods[0];
        metrics_call_start(&m, &s);
        assert_ptr_equal(m.rows[2].method, &methods[1]);
        assert_int_equal(m.rows[2].started, 2);
        assert_int_equal(m.rows[2].ended[GRPC_NOT_FOUND], 1);
        assert_int_equal(m.rows[2].duration, 7);
        assert_int_equal(m.rows[2].messages_in, 1);
        assert_int_equal(m.rows[2].messages_out, 2);
        assert_int_equal(m.rows[2].bytes_in, 3);
        assert_int_equal(m.rows[2].bytes_out, 4);
        assert_int_equal(m.rows[1].started, 0);
        assert_ptr_equal(m.rows[3].method, &other_methods[0]);
        assert_int_equal(m.rows[3].started, 1);
}

static void unknown_names_share_one_row(void **state)
{
        static const struct grpc_service stranger = { .name = "x.Y", .methods = methods };
        AUTO(metrics_done) struct metrics m = make();
        struct grpc_call_summary s = { .path = "/a/b", .path_len = 4, .code = GRPC_UNIMPLEMENTED };

        (void)state;
        for (int i = 0; i < 1000; i++) {
                metrics_call_start(&m, &s);
                metrics_call_end(&m, &s);
        }
        s.service = &service; /* of which it is no method */
        metrics_call_start(&m, &s);
        s.service = &stranger;
        s.method = &methods[0];
        metrics_call_start(&m, &s);
        assert_int_equal(m.n_rows, 4);
        assert_int_equal(m.rows[0].started, 1002);
        assert_int_equal(m.rows[0].ended[GRPC_UNIMPLEMENTED], 1000);
        assert_null(m.rows[0].method);
}

static void buckets_hold_their_upper_end(void **state)
{
        AUTO(metrics_done) struct metrics m = make();
        struct grpc_call_summary s = { .service = &service, .method = &methods[0] };

        (void)state;
        for (size_t i = 0; i < METRICS_BUCKETS; i++) {
                if (i > 0)
                        assert_true(metrics_bounds[i] > metrics_bounds[i - 1]);
                s.duration = metrics_bounds[i];
                metrics_call_end(&m, &s);
                s.duration++;
                metrics_call_end(&m, &s);
        }
        assert_int_equal(m.rows[1].buckets[0], 1);
        for (size_t i = 1; i < METRICS_BUCKETS; i++)
                assert_int_equal(m.rows[1].buckets[i], 2);
        assert_int_equal(m.rows[1].buckets[METRICS_BUCKETS], 1);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_method_has_its_row),
                cmocka_unit_test(unknown_names_share_one_row),
                cmocka_unit_test(buckets_hold_their_upper_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
