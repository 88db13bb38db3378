/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the OCI runtime. Its own messages go to a log file in the state directory, never to the app's stdio, which the
 * runtime hands through to the app.
 *
 * crun and runc protect their executable from the container (CVE-2019-5736) by copying or bind-mounting themselves
 * and executing that: 2 to 3 ms of mounting and dynamic linking. They skip it when they run from a read-only mount
 * and _LIBCONTAINER_CLONED_BINARY says that this is meant. So the program is cloned here onto a detached
 * read-only mount, which no other process can find or remount: the same protection, made once per pod. When that fails, or a
 * runtime does not know the variable, it protects itself as it always did.
 */
#include "runtime/invoke.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/cgroup.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/json.h"
#include "util/mem.h"
#include "util/parse.h"
#include "util/strv.h"

#define DEFAULT_RUNTIME "crun"
#define DEFAULT_PATH    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum {
        LOG_MAX = 256 * 1024,
        LOG_LINE_MAX = 16 * 1024,
        LOG_FIELDS_MAX = 64,
        EXE_FD_LOWEST = 16, /* above every number that the runtime's own descriptors get */
};

/* --- Finding the program --- */

static bool is_program(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static char *find_program(const char *name)
{
        const char *path = getenv("PATH");

        if (strchr(name, '/'))
                return is_program(name) ? xstrdup(name) : NULL;
        for (const char *at = path && *path ? path : DEFAULT_PATH; at;) {
                size_t n = strcspn(at, ":");
                AUTO_FREE char *full = xasprintf("%.*s/%s", (int)n, at, name);

                if (n > 0 && is_program(full))
                        return TAKE_PTR(full);
                at = at[n] ? at + n + 1 : NULL;
        }
        return NULL;
}

/* The program on a detached read-only mount; -1 when this kernel or our privileges do not allow it. */
static int clone_read_only(const char *program)
{
        struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };
        AUTO_CLOSE int fd =
                (int)syscall(SYS_open_tree, AT_FDCWD, program, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

        if (fd < 0 || syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
                return -1;
        return fcntl(fd, F_DUPFD_CLOEXEC, EXE_FD_LOWEST);
}

int runtime_invoke_init(struct runtime_invoke *ret, const char *runtime, const char *state_dir,
                        struct err *e)
{
        AUTO(runtime_invoke_done) struct runtime_invoke inv = RUNTIME_INVOKE_NULL;
        const char *from_env = getenv("CAROB_RUNTIME"), *base;

        if (!runtime || !*runtime)
                runtime = from_env && *from_env ? from_env : DEFAULT_RUNTIME;
        inv.program = find_program(runtime);
        if (!inv.program)
                return err_set(
                        e, ERR_NOT_FOUND, 0,
                        "OCI runtime \"%s\" not found: install it (apt-get install crun), or "
                        "name another one in CAROB_RUNTIME",
                        runtime);
        base = strrchr(inv.program, '/');
        inv.name = xstrdup(base ? base + 1 : inv.program);
        inv.own_cgroups = strncmp(inv.name, "crun", 4) == 0;
        inv.waits = inv.own_cgroups;
        inv.exe_fd = clone_read_only(inv.program);
        inv.state_dir = xstrdup(state_dir);
        *ret = inv;
        inv = RUNTIME_INVOKE_NULL;
        return 0;
}

void runtime_invoke_done(struct runtime_invoke *inv)
{
        free(inv->program);
        free(inv->name);
        free(inv->state_dir);
        closep(&inv->exe_fd);
        *inv = RUNTIME_INVOKE_NULL;
}

/* --- One call --- */

static const char *verb_name(enum runtime_verb verb)
{
        switch (verb) {
        case RUNTIME_RUN:
                return "run";
        case RUNTIME_CREATE:
                return "create";
        case RUNTIME_START:
                return "start";
        }
        return "?";
}

static char *state_file(const struct runtime_invoke *inv, const char *id, const char *suffix)
{
        return xasprintf("%s/%s.%s", inv->state_dir, id, suffix);
}

static void add_arguments(const struct runtime_invoke *inv, const struct runtime_call_args *args,
                          struct strv *argv)
{
        AUTO_FREE char *log = state_file(inv, args->id, "log");
        AUTO_FREE char *pid_file = state_file(inv, args->id, "pid");

        strv_add(argv, inv->name);
        strv_addf(argv, "--root=%s/runtime", inv->state_dir);
        strv_addf(argv, "--log=%s", log);
        strv_add(argv, "--log-format=json");
        if (inv->own_cgroups)
                strv_add(argv, "--cgroup-manager=disabled");
        strv_add(argv, verb_name(args->verb));
        if (args->verb != RUNTIME_START) {
                if (args->verb == RUNTIME_RUN)
                        strv_add(argv, "--detach");
                strv_addf(argv, "--bundle=%s", args->bundle);
                strv_addf(argv, "--pid-file=%s", pid_file);
                if (args->console_socket)
                        strv_addf(argv, "--console-socket=%s", args->console_socket);
        }
        strv_add(argv, args->id);
}

/* Nothing of the caller's environment: what the runtime makes of NOTIFY_SOCKET or LISTEN_FDS is not wanted. */
static void add_environment(const struct runtime_invoke *inv, struct strv *envp)
{
        strv_add(envp, "PATH=" DEFAULT_PATH);
        strv_addf(envp, "XDG_RUNTIME_DIR=%s", inv->state_dir);
        if (inv->exe_fd >= 0)
                strv_add(envp, "_LIBCONTAINER_CLONED_BINARY=1");
}

int runtime_call_start(const struct runtime_invoke *inv, const struct runtime_call_args *args,
                       struct runtime_call *ret, struct err *e)
{
        AUTO(strv_done) struct strv argv = STRV_NULL, envp = STRV_NULL;
        AUTO_FREE char *log = state_file(inv, args->id, "log");
        AUTO_FREE char *path = inv->exe_fd >= 0 ? xasprintf("/proc/self/fd/%d", inv->exe_fd)
                                                : xstrdup(inv->program);
        struct proc_fd fds[3];
        struct proc_spawn s = {
                .path = path, .fds = fds, .chdir_fd = -1, .cgroup_fd = -1, .death_signal = SIGKILL
        };
        struct proc p = PROC_NULL;
        int r;

        for (int i = 0; i < 3 && args->verb != RUNTIME_START; i++)
                if (args->stdio[i] >= 0)
                        fds[s.n_fds++] = (struct proc_fd){ args->stdio[i], i };
        (void)unlink(log); /* an earlier verb's */
        add_arguments(inv, args, &argv);
        add_environment(inv, &envp);
        s.argv = argv.v;
        s.envp = envp.v;
        r = args->joiner ? runtime_joiner_begin(args->joiner, &s, &p, e) : proc_spawn(&s, &p, e);
        if (r < 0)
                return -1;
        *ret = (struct runtime_call){
                .verb = args->verb, .proc = p, .id = xstrdup(args->id), .joiner = args->joiner
        };
        return 0;
}

int runtime_call_wait(const struct runtime_call *call, int timeout_ms, struct err *e)
{
        struct pollfd p = { .fd = call->proc.pidfd, .events = POLLIN };
        int r;

        do
                r = poll(&p, 1, timeout_ms);
        while (r < 0 && errno == EINTR);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, errno, "wait for the OCI runtime");
        if (r == 0)
                return err_set(e, ERR_TIMEOUT, 0,
                               "app %s: the OCI runtime has not finished \"%s\" within %d ms",
                               call->id, verb_name(call->verb), timeout_ms);
        return 0;
}

/* Words by which crun and runc say that the app's own program is the trouble. */
static bool is_apps_mistake(const char *message)
{
        return strstr(message, "executable file") || strstr(message, "exec format error") ||
               strstr(message, "Exec format error") || strstr(message, "exec: ") ||
               strstr(message, "execv");
}

static int failed(const struct runtime_invoke *inv, const struct runtime_call *call, int status,
                  struct err *e)
{
        AUTO_FREE char *path = state_file(inv, call->id, "log");
        AUTO(buf_done) struct buf log = BUF_NULL(LOG_MAX);
        char message[512];

        (void)fs_read_file(AT_FDCWD, path, &log);
        runtime_log_last_error(buf_str(&log), log.len, message, sizeof(message));
        if (message[0] == '\0')
                return err_set(e, ERR_INTERNAL, 0, "app %s: %s %s failed with status %d", call->id,
                               inv->name, verb_name(call->verb), status);
        return err_set(e, is_apps_mistake(message) ? ERR_USAGE : ERR_INTERNAL, 0, "app %s: %s: %s",
                       call->id, inv->name, message);
}

static int open_app(const struct runtime_invoke *inv, const char *id, struct proc *ret,
                    struct err *e)
{
        AUTO_FREE char *path = state_file(inv, id, "pid");
        AUTO(buf_done) struct buf text = BUF_NULL(64);
        int64_t pid;
        int r = fs_read_file(AT_FDCWD, path, &text);

        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "app %s: read the pid file of %s", id,
                               inv->name);
        while (text.len > 0 && text.data[text.len - 1] == '\n')
                text.data[--text.len] = '\0';
        if (parse_i64(buf_str(&text), 1, INT32_MAX, &pid) < 0)
                return err_set(e, ERR_INTERNAL, 0, "app %s: %s wrote \"%s\" as its pid", id,
                               inv->name, buf_str(&text));
        r = proc_open((pid_t)pid, ret);
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "app %s: open process %d", id, (int)pid) : 0;
}

int runtime_call_finish(const struct runtime_invoke *inv, struct runtime_call *call,
                        struct proc *ret_app, struct err *e)
{
        int status = -1;

        if (proc_wait(&call->proc, &status, e) < 0)
                return -1;
        proc_done(&call->proc);
        /* Nothing was executed at all? */
        if (status != 0 && call->joiner &&
            runtime_joiner_verdict(call->joiner, inv->program, e) < 0)
                return -1;
        if (status != 0)
                return failed(inv, call, status, e);
        return call->verb == RUNTIME_START ? 0 : open_app(inv, call->id, ret_app, e);
}

void runtime_call_done(struct runtime_call *call)
{
        if (call->proc.pid > 0) {
                struct err ignored;
                int status;

                (void)proc_signal(&call->proc, SIGKILL);
                (void)proc_wait(&call->proc, &status, &ignored);
        }
        proc_done(&call->proc);
        free(call->id);
        *call = RUNTIME_CALL_NULL;
}

/* --- Its log --- */

/* One line: JSON with "msg" and "level", or text. False: not an error. */
static bool line_message(const char *line, size_t len, char *ret, size_t size)
{
        AUTO_JSON struct json_object *o = NULL;
        const char *msg = NULL, *level = NULL;
        struct err ignored;
        size_t n = 0;

        if (len > 0 && line[0] == '{' && json_parse(line, len, LOG_LINE_MAX, &o, &ignored) == 0) {
                if (json_get_string_opt(o, "msg", &msg, &ignored) < 0 || !msg ||
                    json_get_string_opt(o, "level", &level, &ignored) < 0)
                        return false;
                if (level && strcmp(level, "error") != 0 && strcmp(level, "fatal") != 0)
                        return false;
                line = msg;
                len = strlen(msg);
        }
        while (len > 0 && isspace((unsigned char)line[len - 1]))
                len--;
        for (size_t i = 0; i < len && n + 1 < size; i++)
                ret[n++] = iscntrl((unsigned char)line[i]) ? ' ' : line[i];
        ret[n] = '\0';
        return n > 0;
}

void runtime_log_last_error(const char *log, size_t len, char *ret, size_t ret_size)
{
        ret[0] = '\0';
        while (len > 0) {
                const char *newline = memrchr(log, '\n', len);
                const char *start = newline ? newline + 1 : log;
                size_t n = (size_t)(log + len - start);

                if (n > LOG_LINE_MAX)
                        n = LOG_LINE_MAX;
                if (line_message(start, n, ret, ret_size))
                        return;
                ret[0] = '\0';
                len = newline ? (size_t)(newline - log) : 0;
        }
}
