/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pod_opts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "appc/names.h"
#include "cli/text_args.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/parse.h"

struct engine_request pod_request;

int pod_opts_arg(void *ctx, const char *arg, struct err *e)
{
        (void)ctx;
        if (*arg == '\0')
                return err_set(e, ERR_USAGE, 0, "an image's name is empty");
        if (pod_request.n_apps >= LIMIT_POD_APPS)
                return err_set(e, ERR_LIMIT, 0, "a pod has at most %u apps", LIMIT_POD_APPS);
        (void)engine_request_add_app(&pod_request, arg);
        return 0;
}

int pod_opts_app(struct engine_app **ret, struct err *e)
{
        if (pod_request.n_apps == 0)
                return err_set(e, ERR_USAGE, 0, "stands after the image it is about");
        *ret = &pod_request.apps[pod_request.n_apps - 1];
        return 0;
}

int pod_opts_app_args(void *ctx, char *const *args, size_t n, struct err *e)
{
        struct engine_app *app;

        (void)ctx;
        if (pod_opts_app(&app, e) < 0)
                return err_wrap(e, "--");
        if (app->has_args)
                return err_set(e, ERR_USAGE, 0, "--: image %s has its arguments already",
                               app->image);
        app->has_args = true;
        for (size_t i = 0; i < n; i++)
                strv_add(&app->args, args[i]);
        return 0;
}

static int add_volume(void *dest, const char *value, struct err *e)
{
        AUTO(volume_arg_done) struct appc_volume v = { 0 };

        (void)dest;
        if (volume_arg_parse(value, &v, e) < 0)
                return -1;
        engine_request_add_volume_consume(&pod_request, &v);
        return 0;
}

/* Kept apart until all options are read: a file's variables yield to --set-env wherever it stands. */
static struct kv_list file_env, flag_env;

void pod_opts_reset(void)
{
        kv_list_done(&file_env);
        kv_list_done(&flag_env);
}

static int set_pod_env(void *dest, const char *value, struct err *e)
{
        (void)dest;
        return kv_arg_parse(value, KV_ARG_ENV, &flag_env, e);
}

static int set_env_file(void *dest, const char *value, struct err *e)
{
        AUTO(buf_done) struct buf text = BUF_NULL(LIMIT_MANIFEST_BYTES);
        int r = fs_read_user_file(value, &text);

        (void)dest;
        if (r < 0)
                return err_set(e, r == -ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, -r, "cannot read %s",
                               value);
        if (env_file_parse(buf_str(&text), text.len, &file_env, e) < 0)
                return err_wrap(e, "%s", value);
        return 0;
}

static int set_pod_name(void *dest, const char *value, struct err *e)
{
        (void)dest;
        if (!appc_name_is_valid(value))
                return err_set(e, ERR_USAGE, 0,
                               "\"%s\" is no AC name (a-z and 0-9, with single dashes between)",
                               value);
        free(pod_request.pod_name);
        pod_request.pod_name = xstrdup(value);
        return 0;
}

static int set_manifest(void *dest, const char *value, struct err *e)
{
        (void)dest;
        if (*value == '\0')
                return err_set(e, ERR_USAGE, 0, "is empty");
        free(pod_request.manifest_path);
        pod_request.manifest_path = xstrdup(value);
        return 0;
}

static int refuse_port(void *dest, const char *value, struct err *e)
{
        (void)dest;
        return err_set(e, ERR_UNSUPPORTED, 0,
                       "%s: forwarding ports needs a network of the pod's own, which comes with a "
                       "later release; with --net=host the app's ports are the host's",
                       value);
}

static int set_pull_policy(void *dest, const char *value, struct err *e)
{
        (void)dest;
        if (strcmp(value, "never") != 0 && strcmp(value, "new") != 0 &&
            strcmp(value, "update") != 0)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is neither never, new nor update", value);
        return 0;
}

/* rkt's choice of a stage1 has no meaning here; scripts that make one work all the same. */
static int ignore(void *dest, const char *value, struct err *e)
{
        (void)dest;
        (void)value;
        (void)e;
        return 0;
}

const struct opt pod_opts[] = {
        { OPT_CALL, 0, "volume", "NAME,kind=K,...",
          "a volume: kind=host with source=PATH[,readOnly=][,recursive=]; kind=empty with "
          "[readOnly=][,mode=][,uid=][,gid=]",
          NULL, add_volume, NULL },
        { OPT_CALL, 0, "set-env", "NAME=VALUE", "variable of every app", NULL, set_pod_env, NULL },
        { OPT_CALL, 0, "set-env-file", "FILE", "variables of every app, a line NAME=VALUE each",
          NULL, set_env_file, NULL },
        { OPT_FLAG, 0, "inherit-env", "[=false]", "hand this environment on to every app",
          &pod_request.inherit_env, NULL, NULL },
        { OPT_CALL, 0, "pod-name", "NAME", "a name by which commands find the pod", NULL,
          set_pod_name, NULL },
        { OPT_CALL, 0, "pod-manifest", "FILE", "the pod as an appc manifest, instead of images",
          NULL, set_manifest, NULL },
        { OPT_FLAG, 0, "no-overlay", "[=false]", "copy root file systems instead of overlaying",
          &pod_request.no_overlay, NULL, NULL },
        { OPT_CALL, 0, "port", "NAME:[IP:]PORT", "not yet: forward a port of the host", NULL,
          refuse_port, NULL },
        { OPT_CALL, 0, "pull-policy", "new",
          "never, new or update; images are local files until registries are supported", NULL,
          set_pull_policy, NULL },
        { OPT_CALL, 0, "store-only", "", NULL, NULL, ignore, "true" },
        { OPT_CALL, 0, "no-store", "", NULL, NULL, ignore, "true" },
        { OPT_CALL, 0, "stage1-url", "", NULL, NULL, ignore, NULL },
        { OPT_CALL, 0, "stage1-path", "", NULL, NULL, ignore, NULL },
        { OPT_CALL, 0, "stage1-name", "", NULL, NULL, ignore, NULL },
        { OPT_CALL, 0, "stage1-hash", "", NULL, NULL, ignore, NULL },
        { OPT_CALL, 0, "stage1-from-dir", "", NULL, NULL, ignore, NULL },
        { .type = OPT_END },
};

const struct opt_group pod_opt_groups[] = {
        { "OPTIONS OF THE POD", pod_opts },
        { "OPTIONS OF AN APP (after its image)", app_opts },
        { NULL, NULL },
};

/* An app's part of the request that contradicts a pod manifest. */
static bool asks_for_more(const struct engine_request *req)
{
        return req->n_apps > 0 || req->n_volumes > 0 || req->mounts.n > 0 || file_env.n > 0 ||
               flag_env.n > 0 || req->inherit_env || req->annotations.n > 0 ||
               req->user_annotations.n > 0 || req->user_labels.n > 0;
}

/* Said rather than passed over: who switches protection off expects it to be off. */
static void warn_insecure(void)
{
        static const char *const later[] = { "capabilities", "paths", "seccomp", "all-run", "all" };
        const char *given = cli_globals.insecure_options;

        for (size_t i = 0; i < ARRAY_LEN(later); i++) {
                const char *at = strstr(given, later[i]);
                size_t len = strlen(later[i]);

                if (at && (at == given || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
                        log_warning("--insecure-options=%s has no effect on pods yet", later[i]);
        }
}

int pod_opts_check(struct engine_request *req, struct err *e)
{
        warn_insecure();
        if (!req->manifest_path && req->n_apps == 0)
                return err_set(e, ERR_USAGE, 0,
                               "name at least one image, or a pod manifest with --pod-manifest");
        if (req->manifest_path && asks_for_more(req))
                return err_set(e, ERR_USAGE, 0,
                               "--pod-manifest says all about the pod: leave out images, volumes, "
                               "mounts, variables and annotations");
        kv_list_copy(&req->env, &file_env);
        for (size_t i = 0; i < flag_env.n; i++)
                kv_list_set(&req->env, flag_env.v[i].name, flag_env.v[i].value);
        return 0;
}
