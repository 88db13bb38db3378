/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which hierarchies this host has, and where we are in them. Two texts of the kernel tell it: mountinfo (where
 * each hierarchy is mounted, and which part of it) and /proc/self/cgroup (our own place in each).
 */
#include "runtime/cgroup_priv.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"
#include "util/parse.h"

enum { MOUNTINFO_MAX = 16 * 1024 * 1024, SELF_CGROUP_MAX = 64 * 1024, MOUNT_FIELDS = 64 };

static const struct {
        const char *name;
        enum cgroup_controller bit;
} controllers[] = {
        { "cpu", CGROUP_CPU },
        { "cpuacct", CGROUP_CPUACCT },
        { "memory", CGROUP_MEMORY },
        { "pids", CGROUP_PIDS },
        { "devices", CGROUP_DEVICES },
        { "freezer", CGROUP_FREEZER },
        { "blkio", CGROUP_BLKIO },
        { "io", CGROUP_IO },
        { "name=systemd", CGROUP_SYSTEMD },
        { "cpuset", CGROUP_OTHER },
        { "net_cls", CGROUP_OTHER },
        { "net_prio", CGROUP_OTHER },
        { "perf_event", CGROUP_OTHER },
        { "hugetlb", CGROUP_OTHER },
        { "rdma", CGROUP_OTHER },
        { "misc", CGROUP_OTHER },
};

unsigned cgroup_controllers_parse(const char *list, size_t len)
{
        unsigned found = 0;

        for (size_t at = 0; at < len;) {
                size_t n = 0;

                while (at + n < len && !strchr(", \n", list[at + n]))
                        n++;
                for (size_t i = 0; i < ARRAY_LEN(controllers); i++)
                        if (strlen(controllers[i].name) == n &&
                            memcmp(controllers[i].name, list + at, n) == 0)
                                found |= (unsigned)controllers[i].bit;
                at += n + 1;
        }
        return found;
}

/* mountinfo writes blanks, tabs, newlines and backslashes in paths as \ooo. */
static char *unescape(const char *s)
{
        char *out = xmalloc(strlen(s) + 1);
        size_t n = 0;

        while (*s) {
                if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
                    s[3] >= '0' && s[3] <= '7') {
                        out[n++] = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
                        s += 4;
                } else {
                        out[n++] = *s++;
                }
        }
        out[n] = '\0';
        return out;
}

static bool has_option(const char *options, const char *want)
{
        size_t n = strlen(want);

        for (const char *at = options; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
                if (strncmp(at, want, n) == 0 && (at[n] == ',' || at[n] == '\0'))
                        return true;
        return false;
}

/*
 * Our place relative to the mount: the path of /proc/self/cgroup without the part that is not mounted. Outside of
 * it (a bind mount of another part): the top.
 */
static char *own_path(const char *self_path, const char *root)
{
        size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);

        if (strncmp(self_path, root, n) != 0 || (self_path[n] != '/' && self_path[n] != '\0'))
                return xstrdup("");
        self_path += n;
        while (*self_path == '/')
                self_path++;
        /* "/../x": we are above the root of our cgroup namespace */
        return xstrdup(strncmp(self_path, "..", 2) == 0 ? "" : self_path);
}

/* The line "id:controllers:path" of /proc/self/cgroup for this hierarchy; heap string, "/" when absent. */
static char *self_path_for(const char *self, bool v2, unsigned mask)
{
        for (const char *line = self; *line;) {
                size_t len = strcspn(line, "\n");
                const char *first = memchr(line, ':', len);
                const char *second =
                        first ? memchr(first + 1, ':', len - (size_t)(first + 1 - line)) : NULL;

                if (second) {
                        size_t n = (size_t)(second - first - 1);
                        bool match = v2 ? n == 0 && first == line + 1 && line[0] == '0'
                                        : n > 0 && cgroup_controllers_parse(first + 1, n) == mask;

                        if (match)
                                return xstrndup(second + 1, len - (size_t)(second + 1 - line));
                }
                line += len + (line[len] == '\n');
        }
        return xstrdup("/");
}

static size_t split(char *line, char **ret, size_t max)
{
        size_t n = 0;
        char *save = NULL;

        for (char *f = strtok_r(line, " ", &save); f && n < max; f = strtok_r(NULL, " ", &save))
                ret[n++] = f;
        return n;
}

static bool known(const struct cgroup_hierarchy *list, size_t n, bool v2, unsigned mask)
{
        for (size_t i = 0; i < n; i++)
                if (list[i].v2 == v2 && (v2 || list[i].controllers == mask))
                        return true;
        return false;
}

static void add_hierarchy(struct cgroup_hierarchy *h, bool v2, unsigned mask, char *const *f,
                          const char *self)
{
        AUTO_FREE char *self_path = self_path_for(self, v2, mask);

        *h = (struct cgroup_hierarchy){ .v2 = v2, .controllers = mask, .fd = -1 };
        h->mount = unescape(f[4]);
        h->root = unescape(f[3]);
        h->own = own_path(self_path, h->root);
}

static void add_mount(char *line, const char *self, struct runtime_cgroup_host *host)
{
        char *f[MOUNT_FIELDS];
        size_t n = split(line, f, MOUNT_FIELDS), dash = 6;
        unsigned mask = 0;
        bool v2;

        while (dash < n && strcmp(f[dash], "-") != 0)
                dash++;
        if (dash + 3 >= n || host->n == CGROUP_HIERARCHIES_MAX)
                return;
        v2 = strcmp(f[dash + 1], "cgroup2") == 0;
        if (!v2 && strcmp(f[dash + 1], "cgroup") != 0)
                return;
        if (has_option(f[5], "ro") || has_option(f[dash + 3], "ro"))
                return;
        if (!v2)
                mask = cgroup_controllers_parse(f[dash + 3], strlen(f[dash + 3]));
        /* cpuset would need its CPUs and nodes set before anybody may join; nothing here limits them. */
        if (!v2 && (mask & ~(unsigned)CGROUP_OTHER) == 0) {
                if (host->n_other < CGROUP_HIERARCHIES_MAX)
                        add_hierarchy(&host->other[host->n_other++], v2, mask, f, self);
        } else if (!known(host->h, host->n, v2, mask)) {
                add_hierarchy(&host->h[host->n++], v2, mask, f, self);
        }
}

void cgroup_host_decide_mode(struct runtime_cgroup_host *host)
{
        bool v1 = false, v2 = false;

        for (size_t i = 0; i < host->n; i++) {
                if (host->h[i].v2)
                        v2 = true;
                else if (host->h[i].controllers != CGROUP_SYSTEMD)
                        v1 = true;
        }
        host->mode = v1 && v2 ? RUNTIME_CGROUP_HYBRID
                     : v1     ? RUNTIME_CGROUP_V1
                     : v2     ? RUNTIME_CGROUP_V2
                              : RUNTIME_CGROUP_NONE;
}

void cgroup_host_parse(const char *mountinfo, const char *self, struct runtime_cgroup_host *host)
{
        AUTO_FREE char *copy = xstrdup(mountinfo);
        char *save = NULL;

        for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                add_mount(line, self, host);
        cgroup_host_decide_mode(host);
}

static void hierarchy_done(struct cgroup_hierarchy *h)
{
        free(h->mount);
        free(h->root);
        free(h->own);
        closep(&h->fd);
}

struct runtime_cgroup_host *runtime_cgroup_host_free(struct runtime_cgroup_host *host)
{
        if (!host)
                return NULL;
        for (size_t i = 0; i < host->n; i++)
                hierarchy_done(&host->h[i]);
        for (size_t i = 0; i < host->n_other; i++)
                hierarchy_done(&host->other[i]);
        free(host);
        return NULL;
}

void runtime_cgroup_host_freep(struct runtime_cgroup_host **host)
{
        (void)runtime_cgroup_host_free(*host);
}

enum runtime_cgroup_mode runtime_cgroup_host_mode(const struct runtime_cgroup_host *host)
{
        return host->mode;
}

/* Open each mount point; one that cannot be opened (hidden by another mount, say) is as good as absent. */
static size_t open_all(struct cgroup_hierarchy *list, size_t n)
{
        size_t kept = 0;

        for (size_t i = 0; i < n; i++) {
                struct cgroup_hierarchy h = list[i];
                AUTO(buf_done) struct buf text = BUF_NULL(CGROUP_FILE_MAX);

                h.fd = fs_open_dir_path(h.mount);
                if (h.fd >= 0 && h.v2 && cgroup_read(h.fd, "cgroup.controllers", &text) == 0)
                        h.controllers = cgroup_controllers_parse(buf_str(&text), text.len);
                if (h.fd < 0)
                        hierarchy_done(&h);
                else
                        list[kept++] = h;
        }
        return kept;
}

int runtime_cgroup_host_open(struct runtime_cgroup_host **ret, struct err *e)
{
        AUTO(runtime_cgroup_host_freep) struct runtime_cgroup_host *host = NULL;
        AUTO(buf_done) struct buf mounts = BUF_NULL(MOUNTINFO_MAX);
        AUTO(buf_done) struct buf self = BUF_NULL(SELF_CGROUP_MAX);
        int r = fs_read_file(AT_FDCWD, "/proc/self/mountinfo", &mounts);

        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "read /proc/self/mountinfo");
        r = fs_read_file(AT_FDCWD, "/proc/self/cgroup", &self);
        if (r < 0 && r != -ENOENT) /* a kernel without cgroups has no such file */
                return err_set(e, ERR_INTERNAL, -r, "read /proc/self/cgroup");
        host = xcalloc(1, sizeof(*host));
        cgroup_host_parse(buf_str(&mounts), buf_str(&self), host);
        host->n = open_all(host->h, host->n);
        host->n_other = open_all(host->other, host->n_other);
        cgroup_host_decide_mode(host);
        *ret = TAKE_PTR(host);
        return 0;
}

int cgroup_v1_index(const struct runtime_cgroup_host *host, enum cgroup_controller controller)
{
        for (size_t i = 0; i < host->n; i++)
                if (!host->h[i].v2 && (host->h[i].controllers & (unsigned)controller))
                        return (int)i;
        return -1;
}

int cgroup_v2_index(const struct runtime_cgroup_host *host)
{
        for (size_t i = 0; i < host->n; i++)
                if (host->h[i].v2)
                        return (int)i;
        return -1;
}

int runtime_cgroup_hide_hybrid(const struct runtime_cgroup_host *host, struct err *e)
{
        const struct cgroup_hierarchy *h;

        if (host->mode != RUNTIME_CGROUP_HYBRID)
                return 0;
        h = &host->h[cgroup_v2_index(host)];
        if (umount2(h->mount, MNT_DETACH) < 0 && errno != EINVAL) /* EINVAL: not there any more */
                return err_set(e, ERR_INTERNAL, errno, "detach %s", h->mount);
        return 0;
}

const char *runtime_cgroup_mode_name(enum runtime_cgroup_mode mode)
{
        static const char *const names[] = { "none", "v1", "hybrid", "v2" };

        static_assert(ARRAY_LEN(names) == RUNTIME_CGROUP_MODE_MAX, "one name per mode");
        return mode < RUNTIME_CGROUP_MODE_MAX ? names[mode] : "unknown";
}

/* --- Delegation --- */

/* systemd marks what it hands over with an extended attribute of value "1" (trusted.*, since 252 also user.*). */
static bool is_marked(int fd)
{
        char value[4] = "";

        return (fgetxattr(fd, "trusted.delegate", value, sizeof(value)) == 1 && value[0] == '1') ||
               (fgetxattr(fd, "user.delegate", value, sizeof(value)) == 1 && value[0] == '1');
}

static int refuse_directory(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        (void)dirfd;
        (void)name;
        (void)arg;
        return d_type == DT_DIR ? 1 : 0;
}

struct other {
        pid_t self;
        bool found;
};

static void note_other(pid_t pid, void *arg)
{
        struct other *o = arg;

        o->found = o->found || pid != o->self;
}

/* The hierarchy in which systemd keeps its units. */
static int systemd_index(const struct runtime_cgroup_host *host)
{
        return host->mode == RUNTIME_CGROUP_V2 ? cgroup_v2_index(host)
                                               : cgroup_v1_index(host, CGROUP_SYSTEMD);
}

bool cgroup_host_is_delegated(const struct runtime_cgroup_host *host, const char *path)
{
        int i = systemd_index(host);
        AUTO_CLOSE int fd =
                i < 0 ? -1
                      : fs_open_beneath(host->h[i].fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

        return fd >= 0 && is_marked(fd);
}

char *cgroup_host_delegated_path(const struct runtime_cgroup_host *host)
{
        int i = systemd_index(host);
        struct other other = { .self = getpid() };
        AUTO_CLOSE int fd = -1;

        if (i < 0 || host->h[i].own[0] == '\0')
                return NULL;
        fd = fs_open_dir(host->h[i].fd, host->h[i].own);
        if (fd < 0 || !is_marked(fd) || fs_each(fd, refuse_directory, NULL) != 0)
                return NULL;
        if (cgroup_each_pid(fd, note_other, &other) < 0 || other.found)
                return NULL;
        return xstrdup(host->h[i].own);
}
