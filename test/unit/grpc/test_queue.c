/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/queue.h"

#include "test.h"

static void bytes_come_out_in_order(void **state)
{
        struct grpc_queue q = { 0 };
        uint8_t in = 0, out = 0, byte;

        (void)state;
        for (int round = 0; round < 1000; round++) {
                size_t n = (size_t)(round * 7) % 50;
                uint8_t *at = grpc_queue_reserve(&q, n);

                for (size_t i = 0; i < n; i++)
                        at[i] = in++;
                for (size_t i = 0; i < n - n / 10; i++) {
                        grpc_queue_take(&q, &byte, 1);
                        assert_int_equal(byte, out++);
                }
        }
        while (grpc_queue_len(&q) > 0) {
                grpc_queue_take(&q, &byte, 1);
                assert_int_equal(byte, out++);
        }
        assert_int_equal(in, out);
        free(q.data);
}

static void memory_is_what_was_announced(void **state)
{
        struct grpc_queue q = { 0 };

        (void)state;
        for (size_t len = 1; len < 100000; len *= 3) {
                size_t announced = grpc_queue_cap_with(&q, len);

                (void)grpc_queue_reserve(&q, len);
                assert_int_equal(q.cap, announced);
        }
        grpc_queue_reset(&q, 0);
        assert_int_equal(q.cap, 0);
}

static void one_large_reply_takes_exactly_its_size(void **state)
{
        struct grpc_queue q = { 0 };

        (void)state;
        (void)grpc_queue_reserve(&q, 3000000);
        assert_int_equal(q.cap, 3000000);
        grpc_queue_drop(&q, 3000000);
        assert_int_equal(grpc_queue_len(&q), 0);
        grpc_queue_reset(&q, 4096);
        assert_null(q.data);
}

static void drained_front_is_used_again_before_growing(void **state)
{
        struct grpc_queue q = { 0 };

        (void)state;
        (void)grpc_queue_reserve(&q, 500);
        grpc_queue_drop(&q, 400);
        (void)grpc_queue_reserve(&q, 300);
        assert_int_equal(q.cap, 512);
        grpc_queue_reset(&q, 4096);
        assert_int_equal(q.cap, 512);
        free(q.data);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_come_out_in_order),
                cmocka_unit_test(memory_is_what_was_announced),
                cmocka_unit_test(one_large_reply_takes_exactly_its_size),
                cmocka_unit_test(drained_front_is_used_again_before_growing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
