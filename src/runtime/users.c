/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who an app runs as. Names are looked up in the image's own /etc/passwd and /etc/group, never in the host's and never through
 * libc's getpwnam (which would load modules). The files are hostile: they are opened as in a chroot, must be regular, and are
 * read up to a limit; a line that makes no sense is skipped, as libc does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/spec_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"
#include "util/parse.h"

enum { PASSWD_FIELDS = 7, GROUP_FIELDS = 4, NUMBER_TEXT_MAX = 16 };

struct field {
        const char *s;
        size_t len;
};

/* @line's fields between colons; false unless there are at least @want. What follows is part of the last. */
static bool split_line(const char *line, size_t len, struct field *ret, size_t want)
{
        const char *end = line + len;

        for (size_t i = 0; i < want; i++) {
                const char *colon = i + 1 < want ? memchr(line, ':', (size_t)(end - line)) : end;

                if (!colon)
                        return false;
                ret[i] = (struct field){ line, (size_t)(colon - line) };
                line = colon + 1;
        }
        return true;
}

static bool parse_id(const struct field *f, uint32_t *ret)
{
        char text[NUMBER_TEXT_MAX];
        uint64_t v;

        if (f->len == 0 || f->len >= sizeof(text))
                return false;
        memcpy(text, f->s, f->len);
        text[f->len] = '\0';
        /* The highest value means "no change" to the kernel. */
        if (parse_u64(text, 0, UINT32_MAX - 1, &v) < 0)
                return false;
        *ret = (uint32_t)v;
        return true;
}

static bool same(const struct field *f, const char *s)
{
        return strlen(s) == f->len && memcmp(f->s, s, f->len) == 0;
}

/* The next line; false at the end. */
static bool next_line(const char **at, const char *end, const char **ret, size_t *ret_len)
{
        const char *newline;

        if (*at >= end)
                return false;
        newline = memchr(*at, '\n', (size_t)(end - *at));
        *ret = *at;
        *ret_len = (size_t)((newline ? newline : end) - *at);
        *at = newline ? newline + 1 : end;
        return true;
}

int passwd_find(const char *text, size_t len, const char *name, uint32_t uid,
                struct passwd_entry *ret)
{
        const char *at = text, *line;
        size_t n;

        while (next_line(&at, text + len, &line, &n)) {
                struct field f[PASSWD_FIELDS];
                uint32_t u, g;

                if (!split_line(line, n, f, PASSWD_FIELDS) || !parse_id(&f[2], &u) ||
                    !parse_id(&f[3], &g))
                        continue;
                if (name ? !same(&f[0], name) : u != uid)
                        continue;
                *ret = (struct passwd_entry){ f[0].s, f[0].len, u, g, f[5].s, f[5].len };
                return 1;
        }
        return 0;
}

int group_find(const char *text, size_t len, const char *name, uint32_t *ret_gid)
{
        const char *at = text, *line;
        size_t n;

        while (next_line(&at, text + len, &line, &n)) {
                struct field f[GROUP_FIELDS];

                if (split_line(line, n, f, GROUP_FIELDS) && same(&f[0], name) &&
                    parse_id(&f[2], ret_gid))
                        return 1;
        }
        return 0;
}

static bool lists_member(const struct field *members, const char *user)
{
        const char *at = members->s, *end = members->s + members->len;

        while (at < end) {
                const char *comma = memchr(at, ',', (size_t)(end - at));
                struct field f = { at, (size_t)((comma ? comma : end) - at) };

                if (same(&f, user))
                        return true;
                at = comma ? comma + 1 : end;
        }
        return false;
}

size_t group_list(const char *text, size_t len, const char *user, uint32_t *ret, size_t max)
{
        const char *at = text, *line;
        size_t n, found = 0;

        while (found < max && next_line(&at, text + len, &line, &n)) {
                struct field f[GROUP_FIELDS];

                if (split_line(line, n, f, GROUP_FIELDS) && lists_member(&f[3], user) &&
                    parse_id(&f[2], &ret[found]))
                        found++;
        }
        return found;
}

/* --- In a root file system --- */

/* Absent is empty. ERR_BAD_DATA: not a regular file; ERR_LIMIT: too long. */
static int read_user_file(int rootfs_fd, const char *path, struct buf *out, struct err *e)
{
        AUTO_CLOSE int fd =
                fs_open_in_root(rootfs_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
        struct stat st;
        int r;

        if (fd == -ENOENT || fd == -ENOTDIR)
                return 0;
        if (fd < 0)
                return err_set(e, fd == -ELOOP ? ERR_BAD_DATA : ERR_INTERNAL, -fd,
                               "open the image's %s", path);
        if (fstat(fd, &st) < 0)
                return err_set(e, ERR_INTERNAL, errno, "stat the image's %s", path);
        if (!S_ISREG(st.st_mode))
                return err_set(e, ERR_BAD_DATA, 0, "the image's %s is not a regular file", path);
        r = fs_read_fd(fd, out);
        if (r == -ENOBUFS)
                return err_set(e, ERR_LIMIT, 0, "the image's %s is larger than %u bytes", path,
                               (unsigned)USER_FILE_MAX);
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "read the image's %s", path) : 0;
}

struct lookup {
        int rootfs_fd;
        bool have_passwd, have_group;
        struct buf passwd, group;
};

static int need_passwd(struct lookup *l, struct err *e)
{
        if (!l->have_passwd && read_user_file(l->rootfs_fd, "/etc/passwd", &l->passwd, e) < 0)
                return -1;
        l->have_passwd = true;
        return 0;
}

static int need_group(struct lookup *l, struct err *e)
{
        if (!l->have_group && read_user_file(l->rootfs_fd, "/etc/group", &l->group, e) < 0)
                return -1;
        l->have_group = true;
        return 0;
}

static int stat_path(const struct lookup *l, const char *path, struct stat *ret, struct err *e)
{
        AUTO_CLOSE int fd = fs_open_in_root(l->rootfs_fd, path, O_PATH | O_CLOEXEC, 0);

        if (fd < 0)
                return err_set(e, fd == -ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, -fd,
                               "find the owner of \"%s\" in the image", path);
        return fstat(fd, ret) < 0
                       ? err_set(e, ERR_INTERNAL, errno, "find the owner of \"%s\"", path)
                       : 0;
}

static bool is_number(const char *s, uint32_t *ret)
{
        return parse_id(&(struct field){ s, strlen(s) }, ret);
}

/* *ret_name: the user's name when one is known (borrowed from @l or @user). */
static int resolve_user(struct lookup *l, const char *user, struct runtime_user *u, char **ret_name,
                        struct err *e)
{
        struct passwd_entry p;
        struct stat st;
        bool numeric = is_number(user, &u->uid);

        if (!numeric && *user == '/') {
                if (stat_path(l, user, &st, e) < 0)
                        return -1;
                u->uid = st.st_uid;
                numeric = true;
        }
        if (need_passwd(l, e) < 0)
                return -1;
        if (passwd_find(buf_str(&l->passwd), l->passwd.len, numeric ? NULL : user, u->uid, &p)) {
                u->uid = p.uid;
                u->gid = p.gid; /* until a group is named */
                u->home = p.home_len > 0 && *p.home == '/' ? xstrndup(p.home, p.home_len) : NULL;
                *ret_name = xstrndup(p.name, p.name_len);
                return 0;
        }
        return numeric ? 0
                       : err_set(e, ERR_NOT_FOUND, 0,
                                 "user \"%s\" is not in the image's /etc/passwd", user);
}

static int resolve_group(struct lookup *l, const char *group, gid_t *ret, struct err *e)
{
        struct stat st;

        if (is_number(group, ret))
                return 0;
        if (*group == '/') {
                if (stat_path(l, group, &st, e) < 0)
                        return -1;
                *ret = st.st_gid;
                return 0;
        }
        if (need_group(l, e) < 0)
                return -1;
        if (!group_find(buf_str(&l->group), l->group.len, group, ret))
                return err_set(e, ERR_NOT_FOUND, 0, "group \"%s\" is not in the image's /etc/group",
                               group);
        return 0;
}

static int resolve_groups(struct lookup *l, const char *name, const gid_t *gids, size_t n_gids,
                          struct runtime_user *u, struct err *e)
{
        uint32_t *found = xcalloc(USER_GROUPS_MAX, sizeof(*found));
        size_t n = 0;

        u->groups = found;
        if (n_gids > 0) {
                n = n_gids < USER_GROUPS_MAX ? n_gids : USER_GROUPS_MAX;
                memcpy(found, gids, n * sizeof(*found));
        } else if (name) {
                if (need_group(l, e) < 0)
                        return -1;
                n = group_list(buf_str(&l->group), l->group.len, name, found, USER_GROUPS_MAX);
        }
        for (size_t i = 0; i < n; i++)
                if (found[i] != u->gid)
                        u->groups[u->n_groups++] = found[i];
        return 0;
}

static void lookup_done(struct lookup *l)
{
        buf_done(&l->passwd);
        buf_done(&l->group);
}

void runtime_user_done(struct runtime_user *u)
{
        free(u->groups);
        free(u->home);
        *u = (struct runtime_user){ 0 };
}

int runtime_user_resolve(int rootfs_fd, const char *user, const char *group, const gid_t *gids,
                         size_t n_gids, struct runtime_user *ret, struct err *e)
{
        AUTO(lookup_done)
        struct lookup l = { .rootfs_fd = rootfs_fd,
                            .passwd = BUF_NULL(USER_FILE_MAX),
                            .group = BUF_NULL(USER_FILE_MAX) };
        AUTO(runtime_user_done) struct runtime_user u = { 0 };
        AUTO_FREE char *name = NULL;

        user = user && *user ? user : "0";
        group = group && *group ? group : "0";
        if (resolve_user(&l, user, &u, &name, e) < 0)
                return -1;
        /*
         * A docker image's user "u" comes here as "u" and group "u" (docker2aci's rule), which need not exist:
         * docker means the user's primary group then.
         */
        if (resolve_group(&l, group, &u.gid, e) < 0 &&
            !(name && e->kind == ERR_NOT_FOUND && strcmp(user, group) == 0))
                return -1;
        if (resolve_groups(&l, name, gids, n_gids, &u, e) < 0)
                return -1;
        *ret = u;
        u = (struct runtime_user){ 0 };
        return 0;
}
