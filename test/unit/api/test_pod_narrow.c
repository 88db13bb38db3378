/* SPDX-License-Identifier: Apache-2.0 */
/* What look-ups find is what going through all pods finds, whatever the filters. */
#include "node.h"

#include "api/pod_narrow.h"
#include "util/mem.h"

enum { N_PODS = 40, ROUNDS = 300 };

static const char *const dirs[] = { "prepared", "run", "exited-garbage", "run", "embryo" };
static int locks[N_PODS];

static char *pod_id(int k)
{
        return xasprintf("%08x-0000-4000-8000-%012d", (unsigned)k * 2654435761u, k);
}

/* Pods in five states, with one or two of seven apps; those that run are in nested cgroups. */
static void make_pods(struct node *n)
{
        for (int k = 0; k < N_PODS; k++) {
                AUTO_FREE char *id = pod_id(k);
                AUTO_FREE char *manifest = xasprintf(
                        "{\"acVersion\":\"0.8.11\",\"acKind\":\"PodManifest\",\"apps\":[{\"name\":"
                        "\"app%d\",\"image\":{\"id\":\"sha512-%064d\"}},{\"name\":\"web\",\"image\":"
                        "{\"id\":\"sha512-%064d\"}}]}",
                        k % 7, k, k);
                AUTO_FREE char *cgroup = xasprintf("/a/%d/%d", k % 3, k);
                const char *dir = dirs[k % 5];

                node_pod(n, dir, id);
                node_file(n, dir, id, "pod", manifest);
                node_file(n, dir, id, "subcgroup", cgroup);
                node_file(n, dir, id, "pid", "1");
                locks[k] = k % 5 == 1 ? node_lock(n, dir, id) : -1;
        }
}

static void drop_locks(void)
{
        for (int k = 0; k < N_PODS; k++)
                closep(&locks[k]);
}

/* A filter of random fields; its strings are xasprintf'ed into @texts. */
struct random_filter {
        V1alpha__PodFilter filter;
        char *ids[4], *apps[2], *cgroups[3], *subs[3];
        V1alpha__PodState states[3];
};

static size_t fill(char **to, size_t max, const char *fmt, int modulus)
{
        size_t n = (size_t)rand() % (max + 1);

        for (size_t i = 0; i < n; i++) {
                int k = rand() % modulus;

                to[i] = fmt ? xasprintf("%s%d", fmt, k) : pod_id(k);
        }
        return n;
}

static void random_filter(struct random_filter *f)
{
        *f = (struct random_filter){ .ids = { NULL } };
        v1alpha__pod_filter__init(&f->filter);
        if (rand() % 3 == 0)
                f->filter.n_ids = fill(f->ids, 4, NULL, N_PODS + 5);
        if (rand() % 3 == 0)
                f->filter.n_app_names = fill(f->apps, 2, "app", 8);
        if (rand() % 4 == 0)
                f->filter.n_cgroups = fill(f->cgroups, 3, "/a/1/", N_PODS);
        if (rand() % 4 == 0)
                f->filter.n_pod_sub_cgroups = fill(f->subs, 3, "/a/1/16/", 3);
        if (rand() % 3 == 0)
                f->filter.n_states = (size_t)rand() % 4;
        for (size_t i = 0; i < f->filter.n_states; i++)
                f->states[i] = (V1alpha__PodState)(rand() % 11 - 1);
        f->filter.ids = f->ids;
        f->filter.app_names = f->apps;
        f->filter.cgroups = f->cgroups;
        f->filter.pod_sub_cgroups = f->subs;
        f->filter.states = f->states;
}

static void free_filter(struct random_filter *f)
{
        for (size_t i = 0; i < 4; i++)
                free(f->ids[i]);
        for (size_t i = 0; i < 2; i++)
                free(f->apps[i]);
        for (size_t i = 0; i < 3; i++) {
                free(f->cgroups[i]);
                free(f->subs[i]);
        }
}

/* Returns how many pods were found. */
static size_t compare(struct node *n, V1alpha__PodFilter **filters, size_t n_filters)
{
        AUTO(pod_filters_freep) struct pod_filters *prepared = NULL;
        AUTO_FREE const struct pod_record **found = NULL;
        V1alpha__ListPodsRequest wanted;
        const struct pod_record *r;
        size_t count, k = 0;
        struct err e;

        v1alpha__list_pods_request__init(&wanted);
        wanted.filters = filters;
        wanted.n_filters = n_filters;
        if (!pod_narrow_is_cheap(n->pods, &wanted))
                return 0;
        assert_ok(pod_filters_new(filters, n_filters, &prepared, &e), &e);
        count = pod_narrow_find(n->pods, &wanted, prepared, &found);
        for (size_t at = 0; (r = pod_index_next(n->pods, &at));) {
                if (!pod_filters_match(prepared, &r->encoded))
                        continue;
                assert_true(k < count);
                assert_ptr_equal(found[k++], r);
        }
        assert_int_equal(k, count);
        return count;
}

static void look_ups_find_what_a_walk_finds(void **state)
{
        AUTO_NODE n;
        size_t found = 0;

        (void)state;
        srand(7);
        node_init(&n);
        make_pods(&n);
        node_sync(&n);
        assert_int_equal(pod_index_count(n.pods), N_PODS);
        for (unsigned round = 0; round < ROUNDS; round++) {
                struct random_filter a, b;

                random_filter(&a);
                random_filter(&b);
                found += compare(&n, (V1alpha__PodFilter *[]){ &a.filter, &b.filter },
                                 1 + round % 2);
                free_filter(&a);
                free_filter(&b);
        }
        assert_true(found > ROUNDS / 10);
        drop_locks();
}

static void changes_move_pods_from_look_up_to_look_up(void **state)
{
        AUTO_NODE n;
        V1alpha__PodFilter filter;
        V1alpha__PodState wanted = V1ALPHA__POD_STATE__POD_STATE_PREPARED;
        V1alpha__PodFilter *filters[] = { &filter };

        (void)state;
        node_init(&n);
        v1alpha__pod_filter__init(&filter);
        filter.states = &wanted;
        filter.n_states = 1;
        node_pod(&n, "prepared", POD_1);
        node_sync(&n);
        assert_int_equal(compare(&n, filters, 1), 1);
        node_move(&n, "prepared", "run", POD_1);
        node_sync(&n);
        assert_int_equal(compare(&n, filters, 1), 0);
        wanted = V1ALPHA__POD_STATE__POD_STATE_EXITED;
        assert_int_equal(compare(&n, filters, 1), 1);
        node_remove(&n, "data/pods/run/" POD_1);
        node_sync(&n);
        assert_int_equal(compare(&n, filters, 1), 0);
}

static bool is_cheap(struct node *n, V1alpha__PodFilter *filter)
{
        V1alpha__ListPodsRequest wanted;

        v1alpha__list_pods_request__init(&wanted);
        wanted.filters = &filter;
        wanted.n_filters = 1;
        return pod_narrow_is_cheap(n->pods, &wanted);
}

static void what_names_nothing_or_too_much_is_not_looked_up(void **state)
{
        enum { SLASHES = 100000 };
        AUTO_NODE n;
        AUTO_FREE char *slashes = xcalloc(SLASHES + 1, 1);
        AUTO_FREE char **ids = xcalloc(SLASHES, sizeof(*ids));
        V1alpha__PodFilter filter;

        (void)state;
        node_init(&n);
        node_sync(&n);
        v1alpha__pod_filter__init(&filter);
        assert_false(is_cheap(&n, &filter));
        memset(slashes, '/', SLASHES);
        filter.pod_sub_cgroups = &slashes;
        filter.n_pod_sub_cgroups = 1;
        assert_false(is_cheap(&n, &filter));
        slashes[20] = '\0';
        assert_true(is_cheap(&n, &filter));
        filter.n_pod_sub_cgroups = 0;
        for (size_t i = 0; i < SLASHES; i++)
                ids[i] = slashes;
        filter.ids = ids;
        filter.n_ids = SLASHES;
        assert_false(is_cheap(&n, &filter));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(look_ups_find_what_a_walk_finds),
                cmocka_unit_test(changes_move_pods_from_look_up_to_look_up),
                cmocka_unit_test(what_names_nothing_or_too_much_is_not_looked_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
