/* SPDX-License-Identifier: Apache-2.0 */
#include "api/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/mem.h"
#include "util/parse.h"

enum { GROUPS_MAX = 65536 }; /* NGROUPS_MAX */

static int find_group(const char *text, gid_t *ret, struct err *e)
{
        const struct group *group = getgrnam(text);
        uint64_t gid;

        if (!group && parse_u64(text, 0, (gid_t)-2, &gid) < 0)
                return err_set(e, ERR_NOT_FOUND, 0, "there is no group \"%s\"", text);
        *ret = group ? group->gr_gid : (gid_t)gid;
        return 0;
}

static int set_groups_of(const char *name, struct privileges *p, struct err *e)
{
        int n = 64;

        for (;;) {
                int room = n;

                p->groups = xreallocarray(p->groups, (size_t)room, sizeof(*p->groups));
                if (getgrouplist(name, p->gid, p->groups, &n) >= 0)
                        break;
                if (n <= room || n > GROUPS_MAX)
                        return err_set(e, ERR_INTERNAL, 0, "list the groups of user \"%s\"", name);
        }
        p->n_groups = (size_t)n;
        return 0;
}

static int find_user(const char *name, const char *group, struct privileges *p, struct err *e)
{
        const struct passwd *user = getpwnam(name);
        uint64_t uid;

        if (!user && parse_u64(name, 0, (uid_t)-2, &uid) == 0) {
                user = getpwuid((uid_t)uid);
                if (!user && !group)
                        return err_set(e, ERR_USAGE, 0,
                                       "user %s has no name here: say which group, --user=%s:GROUP",
                                       name, name);
                p->uid = (uid_t)uid;
        } else if (!user) {
                return err_set(e, ERR_NOT_FOUND, 0, "there is no user \"%s\"", name);
        }
        if (user) {
                p->uid = user->pw_uid;
                p->gid = user->pw_gid;
        }
        return group ? 0 : set_groups_of(user->pw_name, p, e);
}

int privileges_find(const char *text, struct privileges *ret, struct err *e)
{
        AUTO(privileges_done) struct privileges p = PRIVILEGES_NULL;
        const char *colon = strchr(text, ':'), *group = colon ? colon + 1 : NULL;
        AUTO_FREE char *name = xstrndup(text, colon ? (size_t)(colon - text) : strlen(text));

        if (*name == '\0' || (group && *group == '\0'))
                return err_set(e, ERR_USAGE, 0, "--user=%s: neither USER nor USER:GROUP", text);
        if (find_user(name, group, &p, e) < 0)
                return err_wrap(e, "--user=%s", text);
        if (group) {
                if (find_group(group, &p.gid, e) < 0)
                        return err_wrap(e, "--user=%s", text);
                p.groups = xmemdup(&p.gid, sizeof(p.gid));
                p.n_groups = 1;
        }
        if (p.uid == 0)
                return err_set(e, ERR_USAGE, 0, "--user=%s: that is root", text);
        *ret = p;
        p = PRIVILEGES_NULL;
        return 0;
}

void privileges_done(struct privileges *p)
{
        free(p->groups);
        *p = PRIVILEGES_NULL;
}

static bool is_that_user(const struct privileges *p)
{
        uid_t r, e, s;
        gid_t rg, eg, sg;

        return getresuid(&r, &e, &s) == 0 && getresgid(&rg, &eg, &sg) == 0 && r == p->uid &&
               e == p->uid && s == p->uid && rg == p->gid && eg == p->gid && sg == p->gid;
}

static int become(const struct privileges *p, struct err *e)
{
        if (is_that_user(p))
                return 0;
        if (geteuid() != 0)
                return err_set(e, ERR_PERMISSION, 0, "--user takes root, and we are user %u",
                               (unsigned)geteuid());
        /* The user last: it takes root to change the groups. */
        if (setgroups(p->n_groups, p->groups) < 0)
                return err_set(e, ERR_INTERNAL, errno, "become a member of %zu groups",
                               p->n_groups);
        if (setresgid(p->gid, p->gid, p->gid) < 0)
                return err_set(e, ERR_INTERNAL, errno, "become group %u", (unsigned)p->gid);
        if (setresuid(p->uid, p->uid, p->uid) < 0)
                return err_set(e, ERR_INTERNAL, errno, "become user %u", (unsigned)p->uid);
        if (!is_that_user(p))
                return err_set(e, ERR_INTERNAL, 0, "become user %u: it had no effect",
                               (unsigned)p->uid);
        return 0;
}

/* Bounding and ambient sets. Without CAP_SETPCAP the former stays: there is nothing to get from it then. */
static int drop_sets(struct err *e)
{
        for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
                if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM)
                        return err_set(e, ERR_INTERNAL, errno, "drop capability %lu", cap);
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
                return err_set(e, ERR_INTERNAL, errno, "clear the ambient capabilities");
        return 0;
}

int privileges_drop(const struct privileges *p, struct err *e)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

        /* The sets first, since another user may not; then the user, whom capabilities let us become. */
        if (drop_sets(e) < 0 || (p && become(p, e) < 0))
                return -1;
        if (syscall(SYS_capset, &header, none) < 0)
                return err_set(e, ERR_INTERNAL, errno, "drop all capabilities");
        return 0;
}
