/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock (Documentation/userspace-api/landlock.rst). The kernel's headers of today may be older than
 * the kernel, so the numbers are here; what a kernel does not know is left out, by its ABI version.
 *
 * Watches by inotify and looks by stat(2) are not landlock's business: the service may watch and
 * look at what the file system lets it, and open what is granted here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/confine.h"
#include "util/auto.h"
#include "util/log.h"
#include "util/mem.h"

#define NR_CREATE_RULESET      444 /* the same on all architectures */
#define NR_ADD_RULE            445
#define NR_RESTRICT_SELF       446

#define CREATE_RULESET_VERSION (1u << 0)
#define RULE_PATH_BENEATH      1

#define FS_READ_FILE           (UINT64_C(1) << 2)
#define FS_READ_DIR            (UINT64_C(1) << 3)

/* What is governed, and so forbidden unless a rule grants it. */
static const struct {
        int abi;
        uint64_t fs, net, scoped;
} known[] = {
        { 1, 0x1fff, 0, 0 },   /* execute, read, write, remove, make anything */
        { 2, 1u << 13, 0, 0 }, /* link and rename between directories */
        { 3, 1u << 14, 0, 0 }, /* truncate */
        { 4, 0, 0x3, 0 },      /* TCP: bind, connect */
        { 5, 1u << 15, 0, 0 }, /* ioctl of devices */
        { 6, 0, 0, 0x3 },      /* abstract sockets and signals of others */
};

struct ruleset_attr {
        uint64_t handled_access_fs;
        uint64_t handled_access_net;
        uint64_t scoped;
};

struct path_beneath_attr {
        uint64_t allowed_access;
        int32_t parent_fd;
} __attribute__((packed));

static int open_ruleset(struct err *e)
{
        long abi = syscall(NR_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
        struct ruleset_attr attr = { 0 };
        long fd;

        if (abi < 1)
                return err_set(e, ERR_UNSUPPORTED, abi < 0 ? errno : 0, "this kernel has none");
        for (size_t i = 0; i < ARRAY_LEN(known) && known[i].abi <= abi; i++) {
                attr.handled_access_fs |= known[i].fs;
                attr.handled_access_net |= known[i].net;
                attr.scoped |= known[i].scoped;
        }
        /* A kernel that knows less of the structure takes it as long as the rest is zero. */
        fd = syscall(NR_CREATE_RULESET, &attr, sizeof(attr), 0);
        if (fd < 0)
                return err_set(e, ERR_INTERNAL, errno, "make a set of rules (ABI %ld)", abi);
        return (int)fd;
}

/* Reading beneath @path. What does not exist cannot be granted, and what is no directory has no entries. */
static int grant(int ruleset, const char *path, struct err *e)
{
        AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
        struct path_beneath_attr rule = { FS_READ_FILE | FS_READ_DIR, fd };
        long r;

        if (fd < 0)
                return 0;
        r = syscall(NR_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0);
        if (r < 0 && errno == EINVAL) {
                rule.allowed_access = FS_READ_FILE;
                r = syscall(NR_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0);
        }
        return r < 0 ? err_set(e, ERR_INTERNAL, errno, "grant reading beneath %s", path) : 0;
}

/* "/a/b//" to "/a", "/a" to "/". */
static void cut_last(char *path)
{
        size_t n = strlen(path);

        while (n > 0 && path[n - 1] == '/')
                n--;
        while (n > 0 && path[n - 1] != '/')
                n--;
        while (n > 0 && path[n - 1] == '/')
                n--;
        if (n == 0)
                path[n++] = '/';
        path[n] = '\0';
}

/*
 * The directory that @path is in, or the nearest that exists, so that what comes there by that name later
 * can be read. "/" would grant everything: then only @path itself, as it is now.
 */
static int grant_parent(int ruleset, const char *path, struct err *e)
{
        AUTO_FREE char *parent = xstrdup(path);

        do
                cut_last(parent);
        while (strcmp(parent, "/") != 0 && access(parent, F_OK) < 0);
        if (strcmp(parent, "/") != 0)
                return grant(ruleset, parent, e);
        if (access(path, F_OK) == 0)
                return grant(ruleset, path, e);
        log_warning("%s does not exist, and may appear anywhere beneath /: all may be read", path);
        return grant(ruleset, "/", e);
}

/* By the name given, and by where its symlinks lead now. */
static int grant_name(int ruleset, const char *name, struct err *e)
{
        AUTO_FREE char *cwd = *name == '/' ? NULL : realpath(".", NULL);
        AUTO_FREE char *absolute = cwd ? xasprintf("%s/%s", cwd, name) : xstrdup(name);
        AUTO_FREE char *real = realpath(absolute, NULL);

        if (grant_parent(ruleset, absolute, e) < 0)
                return -1;
        return real ? grant_parent(ruleset, real, e) : 0;
}

/* Kept open: the kernel makes a new inode when it has forgotten this one, and the rule is for an inode. */
static int hold_proc_self(void)
{
        static int fd = -1;

        if (fd < 0)
                fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fd;
}

int confine_files(const struct confine_config *config, struct err *e)
{
        AUTO_CLOSE int ruleset = open_ruleset(e);

        if (ruleset < 0 || grant_name(ruleset, config->dir, e) < 0)
                return -1;
        if (hold_proc_self() >= 0 && grant(ruleset, "/proc/self", e) < 0)
                return -1;
        for (size_t i = 0; i < config->n_files; i++)
                if (config->files[i] && grant_name(ruleset, config->files[i], e) < 0)
                        return -1;
        if (syscall(NR_RESTRICT_SELF, ruleset, 0) < 0)
                return err_set(e, ERR_INTERNAL, errno, "restrict this process");
        return 0;
}
