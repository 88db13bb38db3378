/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/lookup.h"

static size_t count(const struct lookup *l, const char *text)
{
        size_t n, met = 0;

        for (const struct lookup_node *at = lookup_find(l, text_of(text), &n); at; at = at->next)
                met++;
        assert_int_equal(met, n);
        return n;
}

static void items_are_found_by_their_text(void **state)
{
        struct lookup l = LOOKUP_NULL;
        struct lookup_node nodes[4];
        int items[4];

        (void)state;
        lookup_add(&l, &nodes[0], text_of("web"), &items[0]);
        lookup_add(&l, &nodes[1], text_of("web"), &items[1]);
        lookup_add(&l, &nodes[2], text_of("db"), &items[2]);
        lookup_add(&l, &nodes[3], text_of(""), &items[3]);
        assert_int_equal(count(&l, "web"), 2);
        assert_ptr_equal(lookup_find(&l, text_of("db"), NULL)->item, &items[2]);
        assert_ptr_equal(lookup_find(&l, (struct text){ NULL, 0 }, NULL)->item, &items[3]);
        assert_int_equal(count(&l, "we"), 0);
        assert_int_equal(count(&l, "web2"), 0);
        for (size_t i = 0; i < 4; i++)
                lookup_remove(&l, &nodes[i]);
        lookup_done(&l);
}

static void removing_one_leaves_the_others(void **state)
{
        enum { N = 100 };
        struct lookup l = LOOKUP_NULL;
        struct lookup_node nodes[N];

        (void)state;
        for (size_t i = 0; i < N; i++)
                lookup_add(&l, &nodes[i], text_of("web"), &nodes[i]);
        for (size_t i = 0; i < N; i += 2)
                lookup_remove(&l, &nodes[i]);
        assert_int_equal(count(&l, "web"), N / 2);
        for (const struct lookup_node *at = lookup_find(&l, text_of("web"), NULL); at;
             at = at->next)
                assert_int_equal(((struct lookup_node *)at->item - nodes) % 2, 1);
        for (size_t i = 1; i < N; i += 2)
                lookup_remove(&l, &nodes[i]);
        assert_int_equal(count(&l, "web"), 0);
        lookup_remove(&l, &nodes[1]); /* once more does no harm */
        lookup_done(&l);
}

static void texts_need_not_end_with_nul(void **state)
{
        struct lookup l = LOOKUP_NULL;
        struct lookup_node node;

        (void)state;
        lookup_add(&l, &node, (struct text){ "website", 3 }, &node);
        assert_int_equal(count(&l, "web"), 1);
        assert_int_equal(count(&l, "website"), 0);
        lookup_remove(&l, &node);
        lookup_done(&l);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(items_are_found_by_their_text),
                cmocka_unit_test(removing_one_leaves_the_others),
                cmocka_unit_test(texts_need_not_end_with_nul),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
