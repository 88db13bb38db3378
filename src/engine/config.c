/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"

#define VERSION "v1"

/* Ours, or rkt's: that of the two which is there. Both may be, if they agree. */
static int get_either(struct json_object *o, const char *ours, const char *rkts, const char **ret,
                      struct err *e)
{
        const char *a, *b;

        if (json_get_string_opt(o, ours, &a, e) < 0 || json_get_string_opt(o, rkts, &b, e) < 0)
                return -1;
        if (!a && !b)
                return err_set(e, ERR_BAD_DATA, 0, "%s is missing", ours);
        if (a && b && strcmp(a, b) != 0)
                return err_set(e, ERR_BAD_DATA, 0, "%s is \"%.40s\", and %s \"%.40s\"", ours, a,
                               rkts, b);
        *ret = a ? a : b;
        return 0;
}

int engine_config_parse(const void *data, size_t len, const char *kind, struct json_object **ret,
                        struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;
        const char *is, *version;

        if (json_parse(data, len, LIMIT_CONFIG_FILE_BYTES, &o, e) < 0 ||
            get_either(o, "carobKind", "rktKind", &is, e) < 0 ||
            get_either(o, "carobVersion", "rktVersion", &version, e) < 0)
                return -1;
        if (strcmp(is, kind) != 0)
                return err_set(e, ERR_BAD_DATA, 0,
                               "a file of kind \"%.40s\" among those of kind \"%s\"", is, kind);
        if (strcmp(version, VERSION) != 0)
                return err_set(e, ERR_BAD_DATA, 0, "version \"%.40s\" is not known, only " VERSION,
                               version);
        *ret = TAKE_PTR(o);
        return 0;
}

static bool is_one_of(const char *name, const char *const *names)
{
        for (; *names; names++)
                if (strcmp(name, *names) == 0)
                        return true;
        return false;
}

int engine_config_check_members(struct json_object *o, const char *const *known, struct err *e)
{
        static const char *const always[] = { "carobKind", "carobVersion", "rktKind", "rktVersion",
                                              NULL };

        json_object_object_foreach (o, name, value) {
                (void)value;
                if (!is_one_of(name, always) && !is_one_of(name, known))
                        return err_set(e, ERR_BAD_DATA, 0, "unknown member \"%.60s\"", name);
        }
        return 0;
}

static int collect(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        size_t len = strlen(name);
        struct strv *names = arg;

        (void)dirfd;
        (void)d_type;
        if (name[0] == '.' || len < 6 || strcmp(name + len - 5, ".json") != 0)
                return 0;
        if (names->n >= LIMIT_CONFIG_FILES)
                return -E2BIG;
        strv_add(names, name);
        return 0;
}

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Symlinks are followed, as administrators use them; what is no regular file could keep us for ever. */
static int read_regular(int dirfd, const char *name, struct buf *out)
{
        AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? fs_read_fd(fd, out) : -EINVAL;
}

static int read_one(int dirfd, const char *name, const char *kind, struct json_object **ret,
                    struct err *e)
{
        AUTO(buf_done) struct buf text = BUF_NULL(LIMIT_CONFIG_FILE_BYTES);
        int r = read_regular(dirfd, name, &text);

        if (r == -ENOBUFS)
                return err_set(e, ERR_LIMIT, 0, "larger than %u bytes", LIMIT_CONFIG_FILE_BYTES);
        if (r == -EINVAL)
                return err_set(e, ERR_BAD_DATA, 0, "not a regular file");
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "cannot be read");
        return engine_config_parse(text.data, text.len, kind, ret, e);
}

static int read_dir(const char *dir, unsigned number, const char *kind, engine_config_fn fn,
                    void *arg, struct err *e)
{
        AUTO_FREE char *path = xasprintf("%s/%s.d", dir, kind);
        AUTO(strv_done) struct strv names = STRV_NULL;
        AUTO_CLOSE int fd = fs_open_dir_path(path);
        int r;

        if (fd == -ENOENT)
                return 0;
        r = fd < 0 ? fd : fs_each(fd, collect, &names);
        if (r == -E2BIG)
                return err_set(e, ERR_LIMIT, 0, "%s: more than %u files", path, LIMIT_CONFIG_FILES);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "read configuration %s", path);
        if (names.n > 0)
                qsort(names.v, names.n, sizeof(*names.v), by_name);
        for (size_t i = 0; i < names.n; i++) {
                AUTO_FREE char *full = xasprintf("%s/%s", path, names.v[i]);
                AUTO_JSON struct json_object *o = NULL;
                struct engine_config_file file = { .path = full, .dir = number };

                if (read_one(fd, names.v[i], kind, &o, e) < 0)
                        return err_wrap(e, "%s", full);
                file.o = o;
                if (fn(&file, arg, e) < 0)
                        return err_wrap(e, "%s", full);
        }
        return 0;
}

int engine_config_read(const struct engine_config_dirs *dirs, const char *kind, engine_config_fn fn,
                       void *arg, struct err *e)
{
        const char *const in_order[] = { dirs->system, dirs->local, dirs->user };

        for (unsigned i = 0; i < ARRAY_LEN(in_order); i++)
                if (in_order[i] && *in_order[i] && read_dir(in_order[i], i, kind, fn, arg, e) < 0)
                        return -1;
        return 0;
}
