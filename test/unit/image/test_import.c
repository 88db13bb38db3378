/* SPDX-License-Identifier: Apache-2.0 */
/* Honest images of every format. The others: test_import_hostile.c. */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "import_test.h"

#include <dirent.h>
#include <pthread.h>

static void oci_layout_directory_becomes_a_record(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        struct image_view v;
        AUTO_FREE char *path = NULL;

        layout_simple(&t.l, layers, 2, "example.com/app:2.1");
        assert_ok(import_layout(&t, NULL), &t.e);
        assert_int_equal(t.ids.n, 1);
        assert_store(&t, 1, 2);
        v = view_of(&t, t.ids.v[0]);
        assert_string_equal(v.record.name, "example.com/app");
        assert_string_equal(v.record.version, "2.1");
        assert_int_equal(v.record.format, APPC_FORMAT_OCI);
        assert_string_equal(v.record.format_version, "1.0.0");
        assert_int_equal(v.record.layers.n, 2);
        path = xasprintf("images/layers/%s/fs/etc/new", v.record.layers.v[0]); /* top first */
        assert_int_equal(faccessat(t.dir.fd, path, F_OK, 0), 0);
        image_view_done(&v);
}

static void id_is_the_sha512_of_the_manifest(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        char hex[DIGEST_HEX_MAX + 1], want[80], path[96];
        struct layout_desc d = layout_image(&t.l, layers, 2, "amd64", "");
        AUTO_FREE char *entry = layout_entry(OCI_MANIFEST_TYPE, d, "");
        struct layout_file *f;

        layout_index(&t.l, entry);
        (void)snprintf(path, sizeof(path), "blobs/sha256/%s", d.digest + 7);
        f = layout_find(&t.l, path);
        digest_of(DIGEST_SHA512, f->data.data, f->data.len, hex);
        (void)snprintf(want, sizeof(want), "sha512-%.64s", hex);
        assert_ok(import_layout(&t, NULL), &t.e);
        assert_string_equal(t.ids.v[0], want);
}

static void importing_again_changes_nothing(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;

        layout_simple(&t.l, layers, 2, "app");
        assert_ok(import_layout(&t, NULL), &t.e);
        assert_int_equal(t.skipped, 0);
        assert_ok(import_layout(&t, NULL), &t.e);
        assert_int_equal(t.ids.n, 1);
        assert_int_equal(t.skipped, 1);
        assert_store(&t, 1, 2);
}

static void layers_in_the_store_are_not_unpacked_again(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        AUTO_FREE char *entry = NULL;

        layout_simple(&t.l, layers, 2, "app");
        assert_ok(import_layout(&t, NULL), &t.e);
        layout_done(&t.l);
        entry = layout_entry(OCI_MANIFEST_TYPE,
                             layout_image(&t.l, layers, 2, "amd64", ",\"Env\":[\"A=B\"]"), "");
        layout_index(&t.l, entry);
        assert_ok(import_layout(&t, NULL), &t.e);
        assert_int_equal(t.skipped, 2);
        assert_store(&t, 2, 2);
}

static void layout_tar_is_read_in_any_order_and_packing(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        AUTO(buf_done) struct buf tar = BUF_NULL(TAR_MAKER_MAX), reversed = BUF_NULL(TAR_MAKER_MAX);
        AUTO_FREE char *id = NULL;

        layout_simple(&t.l, layers, 2, "app");
        assert_ok(import_layout(&t, NULL), &t.e);
        id = xstrdup(t.ids.v[0]);
        layout_tar(&t.l, false, &tar);
        layout_tar(&t.l, true, &reversed);
        assert_ok(import_bytes(&t, "a.tar", &tar), &t.e);
        assert_string_equal(t.ids.v[0], id);
        assert_ok(import_bytes(&t, "b.tar", &reversed), &t.e);
        assert_string_equal(t.ids.v[0], id);
        assert_store(&t, 1, 2);
}

static void image_without_a_name_is_called_as_its_file(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        AUTO(buf_done) struct buf tar = BUF_NULL(TAR_MAKER_MAX);
        AUTO_FREE char *entry =
                layout_entry(OCI_MANIFEST_TYPE, layout_image(&t.l, layers, 2, "amd64", ""), "");
        struct image_view v;

        layout_index(&t.l, entry);
        layout_tar(&t.l, false, &tar);
        assert_ok(import_bytes(&t, "my-app.tar", &tar), &t.e);
        v = view_of(&t, t.ids.v[0]);
        assert_string_equal(v.record.name, "my-app");
        image_view_done(&v);
}

static char *platform_entry(struct layout *l, const struct buf *layers, const char *arch,
                            const char *variant)
{
        AUTO_FREE char *more =
                xasprintf(",\"platform\":{\"os\":\"linux\",\"architecture\":\"%s\"%s%s%s}", arch,
                          *variant ? ",\"variant\":\"" : "", variant, *variant ? "\"" : "");

        return layout_entry(OCI_MANIFEST_TYPE, layout_image(l, layers, 1, arch, ""), more);
}

static void platform_of_a_list_is_chosen(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        AUTO_FREE char *amd = platform_entry(&t.l, layers, "amd64", "");
        AUTO_FREE char *arm = platform_entry(&t.l, layers, "arm", "v7");
        AUTO_FREE char *list = xasprintf("{\"schemaVersion\":2,\"manifests\":[%s,%s]}", arm, amd);
        AUTO_FREE char *both = xasprintf("%s,%s", arm, amd);
        AUTO_FREE char *nested = NULL;
        AUTO_FREE char *first = NULL;
        struct image_view v;

        layout_index(&t.l, both);
        assert_ok(import_layout(&t, "linux/arm/v7"), &t.e);
        assert_int_equal(t.ids.n, 1);
        v = view_of(&t, t.ids.v[0]);
        assert_non_null(strstr(v.manifest, "armv7l"));
        image_view_done(&v);
        first = xstrdup(t.ids.v[0]);
        assert_ok(import_layout(&t, "linux/amd64"), &t.e);
        assert_int_equal(t.ids.n, 1);
        assert_string_not_equal(t.ids.v[0], first);

        nested = layout_entry(
                OCI_INDEX_TYPE, layout_blob(&t.l, list, strlen(list)),
                ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"multi:1\"}");
        layout_index(&t.l, nested);
        assert_ok(import_layout(&t, "linux/arm/v8"), &t.e);
        assert_int_equal(t.ids.n, 1);
        assert_string_equal(t.ids.v[0], first);
        assert_err(import_layout(&t, "linux/s390x"), &t.e, ERR_NOT_FOUND,
                   "img: no image for linux/s390x, but for linux/arm/v7, linux/amd64");
}

static void several_images_of_a_layout_are_all_imported(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        AUTO_FREE char *one =
                layout_entry(OCI_MANIFEST_TYPE, layout_image(&t.l, layers, 1, "amd64", ""),
                             ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"a:1\"}");
        AUTO_FREE char *two =
                layout_entry(OCI_MANIFEST_TYPE, layout_image(&t.l, layers, 2, "amd64", ""),
                             ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"b:1\"}");
        AUTO_FREE char *both = xasprintf("%s,%s", one, two);

        layout_index(&t.l, both);
        assert_ok(import_layout(&t, NULL), &t.e);
        assert_int_equal(t.ids.n, 2);
        assert_int_equal(t.skipped, 1);
        assert_store(&t, 2, 2);
}

/*
 * A docker archive of @n images; the second shares the first's layer through a symlink, as docker
 * does.
 */
static void docker_archive(struct buf *tar, const struct buf *layers, const char *tags)
{
        struct layout_desc d[2] = { layout_describe(layers[0].data, layers[0].len),
                                    layout_describe(layers[1].data, layers[1].len) };
        AUTO_FREE char *config1 = layout_config(d, 1, "amd64", "");
        AUTO_FREE char *config2 = layout_config(d, 2, "amd64", "");
        AUTO_FREE char *manifest =
                xasprintf("[{\"Config\":\"one.json\",\"RepoTags\":%s,\"Layers\":[\"1/layer.tar\"]},"
                          "{\"Config\":\"two.json\",\"RepoTags\":[\"quay.io/x/"
                          "two:2\"],\"Layers\":[\"2/layer.tar\",\"3/layer.tar\"]}]",
                          tags);

        tar_file(tar, "manifest.json", manifest);
        tar_add(tar, (struct tar_entry){ .name = "1/layer.tar",
                                         .mode = 0644,
                                         .data = (char *)layers[0].data,
                                         .len = layers[0].len });
        tar_symlink(tar, "2/layer.tar", "../1/layer.tar");
        tar_add(tar, (struct tar_entry){ .name = "3/layer.tar",
                                         .mode = 0644,
                                         .data = (char *)layers[1].data,
                                         .len = layers[1].len });
        tar_file(tar, "one.json", config1);
        tar_file(tar, "two.json", config2);
        tar_end(tar);
}

static void docker_archive_gives_all_its_images(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        AUTO(buf_done) struct buf tar = BUF_NULL(TAR_MAKER_MAX);
        struct image_view v;

        docker_archive(&tar, layers, "[\"busybox:1.36\",\"other:1\"]");
        assert_ok(import_bytes(&t, "d.tar", &tar), &t.e);
        assert_int_equal(t.ids.n, 2);
        assert_store(&t, 2, 2);
        v = view_of(&t, t.ids.v[0]);
        assert_string_equal(v.record.name, "registry-1.docker.io/library/busybox");
        assert_string_equal(v.record.version, "1.36");
        assert_int_equal(v.record.format, APPC_FORMAT_DOCKER);
        assert_int_equal(v.record.n_names, 1); /* every tag counts */
        assert_string_equal(v.record.names[0].name, "registry-1.docker.io/library/other");
        image_view_done(&v);
        v = view_of(&t, t.ids.v[1]);
        assert_string_equal(v.record.name, "quay.io/x/two");
        assert_int_equal(v.record.layers.n, 2);
        image_view_done(&v);
}

static void docker_image_has_the_same_id_wherever_it_comes_from(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        AUTO(buf_done) struct buf tar = BUF_NULL(TAR_MAKER_MAX), tar2 = BUF_NULL(TAR_MAKER_MAX);
        AUTO_FREE char *id = NULL;

        docker_archive(&tar, layers, "null");
        docker_archive(&tar2, layers, "[\"named:1\"]");
        assert_ok(import_bytes(&t, "d.tar", &tar), &t.e);
        id = xstrdup(t.ids.v[0]);
        assert_ok(import_bytes(&t, "e.tar", &tar2), &t.e);
        assert_string_equal(t.ids.v[0], id);
}

static void archive_of_before_docker_1_10_is_understood(void **state)
{
        IMPORT_TEST;
        SAMPLE_LAYERS;
        AUTO(buf_done) struct buf tar = BUF_NULL(TAR_MAKER_MAX);
        char top[65], low[65], path[80];
        AUTO_FREE char *repositories = NULL;
        AUTO_FREE char *json = NULL;
        struct image_view v;

        memset(top, 'a', 64);
        memset(low, 'b', 64);
        top[64] = low[64] = 0;
        repositories = xasprintf("{\"old\":{\"0.1\":\"%s\"}}", top);
        json = xasprintf("{\"id\":\"%s\",\"parent\":\"%s\",\"os\":\"linux\",\"architecture\":"
                         "\"amd64\",\"config\":{\"Cmd\":[\"/x\"]}}",
                         top, low);
        tar_file(&tar, "repositories", repositories);
        (void)snprintf(path, sizeof(path), "%s/json", top);
        tar_file(&tar, path, json);
        (void)snprintf(path, sizeof(path), "%s/layer.tar", top);
        tar_add(&tar, (struct tar_entry){ .name = path,
                                          .mode = 0644,
                                          .data = (char *)layers[1].data,
                                          .len = layers[1].len });
        (void)snprintf(path, sizeof(path), "%s/json", low);
        tar_file(&tar, path, "{\"os\":\"linux\",\"architecture\":\"amd64\"}");
        (void)snprintf(path, sizeof(path), "%s/layer.tar", low);
        tar_add(&tar, (struct tar_entry){ .name = path,
                                          .mode = 0644,
                                          .data = (char *)layers[0].data,
                                          .len = layers[0].len });
        tar_end(&tar);
        assert_ok(import_bytes(&t, "old.tar", &tar), &t.e);
        v = view_of(&t, t.ids.v[0]);
        assert_string_equal(v.record.name, "registry-1.docker.io/library/old");
        assert_string_equal(v.record.version, "0.1");
        assert_int_equal(v.record.layers.n, 2);
        assert_non_null(strstr(v.manifest, "\"/x\""));
        image_view_done(&v);
}

static const char aci_manifest[] =
        "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"example.com/aci\","
        "\"labels\":[{\"name\":\"version\",\"value\":\"3\"}]}";

static void make_aci(struct buf *tar, bool manifest_last)
{
        if (!manifest_last)
                tar_file(tar, "manifest", aci_manifest);
        tar_dir(tar, "rootfs");
        tar_file(tar, "rootfs/a", "a");
        if (manifest_last)
                tar_file(tar, "manifest", aci_manifest);
        tar_end(tar);
}

static void aci_is_named_by_the_sha512_of_its_tar(void **state)
{
        IMPORT_TEST;

        for (int last = 0; last < 2; last++) {
                AUTO(buf_done) struct buf tar = BUF_NULL(TAR_MAKER_MAX);
                char hex[DIGEST_HEX_MAX + 1], want[80];
                struct image_view v;

                make_aci(&tar, last);
                digest_of(DIGEST_SHA512, tar.data, tar.len, hex);
                (void)snprintf(want, sizeof(want), "sha512-%.64s", hex);
                assert_ok(import_bytes(&t, "a.aci", &tar), &t.e);
                assert_string_equal(t.ids.v[0], want);
                v = view_of(&t, want);
                assert_string_equal(v.record.name, "example.com/aci");
                assert_string_equal(v.record.version, "3");
                assert_int_equal(v.record.format, APPC_FORMAT_APPC);
                assert_string_equal(v.record.format_version, "0.8.11");
                assert_string_equal(v.manifest, aci_manifest);
                image_view_done(&v);
                assert_ok(import_bytes(&t, "a.aci", &tar), &t.e);
                assert_store(&t, last + 1, last + 1);
        }
}

/* The same layer over two bases: what it implies looks different, so it is kept twice. */
static void layer_that_takes_after_its_base_is_kept_per_base(void **state)
{
        IMPORT_TEST;
        AUTO(buf_done)
        struct buf a = BUF_NULL(TAR_MAKER_MAX), b = BUF_NULL(TAR_MAKER_MAX),
                   top = BUF_NULL(TAR_MAKER_MAX);
        const mode_t want[2] = { 01777, 0700 };
        struct buf images[2][2];

        tar_add(&a, (struct tar_entry){ .name = "tmp", .type = '5', .mode = 01777 });
        tar_end(&a);
        tar_add(&b, (struct tar_entry){ .name = "tmp", .type = '5', .mode = 0700 });
        tar_end(&b);
        tar_file(&top, "tmp/x", "x");
        tar_end(&top);
        images[0][0] = a;
        images[1][0] = b;
        images[0][1] = images[1][1] = top;
        for (int i = 0; i < 2; i++) {
                AUTO_FREE char *path = NULL;
                struct image_view v;
                struct stat st;

                layout_done(&t.l);
                layout_simple(&t.l, images[i], 2, "app");
                assert_ok(import_layout(&t, NULL), &t.e);
                assert_int_equal(t.skipped, 0);
                v = view_of(&t, t.ids.v[0]);
                path = xasprintf("images/layers/%s/fs/tmp", v.record.layers.v[0]);
                assert_int_equal(fstatat(t.dir.fd, path, &st, 0), 0);
                assert_int_equal(st.st_mode & 07777, want[i]);
                image_view_done(&v);
        }
        assert_store(&t, 2, 4);
}

static void *write_pipe(void *arg)
{
        const struct buf *b = arg;
        int fd = open("/tmp/carob-test-import-pipe", O_WRONLY | O_CLOEXEC);

        if (fd >= 0) {
                (void)fs_write_all(fd, b->data, b->len);
                (void)close(fd);
        }
        return NULL;
}

static void pipe_is_read_like_a_file(void **state)
{
        IMPORT_TEST;
        AUTO(buf_done) struct buf tar = BUF_NULL(TAR_MAKER_MAX);
        pthread_t writer;
        int r;

        make_aci(&tar, false);
        (void)unlink("/tmp/carob-test-import-pipe");
        assert_int_equal(mkfifo("/tmp/carob-test-import-pipe", 0600), 0);
        assert_int_equal(pthread_create(&writer, NULL, write_pipe, &tar), 0);
        r = import_file(&t, "/tmp/carob-test-import-pipe", NULL);
        (void)pthread_join(writer, NULL);
        (void)unlink("/tmp/carob-test-import-pipe");
        assert_ok(r, &t.e);
        assert_int_equal(t.ids.n, 1);
}

static void character_device_is_refused(void **state)
{
        IMPORT_TEST;

        assert_err(import_file(&t, "/dev/zero", NULL), &t.e, ERR_BAD_DATA,
                   "/dev/zero: a character device; an image is a file, a directory or a pipe");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(oci_layout_directory_becomes_a_record),
                cmocka_unit_test(id_is_the_sha512_of_the_manifest),
                cmocka_unit_test(importing_again_changes_nothing),
                cmocka_unit_test(layers_in_the_store_are_not_unpacked_again),
                cmocka_unit_test(layout_tar_is_read_in_any_order_and_packing),
                cmocka_unit_test(image_without_a_name_is_called_as_its_file),
                cmocka_unit_test(platform_of_a_list_is_chosen),
                cmocka_unit_test(several_images_of_a_layout_are_all_imported),
                cmocka_unit_test(docker_archive_gives_all_its_images),
                cmocka_unit_test(docker_image_has_the_same_id_wherever_it_comes_from),
                cmocka_unit_test(archive_of_before_docker_1_10_is_understood),
                cmocka_unit_test(aci_is_named_by_the_sha512_of_its_tar),
                cmocka_unit_test(layer_that_takes_after_its_base_is_kept_per_base),
                cmocka_unit_test(pipe_is_read_like_a_file),
                cmocka_unit_test(character_device_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
