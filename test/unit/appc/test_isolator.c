/* SPDX-License-Identifier: Apache-2.0 */
#include "appc/isolator.h"
#include "manifests.h"
#include "util/json.h"

#define MEMORY                                                                                     \
        ISOLATOR("resource/memory", "{\"default\":false,\"request\":\"32M\",\"limit\":\"64Mi\"}")
#define CPU    ISOLATOR("resource/cpu", "{\"request\":\"500m\",\"limit\":2}")
#define PIDS   ISOLATOR("resource/pids", "{\"limit\":\"100\"}")
#define SHARES ISOLATOR("os/linux/cpu-shares", "512")
#define OOM    ISOLATOR("os/linux/oom-score-adj", "-998")

static void quantities_become_figures(void **state)
{
        static const char text[] = ISOLATORS(MEMORY "," CPU "," PIDS "," SHARES "," OOM);
        AUTO(appc_image_manifest_freep) struct appc_image_manifest *m = image_of(text);
        const struct appc_isolators *i = &m->app->isolators;

        (void)state;
        assert_int_equal(i->memory_request, 32000000);
        assert_int_equal(i->memory_limit, 64 << 20);
        assert_int_equal(i->cpu_request_milli, 500);
        assert_int_equal(i->cpu_limit_milli, 2000);
        assert_int_equal(i->pids_limit, 100);
        assert_int_equal(i->cpu_shares, 512);
        assert_true(i->oom_score_adj_set);
        assert_int_equal(i->oom_score_adj, -998);
}

static void absent_isolators_are_minus_one(void **state)
{
        AUTO(appc_image_manifest_freep)
        struct appc_image_manifest *m =
                image_of(ISOLATORS(ISOLATOR("resource/memory", "{\"limit\":\"0\"}")));
        const struct appc_isolators *i = &m->app->isolators;

        (void)state;
        assert_int_equal(i->memory_limit, -1);
        assert_int_equal(i->memory_request, -1);
        assert_int_equal(i->cpu_limit_milli, -1);
        assert_int_equal(i->cpu_shares, -1);
        assert_int_equal(i->pids_limit, -1);
        assert_int_equal(i->caps_mode, APPC_SET_NONE);
        assert_false(i->oom_score_adj_set);
}

#define CAPS                                                                                       \
        ISOLATOR("os/linux/capabilities-retain-set", "{\"set\":[\"CAP_NET_RAW\",\"CAP_CHOWN\"]}")
#define SECCOMP                                                                                    \
        ISOLATOR("os/linux/seccomp-remove-set",                                                    \
                 "{\"set\":[\"@rkt/x\",\"ptrace\"],\"errno\":\"ENOSYS\"}")
#define SELINUX                                                                                    \
        ISOLATOR("os/linux/selinux-context",                                                       \
                 "{\"user\":\"u\",\"role\":\"r\",\"type\":\"t\",\"level\":\"s0:c1\"}")
#define NO_NEW ISOLATOR("os/linux/no-new-privileges", "true")
#define ARMOR  ISOLATOR("os/linux/apparmor-profile", "{\"profile\":\"p\"}")
#define SYSCTL ISOLATOR("os/unix/sysctl", "{\"net.core.somaxconn\":\"9\"}")
#define IOPS   ISOLATOR("resource/block-iops", "{\"default\":true,\"limit\":\"9\"}")

static const char all[] =
        ISOLATORS(CAPS "," SECCOMP "," NO_NEW "," SELINUX "," ARMOR "," SYSCTL "," IOPS);

static void security_isolators_are_read(void **state)
{
        AUTO(appc_image_manifest_freep) struct appc_image_manifest *m = image_of(all);
        const struct appc_isolators *i = &m->app->isolators;

        (void)state;
        assert_int_equal(i->caps_mode, APPC_SET_RETAIN);
        assert_int_equal(i->caps.n, 2);
        assert_string_equal(i->caps.v[1], "CAP_CHOWN");
        assert_int_equal(i->seccomp_mode, APPC_SET_REMOVE);
        assert_string_equal(i->seccomp.v[0], "@rkt/x");
        assert_string_equal(i->seccomp_errno, "ENOSYS");
        assert_true(i->no_new_privileges);
        assert_string_equal(i->selinux_context, "u:r:t:s0:c1");
        assert_string_equal(i->apparmor_profile, "p");
        assert_string_equal(kv_list_get(&i->sysctls, "net.core.somaxconn"), "9");
        assert_int_equal(i->ignored.n, 1);
        assert_string_equal(i->ignored.v[0], "resource/block-iops");
}

static void what_is_written_reads_the_same(void **state)
{
        AUTO(appc_image_manifest_freep)
        struct appc_image_manifest *m = image_of(all), *again = NULL;
        AUTO_JSON struct json_object *list = NULL, *list_again = NULL;
        AUTO_FREE char *document = NULL;

        (void)state;
        m->app->isolators.memory_limit = 1000;
        m->app->isolators.cpu_request_milli = 1500;
        m->app->isolators.pids_limit = 7;
        m->app->isolators.cpu_shares = 2;
        m->app->isolators.oom_score_adj_set = true;
        list = appc_isolators_to_json(&m->app->isolators);
        document = xasprintf(APP(",\"isolators\":%s"), json_object_to_json_string(list));
        again = image_of(document);
        assert_int_equal(again->app->isolators.memory_limit, 1000);
        list_again = appc_isolators_to_json(&again->app->isolators);
        assert_true(json_object_equal(list, list_again));
        assert_int_equal(json_object_array_length(list), 11);
}

#define ONLY_A ISOLATOR("os/linux/capabilities-retain-set", "{\"set\":[\"CAP_A\"]}")
#define NOT_B  ISOLATOR("os/linux/capabilities-remove-set", "{\"set\":[\"CAP_B\"]}")
#define NO_CPU ISOLATOR("resource/cpu", "{}")

static void broken_isolators_are_refused_by_name(void **state)
{
        static const struct bad_row rows[] = {
                { ISOLATORS(ISOLATOR("resource/unknown", "1")), ERR_BAD_DATA,
                  "app.isolators[0].name: \"resource/unknown\" is no isolator of an app" },
                { ISOLATORS(ISOLATOR("resource/memory", "{\"limit\":\"lots\"}")), ERR_BAD_DATA,
                  "app.isolators[0].value.limit: \"lots\" is no quantity" },
                { ISOLATORS(ISOLATOR("resource/memory", "{\"limit\":\"-1\"}")), ERR_BAD_DATA,
                  "app.isolators[0].value.limit: \"-1\" is out of range" },
                { ISOLATORS(ISOLATOR("resource/memory", "{\"limit\":[]}")), ERR_BAD_DATA,
                  "app.isolators[0].value.limit: must be a string, not an array" },
                { ISOLATORS(ISOLATOR("resource/memory", "{\"limit\":\"1\",\"default\":true}")),
                  ERR_BAD_DATA, "app.isolators[0].value.default: must be false" },
                { ISOLATORS(ISOLATOR("resource/cpu", "{\"limit\":\"1\",\"request\":\"2\"}")),
                  ERR_BAD_DATA, "app.isolators[0].value.request: is over the limit" },
                { ISOLATORS(NO_CPU "," NO_CPU), ERR_BAD_DATA,
                  "app.isolators[1].name: \"resource/cpu\" is there twice" },
                { ISOLATORS(ISOLATOR("os/linux/cpu-shares", "1")), ERR_BAD_DATA,
                  "app.isolators[0].value: 1 is outside 2 to 262144" },
                { ISOLATORS(ISOLATOR("os/linux/oom-score-adj", "\"1\"")), ERR_BAD_DATA,
                  "app.isolators[0].value: must be an integer, not a string" },
                { ISOLATORS(ISOLATOR("os/linux/capabilities-retain-set", "{\"set\":[]}")),
                  ERR_BAD_DATA, "app.isolators[0].value.set: must not be empty" },
                { ISOLATORS(
                          ISOLATOR("os/linux/capabilities-retain-set", "{\"set\":[\"NET_RAW\"]}")),
                  ERR_BAD_DATA,
                  "app.isolators[0].value.set[0]: \"NET_RAW\" is no capability (CAP_...)" },
                { ISOLATORS(ONLY_A "," NOT_B), ERR_BAD_DATA,
                  "app.isolators[1].value: a retain set and a remove set exclude each other" },
                { ISOLATORS(ISOLATOR("os/linux/seccomp-retain-set",
                                     "{\"set\":[\"a\"],\"errno\":\"1\"}")),
                  ERR_BAD_DATA, "app.isolators[0].value.errno: \"1\" is no error name (E...)" },
                { ISOLATORS(ISOLATOR("os/linux/selinux-context", "{\"user\":\"u\"}")), ERR_BAD_DATA,
                  "app.isolators[0].value.role: is missing" },
                { ISOLATORS("{\"name\":\"os/unix/sysctl\"}"), ERR_BAD_DATA,
                  "app.isolators[0].value: must be an object, not null" },
                { ISOLATORS("{\"value\":1}"), ERR_BAD_DATA, "app.isolators[0].name: is missing" },
                { ISOLATORS("null"), ERR_BAD_DATA,
                  "app.isolators[0]: must be an object, not null" },
        };

        (void)state;
        refuse_images(rows, ARRAY_LEN(rows));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(quantities_become_figures),
                cmocka_unit_test(absent_isolators_are_minus_one),
                cmocka_unit_test(security_isolators_are_read),
                cmocka_unit_test(what_is_written_reads_the_same),
                cmocka_unit_test(broken_isolators_are_refused_by_name),
        };
        return cmocka_run_group_tests_name("appc/isolator", tests, NULL, NULL);
}
