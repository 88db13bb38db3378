/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/encode.h"
#include "util/mem.h"

#define ID "11111111-2222-4333-8444-555555555555"

static char cgroup[] = "/carob/x", text_manifest[] = "{\"acKind\":\"PodManifest\"}";

/* A view as full as views get; all of it static, so nothing is released. */
static struct pod_view full_view(enum pod_state state)
{
        static struct pod_network nets[] = { { .name = "default", .ip4 = "172.16.28.2" },
                                             { .name = "six", .ip6 = "fd00::7" } };
        static struct kv pairs[] = { { "z", "26" }, { "a", "" } };
        static struct appc_pod_manifest manifest = { .annotations = { .v = pairs, .n = 2 } };
        static struct pod_view_app apps[2];
        struct pod_view v = {
                .uuid = { ID },
                .state = state,
                .pid = 77,
                .created_at = 1,
                .started_at = 2,
                .gc_marked_at = 3,
                .cgroup = cgroup,
                .networks = { .v = nets, .n = 2 },
                .manifest = text_manifest,
                .manifest_len = sizeof(text_manifest) - 1,
                .parsed = &manifest,
                .apps = apps,
                .n_apps = 2,
        };

        apps[0] = (struct pod_view_app){ .name = "web",
                                         .image_id = "sha512-aa",
                                         .image_name = "example.com/web",
                                         .image_version = "1.0",
                                         .format = APPC_FORMAT_DOCKER,
                                         .state = APP_RUNNING,
                                         .exit_code = -1,
                                         .annotations = &manifest.annotations };
        apps[1] = (struct pod_view_app){ .name = "job", .state = APP_EXITED, .exit_code = 3 };
        return v;
}

static void states_on_the_wire_are_those_of_the_contract(void **state)
{
        static const int numbers[] = {
                [POD_EMBRYO] = 1,         [POD_PREPARING] = 2,       [POD_ABORTED_PREPARE] = 5,
                [POD_PREPARED] = 3,       [POD_RUNNING] = 4,         [POD_EXITED] = 6,
                [POD_EXITED_GARBAGE] = 8, [POD_EXITED_DELETING] = 7, [POD_GARBAGE] = 8,
                [POD_DELETING] = 7,
        };

        (void)state;
        for (size_t i = 0; i < POD_STATE_MAX; i++)
                assert_int_equal(encode_pod_state((enum pod_state)i), numbers[i]);
}

static void unfinished_pods_show_id_and_state_only(void **state)
{
        static const enum pod_state states[] = { POD_EMBRYO, POD_PREPARING, POD_ABORTED_PREPARE };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(states); i++) {
                struct pod_view v = full_view(states[i]);
                AUTO(encode_pod_freep) V1alpha__Pod *pod = encode_pod(&v, true);

                assert_string_equal(pod->id, ID);
                assert_int_equal(pod->state, encode_pod_state(states[i]));
                /* Tag and length of the id, tag and value of the state: nothing else is encoded. */
                assert_int_equal(v1alpha__pod__get_packed_size(pod), 2 + UUID_TEXT_LEN + 2);
        }
}

static void a_running_pod_shows_everything(void **state)
{
        struct pod_view v = full_view(POD_RUNNING);
        AUTO(encode_pod_freep) V1alpha__Pod *pod = encode_pod(&v, true);

        (void)state;
        assert_int_equal(pod->pid, 77);
        assert_string_equal(pod->cgroup, "/carob/x");
        assert_int_equal(pod->created_at, 1);
        assert_int_equal(pod->started_at, 2);
        assert_int_equal(pod->gc_marked_at, 3);
        assert_int_equal(pod->n_networks, 2);
        assert_string_equal(pod->networks[0]->name, "default");
        assert_string_equal(pod->networks[0]->ipv4, "172.16.28.2");
        assert_string_equal(pod->networks[0]->ipv6, "");
        assert_string_equal(pod->networks[1]->ipv6, "fd00::7");
        assert_int_equal(pod->n_annotations, 2);
        assert_string_equal(pod->annotations[0]->key, "z");
        assert_string_equal(pod->annotations[1]->value, "");
        assert_int_equal(pod->manifest.len, v.manifest_len);
        assert_memory_equal(pod->manifest.data, v.manifest, v.manifest_len);
}

static void cgroup_and_networks_are_of_running_pods_only(void **state)
{
        (void)state;
        for (size_t i = POD_PREPARED; i < POD_STATE_MAX; i++) {
                struct pod_view v = full_view((enum pod_state)i);
                AUTO(encode_pod_freep) V1alpha__Pod *pod = encode_pod(&v, false);

                assert_int_equal(pod->n_networks, i == POD_RUNNING ? 2 : 0);
                assert_string_equal(pod->cgroup, i == POD_RUNNING ? "/carob/x" : "");
                assert_int_equal(pod->pid, 77);
                assert_int_equal(pod->n_apps, 2);
                assert_int_equal(pod->manifest.len, 0);
        }
}

static void apps_tell_their_own_state(void **state)
{
        struct pod_view v = full_view(POD_RUNNING);
        AUTO(encode_pod_freep) V1alpha__Pod *pod = encode_pod(&v, false);
        const V1alpha__App *web = pod->apps[0], *job = pod->apps[1];

        (void)state;
        assert_string_equal(web->name, "web");
        assert_int_equal(web->state, V1ALPHA__APP_STATE__APP_STATE_RUNNING);
        assert_int_equal(web->exit_code, 0);
        assert_int_equal(web->n_annotations, 2);
        assert_string_equal(web->image->id, "sha512-aa");
        assert_string_equal(web->image->name, "example.com/web");
        assert_string_equal(web->image->version, "1.0");
        assert_int_equal(web->image->base_format->type, V1ALPHA__IMAGE_TYPE__IMAGE_TYPE_DOCKER);
        assert_int_equal(job->state, V1ALPHA__APP_STATE__APP_STATE_EXITED);
        assert_int_equal(job->exit_code, 3);
        assert_null(job->image->base_format); /* nothing is known of its image */
        assert_string_equal(job->image->version, "");
}

static void past_the_run_every_app_has_exited(void **state)
{
        static const enum pod_state after[] = { POD_EXITED, POD_EXITED_GARBAGE,
                                                POD_EXITED_DELETING };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(after); i++) {
                struct pod_view v = full_view(after[i]);
                AUTO(encode_pod_freep) V1alpha__Pod *pod = encode_pod(&v, false);

                assert_int_equal(pod->apps[0]->state, V1ALPHA__APP_STATE__APP_STATE_EXITED);
                assert_int_equal(pod->apps[0]->exit_code, -1);
                assert_int_equal(pod->apps[1]->exit_code, 3);
        }
}

static void before_the_run_apps_have_no_state(void **state)
{
        static const enum pod_state before[] = { POD_PREPARED, POD_GARBAGE, POD_DELETING };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(before); i++) {
                struct pod_view v = full_view(before[i]);
                AUTO(encode_pod_freep) V1alpha__Pod *pod = NULL;

                v.apps[0].state = v.apps[1].state = APP_CREATED;
                pod = encode_pod(&v, false);
                assert_int_equal(pod->apps[0]->state, V1ALPHA__APP_STATE__APP_STATE_UNDEFINED);
                assert_int_equal(pod->apps[0]->exit_code, 0);
        }
}

static void what_is_no_manifest_is_not_shown_as_one(void **state)
{
        struct pod_view v = full_view(POD_RUNNING);
        AUTO(encode_pod_freep) V1alpha__Pod *pod = NULL;

        (void)state;
        v.parsed = NULL;
        v.n_apps = 0;
        v.cgroup = NULL;
        pod = encode_pod(&v, true);
        assert_int_equal(pod->manifest.len, 0);
        assert_int_equal(pod->n_annotations, 0);
        assert_int_equal(pod->n_apps, 0);
        assert_string_equal(pod->cgroup, "");
        assert_int_equal(pod->n_networks, 2);
}

static struct image_view sample_image(void)
{
        static struct kv labels[] = { { "version", "3.5" } };
        static struct kv annotations[] = { { "a", "b" } };
        static struct appc_image_manifest parsed = { .labels = { .v = labels, .n = 1 },
                                                     .annotations = { .v = annotations, .n = 1 } };

        return (struct image_view){
                .record = { .id = "sha512-aa",
                            .format = APPC_FORMAT_OCI,
                            .format_version = "1.0.1",
                            .name = "coreos.com/etcd",
                            .size = UINT64_MAX,
                            .imported_at = 5 * NSEC_PER_SEC + 999999999 },
                .version = "3.5",
                .manifest = text_manifest,
                .manifest_len = sizeof(text_manifest) - 1,
                .parsed = &parsed,
        };
}

static void an_image_shows_everything_and_the_manifest_on_demand(void **state)
{
        struct image_view v = sample_image();
        AUTO(encode_image_freep) V1alpha__Image *full = encode_image(&v, true);
        AUTO(encode_image_freep) V1alpha__Image *brief = encode_image(&v, false);

        (void)state;
        assert_string_equal(full->id, "sha512-aa");
        assert_string_equal(full->name, "coreos.com/etcd");
        assert_string_equal(full->version, "3.5");
        assert_int_equal(full->base_format->type, V1ALPHA__IMAGE_TYPE__IMAGE_TYPE_OCI);
        assert_string_equal(full->base_format->version, "1.0.1");
        assert_int_equal(full->import_timestamp, 5);
        assert_int_equal(full->size, INT64_MAX);
        assert_string_equal(full->labels[0]->key, "version");
        assert_string_equal(full->annotations[0]->value, "b");
        assert_int_equal(full->manifest.len, sizeof(text_manifest) - 1);
        assert_int_equal(brief->manifest.len, 0);
        assert_int_equal(brief->n_labels, 1);
}

static void text_is_always_utf8(void **state)
{
        struct pod_view v = full_view(POD_RUNNING);
        AUTO(encode_pod_freep) V1alpha__Pod *pod = NULL;

        (void)state;
        v.cgroup = "/a\xff\xc3\xa4\xc3";
        pod = encode_pod(&v, false);
        assert_string_equal(pod->cgroup, "/a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd");
}

static void a_list_is_the_concatenation_of_its_elements(void **state)
{
        AUTO(buf_done) struct buf out = BUF_NULL(1 << 20);
        V1alpha__ListPodsResponse *list;

        (void)state;
        for (size_t i = POD_PREPARED; i <= POD_EXITED; i++) {
                struct pod_view v = full_view((enum pod_state)i);
                AUTO(encode_pod_freep) V1alpha__Pod *pod = encode_pod(&v, true);

                assert_int_equal(encode_list_item(&out, &pod->base), 0);
        }
        list = v1alpha__list_pods_response__unpack(NULL, out.len, out.data);
        assert_non_null(list);
        assert_int_equal(list->n_pods, 3);
        assert_int_equal(list->pods[1]->state, V1ALPHA__POD_STATE__POD_STATE_RUNNING);
        v1alpha__list_pods_response__free_unpacked(list, NULL);
}

static void lengths_of_elements_may_take_several_bytes(void **state)
{
        static const size_t lengths[] = { 0, 1, 127, 128, 16383, 16384, 70000 };
        AUTO_FREE char *text = xcalloc(70000, 1);

        (void)state;
        memset(text, 'x', 70000);
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
                AUTO(buf_done) struct buf out = BUF_NULL(80000);
                V1alpha__GetLogsResponse *reply;

                assert_int_equal(encode_list_head(&out, lengths[i]), 0);
                assert_int_equal(buf_append(&out, text, lengths[i]), 0);
                assert_int_equal(encode_list_head(&out, 3), 0);
                assert_int_equal(buf_puts(&out, "end"), 0);
                reply = v1alpha__get_logs_response__unpack(NULL, out.len, out.data);
                assert_non_null(reply);
                assert_int_equal(reply->n_lines, 2);
                assert_int_equal(strlen(reply->lines[0]), lengths[i]);
                assert_string_equal(reply->lines[1], "end");
                v1alpha__get_logs_response__free_unpacked(reply, NULL);
        }
}

static void what_is_text_needs_no_mending(void **state)
{
        static const struct {
                const char *data;
                size_t len;
                bool is;
        } cases[] = {
                { NULL, 0, true },          { "plain, and longer than a word", 29, true },
                { "\xc3\xa4", 2, true },    { "\xc3", 1, false },
                { "a\0b", 3, false },       { "eight by\xffte", 11, false },
                { "12345678\0", 9, false }, { "\xed\xa0\x80", 3, false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO(buf_done) struct buf out = BUF_NULL(100);

                assert_int_equal(encode_is_text(cases[i].data, cases[i].len), cases[i].is);
                assert_int_equal(encode_utf8(&out, cases[i].data, cases[i].len), 0);
                assert_int_equal(
                        out.len == cases[i].len &&
                                (out.len == 0 || memcmp(out.data, cases[i].data, out.len) == 0),
                        cases[i].is);
        }
}

static void a_full_reply_says_so(void **state)
{
        AUTO(buf_done) struct buf out = BUF_NULL(8);
        struct pod_view v = full_view(POD_RUNNING);
        AUTO(encode_pod_freep) V1alpha__Pod *pod = encode_pod(&v, true);

        (void)state;
        assert_int_equal(encode_list_item(&out, &pod->base), -ENOBUFS);
        buf_reset(&out);
        assert_int_equal(buf_append(&out, "12345678", 8), 0);
        assert_int_equal(encode_list_head(&out, 1), -ENOBUFS);
        buf_reset(&out);
        assert_int_equal(encode_utf8(&out, "123456789", 9), -ENOBUFS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(states_on_the_wire_are_those_of_the_contract),
                cmocka_unit_test(unfinished_pods_show_id_and_state_only),
                cmocka_unit_test(a_running_pod_shows_everything),
                cmocka_unit_test(cgroup_and_networks_are_of_running_pods_only),
                cmocka_unit_test(apps_tell_their_own_state),
                cmocka_unit_test(past_the_run_every_app_has_exited),
                cmocka_unit_test(before_the_run_apps_have_no_state),
                cmocka_unit_test(what_is_no_manifest_is_not_shown_as_one),
                cmocka_unit_test(an_image_shows_everything_and_the_manifest_on_demand),
                cmocka_unit_test(text_is_always_utf8),
                cmocka_unit_test(what_is_text_needs_no_mending),
                cmocka_unit_test(a_list_is_the_concatenation_of_its_elements),
                cmocka_unit_test(lengths_of_elements_may_take_several_bytes),
                cmocka_unit_test(a_full_reply_says_so),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
