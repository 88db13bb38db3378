/* SPDX-License-Identifier: Apache-2.0 */
#include "appc/pod_manifest.h"
#include "manifests.h"

#define ONE(members)                                                                               \
        "{\"name\":\"web\",\"image\":{\"id\":\"sha512-ab\"},"                                      \
        "\"app\":{\"user\":\"0\",\"group\":\"0\"" members "}}"
#define MOUNT(members)                                                                             \
        "{\"name\":\"web\",\"image\":{\"id\":\"sha512-ab\"},\"mounts\":[{" members "}]}"

static void a_whole_pod_is_read(void **state)
{
        AUTO(appc_pod_manifest_freep)
        struct appc_pod_manifest *m = pod_of(
                POD(",\"apps\":[{\"name\":\"web\",\"image\":{\"id\":\"sha512-ab\",\"name\":\"x/y\","
                    "\"labels\":[{\"name\":\"version\",\"value\":\"1\"}]},"
                    "\"app\":{\"user\":\"0\",\"group\":\"0\",\"exec\":[\"/"
                    "a\"]},\"readOnlyRootFS\":true,"
                    "\"mounts\":[{\"volume\":\"data\",\"path\":\"/d\"},"
                    "{\"volume\":\"own\",\"path\":\"/o\",\"appVolume\":{\"name\":\"own\","
                    "\"kind\":\"empty\"}}],\"annotations\":[{\"name\":\"n\",\"value\":\"v\"}]}],"
                    "\"volumes\":[{\"name\":\"data\",\"kind\":\"host\",\"source\":\"/srv\","
                    "\"readOnly\":true,\"recursive\":false},"
                    "{\"name\":\"tmp\",\"kind\":\"empty\",\"mode\":\"1777\",\"uid\":5,\"gid\":6}],"
                    "\"isolators\":[{\"name\":\"some/thing\",\"value\":{}},"
                    "{\"name\":\"resource/memory\",\"value\":{\"limit\":\"1Gi\"}}],"
                    "\"annotations\":[{\"name\":\"carob.io/pod-name\",\"value\":\"p\"}],"
                    "\"ports\":[{\"name\":\"http\",\"hostPort\":8080,\"hostIP\":\"127.0.0.1\","
                    "\"podPort\":{\"port\":80,\"name\":\"\",\"protocol\":\"tcp\",\"count\":1}}],"
                    "\"userAnnotations\":{\"a\":\"b\"},\"userLabels\":{\"c\":\"d\"}"));
        const struct appc_pod_app *app = m->apps;

        (void)state;
        assert_int_equal(m->n_apps, 1);
        assert_string_equal(app->name, "web");
        assert_string_equal(app->image_name, "x/y");
        assert_string_equal(kv_list_get(&app->image_labels, "version"), "1");
        assert_string_equal(app->app->exec.v[0], "/a");
        assert_true(app->read_only_rootfs);
        assert_int_equal(app->n_mounts, 2);
        assert_null(app->mounts[0].app_volume);
        assert_int_equal(app->mounts[1].app_volume->kind, APPC_VOLUME_EMPTY);
        assert_int_equal(m->n_volumes, 2);
        assert_string_equal(appc_pod_manifest_volume(m, "data")->source, "/srv");
        assert_false(m->volumes[0].recursive);
        assert_int_equal(m->volumes[1].mode, 01777);
        assert_int_equal(m->volumes[1].uid, 5);
        assert_true(m->volumes[1].recursive);
        assert_null(appc_pod_manifest_volume(m, "none"));
        assert_int_equal(m->isolators.memory_limit, INT64_C(1) << 30);
        assert_string_equal(m->isolators.ignored.v[0], "some/thing");
        assert_string_equal(kv_list_get(&m->annotations, "carob.io/pod-name"), "p");
        assert_int_equal(m->ports[0].host_port, 8080);
        assert_int_equal(m->ports[0].pod_port->port, 80);
        assert_string_equal(kv_list_get(&m->user_labels, "c"), "d");
}

static void a_manifest_as_rkt_wrote_it_is_accepted(void **state)
{
        static const char text[] =
                "{\"acVersion\":\"1.30.0+git171c416f\",\"acKind\":\"PodManifest\",\"apps\":[{"
                "\"name\":"
                "\"busybox\",\"image\":{\"name\":\"example.com/"
                "busybox\",\"id\":\"sha512-140375b2a2bd836"
                "559a7c978f36762b75b80a7665e5d922db055d1792d6a4182\",\"labels\":[{\"name\":"
                "\"arch\","
                "\"value\":\"amd64\"},{\"name\":\"os\",\"value\":\"linux\"}]},\"app\":{\"exec\":["
                "\"/bin/"
                "sh\"],\"user\":\"0\",\"group\":\"0\"}}],\"volumes\":null,\"isolators\":null,"
                "\"annotations\":[{\"name\":\"coreos.com/rkt/stage1/"
                "mutable\",\"value\":\"false\"}],"
                "\"ports\":[]}";
        AUTO(appc_pod_manifest_freep) struct appc_pod_manifest *m = pod_of(text);

        (void)state;
        assert_int_equal(m->n_apps, 1);
        assert_int_equal(m->n_volumes, 0);
        assert_int_equal(m->n_ports, 0);
}

static void an_app_may_leave_its_app_to_the_image(void **state)
{
        AUTO(appc_pod_manifest_freep)
        struct appc_pod_manifest *m =
                pod_of(POD(",\"apps\":[{\"name\":\"a\",\"image\":{\"id\":\"sha512-ab\"}}]"));

        (void)state;
        assert_null(m->apps[0].app);
        assert_null(m->apps[0].image_name);
}

static void references_must_lead_somewhere(void **state)
{
        static const struct bad_row rows[] = {
                { POD(",\"apps\":[" ONE("") "," ONE("") "]"), ERR_BAD_DATA,
                  "apps: \"web\" is there twice" },
                { POD(",\"apps\":[" MOUNT("\"volume\":\"v\",\"path\":\"/v\"") "]"), ERR_BAD_DATA,
                  "apps[0].mounts[0].volume: the pod has no volume \"v\"" },
                { POD(",\"volumes\":[{\"name\":\"v\",\"kind\":\"empty\"},"
                      "{\"name\":\"v\",\"kind\":\"empty\"}]"),
                  ERR_BAD_DATA, "volumes: \"v\" is there twice" },
        };

        (void)state;
        refuse_pods(rows, ARRAY_LEN(rows));
}

static void broken_pods_are_refused_by_place(void **state)
{
        static const struct bad_row rows[] = {
                { IMAGE(""), ERR_BAD_DATA, "acKind: is \"ImageManifest\", not \"PodManifest\"" },
                { POD(",\"apps\":[" ONE("") ",{\"name\":\"b\"}]"), ERR_BAD_DATA,
                  "apps[1].image: is missing" },
                { POD(",\"apps\":[{\"name\":\"b\",\"image\":{\"name\":\"x\"}}]"), ERR_BAD_DATA,
                  "apps[0].image.id: is missing" },
                { POD(",\"apps\":[{\"name\":\"../b\"}]"), ERR_BAD_DATA,
                  "apps[0].name: \"../b\" is not an AC Name" },
                { POD(",\"apps\":[" ONE(",\"ports\":[{\"name\":\"p\",\"port\":70000}]") "]"),
                  ERR_BAD_DATA, "apps[0].app.ports[0].port: 70000 is outside 1 to 65535" },
                { POD(",\"apps\":[" MOUNT("\"volume\":\"v\",\"path\":\"../v\"") "]"), ERR_BAD_DATA,
                  "apps[0].mounts[0].path: \"../v\" is neither an absolute path nor an AC Name" },
                { POD(",\"volumes\":[{\"name\":\"v\",\"kind\":\"cloud\"}]"), ERR_BAD_DATA,
                  "volumes[0].kind: \"cloud\" is neither \"host\" nor \"empty\"" },
                { POD(",\"volumes\":[{\"name\":\"v\",\"kind\":\"host\",\"source\":\"x\"}]"),
                  ERR_BAD_DATA, "volumes[0].source: \"x\" is not an absolute path" },
                { POD(",\"volumes\":[{\"name\":\"v\",\"kind\":\"host\"}]"), ERR_BAD_DATA,
                  "volumes[0].source: is missing" },
                { POD(",\"volumes\":[{\"name\":\"v\",\"kind\":\"host\",\"source\":\"/x\","
                      "\"mode\":\"0755\"}]"),
                  ERR_BAD_DATA, "volumes[0].mode: is for empty volumes only" },
                { POD(",\"volumes\":[{\"name\":\"v\",\"kind\":\"empty\",\"source\":\"/x\"}]"),
                  ERR_BAD_DATA, "volumes[0].source: is for host volumes only" },
                { POD(",\"volumes\":[{\"name\":\"v\",\"kind\":\"empty\",\"mode\":\"0788\"}]"),
                  ERR_BAD_DATA, "volumes[0].mode: \"0788\" is no octal file mode" },
                { POD(",\"ports\":[{\"name\":\"p\"}]"), ERR_BAD_DATA,
                  "ports[0].hostPort: is missing" },
                { POD(",\"apps\":{}"), ERR_BAD_DATA, "apps: must be an array, not an object" },
        };

        (void)state;
        refuse_pods(rows, ARRAY_LEN(rows));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_whole_pod_is_read),
                cmocka_unit_test(a_manifest_as_rkt_wrote_it_is_accepted),
                cmocka_unit_test(an_app_may_leave_its_app_to_the_image),
                cmocka_unit_test(references_must_lead_somewhere),
                cmocka_unit_test(broken_pods_are_refused_by_place),
        };
        return cmocka_run_group_tests_name("appc/pod_manifest", tests, NULL, NULL);
}
