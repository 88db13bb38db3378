/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images that lie or hurt: an error that names file and reason, and a store in which nothing of
 * them is visible.
 */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "import_test.h"

#include <dirent.h>

static const char *path_of(struct layout_desc d)
{
        static char path[96];

        (void)snprintf(path, sizeof(path), "blobs/sha256/%s", d.digest + 7);
        return path;
}

static void assert_refused(struct import_test *t, const char *platform, enum err_kind kind,
                           const char *want)
{
        assert_err(import_layout(t, platform), &t->e, kind, want);
        assert_store(t, 0, 0);
}

static void layer_with_a_wrong_digest_is_refused(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        struct layout_desc d = layout_describe(layers[0].data, layers[0].len), found;
        AUTO_FREE char *want = NULL;

        layout_simple(&t.l, layers, 2, "app");
        layers[0].data[512 * 2 + 3] ^= 1; /* content of etc/motd's neighbourhood */
        found = layout_describe(layers[0].data, layers[0].len);
        layout_add(&t.l, path_of(d), layers[0].data, layers[0].len);
        want = xasprintf("img: %s: wrong digest: expected %s, found %s", path_of(d), d.digest,
                         found.digest);
        assert_refused(&t, NULL, ERR_BAD_DATA, want);
}

static void layer_that_is_not_what_the_config_says_is_refused(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        struct layout_desc real = layout_blob(&t.l, layers[0].data, layers[0].len);
        struct layout_desc other = layout_describe(layers[1].data, layers[1].len);
        AUTO_FREE char *config = layout_config(&other, 1, "amd64", "");
        AUTO_FREE char *manifest =
                layout_manifest(OCI_CONFIG_TYPE, layout_blob(&t.l, config, strlen(config)),
                                OCI_LAYER_TYPE, &real, 1);
        AUTO_FREE char *entry =
                layout_entry(OCI_MANIFEST_TYPE, layout_blob(&t.l, manifest, strlen(manifest)), "");
        AUTO_FREE char *want = xasprintf("img: %s: wrong diff id: expected %s, found %s",
                                         path_of(real), other.digest, real.digest);

        layout_index(&t.l, entry);
        assert_refused(&t, NULL, ERR_BAD_DATA, want);
}

static void manifest_config_and_sizes_are_checked(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        struct layout_desc d = layout_image(&t.l, layers, 1, "amd64", ""), wrong = d, found;
        AUTO_FREE char *entry = NULL;
        AUTO_FREE char *entry2 = NULL;
        AUTO_FREE char *want = NULL;
        AUTO_FREE char *want2 = NULL;

        wrong.size++;
        entry = layout_entry(OCI_MANIFEST_TYPE, wrong, "");
        layout_index(&t.l, entry);
        want = xasprintf("img: %s: wrong size: expected %zu bytes, found %zu", path_of(d),
                         wrong.size, d.size);
        assert_refused(&t, NULL, ERR_BAD_DATA, want);

        entry2 = layout_entry(OCI_MANIFEST_TYPE, d, "");
        layout_index(&t.l, entry2);
        layout_find(&t.l, path_of(d))->data.data[1] ^= 1;
        found = layout_describe(layout_find(&t.l, path_of(d))->data.data, d.size);
        want2 = xasprintf("img: %s: wrong digest: expected %s, found %s", path_of(d), d.digest,
                          found.digest);
        assert_refused(&t, NULL, ERR_BAD_DATA, want2);
}

static void missing_blob_is_named(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        struct layout_desc d = layout_describe(layers[1].data, layers[1].len);
        AUTO_FREE char *want = xasprintf("img: has no \"%s\"", path_of(d));

        layout_simple(&t.l, layers, 2, "app");
        (void)snprintf(layout_find(&t.l, path_of(d))->name, 128, "elsewhere");
        assert_refused(&t, NULL, ERR_NOT_FOUND, want);
}

static void image_with(struct import_test *t, const char *config_type, const char *layer_type,
                       const char *manifest_type)
{
        SAMPLE_LAYERS;
        struct layout_desc d = layout_blob(&t->l, layers[0].data, layers[0].len);
        AUTO_FREE char *config = layout_config(&d, 1, "amd64", "");
        AUTO_FREE char *manifest = layout_manifest(
                config_type, layout_blob(&t->l, config, strlen(config)), layer_type, &d, 1);
        AUTO_FREE char *entry =
                layout_entry(manifest_type, layout_blob(&t->l, manifest, strlen(manifest)), "");

        layout_index(&t->l, entry);
}

static void unknown_and_foreign_types_are_refused_with_a_reason(void **state)
{
        static const struct {
                const char *config, *layer, *manifest, *want;
        } rows[] = {
                { OCI_CONFIG_TYPE, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                  OCI_MANIFEST_TYPE, "is foreign: its licence keeps it out of images" },
                { OCI_CONFIG_TYPE, OCI_LAYER_TYPE "+encrypted", OCI_MANIFEST_TYPE,
                  "has the unknown media type \"" OCI_LAYER_TYPE "+encrypted\"" },
                { "application/vnd.cncf.helm.config.v1+json", OCI_LAYER_TYPE, OCI_MANIFEST_TYPE,
                  "img: not a container image: its config is "
                  "\"application/vnd.cncf.helm.config.v1+json\"" },
                { OCI_CONFIG_TYPE, OCI_LAYER_TYPE,
                  "application/vnd.docker.distribution.manifest.v1+json",
                  "is of Docker's schema 1, which is no longer used" },
                { OCI_CONFIG_TYPE, OCI_LAYER_TYPE, "text/plain", "is no image but \"text/plain\"" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                IMPORT_TEST;

                image_with(&t, rows[i].config, rows[i].layer, rows[i].manifest);
                assert_int_equal(import_layout(&t, NULL), -1);
                assert_int_equal(t.e.kind, ERR_UNSUPPORTED);
                if (!strstr(t.e.text, rows[i].want))
                        fail_msg("row %zu: %s", i, t.e.text);
                assert_memory_equal(t.e.text, "img: ", 5);
                assert_store(&t, 0, 0);
        }
}

static void indexes_do_not_nest_without_end(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        AUTO_FREE char *entry =
                layout_entry(OCI_MANIFEST_TYPE, layout_image(&t.l, layers, 1, "amd64", ""), "");

        for (int i = 0; i < 5; i++) {
                AUTO_FREE char *list = xasprintf("{\"schemaVersion\":2,\"manifests\":[%s]}", entry);

                free(entry);
                entry = layout_entry(OCI_INDEX_TYPE, layout_blob(&t.l, list, strlen(list)), "");
        }
        layout_index(&t.l, entry);
        assert_refused(&t, NULL, ERR_LIMIT, "img: indexes nested more than 4 deep (limit)");
}

static void json_of_10000_levels_is_refused(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        char deep[10001];

        memset(deep, '[', 10000);
        deep[10000] = 0;
        layout_simple(&t.l, layers, 1, "app");
        layout_text(&t.l, "index.json", deep);
        assert_int_equal(import_layout(&t, NULL), -1);
        assert_int_equal(t.e.kind, ERR_BAD_DATA);
        assert_memory_equal(t.e.text, "img: index.json: ", 17);
        assert_store(&t, 0, 0);
}

static void escaping_entry_in_a_layer_leaves_nothing(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        struct layout_desc d;
        AUTO_FREE char *want = NULL;

        buf_reset(&layers[1]);
        tar_file(&layers[1], "fine", "x");
        tar_file(&layers[1], "../../../../evil", "x");
        tar_end(&layers[1]);
        d = layout_describe(layers[1].data, layers[1].len);
        layout_simple(&t.l, layers, 2, "app");
        want = xasprintf("img: %s: entry \"../../../../evil\": \"..\" in the name", path_of(d));
        assert_refused(&t, NULL, ERR_BAD_DATA, want);
        assert_false(faccessat(t.dir.fd, "evil", F_OK, 0) == 0);
}

static void number_of_diff_ids_must_fit(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        struct layout_desc d[2] = { layout_blob(&t.l, layers[0].data, layers[0].len),
                                    layout_blob(&t.l, layers[1].data, layers[1].len) };
        AUTO_FREE char *config = layout_config(d, 1, "amd64", "");
        struct layout_desc c = layout_blob(&t.l, config, strlen(config));
        AUTO_FREE char *manifest = layout_manifest(OCI_CONFIG_TYPE, c, OCI_LAYER_TYPE, d, 2);
        AUTO_FREE char *entry =
                layout_entry(OCI_MANIFEST_TYPE, layout_blob(&t.l, manifest, strlen(manifest)), "");
        AUTO_FREE char *want = xasprintf("img: config %.19s: 1 diff ids for 2 layers", c.digest);

        layout_index(&t.l, entry);
        assert_refused(&t, NULL, ERR_BAD_DATA, want);
}

static void docker_config_must_hash_to_its_name(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        AUTO(buf_done) struct buf tar = BUF_NULL(TAR_MAKER_MAX);
        struct layout_desc d = layout_describe(layers[0].data, layers[0].len), c;
        AUTO_FREE char *config = layout_config(&d, 1, "amd64", "");
        char name[80], hex[65];
        AUTO_FREE char *manifest = NULL;
        AUTO_FREE char *want = NULL;

        memset(hex, '0', 64);
        hex[64] = 0;
        (void)snprintf(name, sizeof(name), "%s.json", hex);
        manifest = xasprintf("[{\"Config\":\"%s\",\"Layers\":[\"l.tar\"]}]", name);
        tar_file(&tar, "manifest.json", manifest);
        tar_file(&tar, name, config);
        tar_add(&tar, (struct tar_entry){ .name = "l.tar",
                                          .mode = 0644,
                                          .data = (char *)layers[0].data,
                                          .len = layers[0].len });
        tar_end(&tar);
        c = layout_describe(config, strlen(config));
        want = xasprintf("d.tar: %s: wrong digest: expected sha256:%s, found %s", name, hex,
                         c.digest);
        assert_err(import_bytes(&t, "d.tar", &tar), &t.e, ERR_BAD_DATA, want);
        assert_store(&t, 0, 0);
}

static void docker_paths_lead_nowhere_outside(void **state)
{
        IMPORT_TEST;
        AUTO(buf_done) struct buf tar = BUF_NULL(TAR_MAKER_MAX);

        tar_file(&tar, "manifest.json", "[{\"Config\":\"../../../etc/passwd\",\"Layers\":[]}]");
        tar_symlink(&tar, "x.json", "/etc/passwd");
        tar_end(&tar);
        assert_err(import_bytes(&t, "d.tar", &tar), &t.e, ERR_NOT_FOUND,
                   "d.tar: has no \"../../../etc/passwd\"");
        assert_store(&t, 0, 0);
}

static void cyclic_parents_end_at_the_layer_limit(void **state)
{
        IMPORT_TEST;
        AUTO(buf_done) struct buf tar = BUF_NULL(TAR_MAKER_MAX);
        char id[65], path[80];
        AUTO_FREE char *repositories = NULL;
        AUTO_FREE char *json = NULL;

        memset(id, 'c', 64);
        id[64] = 0;
        repositories = xasprintf("{\"old\":{\"1\":\"%s\"}}", id);
        json = xasprintf("{\"parent\":\"%s\"}", id);
        tar_file(&tar, "repositories", repositories);
        (void)snprintf(path, sizeof(path), "%s/json", id);
        tar_file(&tar, path, json);
        tar_end(&tar);
        assert_err(import_bytes(&t, "d.tar", &tar), &t.e, ERR_LIMIT,
                   "d.tar: cccccccccccc has more than 500 layers (limit)");
        assert_store(&t, 0, 0);
}

static void broken_aci_leaves_nothing(void **state)
{
        IMPORT_TEST;
        AUTO(buf_done) struct buf tar = BUF_NULL(TAR_MAKER_MAX), bad = BUF_NULL(TAR_MAKER_MAX);

        tar_file(&tar, "manifest", "{}");
        tar_file(&tar, "rootfs/a", "a");
        tar.len -= 600;
        assert_int_equal(import_bytes(&t, "cut.aci", &tar), -1);
        assert_int_equal(t.e.kind, ERR_BAD_DATA);
        assert_memory_equal(t.e.text, "cut.aci: ", 9);
        assert_store(&t, 0, 0);

        tar_file(&bad, "manifest", "{\"acKind\":\"PodManifest\"}");
        tar_dir(&bad, "rootfs");
        tar_end(&bad);
        assert_int_equal(import_bytes(&t, "bad.aci", &bad), -1);
        assert_int_equal(t.e.kind, ERR_BAD_DATA);
        assert_memory_equal(t.e.text, "bad.aci: manifest: ", 19);
        assert_store(&t, 0, 0);
}

static void what_is_no_image_is_said_so(void **state)
{
        IMPORT_TEST;
        AUTO(buf_done)
        struct buf noise = BUF_NULL(65536), tar = BUF_NULL(65536), empty = BUF_NULL(1);

        assert_err(import_file(&t, "missing.aci", NULL), &t.e, ERR_NOT_FOUND,
                   "missing.aci: No such file or directory");
        for (int i = 0; i < 100; i++)
                (void)buf_puts(&noise, "no archive. ");
        assert_err(import_bytes(&t, "noise", &noise), &t.e, ERR_UNSUPPORTED,
                   "noise: neither an ACI nor an OCI image layout nor a docker archive");
        assert_err(import_bytes(&t, "empty", &empty), &t.e, ERR_UNSUPPORTED,
                   "empty: neither an ACI nor an OCI image layout nor a docker archive");
        tar_file(&tar, "bin/sh", "x");
        tar_end(&tar);
        assert_err(import_bytes(&t, "root.tar", &tar), &t.e, ERR_UNSUPPORTED,
                   "root.tar: neither an ACI nor an OCI image layout nor a docker archive");
        assert_int_equal(mkdirat(t.dir.fd, "dir", 0755), 0);
        assert_err(import_file(&t, "dir", NULL), &t.e, ERR_UNSUPPORTED,
                   "dir: neither an ACI nor an OCI image layout nor a docker archive");
        assert_store(&t, 0, 0);
}

static void empty_lists_of_images_are_said_so(void **state)
{
        IMPORT_TEST;
        AUTO(buf_done) struct buf tar = BUF_NULL(65536);

        layout_index(&t.l, "");
        assert_refused(&t, NULL, ERR_NOT_FOUND, "img: index.json lists no image");
        tar_file(&tar, "manifest.json", "[]");
        tar_end(&tar);
        assert_err(import_bytes(&t, "d.tar", &tar), &t.e, ERR_NOT_FOUND,
                   "d.tar: the docker archive lists no image");
}

static void good_images_before_a_bad_one_stay(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        AUTO_FREE char *good =
                layout_entry(OCI_MANIFEST_TYPE, layout_image(&t.l, layers, 2, "amd64", ""),
                             ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"a\"}");
        struct layout_desc d = layout_describe("x", 1);
        AUTO_FREE char *bad =
                layout_entry(OCI_MANIFEST_TYPE, d,
                             ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"b\"}");
        AUTO_FREE char *both = xasprintf("%s,%s", good, bad);

        layout_index(&t.l, both);
        assert_int_equal(import_layout(&t, NULL), -1);
        assert_int_equal(t.ids.n, 1);
        assert_store(&t, 1, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(layer_with_a_wrong_digest_is_refused),
                cmocka_unit_test(layer_that_is_not_what_the_config_says_is_refused),
                cmocka_unit_test(manifest_config_and_sizes_are_checked),
                cmocka_unit_test(missing_blob_is_named),
                cmocka_unit_test(unknown_and_foreign_types_are_refused_with_a_reason),
                cmocka_unit_test(indexes_do_not_nest_without_end),
                cmocka_unit_test(json_of_10000_levels_is_refused),
                cmocka_unit_test(escaping_entry_in_a_layer_leaves_nothing),
                cmocka_unit_test(number_of_diff_ids_must_fit),
                cmocka_unit_test(docker_config_must_hash_to_its_name),
                cmocka_unit_test(docker_paths_lead_nowhere_outside),
                cmocka_unit_test(cyclic_parents_end_at_the_layer_limit),
                cmocka_unit_test(broken_aci_leaves_nothing),
                cmocka_unit_test(what_is_no_image_is_said_so),
                cmocka_unit_test(empty_lists_of_images_are_said_so),
                cmocka_unit_test(good_images_before_a_bad_one_stay),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
