/* SPDX-License-Identifier: Apache-2.0 */
#include "image_maker.h"

#include "engine/launch.h"
#include "engine/prepare.h"
#include "pod/past.h"
#include "pod/view.h"
#include "util/mem.h"

static bool has_file(const struct pod *p, const char *path)
{
        return faccessat(p->fd, path, F_OK, 0) == 0;
}

static void a_prepared_pod_lacks_nothing(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(engine_request_done) struct engine_request r = ENGINE_REQUEST_NULL;
        AUTO(pod_done) struct pod p = POD_NULL;
        AUTO(pod_view_freep) struct pod_view *v = NULL;
        struct err e;

        (void)state;
        open_with_image(&eng, &d);
        r.no_overlay = true; /* needs no root */
        (void)engine_request_add_app(&r, "example.com/app:1");
        assert_ok(engine_prepare(&eng, &r, NULL, &p, &e), &e);
        assert_int_equal(p.dir, POD_DIR_PREPARE);
        assert_true(has_file(&p, "appsinfo/app/manifest"));
        assert_true(has_file(&p, "rootfs/app/hello"));
        assert_true(has_file(&p, "launch.json"));
        assert_true(has_file(&p, "volumes"));
        assert_false(has_file(&p, "pod-prepared")); /* `run` goes on from here */
        assert_ok(engine_publish(&eng, &p, &e), &e);
        assert_true(has_file(&p, "pod-prepared"));
        assert_false(has_file(&p, "pod-aborted"));
        assert_ok(pod_view_read(&eng.pods, p.uuid.text, POD_VIEW_ALL, &v, &e), &e);
        assert_null(v->problem);
        assert_int_equal(v->state, POD_PREPARED);
        assert_int_equal(v->n_apps, 1);
        assert_string_equal(v->apps[0].image_id, ID);
        assert_string_equal(v->apps[0].image_version, "1");
        assert_true(v->created_at > 0);
}

static void a_pod_manifest_is_kept_byte_for_byte(void **state)
{
        static const char text[] =
                "{ \"acKind\" : \"PodManifest\",\"acVersion\":\"0.8.11\", \"future\": [1],\n"
                "\"apps\":[{\"name\":\"x\",\"image\":{\"id\":\"sha512-c9b59e0400f2\"}}]}\n\n";
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(engine_request_done) struct engine_request r = ENGINE_REQUEST_NULL;
        AUTO(pod_done) struct pod p = POD_NULL;
        AUTO(buf_done) struct buf got = BUF_NULL(4096);
        struct err e;

        (void)state;
        open_with_image(&eng, &d);
        assert_int_equal(fs_write_file(d.fd, "m.json", text, sizeof(text) - 1, 0644), 0);
        r.manifest_path = xasprintf("%s/m.json", d.path);
        r.pod_name = xstrdup("front");
        r.no_overlay = true;
        assert_ok(engine_prepare(&eng, &r, NULL, &p, &e), &e);
        assert_int_equal(fs_read_file(p.fd, "pod", &got), 0);
        assert_string_equal(buf_str(&got), text);
        assert_true(has_file(&p, "appsinfo/x/image.json"));
        buf_reset(&got);
        assert_int_equal(fs_read_file(p.fd, "launch.json", &got), 0);
        assert_non_null(strstr(buf_str(&got), "front"));
}

static size_t count_pods(struct engine *eng)
{
        AUTO(pod_view_list_done) struct pod_view_list l = POD_VIEW_LIST_NULL;
        struct err e;

        assert_ok(pod_view_list(&eng->pods, POD_DIRS_ALL, POD_VIEW_STATE, &l, &e), &e);
        return l.n;
}

static void a_wrong_request_leaves_no_pod(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(engine_request_done) struct engine_request r = ENGINE_REQUEST_NULL;
        struct appc_volume v = { .name = xstrdup("data"),
                                 .kind = APPC_VOLUME_HOST,
                                 .source = xstrdup("/nonexistent/path") };
        struct pod p = POD_NULL;
        struct err e;

        (void)state;
        open_with_image(&eng, &d);
        (void)engine_request_add_app(&r, "example.com/nope");
        assert_int_equal(engine_prepare(&eng, &r, NULL, &p, &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
        free(r.apps[0].image);
        r.apps[0].image = xstrdup("https://example.com/x.aci");
        assert_int_equal(engine_prepare(&eng, &r, NULL, &p, &e), -1);
        assert_int_equal(e.kind, ERR_UNSUPPORTED);
        free(r.apps[0].image);
        r.apps[0].image = xstrdup(ID);
        engine_request_add_volume_consume(&r, &v);
        assert_err(engine_prepare(&eng, &r, NULL, &p, &e), &e, ERR_NOT_FOUND,
                   "volume data: host path /nonexistent/path: No such file or directory");
        assert_int_equal(p.fd, -1);
        assert_int_equal(count_pods(&eng), 0);
}

static void a_failure_on_the_way_leaves_an_aborted_pod(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(engine_request_done) struct engine_request r = ENGINE_REQUEST_NULL;
        AUTO(pod_view_list_done) struct pod_view_list l = POD_VIEW_LIST_NULL;
        AUTO(pod_past_done) struct pod_past past = POD_PAST_NULL;
        struct pod p = POD_NULL;
        struct err e, e2;

        (void)state;
        open_with_image(&eng, &d);
        r.no_overlay = true;
        (void)engine_request_add_app(&r, ID);
        /* The layer cannot be copied. */
        assert_int_equal(fs_remove_tree(eng.images->layers_fd, "1/fs"), 0);
        assert_int_equal(fs_touch(eng.images->layers_fd, "1/fs", 0600), 0);
        assert_int_equal(engine_prepare(&eng, &r, NULL, &p, &e), -1);
        assert_ok(pod_view_list(&eng.pods, POD_DIRS_ALL, POD_VIEW_STATE, &l, &e), &e);
        assert_int_equal(l.n, 1);
        assert_int_equal(l.v[0]->state, POD_ABORTED_PREPARE);
        /* It says why, as the command did. */
        assert_ok(pod_open(&eng.pods, l.v[0]->uuid.text, &p, &e2), &e2);
        pod_past_of(&p, l.v[0], &past);
        pod_done(&p);
        assert_true(past.aborted);
        assert_non_null(strstr(e.text, past.reason));
        assert_string_equal(past.reason, "root of app app: copy layer 1: Not a directory");
}

static void of_two_runners_the_second_is_told(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_done) struct pod first = POD_NULL;
        struct pod second = POD_NULL;
        struct uuid pod;
        char want[128];
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        pod = make_pod(&eng, POD_DIR_PREPARED);
        assert_ok(engine_take_prepared(&eng, pod.text, &first, &e), &e);
        assert_int_equal(engine_take_prepared(&eng, pod.text, &second, &e), -1);
        assert_int_equal(e.kind, ERR_BUSY);
        assert_int_equal(pod_to_run(&eng.pods, &first, &e), POD_MOVED);
        (void)snprintf(want, sizeof(want), "pod \"%s\" is not prepared", pod.text);
        assert_err(engine_take_prepared(&eng, pod.text, &second, &e), &e, ERR_STATE, want);
        assert_int_equal(second.fd, -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_prepared_pod_lacks_nothing),
                cmocka_unit_test(a_pod_manifest_is_kept_byte_for_byte),
                cmocka_unit_test(a_wrong_request_leaves_no_pod),
                cmocka_unit_test(a_failure_on_the_way_leaves_an_aborted_pod),
                cmocka_unit_test(of_two_runners_the_second_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
