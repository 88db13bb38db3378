/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, one loop. The kernel keeps the promise that no process outlives its pod: the pod's init dies with us
 * (PDEATHSIG) and takes the pod's PID namespace along. So nothing here is needed for cleaning up after a crash; what
 * would be lost with us are exit codes and log lines, therefore all memory is had before the first app starts, and no
 * handler waits for anybody.
 *
 * The end has one path, whatever the cause: rules say RULES_END, the init is killed, the pipes are emptied, the status is
 * written, the cgroups are removed; then the lock falls with the process.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pod/record.h"
#include "supervisor/idle.h"
#include "supervisor/sup_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/log.h"
#include "util/test_hook.h"

enum {
        POLL_MS =
                20, /* between two attempts to kill what a dead app left, or to feed the runtime */
        RELAX_MS = 1000,  /* without output for so long, the buffers' pages are given back */
        REMOVE_MS = 2000, /* for the cgroups to become empty of the dying */
};

void sup_reason(struct supervisor *s, const char *fmt, ...)
{
        va_list ap;

        if (s->reason[0] != '\0')
                return;
        va_start(ap, fmt);
        (void)vsnprintf(s->reason, sizeof(s->reason), fmt, ap);
        va_end(ap);
}

nsec sup_now(struct supervisor *s)
{
        nsec now = time_now();

        if (s->told_at < now)
                s->told_at = now;
        return s->told_at;
}

void sup_report(struct supervisor *s, const char *text)
{
        if (s->args->detached_fd < 0 || s->reported)
                return;
        s->reported = true;
        (void)fs_write_all(s->args->detached_fd, text, strlen(text));
        (void)close(s->args->detached_fd);
}

void sup_write_app_status(struct sup_app *a)
{
        struct err e;

        if (a->info_fd < 0)
                return;
        if (pod_write_app_status(a->info_fd, &a->status, &e) == 0) {
                a->status_dirty = false;
                return;
        }
        if (!a->status_dirty)
                log_warning("app %s: its status cannot be written: %s", a->name, e.text);
        a->status_dirty = true;
}

void sup_act(struct supervisor *s, unsigned actions)
{
        if (actions & RULES_TERM)
                sup_signal_apps(s, SIGTERM);
        if (actions & RULES_KILL)
                sup_signal_apps(s, SIGKILL);
        if (actions & (RULES_TERM | RULES_KILL))
                sup_drop_unstarted(s);
        if ((actions & RULES_END) && s->init.pid != 0) {
                (void)proc_signal(&s->init, SIGKILL);
                test_hook("pod:init-killed");
                sup_undertake(s); /* while the kernel takes the pod apart */
                for (size_t i = 0; i < s->n_apps; i++)
                        if (s->apps[i].cgroup && s->n_calls == 0 && !s->apps[i].sweeping)
                                runtime_cgroup_try_remove(s->apps[i].cgroup);
        }
}

void sup_fail(struct supervisor *s, const char *why)
{
        log_error("%s", why);
        sup_reason(s, "%s", why);
        sup_cancel_calls(s);
        sup_act(s, rules_fail(&s->rules));
        sup_drop_unstarted(s);
        if (s->n_apps == 0) /* it went wrong before there were any */
                sup_act(s, rules_app_dropped(&s->rules));
}

static void stop(struct supervisor *s, bool force, nsec grace)
{
        sup_reason(s, "%s", force ? "killed on request" : "stopped on request");
        if (s->output_open)
                output_make_lossy(&s->output);
        sup_act(s, rules_stop(&s->rules, force, grace, time_monotonic()));
}

void sup_started(struct supervisor *s)
{
        struct err e;

        (void)rules_started(&s->rules);
        test_hook("pod:started");
        if (pod_write_ready(s->args->lock_fd, &e) < 0)
                log_warning("%s", e.text);
        sup_report(s, "ok");
        s->warm = true;
}

/* --- events --- */

static void signals_ready(struct loop_source *source, uint32_t events)
{
        struct supervisor *s = OWNER_OF(source, struct supervisor, signals);
        struct signalfd_siginfo info;

        (void)events;
        while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
                if (info.ssi_signo == SIGCHLD)
                        s->children_died = true;
                else
                        /* A second Ctrl-C is from somebody who does not want to wait. */
                        stop(s, info.ssi_signo == SIGINT && s->rules.phase == RULES_STOPPING, -1);
        }
}

static void init_ready(struct loop_source *source, uint32_t events)
{
        struct supervisor *s = OWNER_OF(source, struct supervisor, init_source);
        siginfo_t info = { 0 };

        (void)events;
        if (waitid(P_PIDFD, (id_t)s->init.pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
                return;
        loop_remove(&s->loop, source);
        proc_done(&s->init);
        if (s->rules.phase == RULES_ENDED)
                return;
        /* The kernel has killed all of the pod with it; say so before the apps' own ends are looked at. */
        sup_reason(s, "the pod's init was killed by signal %d", info.si_status);
        for (size_t i = 0; i < s->n_apps; i++)
                (void)sup_app_reap(&s->apps[i]);
        if (s->rules.phase != RULES_ENDED)
                sup_fail(s, s->reason);
}

static void request(void *arg, const struct pod_request *request, struct pod_reply *reply)
{
        struct supervisor *s = arg;

        reply->ok = true;
        if (request->op == POD_OP_STOP)
                stop(s, request->force,
                     request->grace_ms < 0 ? -1 : request->grace_ms * NSEC_PER_MSEC);
        (void)snprintf(reply->state, sizeof(reply->state), "%s",
                       s->rules.phase == RULES_STARTING  ? "starting"
                       : s->rules.phase == RULES_RUNNING ? "running"
                                                         : "stopping");
}

/*
 * We are the subreaper of what the runtime leaves behind. Not while a call is under way: the end of an app whose pid we
 * do not know yet would be lost.
 */
static void reap_strangers(struct supervisor *s)
{
        while (s->children_died && s->n_calls == 0) {
                siginfo_t info = { 0 };

                if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
                        s->children_died = false;
                else if (sup_is_ours(s, info.si_pid))
                        return; /* its own pidfd is ready too; look again after that */
                else
                        (void)waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
        }
}

/* --- the whole --- */

static int open_signals(struct supervisor *s, struct err *e)
{
        static const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
        static const int ignored[] = {
                SIGPIPE, SIGXFSZ, SIGTTOU, SIGTTIN, SIGQUIT, SIGUSR1, SIGUSR2
        };
        sigset_t set;
        int r;

        (void)sigemptyset(&set);
        for (size_t i = 0; i < ARRAY_LEN(caught); i++)
                (void)sigaddset(&set, caught[i]);
        for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
                (void)signal(ignored[i], SIG_IGN);
        (void)signal(SIGCHLD, SIG_DFL); /* an inherited SIG_IGN would eat exit statuses */
        if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
                return err_set(e, ERR_INTERNAL, errno, "block signals");
        s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (s->signal_fd < 0)
                return err_set(e, ERR_INTERNAL, errno, "receive signals");
        r = loop_add(&s->loop, &s->signals, s->signal_fd, EPOLLIN);
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "receive signals") : 0;
}

static int set_up(struct supervisor *s, struct err *e)
{
        if (loop_init(&s->loop, e) < 0 || open_signals(s, e) < 0)
                return -1;
        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
                return err_set(e, ERR_INTERNAL, errno, "become a subreaper");
        if (sup_prepare(s, e) < 0)
                return -1;
        return control_open(&s->control, &s->loop, s->args->lock_fd, request, s, e);
}

static bool any_status_dirty(const struct supervisor *s)
{
        for (size_t i = 0; i < s->n_apps; i++)
                if (s->apps[i].status_dirty)
                        return true;
        return false;
}

static void write_dirty_statuses(struct supervisor *s)
{
        for (size_t i = 0; i < s->n_apps; i++)
                if (s->apps[i].status_dirty)
                        sup_write_app_status(&s->apps[i]);
}

/* A disk that was full may have room again. */
static void retry_statuses(struct supervisor *s)
{
        nsec now = time_monotonic();

        if (now < s->retry_at || !any_status_dirty(s))
                return;
        write_dirty_statuses(s);
        s->retry_at = now + RELAX_MS * NSEC_PER_MSEC;
}

static int next_timeout(const struct supervisor *s, bool busy)
{
        bool work = s->warm || (s->output_open && s->output.touched) || any_status_dirty(s);
        int ms = work ? RELAX_MS : -1;

        if (s->rules.deadline != 0) {
                nsec left = s->rules.deadline - time_monotonic();

                ms = left <= 0                  ? 0
                     : left > 60 * NSEC_PER_SEC ? 60000
                                                : (int)(left / NSEC_PER_MSEC) + 1;
        }
        if (s->output_open) {
                int journal = output_timeout(&s->output);

                if (journal >= 0 && (ms < 0 || journal < ms))
                        ms = journal;
        }
        return busy && (ms < 0 || ms > POLL_MS) ? POLL_MS : ms;
}

/* The last app is gone, the pod's processes are dead, and their output is where it belongs. */
static bool is_over(struct supervisor *s)
{
        if (s->rules.phase != RULES_ENDED || s->n_calls > 0 || s->init.pid != 0)
                return false;
        return !s->output_open || output_finish(&s->output);
}

/* Nothing has happened for a while: the time for what is in nobody's way now. */
static void relax(struct supervisor *s)
{
        if (!s->synced) {
                sup_sync_apart(s); /* its end wakes us once more: the rest is done after that */
                return;
        }
        if (s->rules.phase != RULES_STARTING)
                sup_free_start(s);
        if (s->output_open)
                output_relax(&s->output);
        idle_forget_code();
        s->warm = false;
}

static void run_loop(struct supervisor *s)
{
        bool busy = sup_feed(s);

        while (!is_over(s)) {
                int n = loop_turn(&s->loop, next_timeout(s, busy));

                if (n == 0 && !busy)
                        relax(s);
                if (n < 0) {
                        log_error("epoll: %s", strerror(-n));
                        return;
                }
                sup_act(s, rules_tick(&s->rules, time_monotonic()));
                retry_statuses(s);
                if (s->output_open)
                        output_tick(&s->output);
                busy = sup_feed(s);
                busy = sup_sweep(s) || busy;
                reap_strangers(s);
        }
}

static void write_end(struct supervisor *s)
{
        struct pod_status status = {
                .exit_code = s->rules.exit_code,
                .signal = s->rules.signal,
                .reason = s->reason[0] ? s->reason : NULL,
                .finished_at = sup_now(s),
        };
        struct err e;

        write_dirty_statuses(s);
        if (s->cgroup && runtime_cgroup_remove(s->cgroup, REMOVE_MS, &e) < 0)
                log_warning("%s", e.text);
        test_hook("pod:cgroup-removed");
        /* Last: to whoever follows the logs it says that the pod is over, and the lock falls right after it. */
        if (pod_write_status(s->args->lock_fd, &status, &e) < 0)
                log_warning("the pod's status cannot be written: %s", e.text);
        test_hook("pod:status-written");
}

int supervisor_run(const struct sup_args *args)
{
        /* Static: it is large, and lives as long as the process. */
        static struct supervisor s;
        struct err e;

        s = (struct supervisor){
                .args = args,
                .loop = LOOP_NULL,
                .signals = { -1, signals_ready },
                .signal_fd = -1,
                .stage = STAGE_NULL,
                .invoke = RUNTIME_INVOKE_NULL,
                .init = PROC_NULL,
                .init_source = { -1, init_ready },
        };
        rules_init(&s.rules, 0, args->grace);
        control_init_null(&s.control);
        if (set_up(&s, &e) < 0) {
                sup_fail(&s, e.text);
        } else {
                test_hook("pod:control");
                sup_launch(&s);
                test_hook("pod:runtime");
        }
        run_loop(&s);
        test_hook("pod:over");
        sup_report(&s, s.reason[0] ? s.reason : "the pod ended before all apps were started");
        control_close(&s.control);
        sup_free_joiners(&s); /* an unused one still sits in the app's cgroup */
        write_end(&s);
        return s.rules.exit_code;
}
