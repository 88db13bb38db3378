/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which capabilities an app has. The default is what careful engines agree on today: rkt's and docker's fourteen without
 * AUDIT_WRITE (writing to the host's audit log), MKNOD (device nodes) and NET_RAW (forged packets on a shared bridge).
 * An app that needs one of them asks with os/linux/capabilities-retain-set.
 */
#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>

#include "runtime/spec_priv.h"
#include "util/auto.h"
#include "util/json.h"

/* By number, linux/capability.h. */
static const char *const names[] = {
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_DAC_READ_SEARCH",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_SETGID",
        "CAP_SETUID",
        "CAP_SETPCAP",
        "CAP_LINUX_IMMUTABLE",
        "CAP_NET_BIND_SERVICE",
        "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN",
        "CAP_NET_RAW",
        "CAP_IPC_LOCK",
        "CAP_IPC_OWNER",
        "CAP_SYS_MODULE",
        "CAP_SYS_RAWIO",
        "CAP_SYS_CHROOT",
        "CAP_SYS_PTRACE",
        "CAP_SYS_PACCT",
        "CAP_SYS_ADMIN",
        "CAP_SYS_BOOT",
        "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE",
        "CAP_SYS_TIME",
        "CAP_SYS_TTY_CONFIG",
        "CAP_MKNOD",
        "CAP_LEASE",
        "CAP_AUDIT_WRITE",
        "CAP_AUDIT_CONTROL",
        "CAP_SETFCAP",
        "CAP_MAC_OVERRIDE",
        "CAP_MAC_ADMIN",
        "CAP_SYSLOG",
        "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND",
        "CAP_AUDIT_READ",
        "CAP_PERFMON",
        "CAP_BPF",
        "CAP_CHECKPOINT_RESTORE",
};
_Static_assert(ARRAY_LEN(names) == 41, "one name per capability, up to CAP_CHECKPOINT_RESTORE");

#define BIT(c) (UINT64_C(1) << (c))

const uint64_t capabilities_default = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) |
                                      BIT(CAP_FSETID) | BIT(CAP_KILL) | BIT(CAP_NET_BIND_SERVICE) |
                                      BIT(CAP_SETFCAP) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) |
                                      BIT(CAP_SETUID) | BIT(CAP_SYS_CHROOT);

const char *capability_name(unsigned number)
{
        return number < ARRAY_LEN(names) ? names[number] : NULL;
}

int capability_number(const char *name)
{
        if (strncasecmp(name, "CAP_", 4) == 0)
                name += 4;
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (strcasecmp(names[i] + 4, name) == 0)
                        return (int)i;
        return -EINVAL;
}

/* What we may hand on at all. */
static uint64_t bounding_set(void)
{
        uint64_t set = 0;

        for (unsigned i = 0; i < ARRAY_LEN(names); i++)
                if (prctl(PR_CAPBSET_READ, (unsigned long)i) == 1)
                        set |= BIT(i);
        return set;
}

int capabilities_effective(const struct appc_isolators *iso, uint64_t *ret, uint64_t *ret_retained,
                           struct err *e)
{
        uint64_t named = 0, bound = bounding_set();

        for (size_t i = 0; i < iso->caps.n; i++) {
                int c = capability_number(iso->caps.v[i]);

                if (c < 0)
                        return err_set(e, ERR_BAD_DATA, 0, "there is no capability \"%s\"",
                                       iso->caps.v[i]);
                named |= BIT(c);
                if (iso->caps_mode == APPC_SET_RETAIN && !(bound & BIT(c)))
                        return err_set(e, ERR_UNSUPPORTED, 0,
                                       "%s cannot be given: carob itself does not have it here",
                                       names[c]);
        }
        *ret_retained = iso->caps_mode == APPC_SET_RETAIN ? named : 0;
        if (iso->caps_mode == APPC_SET_RETAIN)
                *ret = named;
        else
                *ret = capabilities_default & bound &
                       ~(iso->caps_mode == APPC_SET_REMOVE ? named : 0);
        return 0;
}

static void add_set(struct json_object *o, const char *key, uint64_t set)
{
        struct json_object *list = json_add_array(o, key);

        for (unsigned i = 0; i < ARRAY_LEN(names); i++)
                if (set & BIT(i))
                        json_append_string(list, names[i]);
}

/*
 * Nothing is inheritable: a set that survives an exec of a file with inheritable capabilities has surprised others
 * (CVE-2022-24769). A user other than root starts without any, but for those its manifest asked for by name.
 */
void capabilities_to_json(uint64_t caps, uint64_t retained, uid_t uid, struct json_object *process)
{
        struct json_object *o = json_add_object(process, "capabilities");
        uint64_t now = uid == 0 ? caps : retained;

        add_set(o, "bounding", caps);
        add_set(o, "effective", now);
        add_set(o, "permitted", now);
        add_set(o, "inheritable", uid == 0 ? 0 : retained); /* ambient must be inheritable too */
        add_set(o, "ambient", uid == 0 ? 0 : retained);
}
