/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind runtime/spec.h share. */
#pragma once

#include <stdint.h>

#include "appc/isolator.h"
#include "runtime/spec.h"

struct json_object;

/* --- Capabilities (capabilities.c): bit n is capability n of linux/capability.h --- */

#define CAPABILITIES_ALL_KNOWN ((UINT64_C(1) << 41) - 1) /* up to CAP_CHECKPOINT_RESTORE (40) */
extern const uint64_t capabilities_default;
const char *capability_name(unsigned number); /* "CAP_CHOWN"; NULL when there is none */
int capability_number(const char *name);      /* with or without CAP_, any case; -EINVAL */
/* The set that an app gets. @retained: only what its retain set names. ERR_BAD_DATA: unknown name. */
int capabilities_effective(const struct appc_isolators *iso, uint64_t *ret, uint64_t *ret_retained,
                           struct err *e);
void capabilities_to_json(uint64_t caps, uint64_t retained, uid_t uid, struct json_object *process);

/* --- seccomp (seccomp.c) --- */

/* Member "seccomp" of @linux_o (none when everything is allowed), and what crun takes precompiled. */
int seccomp_to_json(const struct appc_isolators *iso, uint64_t caps, struct json_object *linux_o,
                    struct json_object *annotations, struct err *e);

/* --- Mounts (mounts.c) --- */

void mounts_to_json(const struct runtime_spec *spec, struct json_object *config);
void paths_to_json(struct json_object *linux_o); /* maskedPaths, readonlyPaths */
void devices_to_json(
        struct json_object *linux_o); /* resources.devices, as cgroup_devices has them */

/* --- Volumes (volumes.c) --- */

/*
 * No link of the image may lead a volume to where none may be mounted. @b may be NULL. Only opens and reads links.
 * Errors: ERR_BAD_DATA.
 */
int volumes_check_targets(int rootfs_fd, const struct runtime_binds *b, struct err *e);

/* --- Mandatory access control, oom score (security.c) --- */

int security_to_json(const struct appc_isolators *iso, struct json_object *process,
                     struct json_object *linux_o, struct err *e);

/* --- passwd and group files (users.c). Pure; lines that make no sense are skipped. --- */

struct passwd_entry {
        const char *name; /* borrowed, not terminated */
        size_t name_len;
        uint32_t uid, gid;
        const char *home; /* borrowed, not terminated */
        size_t home_len;
};
/* First entry with this name (@name not NULL) or this uid. 1 found, 0 not. */
int passwd_find(const char *text, size_t len, const char *name, uint32_t uid,
                struct passwd_entry *ret);
int group_find(const char *text, size_t len, const char *name, uint32_t *ret_gid);
/* gids of the groups that list @user as member, at most @max. */
size_t group_list(const char *text, size_t len, const char *user, uint32_t *ret, size_t max);
enum { USER_FILE_MAX = 1024 * 1024, USER_GROUPS_MAX = 1024 };
