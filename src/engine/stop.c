/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor does the work; this asks and waits. Only when it hangs are its pod init and it killed from here: the
 * init's death takes every process of the pod with it, and with both gone the lock falls.
 */
#include "engine/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/ask.h"
#include "pod/wait.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/parse.h"
#include "util/proc.h"

/* The supervisor's grace period is 10 s; what comes after it (KILL, logs, cgroup) is quick. */
#define ANSWER_WAIT (5 * NSEC_PER_SEC)
#define END_WAIT    (30 * NSEC_PER_SEC)
#define FORCE_WAIT  (10 * NSEC_PER_SEC)
#define KILL_WAIT   (10 * NSEC_PER_SEC)

static int read_pid(const struct pod *p, pid_t *ret)
{
        AUTO(buf_done) struct buf text = BUF_NULL(64);
        int64_t pid;

        if (fs_read_file(p->fd, "pid", &text) < 0)
                return -1;
        while (text.len > 0 && text.data[text.len - 1] == '\n')
                text.data[--text.len] = '\0';
        if (parse_i64(buf_str(&text), 2, INT32_MAX, &pid) < 0)
                return -1;
        *ret = (pid_t)pid;
        return 0;
}

/* Does process @pid have the very directory of @p open? Pids are reused; the lock's descriptor cannot be faked by that. */
static bool holds_directory(pid_t pid, const struct pod *p)
{
        AUTO_DIR DIR *dir = NULL;
        struct stat want, have;
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
        dir = opendir(path);
        if (!dir || fstat(p->fd, &want) < 0)
                return false;
        for (struct dirent *de; (de = readdir(dir));)
                if (fstatat(dirfd(dir), de->d_name, &have, 0) == 0 && have.st_dev == want.st_dev &&
                    have.st_ino == want.st_ino)
                        return true;
        return false;
}

static void kill_holder(pid_t pid, const struct pod *p)
{
        AUTO(proc_done) struct proc proc = PROC_NULL;

        if (pid > 1 && proc_open(pid, &proc) == 0 && holds_directory(pid, p))
                (void)proc_signal(&proc, SIGKILL);
}

static pid_t parent_of(pid_t pid)
{
        AUTO(buf_done) struct buf text = BUF_NULL(4096);
        char path[64];
        const char *after;
        int ppid;

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        /* "pid (comm) state ppid ...": comm may hold anything but the last ')' ends it. */
        if (fs_read_file(AT_FDCWD, path, &text) < 0)
                return 0;
        after = strrchr(buf_str(&text), ')');
        return after && sscanf(after, ") %*c %d", &ppid) == 1 ? ppid : 0;
}

static int kill_pod(struct engine *eng, const struct pod *p, struct err *e)
{
        pid_t init, supervisor;

        if (read_pid(p, &init) < 0)
                return err_set(e, ERR_STATE, 0,
                               "pod \"%s\" has no init yet and its supervisor does not answer",
                               p->uuid.text);
        supervisor = parent_of(init);
        kill_holder(init, p);
        kill_holder(supervisor, p);
        if (pod_wait(&eng->pods, p->uuid.text, POD_WAIT_EXITED, time_monotonic() + KILL_WAIT, e) <
            0)
                return err_wrap(e, "pod \"%s\" was killed but does not end", p->uuid.text);
        return 0;
}

/* A pod that was just launched has no socket yet, so nobody listening is believed only after a while. */
static int ask_stop(const struct pod *p, const struct pod_request *req, struct pod_reply *reply,
                    struct err *e)
{
        const struct timespec pause = { .tv_nsec = 20 * NSEC_PER_MSEC };
        nsec deadline = time_monotonic() + ANSWER_WAIT;

        while (engine_ask(p, req, deadline, reply, e) < 0) {
                if (e->kind != ERR_UNAVAILABLE || time_monotonic() > deadline || !pod_is_locked(p))
                        return -1;
                (void)nanosleep(&pause, NULL);
        }
        return 0;
}

static int ask_and_wait(struct engine *eng, const struct pod *p, bool force, struct err *e)
{
        const struct pod_request req = { .op = POD_OP_STOP, .force = force, .grace_ms = -1 };
        struct pod_reply reply;
        nsec wait = force ? FORCE_WAIT : END_WAIT;

        if (ask_stop(p, &req, &reply, e) < 0)
                return -1;
        if (!reply.ok)
                return err_set(e, ERR_STATE, 0, "%s", reply.error);
        return pod_wait(&eng->pods, p->uuid.text, POD_WAIT_EXITED, time_monotonic() + wait, e);
}

enum engine_stop_result engine_stop(struct engine *eng, const char *uuid, bool force, struct err *e)
{
        AUTO(pod_done) struct pod p = POD_NULL;
        enum pod_state state;

        if (pod_open(&eng->pods, uuid, &p, e) < 0)
                return ENGINE_STOP_FAILED;
        state = pod_state_sample(&eng->pods, &p);
        if (pod_state_is_after_run(state))
                return ENGINE_STOP_ALREADY;
        if (state != POD_RUNNING) {
                (void)err_set(e, ERR_STATE, 0, "pod \"%s\" is not running (it is %s)", uuid,
                              pod_state_name(state));
                return ENGINE_STOP_FAILED;
        }
        if (ask_and_wait(eng, &p, force, e) == 0)
                return ENGINE_STOPPED;
        if (!pod_is_locked(&p))
                return ENGINE_STOPPED;
        if (e->kind == ERR_PERMISSION || kill_pod(eng, &p, e) < 0)
                return ENGINE_STOP_FAILED;
        return ENGINE_STOPPED;
}
