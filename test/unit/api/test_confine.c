/* SPDX-License-Identifier: Apache-2.0 */
/* A confined child tries everything that a read-only service must not be able to do, by each layer alone and by both. */
#define TEST_NEEDS_NEW_SYSCALLS
#include "test.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "api/confine.h"

enum layers { FILES = 1, CALLS = 2, BOTH = 3 };

/* Beneath a directory of the test: what lies where. */
#define DATA    "parent/data"
#define FILE_IN "parent/data/file"
#define OUTSIDE "elsewhere/file"

static char base[64];
static int sockets[2];

static const char *at(const char *path)
{
        static char full[2][256];
        static unsigned turn;

        turn = !turn;
        (void)snprintf(full[turn], sizeof(full[0]), "%s/%s", base, path);
        return full[turn];
}

static int result(long r)
{
        return r < 0 ? errno : 0;
}

#define TRY(name, expression)                                                                      \
        static int name(void)                                                                      \
        {                                                                                          \
                return result((long)(expression));                                                 \
        }

TRY(write_file, open(at(FILE_IN), O_WRONLY | O_CLOEXEC))
TRY(write_old_way, syscall(SYS_openat, AT_FDCWD, at(FILE_IN), O_RDWR, 0))
TRY(append_file, open(at(FILE_IN), O_WRONLY | O_APPEND | O_CLOEXEC))
TRY(truncate_by_open, open(at(FILE_IN), O_RDONLY | O_TRUNC | O_CLOEXEC))
TRY(truncate_file, truncate(at(FILE_IN), 0))
TRY(write_outside, open(at(OUTSIDE), O_WRONLY | O_CLOEXEC))
TRY(create_file, open(at(DATA "/new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0640))
TRY(create_outside, open(at("elsewhere/new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0640))
TRY(create_in_tmp, open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600))
TRY(make_dir, mkdir(at(DATA "/dir"), 0750))
TRY(make_node, mknod(at(DATA "/fifo"), S_IFIFO | 0600, 0))
TRY(make_link, link(at(FILE_IN), at(DATA "/link")))
TRY(make_symlink, symlink("file", at(DATA "/symlink")))
TRY(rename_file, rename(at(FILE_IN), at(DATA "/renamed")))
TRY(rename_outside, rename(at(OUTSIDE), at("elsewhere/renamed")))
TRY(unlink_file, unlink(at(FILE_IN)))
TRY(remove_dir, rmdir(at(DATA "/empty")))
TRY(change_mode, chmod(at(FILE_IN), 0777))
TRY(change_owner, lchown(at(FILE_IN), getuid(), getgid()))
TRY(change_times, utimensat(AT_FDCWD, at(FILE_IN), NULL, 0))
TRY(change_xattr, setxattr(at(FILE_IN), "user.x", "1", 1, 0))
TRY(read_outside, open(at(OUTSIDE), O_RDONLY | O_CLOEXEC))
TRY(read_passwd, open("/etc/passwd", O_RDONLY | O_CLOEXEC))
TRY(list_root, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
TRY(write_own_proc, open("/proc/self/comm", O_WRONLY | O_CLOEXEC))
TRY(write_own_score, open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC))
TRY(look_at_parent, open("/proc/1/environ", O_RDONLY | O_CLOEXEC))
TRY(open_how,
    syscall(SYS_openat2, AT_FDCWD, at(FILE_IN), &(uint64_t[3]){ O_WRONLY | O_CLOEXEC, 0, 0 }, 24))

TRY(signal_parent, kill(getppid(), 0))
TRY(signal_all, kill(-1, 0))
TRY(signal_thread, syscall(SYS_tgkill, getppid(), getppid(), 0))
TRY(signal_queue, sigqueue(getppid(), 0, (union sigval){ 0 }))
TRY(signal_pidfd, syscall(SYS_pidfd_send_signal, syscall(SYS_pidfd_open, getppid(), 0), 0, NULL, 0))
TRY(make_process, syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL))
TRY(make_process_new_way, syscall(SYS_clone3, NULL, 0))
TRY(make_namespace, unshare(CLONE_NEWUSER))
TRY(mount_something, mount("none", "/tmp", "tmpfs", 0, NULL))
TRY(become_root, setuid(0))
TRY(change_group, setgid(getgid()))
TRY(change_limit, setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 10, 10 }))
TRY(change_dumpable, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
TRY(change_umask, syscall(SYS_umask, 0))
TRY(make_tcp, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
TRY(make_udp, socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0))
TRY(make_unix, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
TRY(make_netlink, socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0))
TRY(connect_again, connect(sockets[0], &(struct sockaddr){ .sa_family = AF_UNSPEC }, 16))
TRY(bind_somewhere, bind(sockets[0], &(struct sockaddr){ .sa_family = AF_UNIX }, 2))
TRY(send_to_others,
    sendto(sockets[0], "x", 1, MSG_NOSIGNAL, &(struct sockaddr){ .sa_family = AF_UNIX }, 2))
TRY(send_descriptor, sendmsg(sockets[0], &(struct msghdr){ 0 }, MSG_NOSIGNAL))
TRY(lock_pod, flock(open(at(DATA), O_RDONLY | O_DIRECTORY), LOCK_EX | LOCK_NB))
TRY(keep_lock, flock(open(at(DATA), O_RDONLY | O_DIRECTORY), LOCK_SH))
TRY(use_io_uring, syscall(SYS_io_uring_setup, 1, NULL))
TRY(use_bpf, syscall(SYS_bpf, 0, NULL, 0))
TRY(use_unknown, syscall(1000))

static int map_code(void)
{
        void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return p == MAP_FAILED ? errno : 0;
}

static int make_code(void)
{
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

/* What each layer answers; -1: it does not mind. */
static const struct {
        const char *what;
        int (*try)(void);
        int files, calls;
} forbidden[] = {
        { "write to a file", write_file, EACCES, EPERM },
        { "write to a file, raw", write_old_way, EACCES, EPERM },
        { "append to a file", append_file, EACCES, EPERM },
        { "truncate a file by opening it", truncate_by_open, EACCES, EPERM },
        { "truncate a file", truncate_file, EACCES, EPERM },
        { "write outside", write_outside, EACCES, EPERM },
        { "create a file", create_file, EACCES, EPERM },
        { "create a file outside", create_outside, EACCES, EPERM },
        { "create a file without a name", create_in_tmp, EACCES, EPERM },
        { "make a directory", make_dir, EACCES, EPERM },
        { "make a FIFO", make_node, EACCES, EPERM },
        { "make a link", make_link, EACCES, EPERM },
        { "make a symlink", make_symlink, EACCES, EPERM },
        { "rename a file", rename_file, EACCES, EPERM },
        { "rename a file outside", rename_outside, EACCES, EPERM },
        { "unlink a file", unlink_file, EACCES, EPERM },
        { "remove a directory", remove_dir, EACCES, EPERM },
        { "change a mode", change_mode, -1, EPERM },
        { "change an owner", change_owner, -1, EPERM },
        { "change times", change_times, -1, EPERM },
        { "change attributes", change_xattr, -1, EPERM },
        { "read outside", read_outside, EACCES, -1 },
        { "read /etc/passwd", read_passwd, EACCES, -1 },
        { "list /", list_root, EACCES, -1 },
        { "write to its own /proc", write_own_proc, EACCES, EPERM },
        { "change its OOM score", write_own_score, EACCES, EPERM },
        { "read another's environment", look_at_parent, EACCES, -1 },
        { "openat2", open_how, EACCES, EPERM },
        { "signal its parent", signal_parent, EPERM, EPERM },
        { "signal everybody", signal_all, -1, EPERM },
        { "signal a thread of others", signal_thread, EPERM, EPERM },
        { "queue a signal", signal_queue, EPERM, EPERM },
        { "signal by pidfd", signal_pidfd, EPERM, EPERM },
        { "make a process", make_process, -1, EPERM },
        { "make a process by clone3", make_process_new_way, -1, EPERM },
        { "make a namespace", make_namespace, -1, EPERM },
        { "mount", mount_something, EPERM, EPERM },
        { "become root", become_root, -1, EPERM },
        { "change the group", change_group, -1, EPERM },
        { "change a limit", change_limit, -1, EPERM },
        { "become dumpable", change_dumpable, -1, EPERM },
        { "change the umask", change_umask, -1, EPERM },
        { "make a TCP socket", make_tcp, -1, EPERM },
        { "make a UDP socket", make_udp, -1, EPERM },
        { "make a unix socket", make_unix, -1, EPERM },
        { "make a netlink socket", make_netlink, -1, EPERM },
        { "connect a socket", connect_again, -1, EPERM },
        { "bind a socket", bind_somewhere, -1, EPERM },
        { "send to an address", send_to_others, -1, EPERM },
        { "send a descriptor", send_descriptor, -1, EPERM },
        { "lock a pod", lock_pod, -1, EPERM },
        { "wait for the lock of a pod", keep_lock, -1, EPERM },
        { "io_uring", use_io_uring, -1, EPERM },
        { "bpf", use_bpf, -1, EPERM },
        { "a call from the future", use_unknown, -1, ENOSYS },
        { "map code", map_code, -1, EPERM },
        { "make code", make_code, -1, EPERM },
};

static int read_file(void)
{
        char text[8];
        AUTO_CLOSE int fd = open(at(FILE_IN), O_RDONLY | O_CLOEXEC);

        return fd >= 0 && read(fd, text, sizeof(text)) == 5 && memcmp(text, "hello", 5) == 0
                       ? 0
                       : errno;
}

static int list_dir(void)
{
        AUTO_DIR DIR *dir = opendir(at("parent"));

        return dir && readdir(dir) ? 0 : errno;
}

static int watch_dir(void)
{
        AUTO_CLOSE int fd = open(at(DATA), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        AUTO_CLOSE int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/.", fd);
        return result(inotify_add_watch(inotify, path, IN_CREATE | IN_ONLYDIR));
}

static int probe_lock(void)
{
        AUTO_CLOSE int fd = open(at(DATA), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = result(flock(fd, LOCK_SH | LOCK_NB));

        return r ? r : result(flock(fd, LOCK_UN));
}

static int watch_file_moved_in(void)
{
        AUTO_CLOSE int fd = open(at("parent/data2/file"), O_RDONLY | O_CLOEXEC);

        return result(fd);
}

TRY(read_own_proc, open("/proc/self/statm", O_RDONLY | O_CLOEXEC))
TRY(read_own_mounts, open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC))
TRY(list_own_fds, open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
TRY(follow_process, syscall(SYS_pidfd_open, getppid(), 0))
TRY(make_timer, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC))
TRY(send_to_peer, send(sockets[0], "x", 1, MSG_NOSIGNAL))
TRY(send_to_manager, send(sockets[1], "x", 1, MSG_NOSIGNAL))
TRY(ask_for_limit, getrlimit(RLIMIT_NOFILE, &(struct rlimit){ 0 }))
TRY(read_certificate, open(at("certs/cert.pem"), O_RDONLY | O_CLOEXEC))

static int take_memory(void)
{
        char *big = malloc(8 << 20);

        if (!big)
                return ENOMEM;
        memset(big, 1, 8 << 20);
        big = realloc(big, 16 << 20);
        free(big);
        return 0;
}

static const struct {
        const char *what;
        int (*try)(void);
} allowed[] = {
        { "read a file", read_file },
        { "list a directory", list_dir },
        { "watch a directory by descriptor", watch_dir },
        { "probe a lock", probe_lock },
        { "read beneath a directory that takes the place", watch_file_moved_in },
        { "read its own /proc", read_own_proc },
        { "read its own mounts", read_own_mounts },
        { "list its own descriptors", list_own_fds },
        { "follow a process", follow_process },
        { "make a timer", make_timer },
        { "send to whom it is connected", send_to_peer },
        { "send back", send_to_manager },
        { "ask for a limit", ask_for_limit },
        { "read the certificate", read_certificate },
        { "take memory", take_memory },
};

static void make_file(const struct test_dir *dir, const char *path)
{
        assert_int_equal(fs_write_file(dir->fd, path, "hello", 5, 0640), 0);
}

static void init(struct test_dir *dir)
{
        test_dir_init(dir);
        (void)snprintf(base, sizeof(base), "%s", dir->path);
        assert_int_equal(fs_mkdirs(dir->fd, DATA "/empty", 0750), 0);
        assert_int_equal(fs_mkdirs(dir->fd, "parent/data2", 0750), 0);
        assert_int_equal(fs_mkdirs(dir->fd, "elsewhere", 0750), 0);
        assert_int_equal(fs_mkdirs(dir->fd, "certs", 0750), 0);
        make_file(dir, FILE_IN);
        make_file(dir, "parent/data2/file");
        make_file(dir, OUTSIDE);
        make_file(dir, "certs/cert.pem");
        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets), 0);
}

static void done(struct test_dir *dir)
{
        (void)close(sockets[0]);
        (void)close(sockets[1]);
        test_dir_done(dir);
}

static void confine(enum layers layers)
{
        const char *files[] = { strdup(at("certs/cert.pem")), NULL };
        const struct confine_config config = { at(DATA), files, ARRAY_LEN(files) };
        struct err e;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            ((layers & FILES) && confine_files(&config, &e) < 0) ||
            ((layers & CALLS) && confine_calls(&e) < 0)) {
                (void)fprintf(stderr, "confine: %s\n", e.text);
                _exit(99);
        }
}

/* @fn in a child with those layers; its exit status, or 128 + the signal that ended it. */
static int in_child(enum layers layers, int (*fn)(enum layers))
{
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                confine(layers);
                _exit(fn(layers));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Older kernels know less of landlock; what they are asked for here is what they all know but the signals. */
static long landlock_abi(void)
{
        return syscall(444, NULL, 0, 1);
}

static int try_forbidden(enum layers layers)
{
        int wrong = 0;

        for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
                /* Seccomp is asked first. */
                int wanted = (layers & CALLS) && forbidden[i].calls >= 0 ? forbidden[i].calls
                             : layers & FILES                            ? forbidden[i].files
                                                                         : -1;
                int got;

                if (wanted < 0 || (wanted == EPERM && !(layers & CALLS) && landlock_abi() < 6))
                        continue;
                got = forbidden[i].try();
                if (got != wanted) {
                        (void)fprintf(stderr, "%s: %s instead of %s\n", forbidden[i].what,
                                      got ? strerrorname_np(got) : "done", strerrorname_np(wanted));
                        wrong++;
                }
        }
        return wrong;
}

static int try_allowed(enum layers layers)
{
        int wrong = 0;

        (void)layers;
        for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
                int got = allowed[i].try();

                if (got) {
                        (void)fprintf(stderr, "%s: %s\n", allowed[i].what, strerror(got));
                        wrong++;
                }
        }
        return wrong;
}

static void nothing_can_be_changed(void **state)
{
        static const enum layers all[] = { FILES, CALLS, BOTH };
        struct stat before, after;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(all); i++) {
                struct test_dir dir;

                init(&dir);
                assert_int_equal(fstatat(dir.fd, DATA, &before, 0), 0);
                assert_int_equal(in_child(all[i], try_forbidden), 0);
                assert_int_equal(fstatat(dir.fd, DATA, &after, 0), 0);
                assert_int_equal(fs_mtime(&before), fs_mtime(&after));
                assert_int_equal(fs_ctime(&before), fs_ctime(&after));
                done(&dir);
        }
}

static void what_the_service_does_can_be_done(void **state)
{
        struct test_dir dir;

        (void)state;
        init(&dir);
        assert_int_equal(in_child(BOTH, try_allowed), 0);
        done(&dir);
}

static int execute(enum layers layers)
{
        char *argv[] = { (char[]){ "true" }, NULL };

        (void)layers;
        return execv("/bin/true", argv);
}

static int execute_fd(enum layers layers)
{
        (void)layers;
        return (int)syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0);
}

static int trace(enum layers layers)
{
        (void)layers;
        return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static int call_x32(enum layers layers)
{
        (void)layers;
        return (int)syscall(0x40000000 + 39);
}

static int give_up(enum layers layers)
{
        (void)layers;
        abort();
}

static void what_only_an_attacker_does_kills(void **state)
{
        struct test_dir dir;

        (void)state;
        init(&dir);
        assert_int_equal(in_child(CALLS, execute), 128 + SIGSYS);
        assert_int_equal(in_child(CALLS, execute_fd), 128 + SIGSYS);
        assert_int_equal(in_child(CALLS, trace), 128 + SIGSYS);
#ifdef __x86_64__
        assert_int_equal(in_child(CALLS, call_x32), 128 + SIGSYS);
#else
        (void)call_x32;
#endif
        done(&dir);
}

static void whoever_fails_may_still_abort(void **state)
{
        struct test_dir dir;

        (void)state;
        init(&dir);
        assert_int_equal(in_child(BOTH, give_up), 128 + SIGABRT);
        done(&dir);
}

static int try_without_data(enum layers layers)
{
        (void)layers;
        /* The directory appears later, with its parent. */
        return read_file() == 0 ? 0 : 1;
}

static void a_data_directory_may_come_later(void **state)
{
        struct test_dir dir;
        int go[2];
        pid_t pid;
        int status;
        char c;

        (void)state;
        init(&dir);
        assert_int_equal(fs_remove_tree(dir.fd, "parent"), 0);
        assert_int_equal(pipe2(go, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                confine(BOTH);
                if (read(go[0], &c, 1) != 1)
                        _exit(98);
                _exit(try_without_data(BOTH));
        }
        assert_int_equal(fs_mkdirs(dir.fd, DATA, 0750), 0);
        make_file(&dir, FILE_IN);
        assert_int_equal(write(go[1], "x", 1), 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        (void)close(go[0]);
        (void)close(go[1]);
        done(&dir);
}

static int run_self(enum confine_mode mode)
{
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                const struct confine_config config = { at(DATA), NULL, 0 };
                struct err e;

                if (confine_self(mode, &config, &e) < 0)
                        _exit(99);
                _exit(10 * prctl(PR_GET_SECCOMP, 0, 0, 0, 0) + (write_file() == 0));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void off_confines_nothing(void **state)
{
        struct test_dir dir;

        (void)state;
        init(&dir);
        assert_int_equal(run_self(CONFINE_OFF), 1);
        done(&dir);
}

/* Sanitizers need what is forbidden, and the kernel may know neither layer: say so instead of failing. */
static bool kernel_can(void)
{
        if (!confine_is_built_in())
                (void)puts("this build has sanitizers, which need what is forbidden here");
        else if (landlock_abi() < 3)
                (void)puts("this kernel has no landlock, or one that knows too little");
        else
                return true;
        return false;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_can_be_changed),
                cmocka_unit_test(what_the_service_does_can_be_done),
                cmocka_unit_test(what_only_an_attacker_does_kills),
                cmocka_unit_test(whoever_fails_may_still_abort),
                cmocka_unit_test(a_data_directory_may_come_later),
                cmocka_unit_test(off_confines_nothing),
        };

        if (!kernel_can())
                return 77;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
