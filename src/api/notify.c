/* SPDX-License-Identifier: Apache-2.0 */
#include "api/notify.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/parse.h"

int notify_parse_address(const char *text, struct sockaddr_un *ret, socklen_t *ret_len,
                         struct err *e)
{
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        size_t len = strlen(text);

        if ((text[0] != '/' && text[0] != '@') || len < 2)
                return err_set(e, ERR_UNSUPPORTED, 0,
                               "NOTIFY_SOCKET=%.200s: neither a path nor an abstract socket", text);
        /* A path needs its NUL within sun_path; an abstract name is as long as its length says. */
        if (len > sizeof(un.sun_path) - (text[0] == '/'))
                return err_set(e, ERR_BAD_DATA, 0, "NOTIFY_SOCKET=%.200s: too long", text);
        memcpy(un.sun_path, text, len);
        if (text[0] == '@')
                un.sun_path[0] = '\0';
        *ret = un;
        *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (text[0] == '/'));
        return 0;
}

int notify_parse_watchdog(const char *watchdog_usec, const char *watchdog_pid, pid_t self,
                          nsec *ret, struct err *e)
{
        uint64_t usec, pid;

        *ret = 0;
        if (!watchdog_usec)
                return 0;
        if (watchdog_pid && parse_u64(watchdog_pid, 1, INT_MAX, &pid) < 0)
                return err_set(e, ERR_BAD_DATA, 0, "WATCHDOG_PID=%.40s: no process id",
                               watchdog_pid);
        if (watchdog_pid && pid != (uint64_t)self)
                return 0;
        if (parse_u64(watchdog_usec, 1, INT64_MAX / NSEC_PER_USEC, &usec) < 0)
                return err_set(e, ERR_BAD_DATA, 0, "WATCHDOG_USEC=%.40s: no time", watchdog_usec);
        *ret = (nsec)usec * NSEC_PER_USEC;
        return 0;
}

static int connect_to(const char *text, int *ret, struct err *e)
{
        AUTO_CLOSE int fd = -1;
        struct sockaddr_un un;
        socklen_t len;

        if (notify_parse_address(text, &un, &len, e) < 0)
                return -1;
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&un, len) < 0)
                return err_set(e, ERR_INTERNAL, errno, "connect to NOTIFY_SOCKET=%.200s", text);
        *ret = TAKE_FD(fd);
        return 0;
}

int notify_open(struct notify *ret, struct err *e)
{
        static const char *const variables[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID" };
        AUTO(notify_done) struct notify n = NOTIFY_NULL;
        const char *address = getenv("NOTIFY_SOCKET");
        int r = 0;

        if (address && *address)
                r = connect_to(address, &n.fd, e);
        if (r == 0 && n.fd >= 0)
                r = notify_parse_watchdog(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"), getpid(),
                                          &n.watchdog, e);
        for (size_t i = 0; i < ARRAY_LEN(variables); i++)
                (void)unsetenv(variables[i]);
        if (r < 0)
                return -1;
        *ret = n;
        n.fd = -1;
        return 0;
}

void notify_done(struct notify *n)
{
        closep(&n->fd);
}

void notify_send(const struct notify *n, const char *fmt, ...)
{
        char text[512];
        va_list ap;
        int len;

        if (n->fd < 0)
                return;
        va_start(ap, fmt);
        len = vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        if (len > 0 && (size_t)len < sizeof(text))
                (void)!send(n->fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void notify_ready(const struct notify *n, const char *text)
{
        notify_send(n, "READY=1\nSTATUS=%.300s", text);
}

void notify_reloading(const struct notify *n)
{
        notify_send(n, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=Reading the certificates again",
                    (unsigned long long)(time_monotonic() / NSEC_PER_USEC));
}

void notify_stopping(const struct notify *n)
{
        notify_send(n, "STOPPING=1\nSTATUS=Waiting for calls to end");
}
