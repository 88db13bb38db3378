/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of each app: runtime calls, the end of its main process, what it leaves behind. A pod of one app is one
 * call ("run"); with more, all are created before the first is started, so that they start together.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "runtime/feed.h"
#include "supervisor/sup_priv.h"
#include "util/auto.h"
#include "util/test_hook.h"

#define START_GRACE NSEC_PER_SEC

enum { CALLS_MAX = 4 }; /* runtime calls at once: each is a process that works for milliseconds */

static void call_ready(struct loop_source *source, uint32_t events);
static void proc_ready(struct loop_source *source, uint32_t events);

static void app_gone(struct sup_app *a)
{
        a->step = SUP_APP_GONE;
        if (a->status.state == APP_EXITED)
                return;
        a->status.state = APP_EXITED;
        a->status.finished_at = sup_now(a->sup);
        sup_write_app_status(a);
}

/* --- the main process --- */

static void note_end(struct sup_app *a, const siginfo_t *info)
{
        bool exited = info->si_code == CLD_EXITED;

        a->status.state =
                APP_EXITED; /* the pid stays: who wants to tell of this end may look late */
        a->status.finished_at = sup_now(a->sup);
        a->status.exit_code = exited ? info->si_status : 128 + info->si_status;
        a->status.signal = exited ? 0 : info->si_status;
        test_hook("pod:app-ended");
        a->status.oom = a->cgroup && runtime_cgroup_oom_kills(a->cgroup) > 0;
        sup_write_app_status(a);
        if (a->status.oom)
                sup_reason(a->sup, "app \"%s\" ran out of memory", a->name);
        else if (!exited)
                sup_reason(a->sup, "app \"%s\" was killed by signal %d (%s)", a->name,
                           a->status.signal, strsignal(a->status.signal));
        else if (info->si_status != 0)
                sup_reason(a->sup, "app \"%s\" exited with status %d", a->name, info->si_status);
}

bool sup_app_reap(struct sup_app *a)
{
        siginfo_t info = { 0 };

        if (a->proc.pid == 0 ||
            waitid(P_PIDFD, (id_t)a->proc.pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
                return false;
        loop_remove(&a->sup->loop, &a->proc_source);
        proc_done(&a->proc);
        note_end(a, &info);
        /* With its main process the app has ended: nothing of it may go on. */
        if (a->cgroup && runtime_cgroup_is_empty(a->cgroup) == 0)
                a->sweeping = true;
        a->step = SUP_APP_GONE;
        if (a->call.proc.pid != 0)
                a->abandon_at = time_monotonic() +
                                (a->sup->rules.phase == RULES_STARTING ? START_GRACE : 0);
        sup_act(a->sup, rules_app_ended(&a->sup->rules, a->status.exit_code, a->status.signal,
                                        time_monotonic()));
        return true;
}

static void proc_ready(struct loop_source *source, uint32_t events)
{
        (void)events;
        (void)sup_app_reap(OWNER_OF(source, struct sup_app, proc_source));
}

/*
 * A "start" whose app has died before it could be let go waits for its partner for ever. It gets a moment to tell why, if
 * the app's end was its doing.
 */
static bool abandon_call(struct sup_app *a)
{
        if (a->call.proc.pid == 0 || a->abandon_at == 0)
                return false;
        if (time_monotonic() >= a->abandon_at)
                (void)proc_signal(&a->call.proc, SIGKILL);
        return true;
}

bool sup_sweep(struct supervisor *s)
{
        bool more = false;

        for (size_t i = 0; i < s->n_apps; i++) {
                struct sup_app *a = &s->apps[i];
                struct err e;

                more = abandon_call(a) || more;
                if (!a->sweeping)
                        continue;
                a->sweeping = runtime_cgroup_kill(a->cgroup, 0, &e) < 0 && e.kind == ERR_TIMEOUT;
                more = more || a->sweeping;
        }
        return more;
}

static void signal_app(struct sup_app *a, int signo)
{
        if (a->proc.pid == 0)
                return;
        /* Created but never started, it has no handler yet, and nothing to clean up. */
        (void)proc_signal(&a->proc, a->step == SUP_APP_RUNNING ? signo : SIGKILL);
        if (signo == SIGKILL && a->cgroup)
                a->sweeping = true;
}

void sup_signal_apps(struct supervisor *s, int signo)
{
        for (size_t i = 0; i < s->n_apps; i++)
                signal_app(&s->apps[i], signo);
}

bool sup_is_ours(const struct supervisor *s, pid_t pid)
{
        if (pid == s->init.pid)
                return true;
        for (size_t i = 0; i < s->n_apps; i++)
                if (pid == s->apps[i].proc.pid || pid == s->apps[i].call.proc.pid)
                        return true;
        return false;
}

void sup_drop_unstarted(struct supervisor *s)
{
        for (size_t i = 0; i < s->n_apps; i++) {
                struct sup_app *a = &s->apps[i];

                if (a->proc.pid != 0 || a->call.proc.pid != 0 || a->step == SUP_APP_GONE)
                        continue;
                app_gone(a);
                sup_act(s, rules_app_dropped(&s->rules));
        }
}

/* --- runtime calls --- */

static int issue(struct sup_app *a, enum runtime_verb verb, struct err *e)
{
        struct supervisor *s = a->sup;
        AUTO_FREE char *bundle = stage_bundle(&s->stage, a->name);
        struct runtime_call_args args = {
                .verb = verb,
                .id = a->name,
                .bundle = bundle,
                .stdio = { s->args->interactive ? 0 : -1, a->write_fds[LOGS_STDOUT],
                           a->write_fds[LOGS_STDERR] },
                .joiner = verb == RUNTIME_START ? NULL : a->joiner,
        };
        int r;

        if (runtime_call_start(&s->invoke, &args, &a->call, e) < 0)
                return -1;
        s->n_calls++;
        /* Ours would keep the pipes from ending. */
        for (int i = 0; i < LOGS_STREAM_MAX; i++)
                closep(&a->write_fds[i]);
        a->call_source.ready = call_ready;
        r = loop_add(&s->loop, &a->call_source, a->call.proc.pidfd, EPOLLIN);
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "watch the runtime") : 0;
}

/* The runtime's errors name the app already. */
static void app_failed(struct sup_app *a, const struct err *e)
{
        char why[sizeof(e->text) + 64];
        int n = snprintf(why, sizeof(why), "app %s: ", a->name);

        if (n > 0 && strncmp(why, e->text, (size_t)n) == 0)
                n = 0;
        (void)snprintf(why + n, sizeof(why) - (size_t)n, "%s", e->text);
        sup_fail(a->sup, why);
}

static void issue_or_fail(struct sup_app *a, enum runtime_verb verb, enum sup_step step)
{
        struct err e;

        a->step = step;
        if (verb == RUNTIME_START)
                a->let_go_at = sup_now(a->sup);
        if (issue(a, verb, &e) == 0)
                return;
        app_failed(a, &e);
}

static size_t count(const struct supervisor *s, enum sup_step at_least)
{
        size_t n = 0;

        for (size_t i = 0; i < s->n_apps; i++)
                n += s->apps[i].step >= at_least;
        return n;
}

static enum runtime_verb first_verb(const struct supervisor *s)
{
        return s->n_apps == 1 ? RUNTIME_RUN : RUNTIME_CREATE;
}

int sup_launch_early(struct supervisor *s, struct err *e)
{
        for (size_t i = 0; s->invoke.waits && i < s->n_apps && s->n_calls < CALLS_MAX; i++) {
                struct sup_app *a = &s->apps[i];

                if (issue(a, first_verb(s), e) < 0)
                        return err_wrap(e, "app %s", a->name);
                a->step = SUP_APP_CREATING;
                a->unfed = true;
        }
        return 0;
}

bool sup_feed(struct supervisor *s)
{
        bool more = false;

        for (size_t i = 0; i < s->n_apps; i++) {
                struct sup_app *a = &s->apps[i];
                AUTO_FREE char *bundle = NULL;
                int r;

                if (!a->unfed)
                        continue;
                bundle = stage_bundle(&s->stage, a->name);
                r = runtime_feed_waiting(bundle);
                a->unfed = r == 0;
                more = more || a->unfed;
                /* A death while reading is told by the call's end. */
                if (r < 0 && r != -EPIPE) {
                        sup_fail(s, "the OCI runtime's configuration cannot be handed over");
                        return false;
                }
        }
        return more;
}

void sup_launch(struct supervisor *s)
{
        bool start = s->n_apps > 1 && count(s, SUP_APP_CREATED) == s->n_apps;
        enum runtime_verb verb = start ? RUNTIME_START : first_verb(s);

        if (start)
                test_hook("pod:created");
        for (size_t i = 0; i < s->n_apps && s->n_calls < CALLS_MAX; i++) {
                struct sup_app *a = &s->apps[i];

                if (s->rules.phase != RULES_STARTING)
                        return;
                if (a->step == (start ? SUP_APP_CREATED : SUP_APP_NEW))
                        issue_or_fail(a, verb, start ? SUP_APP_STARTING : SUP_APP_CREATING);
        }
}

static int take_process(struct sup_app *a, struct proc proc, struct err *e)
{
        int r;

        a->proc = proc;
        a->status.pid = proc.pid;
        a->status.created_at = sup_now(a->sup);
        a->proc_source.ready = proc_ready;
        r = loop_add(&a->sup->loop, &a->proc_source, a->proc.pidfd, EPOLLIN);
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "watch the app") : 0;
}

/* It ended while the runtime was still busy starting it; only the runtime's success says that it ran. */
static void note_short_life(struct sup_app *a)
{
        a->status.started_at = a->let_go_at;
        sup_write_app_status(a);
}

static int finish_call(struct sup_app *a, struct err *e)
{
        enum runtime_verb verb = a->call.verb;
        struct proc proc = PROC_NULL;

        if (runtime_call_finish(&a->sup->invoke, &a->call, &proc, e) < 0)
                return -1;
        if (verb != RUNTIME_START && take_process(a, proc, e) < 0)
                return -1;
        if (a->step == SUP_APP_GONE) {
                if (verb == RUNTIME_START)
                        note_short_life(a);
                return 0;
        }
        test_hook("pod:called");
        a->step = verb == RUNTIME_CREATE ? SUP_APP_CREATED : SUP_APP_RUNNING;
        a->status.state = verb == RUNTIME_CREATE ? APP_CREATED : APP_RUNNING;
        if (verb != RUNTIME_CREATE)
                a->status.started_at = sup_now(a->sup);
        sup_write_app_status(a);
        return 0;
}

/* The pod was stopped while the call was under way: what came of it has missed the signal. */
static void catch_up(struct sup_app *a)
{
        struct supervisor *s = a->sup;

        if (s->rules.phase < RULES_STOPPING)
                return;
        signal_app(a, s->rules.phase == RULES_STOPPING ? SIGTERM : SIGKILL);
        sup_drop_unstarted(s);
}

static void call_ready(struct loop_source *source, uint32_t events)
{
        struct sup_app *a = OWNER_OF(source, struct sup_app, call_source);
        struct supervisor *s = a->sup;
        bool abandoned;
        struct err e;
        int r;

        (void)events;
        loop_remove(&s->loop, source);
        a->unfed = false;
        abandoned = a->abandon_at != 0 && time_monotonic() >= a->abandon_at;
        a->abandon_at = 0;
        r = finish_call(a, &e);
        runtime_call_done(&a->call);
        a->call = RUNTIME_CALL_NULL;
        s->n_calls--;
        if (r < 0 && !abandoned) {
                app_failed(a, &e);
                return;
        }
        catch_up(a);
        if (s->rules.phase != RULES_STARTING)
                return;
        if (count(s, SUP_APP_RUNNING) == s->n_apps)
                sup_started(s);
        else
                sup_launch(s);
}

void sup_cancel_calls(struct supervisor *s)
{
        for (size_t i = 0; i < s->n_apps; i++) {
                struct sup_app *a = &s->apps[i];

                if (a->call.proc.pid == 0)
                        continue;
                loop_remove(&s->loop, &a->call_source);
                a->unfed = false;
                runtime_call_done(&a->call);
                a->call = RUNTIME_CALL_NULL;
                s->n_calls--;
        }
}
