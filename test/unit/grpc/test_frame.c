/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/frame.h"

#include "test.h"

static const uint8_t three[] = "\0\0\0\0\3abc\1\0\0\0\0\0\0\0\0\1z";

/* The three messages above, fed in pieces of @step bytes. */
static void feed_in_steps(size_t step)
{
        struct grpc_frame_reader r = { .max = 100 };
        static const char *const want[] = { "abc", "", "z" };
        size_t n = 0;

        for (size_t i = 0; i < sizeof(three) - 1; i += step) {
                size_t left = sizeof(three) - 1 - i < step ? sizeof(three) - 1 - i : step;
                uint8_t *piece = malloc(left); /* its own block: nothing may point into it later */
                const uint8_t *p = piece;
                struct grpc_frame frame;

                assert_non_null(piece);
                memcpy(piece, three + i, left);
                while (grpc_frame_feed(&r, &p, &left, &frame) == GRPC_FRAME_MESSAGE) {
                        assert_int_equal(frame.len, strlen(want[n]));
                        assert_memory_equal(frame.data, want[n], frame.len);
                        assert_int_equal(frame.compressed, n == 1);
                        n++;
                }
                assert_int_equal(left, 0);
                free(piece);
        }
        assert_int_equal(n, 3);
        assert_false(grpc_frame_partial(&r));
        grpc_frame_done(&r);
}

static void messages_are_found_whatever_the_pieces(void **state)
{
        (void)state;
        for (size_t step = 1; step < sizeof(three); step++)
                feed_in_steps(step);
}

static void whole_message_is_not_copied(void **state)
{
        struct grpc_frame_reader r = { .max = 100 };
        const uint8_t *p = three;
        size_t left = sizeof(three) - 1;
        struct grpc_frame frame;

        (void)state;
        assert_int_equal(grpc_frame_feed(&r, &p, &left, &frame), GRPC_FRAME_MESSAGE);
        assert_ptr_equal(frame.data, three + GRPC_FRAME_HEAD);
        assert_null(r.data);
}

static void length_is_refused_before_a_byte_is_kept(void **state)
{
        struct grpc_frame_reader r = { .max = 100 };
        const uint8_t *p = (const uint8_t *)"\0\xff\xff\xff\xff....";
        size_t left = 9;
        struct grpc_frame frame;

        (void)state;
        assert_int_equal(grpc_frame_feed(&r, &p, &left, &frame), GRPC_FRAME_TOO_LARGE);
        assert_int_equal(frame.len, 0xffffffff);
        assert_null(r.data);
}

static void memory_grows_with_bytes_not_with_claims(void **state)
{
        struct grpc_frame_reader r = { .max = 4u * 1024 * 1024 };
        const uint8_t *p = (const uint8_t *)"\0\0\x40\0\0x";
        size_t left = 6;
        struct grpc_frame frame;

        (void)state;
        assert_int_equal(grpc_frame_feed(&r, &p, &left, &frame), GRPC_FRAME_MORE);
        assert_true(r.cap <= 256);
        assert_true(grpc_frame_partial(&r));
        grpc_frame_done(&r);
        assert_false(grpc_frame_partial(&r));
}

static void flag_other_than_0_and_1_is_refused(void **state)
{
        struct grpc_frame_reader r = { .max = 100 };
        const uint8_t *p = (const uint8_t *)"\2";
        size_t left = 1;
        struct grpc_frame frame;

        (void)state;
        assert_int_equal(grpc_frame_feed(&r, &p, &left, &frame), GRPC_FRAME_BAD_FLAG);
}

static void head_is_flag_and_big_endian_length(void **state)
{
        uint8_t head[GRPC_FRAME_HEAD];

        (void)state;
        grpc_frame_head(head, true, 0x01020304);
        assert_memory_equal(head, "\1\1\2\3\4", 5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(messages_are_found_whatever_the_pieces),
                cmocka_unit_test(whole_message_is_not_copied),
                cmocka_unit_test(length_is_refused_before_a_byte_is_kept),
                cmocka_unit_test(memory_grows_with_bytes_not_with_claims),
                cmocka_unit_test(flag_other_than_0_and_1_is_refused),
                cmocka_unit_test(head_is_flag_and_big_endian_length),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
