/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "image/ref.h"

struct row {
        const char *text;
        bool hub;
        const char *index, *repository, *tag, *name;
};

static void references_are_named_as_docker2aci_does(void **state)
{
        static const struct row rows[] = {
                { "busybox", true, "registry-1.docker.io", "library/busybox", "latest",
                  "registry-1.docker.io/library/busybox" },
                { "busybox:1.36", true, "registry-1.docker.io", "library/busybox", "1.36",
                  "registry-1.docker.io/library/busybox" },
                { "me/app:1", true, "registry-1.docker.io", "me/app", "1",
                  "registry-1.docker.io/me/app" },
                { "docker.io/library/busybox:1", false, "registry-1.docker.io", "library/busybox",
                  "1", "registry-1.docker.io/library/busybox" },
                { "docker.io/busybox", false, "registry-1.docker.io", "library/busybox", "latest",
                  "registry-1.docker.io/library/busybox" },
                { "quay.io/coreos/etcd:v3", true, "quay.io", "coreos/etcd", "v3",
                  "quay.io/coreos/etcd" },
                { "quay.io:443/coreos/etcd", true, "quay.io:443", "coreos/etcd", "latest",
                  "quay.io_443/coreos/etcd" },
                { "localhost/x:y", true, "localhost", "x", "y", "localhost/x" },
                { "busybox:1.36", false, NULL, "busybox", "1.36", "busybox" },
                { "me/app", false, NULL, "me/app", "latest", "me/app" },
                { "Me/App:V1", false, NULL, "Me/App", "V1", "me/app" },
                { "a:1@sha256:abc", false, NULL, "a", "1", "a" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(image_docker_ref_done) struct image_docker_ref r = IMAGE_DOCKER_REF_NULL;
                struct err e;

                assert_ok(image_docker_ref_parse(rows[i].text, rows[i].hub, &r, &e), &e);
                assert_string_equal(r.index ? r.index : "-", rows[i].index ? rows[i].index : "-");
                assert_string_equal(r.repository, rows[i].repository);
                assert_string_equal(r.tag, rows[i].tag);
                assert_string_equal(r.name, rows[i].name);
        }
}

static void references_without_a_name_are_refused(void **state)
{
        static const char *const texts[] = { "", ":tag", "@sha256:00", "___", "///" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                AUTO(image_docker_ref_done) struct image_docker_ref r = IMAGE_DOCKER_REF_NULL;
                struct err e;

                assert_int_equal(image_docker_ref_parse(texts[i], false, &r, &e), -1);
                assert_int_equal(e.kind, ERR_BAD_DATA);
                assert_null(r.name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(references_are_named_as_docker2aci_does),
                cmocka_unit_test(references_without_a_name_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
