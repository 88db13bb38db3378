/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "util/mem.h"
#include "util/time.h"

enum { START_TIMEOUT_MS = 20000, CGROUP_TIMEOUT_MS = 5000 };

void sandbox_require(void)
{
        if (geteuid() != 0 || access("/bin/busybox", X_OK) < 0 ||
            access("/usr/bin/crun", X_OK) < 0) {
                (void)fprintf(stderr, "skipped: needs root, busybox-static and crun\n");
                exit(77);
        }
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                (void)fprintf(stderr, "skipped: cannot make a mount namespace\n");
                exit(77);
        }
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static __attribute__((noreturn)) int init_main(void *arg)
{
        (void)arg;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGCHLD, SIG_IGN); /* orphans are reaped at once */
        for (;;)
                (void)pause();
}

static void start_init(struct sandbox *s)
{
        static char stack[64 * 1024] __attribute__((aligned(16)));
        pid_t pid =
                clone(init_main, stack + sizeof(stack),
                      CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | SIGCHLD, NULL);

        assert_true(pid > 0);
        assert_int_equal(proc_open(pid, &s->init), 0);
}

static void write_text(int dirfd, const char *path, const char *text)
{
        assert_int_equal(fs_write_file(dirfd, path, text, strlen(text), 0644), 0);
}

static void make_layer(struct sandbox *s)
{
        AUTO_CLOSE int bin = -1, from = fs_open_dir_path("/bin");

        assert_int_equal(fs_mkdirs(s->dir.fd, "layers/1/fs/bin", 0755), 0);
        assert_int_equal(fs_mkdirs(s->dir.fd, "layers/1/fs/etc", 0755), 0);
        assert_int_equal(fs_mkdirs(s->dir.fd, "layers/1/fs/tmp", 0777), 0);
        assert_int_equal(fs_mkdirs(s->dir.fd, "app", 0755), 0);
        s->layers_fd = fs_open_dir(s->dir.fd, "layers");
        bin = fs_open_dir(s->dir.fd, "layers/1/fs/bin");
        assert_int_equal(fs_copy_file(from, "busybox", bin), 0);
        write_text(s->dir.fd, "layers/1/fs/etc/passwd",
                   "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/srv:/bin/false\n");
        write_text(s->dir.fd, "layers/1/fs/etc/group", "root:x:0:\nweb:x:34:\nextra:x:55:web,x\n");
}

void sandbox_init(struct sandbox *s)
{
        AUTO_CLOSE int app_fd = -1;
        char *layers[] = { "1", NULL };
        struct runtime_limits limits;
        struct appc_isolators iso = APPC_ISOLATORS_NULL;
        struct runtime_overlay o = { .layers = layers, .n_layers = 1 };
        struct err e;

        *s = (struct sandbox){
                .invoke = RUNTIME_INVOKE_NULL, .init = PROC_NULL, .layers_fd = -1, .rootfs_fd = -1
        };
        test_dir_init(&s->dir);
        make_layer(s);
        s->state = xasprintf("%s/state", s->dir.path);
        s->rootfs = xasprintf("%s/state/rootfs", s->dir.path);
        assert_int_equal(mkdir(s->state, 0700), 0);
        assert_int_equal(mount("tmpfs", s->state, "tmpfs", MS_NOSUID, "mode=700"), 0);
        assert_int_equal(mkdir(s->rootfs, 0755), 0);
        app_fd = fs_open_dir(s->dir.fd, "app");
        assert_int_equal(runtime_rootfs_overlay_init(app_fd), 0);
        o.layers_fd = s->layers_fd;
        o.app_fd = app_fd;
        assert_ok(runtime_rootfs_overlay_mount(&o, s->rootfs, &e), &e);
        s->rootfs_fd = fs_open_dir_path(s->rootfs);
        uuid_generate(&s->uuid);
        assert_ok(runtime_cgroup_host_open(&s->host, &e), &e);
        assert_ok(runtime_cgroup_hide_hybrid(s->host, &e), &e);
        assert_ok(runtime_cgroup_create_pod(s->host, s->uuid.text, &s->pod, &e), &e);
        assert_ok(runtime_cgroup_create_child(s->pod, "app", &s->app, &e), &e);
        runtime_limits_from_isolators(&iso, true, &limits);
        assert_ok(runtime_cgroup_limit(s->app, &limits, &e), &e);
        assert_ok(runtime_cgroup_restrict_devices(s->app, &e), &e);
        assert_ok(runtime_invoke_init(&s->invoke, s->runtime, s->state, &e), &e);
        start_init(s);
}

void sandbox_done(struct sandbox *s)
{
        struct err e;
        int status;

        /* Orphans of a runtime that failed are ours to reap, and the init cannot end before. */
        if (s->init.pid > 0) {
                (void)proc_signal(&s->init, SIGKILL);
                while (waitpid(-1, &status, 0) != s->init.pid)
                        ;
        }
        proc_done(&s->init);
        assert_ok(runtime_cgroup_kill(s->pod, CGROUP_TIMEOUT_MS, &e), &e);
        assert_ok(runtime_cgroup_remove(s->pod, CGROUP_TIMEOUT_MS, &e), &e);
        assert_ok(runtime_cgroup_gc(s->host, s->uuid.text, NULL, CGROUP_TIMEOUT_MS, &e), &e);
        runtime_cgroup_freep(&s->app);
        runtime_cgroup_freep(&s->pod);
        runtime_cgroup_host_freep(&s->host);
        runtime_invoke_done(&s->invoke);
        runtime_binds_done(&s->binds);
        closep(&s->rootfs_fd);
        closep(&s->layers_fd);
        (void)umount2(s->rootfs, MNT_DETACH);
        (void)umount2(s->state, MNT_DETACH);
        free(s->rootfs);
        free(s->state);
        test_dir_done(&s->dir);
}

struct appc_app *sandbox_app(const char *script)
{
        struct appc_app *app = appc_app_new();

        strv_add(&app->exec, "/bin/busybox");
        strv_add(&app->exec, "sh");
        strv_add(&app->exec, "-c");
        strv_add(&app->exec, script);
        return app;
}

static void read_output(int fd, struct outcome *ret)
{
        size_t n = 0;

        for (;;) {
                ssize_t r = read(fd, ret->out + n, sizeof(ret->out) - 1 - n);

                if (r <= 0)
                        break;
                n += (size_t)r;
        }
        ret->out[n] = '\0';
}

static int write_bundle(struct sandbox *s, const struct appc_app *app, char **ret, struct err *e)
{
        AUTO_FREE char *bundle = xasprintf("%s/bundle", s->state), *cgroups_path = NULL;
        AUTO(buf_done) struct buf text = BUF_NULL(RUNTIME_SPEC_BYTES_MAX);
        AUTO_CLOSE int fd = -1;
        struct runtime_spec spec = { .app_name = "app",
                                     .app = app,
                                     .rootfs = s->rootfs,
                                     .rootfs_fd = s->rootfs_fd,
                                     .read_only_rootfs = s->read_only,
                                     .init_pid = s->init.pid,
                                     .volumes = &s->binds,
                                     .cgroup_v2 = runtime_cgroup_host_mode(s->host) ==
                                                  RUNTIME_CGROUP_V2 };

        if (!s->invoke.own_cgroups)
                spec.cgroups_path = cgroups_path = xasprintf("/%s", runtime_cgroup_path(s->app));
        (void)mkdir(bundle, 0700);
        fd = fs_open_dir_path(bundle);
        if (runtime_spec_write(&spec, &text, e) < 0)
                return -1;
        assert_int_equal(fs_write_file(fd, "config.json", text.data, text.len, 0600), 0);
        *ret = TAKE_PTR(bundle);
        return 0;
}

int sandbox_try(struct sandbox *s, const struct appc_app *app, struct outcome *ret, struct err *e)
{
        static unsigned serial;
        AUTO(runtime_joiner_freep) struct runtime_joiner *joiner = NULL;
        AUTO(runtime_call_done) struct runtime_call call = RUNTIME_CALL_NULL;
        AUTO(proc_done) struct proc p = PROC_NULL;
        AUTO_FREE char *bundle = NULL, *id = xasprintf("app%u", serial++);
        AUTO_CLOSE int out = -1, in = -1;
        int fds[2];

        assert_ok(runtime_joiner_start(s->app, &joiner, e), e);
        if (write_bundle(s, app, &bundle, e) < 0)
                return -1;
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        out = fds[0];
        in = fds[1];
        if (runtime_call_start(&s->invoke,
                               &(struct runtime_call_args){ .verb = RUNTIME_RUN,
                                                            .id = id,
                                                            .bundle = bundle,
                                                            .stdio = { -1, in, in },
                                                            .joiner = joiner },
                               &call, e) < 0)
                return -1;
        closep(&in);
        assert_ok(runtime_call_wait(&call, START_TIMEOUT_MS, e), e);
        if (runtime_call_finish(&s->invoke, &call, &p, e) < 0)
                return -1;
        read_output(out, ret);
        assert_ok(proc_wait(&p, &ret->status, e), e);
        return 0;
}

void sandbox_run(struct sandbox *s, const struct appc_app *app, struct outcome *ret)
{
        struct err e;

        assert_ok(sandbox_try(s, app, ret, &e), &e);
}
