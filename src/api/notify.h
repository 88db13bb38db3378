/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service manager is told: the protocol of sd_notify(3), by hand, since libsystemd would be
 * half of the service's private memory. One datagram of VARIABLE=value lines to the socket that
 * NOTIFY_SOCKET names; WATCHDOG_USEC and WATCHDOG_PID ask for a sign of life.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "util/err.h"
#include "util/time.h"

struct notify {
        int fd;        /* owned, connected; -1: nobody wants to be told */
        nsec watchdog; /* a WATCHDOG=1 at least this often; 0: not asked for */
};

#define NOTIFY_NULL ((struct notify){ .fd = -1 })

/* "/path" or "@abstract". Errors: ERR_UNSUPPORTED for other forms (vsock:...), ERR_BAD_DATA. */
int notify_parse_address(const char *text, struct sockaddr_un *ret, socklen_t *ret_len,
                         struct err *e);
/* 0 when nothing is asked for, or of another process. ERR_BAD_DATA. */
int notify_parse_watchdog(const char *watchdog_usec, const char *watchdog_pid, pid_t self,
                          nsec *ret, struct err *e);

/*
 * From our environment, which loses the variables. The socket is connected at once: later there is no
 * right to make one (api/confine.h). Errors: those above, ERR_INTERNAL; nothing is open then.
 */
int notify_open(struct notify *ret, struct err *e);
void notify_done(struct notify *n);

/* Never blocks. What does not get through is lost: a manager that is gone or stuck stops nobody. */
void notify_send(const struct notify *n, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));

/* The states that carob-api has. @text: STATUS= for people. */
void notify_ready(const struct notify *n, const char *text);
void notify_reloading(const struct notify *n); /* with the time that Type=notify-reload wants */
void notify_stopping(const struct notify *n);
