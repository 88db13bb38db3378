/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "image/import/docker_json.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int manifest_of(const char *s, struct docker_images *d, struct err *e)
{
        return docker_manifest_parse(s, strlen(s), d, e);
}

static void manifest_lists_images(void **state)
{
        AUTO(docker_images_done) struct docker_images d = DOCKER_IMAGES_NULL;
        struct err e;
        (void)state;

        assert_ok(manifest_of("[{\"Config\":\"c.json\",\"RepoTags\":[\"a:1\",\"b:2\"],\"Layers\":["
                              "\"1/layer.tar\",\"2/layer.tar\"]},"
                              "{\"Config\":\"d.json\",\"RepoTags\":null,\"Layers\":null}]",
                              &d, &e),
                  &e);
        assert_int_equal(d.n, 2);
        assert_string_equal(d.v[0].config, "c.json");
        assert_int_equal(d.v[0].tags.n, 2);
        assert_string_equal(d.v[0].tags.v[1], "b:2");
        assert_int_equal(d.v[0].layers.n, 2);
        assert_string_equal(d.v[0].layers.v[1], "2/layer.tar");
        assert_int_equal(d.v[1].tags.n, 0);
        assert_int_equal(d.v[1].layers.n, 0);
}

static void broken_manifests_name_the_place(void **state)
{
        struct docker_images d = DOCKER_IMAGES_NULL;
        struct err e;
        (void)state;

        assert_err(manifest_of("{}", &d, &e), &e, ERR_BAD_DATA, "not an array");
        assert_int_equal(manifest_of("[{\"Config\":\"c\"},{}]", &d, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        assert_memory_equal(e.text, "[1]: \"Config\"", 13);
        assert_int_equal(manifest_of("[{\"Config\":\"c\",\"Layers\":[1]}]", &d, &e), -1);
        assert_memory_equal(e.text, "[0]: Layers", 11);
        assert_null(d.v);
}

static void repositories_give_an_image_per_tag(void **state)
{
        static const char text[] = "{\"busybox\":{\"latest\":\"" HEX "\",\"1\":\"" HEX "\"}}";
        AUTO(docker_images_done) struct docker_images d = DOCKER_IMAGES_NULL;
        struct err e;
        (void)state;

        assert_ok(docker_repositories_parse(text, strlen(text), &d, &e), &e);
        assert_int_equal(d.n, 2);
        assert_string_equal(d.v[0].tags.v[0], "busybox:latest");
        assert_null(d.v[0].config);
        assert_string_equal(d.v[0].layers.v[0], HEX);
}

static void layer_ids_cannot_be_paths(void **state)
{
        static const char text[] = "{\"x\":{\"1\":\"../../etc\"}}",
                          parent[] = "{\"parent\":\"../x\"}";
        struct docker_images d = DOCKER_IMAGES_NULL;
        char *id = NULL;
        struct err e;
        (void)state;

        assert_err(docker_repositories_parse(text, strlen(text), &d, &e), &e, ERR_BAD_DATA,
                   "x: \"../../etc\" is no layer id");
        assert_err(docker_v1_parent(parent, strlen(parent), &id, &e), &e, ERR_BAD_DATA,
                   "parent: \"../x\" is no layer id");
        assert_null(id);
}

static void v1_config_gets_diff_ids(void **state)
{
        static const char text[] = "{\"id\":\"x\",\"parent\":\"y\",\"os\":\"linux\","
                                   "\"architecture\":\"amd64\",\"config\":{\"Cmd\":[\"sh\"]}}";
        AUTO(buf_done) struct buf out = BUF_NULL(4096);
        AUTO(strv_done) struct strv ids = STRV_NULL;
        struct err e;
        (void)state;

        strv_add(&ids, "sha256:a");
        strv_add(&ids, "sha256:b");
        assert_ok(docker_v1_config(text, strlen(text), &ids, &out, &e), &e);
        assert_string_equal(
                buf_str(&out),
                "{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{\"Cmd\":[\"sh\"]},"
                "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:a\",\"sha256:b\"]}}");
}

/* Every image of a docker archive is named by these bytes: they must never change. */
static void made_manifest_is_byte_exact(void **state)
{
        const struct docker_layer layers[] = {
                { "application/vnd.oci.image.layer.v1.tar", "sha256:1", 10 },
                { "application/vnd.oci.image.layer.v1.tar+gzip", "sha256:2", 20 },
        };
        AUTO(buf_done) struct buf out = BUF_NULL(4096);
        struct err e;
        (void)state;

        assert_ok(docker_make_manifest("sha256:c", 5, layers, 2, &out, &e), &e);
        assert_string_equal(
                buf_str(&out),
                "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
                "\"config\":{\"mediaType\":\"application/"
                "vnd.oci.image.config.v1+json\",\"digest\":\"sha256:c\",\"size\":5},"
                "\"layers\":[{\"mediaType\":\"application/"
                "vnd.oci.image.layer.v1.tar\",\"digest\":\"sha256:1\",\"size\":10},"
                "{\"mediaType\":\"application/"
                "vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:2\",\"size\":20}]}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(manifest_lists_images),
                cmocka_unit_test(broken_manifests_name_the_place),
                cmocka_unit_test(repositories_give_an_image_per_tag),
                cmocka_unit_test(layer_ids_cannot_be_paths),
                cmocka_unit_test(v1_config_gets_diff_ids),
                cmocka_unit_test(made_manifest_is_byte_exact),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
