/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "appc/image_manifest.h"
#include "image/from_oci.h"
#include "util/buf.h"
#include "util/limits.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int convert(const char *config, const char *reference, enum appc_base_format format,
                   struct image_oci_result *ret, struct err *e)
{
        const struct image_oci_source src = {
                .config = config,
                .config_len = strlen(config),
                .format = format,
                .reference = reference,
                .fallback_name = "My Image.tar.gz",
                .config_digest = "sha256:" HEX64,
                .manifest_digest = "sha256:" HEX64,
        };

        return image_from_oci(&src, ret, e);
}

static void docker_image_becomes_what_docker2aci_made_of_it(void **state)
{
        static const char config[] =
                "{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2023-05-18T22:34:17Z\","
                "\"author\":\"A "
                "<a@b>\",\"config\":{\"User\":\"www:33\",\"Env\":[\"PATH=/bin\",\"X=a=b\","
                "\"broken\"],\"Entrypoint\":[\"/"
                "entry\"],\"Cmd\":[\"serve\",\"<x>\"],\"WorkingDir\":\"/srv\","
                "\"Volumes\":{\"/data\":{},\"/A\":{},\"/a\":{}},\"ExposedPorts\":{\"80/"
                "tcp\":{},\"53/udp\":{},"
                "\"22\":{},\"bad/tcp\":{}},\"Labels\":{\"maintainer\":\"me\"}},"
                "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" HEX64 "\"]}}";
        static const char want[] =
                "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\","
                "\"name\":\"registry-1.docker.io/library/web\","
                "\"labels\":[{\"name\":\"version\",\"value\":\"1.0\"},{\"name\":\"os\",\"value\":"
                "\"linux\"},"
                "{\"name\":\"arch\",\"value\":\"amd64\"}],"
                "\"app\":{\"exec\":[\"/"
                "entry\",\"serve\",\"\\u003cx\\u003e\"],\"user\":\"www\",\"group\":\"33\","
                "\"workingDirectory\":\"/srv\",\"environment\":[{\"name\":\"PATH\",\"value\":\"/"
                "bin\"},"
                "{\"name\":\"X\",\"value\":\"a=b\"}],"
                "\"mountPoints\":[{\"name\":\"volume-a\",\"path\":\"/"
                "A\"},{\"name\":\"volume-a-1\",\"path\":\"/a\"},"
                "{\"name\":\"volume-data\",\"path\":\"/data\"}],"
                "\"ports\":[{\"name\":\"22\",\"protocol\":\"tcp\",\"port\":22,\"count\":1,"
                "\"socketActivated\":false},"
                "{\"name\":\"53-udp\",\"protocol\":\"udp\",\"port\":53,\"count\":1,"
                "\"socketActivated\":false},"
                "{\"name\":\"80-tcp\",\"protocol\":\"tcp\",\"port\":80,\"count\":1,"
                "\"socketActivated\":false}],"
                "\"userLabels\":{\"maintainer\":\"me\"}},"
                "\"annotations\":[{\"name\":\"created\",\"value\":\"2023-05-18T22:34:17Z\"},"
                "{\"name\":\"author\",\"value\":\"A \\u003ca@b\\u003e\"},"
                "{\"name\":\"appc.io/docker/registryurl\",\"value\":\"registry-1.docker.io\"},"
                "{\"name\":\"appc.io/docker/repository\",\"value\":\"library/web\"},"
                "{\"name\":\"appc.io/docker/imageid\",\"value\":\"sha256:" HEX64 "\"},"
                "{\"name\":\"appc.io/docker/manifesthash\",\"value\":\"sha256:" HEX64 "\"},"
                "{\"name\":\"appc.io/docker/originalname\",\"value\":\"web:1.0\"},"
                "{\"name\":\"appc.io/docker/tag\",\"value\":\"1.0\"},"
                "{\"name\":\"appc.io/docker/entrypoint\",\"value\":\"[\\\"/entry\\\"]\"},"
                "{\"name\":\"appc.io/docker/cmd\",\"value\":"
                "\"[\\\"serve\\\",\\\"\\\\u003cx\\\\u003e\\\"]\"}]}";
        AUTO(image_oci_result_done) struct image_oci_result r = IMAGE_OCI_RESULT_NULL;
        struct err e;

        (void)state;
        assert_ok(convert(config, "web:1.0", APPC_FORMAT_DOCKER, &r, &e), &e);
        assert_string_equal(r.manifest, want);
        assert_int_equal(r.manifest_len, strlen(want));
        assert_string_equal(r.name, "registry-1.docker.io/library/web");
        assert_string_equal(r.version, "1.0");
        assert_string_equal(r.os, "linux");
        assert_string_equal(r.arch, "amd64");
        assert_string_equal(r.variant, "");
        assert_int_equal(r.diff_ids.n, 1);
}

static void names_come_from_the_reference_or_the_file(void **state)
{
        static const struct {
                const char *reference;
                enum appc_base_format format;
                const char *name, *version;
        } rows[] = {
                { NULL, APPC_FORMAT_OCI, "my_image", "latest" },
                { "v2", APPC_FORMAT_OCI, "my_image", "v2" },
                { "app:v2", APPC_FORMAT_OCI, "app", "v2" },
                { "docker.io/library/app:v2", APPC_FORMAT_OCI, "registry-1.docker.io/library/app",
                  "v2" },
                { "app", APPC_FORMAT_DOCKER, "registry-1.docker.io/library/app", "latest" },
                { "", APPC_FORMAT_OCI, "my_image", "latest" },
                { ":", APPC_FORMAT_DOCKER, "my_image", "latest" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(image_oci_result_done) struct image_oci_result r = IMAGE_OCI_RESULT_NULL;
                struct err e;

                assert_ok(convert("{}", rows[i].reference, rows[i].format, &r, &e), &e);
                assert_string_equal(r.name, rows[i].name);
                assert_string_equal(r.version, rows[i].version);
        }
}

static void nothing_usable_anywhere_is_called_unnamed(void **state)
{
        const struct image_oci_source src = { .config = "{}",
                                              .config_len = 2,
                                              .format = APPC_FORMAT_OCI,
                                              .fallback_name = "\xff\xfe" };
        AUTO(image_oci_result_done) struct image_oci_result r = IMAGE_OCI_RESULT_NULL;
        struct err e;

        (void)state;
        assert_ok(image_from_oci(&src, &r, &e), &e);
        assert_string_equal(r.name, "unnamed");
}

static void bad_time_is_dropped_and_foreign_os_refused(void **state)
{
        AUTO(image_oci_result_done) struct image_oci_result r = IMAGE_OCI_RESULT_NULL;
        struct err e;

        (void)state;
        assert_ok(convert("{\"created\":\"yesterday\"}", NULL, APPC_FORMAT_OCI, &r, &e), &e);
        assert_null(strstr(r.manifest, "\"created\""));
        assert_err(convert("{\"os\":\"windows\"}", NULL, APPC_FORMAT_OCI, &r, &e), &e,
                   ERR_UNSUPPORTED,
                   "image configuration: os: the image is for \"windows\", not linux");
}

static void hostile_configurations_are_refused(void **state)
{
        static const struct {
                const char *config, *why;
                enum err_kind kind;
        } rows[] = {
                { "[]", NULL, ERR_BAD_DATA },
                { "", NULL, ERR_BAD_DATA },
                { "{\"os\":7}", NULL, ERR_BAD_DATA },
                { "{\"rootfs\":{\"diff_ids\":[\"sha256:zz\"]}}",
                  "image configuration: rootfs.diff_ids[0]: not a digest", ERR_BAD_DATA },
                { "{\"rootfs\":{\"diff_ids\":[\"sha256:../../../../etc\"]}}", NULL, ERR_BAD_DATA },
                { "{\"config\":{\"Cmd\":\"sh\"}}", NULL, ERR_BAD_DATA },
                { "{\"config\":{\"Labels\":{\"a\":1}}}", NULL, ERR_BAD_DATA },
                { "{\"config\":{\"Env\":[\"A=\\u0000\"]}}", NULL, ERR_BAD_DATA },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(image_oci_result_done) struct image_oci_result r = IMAGE_OCI_RESULT_NULL;
                struct err e;

                assert_int_equal(convert(rows[i].config, NULL, APPC_FORMAT_OCI, &r, &e), -1);
                assert_int_equal(e.kind, rows[i].kind);
                if (rows[i].why)
                        assert_string_equal(e.text, rows[i].why);
                assert_null(r.manifest);
        }
}

static void layers_over_the_limit_are_refused(void **state)
{
        AUTO(image_oci_result_done) struct image_oci_result r = IMAGE_OCI_RESULT_NULL;
        AUTO(buf_done) struct buf b = BUF_NULL(1 << 20);
        struct err e;

        (void)state;
        (void)buf_puts(&b, "{\"rootfs\":{\"diff_ids\":[\"sha256:" HEX64 "\"");
        for (unsigned i = 0; i < LIMIT_IMAGE_LAYERS; i++)
                (void)buf_puts(&b, ",\"sha256:" HEX64 "\"");
        (void)buf_puts(&b, "]}}");
        assert_int_equal(convert(buf_str(&b), NULL, APPC_FORMAT_OCI, &r, &e), -1);
        assert_int_equal(e.kind, ERR_LIMIT);
}

static void architectures_are_called_as_appc_does(void **state)
{
        (void)state;
        assert_string_equal(image_arch_to_appc("amd64", ""), "amd64");
        assert_string_equal(image_arch_to_appc("386", NULL), "i386");
        assert_string_equal(image_arch_to_appc("arm64", "v8"), "aarch64");
        assert_string_equal(image_arch_to_appc("arm", "v6"), "armv6l");
        assert_string_equal(image_arch_to_appc("arm", "v7"), "armv7l");
        assert_string_equal(image_arch_to_appc("arm", NULL), "armv7l");
        assert_string_equal(image_arch_to_appc("s390x", ""), "s390x");
        assert_null(image_arch_to_appc("riscv64", ""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(docker_image_becomes_what_docker2aci_made_of_it),
                cmocka_unit_test(names_come_from_the_reference_or_the_file),
                cmocka_unit_test(nothing_usable_anywhere_is_called_unnamed),
                cmocka_unit_test(bad_time_is_dropped_and_foreign_os_refused),
                cmocka_unit_test(hostile_configurations_are_refused),
                cmocka_unit_test(layers_over_the_limit_are_refused),
                cmocka_unit_test(architectures_are_called_as_appc_does),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
