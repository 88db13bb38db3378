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
                size_t announced = grpc_queue_held_with(&q, len, 0);

                (void)grpc_queue_reserve(&q, len);
                assert_int_equal(grpc_queue_held(&q), announced);
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

static struct grpc_blob *held_blob(const char *text, struct grpc_account *a)
{
        struct grpc_blob *b = grpc_blob_new_copy(text, strlen(text));

        assert_true(grpc_blob_hold(b, a));
        (void)grpc_blob_unref(b); /* the queue's is the only one now */
        return b;
}

static void add_own(struct grpc_queue *q, const char *text)
{
        memcpy(grpc_queue_reserve(q, strlen(text)), text, strlen(text));
}

static void blobs_keep_their_places_between_own_bytes(void **state)
{
        static const char want[] = "<a>bcdef<g>hi<jk>";

        (void)state;
        /* In pieces of every size, so that each border is crossed and met. */
        for (size_t piece = 1; piece < sizeof(want); piece++) {
                struct grpc_memory m = { .max = 1000 };
                struct grpc_account a = { .memory = &m };
                struct grpc_queue q = { 0 };
                char got[sizeof(want)] = "";
                size_t n = 0;

                add_own(&q, "<a>");
                grpc_queue_add_blob_consume(&q, held_blob("bcd", &a), &a);
                grpc_queue_add_blob_consume(&q, held_blob("", &a), &a);
                grpc_queue_add_blob_consume(&q, held_blob("ef", &a), &a);
                add_own(&q, "<g>");
                grpc_queue_add_blob_consume(&q, held_blob("hi", &a), &a);
                assert_int_equal(m.used, 7);
                for (bool more = true; grpc_queue_len(&q) > 0; more = false) {
                        size_t take = grpc_queue_len(&q) < piece ? grpc_queue_len(&q) : piece;

                        if (more && take == piece)
                                add_own(&q, "<jk>");
                        grpc_queue_take(&q, (uint8_t *)got + n, take);
                        n += take;
                }
                assert_memory_equal(got, want, n);
                assert_int_equal(m.used, 0);
                grpc_queue_done(&q);
        }
}

static void a_queue_that_never_empties_does_not_grow(void **state)
{
        struct grpc_memory m = { .max = 1000 };
        struct grpc_account a = { .memory = &m };
        struct grpc_queue q = { 0 };
        uint8_t got[3];

        (void)state;
        grpc_queue_add_blob_consume(&q, held_blob("x", &a), &a);
        for (int i = 0; i < 1000; i++) {
                size_t announced = grpc_queue_held_with(&q, 1, 1);

                add_own(&q, "o");
                grpc_queue_add_blob_consume(&q, held_blob("x", &a), &a);
                assert_int_equal(grpc_queue_held(&q), announced);
                grpc_queue_take(&q, got, 2);
                assert_memory_equal(got, "xo", 2);
        }
        assert_true(q.cap_blobs <= 8);
        assert_int_equal(m.used, 1);
        grpc_queue_reset(&q, 4096);
        assert_int_equal(m.used, 0);
        assert_int_equal(grpc_queue_len(&q), 0);
        grpc_queue_done(&q);
        assert_int_equal(grpc_queue_held(&q), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_come_out_in_order),
                cmocka_unit_test(memory_is_what_was_announced),
                cmocka_unit_test(one_large_reply_takes_exactly_its_size),
                cmocka_unit_test(blobs_keep_their_places_between_own_bytes),
                cmocka_unit_test(a_queue_that_never_empties_does_not_grow),
                cmocka_unit_test(drained_front_is_used_again_before_growing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
