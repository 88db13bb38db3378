/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an app finds mounted: the API file systems, minimal and read-only where they can be; the pod's shared /dev/shm; the pod's
 * own /etc files; its volumes last, so that a volume may lie anywhere. The runtime resolves every target
 * beneath the root (openat2), so a symlink in the image leads nowhere else.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cgroup_priv.h"
#include "runtime/spec_priv.h"
#include "util/auto.h"
#include "util/json.h"
#include "util/mem.h"

struct fixed_mount {
        const char *target, *type, *source;
        const char *options; /* comma-separated */
};

static const struct fixed_mount fixed[] = {
        { "/proc", "proc", "proc", "nosuid,noexec,nodev" },
        { "/dev", "tmpfs", "tmpfs", "nosuid,noexec,strictatime,mode=755,size=65536k" },
        { "/dev/pts", "devpts", "devpts",
          "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5" },
        { "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev" },
        { "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro" },
};
static const struct fixed_mount cgroup_v2 = { "/sys/fs/cgroup", "cgroup", "cgroup",
                                              "nosuid,noexec,nodev,relatime,ro" };
static const struct fixed_mount own_shm = { "/dev/shm", "tmpfs", "shm",
                                            "nosuid,noexec,nodev,mode=1777,size=65536k" };

/* The lists that docker and podman have arrived at: host state that no app needs, some of it a way out. */
static const char *const masked[] = {
        "/proc/acpi",        "/proc/asound",    "/proc/interrupts",
        "/proc/kcore",       "/proc/keys",      "/proc/latency_stats",
        "/proc/sched_debug", "/proc/scsi",      "/proc/timer_list",
        "/proc/timer_stats", "/sys/dev/block",  "/sys/devices/virtual/powercap",
        "/sys/firmware",     "/sys/fs/selinux",
};
static const char *const read_only[] = {
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static void add_mount(struct json_object *list, const struct fixed_mount *m)
{
        struct json_object *o = json_object_new_object(), *options;
        AUTO_FREE char *copy = xstrdup(m->options);
        char *save = NULL;

        json_add_string(o, "destination", m->target);
        json_add_string(o, "type", m->type);
        json_add_string(o, "source", m->source);
        options = json_add_array(o, "options");
        for (char *opt = strtok_r(copy, ",", &save); opt; opt = strtok_r(NULL, ",", &save))
                json_append_string(options, opt);
        (void)json_object_array_add(list, o);
}

static void add_bind(struct json_object *list, const char *source, const char *target,
                     const char *options)
{
        if (source)
                add_mount(list, &(struct fixed_mount){ target, "bind", source, options });
}

static const char *bind_options(const struct runtime_bind *b)
{
        if (!b->recursive)
                return b->read_only ? "bind,private,ro" : "bind,private,rw";
        /* rro: what is mounted beneath is read-only as well, not just the top. */
        return b->read_only ? "rbind,rprivate,ro,rro" : "rbind,rprivate,rw";
}

void mounts_to_json(const struct runtime_spec *spec, struct json_object *config)
{
        struct json_object *list = json_add_array(config, "mounts");

        for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
                add_mount(list, &fixed[i]);
        if (spec->cgroup_v2)
                add_mount(list, &cgroup_v2);
        if (!spec->shm_dir)
                add_mount(list, &own_shm);
        add_bind(list, spec->shm_dir, "/dev/shm", "bind,private,rw,nosuid,noexec,nodev");
        add_bind(list, spec->hostname_file, "/etc/hostname", "bind,private,rw,nosuid,noexec,nodev");
        add_bind(list, spec->hosts_file, "/etc/hosts", "bind,private,rw,nosuid,noexec,nodev");
        add_bind(list, spec->resolv_file, "/etc/resolv.conf",
                 "bind,private,rw,nosuid,noexec,nodev");
        for (size_t i = 0; spec->volumes && i < spec->volumes->n; i++)
                add_bind(list, spec->volumes->v[i].source, spec->volumes->v[i].target,
                         bind_options(&spec->volumes->v[i]));
}

void paths_to_json(struct json_object *linux_o)
{
        struct json_object *list = json_add_array(linux_o, "maskedPaths");

        for (size_t i = 0; i < ARRAY_LEN(masked); i++)
                json_append_string(list, masked[i]);
        list = json_add_array(linux_o, "readonlyPaths");
        for (size_t i = 0; i < ARRAY_LEN(read_only); i++)
                json_append_string(list, read_only[i]);
}

/* For a runtime that handles cgroups itself; carob's own cgroups have the same list. */
void devices_to_json(struct json_object *linux_o)
{
        struct json_object *resources = json_add_object(linux_o, "resources");
        struct json_object *list = json_add_array(resources, "devices");
        struct json_object *o = json_object_new_object();

        json_add_bool(o, "allow", false);
        json_add_string(o, "access", "rwm");
        (void)json_object_array_add(list, o);
        for (size_t i = 0; i < cgroup_n_devices; i++) {
                const struct cgroup_device *d = &cgroup_devices[i];
                char type[2] = { d->type, '\0' };

                o = json_object_new_object();
                json_add_bool(o, "allow", true);
                json_add_string(o, "type", type);
                if (d->major >= 0)
                        json_add_int(o, "major", d->major);
                if (d->minor >= 0)
                        json_add_int(o, "minor", d->minor);
                json_add_string(o, "access", d->access);
                (void)json_object_array_add(list, o);
        }
}
