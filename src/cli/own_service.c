/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/own_service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/cli.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"

enum {
        SOCKET_FD = 3,      /* the first of sd_listen_fds(3) */
        END_WAIT_MS = 2000, /* it has nothing to do by then */
        PID_DIGITS = 10,
};

#define PID_VARIABLE "LISTEN_PID="

/* Meant for us, or for other children of whoever started us. */
static bool is_private(const char *variable)
{
        static const char *const names[] = { "LISTEN_", "NOTIFY_SOCKET=", "WATCHDOG_" };

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (strncmp(variable, names[i], strlen(names[i])) == 0)
                        return true;
        return false;
}

/* Our environment and the words of socket activation. The first is LISTEN_PID, with room for the number. */
static void make_environment(struct strv *env)
{
        strv_add(env, PID_VARIABLE "0000000000");
        strv_add(env, "LISTEN_FDS=1");
        strv_add(env, "LISTEN_FDNAMES=connection");
        for (char **v = environ; *v; v++)
                if (!is_private(*v))
                        strv_add(env, *v);
}

/* In the child: only there its number is known. No snprintf between fork and exec. */
static int set_pid(void *arg)
{
        char *digits = (char *)arg + strlen(PID_VARIABLE);
        pid_t pid = getpid();

        for (int i = PID_DIGITS - 1; i >= 0; i--, pid /= 10)
                digits[i] = (char)('0' + pid % 10);
        return 0;
}

static int spawn(struct own_service *s, struct strv *argv, int socket_fd, struct err *e)
{
        AUTO_FREE char *path = fs_find_sibling("carob-api", CAROB_LIBDIR);
        AUTO(strv_done) struct strv env = STRV_NULL;
        const struct proc_fd fds[] = { { socket_fd, SOCKET_FD }, { STDERR_FILENO, STDERR_FILENO } };

        make_environment(&env);
        return proc_spawn(
                &(struct proc_spawn){
                        .path = path,
                        .argv = argv->v,
                        .envp = env.v,
                        .fds = fds,
                        .n_fds = fcntl(STDERR_FILENO, F_GETFD) < 0 ? 1 : 2,
                        .chdir_fd = -1,
                        /* The end of the connection is enough, once the service runs. */
                        .death_signal = SIGKILL,
                        .new_session = true, /* Ctrl-C is for us */
                        .cgroup_fd = -1,
                        .child_setup = set_pid,
                        .arg = env.v[0],
                },
                &s->proc, e);
}

/* None of them is a standard stream, even if we have none of those: they would be the child's, too. */
static int make_pair(int ret[static 2])
{
        AUTO_CLOSE int a = -1, b = -1;
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -1;
        a = fds[0];
        b = fds[1];
        ret[0] = fcntl(a, F_DUPFD_CLOEXEC, SOCKET_FD);
        ret[1] = fcntl(b, F_DUPFD_CLOEXEC, SOCKET_FD);
        return 0;
}

int own_service_start(struct own_service *s, const struct strv *options, int *ret_fd, struct err *e)
{
        AUTO(strv_done) struct strv argv = STRV_NULL;
        AUTO_CLOSE int ours = -1, theirs = -1;
        int fds[2];

        if (make_pair(fds) < 0)
                return err_set(e, ERR_INTERNAL, errno, "make a connection to a service of our own");
        ours = fds[0];
        theirs = fds[1];
        if (ours < 0 || theirs < 0)
                return err_set(e, ERR_NO_SPACE, EMFILE,
                               "make a connection to a service of our own");
        strv_add(&argv, "carob-api");
        strv_add(&argv, "--log-level=warning"); /* --debug, if given, comes later and counts */
        cli_globals_add(&argv);
        for (size_t i = 0; i < options->n; i++)
                strv_add(&argv, options->v[i]);
        if (spawn(s, &argv, theirs, e) < 0)
                return err_wrap(e, "start a service of our own");
        *ret_fd = TAKE_FD(ours);
        return 0;
}

int own_service_end(struct own_service *s)
{
        struct pollfd p = { .fd = s->proc.pidfd, .events = POLLIN };
        struct err ignored;
        int status = -1;

        if (s->proc.pid == 0)
                return -1;
        if (poll(&p, 1, END_WAIT_MS) == 0)
                (void)proc_signal(&s->proc, SIGKILL);
        if (proc_wait(&s->proc, &status, &ignored) < 0)
                status = -1;
        proc_done(&s->proc);
        return status;
}
