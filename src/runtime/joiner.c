/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The joiner. On v1 no process can be cloned into a cgroup: it has to enter, hierarchy by hierarchy, before it becomes the
 * program. So a child goes ahead, enters, and waits on a socket for the command line and the descriptors.
 *
 *      parent                                  child
 *      runtime_joiner_start: fork              enters the v1 hierarchies
 *      (mounts, namespaces, config.json)       blocks in recvmsg
 *      runtime_joiner_spawn: request    ---->
 *                                       <----  REPORT_EXEC, then execve closes the socket
 *                                       <----  or REPORT_FAILED with errno
 *
 * End of file after REPORT_EXEC is success; without it, the child was killed. An errno that proc_become
 * writes after REPORT_EXEC is a failed exec. On v2 the program is cloned straight into the cgroup.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/cgroup_priv.h"
#include "util/auto.h"
#include "util/mem.h"

enum {
        REQUEST_MAX = 64 * 1024, /* a runtime's command line and environment */
        REQUEST_STRINGS_MAX = 2048,
        REQUEST_FDS_MAX = 16,
        REPORT_EXEC = -1, /* no errno is negative */
};

struct runtime_joiner {
        const struct runtime_cgroup *cg; /* borrowed */
        struct proc proc;                /* owned; the waiting child; none on v2, or when used up */
        int socket;                      /* owned */
};

struct request {
        unsigned argc;
        unsigned envc; /* 0: keep the environment */
        unsigned n_fds;
        int as[REQUEST_FDS_MAX];
        int death_signal;
        bool new_session;
        bool has_env;
};

/* What the child says: where it failed, and why. */
struct report {
        int code;      /* errno, or REPORT_EXEC */
        int hierarchy; /* that could not be joined; -1: something else */
};

/* --- The child. Only async-signal-safe calls, and static memory. --- */

static char request_text[REQUEST_MAX];
static char *request_strings[REQUEST_STRINGS_MAX + 2];

static void child_fail(int socket, int code, int hierarchy)
{
        struct report report = { code, hierarchy };

        (void)send(socket, &report, sizeof(report), MSG_NOSIGNAL);
        _exit(127);
}

static void child_join(const struct runtime_cgroup *cg, int socket)
{
        int hierarchy = -1, r = runtime_cgroup_enter_v1(cg, &hierarchy);

        if (r < 0)
                child_fail(socket, -r, hierarchy);
}

static size_t receive(int socket, struct request *req, int *fds)
{
        char control[CMSG_SPACE(sizeof(int) * REQUEST_FDS_MAX)];
        struct iovec iov[2] = { { req, sizeof(*req) }, { request_text, sizeof(request_text) } };
        struct msghdr msg = { .msg_iov = iov,
                              .msg_iovlen = 2,
                              .msg_control = control,
                              .msg_controllen = sizeof(control) };
        struct cmsghdr *c;
        ssize_t n;

        do
                n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < (ssize_t)sizeof(*req))
                _exit(0); /* the parent needs us no more */
        c = CMSG_FIRSTHDR(&msg);
        if (c && c->cmsg_type == SCM_RIGHTS)
                memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
        return (size_t)n - sizeof(*req);
}

/* path, argv..., NULL, envp..., NULL out of the text; -1 when it does not add up. */
static int unpack(const struct request *req, size_t len)
{
        size_t want = 1 + (size_t)req->argc + req->envc, at = 0, n = 0;

        if (want > REQUEST_STRINGS_MAX)
                return -1;
        for (size_t i = 0; i < want; i++) {
                size_t s = strnlen(request_text + at, len - at);

                if (at + s >= len)
                        return -1;
                request_strings[n++] = request_text + at;
                at += s + 1;
                if (i == req->argc)
                        request_strings[n++] = NULL;
        }
        request_strings[n] = NULL;
        return 0;
}

static void child_main(const struct runtime_cgroup *cg, int socket, pid_t parent)
{
        struct report report = { REPORT_EXEC, -1 };
        struct proc_fd map[REQUEST_FDS_MAX];
        struct proc_spawn s = { .chdir_fd = -1, .cgroup_fd = -1, .fds = map };
        int fds[REQUEST_FDS_MAX] = { 0 };
        struct request req = { 0 };
        size_t len;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(127);
        child_join(cg, socket);
        len = receive(socket, &req, fds);
        if (unpack(&req, len) < 0)
                child_fail(socket, EINVAL, -1);
        for (unsigned i = 0; i < req.n_fds; i++)
                map[i] = (struct proc_fd){ fds[i], req.as[i] };
        s.path = request_strings[0];
        s.argv = request_strings + 1;
        s.envp = req.has_env ? request_strings + 2 + req.argc : NULL;
        s.n_fds = req.n_fds;
        s.new_session = req.new_session;
        s.death_signal = req.death_signal;
        if (req.death_signal == 0)
                (void)prctl(PR_SET_PDEATHSIG, 0);
        (void)send(socket, &report, sizeof(report), MSG_NOSIGNAL);
        proc_become(&s, parent, socket);
}

/* --- The parent --- */

int runtime_joiner_start(const struct runtime_cgroup *cg, struct runtime_joiner **ret,
                         struct err *e)
{
        AUTO(runtime_joiner_freep) struct runtime_joiner *j = xcalloc(1, sizeof(*j));
        AUTO_CLOSE int child_socket = -1;
        pid_t parent = getpid();
        int pair[2], r;

        j->cg = cg;
        j->proc = PROC_NULL;
        j->socket = -1;
        if (runtime_cgroup_clone_fd(cg) < 0) {
                if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                        return err_set(e, ERR_INTERNAL, errno, "make a socket pair");
                j->socket = pair[0];
                child_socket = pair[1];
                r = proc_fork(runtime_cgroup_v2_fd(cg), &j->proc);
                if (r < 0)
                        return err_set(e, ERR_INTERNAL, -r, "start a process");
                if (r == 1) {
                        (void)close(pair[0]);
                        child_main(cg, child_socket, parent);
                }
        }
        *ret = TAKE_PTR(j);
        return 0;
}

struct runtime_joiner *runtime_joiner_free(struct runtime_joiner *j)
{
        if (!j)
                return NULL;
        if (j->proc.pid > 0) {
                struct err ignored;
                int status;

                (void)proc_signal(&j->proc, SIGKILL);
                (void)proc_wait(&j->proc, &status, &ignored);
        }
        proc_done(&j->proc);
        closep(&j->socket);
        free(j);
        return NULL;
}

void runtime_joiner_freep(struct runtime_joiner **j)
{
        (void)runtime_joiner_free(*j);
}

static int pack(const struct proc_spawn *s, struct request *req, struct buf *text)
{
        int r = buf_append(text, s->path, strlen(s->path) + 1);

        for (char *const *a = s->argv; *a && r == 0; a++, req->argc++)
                r = buf_append(text, *a, strlen(*a) + 1);
        for (char *const *v = s->envp; v && *v && r == 0; v++, req->envc++)
                r = buf_append(text, *v, strlen(*v) + 1);
        req->has_env = s->envp;
        req->death_signal = s->death_signal;
        req->new_session = s->new_session;
        req->n_fds = (unsigned)s->n_fds;
        return r;
}

static int send_request(int socket, const struct proc_spawn *s)
{
        AUTO(buf_done) struct buf text = BUF_NULL(REQUEST_MAX);
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(sizeof(int) * REQUEST_FDS_MAX)];
        } control = { 0 };
        struct request req = { 0 };
        struct iovec iov[2] = { { &req, sizeof(req) } };
        struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
        ssize_t n;

        if (s->n_fds > REQUEST_FDS_MAX || pack(s, &req, &text) < 0 ||
            req.argc + req.envc >= REQUEST_STRINGS_MAX)
                return -E2BIG;
        iov[1] = (struct iovec){ text.data, text.len };
        if (s->n_fds > 0) {
                struct cmsghdr *c;

                msg.msg_control = control.bytes;
                msg.msg_controllen = CMSG_SPACE(sizeof(int) * s->n_fds);
                c = CMSG_FIRSTHDR(&msg);
                *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                       .cmsg_type = SCM_RIGHTS,
                                       .cmsg_len = CMSG_LEN(sizeof(int) * s->n_fds) };
                for (size_t i = 0; i < s->n_fds; i++) {
                        req.as[i] = s->fds[i].as;
                        memcpy(CMSG_DATA(c) + i * sizeof(int), &s->fds[i].fd, sizeof(int));
                }
        }
        do
                n = sendmsg(socket, &msg, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

static ssize_t receive_report(int socket, struct report *ret)
{
        ssize_t n;

        *ret = (struct report){ 0, -1 };
        do
                n = recv(socket, ret, sizeof(*ret), 0);
        while (n < 0 && errno == EINTR);
        return n;
}

static int failed(const struct runtime_joiner *j, const struct report *r, const char *path,
                  struct err *e)
{
        if (r->hierarchy >= 0 && (size_t)r->hierarchy < j->cg->host->n)
                return err_set(e, ERR_INTERNAL, r->code, "join cgroup %s/%s",
                               j->cg->host->h[r->hierarchy].mount, j->cg->path);
        return err_set(e, r->code == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, r->code, "start %s",
                       path);
}

int runtime_joiner_begin(struct runtime_joiner *j, const struct proc_spawn *s, struct proc *ret,
                         struct err *e)
{
        struct proc_spawn into = *s;
        int r;

        into.cgroup_fd = runtime_cgroup_clone_fd(j->cg);
        if (into.cgroup_fd >= 0)
                return proc_spawn(&into, ret, e);
        if (j->proc.pid <= 0)
                return err_set(e, ERR_INTERNAL, 0, "start %s: the joiner is used up", s->path);
        r = send_request(j->socket, s);
        if (r == -E2BIG)
                return err_set(e, ERR_LIMIT, E2BIG, "start %s", s->path);
        /* A child that could not join has said why before it went. */
        if (r < 0)
                return runtime_joiner_verdict(j, s->path, e) < 0
                               ? -1
                               : err_set(e, ERR_INTERNAL, -r, "start %s", s->path);
        *ret = j->proc;
        j->proc = PROC_NULL;
        return 0;
}

int runtime_joiner_verdict(struct runtime_joiner *j, const char *path, struct err *e)
{
        struct report report;
        ssize_t n;

        if (j->socket < 0)
                return 0;
        n = receive_report(j->socket, &report);
        if (n == (ssize_t)sizeof(report) && report.code == REPORT_EXEC) {
                n = receive_report(j->socket, &report);
                if (n == 0)
                        return 0;
        }
        if (n <= 0)
                return err_set(
                        e, ERR_INTERNAL, n < 0 ? errno : 0,
                        "start %s: the process in cgroup %s has died; is the memory limit too low?",
                        path, j->cg->path);
        return failed(j, &report, path, e);
}

int runtime_joiner_spawn(struct runtime_joiner *j, const struct proc_spawn *s, struct proc *ret,
                         struct err *e)
{
        AUTO(proc_done) struct proc p = PROC_NULL;

        if (runtime_joiner_begin(j, s, &p, e) < 0)
                return -1;
        if (runtime_joiner_verdict(j, s->path, e) < 0) {
                j->proc = p; /* to be reaped with the joiner */
                p = PROC_NULL;
                return -1;
        }
        *ret = p;
        p = PROC_NULL;
        return 0;
}
