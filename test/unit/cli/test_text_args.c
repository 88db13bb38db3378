/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/text_args.h"

static void host_volume_with_all_its_options(void **state)
{
        AUTO(volume_arg_done) struct appc_volume v = { 0 };
        struct err e;

        (void)state;
        assert_ok(volume_arg_parse("data,kind=host,source=/srv/data,readOnly=true,recursive=false",
                                   &v, &e),
                  &e);
        assert_string_equal(v.name, "data");
        assert_int_equal(v.kind, APPC_VOLUME_HOST);
        assert_string_equal(v.source, "/srv/data");
        assert_true(v.read_only);
        assert_false(v.recursive);
}

static void empty_volume_has_mode_and_owner(void **state)
{
        AUTO(volume_arg_done) struct appc_volume v = { 0 };
        struct err e;

        (void)state;
        assert_ok(volume_arg_parse("tmp,kind=empty,mode=1777,uid=7,gid=8", &v, &e), &e);
        assert_int_equal(v.kind, APPC_VOLUME_EMPTY);
        assert_int_equal(v.mode, 01777);
        assert_int_equal(v.uid, 7);
        assert_int_equal(v.gid, 8);
        volume_arg_done(&v);
        assert_ok(volume_arg_parse("tmp,kind=empty", &v, &e), &e);
        assert_int_equal(v.mode, 0755);
        assert_int_equal(v.uid, 0);
}

static void percent_escapes_let_a_path_hold_a_comma(void **state)
{
        AUTO(volume_arg_done) struct appc_volume v = { 0 };
        struct err e;

        (void)state;
        assert_ok(volume_arg_parse("d,kind=host,source=/a%2Cb%", &v, &e), &e);
        assert_string_equal(v.source, "/a,b%");
        volume_arg_done(&v);
        assert_ok(volume_arg_parse("d,kind=host,source=/a%00b%4", &v, &e), &e);
        assert_string_equal(v.source, "/a%00b%4");
}

static void broken_volumes_are_named(void **state)
{
        static const struct {
                const char *text, *want;
        } rows[] = {
                { "", "\"\" is no valid name of a volume" },
                { "d", "kind=host or kind=empty is missing" },
                { "kind=empty", "the volume's name is missing" },
                { "D,kind=empty", "\"D\" is no valid name of a volume" },
                { "d,kind=disk", "kind=disk is neither host nor empty" },
                { "d,kind=host", "kind=host needs source=/path" },
                { "d,kind=host,source=rel", "source=rel is no absolute path" },
                { "d,kind=host,source=/x,mode=0755", "\"mode\" is for kind=empty only" },
                { "d,kind=empty,source=/x", "\"source\" is for kind=host only" },
                { "d,kind=empty,recursive=true", "\"recursive\" is for kind=host only" },
                { "d,kind=empty,uid=-1", "\"-1\" is no user or group id" },
                { "d,kind=empty,mode=999", "mode=999 is no octal mode" },
                { "d,kind=empty,readOnly=maybe", "\"maybe\" is neither true nor false" },
                { "d,kind=empty,color=red", "unknown option \"color\"" },
                { "d,kind=empty,x", "\"x\" needs a value" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct appc_volume v = { 0 };
                struct err e;

                assert_err(volume_arg_parse(rows[i].text, &v, &e), &e, ERR_USAGE, rows[i].want);
                assert_null(v.name);
        }
}

static void mounts_need_volume_and_target(void **state)
{
        AUTO_FREE char *volume = NULL, *target = NULL;
        struct err e;

        (void)state;
        assert_err(mount_arg_parse("volume=a", &volume, &target, &e), &e, ERR_USAGE,
                   "volume=NAME,target=PATH is needed");
        assert_err(mount_arg_parse("volume=a,target=b/c", &volume, &target, &e), &e, ERR_USAGE,
                   "target=b/c is neither an absolute path nor a mount point's name");
        assert_err(mount_arg_parse("volume=a,path=/b", &volume, &target, &e), &e, ERR_USAGE,
                   "unknown option \"path\"");
        assert_null(volume);
        assert_ok(mount_arg_parse("target=/b,volume=a", &volume, &target, &e), &e);
        assert_string_equal(volume, "a");
        assert_string_equal(target, "/b");
}

static void pairs_are_checked_by_kind(void **state)
{
        AUTO(kv_list_done) struct kv_list l = KV_LIST_NULL;
        struct err e;

        (void)state;
        assert_ok(kv_arg_parse("A=", KV_ARG_ENV, &l, &e), &e);
        assert_ok(kv_arg_parse("A=x=y", KV_ARG_ENV, &l, &e), &e);
        assert_int_equal(l.n, 1);
        assert_string_equal(kv_list_get(&l, "A"), "x=y");
        assert_err(kv_arg_parse("A", KV_ARG_ENV, &l, &e), &e, ERR_USAGE, "\"A\" is not NAME=VALUE");
        assert_err(kv_arg_parse("=x", KV_ARG_FREE, &l, &e), &e, ERR_USAGE,
                   "\"=x\" is not NAME=VALUE");
        assert_err(kv_arg_parse("1A=x", KV_ARG_ENV, &l, &e), &e, ERR_USAGE,
                   "\"1A\" is no name for a variable");
        assert_err(kv_arg_parse("A=x", KV_ARG_IDENTIFIER, &l, &e), &e, ERR_USAGE,
                   "\"A\" is no AC identifier (a-z and 0-9, with single -._~/ between)");
        assert_ok(kv_arg_parse("any Thing=x", KV_ARG_FREE, &l, &e), &e);
}

static void env_files_skip_comments_and_name_the_bad_line(void **state)
{
        static const char good[] = "A=1\n\n# B=2\r\nC=3\r\nA=4";
        static const char bad[] = "A=1\nnonsense\n";
        AUTO(kv_list_done) struct kv_list l = KV_LIST_NULL;
        struct err e;

        (void)state;
        assert_ok(env_file_parse(good, sizeof(good) - 1, &l, &e), &e);
        assert_int_equal(l.n, 2);
        assert_string_equal(kv_list_get(&l, "A"), "4");
        assert_string_equal(kv_list_get(&l, "C"), "3");
        assert_err(env_file_parse(bad, sizeof(bad) - 1, &l, &e), &e, ERR_USAGE,
                   "line 2: \"nonsense\" is not NAME=VALUE");
        assert_err(env_file_parse("A=\0b", 4, &l, &e), &e, ERR_USAGE, "line 1 holds a NUL byte");
}

static void seccomp_and_capabilities(void **state)
{
        struct appc_isolators i = APPC_ISOLATORS_NULL;
        struct err e;

        (void)state;
        assert_err(seccomp_arg_parse("open", &i, &e), &e, ERR_USAGE,
                   "mode=retain or mode=remove is missing");
        appc_isolators_done(&i);
        i = APPC_ISOLATORS_NULL;
        assert_err(seccomp_arg_parse("mode=retain", &i, &e), &e, ERR_USAGE,
                   "no system call is named");
        assert_ok(seccomp_arg_parse("mode=remove,errno=EPERM,@rkt/default-blacklist,mount", &i, &e),
                  &e);
        assert_int_equal(i.seccomp_mode, APPC_SET_REMOVE);
        assert_string_equal(i.seccomp_errno, "EPERM");
        assert_int_equal(i.seccomp.n, 2);
        assert_ok(caps_arg_parse("net_admin,CAP_KILL,cap_kill", &i.caps, &e), &e);
        assert_int_equal(i.caps.n, 2);
        assert_string_equal(i.caps.v[0], "CAP_NET_ADMIN");
        assert_err(caps_arg_parse("CAP_KILL,", &i.caps, &e), &e, ERR_USAGE,
                   "\"\" is no capability");
        appc_isolators_done(&i);
}

static void group_ids_are_numbers(void **state)
{
        AUTO_FREE gid_t *v = NULL;
        size_t n = 9;
        struct err e;

        (void)state;
        assert_ok(gids_arg_parse("1,2,3", &v, &n, &e), &e);
        assert_int_equal(n, 3);
        assert_int_equal(v[2], 3);
        assert_err(gids_arg_parse("1,wheel", &v, &n, &e), &e, ERR_USAGE,
                   "\"wheel\" is no group id");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(host_volume_with_all_its_options),
                cmocka_unit_test(empty_volume_has_mode_and_owner),
                cmocka_unit_test(percent_escapes_let_a_path_hold_a_comma),
                cmocka_unit_test(broken_volumes_are_named),
                cmocka_unit_test(mounts_need_volume_and_target),
                cmocka_unit_test(pairs_are_checked_by_kind),
                cmocka_unit_test(env_files_skip_comments_and_name_the_bad_line),
                cmocka_unit_test(seccomp_and_capabilities),
                cmocka_unit_test(group_ids_are_numbers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
