/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd's journal, by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram for an entry. By hand, since
 * libsystemd would cost every supervisor more memory than all of this. Nothing here waits or allocates, but for
 * logs_journal_fields.
 */
#pragma once

#include "logs/format.h"
#include "util/buf.h"
#include "util/err.h"

#define LOGS_JOURNAL_SOCKET "/run/systemd/journal/socket"

enum {
        /* The longest text of an entry: what journald itself takes as one line of a service's output (LineMax=). */
        LOGS_JOURNAL_TEXT_MAX = 48 * 1024,
};

/* The numbers are syslog's. */
enum logs_journal_priority {
        LOGS_JOURNAL_ERR = 3, /* what was written to stderr */
        LOGS_JOURNAL_WARNING = 4,
        LOGS_JOURNAL_INFO = 6, /* stdout */
};

struct logs_journal_entry {
        const char *fields; /* of logs_journal_fields */
        size_t fields_len;
        enum logs_journal_priority priority;
        enum logs_stream stream;
        nsec time;
        bool partial;     /* more of this line comes in the next entry */
        const char *text; /* any bytes, @len of them, at most LOGS_JOURNAL_TEXT_MAX */
        size_t len;
};

enum logs_journal_result {
        LOGS_JOURNAL_SENT,
        LOGS_JOURNAL_FULL, /* nothing was sent: once more when the descriptor is writable */
        LOGS_JOURNAL_GONE, /* nothing was sent, nobody listens any more: connect anew */
        LOGS_JOURNAL_LOST, /* this entry cannot be sent */
};

/* A non-blocking descriptor for the socket @path. Errors: ERR_UNAVAILABLE when nobody listens there, ERR_INTERNAL. */
int logs_journal_connect(const char *path, int *ret_fd, struct err *e);

/* What all entries of an app have in common, appended to @out. @pod: the pod's name, or NULL. -ENOBUFS. */
int logs_journal_fields(const char *uuid, const char *pod, const char *app, struct buf *out);

enum logs_journal_result logs_journal_send(int fd, const struct logs_journal_entry *entry);
