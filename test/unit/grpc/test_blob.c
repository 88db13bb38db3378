/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/blob.h"

#include "test.h"

static void lives_until_the_last_reference_goes(void **state)
{
        struct grpc_blob *b = grpc_blob_new_copy("abc", 3);

        (void)state;
        assert_ptr_equal(grpc_blob_ref(b), b);
        assert_null(grpc_blob_unref(b));
        assert_memory_equal(b->data, "abc", 3);
        b->gzip = grpc_blob_new(5);
        assert_null(grpc_blob_unref(b));
        assert_null(grpc_blob_unref(NULL));
}

static void is_charged_once_to_the_first(void **state)
{
        AUTO(grpc_blob_unrefp) struct grpc_blob *b = grpc_blob_new(100);
        struct grpc_memory m = { .max = 1000 };
        struct grpc_account x = { .memory = &m }, y = { .memory = &m };

        (void)state;
        assert_true(grpc_blob_hold(b, &x));
        assert_true(grpc_blob_hold(b, &y));
        assert_true(grpc_blob_hold(b, &x));
        assert_int_equal(m.used, 100);
        assert_int_equal(x.charged, 100);
        assert_int_equal(y.charged, 0);
        grpc_blob_release(b, &x);
        assert_int_equal(x.charged, 100);
        grpc_blob_release(b, &x);
        assert_int_equal(x.charged, 0); /* may be gone now */
        assert_int_equal(m.used, 100);
        grpc_blob_release(b, &y);
        assert_int_equal(m.used, 0);
        assert_int_equal(b->refs, 1);
}

static void is_refused_when_nobody_can_pay(void **state)
{
        AUTO(grpc_blob_unrefp) struct grpc_blob *b = grpc_blob_new(100);
        struct grpc_memory m = { .max = 399 };
        struct grpc_account x = { .memory = &m };

        (void)state;
        assert_false(grpc_blob_hold(b, &x)); /* over a quarter */
        assert_int_equal(b->refs, 1);
        assert_int_equal(m.used, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lives_until_the_last_reference_goes),
                cmocka_unit_test(is_charged_once_to_the_first),
                cmocka_unit_test(is_refused_when_nobody_can_pay),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
