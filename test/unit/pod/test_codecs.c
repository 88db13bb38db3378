/* SPDX-License-Identifier: Apache-2.0 */
/* app_status, app_image, launch, status, net_info: what is printed is read the same, what is broken is named. */
#include "pod/app_image.h"
#include "pod/app_status.h"
#include "pod/launch.h"
#include "pod/net_info.h"
#include "pod/status.h"
#include "test.h"
#include "util/limits.h"
#include "util/mem.h"

#define ID "sha512-140375b2a2bd836559a7c978f36762b75b80a7665e5d922db055d1792d6a4182"

static void an_app_status_survives(void **state)
{
        const struct app_status in = { .state = APP_EXITED,
                                       .pid = INT32_MAX,
                                       .created_at = INT64_MAX,
                                       .started_at = INT64_MAX,
                                       .finished_at = INT64_MAX,
                                       .exit_code = 137,
                                       .signal = 9,
                                       .oom = true };
        struct app_status out = APP_STATUS_NULL;
        char text[APP_STATUS_TEXT_MAX];
        size_t len = app_status_print(&in, text);
        struct err e;

        (void)state;
        assert_int_equal(len, strlen(text));
        assert_ok(app_status_parse(text, len, &out, &e), &e);
        assert_int_equal(out.state, APP_EXITED);
        assert_int_equal(out.pid, in.pid);
        assert_int_equal(out.finished_at, in.finished_at);
        assert_int_equal(out.exit_code, 137);
        assert_int_equal(out.signal, 9);
        assert_true(out.oom);
}

static void an_image_survives(void **state)
{
        AUTO(app_image_done)
        struct app_image in = { .id = xstrdup(ID),
                                .name = xstrdup("a/b"),
                                .format = APPC_FORMAT_DOCKER,
                                .rootfs = APP_ROOTFS_COPY };
        AUTO(app_image_done) struct app_image out = APP_IMAGE_NULL;
        AUTO(buf_done) struct buf b = BUF_NULL(1000);
        struct err e;

        (void)state;
        strv_add(&in.layers, "12");
        strv_add(&in.layers, "7");
        assert_int_equal(app_image_print(&in, &b), 0);
        assert_ok(app_image_parse(b.data, b.len, &out, &e), &e);
        assert_string_equal(out.id, ID);
        assert_null(out.version);
        assert_int_equal(out.format, APPC_FORMAT_DOCKER);
        assert_int_equal(out.rootfs, APP_ROOTFS_COPY);
        assert_int_equal(out.layers.n, 2);
        assert_string_equal(out.layers.v[0], "12");
}

static void a_launch_survives_and_ignores_the_future(void **state)
{
        static const char text[] = "{\"net\":\"host\",\"hostname\":\"h\",\"dns\":[\"1.1.1.1\"]}";
        AUTO(pod_launch_done) struct pod_launch l = POD_LAUNCH_NULL;
        AUTO(buf_done) struct buf b = BUF_NULL(100);
        struct err e;

        (void)state;
        assert_ok(pod_launch_parse(text, strlen(text), &l, &e), &e);
        assert_int_equal(l.net, POD_NET_HOST);
        assert_string_equal(l.hostname, "h");
        assert_null(l.name);
        assert_int_equal(pod_launch_print(&l, &b), 0);
        assert_string_equal(buf_str(&b), "{\"net\":\"host\",\"hostname\":\"h\"}");
}

static void a_status_survives(void **state)
{
        struct pod_status in = { .exit_code = 143, .signal = 15, .finished_at = 5 };
        AUTO(pod_status_done) struct pod_status out = POD_STATUS_NULL;
        AUTO(buf_done) struct buf b = BUF_NULL(200);
        struct err e;

        (void)state;
        in.reason = xstrdup("app \"\xff\" was killed");
        assert_int_equal(pod_status_print(&in, &b), 0);
        pod_status_done(&in);
        assert_ok(pod_status_parse(b.data, b.len, &out, &e), &e);
        assert_int_equal(out.exit_code, 143);
        assert_int_equal(out.signal, 15);
        assert_int_equal(out.finished_at, 5);
        assert_string_equal(out.reason, "app \"\xef\xbf\xbd\" was killed");
}

static void networks_are_read_as_rkt_wrote_them(void **state)
{
        static const char text[] =
                "[{\"netName\":\"default\",\"netConf\":\"net/99.conf\",\"pluginPath\":\"p\","
                "\"ifName\":\"eth0\",\"ip\":\"172.16.28.2\",\"args\":\"\",\"mask\":\"255.255.255."
                "0\"},"
                "{\"netName\":\"six\",\"ifName\":\"\",\"ip\":\"\",\"ip6\":\"fd00::2\"}]";
        AUTO(pod_networks_done) struct pod_networks n = POD_NETWORKS_NULL;
        struct err e;

        (void)state;
        assert_ok(pod_networks_parse(text, strlen(text), &n, &e), &e);
        assert_int_equal(n.n, 2);
        assert_string_equal(n.v[0].name, "default");
        assert_string_equal(n.v[0].if_name, "eth0");
        assert_string_equal(n.v[0].ip4, "172.16.28.2");
        assert_null(n.v[1].if_name);
        assert_null(n.v[1].ip4);
        assert_string_equal(n.v[1].ip6, "fd00::2");
}

static void no_networks_may_be_null(void **state)
{
        AUTO(pod_networks_done) struct pod_networks n = POD_NETWORKS_NULL;
        struct err e;

        (void)state;
        assert_ok(pod_networks_parse("null", 4, &n, &e), &e);
        assert_int_equal(n.n, 0);
}

enum codec { APP_STATUS, APP_IMAGE, LAUNCH, STATUS, NETWORKS };

static int parse(enum codec codec, const char *text, struct err *e)
{
        struct app_status app_status;
        struct app_image image;
        struct pod_launch launch;
        struct pod_status status;
        struct pod_networks networks;
        size_t len = strlen(text);

        switch (codec) {
        case APP_STATUS:
                return app_status_parse(text, len, &app_status, e);
        case APP_IMAGE:
                return app_image_parse(text, len, &image, e);
        case LAUNCH:
                return pod_launch_parse(text, len, &launch, e);
        case STATUS:
                return pod_status_parse(text, len, &status, e);
        case NETWORKS:
                break;
        }
        return pod_networks_parse(text, len, &networks, e);
}

static void broken_files_are_refused(void **state)
{
        static const struct {
                enum codec codec;
                const char *text, *error;
        } rows[] = {
                { APP_STATUS, "{}", "\"state\" is missing" },
                { APP_STATUS, "[]", "expected an object around \"state\", found array" },
                { APP_STATUS, "{\"state\":\"exited\",\"exit_code\":256}",
                  "\"exit_code\" is 256, outside -1 to 255" },
                { APP_STATUS, "{\"state\":\"exited\",\"pid\":-1}",
                  "\"pid\" is -1, outside 0 to 2147483647" },
                { APP_IMAGE, "{\"id\":\"x\",\"name\":\"n\",\"format\":\"oci\"}",
                  "id: \"x\" is no image id" },
                { APP_IMAGE, "{\"id\":\"sha512-a\",\"name\":\"n\",\"format\":\"zip\"}",
                  "format: \"zip\" is no image format" },
                { APP_IMAGE,
                  "{\"id\":\"sha512-a\",\"name\":\"n\",\"format\":\"oci\",\"layers\":[\"1\",\"../"
                  "2\"]}",
                  "layers[1]: \"../2\" is no layer" },
                { APP_IMAGE,
                  "{\"id\":\"sha512-a\",\"name\":\"n\",\"format\":\"oci\",\"layers\":[\"\"]}",
                  "layers[0]: \"\" is no layer" },
                { APP_IMAGE,
                  "{\"id\":\"sha512-a\",\"name\":\"n\",\"format\":\"oci\",\"rootfs\":\"nfs\"}",
                  "rootfs: \"nfs\" is neither \"overlay\" nor \"copy\"" },
                { LAUNCH, "{\"logBytes\":-1}",
                  "\"logBytes\" is -1, outside 0 to 1125899906842624" },
                { LAUNCH, "{\"logFiles\":0}", "\"logFiles\" is 0, outside 1 to 64" },
                { LAUNCH, "{\"net\":\"bridge\"}", "net: \"bridge\" is no network" },
                { STATUS, "{}", "\"exit_code\" is missing" },
                { STATUS, "{\"exit_code\":0,\"finished_at\":-1}",
                  "\"finished_at\" is -1, outside 0 to 9223372036854775807" },
                { NETWORKS, "{}", "expected an array of networks" },
                { NETWORKS, "[{\"netName\":\"a\"},{}]", "[1]: \"netName\" is missing" },
                { NETWORKS, "[{\"netName\":\"a\",\"ip\":1}]",
                  "[0]: \"ip\" must be a string, found int" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err e;

                assert_err(parse(rows[i].codec, rows[i].text, &e), &e, ERR_BAD_DATA, rows[i].error);
        }
}

static void state_files_are_bounded(void **state)
{
        AUTO_FREE char *big = xcalloc(1, LIMIT_STATE_FILE_BYTES + 2);

        (void)state;
        memset(big, ' ', LIMIT_STATE_FILE_BYTES + 1);
        for (int codec = APP_STATUS; codec <= NETWORKS; codec++) {
                struct err e;

                assert_err(parse((enum codec)codec, big, &e), &e, ERR_LIMIT,
                           "JSON of 65537 bytes is over the limit of 65536");
        }
}

static void networks_are_bounded(void **state)
{
        AUTO(buf_done) struct buf b = BUF_NULL(LIMIT_STATE_FILE_BYTES);
        struct pod_networks n;
        struct err e;

        (void)state;
        (void)buf_puts(&b, "[{\"netName\":\"a\"}");
        for (int i = 0; i < POD_NETWORKS_MAX; i++)
                (void)buf_puts(&b, ",{\"netName\":\"a\"}");
        (void)buf_puts(&b, "]");
        assert_err(pod_networks_parse(b.data, b.len, &n, &e), &e, ERR_LIMIT,
                   "65 networks are over the limit of 64");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_app_status_survives),
                cmocka_unit_test(an_image_survives),
                cmocka_unit_test(a_launch_survives_and_ignores_the_future),
                cmocka_unit_test(a_status_survives),
                cmocka_unit_test(networks_are_read_as_rkt_wrote_them),
                cmocka_unit_test(no_networks_may_be_null),
                cmocka_unit_test(broken_files_are_refused),
                cmocka_unit_test(state_files_are_bounded),
                cmocka_unit_test(networks_are_bounded),
        };
        return cmocka_run_group_tests_name("pod/codecs", tests, NULL, NULL);
}
