/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/cli.h"
#include "cli/complete.h"

#define WORDS(...) ((char *[]){ __VA_ARGS__ }), sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *)

/* The candidates without their descriptions, separated by blanks. */
static void expect(const char *want, char *const *words, size_t n)
{
        AUTO_FREE char *text = NULL;
        char got[4096] = "";
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        complete_words(f, words, n);
        (void)fclose(f);
        for (const char *p = text; *p; p += strcspn(p, "\n") + 1) {
                size_t used = strlen(got);

                (void)snprintf(got + used, sizeof(got) - used, "%s%.*s", used ? " " : "",
                               (int)strcspn(p, "\t\n"), p);
        }
        assert_string_equal(got, want);
}

static void commands_are_completed(void **state)
{
        (void)state;
        expect("image", WORDS("im"));
        expect("run run-prepared", WORDS("run"));
        expect("cat-manifest gc list rm", WORDS("image", ""));
        expect("gc", WORDS("im", "g"));
        expect("run run-prepared", WORDS("help", "run"));
        expect("", WORDS("no-such", ""));
}

static void options_are_completed(void **state)
{
        (void)state;
        expect("--detach", WORDS("run", "--det"));
        expect("--dir=", WORDS("--di"));
        expect("--dir=", WORDS("--debug", "list", "--di"));
        expect("--net=", WORDS("run", "--net"));
        expect("", WORDS("run", "--stage1"));
        expect("--format=json --format=json-pretty", WORDS("list", "--format="));
        expect("json json-pretty", WORDS("list", "--format", ""));
        expect("--detach=true --detach=false", WORDS("run", "--detach="));
        expect("", WORDS("run", "--none="));
}

static void types_of_events_are_completed(void **state)
{
        (void)state;
        expect("pod pod-prepared pod-prepare-aborted pod-started pod-exited pod-garbage-collected",
               WORDS("events", "--type", "po"));
        expect("--type=app --type=app-started --type=app-exited", WORDS("events", "--type=a"));
        expect("--type=pod,app-exited", WORDS("events", "--type=pod,app-e"));
        expect("pod,app,image pod,app,image-imported pod,app,image-removed",
               WORDS("events", "--type", "pod,app,i"));
        expect("", WORDS("events", "--type", "pod-started,x"));
}

static void files_are_left_to_the_shell(void **state)
{
        (void)state;
        expect(":files", WORDS("fetch", ""));
        expect(":files", WORDS("fetch", "a", "b"));
        expect(":files", WORDS("run", "--pod-manifest", ""));
        expect(":dirs", WORDS("--dir", ""));
        expect(":files", WORDS("run", "x", "--", "a", "b"));
}

static void after_the_end_of_an_apps_arguments_options_follow(void **state)
{
        (void)state;
        expect("--name=", WORDS("run", "x", "--", "a", "---", "--name"));
}

static void a_missing_data_directory_has_no_pods(void **state)
{
        (void)state;
        expect("", WORDS("--dir=/nonexistent", "status", ""));
        assert_string_equal(cli_globals.dir, "/nonexistent");
        expect("", WORDS("--dir", "/nonexistent", "logs", "pod", ""));
        expect(":files", WORDS("--dir=/nonexistent", "run", ""));
        expect("", WORDS("--dir=/nonexistent", "image", "rm", ""));
}

static void there_are_three_scripts(void **state)
{
        (void)state;
        assert_non_null(completion_script("bash"));
        assert_non_null(completion_script("zsh"));
        assert_non_null(completion_script("fish"));
        assert_null(completion_script("sh"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(commands_are_completed),
                cmocka_unit_test(options_are_completed),
                cmocka_unit_test(types_of_events_are_completed),
                cmocka_unit_test(files_are_left_to_the_shell),
                cmocka_unit_test(after_the_end_of_an_apps_arguments_options_follow),
                cmocka_unit_test(a_missing_data_directory_has_no_pods),
                cmocka_unit_test(there_are_three_scripts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
