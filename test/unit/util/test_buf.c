/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>

#include "util/buf.h"

static void append_past_the_maximum_changes_nothing(void **state)
{
        struct buf b = BUF_NULL(4);

        (void)state;
        assert_int_equal(buf_puts(&b, "abc"), 0);
        assert_int_equal(buf_puts(&b, "de"), -ENOBUFS);
        assert_string_equal(buf_str(&b), "abc");
        assert_int_equal(buf_putc(&b, 'd'), 0);
        assert_int_equal(buf_printf(&b, "%d", 1), -ENOBUFS);
        assert_int_equal(b.len, 4);
        buf_done(&b);
}

static void an_empty_buffer_is_an_empty_string(void **state)
{
        struct buf b = BUF_NULL(8);
        char *s;

        (void)state;
        assert_string_equal(buf_str(&b), "");
        s = buf_take(&b);
        assert_string_equal(s, "");
        free(s);
        assert_int_equal(b.max, 8);
}

static void dropping_the_front_keeps_the_rest(void **state)
{
        struct buf b = BUF_NULL(64);

        (void)state;
        assert_int_equal(buf_printf(&b, "%s-%d", "abc", 42), 0);
        buf_drop_front(&b, 4);
        assert_string_equal(buf_str(&b), "42");
        buf_reset(&b);
        assert_string_equal(buf_str(&b), "");
        buf_done(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(append_past_the_maximum_changes_nothing),
                cmocka_unit_test(an_empty_buffer_is_an_empty_string),
                cmocka_unit_test(dropping_the_front_keeps_the_rest),
        };
        return cmocka_run_group_tests_name("util/buf", tests, NULL, NULL);
}
