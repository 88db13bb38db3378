/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/cgroup_path.h"

static bool contains(const char *outer, const char *inner)
{
        return cgroup_path_contains(text_of(outer), text_of(inner));
}

static void a_cgroup_holds_what_is_below_it_and_root_only_itself(void **state)
{
        (void)state;
        assert_true(contains("/a/b", "/a/b"));
        assert_true(contains("/a/b", "/a/b/"));
        assert_true(contains("/a/b", "/a/b/c/d"));
        assert_false(contains("/a/b", "/a/bc"));
        assert_false(contains("/a/b", "/a"));
        assert_false(contains("/a/b", "a/b"));
        assert_false(contains("", "/a"));
        assert_false(contains("", ""));
        assert_true(contains("/", "/"));
        assert_false(contains("/", "/a"));
        assert_false(contains("/", "//a"));
}

/* Whatever contains a path, and is not the path itself, is met on the way out. */
static void the_way_out_meets_all_that_contain_it(void **state)
{
        static const char *const paths[] = { "/a/b/c", "/a",    "/",   "",
                                             "/a/",    "/a//b", "a/b", "//a/b/" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                struct text path = text_of(paths[i]), at = path;

                for (size_t len = path.len; len-- > 1;) {
                        struct text outer = { path.s, len };

                        if (!cgroup_path_contains(outer, path))
                                continue;
                        at = cgroup_path_outer(at);
                        while (at.len > len)
                                at = cgroup_path_outer(at);
                        assert_int_equal(at.len, len);
                }
                for (unsigned turns = 0; at.len > 0; turns++) {
                        assert_true(turns < 10);
                        at = cgroup_path_outer(at);
                }
        }
}

static void the_way_out_of_a_path_goes_by_its_slashes(void **state)
{
        struct text at = text_of("/system.slice/x");

        (void)state;
        at = cgroup_path_outer(at);
        assert_true(text_equal(at, text_of("/system.slice")));
        at = cgroup_path_outer(at);
        assert_int_equal(at.len, 0);
        at = cgroup_path_outer(at);
        assert_int_equal(at.len, 0);
}

/* However the set finds out: the same as asking for one after the other. */
static void a_set_answers_as_its_members_do(void **state)
{
        static char *const paths[] = { "/a/b/c", "/a-b",   "/a.b/c", "/a",     "/",
                                       "",       "/b\xff", "/a/b!",  "/a/",    "/a//b",
                                       "a/b",    "//a/b/", "/a0",    "/b/c/d", "/a/b" };

        (void)state;
        for (unsigned chosen = 0; chosen < 1u << ARRAY_LEN(paths); chosen++) {
                char *some[ARRAY_LEN(paths)];
                struct cgroup_set set;
                size_t n = 0;

                for (size_t i = 0; i < ARRAY_LEN(paths); i++)
                        if (chosen >> i & 1)
                                some[n++] = paths[i];
                cgroup_set_init(&set, some, n);
                for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                        bool any = n == 0;

                        for (size_t k = 0; k < n; k++)
                                any = any || contains(paths[i], some[k]);
                        assert_int_equal(cgroup_set_passes(&set, text_of(paths[i])), any);
                }
                cgroup_set_done(&set);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_cgroup_holds_what_is_below_it_and_root_only_itself),
                cmocka_unit_test(the_way_out_meets_all_that_contain_it),
                cmocka_unit_test(the_way_out_of_a_path_goes_by_its_slashes),
                cmocka_unit_test(a_set_answers_as_its_members_do),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
