/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overlay mounts through the new mount API. mount(2) takes all options in one page, which a hundred layers with
 * absolute paths overflow; fsconfig takes one layer per call (lowerdir+, Linux 6.5). Before that, fsconfig limits a
 * value to 255 bytes, so mount(2) is the better of the two, with names relative to the layers' directory.
 *
 * redirect_dir=nofollow, metacopy=off: a layer's own trusted.overlay.redirect or metacopy attributes, should one ever
 * reach the store, are not followed. index=off: no layer is used by one overlay only, and the index would only cost.
 */
#include "runtime/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/buf.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"

enum { PROC_PATH_MAX = 64, LAYER_PATH_MAX = NAME_MAX + 8, MOUNT_DATA_MAX = 4095, LOG_MAX = 512 };

/* glibc's sys/mount.h and linux/mount.h exclude one another; this one is needed from the former. */
int mount(const char *source, const char *target, const char *type, unsigned long flags,
          const void *data);

static bool kernel_is_at_least(unsigned want_major, unsigned want_minor)
{
        struct utsname uts;
        unsigned major = 0, minor = 0;

        return uname(&uts) == 0 && sscanf(uts.release, "%u.%u", &major, &minor) == 2 &&
               (major > want_major || (major == want_major && minor >= want_minor));
}

/*
 * lowerdir+ came with Linux 6.5. Older kernels accept any option at first, refuse it at the end, and complain in the kernel
 * log; so the version is asked, not the option tried.
 */
static bool has_lowerdir_plus(void)
{
        return kernel_is_at_least(6, 5);
}

static bool is_volatile(const struct runtime_overlay *o)
{
        return !o->durable && kernel_is_at_least(5, 10);
}

static const char *const option_names[][2] = {
        { "redirect_dir", "nofollow" },
        { "metacopy", "off" },
        { "index", "off" },
};

int runtime_rootfs_overlay_init(int app_fd)
{
        int r = fs_mkdir_if_missing(app_fd, "upper", 0755);

        if (r >= 0)
                r = fs_mkdir_if_missing(app_fd, "work", 0700);
        return r < 0 ? r : 0;
}

static int set_string(int fs, const char *key, const char *value)
{
        return syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

/* What the kernel has to say about a failed fsconfig: "overlay: upper fs does not support ...". */
static void kernel_words(int fs, char *ret, size_t size)
{
        ssize_t n = read(fs, ret, size - 1);

        ret[n > 0 ? n : 0] = '\0';
        /* "e " before an error */
        if (n > 2 && ret[1] == ' ')
                memmove(ret, ret + 2, (size_t)n - 1);
        ret[strcspn(ret, "\n")] = '\0';
}

static int create_failed(int fs, int code, struct err *e)
{
        char words[LOG_MAX];

        kernel_words(fs, words, sizeof(words));
        return err_set(e,
                       code == EINVAL || code == ENOTSUP || code == ESTALE ? ERR_UNSUPPORTED
                                                                           : ERR_INTERNAL,
                       code, "mount overlay%s%s", words[0] ? ": " : "", words);
}

static int add_options(int fs, const struct runtime_overlay *o, struct err *e)
{
        char path[PROC_PATH_MAX];
        int r;

        for (size_t i = 0; i < ARRAY_LEN(option_names); i++) {
                r = set_string(fs, option_names[i][0], option_names[i][1]);
                if (r < 0)
                        return create_failed(fs, -r, e);
        }
        if (is_volatile(o) && syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
                return create_failed(fs, errno, e);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/upper", o->app_fd);
        r = set_string(fs, "upperdir", path);
        if (r < 0)
                return create_failed(fs, -r, e);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/work", o->app_fd);
        r = set_string(fs, "workdir", path);
        return r < 0 ? create_failed(fs, -r, e) : 0;
}

/* The working directory is the layers'. */
static int add_layers(int fs, const struct runtime_overlay *o, struct err *e)
{
        for (size_t i = 0; i < o->n_layers; i++) {
                char path[LAYER_PATH_MAX];
                int r;

                (void)snprintf(path, sizeof(path), "%s/fs", o->layers[i]);
                r = set_string(fs, "lowerdir+", path);
                if (r == -ENOENT)
                        return err_set(e, ERR_NOT_FOUND, 0, "layer %s is missing", o->layers[i]);
                if (r < 0)
                        return create_failed(fs, -r, e);
        }
        return 0;
}

static int mount_new(const struct runtime_overlay *o, const char *target, struct err *e)
{
        AUTO_CLOSE int fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
        AUTO_CLOSE int mnt = -1;

        if (fs < 0)
                return err_set(e, errno == ENODEV ? ERR_UNSUPPORTED : ERR_INTERNAL, errno,
                               "open the overlay file system");
        if (add_layers(fs, o, e) < 0 || add_options(fs, o, e) < 0)
                return -1;
        if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return create_failed(fs, errno, e);
        mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
        if (mnt < 0)
                return create_failed(fs, errno, e);
        if (syscall(SYS_move_mount, mnt, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return err_set(e, ERR_INTERNAL, errno, "mount overlay on %s", target);
        return 0;
}

static int mount_data(const struct runtime_overlay *o, struct buf *data)
{
        int r = buf_puts(data, "lowerdir=");

        for (size_t i = 0; i < o->n_layers && r == 0; i++)
                r = buf_printf(data, "%s%s/fs", i ? ":" : "", o->layers[i]);
        for (size_t i = 0; i < ARRAY_LEN(option_names) && r == 0; i++)
                r = buf_printf(data, ",%s=%s", option_names[i][0], option_names[i][1]);
        if (r == 0 && is_volatile(o))
                r = buf_puts(data, ",volatile");
        return r < 0 ? r
                     : buf_printf(data,
                                  ",upperdir=/proc/self/fd/%d/upper,workdir=/proc/self/fd/%d/work",
                                  o->app_fd, o->app_fd);
}

static int mount_old(const struct runtime_overlay *o, const char *target, struct err *e)
{
        AUTO(buf_done) struct buf data = BUF_NULL(MOUNT_DATA_MAX);

        if (mount_data(o, &data) < 0)
                return err_set(
                        e, ERR_LIMIT, 0,
                        "%zu layers are more than this kernel's overlay can take (Linux 6.5 can)",
                        o->n_layers);
        if (mount("overlay", target, "overlay", 0, buf_str(&data)) < 0)
                return err_set(e,
                               errno == ENOENT                      ? ERR_NOT_FOUND
                               : errno == EINVAL || errno == ENODEV ? ERR_UNSUPPORTED
                                                                    : ERR_INTERNAL,
                               errno, "mount overlay on %s", target);
        return 0;
}

int runtime_rootfs_overlay_mount(const struct runtime_overlay *o, const char *target, struct err *e)
{
        AUTO_CLOSE int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (o->n_layers == 0 || o->n_layers > LIMIT_IMAGE_LAYERS)
                return err_set(e, ERR_LIMIT, 0, "an image has 1 to %u layers, not %zu",
                               LIMIT_IMAGE_LAYERS, o->n_layers);
        for (size_t i = 0; i < o->n_layers; i++)
                if (strlen(o->layers[i]) > NAME_MAX || strchr(o->layers[i], '/'))
                        return err_set(e, ERR_BAD_DATA, 0, "not a layer's name: \"%s\"",
                                       o->layers[i]);
        if (here < 0 || fchdir(o->layers_fd) < 0)
                return err_set(e, ERR_INTERNAL, errno, "enter the layers' directory");
        r = has_lowerdir_plus() ? mount_new(o, target, e) : mount_old(o, target, e);
        if (fchdir(here) < 0 && r == 0)
                return err_set(e, ERR_INTERNAL, errno, "return to the working directory");
        return r;
}

/* --- Is it possible at all? --- */

static int make_probe(int dirfd, char *name)
{
        AUTO_CLOSE int fd = -1;
        static const char *const parts[] = { "upper", "work", "lower", "lower/fs" };
        int r;

        (void)snprintf(name, 64, ".overlay-probe-%d", (int)getpid());
        (void)fs_remove_tree(dirfd, name);
        r = fs_mkdir(dirfd, name, 0700);
        if (r < 0)
                return r;
        fd = fs_open_dir(dirfd, name);
        for (size_t i = 0; i < ARRAY_LEN(parts) && fd >= 0; i++)
                if (mkdirat(fd, parts[i], 0755) < 0)
                        return -errno;
        return fd < 0 ? fd : TAKE_FD(fd);
}

static int probe(int fd, const char **why)
{
        char *layers[] = { (char[]){ "lower" }, NULL };
        struct runtime_overlay o = {
                .layers_fd = fd, .layers = layers, .n_layers = 1, .app_fd = fd
        };
        AUTO_CLOSE int fs = -1;
        AUTO_CLOSE int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct err ignored;
        int r;

        /* Without them deleted directories cannot be marked: overlay would mount, and then misbehave. */
        if (fsetxattr(fd, "trusted.overlay.probe", "y", 1, 0) < 0) {
                *why = "the file system has no trusted extended attributes";
                return 0;
        }
        fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
        *why = "this kernel has no overlay file system, or does not let us mount it";
        if (fs < 0)
                return 0;
        if (here < 0 || fchdir(fd) < 0)
                return -errno;
        r = has_lowerdir_plus() ? add_layers(fs, &o, &ignored)
                                : set_string(fs, "lowerdir", "lower/fs");
        if (r == 0)
                r = add_options(fs, &o, &ignored);
        if (r == 0)
                r = (int)syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
        *why = "the file system cannot be an overlay's upper layer";
        if (fchdir(here) < 0)
                return -errno;
        return r == 0;
}

int runtime_rootfs_overlay_possible(int dirfd, const char **ret_why)
{
        const char *why = "";
        char name[64];
        AUTO_CLOSE int fd = make_probe(dirfd, name);
        int r = fd < 0 ? fd : probe(fd, &why);

        (void)fs_remove_tree(dirfd, name);
        if (r == 0 && ret_why)
                *ret_why = why;
        return r;
}
