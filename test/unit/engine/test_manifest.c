/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "appc/pod_manifest.h"
#include "engine/manifest.h"
#include "util/mem.h"

#define ID "sha512-c9b59e0400f27f409ee3283de706b87c610bff33f51396bfa86a1c11fde8ea1d"

static const char aci[] =
        "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"example.com/team/web\","
        "\"labels\":[{\"name\":\"version\",\"value\":\"1\"}],"
        "\"app\":{\"exec\":[\"/bin/web\",\"-v\"],\"user\":\"0\",\"group\":\"0\","
        "\"environment\":[{\"name\":\"A\",\"value\":\"image\"},{\"name\":\"B\",\"value\":\"image\"}"
        "]}}";
static const char docker[] =
        "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"example.com/dock\","
        "\"annotations\":[{\"name\":\"appc.io/docker/entrypoint\",\"value\":\"[\\\"/entry\\\"]\"},"
        "{\"name\":\"appc.io/docker/cmd\",\"value\":\"[\\\"serve\\\"]\"}],"
        "\"app\":{\"exec\":[\"/entry\",\"serve\"],\"user\":\"0\",\"group\":\"0\"}}";
static const char bare[] =
        "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"example.com/base\"}";

/* Builds the manifest of the request's apps, all of the image @text. */
static int build(const struct engine_request *r, const char *text, char *const *env,
                 struct buf *out, struct err *e)
{
        AUTO(appc_image_manifest_freep) struct appc_image_manifest *m = NULL;
        struct engine_image images[4];

        assert_ok(appc_image_manifest_parse(text, strlen(text), &m, e), e);
        for (size_t i = 0; i < 4; i++)
                images[i] = (struct engine_image){ .id = ID, .manifest = m };
        return engine_manifest_build(r, images, env, out, e);
}

static void one_image_makes_the_manifest_rkt_would(void **state)
{
        AUTO(engine_request_done) struct engine_request r = ENGINE_REQUEST_NULL;
        AUTO(buf_done) struct buf out = BUF_NULL(65536);
        struct err e;

        (void)state;
        (void)engine_request_add_app(&r, "web");
        assert_ok(build(&r, aci, NULL, &out, &e), &e);
        assert_string_equal(
                buf_str(&out),
                "{\"acVersion\":\"0.8.11\",\"acKind\":\"PodManifest\",\"apps\":[{\"name\":\"web\","
                "\"image\":{\"name\":\"example.com/team/web\",\"id\":\"" ID "\",\"labels\":["
                "{\"name\":\"version\",\"value\":\"1\"}]},\"app\":{\"exec\":[\"/bin/web\",\"-v\"],"
                "\"user\":\"0\",\"group\":\"0\",\"environment\":[{\"name\":\"A\",\"value\":"
                "\"image\"},{\"name\":\"B\",\"value\":\"image\"}]}}],\"volumes\":null,"
                "\"isolators\":null,\"annotations\":[{\"name\":\"coreos.com/rkt/stage1/mutable\","
                "\"value\":\"false\"}],\"ports\":null}");
}

static struct appc_pod_manifest *parse_back(struct buf *out)
{
        struct appc_pod_manifest *pod = NULL;
        struct err e;

        assert_ok(appc_pod_manifest_parse(out->data, out->len, &pod, &e), &e);
        return pod;
}

static void arguments_are_appended_or_replace_dockers_command(void **state)
{
        static const struct {
                const char *image, *exec, *want;
        } rows[] = {
                { aci, NULL, "/bin/web -v x" },   { docker, NULL, "/entry x" },
                { aci, "/bin/sh", "/bin/sh x" },  { docker, "/bin/sh", "/bin/sh x" },
                { bare, "/bin/sh", "/bin/sh x" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(engine_request_done) struct engine_request r = ENGINE_REQUEST_NULL;
                AUTO(appc_pod_manifest_freep) struct appc_pod_manifest *pod = NULL;
                AUTO(buf_done) struct buf out = BUF_NULL(65536), got = BUF_NULL(256);
                struct engine_app *a = engine_request_add_app(&r, "web");
                struct err e;

                a->exec = xstrdup_null(rows[i].exec);
                a->has_args = true;
                strv_add(&a->args, "x");
                assert_ok(build(&r, rows[i].image, NULL, &out, &e), &e);
                pod = parse_back(&out);
                for (size_t j = 0; j < pod->apps[0].app->exec.n; j++)
                        (void)buf_printf(&got, "%s%s", j ? " " : "", pod->apps[0].app->exec.v[j]);
                assert_string_equal(buf_str(&got), rows[i].want);
        }
}

static void environment_precedence_rises_to_the_app(void **state)
{
        AUTO(engine_request_done) struct engine_request r = ENGINE_REQUEST_NULL;
        AUTO(appc_pod_manifest_freep) struct appc_pod_manifest *pod = NULL;
        AUTO(buf_done) struct buf out = BUF_NULL(65536);
        char a[] = "A=caller", d[] = "D=caller", bad[] = "1X=caller", plain[] = "nothing";
        char *env[] = { a, d, bad, plain, NULL };
        const struct kv_list *got;
        struct err e;

        (void)state;
        r.inherit_env = true;
        kv_list_add(&r.env, "B", "set-env");
        kv_list_add(&r.env, "C", "set-env");
        kv_list_add(&engine_request_add_app(&r, "web")->env, "C", "app");
        assert_ok(build(&r, aci, env, &out, &e), &e);
        pod = parse_back(&out);
        got = &pod->apps[0].app->env;
        assert_string_equal(kv_list_get(got, "A"), "image");
        assert_string_equal(kv_list_get(got, "B"), "set-env");
        assert_string_equal(kv_list_get(got, "C"), "app");
        assert_string_equal(kv_list_get(got, "D"), "caller");
        assert_int_equal(got->n, 4);
}

static void overrides_reach_the_app(void **state)
{
        AUTO(engine_request_done) struct engine_request r = ENGINE_REQUEST_NULL;
        AUTO(appc_pod_manifest_freep) struct appc_pod_manifest *pod = NULL;
        AUTO(buf_done) struct buf out = BUF_NULL(65536);
        struct engine_app *a = engine_request_add_app(&r, "web");
        const gid_t gids[] = { 7, 8 };
        const struct appc_app *app;
        struct err e;

        (void)state;
        a->name = xstrdup("n");
        a->user = xstrdup("www");
        a->group = xstrdup("55");
        a->working_dir = xstrdup("/w");
        a->gids = xmemdup(gids, sizeof(gids));
        a->n_gids = 2;
        a->gids_set = true;
        a->read_only_rootfs = true;
        a->isolators.memory_limit = 4096;
        a->isolators.cpu_limit_milli = 500;
        a->isolators.pids_limit = 9;
        a->isolators.oom_score_adj_set = true;
        a->isolators.oom_score_adj = -5;
        a->isolators.caps_mode = APPC_SET_RETAIN;
        strv_add(&a->isolators.caps, "CAP_KILL");
        kv_list_add(&a->user_labels, "l", "1");
        kv_list_add(&a->annotations, "an", "2");
        r.pod_name = xstrdup("front");
        kv_list_add(&r.user_annotations, "u", "3");
        assert_ok(build(&r, aci, NULL, &out, &e), &e);
        pod = parse_back(&out);
        app = pod->apps[0].app;
        assert_string_equal(pod->apps[0].name, "n");
        assert_true(pod->apps[0].read_only_rootfs);
        assert_string_equal(app->user, "www");
        assert_string_equal(app->group, "55");
        assert_string_equal(app->working_dir, "/w");
        assert_int_equal(app->n_gids, 2);
        assert_int_equal(app->isolators.memory_limit, 4096);
        assert_int_equal(app->isolators.cpu_limit_milli, 500);
        assert_int_equal(app->isolators.pids_limit, 9);
        assert_int_equal(app->isolators.oom_score_adj, -5);
        assert_int_equal(app->isolators.caps.n, 1);
        assert_string_equal(kv_list_get(&app->user_labels, "l"), "1");
        assert_string_equal(kv_list_get(&pod->apps[0].annotations, "an"), "2");
        assert_string_equal(kv_list_get(&pod->annotations, "carob.io/pod-name"), "front");
        assert_string_equal(kv_list_get(&pod->user_annotations, "u"), "3");
}

static void add_empty_volume(struct engine_request *r, const char *name)
{
        struct appc_volume v = { .name = xstrdup(name), .kind = APPC_VOLUME_EMPTY, .mode = 0711 };

        engine_request_add_volume_consume(r, &v);
}

static void pod_mounts_reach_every_app_and_yield_to_its_own(void **state)
{
        AUTO(engine_request_done) struct engine_request r = ENGINE_REQUEST_NULL;
        AUTO(appc_pod_manifest_freep) struct appc_pod_manifest *pod = NULL;
        AUTO(buf_done) struct buf out = BUF_NULL(65536);
        struct err e;

        (void)state;
        engine_request_add_app(&r, "web")->name = xstrdup("a");
        engine_request_add_app(&r, "web")->name = xstrdup("b");
        add_empty_volume(&r, "v");
        add_empty_volume(&r, "w");
        engine_mounts_add(&r.mounts, "v", "/data");
        engine_mounts_add(&r.apps[1].mounts, "w", "/data");
        assert_ok(build(&r, aci, NULL, &out, &e), &e);
        pod = parse_back(&out);
        assert_int_equal(pod->apps[0].n_mounts, 1);
        assert_string_equal(pod->apps[0].mounts[0].volume, "v");
        assert_int_equal(pod->apps[1].n_mounts, 1);
        assert_string_equal(pod->apps[1].mounts[0].volume, "w");
        assert_int_equal(pod->volumes[0].mode, 0711);
}

static void what_makes_no_pod_is_refused(void **state)
{
        AUTO(engine_request_done) struct engine_request r = ENGINE_REQUEST_NULL;
        AUTO(buf_done) struct buf out = BUF_NULL(65536);
        struct err e;

        (void)state;
        (void)engine_request_add_app(&r, "web");
        assert_err(build(&r, bare, NULL, &out, &e), &e, ERR_USAGE,
                   "image web names no command to run; give one with --exec");
        (void)engine_request_add_app(&r, "web");
        assert_err(build(&r, aci, NULL, &out, &e), &e, ERR_USAGE,
                   "two apps would be called \"web\"; use --name after an image to choose another");
        r.apps[1].name = xstrdup("b");
        engine_mounts_add(&r.mounts, "v", "/data");
        assert_err(build(&r, aci, NULL, &out, &e), &e, ERR_USAGE,
                   "--mount: no volume \"v\"; define it with --volume");
        add_empty_volume(&r, "v");
        add_empty_volume(&r, "v");
        assert_err(build(&r, aci, NULL, &out, &e), &e, ERR_USAGE,
                   "--volume: \"v\" is defined twice");
}

static void names_come_from_the_image(void **state)
{
        AUTO_FREE char *a = engine_app_default_name("example.com/team/web_app");
        AUTO_FREE char *b = engine_app_default_name("busybox");

        (void)state;
        assert_string_equal(a, "web-app");
        assert_string_equal(b, "busybox");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_image_makes_the_manifest_rkt_would),
                cmocka_unit_test(arguments_are_appended_or_replace_dockers_command),
                cmocka_unit_test(environment_precedence_rises_to_the_app),
                cmocka_unit_test(overrides_reach_the_app),
                cmocka_unit_test(pod_mounts_reach_every_app_and_yield_to_its_own),
                cmocka_unit_test(what_makes_no_pod_is_refused),
                cmocka_unit_test(names_come_from_the_image),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
