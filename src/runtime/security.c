/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What depends on the host: mandatory access control, and the OOM score. A setting that was asked for and cannot be had is an
 * error, never a silent weakening.
 */
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/spec_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/json.h"
#include "util/parse.h"

static bool file_starts_with(const char *path, char want)
{
        AUTO(buf_done) struct buf text = BUF_NULL(256);

        return fs_read_file(AT_FDCWD, path, &text) == 0 && text.len > 0 && text.data[0] == want;
}

static int add_apparmor(const char *profile, struct json_object *process, struct err *e)
{
        if (!file_starts_with("/sys/module/apparmor/parameters/enabled", 'Y'))
                return err_set(
                        e, ERR_UNSUPPORTED, 0,
                        "AppArmor profile \"%s\" is asked for, but this kernel has no AppArmor",
                        profile);
        json_add_string(process, "apparmorProfile", profile);
        return 0;
}

static int add_selinux(const char *context, struct json_object *process,
                       struct json_object *linux_o, struct err *e)
{
        if (access("/sys/fs/selinux/enforce", F_OK) < 0)
                return err_set(
                        e, ERR_UNSUPPORTED, 0,
                        "SELinux context \"%s\" is asked for, but SELinux is not active here",
                        context);
        json_add_string(process, "selinuxLabel", context);
        json_add_string(linux_o, "mountLabel", context);
        return 0;
}

static bool have_sys_resource(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { { 0 } };

        return syscall(SYS_capget, &header, data) == 0 &&
               (data[0].effective & (1u << CAP_SYS_RESOURCE));
}

static int own_oom_score(void)
{
        AUTO(buf_done) struct buf text = BUF_NULL(64);
        int64_t v;

        if (fs_read_file(AT_FDCWD, "/proc/self/oom_score_adj", &text) < 0)
                return 0;
        while (text.len > 0 && text.data[text.len - 1] == '\n')
                text.data[--text.len] = '\0';
        return parse_i64(buf_str(&text), -1000, 1000, &v) == 0 ? (int)v : 0;
}

int security_to_json(const struct appc_isolators *iso, struct json_object *process,
                     struct json_object *linux_o, struct err *e)
{
        json_add_bool(process, "noNewPrivileges", iso->no_new_privileges);
        if (iso->oom_score_adj_set) {
                if (iso->oom_score_adj < own_oom_score() && !have_sys_resource())
                        return err_set(
                                e, ERR_UNSUPPORTED, 0,
                                "oom-score-adj %d cannot be set: it is below carob's own (%d), "
                                "which needs CAP_SYS_RESOURCE",
                                iso->oom_score_adj, own_oom_score());
                json_add_int(process, "oomScoreAdj", iso->oom_score_adj);
        }
        if (iso->apparmor_profile && add_apparmor(iso->apparmor_profile, process, e) < 0)
                return -1;
        if (iso->selinux_context && add_selinux(iso->selinux_context, process, linux_o, e) < 0)
                return -1;
        if (iso->sysctls.n > 0) {
                struct json_object *o = json_add_object(linux_o, "sysctl");

                for (size_t i = 0; i < iso->sysctls.n; i++)
                        json_add_string(o, iso->sysctls.v[i].name, iso->sysctls.v[i].value);
        }
        return 0;
}
