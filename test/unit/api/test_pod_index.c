/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

static void an_empty_node_has_no_pods(void **state)
{
        AUTO_NODE n;
        struct err e;

        (void)state;
        node_init(&n);
        node_sync(&n);
        assert_int_equal(pod_index_count(n.pods), 0);
        assert_ok(pod_index_check(n.pods, &e), &e);
}

static void pods_appear_move_and_go(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        node_init(&n);
        node_pod(&n, "prepare", POD_1);
        assert_string_equal(node_state(&n, POD_1), "aborted prepare");
        fd = node_lock(&n, "prepare", POD_1);
        assert_string_equal(node_state(&n, POD_1), "preparing");
        node_move(&n, "prepare", "prepared", POD_1);
        assert_string_equal(node_state(&n, POD_1), "prepared");
        node_move(&n, "prepared", "run", POD_1);
        assert_string_equal(node_state(&n, POD_1), "running");
        (void)close(fd);
        assert_string_equal(node_state(&n, POD_1), "exited");
        node_move(&n, "run", "exited-garbage", POD_1);
        assert_string_equal(node_state(&n, POD_1), "exited garbage");
        fd = node_lock(&n, "exited-garbage", POD_1);
        assert_string_equal(node_state(&n, POD_1), "exited deleting");
        node_remove(&n, "data/pods/exited-garbage/" POD_1);
        assert_string_equal(node_state(&n, POD_1), "none");
        (void)close(fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_empty_node_has_no_pods),
                cmocka_unit_test(pods_appear_move_and_go),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
