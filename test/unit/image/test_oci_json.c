/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "image/import/oci_json.h"
#include "util/buf.h"

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "\"digest\":\"sha256:" HEX "\",\"size\":7"
#define M_TYPE "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\""
#define C_TYPE "\"mediaType\":\"application/vnd.oci.image.config.v1+json\""
#define L_TYPE "\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\""

static int index_of(const char *s, struct oci_index *x, struct err *e)
{
        return oci_index_parse(s, strlen(s), x, e);
}

static int manifest_of(const char *s, struct oci_manifest *m, struct err *e)
{
        return oci_manifest_parse(s, strlen(s), m, e);
}

static void media_types_are_told_apart(void **state)
{
        static const struct {
                const char *type;
                enum oci_kind kind;
        } rows[] = {
                { "application/vnd.oci.image.index.v1+json", OCI_INDEX },
                { "application/vnd.docker.distribution.manifest.list.v2+json", OCI_INDEX },
                { "application/vnd.oci.image.manifest.v1+json", OCI_MANIFEST },
                { "application/vnd.docker.distribution.manifest.v2+json", OCI_MANIFEST },
                { "application/vnd.docker.distribution.manifest.v1+json", OCI_SCHEMA1 },
                { "application/vnd.docker.distribution.manifest.v1+prettyjws", OCI_SCHEMA1 },
                { "application/vnd.oci.image.config.v1+json", OCI_CONFIG },
                { "application/vnd.docker.container.image.v1+json", OCI_CONFIG_DOCKER },
                { "application/vnd.oci.image.layer.v1.tar", OCI_LAYER },
                { "application/vnd.oci.image.layer.v1.tar+gzip", OCI_LAYER },
                { "application/vnd.oci.image.layer.v1.tar+zstd", OCI_LAYER },
                { "application/vnd.docker.image.rootfs.diff.tar.gzip", OCI_LAYER },
                { "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", OCI_LAYER_FOREIGN },
                { "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
                  OCI_LAYER_FOREIGN },
                { "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", OCI_OTHER },
                { "application/vnd.oci.image.manifest.v1+json; charset=utf-8", OCI_OTHER },
                { "", OCI_OTHER },
        };
        (void)state;

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                assert_int_equal(oci_media_kind(rows[i].type), rows[i].kind);
}

static void index_gives_its_descriptors(void **state)
{
        AUTO(oci_index_done) struct oci_index x = OCI_INDEX_NULL;
        struct err e;
        (void)state;

        assert_ok(index_of("{\"schemaVersion\":2,\"manifests\":[{" M_TYPE "," DIGEST
                           ",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":"
                           "\"v7\"},"
                           "\"annotations\":{\"org.opencontainers.image.ref.name\":\"v1\"}},"
                           "{" M_TYPE "," DIGEST
                           ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"1\","
                           "\"io.containerd.image.name\":\"docker.io/library/x:1\"}},"
                           "{" M_TYPE "," DIGEST ",\"annotations\":{\"vnd.docker.reference.type\":"
                           "\"attestation-manifest\"}}]}",
                           &x, &e),
                  &e);
        assert_int_equal(x.n, 3);
        assert_string_equal(x.d[0].arch, "arm");
        assert_string_equal(x.d[0].variant, "v7");
        assert_string_equal(x.d[0].ref_name, "v1");
        assert_int_equal(x.d[0].size, 7);
        assert_null(x.d[1].os);
        assert_string_equal(x.d[1].ref_name, "docker.io/library/x:1");
        assert_true(x.d[2].attestation);
        assert_false(x.d[1].attestation);
}

static void manifest_gives_config_and_layers(void **state)
{
        AUTO(oci_manifest_done) struct oci_manifest m = OCI_MANIFEST_NULL;
        struct err e;
        (void)state;

        assert_ok(manifest_of("{\"schemaVersion\":2," M_TYPE ",\"config\":{" C_TYPE "," DIGEST
                              "},\"layers\":[{" L_TYPE "," DIGEST "},{" L_TYPE "," DIGEST "}]}",
                              &m, &e),
                  &e);
        assert_int_equal(m.n_layers, 2);
        assert_string_equal(m.config.digest, "sha256:" HEX);
}

static void broken_documents_name_the_place(void **state)
{
        static const struct {
                const char *text;
                enum err_kind kind;
                const char *want;
        } rows[] = {
                { "{}", ERR_BAD_DATA, "\"manifests\" is missing" },
                { "{\"manifests\":[{}]}", ERR_BAD_DATA, "manifests[0]: \"mediaType\" is missing" },
                { "{\"manifests\":[{" M_TYPE ",\"digest\":\"sha256:12\",\"size\":1}]}",
                  ERR_BAD_DATA, "manifests[0]: digest: " },
                { "{\"manifests\":[{" M_TYPE ",\"digest\":\"md5:12\",\"size\":1}]}",
                  ERR_UNSUPPORTED, "manifests[0]: digest: " },
                { "{\"manifests\":[{" M_TYPE ",\"digest\":\"sha256:" HEX "\"}]}", ERR_BAD_DATA,
                  "manifests[0]: \"size\" is missing" },
                { "{\"manifests\":[{" M_TYPE ",\"digest\":\"sha256:" HEX "\",\"size\":-1}]}",
                  ERR_BAD_DATA, "manifests[0]: \"size\"" },
                { "{\"manifests\":[],\"layers\":[]}", ERR_BAD_DATA,
                  "an index with the members of a manifest is ambiguous" },
                { "{\"manifests\":[],\"schemaVersion\":1}", ERR_UNSUPPORTED,
                  "schemaVersion: only 2 is understood, not 1" },
                { "{\"manifests\":[]," M_TYPE "}", ERR_BAD_DATA,
                  "mediaType: \"application/vnd.oci.image.manifest.v1+json\" is not that of an "
                  "image index" },
                { "[]", ERR_BAD_DATA, "" },
                { "{\"manifests\":[7]}", ERR_BAD_DATA, "manifests[0]: " },
                { "{\"manifests\":[{" M_TYPE "," DIGEST ",\"platform\":{\"os\":1}}]}", ERR_BAD_DATA,
                  "manifests[0]: " },
        };
        (void)state;

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct oci_index x = OCI_INDEX_NULL;
                struct err e;

                assert_int_equal(index_of(rows[i].text, &x, &e), -1);
                if (e.kind != rows[i].kind ||
                    strncmp(e.text, rows[i].want, strlen(rows[i].want)) != 0)
                        fail_msg("row %zu: %s", i, e.text);
                assert_null(x.d);
        }
}

static void broken_manifests_name_the_place(void **state)
{
        struct oci_manifest m = OCI_MANIFEST_NULL;
        struct err e;
        (void)state;

        assert_err(manifest_of("{\"layers\":[]}", &m, &e), &e, ERR_BAD_DATA,
                   "\"config\" is missing");
        assert_err(manifest_of("{\"config\":{" C_TYPE "," DIGEST "}}", &m, &e), &e, ERR_BAD_DATA,
                   "\"layers\" is missing");
        assert_err(manifest_of("{\"config\":{" C_TYPE "," DIGEST
                               "},\"layers\":[],\"manifests\":[]}",
                               &m, &e),
                   &e, ERR_BAD_DATA, "a manifest with the members of an index is ambiguous");
        assert_int_equal(manifest_of("{\"config\":{" C_TYPE "," DIGEST "},\"layers\":[{" L_TYPE
                                     "}]}",
                                     &m, &e),
                         -1);
        assert_memory_equal(e.text, "layers[0]: \"digest\"", 19);
}

static void number_of_descriptors_is_limited(void **state)
{
        AUTO(buf_done) struct buf b = BUF_NULL(4 * 1024 * 1024);
        struct oci_index x = OCI_INDEX_NULL;
        struct err e;
        (void)state;

        assert_int_equal(buf_puts(&b, "{\"manifests\":[{}"), 0);
        for (int i = 0; i < 4096; i++)
                assert_int_equal(buf_puts(&b, ",{}"), 0);
        assert_int_equal(buf_puts(&b, "]}"), 0);
        assert_int_equal(index_of(buf_str(&b), &x, &e), -1);
        assert_int_equal(e.kind, ERR_LIMIT);
}

static void deep_nesting_is_refused(void **state)
{
        AUTO(buf_done) struct buf b = BUF_NULL(65536);
        struct oci_index x = OCI_INDEX_NULL;
        struct err e;
        (void)state;

        for (int i = 0; i < 10000; i++)
                assert_int_equal(buf_putc(&b, '['), 0);
        assert_int_equal(index_of(buf_str(&b), &x, &e), -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
}

static void layout_version_one_is_accepted(void **state)
{
        static const char good[] = "{\"imageLayoutVersion\":\"1.0.0\"}",
                          bad[] = "{\"imageLayoutVersion\":\"2.0.0\"}";
        char version[16];
        struct err e;
        (void)state;

        assert_ok(oci_layout_version(good, strlen(good), version, &e), &e);
        assert_string_equal(version, "1.0.0");
        assert_err(oci_layout_version(bad, strlen(bad), version, &e), &e, ERR_UNSUPPORTED,
                   "imageLayoutVersion: only 1.x is understood, not \"2.0.0\"");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(media_types_are_told_apart),
                cmocka_unit_test(index_gives_its_descriptors),
                cmocka_unit_test(manifest_gives_config_and_layers),
                cmocka_unit_test(broken_documents_name_the_place),
                cmocka_unit_test(broken_manifests_name_the_place),
                cmocka_unit_test(number_of_descriptors_is_limited),
                cmocka_unit_test(deep_nesting_is_refused),
                cmocka_unit_test(layout_version_one_is_accepted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
