/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/columns.h"

static void row(struct columns *c, const char *const *cells, size_t n)
{
        for (size_t i = 0; i < n; i++)
                columns_cell(c, cells[i]);
        columns_end_row(c);
}
#define ROW(c, ...)                                                                                \
        row((c), (const char *const[]){ __VA_ARGS__ },                                             \
            sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void assert_prints(const struct columns *c, const char *want)
{
        AUTO(buf_done) struct buf out = BUF_NULL(65536);

        assert_int_equal(columns_print(c, &out), 0);
        assert_string_equal(buf_str(&out), want);
}

/* The rows of rkt's own output, tabs and all. */
static void list_matches_rkt_byte_for_byte(void **state)
{
        AUTO(columns_done) struct columns c = COLUMNS_NULL;

        (void)state;
        ROW(&c, "UUID", "APP", "IMAGE NAME", "STATE", "CREATED", "STARTED", "NETWORKS");
        ROW(&c, "3564ab41", "one", "example.com/sleep:1.0.0", "prepared", "12 minutes ago", "", "");
        ROW(&c, "", "two", "example.com/team/exit0:2.1", "", "", "", "");
        ROW(&c, "38c718a4", "exit3", "example.com/exit3", "exited", "12 minutes ago",
            "12 minutes ago", "");
        ROW(&c, "7a13fb5e", "sleep", "example.com/sleep:1.0.0", "running", "12 minutes ago",
            "12 minutes ago", "default:ip4=172.16.28.2");
        ROW(&c, "7ec24ad1", "exit3", "example.com/exit3", "exited deleting", "12 minutes ago",
            "12 minutes ago", "");
        ROW(&c, "8b96c863", "renamed", "example.com/sleep:1.0.0", "prepared", "12 minutes ago", "",
            "");
        ROW(&c, "9c95368f", "-", "-", "aborted prepare", "a long while ago", "", "");
        assert_prints(
                &c, "UUID\t\tAPP\tIMAGE NAME\t\t\tSTATE\t\tCREATED\t\t\tSTARTED\t\tNETWORKS\n"
                    "3564ab41\tone\texample.com/sleep:1.0.0\t\tprepared\t12 minutes ago\t\t\t\t\n"
                    "\t\ttwo\texample.com/team/exit0:2.1\t\t\t\t\t\t\t\t\n"
                    "38c718a4\texit3\texample.com/exit3\t\texited\t\t12 minutes ago\t\t12 minutes "
                    "ago\t\n"
                    "7a13fb5e\tsleep\texample.com/sleep:1.0.0\t\trunning\t\t12 minutes ago\t\t12 "
                    "minutes ago\tdefault:ip4=172.16.28.2\n"
                    "7ec24ad1\texit3\texample.com/exit3\t\texited deleting\t12 minutes ago\t\t12 "
                    "minutes ago\t\n"
                    "8b96c863\trenamed\texample.com/sleep:1.0.0\t\tprepared\t12 minutes "
                    "ago\t\t\t\t\n"
                    "9c95368f\t-\t-\t\t\t\taborted prepare\ta long while ago\t\t\t\n");
}

static void short_rows_take_part_only_in_the_columns_they_have(void **state)
{
        AUTO(columns_done) struct columns c = COLUMNS_NULL;

        (void)state;
        ROW(&c, "a", "b", "c");
        ROW(&c, "a much longer cell that ends its row");
        ROW(&c, "12345678", "b");
        assert_prints(&c, "a\tb\tc\na much longer cell that ends its row\n12345678\tb\n");
}

static void width_counts_characters_and_control_bytes_are_masked(void **state)
{
        AUTO(columns_done) struct columns c = COLUMNS_NULL;

        (void)state;
        ROW(&c, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4", "x");
        ROW(&c, "\x1b[2J\t\n", "y");
        assert_prints(&c,
                      "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\tx\n?[2J??\ty\n");
}

static void nothing_prints_nothing(void **state)
{
        AUTO(columns_done) struct columns c = COLUMNS_NULL;

        (void)state;
        assert_prints(&c, "");
}

static void full_buffer_is_reported(void **state)
{
        AUTO(columns_done) struct columns c = COLUMNS_NULL;
        AUTO(buf_done) struct buf out = BUF_NULL(4);

        (void)state;
        ROW(&c, "abc", "def");
        assert_int_equal(columns_print(&c, &out), -ENOBUFS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(list_matches_rkt_byte_for_byte),
                cmocka_unit_test(short_rows_take_part_only_in_the_columns_they_have),
                cmocka_unit_test(width_counts_characters_and_control_bytes_are_masked),
                cmocka_unit_test(nothing_prints_nothing),
                cmocka_unit_test(full_buffer_is_reported),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
