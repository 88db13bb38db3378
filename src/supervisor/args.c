/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/args.h"

#include <limits.h>
#include <string.h>

#include "util/auto.h"
#include "util/parse.h"
#include "util/uuid.h"

enum kind { TEXT, FD, MILLISECONDS, FLAG };

struct arg {
        const char *name;
        enum kind kind;
        void *to;
};

static int set(const struct arg *arg, const char *value, struct err *e)
{
        int64_t n = 0;

        if ((arg->kind == FLAG) != (value == NULL))
                return err_set(e, ERR_USAGE, 0, "--%s: %s", arg->name,
                               value ? "takes no value" : "needs a value");
        if ((arg->kind == FD || arg->kind == MILLISECONDS) && parse_i64(value, 0, INT_MAX, &n) < 0)
                return err_set(e, ERR_USAGE, 0, "--%s: bad number \"%s\"", arg->name, value);
        if (arg->kind == TEXT)
                *(const char **)arg->to = value;
        else if (arg->kind == FD)
                *(int *)arg->to = (int)n;
        else if (arg->kind == MILLISECONDS)
                *(nsec *)arg->to = n * NSEC_PER_MSEC;
        else
                *(bool *)arg->to = true;
        return 0;
}

int sup_args_parse(int argc, char *argv[], struct sup_args *ret, struct err *e)
{
        struct sup_args a = { .lock_fd = -1, .detached_fd = -1, .grace = 10 * NSEC_PER_SEC };
        const struct arg table[] = {
                { "dir", TEXT, &a.dir },
                { "uuid", TEXT, &a.uuid },
                { "lock-fd", FD, &a.lock_fd },
                { "detached-fd", FD, &a.detached_fd },
                { "grace-ms", MILLISECONDS, &a.grace },
                { "interactive", FLAG, &a.interactive },
                { "debug", FLAG, &a.debug },
        };

        for (int i = 1; i < argc; i++) {
                const char *name = argv[i], *value;
                const struct arg *arg = NULL;
                size_t len;

                if (strncmp(name, "--", 2) != 0)
                        return err_set(e, ERR_USAGE, 0, "unexpected argument \"%s\"", name);
                name += 2;
                len = strcspn(name, "=");
                value = name[len] ? name + len + 1 : NULL;
                for (size_t t = 0; t < ARRAY_LEN(table); t++)
                        if (strlen(table[t].name) == len && memcmp(table[t].name, name, len) == 0)
                                arg = &table[t];
                if (!arg)
                        return err_set(e, ERR_USAGE, 0, "unknown option \"%s\"", argv[i]);
                if (set(arg, value, e) < 0)
                        return -1;
        }
        if (!a.dir || a.dir[0] != '/' || !a.uuid || !uuid_is_valid(a.uuid) || a.lock_fd < 0)
                return err_set(e, ERR_USAGE, 0,
                               "started by carob, with --dir, --uuid and --lock-fd; not by hand");
        *ret = a;
        return 0;
}
