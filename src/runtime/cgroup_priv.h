/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind runtime/cgroup.h share. */
#pragma once

#include <linux/bpf.h>

#include "runtime/cgroup.h"
#include "util/buf.h"

enum {
        CGROUP_HIERARCHIES_MAX = 16,   /* Linux 6 has 14 v1 controllers, and name=systemd */
        CGROUP_FILE_MAX = 1024 * 1024, /* cgroup.procs of a cgroup with 100,000 processes */
        CGROUP_DEPTH_MAX = 32,
};

enum cgroup_controller {
        CGROUP_CPU = 1 << 0,
        CGROUP_CPUACCT = 1 << 1,
        CGROUP_MEMORY = 1 << 2,
        CGROUP_PIDS = 1 << 3,
        CGROUP_DEVICES = 1 << 4,
        CGROUP_FREEZER = 1 << 5,
        CGROUP_BLKIO = 1 << 6,
        CGROUP_SYSTEMD = 1 << 7, /* name=systemd, which has no controller */
        CGROUP_IO = 1 << 8,      /* v2 only */
        CGROUP_OTHER = 1 << 9,   /* known to the kernel, unused here: cpuset, net_cls ... */
};

/* One mounted hierarchy that we use. */
struct cgroup_hierarchy {
        bool v2;
        unsigned controllers; /* enum cgroup_controller; v2: what the root offers */
        char *mount;          /* owned; mount point */
        char *root;           /* owned; what of the hierarchy is mounted there, "/" usually */
        char *own; /* owned; where this process is, relative to the mount, "" for its top */
        int fd;    /* owned; the mount point */
};

struct runtime_cgroup_host {
        enum runtime_cgroup_mode mode;
        struct cgroup_hierarchy h[CGROUP_HIERARCHIES_MAX];
        size_t n;
        /* Hierarchies that we do not use (cpuset ...), but where a runtime may leave a pod's directories. */
        struct cgroup_hierarchy other[CGROUP_HIERARCHIES_MAX];
        size_t n_other;
};

struct runtime_cgroup {
        const struct runtime_cgroup_host *host; /* borrowed */
        char *path;                             /* owned; relative to each mount */
        bool delegated;                         /* the directory itself is systemd's */
        int fd[CGROUP_HIERARCHIES_MAX];         /* owned; same index as host->h */
};

/*
 * Pure: fill @host (zeroed; descriptors -1) from the texts of /proc/self/mountinfo and /proc/self/cgroup. Read-only mounts
 * and hierarchies of nothing we use are left out. v2 controllers are read later, from the mount.
 */
void cgroup_host_parse(const char *mountinfo, const char *self, struct runtime_cgroup_host *host);
void cgroup_host_decide_mode(struct runtime_cgroup_host *host); /* pure: from h[] */
/* Pure: bits of a list "cpu,cpuacct" or "cpu io memory". */
unsigned cgroup_controllers_parse(const char *list, size_t len);
/* Our own cgroup when it is delegated and nobody else is in it: heap string relative to the mounts; else NULL. */
char *cgroup_host_delegated_path(const struct runtime_cgroup_host *host);
bool cgroup_host_is_delegated(const struct runtime_cgroup_host *host, const char *path);

/* Index of the hierarchy with @controller (v1), -1: none. cgroup_v2_index: the v2 hierarchy. */
int cgroup_v1_index(const struct runtime_cgroup_host *host, enum cgroup_controller controller);
int cgroup_v2_index(const struct runtime_cgroup_host *host);

/* Small files of a cgroup directory. 0 or -errno. */
int cgroup_write(int dirfd, const char *file, const char *text);
int cgroup_write_u64(int dirfd, const char *file, uint64_t value);
int cgroup_read(int dirfd, const char *file, struct buf *out);
/* Pure: the value in lines of "key value"; 0 when there is none. */
uint64_t cgroup_flat_get(const char *text, const char *key);
/* Each pid in @dirfd's cgroup and beneath, to @fn. Number of pids, or -errno. */
typedef void (*cgroup_pid_fn)(pid_t pid, void *arg);
int cgroup_each_pid(int dirfd, cgroup_pid_fn fn, void *arg);

/* Sleep a little longer each time, up to 10 ms. */
void cgroup_back_off(int *wait_ms);

/* Limits of one hierarchy. -ENOENT from a file means that the controller is not there. */
int cgroup_v1_limit(const struct runtime_cgroup *cg, const struct runtime_limits *l, struct err *e);
int cgroup_v2_limit(const struct runtime_cgroup *cg, const struct runtime_limits *l, struct err *e);
/* An error for limit @what that did not work with @code (-errno). */
int cgroup_limit_failed(int code, const char *what, int64_t value, struct err *e);
uint64_t cgroup_cpu_weight(int64_t shares); /* v1's 2..262144 onto v2's 1..10000 */
int64_t cgroup_cpu_quota_us(int64_t milli); /* of CGROUP_CPU_PERIOD_US */
enum { CGROUP_CPU_PERIOD_US = 100000 };

int cgroup_v1_restrict_devices(int dirfd);
int cgroup_v2_restrict_devices(int dirfd);
int cgroup_v1_kill_once(const struct runtime_cgroup *cg); /* number of processes killed or -errno */

/* Switch on what apps need, for the children of @dirfd; bits that are on afterwards. */
unsigned cgroup_v2_enable(int dirfd);

/* Devices a container may use. major, minor -1: any. */
struct cgroup_device {
        char type; /* 'c' 'b' */
        int major, minor;
        const char *access; /* of "rwm" */
};
extern const struct cgroup_device cgroup_devices[];
extern const size_t cgroup_n_devices;

/*
 * Pure: a BPF_PROG_TYPE_CGROUP_DEVICE program that allows @devices and refuses the rest. Number of instructions, or
 * -ENOBUFS.
 */
int cgroup_devices_program(const struct cgroup_device *devices, size_t n, struct bpf_insn *ret,
                           size_t max);
