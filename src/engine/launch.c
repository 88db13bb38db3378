/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/config_logs.h"
#include "logs/journal.h"
#include "pod/change.h"
#include "pod/record.h"
#include "util/auto.h"
#include "util/buf.h"
#include "util/fs.h"
#include "util/mem.h"
#include "util/strv.h"
#include "util/test_hook.h"

enum { REPORT_MAX = 4096 };

int engine_launch_configure(struct engine_launch *l, const struct engine_config_dirs *dirs,
                            struct err *e)
{
        struct engine_config_logs logs;

        if (engine_config_logs_read(dirs, &logs, e) < 0)
                return -1;
        if (l->log_bytes < 0)
                l->log_bytes = logs.max_bytes;
        if (l->log_files < 0)
                l->log_files = logs.max_files;
        if (l->log_driver < 0)
                l->log_driver = logs.driver;
        return 0;
}

int engine_launch_check(const struct engine_launch *l, struct err *e)
{
        AUTO_CLOSE int fd = -1;

        if (l->log_driver == POD_LOG_JOURNALD &&
            logs_journal_connect(LOGS_JOURNAL_SOCKET, &fd, e) < 0)
                return err_wrap(e, "--log-driver=journald");
        return 0;
}

int engine_take_prepared(struct engine *eng, const char *uuid, struct pod *ret, struct err *e)
{
        struct pod p = POD_NULL;

        if (pod_open(&eng->pods, uuid, &p, e) < 0)
                return -1;
        /* Looked at before the lock: a running pod is not "in use", it is in the wrong state. */
        if (p.dir != POD_DIR_PREPARED) {
                pod_done(&p);
                return err_set(e, ERR_STATE, 0, "pod \"%s\" is not prepared", uuid);
        }
        if (pod_lock(&eng->pods, &p, e) < 0) {
                pod_done(&p);
                return -1;
        }
        if (p.dir != POD_DIR_PREPARED) {
                pod_done(&p);
                return err_set(e, ERR_STATE, 0, "pod \"%s\" is not prepared any more", uuid);
        }
        *ret = p;
        return 0;
}

/* The name is prepare's: it stays unless the new launch knows better. */
static int write_launch(const struct pod *p, const struct engine_launch *l, struct err *e)
{
        AUTO(buf_done) struct buf old = BUF_NULL(64 * 1024);
        AUTO(pod_launch_done) struct pod_launch launch = POD_LAUNCH_NULL;
        struct err ignored;

        if (fs_read_file(p->fd, "launch.json", &old) == 0 &&
            pod_launch_parse(old.data, old.len, &launch, &ignored) < 0)
                launch = POD_LAUNCH_NULL;
        launch.net = l->net;
        free(launch.hostname);
        launch.hostname = xstrdup_null(l->hostname);
        launch.log_bytes = l->log_bytes;
        launch.log_files = l->log_files;
        launch.log_driver = l->log_driver < 0 ? POD_LOG_FILE : (enum pod_log_driver)l->log_driver;
        return pod_write_launch(p->fd, &launch, e);
}

static char *find_supervisor(struct err *e)
{
        char *path = fs_find_sibling("carob-pod", CAROB_LIBDIR);

        if (access(path, X_OK) == 0)
                return path;
        (void)err_set(e, ERR_UNSUPPORTED, errno, "cannot find the supervisor: %s", path);
        free(path);
        return NULL;
}

static int keep_across_exec(int fd, struct err *e)
{
        if (fcntl(fd, F_SETFD, 0) < 0)
                return err_set(e, ERR_INTERNAL, errno, "fcntl");
        return 0;
}

static int exec_supervisor(const char *path, const struct engine *eng, const struct pod *p,
                           const struct engine_launch *l, int report_fd, struct err *e)
{
        AUTO(strv_done) struct strv argv = STRV_NULL;
        AUTO_FREE char *dir = realpath(eng->dir, NULL);

        if (!dir)
                return err_set(e, ERR_INTERNAL, errno, "path of the data directory %s", eng->dir);
        strv_add(&argv, "carob-pod");
        strv_addf(&argv, "--dir=%s", dir);
        strv_addf(&argv, "--uuid=%s", p->uuid.text);
        strv_addf(&argv, "--lock-fd=%d", p->fd);
        if (report_fd >= 0)
                strv_addf(&argv, "--detached-fd=%d", report_fd);
        if (l->interactive)
                strv_add(&argv, "--interactive");
        if (l->debug)
                strv_add(&argv, "--debug");
        if (keep_across_exec(p->fd, e) < 0 ||
            (report_fd >= 0 && keep_across_exec(report_fd, e) < 0))
                return -1;
        test_hook("exec");
        (void)execv(path, argv.v);
        return err_set(e, ERR_INTERNAL, errno, "cannot execute %s", path);
}

/* In the child: a session of its own, and none of the caller's descriptors but log output on stderr. */
static int become_detached(struct err *e)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
            dup2(null, STDERR_FILENO) < 0)
                return err_set(e, ERR_INTERNAL, errno, "/dev/null");
        if (null > STDERR_FILENO)
                (void)close(null);
        if (setsid() < 0)
                return err_set(e, ERR_INTERNAL, errno, "setsid");
        return 0;
}

/*
 * The pipe's protocol: "ok" when all apps were started; anything else is why not. An end without a word means
 * that the supervisor died.
 */
static int await_report(int fd, pid_t child, struct err *e)
{
        AUTO(buf_done) struct buf text = BUF_NULL(REPORT_MAX);
        int status, r = fs_read_fd(fd, &text);

        if (r == 0 && text.len >= 2 && memcmp(text.data, "ok", 2) == 0)
                return 0;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                ;
        if (r == 0 && text.len > 0) {
                while (text.len > 0 && text.data[text.len - 1] == '\n')
                        text.data[--text.len] = '\0';
                return err_set(e, ERR_INTERNAL, 0, "%s", buf_str(&text));
        }
        return err_set(e, ERR_INTERNAL, 0, "the supervisor ended before the apps were started");
}

static int launch_detached(const char *path, const struct engine *eng, const struct pod *p,
                           const struct engine_launch *l, struct err *e)
{
        AUTO_CLOSE int ours = -1, theirs = -1;
        int fds[2];
        pid_t child;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_set(e, ERR_INTERNAL, errno, "pipe");
        ours = fds[0];
        theirs = fds[1];
        child = fork();
        if (child < 0)
                return err_set(e, ERR_INTERNAL, errno, "fork");
        if (child == 0) {
                if (become_detached(e) == 0)
                        (void)exec_supervisor(path, eng, p, l, theirs, e);
                (void)fs_write_all(theirs, e->text, strlen(e->text));
                _exit(254);
        }
        (void)close(TAKE_FD(theirs));
        return await_report(ours, child, e);
}

int engine_launch(struct engine *eng, struct pod *p, const struct engine_launch *l, struct err *e)
{
        AUTO_FREE char *path = find_supervisor(e);

        if (!path || engine_launch_check(l, e) < 0)
                return -1;
        test_hook("locked");
        if (write_launch(p, l, e) < 0)
                return -1;
        test_hook("launch-written");
        if (pod_to_run(&eng->pods, p, e) != POD_MOVED)
                return -1;
        test_hook("moved-to-run");
        if (l->detach)
                return launch_detached(path, eng, p, l, e);
        return exec_supervisor(path, eng, p, l, -1, e);
}
