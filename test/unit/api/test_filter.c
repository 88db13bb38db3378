/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/encoded.h"
#include "api/filter.h"
#include "util/limits.h"
#include "util/mem.h"

#define STRINGS(...)                                                                               \
        (char *[])                                                                                 \
        {                                                                                          \
                __VA_ARGS__                                                                        \
        }
#define KV(k, v)                                                                                   \
        (&(V1alpha__KeyValue){ .base = PROTOBUF_C_MESSAGE_INIT(&v1alpha__key_value__descriptor),   \
                               .key = (k),                                                         \
                               .value = (v) })
#define PAIRS(...)                                                                                 \
        (V1alpha__KeyValue *[])                                                                    \
        {                                                                                          \
                __VA_ARGS__                                                                        \
        }

/* The generated initializers cast const away. */
#define EMPTY(type, what)                                                                          \
        ({                                                                                         \
                V1alpha__##type empty_;                                                            \
                v1alpha__##what##__init(&empty_);                                                  \
                empty_;                                                                            \
        })
#define EMPTY_POD   EMPTY(Pod, pod)
#define EMPTY_IMAGE EMPTY(Image, image)
#define EMPTY_APP   EMPTY(App, app)

#define ID_A        "11111111-2222-4333-8444-555555555555"
#define ID_B        "11111111-2222-4333-8444-555555555556"

static V1alpha__Pod sample_pod(void)
{
        static V1alpha__Image images[2];
        static V1alpha__App apps[2];
        static V1alpha__App *app_list[] = { &apps[0], &apps[1] };
        static V1alpha__Network nets[2];
        static V1alpha__Network *net_list[] = { &nets[0], &nets[1] };
        static V1alpha__KeyValue first, second, again;
        static V1alpha__KeyValue *annotations[] = { &first, &second, &again };
        V1alpha__Pod pod = EMPTY_POD;

        for (size_t i = 0; i < 2; i++) {
                v1alpha__image__init(&images[i]);
                v1alpha__app__init(&apps[i]);
                v1alpha__network__init(&nets[i]);
                apps[i].image = &images[i];
        }
        apps[0].name = "web";
        apps[1].name = "client";
        images[0].id = "sha512-aa";
        images[1].id = "sha512-bb";
        nets[0].name = "default";
        nets[1].name = "storage";
        first = *KV("role", "front");
        second = *KV("tier", "");
        again = *KV("role", "back");
        pod.id = ID_A;
        pod.state = V1ALPHA__POD_STATE__POD_STATE_RUNNING;
        pod.cgroup = "/carob/" ID_A;
        pod.n_apps = pod.n_networks = 2;
        pod.apps = app_list;
        pod.networks = net_list;
        pod.n_annotations = 3;
        pod.annotations = annotations;
        return pod;
}

static V1alpha__Image sample_image(void)
{
        static V1alpha__KeyValue version, arch, created;
        static V1alpha__KeyValue *labels[] = { &version, &arch };
        static V1alpha__KeyValue *annotations[] = { &created };
        V1alpha__Image image = EMPTY_IMAGE;

        version = *KV("version", "3.5");
        arch = *KV("arch", "amd64");
        created = *KV("created", "2026-01-01T00:00:00Z");
        image.id = "sha512-aa";
        image.name = "coreos.com/etcd";
        image.version = "3.5";
        image.import_timestamp = 1000;
        image.n_labels = 2;
        image.labels = labels;
        image.n_annotations = 1;
        image.annotations = annotations;
        return image;
}

static bool pod_match(V1alpha__PodFilter *const *filters, size_t n, const V1alpha__Pod *pod)
{
        AUTO(pod_filters_freep) struct pod_filters *set = NULL;
        AUTO(encoded_done) struct encoded record = ENCODED_NULL;
        struct err e;
        bool any = n == 0, r;

        encoded_init_pod_message(&record, pod);
        assert_ok(pod_filters_new(filters, n, &set, &e), &e);
        r = pod_filters_match(set, &record);
        for (size_t i = 0; i < n; i++)
                any |= pod_filters_match_one(set, i, &record);
        assert_int_equal(any, r);
        assert_int_equal(pod_filters_match(set, &record), r); /* nothing stays behind */
        return r;
}

static bool image_match(V1alpha__ImageFilter *const *filters, size_t n, const V1alpha__Image *image)
{
        AUTO(image_filters_freep) struct image_filters *set = NULL;
        AUTO(encoded_done) struct encoded record = ENCODED_NULL;
        struct err e;
        bool any = n == 0, r;

        encoded_init_image_message(&record, image);
        assert_ok(image_filters_new(filters, n, &set, &e), &e);
        r = image_filters_match(set, &record);
        for (size_t i = 0; i < n; i++)
                any |= image_filters_match_one(set, i, &record);
        assert_int_equal(any, r);
        assert_int_equal(image_filters_match(set, &record), r);
        return r;
}

struct pod_case {
        const char *what;
        V1alpha__PodFilter filter;
        bool matches;
};

#define POD(...)                                                                                   \
        {                                                                                          \
                .base = PROTOBUF_C_MESSAGE_INIT(&v1alpha__pod_filter__descriptor), __VA_ARGS__     \
        }
#define IDS(...) POD(.n_ids = ARRAY_LEN(STRINGS(__VA_ARGS__)), .ids = STRINGS(__VA_ARGS__))
#define APPS(...)                                                                                  \
        POD(.n_app_names = ARRAY_LEN(STRINGS(__VA_ARGS__)), .app_names = STRINGS(__VA_ARGS__))
#define IMAGE_IDS(...)                                                                             \
        POD(.n_image_ids = ARRAY_LEN(STRINGS(__VA_ARGS__)), .image_ids = STRINGS(__VA_ARGS__))
#define NETWORKS(...)                                                                              \
        POD(.n_network_names = ARRAY_LEN(STRINGS(__VA_ARGS__)),                                    \
            .network_names = STRINGS(__VA_ARGS__))
#define CGROUPS(...)                                                                               \
        POD(.n_cgroups = ARRAY_LEN(STRINGS(__VA_ARGS__)), .cgroups = STRINGS(__VA_ARGS__))
#define SUB_CGROUPS(...)                                                                           \
        POD(.n_pod_sub_cgroups = ARRAY_LEN(STRINGS(__VA_ARGS__)),                                  \
            .pod_sub_cgroups = STRINGS(__VA_ARGS__))
#define ANNOTATIONS(...)                                                                           \
        POD(.n_annotations = ARRAY_LEN(PAIRS(__VA_ARGS__)), .annotations = PAIRS(__VA_ARGS__))
#define STATES(...)                                                                                \
        POD(.n_states = ARRAY_LEN(((V1alpha__PodState[]){ __VA_ARGS__ })),                         \
            .states = (V1alpha__PodState[]){ __VA_ARGS__ })

#define RUNNING V1ALPHA__POD_STATE__POD_STATE_RUNNING
#define EXITED  V1ALPHA__POD_STATE__POD_STATE_EXITED

static void every_field_of_a_pod_filter_decides(void **state)
{
        V1alpha__Pod pod = sample_pod();
        struct pod_case cases[] = {
                { "empty filter", POD(), true },
                { "id", IDS(ID_A), true },
                { "any of the ids", IDS("zz", ID_A, ID_B), true },
                { "other id", IDS(ID_B), false },
                { "a prefix is no id", IDS("11111111"), false },
                { "an id in capitals", IDS("11111111-2222-4333-8444-55555555555A"), false },
                { "empty id", IDS(""), false },
                { "state", STATES(RUNNING), true },
                { "any of the states", STATES(EXITED, RUNNING), true },
                { "other state", STATES(EXITED), false },
                { "undefined state", STATES(V1ALPHA__POD_STATE__POD_STATE_UNDEFINED), false },
                { "a state nobody knows", STATES((V1alpha__PodState)99), false },
                { "a negative state", STATES((V1alpha__PodState)-1), false },
                { "app", APPS("client"), true },
                { "all apps", APPS("client", "web"), true },
                { "one app missing", APPS("web", "db"), false },
                { "image id", IMAGE_IDS("sha512-bb"), true },
                { "all image ids", IMAGE_IDS("sha512-bb", "sha512-aa"), true },
                { "one image id missing", IMAGE_IDS("sha512-bb", "sha512-cc"), false },
                { "an image id's prefix", IMAGE_IDS("sha512-b"), false },
                { "network", NETWORKS("storage"), true },
                { "all networks", NETWORKS("storage", "default"), true },
                { "one network missing", NETWORKS("storage", "host"), false },
                { "annotation", ANNOTATIONS(KV("role", "front")), true },
                { "annotation with an empty value", ANNOTATIONS(KV("tier", "")), true },
                { "all annotations", ANNOTATIONS(KV("role", "front"), KV("tier", "")), true },
                { "one annotation missing", ANNOTATIONS(KV("role", "front"), KV("x", "")), false },
                { "the same annotation twice",
                  ANNOTATIONS(KV("role", "front"), KV("role", "front")), true },
                { "one key cannot have two values",
                  ANNOTATIONS(KV("role", "front"), KV("role", "back")), false },
                { "an annotation without key", ANNOTATIONS(KV("", "")), false },
                { "the same app twice", APPS("web", "web"), true },
                { "more apps than there are", APPS("a", "client", "db", "web"), false },
                { "only the first of one key counts", ANNOTATIONS(KV("role", "back")), false },
                { "annotation of another value", ANNOTATIONS(KV("role", "fron")), false },
                { "cgroup", CGROUPS("/carob/" ID_A), true },
                { "any of the cgroups", CGROUPS("/x", "/carob/" ID_A), true },
                { "parent cgroup", CGROUPS("/carob"), false },
                { "cgroup inside the pod's", SUB_CGROUPS("/carob/" ID_A "/web"), true },
                { "the pod's own cgroup", SUB_CGROUPS("/carob/" ID_A), true },
                { "any of the inner cgroups", SUB_CGROUPS("/x", "/carob/" ID_A "/web/y"), true },
                { "a longer name beside it", SUB_CGROUPS("/carob/" ID_A "6"), false },
                { "the cgroup outside of it", SUB_CGROUPS("/carob"), false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                if (pod_match(&(V1alpha__PodFilter *){ &cases[i].filter }, 1, &pod) !=
                    cases[i].matches)
                        fail_msg("%s: wanted %d", cases[i].what, cases[i].matches);
}

static void fields_of_one_pod_filter_must_all_hold(void **state)
{
        V1alpha__Pod pod = sample_pod();
        V1alpha__PodFilter both = IDS(ID_A);

        (void)state;
        both.n_states = 1;
        both.states = (V1alpha__PodState[]){ RUNNING };
        assert_true(pod_match(&(V1alpha__PodFilter *){ &both }, 1, &pod));
        both.states = (V1alpha__PodState[]){ EXITED };
        assert_false(pod_match(&(V1alpha__PodFilter *){ &both }, 1, &pod));
}

static void one_of_several_pod_filters_is_enough(void **state)
{
        V1alpha__Pod pod = sample_pod();
        V1alpha__PodFilter no = IDS(ID_B), yes = APPS("web"), never = STATES(EXITED);

        (void)state;
        assert_true(pod_match((V1alpha__PodFilter *[]){ &no, &yes }, 2, &pod));
        assert_false(pod_match((V1alpha__PodFilter *[]){ &no, &never }, 2, &pod));
}

static void no_filter_lets_everything_pass(void **state)
{
        V1alpha__Pod pod = EMPTY_POD;
        V1alpha__Image image = EMPTY_IMAGE;

        (void)state;
        assert_true(pod_match(NULL, 0, &pod));
        assert_true(image_match(NULL, 0, &image));
}

static void bare_pod_passes_only_what_asks_for_nothing(void **state)
{
        V1alpha__Pod pod = EMPTY_POD;
        V1alpha__App app = EMPTY_APP; /* an app whose image is unknown */
        struct pod_case cases[] = {
                { "empty", POD(), true },
                { "app", APPS("web"), false },
                { "image", IMAGE_IDS("sha512-aa"), false },
                { "network", NETWORKS("default"), false },
                { "annotation", ANNOTATIONS(KV("role", "front")), false },
                { "cgroup", CGROUPS("/"), false },
                { "inner cgroup", SUB_CGROUPS("/carob/x"), false },
                { "empty inner cgroup", SUB_CGROUPS(""), false },
        };

        (void)state;
        pod.n_apps = 1;
        pod.apps = (V1alpha__App *[]){ &app };
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                if (pod_match(&(V1alpha__PodFilter *){ &cases[i].filter }, 1, &pod) !=
                    cases[i].matches)
                        fail_msg("%s: wanted %d", cases[i].what, cases[i].matches);
}

struct image_case {
        const char *what;
        V1alpha__ImageFilter filter;
        bool matches;
};

#define IMG(...)                                                                                   \
        {                                                                                          \
                .base = PROTOBUF_C_MESSAGE_INIT(&v1alpha__image_filter__descriptor), __VA_ARGS__   \
        }
#define LIST(field, ...)                                                                           \
        IMG(.n_##field = ARRAY_LEN(STRINGS(__VA_ARGS__)), .field = STRINGS(__VA_ARGS__))
#define PAIR_LIST(field, ...)                                                                      \
        IMG(.n_##field = ARRAY_LEN(PAIRS(__VA_ARGS__)), .field = PAIRS(__VA_ARGS__))

static void every_field_of_an_image_filter_decides(void **state)
{
        V1alpha__Image image = sample_image();
        struct image_case cases[] = {
                { "empty filter", IMG(), true },
                { "id", LIST(ids, "sha512-aa"), true },
                { "any of the ids", LIST(ids, "sha512-bb", "sha512-aa"), true },
                { "an id's prefix", LIST(ids, "sha512-a"), false },
                { "prefix", LIST(prefixes, "coreos.com"), true },
                { "any of the prefixes", LIST(prefixes, "quay.io", "core"), true },
                { "no prefix", LIST(prefixes, "etcd"), false },
                { "prefix longer than the name", LIST(prefixes, "coreos.com/etcd/"), false },
                { "base name", LIST(base_names, "etcd"), true },
                { "any of the base names", LIST(base_names, "redis", "etcd"), true },
                { "part of a base name", LIST(base_names, "etc"), false },
                { "the whole name is no base name", LIST(base_names, "coreos.com/etcd"), false },
                { "the empty prefix", LIST(prefixes, ""), true },
                { "the empty keyword", LIST(keywords, ""), true },
                { "keyword", LIST(keywords, "os.com/et"), true },
                { "any of the keywords", LIST(keywords, "redis", "tcd"), true },
                { "no keyword", LIST(keywords, "redis"), false },
                { "the version is no part of the name", LIST(keywords, "etcd:3.5"), false },
                { "full name", LIST(full_names, "coreos.com/etcd"), true },
                { "any of the full names", LIST(full_names, "b", "coreos.com/etcd", "a"), true },
                { "part of the full name", LIST(full_names, "coreos.com/etc"), false },
                { "label", PAIR_LIST(labels, KV("version", "3.5")), true },
                { "all labels", PAIR_LIST(labels, KV("arch", "amd64"), KV("version", "3.5")),
                  true },
                { "one label missing", PAIR_LIST(labels, KV("arch", "amd64"), KV("version", "3")),
                  false },
                { "annotation", PAIR_LIST(annotations, KV("created", "2026-01-01T00:00:00Z")),
                  true },
                { "annotation missing", PAIR_LIST(annotations, KV("version", "3.5")), false },
                { "imported after", IMG(.imported_after = 999), true },
                { "after is strict", IMG(.imported_after = 1000), false },
                { "imported before", IMG(.imported_before = 1001), true },
                { "before is strict", IMG(.imported_before = 1000), false },
                { "between", IMG(.imported_after = 999, .imported_before = 1001), true },
                { "outside", IMG(.imported_after = 1001, .imported_before = 2000), false },
                { "negative times are unset",
                  IMG(.imported_after = -5, .imported_before = INT64_MIN), true },
                { "base name and prefix",
                  IMG(.n_base_names = 1, .base_names = STRINGS("etcd"), .n_prefixes = 1,
                      .prefixes = STRINGS("quay.io")),
                  false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                if (image_match(&(V1alpha__ImageFilter *){ &cases[i].filter }, 1, &image) !=
                    cases[i].matches)
                        fail_msg("%s: wanted %d", cases[i].what, cases[i].matches);
}

static void one_of_several_image_filters_is_enough(void **state)
{
        V1alpha__Image image = sample_image();
        V1alpha__ImageFilter no = LIST(ids, "x"), yes = LIST(keywords, "etcd");

        (void)state;
        assert_true(image_match((V1alpha__ImageFilter *[]){ &no, &yes }, 2, &image));
        assert_false(image_match((V1alpha__ImageFilter *[]){ &no, &no }, 2, &image));
}

static void base_name_is_what_follows_the_last_slash(void **state)
{
        static const struct {
                const char *name, *base;
        } cases[] = { { "k8s.io/etcd", "etcd" },
                      { "etcd", "etcd" },
                      { "k8s.io/etcd//", "etcd" },
                      { "a/b/c", "c" } };
        V1alpha__Image image = EMPTY_IMAGE;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_FREE char *name = xstrdup(cases[i].name);
                AUTO_FREE char *base = xstrdup(cases[i].base);
                V1alpha__ImageFilter filter = LIST(base_names, base);

                image.name = name;
                assert_true(image_match(&(V1alpha__ImageFilter *){ &filter }, 1, &image));
        }
        image.name = "";
        assert_true(image_match(
                &(V1alpha__ImageFilter *){ &(V1alpha__ImageFilter)LIST(base_names, "") }, 1,
                &image));
        image.name = "k8s.io/etcd-backup";
        assert_false(image_match(
                &(V1alpha__ImageFilter *){ &(V1alpha__ImageFilter)LIST(base_names, "etcd") }, 1,
                &image));
}

/* Sixty thousand values against hundreds of apps: what a filter costs is a sum, not a product. */
static void long_lists_on_both_sides_are_compared_right(void **state)
{
        enum { APPS_N = 500, WANTED_N = 60000 };
        AUTO_FREE V1alpha__App *apps = xcalloc(APPS_N, sizeof(*apps));
        AUTO_FREE V1alpha__App **app_list = xcalloc(APPS_N, sizeof(*app_list));
        AUTO_FREE char **wanted = xcalloc(WANTED_N, sizeof(*wanted));
        V1alpha__PodFilter filter = POD(.n_app_names = WANTED_N, .app_names = wanted);
        V1alpha__Pod pod = EMPTY_POD;
        char *last;

        (void)state;
        for (size_t i = 0; i < APPS_N; i++) {
                v1alpha__app__init(&apps[i]);
                apps[i].name = xasprintf("app-%zu", i);
                app_list[i] = &apps[i];
        }
        for (size_t i = 0; i < WANTED_N; i++)
                wanted[i] = apps[i % APPS_N].name;
        pod.apps = app_list;
        pod.n_apps = APPS_N;
        assert_true(pod_match(&(V1alpha__PodFilter *){ &filter }, 1, &pod));
        last = wanted[WANTED_N - 1];
        wanted[WANTED_N - 1] = "other";
        assert_false(pod_match(&(V1alpha__PodFilter *){ &filter }, 1, &pod));
        wanted[WANTED_N - 1] = last;
        for (size_t i = 0; i < APPS_N; i++)
                free(apps[i].name);
}

static void too_many_values_are_refused(void **state)
{
        size_t n = LIMIT_FILTER_VALUES;
        AUTO_FREE char **ids = xcalloc(n, sizeof(*ids));
        V1alpha__PodFilter pods = POD(.n_ids = n, .ids = ids);
        V1alpha__ImageFilter images = IMG(.n_keywords = n, .keywords = ids);
        struct pod_filters *pod_set = NULL;
        struct image_filters *image_set = NULL;
        struct err e;

        (void)state;
        assert_err(pod_filters_new(&(V1alpha__PodFilter *){ &pods }, 1, &pod_set, &e), &e,
                   ERR_LIMIT, "filters: 65537 values, at most 65536 are allowed");
        assert_err(image_filters_new(&(V1alpha__ImageFilter *){ &images }, 1, &image_set, &e), &e,
                   ERR_LIMIT, "filters: 65537 values, at most 65536 are allowed");
        assert_null(pod_set);
        assert_null(image_set);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_field_of_a_pod_filter_decides),
                cmocka_unit_test(fields_of_one_pod_filter_must_all_hold),
                cmocka_unit_test(one_of_several_pod_filters_is_enough),
                cmocka_unit_test(no_filter_lets_everything_pass),
                cmocka_unit_test(bare_pod_passes_only_what_asks_for_nothing),
                cmocka_unit_test(every_field_of_an_image_filter_decides),
                cmocka_unit_test(one_of_several_image_filters_is_enough),
                cmocka_unit_test(base_name_is_what_follows_the_last_slash),
                cmocka_unit_test(long_lists_on_both_sides_are_compared_right),
                cmocka_unit_test(too_many_values_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
