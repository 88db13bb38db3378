/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an exec to the first runtime call. What takes long in the kernel (making namespaces) is begun first, in children, and
 * the rest is done meanwhile.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pod/record.h"
#include "pod/view.h"
#include "supervisor/apart.h"
#include "supervisor/init.h"
#include "supervisor/sup_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"
#include "util/test_hook.h"

static int prepare_cgroups(struct supervisor *s, struct err *e)
{
        struct runtime_limits limits;

        if (runtime_cgroup_host_mode(s->host) == RUNTIME_CGROUP_NONE)
                return 0;
        if (runtime_cgroup_create_pod(s->host, s->args->uuid, &s->cgroup, e) < 0)
                return -1;
        runtime_limits_from_isolators(&s->plan.manifest->isolators, false, &limits);
        if (runtime_cgroup_limit(s->cgroup, &limits, e) < 0)
                return err_wrap(e, "pod");
        return 0;
}

static int prepare_app_cgroup(struct sup_app *a, const struct plan_app *plan, struct err *e)
{
        struct runtime_limits limits;

        if (!a->sup->cgroup)
                return 0;
        runtime_limits_from_isolators(&plan->app->isolators, true, &limits);
        if (runtime_cgroup_create_child(a->sup->cgroup, a->name, &a->cgroup, e) < 0 ||
            runtime_cgroup_limit(a->cgroup, &limits, e) < 0 ||
            runtime_cgroup_restrict_devices(a->cgroup, e) < 0 ||
            runtime_joiner_start(a->cgroup, &a->joiner, e) < 0)
                return err_wrap(e, "app %s", a->name);
        return 0;
}

static int prepare_apps(struct supervisor *s, struct err *e)
{
        s->apps = xcalloc(s->plan.n_apps, sizeof(*s->apps));
        for (size_t i = 0; i < s->plan.n_apps; i++) {
                struct sup_app *a = &s->apps[i];

                *a = (struct sup_app){
                        .sup = s,
                        .name = xstrdup(s->plan.apps[i].papp->name),
                        .info_fd = -1,
                        .write_fds = { -1, -1 },
                        .call = RUNTIME_CALL_NULL,
                        .call_source = LOOP_SOURCE_NULL,
                        .proc = PROC_NULL,
                        .proc_source = LOOP_SOURCE_NULL,
                        .status = APP_STATUS_NULL,
                        .output = { .writer = LOGS_WRITER_NULL },
                };
                s->n_apps++;
                a->info_fd = pod_app_dir(s->args->lock_fd, a->name, e);
                if (a->info_fd < 0)
                        return -1;
        }
        rules_init(&s->rules, s->n_apps, s->args->grace);
        for (size_t i = 0; i < s->n_apps; i++)
                if (prepare_app_cgroup(&s->apps[i], &s->plan.apps[i], e) < 0)
                        return -1;
        return 0;
}

static int start_init(struct supervisor *s, int *ret_report, struct err *e)
{
        AUTO_FREE char *hostname = s->plan.launch.hostname ? xstrdup(s->plan.launch.hostname)
                                                           : xasprintf("carob-%s", s->args->uuid);
        struct init_args args = {
                .lock_fd = s->args->lock_fd,
                .own_network = s->plan.launch.net != POD_NET_HOST,
                .hostname = hostname,
        };
        int r;

        /* v2 wants processes in leaves only. Elsewhere one cgroup less to make and remove in each hierarchy. */
        if (runtime_cgroup_host_mode(s->host) == RUNTIME_CGROUP_V2 &&
            runtime_cgroup_create_child(s->cgroup, "_init", &s->init_cgroup, e) < 0)
                return -1;
        args.cgroup = s->init_cgroup ? s->init_cgroup : s->cgroup;
        if (init_start(&args, &s->init, ret_report, e) < 0)
                return -1;
        r = loop_add(&s->loop, &s->init_source, s->init.pidfd, EPOLLIN);
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "watch the pod's init") : 0;
}

static_assert((int)POD_LOG_FILES_MAX == (int)LOGS_FILES_MAX, "what may be asked for can be done");

static int open_output(struct supervisor *s, struct err *e)
{
        const struct pod_launch *launch = &s->plan.launch;
        const char *name = kv_list_get(&s->plan.manifest->annotations, POD_NAME_ANNOTATION);
        struct output_how how = {
                .limits = LOGS_LIMITS_DEFAULT,
                .attached = s->args->detached_fd < 0,
                .journal = launch->log_driver == POD_LOG_JOURNALD,
                .uuid = s->args->uuid,
                .pod = name && *name ? name : launch->name,
        };
        int logs, r;

        if (launch->log_bytes >= 0)
                how.limits.max_bytes = (uint64_t)launch->log_bytes;
        if (launch->log_files > 0)
                how.limits.max_files = (unsigned)launch->log_files;
        r = fs_mkdir_if_missing(s->args->lock_fd, "logs", 0750);
        if (r < 0 || (logs = fs_open_dir(s->args->lock_fd, "logs")) < 0)
                return err_set(e, ERR_INTERNAL, r < 0 ? -r : -logs, "open the log directory");
        s->output_open = true;
        if (output_init_consume(&s->output, &s->loop, logs, &how, e) < 0)
                return -1;
        for (size_t i = 0; i < s->n_apps; i++)
                if (output_add(&s->output, &s->apps[i].output, s->apps[i].name,
                               s->apps[i].write_fds, e) < 0)
                        return err_wrap(e, "app %s", s->apps[i].name);
        s->output.how.uuid = s->output.how.pod = NULL; /* the plan will go */
        return 0;
}

/* What a child does meanwhile, and how it hears of the pod's init. */
struct builder {
        struct supervisor *s;
        struct apart apart;
        int pid_read, pid_write; /* owned */
};

static void builder_done(struct builder *b)
{
        apart_done(&b->apart);
        closep(&b->pid_read);
        closep(&b->pid_write);
}

static int await_init(void *arg, pid_t *ret, struct err *e)
{
        struct builder *b = arg;

        if (b->s->init.pid == 0 &&
            read(b->pid_read, &b->s->init.pid, sizeof(pid_t)) != (ssize_t)sizeof(pid_t))
                return err_set(e, ERR_INTERNAL, 0, "the pod has no init");
        *ret = b->s->init.pid;
        return 0;
}

/* In a child: what reading manifests and profiles leaves in a heap would stay with the pod for good. */
static int build_apps(void *arg, struct err *e)
{
        struct builder *b = arg;
        struct supervisor *s = b->s;

        closep(&b->pid_write);
        for (size_t i = 0; i < s->plan.n_apps; i++)
                if (stage_mount_app(&s->stage, &s->plan.apps[i], e) < 0)
                        return -1;
        for (size_t i = 0; i < s->plan.n_apps; i++) {
                AUTO_FREE char *cgroup =
                        s->n_apps > 0 && s->apps[i].cgroup && !s->invoke.own_cgroups
                                ? xasprintf("/%s", runtime_cgroup_path(s->apps[i].cgroup))
                                : NULL;
                struct stage_app a = {
                        .plan = &s->plan,
                        .app = &s->plan.apps[i],
                        .await_init = await_init,
                        .await_arg = b,
                        .cgroup_v2 = runtime_cgroup_host_mode(s->host) == RUNTIME_CGROUP_V2,
                        .cgroups_path = cgroup,
                };

                if (stage_configure_app(&s->stage, &a, e) < 0)
                        return -1;
        }
        return 0;
}

static int build_start(struct builder *b, struct err *e)
{
        struct supervisor *s = b->s;
        int fds[2];

        if (stage_fill(&s->stage, e) < 0)
                return -1;
        for (size_t i = 0; i < s->plan.n_apps; i++)
                if (stage_make_bundle(&s->stage, s->plan.apps[i].papp->name, s->invoke.waits, e) <
                    0)
                        return -1;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_set(e, ERR_INTERNAL, errno, "make a pipe");
        b->pid_read = fds[0];
        b->pid_write = fds[1];
        return apart_start(build_apps, b, &b->apart, e);
}

static int build_tell_init(struct builder *b, struct err *e)
{
        int r = fs_write_all(b->pid_write, &b->s->init.pid, sizeof(pid_t));

        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "tell of the pod's init") : 0;
}

/* Everything that children of ours must find as it is. */
static int prepare_ground(struct supervisor *s, struct err *e)
{
        if (plan_read(s->args->lock_fd, &s->plan, e) < 0)
                return -1;
        if (s->args->interactive && s->plan.n_apps != 1)
                return err_set(e, ERR_USAGE, 0, "interactive: only a pod of one app can be");
        if (stage_enter(e) < 0 ||
            stage_open(s->args->lock_fd, s->args->dir, s->args->uuid, &s->stage, e) < 0)
                return -1;
        if (runtime_cgroup_host_open(&s->host, e) < 0 || runtime_cgroup_hide_hybrid(s->host, e) < 0)
                return -1;
        return runtime_invoke_init(&s->invoke, NULL, s->stage.state, e);
}

int sup_prepare(struct supervisor *s, struct err *e)
{
        AUTO(builder_done)
        struct builder build = { .s = s, .apart = APART_NULL, .pid_read = -1, .pid_write = -1 };
        AUTO_CLOSE int report = -1;

        if (prepare_ground(s, e) < 0 || (s->invoke.own_cgroups && build_start(&build, e) < 0))
                return -1;
        test_hook("pod:stage");
        /* The joiners begun here have the descriptors that are open by now, the runtime's program among them. */
        if (prepare_cgroups(s, e) < 0)
                return -1;
        test_hook("pod:cgroup");
        if (prepare_apps(s, e) < 0)
                return -1;
        test_hook("pod:app-cgroups");
        /* A runtime that makes cgroups itself has to be told which. */
        if (!s->invoke.own_cgroups && build_start(&build, e) < 0)
                return -1;
        if (open_output(s, e) < 0 || sup_launch_early(s, e) < 0 || start_init(s, &report, e) < 0 ||
            build_tell_init(&build, e) < 0)
                return -1;
        test_hook("pod:init");
        if (s->cgroup && pod_write_cgroup(s->args->lock_fd, runtime_cgroup_path(s->cgroup), e) < 0)
                return -1;
        test_hook("pod:cgroup-written");
        if (init_await(&report, e) < 0 || pod_write_pid(s->args->lock_fd, s->init.pid, e) < 0)
                return -1;
        (void)sup_now(s); /* no app has started before its pod */
        test_hook("pod:pid-written");
        if (apart_wait(&build.apart, e) < 0)
                return -1;
        test_hook("pod:mounts");
        return 0;
}

void sup_free_joiners(struct supervisor *s)
{
        for (size_t i = 0; i < s->n_apps; i++) {
                struct sup_app *a = &s->apps[i];

                a->joiner = runtime_joiner_free(a->joiner);
                for (int f = 0; f < LOGS_STREAM_MAX; f++)
                        closep(&a->write_fds[f]);
        }
}

void sup_free_start(struct supervisor *s)
{
        sup_free_joiners(s);
        stage_done(&s->stage);
        plan_done(&s->plan);
        runtime_invoke_done(&s->invoke);
        s->invoke = RUNTIME_INVOKE_NULL;
        (void)malloc_trim(0);
}
