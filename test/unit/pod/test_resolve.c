/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>

#include "pod/view.h"
#include "fixture.h"

static const unsigned ALL = POD_DIRS_ALL;

static void assert_resolves(struct world *w, const char *text, const struct pod *want)
{
        struct uuid got = { 0 };
        struct err e;

        assert_ok(pod_resolve(&w->s, ALL, text, &got, &e), &e);
        assert_string_equal(got.text, want->uuid.text);
}

/* A pod directory with a chosen UUID, exited. */
static void make(struct world *w, enum pod_dir dir, const char *uuid)
{
        AUTO_POD struct pod p = { .fd = -1 };

        assert_int_equal(mkdirat(w->s.dir_fd[dir], uuid, 0750), 0);
        p.fd = fs_open_dir(w->s.dir_fd[dir], uuid);
        fill(&p);
}

static void a_whole_uuid_is_found_in_any_case(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 0);
        char upper[64];

        (void)state;
        for (size_t i = 0; i <= UUID_TEXT_LEN; i++)
                upper[i] = (char)toupper((unsigned char)p.uuid.text[i]);
        assert_resolves(&w, p.uuid.text, &p);
        assert_resolves(&w, upper, &p);
}

static void a_prefix_must_fit_exactly_one_pod(void **state)
{
        AUTO_WORLD struct world w = world_new();
        struct uuid got;
        struct err e;

        (void)state;
        make(&w, POD_DIR_RUN, "abcd0000-0000-4000-8000-000000000001");
        make(&w, POD_DIR_RUN, "abcd0000-0000-4000-8000-000000000002");
        make(&w, POD_DIR_PREPARED, "abce0000-0000-4000-8000-000000000001");
        assert_ok(pod_resolve(&w.s, ALL, "ABCE", &got, &e), &e);
        assert_string_equal(got.text, "abce0000-0000-4000-8000-000000000001");
        assert_err(pod_resolve(&w.s, ALL, "abcd", &got, &e), &e, ERR_AMBIGUOUS,
                   "ambiguous uuid, 2 matches");
        assert_err(pod_resolve(&w.s, ALL, "abc", &got, &e), &e, ERR_AMBIGUOUS,
                   "ambiguous uuid, 3 matches");
        assert_ok(pod_resolve(&w.s, POD_DIR_BIT(POD_DIR_PREPARED), "abc", &got, &e), &e);
}

static void what_fits_nothing_is_not_found(void **state)
{
        static const char *const texts[] = {
                "", "x", "../run", "abcd", "abcd0000-0000-4000-8000-000000000001", "%s%n"
        };
        AUTO_WORLD struct world w = world_new();

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                AUTO_FREE char *want = xasprintf("no matches found for \"%s\"", texts[i]);
                struct uuid got;
                struct err e;

                assert_err(pod_resolve(&w.s, ALL, texts[i], &got, &e), &e, ERR_NOT_FOUND, want);
        }
}

static void other_directories_do_not_count(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited_garbage(&w);
        struct uuid got;
        struct err e;

        (void)state;
        assert_int_equal(pod_resolve(&w.s, POD_DIR_BIT(POD_DIR_RUN), p.uuid.text, &got, &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void a_name_is_as_good_as_a_uuid(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod a = prepared(&w), b = prepared(&w), c = prepared(&w);

        (void)state;
        (void)c;
        put(&a, "pod", NAMED("blue"));
        put(&b, "launch.json", "{\"name\":\"green\"}");
        assert_resolves(&w, "blue", &a);
        assert_resolves(&w, "Green", &b);
}

static void of_a_shared_name_the_living_pod_is_meant(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod old = exited(&w, 0), older = exited(&w, 0), now = running(&w, 1);
        struct uuid got;
        struct err e;

        (void)state;
        put(&old, "pod", NAMED("web"));
        put(&older, "pod", NAMED("web"));
        assert_err(pod_resolve(&w.s, ALL, "web", &got, &e), &e, ERR_AMBIGUOUS,
                   "ambiguous name, 2 matches");
        put(&now, "pod", NAMED("web"));
        assert_resolves(&w, "web", &now);
}

/* `rm abcd` must not take the pod abcd… for the pod called abcd. */
static void a_name_that_is_another_pods_prefix_is_ambiguous(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = prepared(&w);
        struct uuid got;
        struct err e;

        (void)state;
        put(&p, "pod", NAMED("abcd"));
        assert_resolves(&w, "abcd", &p);
        make(&w, POD_DIR_RUN, "abcd0000-0000-4000-8000-000000000001");
        assert_err(pod_resolve(&w.s, ALL, "abcd", &got, &e), &e, ERR_AMBIGUOUS,
                   "ambiguous uuid, 2 matches");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_whole_uuid_is_found_in_any_case),
                cmocka_unit_test(a_prefix_must_fit_exactly_one_pod),
                cmocka_unit_test(what_fits_nothing_is_not_found),
                cmocka_unit_test(other_directories_do_not_count),
                cmocka_unit_test(a_name_is_as_good_as_a_uuid),
                cmocka_unit_test(of_a_shared_name_the_living_pod_is_meant),
                cmocka_unit_test(a_name_that_is_another_pods_prefix_is_ambiguous),
        };
        return cmocka_run_group_tests_name("pod/resolve", tests, NULL, NULL);
}
