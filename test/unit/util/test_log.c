/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "test.h"
#include "util/auto.h"

static void control_characters_do_not_reach_the_terminal(void **state)
{
        static const char expected[] = "test: user \"?[31mevil?\" \t\xc3\xa9\n";
        AUTO_CLOSE int saved = -1;
        char line[256] = "";
        int ends[2];
        ssize_t n;

        (void)state;
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        saved = dup(STDERR_FILENO);
        assert_return_code(dup2(ends[1], STDERR_FILENO), 0);
        log_init("test", LOG_LEVEL_INFO);
        log_error("user \"%s\" \t\xc3\xa9", "\033[31mevil\n");
        assert_return_code(dup2(saved, STDERR_FILENO), 0);
        n = read(ends[0], line, sizeof(line) - 1);
        close(ends[0]);
        close(ends[1]);
        assert_int_equal(n, sizeof(expected) - 1);
        assert_string_equal(line, expected);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(control_characters_do_not_reach_the_terminal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
