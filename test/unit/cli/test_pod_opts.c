/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/pod_opts.h"

static int parse(struct err *e, size_t n, const char *const *words)
{
        const struct opt *const tables[] = { pod_opts, app_opts, NULL };
        const struct opt_rules rules = { .tables = tables,
                                         .arg = pod_opts_arg,
                                         .app_args = pod_opts_app_args };
        AUTO(opt_result_done) struct opt_result r = OPT_RESULT_NULL;
        char *copy[32];
        int ret;

        engine_request_done(&pod_request);
        pod_opts_reset();
        for (size_t i = 0; i < n; i++)
                copy[i] = strdup(words[i]);
        ret = opt_parse(&rules, copy, n, &r, e);
        if (ret == 0)
                ret = pod_opts_check(&pod_request, e);
        for (size_t i = 0; i < n; i++)
                free(copy[i]);
        return ret;
}
#define PARSE(e, ...)                                                                              \
        parse((e), sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *),                  \
              (const char *const[]){ __VA_ARGS__ })

static void options_go_to_the_image_before_them(void **state)
{
        const struct engine_request *r = &pod_request;
        struct err e;

        (void)state;
        assert_ok(PARSE(&e, "--annotation=p=1", "a", "--name=x", "--annotation=q=2", "--memory=1Mi",
                        "b", "--exec", "/bin/true", "--caps-retain=kill"),
                  &e);
        assert_int_equal(r->n_apps, 2);
        assert_string_equal(r->apps[0].name, "x");
        assert_null(r->apps[1].name);
        assert_string_equal(kv_list_get(&r->annotations, "p"), "1");
        assert_string_equal(kv_list_get(&r->apps[0].annotations, "q"), "2");
        assert_int_equal(r->apps[0].isolators.memory_limit, 1024 * 1024);
        assert_int_equal(r->apps[1].isolators.memory_limit, -1);
        assert_string_equal(r->apps[1].exec, "/bin/true");
        assert_int_equal(r->apps[1].isolators.caps_mode, APPC_SET_RETAIN);
}

static void arguments_between_dashes_belong_to_their_image(void **state)
{
        const struct engine_request *r = &pod_request;
        struct err e;

        (void)state;
        assert_ok(PARSE(&e, "a", "--", "-x", "--name=no", "---", "b", "--name=yes", "--", "y"), &e);
        assert_int_equal(r->apps[0].args.n, 2);
        assert_string_equal(r->apps[0].args.v[1], "--name=no");
        assert_string_equal(r->apps[1].name, "yes");
        assert_string_equal(r->apps[1].args.v[0], "y");
}

static void a_file_yields_to_set_env_wherever_it_stands(void **state)
{
        char path[] = "/tmp/carob-test-env-XXXXXX", opt[64];
        int fd = mkstemp(path);
        struct err e;

        (void)state;
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "A=file\nB=file\n", 14), 14);
        (void)close(fd);
        (void)snprintf(opt, sizeof(opt), "--set-env-file=%s", path);
        assert_ok(PARSE(&e, "--set-env=A=flag", opt, "a"), &e);
        (void)unlink(path);
        assert_string_equal(kv_list_get(&pod_request.env, "A"), "flag");
        assert_string_equal(kv_list_get(&pod_request.env, "B"), "file");
}

static void misuse_is_explained(void **state)
{
        struct err e;

        (void)state;
        assert_err(PARSE(&e, "--name=x", "a"), &e, ERR_USAGE,
                   "--name: stands after the image it is about");
        assert_err(PARSE(&e, "--", "x"), &e, ERR_USAGE, "--: stands after the image it is about");
        assert_err(PARSE(&e, "a", "--", "x", "---", "--", "y"), &e, ERR_USAGE,
                   "--: image a has its arguments already");
        assert_err(PARSE(&e, "a", "--name=Not"), &e, ERR_USAGE,
                   "--name: \"Not\" is no AC name (a-z and 0-9, with single dashes between)");
        assert_err(PARSE(&e, "a", "--working-dir=x"), &e, ERR_USAGE,
                   "--working-dir: \"x\" is no absolute path");
        assert_err(PARSE(&e, "a", "--memory=lots"), &e, ERR_USAGE,
                   "--memory: \"lots\" is no amount such as 64Mi or 1G");
        assert_err(PARSE(&e, "a", "--cpu-shares=1"), &e, ERR_USAGE,
                   "--cpu-shares: \"1\" is no number from 2 to 262144");
        assert_err(PARSE(&e, "a", "--caps-retain=kill", "--caps-remove=chown"), &e, ERR_USAGE,
                   "--caps-remove: --caps-retain and --caps-remove exclude each other");
        assert_err(PARSE(&e, "--pod-name=x"), &e, ERR_USAGE,
                   "name at least one image, or a pod manifest with --pod-manifest");
        assert_err(PARSE(&e, "--pod-manifest=x", "a"), &e, ERR_USAGE,
                   "--pod-manifest says all about the pod: leave out images, volumes, mounts, "
                   "variables and annotations");
        assert_err(PARSE(&e, "--port=http:80", "a"), &e, ERR_UNSUPPORTED,
                   "--port: http:80: forwarding ports needs a network of the pod's own, which "
                   "comes with a later release; with --net=host the app's ports are the host's");
        assert_err(PARSE(&e, "a", "--stdout=tty"), &e, ERR_UNSUPPORTED,
                   "--stdout: \"tty\" comes with a later release; now it is always \"log\"");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(options_go_to_the_image_before_them),
                cmocka_unit_test(arguments_between_dashes_belong_to_their_image),
                cmocka_unit_test(a_file_yields_to_set_env_wherever_it_stands),
                cmocka_unit_test(misuse_is_explained),
        };
        int r = cmocka_run_group_tests(tests, NULL, NULL);

        engine_request_done(&pod_request);
        pod_opts_reset();
        return r;
}
