/* SPDX-License-Identifier: Apache-2.0 */
#include "api/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/parse.h"

/* Names are separated by colons; sd_listen_fds_with_names(3) gives "unknown" for those not there. */
static int parse_names(const char *text, unsigned n, struct strv *ret, struct err *e)
{
        AUTO(strv_done) struct strv names = STRV_NULL;

        while (text) {
                size_t len = strcspn(text, ":");

                if (names.n == n)
                        return err_set(e, ERR_BAD_DATA, 0,
                                       "LISTEN_FDNAMES has more names than LISTEN_FDS sockets");
                strv_addf(&names, "%.*s", (int)len, text);
                text = text[len] == ':' ? text + len + 1 : NULL;
        }
        while (names.n < n)
                strv_add(&names, "unknown");
        *ret = names;
        names = STRV_NULL;
        return 0;
}

int activation_parse(const char *listen_pid, const char *listen_fds, const char *listen_fdnames,
                     pid_t self, struct activation *ret, struct err *e)
{
        AUTO(activation_done) struct activation a = ACTIVATION_NULL;
        uint64_t pid, n = 0;

        if (!listen_pid || !listen_fds) {
                *ret = a;
                return 0;
        }
        if (parse_u64(listen_pid, 1, INT_MAX, &pid) < 0)
                return err_set(e, ERR_BAD_DATA, 0, "LISTEN_PID=%.40s: no process id", listen_pid);
        if (pid == (uint64_t)self && parse_u64(listen_fds, 0, ACTIVATION_MAX, &n) < 0)
                return err_set(e, ERR_BAD_DATA, 0, "LISTEN_FDS=%.40s: not a number up to %d",
                               listen_fds, ACTIVATION_MAX);
        if (n > 0 && parse_names(listen_fdnames, (unsigned)n, &a.names, e) < 0)
                return -1;
        a.n = (unsigned)n;
        *ret = a;
        a = ACTIVATION_NULL;
        return 0;
}

int activation_take(struct activation *ret, struct err *e)
{
        static const char *const variables[] = { "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
                                                 "LISTEN_PIDFDID" };
        int r = activation_parse(getenv("LISTEN_PID"), getenv("LISTEN_FDS"),
                                 getenv("LISTEN_FDNAMES"), getpid(), ret, e);

        for (size_t i = 0; i < ARRAY_LEN(variables); i++)
                (void)unsetenv(variables[i]);
        if (r < 0)
                return -1;
        for (unsigned i = 0; i < ret->n; i++)
                if (fcntl(ACTIVATION_FIRST_FD + (int)i, F_SETFD, FD_CLOEXEC) < 0) {
                        activation_done(ret);
                        return err_set(e, ERR_BAD_DATA, errno, "LISTEN_FDS names descriptor %d",
                                       ACTIVATION_FIRST_FD + (int)i);
                }
        return 0;
}

void activation_done(struct activation *a)
{
        strv_done(&a->names);
        a->n = 0;
}
