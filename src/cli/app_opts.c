/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pod_opts.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "appc/names.h"
#include "cli/text_args.h"
#include "util/auto.h"
#include "util/mem.h"
#include "util/parse.h"

/* Which text of the app an option sets: an offset, so that one function serves them all. */
#define APP_TEXT(member) ((void *)offsetof(struct engine_app, member))

static int set_app_text(void *dest, const char *value, struct err *e)
{
        struct engine_app *app;
        char **field;

        if (pod_opts_app(&app, e) < 0)
                return -1;
        if (*value == '\0')
                return err_set(e, ERR_USAGE, 0, "is empty");
        field = (char **)(void *)((char *)app + (size_t)dest);
        free(*field);
        *field = xstrdup(value);
        return 0;
}

static int set_name(void *dest, const char *value, struct err *e)
{
        if (!appc_name_is_valid(value))
                return err_set(e, ERR_USAGE, 0,
                               "\"%s\" is no AC name (a-z and 0-9, with single dashes between)",
                               value);
        return set_app_text(dest, value, e);
}

static int set_working_dir(void *dest, const char *value, struct err *e)
{
        if (*value != '/')
                return err_set(e, ERR_USAGE, 0, "\"%s\" is no absolute path", value);
        return set_app_text(dest, value, e);
}

static int set_read_only(void *dest, const char *value, struct err *e)
{
        struct engine_app *app;

        (void)dest;
        if (pod_opts_app(&app, e) < 0)
                return -1;
        if (parse_bool(value, &app->read_only_rootfs) < 0)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is neither true nor false", value);
        return 0;
}

static int set_env(void *dest, const char *value, struct err *e)
{
        struct engine_app *app;

        (void)dest;
        return pod_opts_app(&app, e) < 0 ? -1 : kv_arg_parse(value, KV_ARG_ENV, &app->env, e);
}

/* The list of the last image, or of the pod while there is none. */
#define KV_PAIR(member)                                                                            \
        static int add_##member(void *dest, const char *value, struct err *e)                      \
        {                                                                                          \
                size_t n = pod_request.n_apps;                                                     \
                struct kv_list *to = n ? &pod_request.apps[n - 1].member : &pod_request.member;    \
                                                                                                   \
                (void)dest;                                                                        \
                return kv_arg_parse(value, KIND_##member, to, e);                                  \
        }
#define KIND_annotations      KV_ARG_IDENTIFIER
#define KIND_user_annotations KV_ARG_FREE
#define KIND_user_labels      KV_ARG_FREE
KV_PAIR(annotations)
KV_PAIR(user_annotations)
KV_PAIR(user_labels)

static int add_mount(void *dest, const char *value, struct err *e)
{
        size_t n = pod_request.n_apps;
        AUTO_FREE char *volume = NULL, *target = NULL;

        (void)dest;
        if (mount_arg_parse(value, &volume, &target, e) < 0)
                return -1;
        engine_mounts_add(n ? &pod_request.apps[n - 1].mounts : &pod_request.mounts, volume,
                          target);
        return 0;
}

static int set_memory(void *dest, const char *value, struct err *e)
{
        struct engine_app *app;
        int64_t milli;

        (void)dest;
        if (pod_opts_app(&app, e) < 0)
                return -1;
        if (parse_quantity(value, &milli) < 0 || milli < 1000)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is no amount such as 64Mi or 1G", value);
        app->isolators.memory_limit = milli / 1000 + (milli % 1000 != 0);
        return 0;
}

static int set_cpu(void *dest, const char *value, struct err *e)
{
        struct engine_app *app;

        (void)dest;
        if (pod_opts_app(&app, e) < 0)
                return -1;
        if (parse_quantity(value, &app->isolators.cpu_limit_milli) < 0 ||
            app->isolators.cpu_limit_milli < 1)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is no amount such as 500m or 2", value);
        return 0;
}

static int set_isolator_number(int64_t *dest, const char *value, int64_t min, int64_t max,
                               struct err *e)
{
        if (parse_i64(value, min, max, dest) < 0)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is no number from %lld to %lld", value,
                               (long long)min, (long long)max);
        return 0;
}

static int set_cpu_shares(void *dest, const char *value, struct err *e)
{
        struct engine_app *app;

        (void)dest;
        if (pod_opts_app(&app, e) < 0)
                return -1;
        return set_isolator_number(&app->isolators.cpu_shares, value, 2, 262144, e);
}

static int set_pids(void *dest, const char *value, struct err *e)
{
        struct engine_app *app;

        (void)dest;
        if (pod_opts_app(&app, e) < 0)
                return -1;
        return set_isolator_number(&app->isolators.pids_limit, value, 1, 4194304, e);
}

static int set_oom(void *dest, const char *value, struct err *e)
{
        struct engine_app *app;
        int64_t adj;

        (void)dest;
        if (pod_opts_app(&app, e) < 0 || set_isolator_number(&adj, value, -1000, 1000, e) < 0)
                return -1;
        app->isolators.oom_score_adj_set = true;
        app->isolators.oom_score_adj = (int)adj;
        return 0;
}

static int add_caps(const char *value, enum appc_set_mode mode, struct err *e)
{
        struct engine_app *app;

        if (pod_opts_app(&app, e) < 0)
                return -1;
        if (app->isolators.caps_mode != APPC_SET_NONE && app->isolators.caps_mode != mode)
                return err_set(e, ERR_USAGE, 0,
                               "--caps-retain and --caps-remove exclude each other");
        app->isolators.caps_mode = mode;
        return caps_arg_parse(value, &app->isolators.caps, e);
}

static int retain_caps(void *dest, const char *value, struct err *e)
{
        (void)dest;
        return add_caps(value, APPC_SET_RETAIN, e);
}

static int remove_caps(void *dest, const char *value, struct err *e)
{
        (void)dest;
        return add_caps(value, APPC_SET_REMOVE, e);
}

static int set_seccomp(void *dest, const char *value, struct err *e)
{
        struct engine_app *app;

        (void)dest;
        return pod_opts_app(&app, e) < 0 ? -1 : seccomp_arg_parse(value, &app->isolators, e);
}

static int set_gids(void *dest, const char *value, struct err *e)
{
        struct engine_app *app;

        (void)dest;
        if (pod_opts_app(&app, e) < 0)
                return -1;
        free(app->gids);
        app->gids = NULL;
        app->gids_set = true;
        return gids_arg_parse(value, &app->gids, &app->n_gids, e);
}

/* What rkt could do with an app's streams and carob cannot yet; the default is what always happens. */
static int set_stream(void *dest, const char *value, struct err *e)
{
        const char *only = dest;
        struct engine_app *app;

        if (pod_opts_app(&app, e) < 0)
                return -1;
        if (strcmp(value, only) != 0)
                return err_set(e, ERR_UNSUPPORTED, 0,
                               "\"%s\" comes with a later release; now it is always \"%s\"", value,
                               only);
        return 0;
}

static char stream_null[] = "null", stream_log[] = "log";

const struct opt app_opts[] = {
        { OPT_CALL, 0, "name", "NAME", "the app's name; default: last part of the image's name",
          APP_TEXT(name), set_name, NULL },
        { OPT_CALL, 0, "exec", "PATH", "run this instead of the image's command", APP_TEXT(exec),
          set_app_text, NULL },
        { OPT_CALL, 0, "user", "USER", "user id, name, or path whose owner is meant",
          APP_TEXT(user), set_app_text, NULL },
        { OPT_CALL, 0, "group", "GROUP", "group id, name, or path whose group is meant",
          APP_TEXT(group), set_app_text, NULL },
        { OPT_CALL, 0, "supplementary-gids", "GID,...", "further group ids", NULL, set_gids, NULL },
        { OPT_CALL, 0, "working-dir", "PATH", "working directory in the app", APP_TEXT(working_dir),
          set_working_dir, NULL },
        { OPT_CALL, 0, "readonly-rootfs", "[=false]", "the app cannot write its root file system",
          NULL, set_read_only, "true" },
        { OPT_CALL, 0, "environment", "NAME=VALUE", "variable of this app; wins over all others",
          NULL, set_env, NULL },
        { OPT_CALL, 0, "mount", "volume=V,target=PATH",
          "where a volume appears (ahead of the first image: in every app)", NULL, add_mount,
          NULL },
        { OPT_CALL, 0, "annotation", "NAME=VALUE", "annotation of the app, or of the pod", NULL,
          add_annotations, NULL },
        { OPT_CALL, 0, "user-annotation", "NAME=VALUE", "user annotation of the app, or of the pod",
          NULL, add_user_annotations, NULL },
        { OPT_CALL, 0, "user-label", "NAME=VALUE", "user label of the app, or of the pod", NULL,
          add_user_labels, NULL },
        { OPT_CALL, 0, "memory", "SIZE", "memory limit, such as 64Mi", NULL, set_memory, NULL },
        { OPT_CALL, 0, "cpu", "CPUS", "processor time limit, such as 500m or 2", NULL, set_cpu,
          NULL },
        { OPT_CALL, 0, "cpu-shares", "N", "weight among competing apps, 2 to 262144", NULL,
          set_cpu_shares, NULL },
        { OPT_CALL, 0, "pids", "N", "limit of processes and threads", NULL, set_pids, NULL },
        { OPT_CALL, 0, "caps-retain", "CAP,...", "keep only these capabilities", NULL, retain_caps,
          NULL },
        { OPT_CALL, 0, "caps-remove", "CAP,...", "take these from the default capabilities", NULL,
          remove_caps, NULL },
        { OPT_CALL, 0, "seccomp", "mode=M,CALL,...",
          "mode=retain: only these system calls; mode=remove: the default ones without these; errno=E: what others get",
          NULL, set_seccomp, NULL },
        { OPT_CALL, 0, "oom-score-adj", "N", "-1000 (spared) to 1000 (killed first)", NULL, set_oom,
          NULL },
        { OPT_CALL, 0, "stdin", "null", NULL, stream_null, set_stream, NULL },
        { OPT_CALL, 0, "stdout", "log", NULL, stream_log, set_stream, NULL },
        { OPT_CALL, 0, "stderr", "log", NULL, stream_log, set_stream, NULL },
        { .type = OPT_END },
};
