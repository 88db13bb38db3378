/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/journal.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/auto.h"

int logs_journal_connect(const char *path, int *ret_fd, struct err *e)
{
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un to = { .sun_family = AF_UNIX };

        if (fd < 0)
                return err_set(e, ERR_INTERNAL, errno, "make a socket");
        if (snprintf(to.sun_path, sizeof(to.sun_path), "%s", path) >= (int)sizeof(to.sun_path))
                return err_set(e, ERR_INTERNAL, ENAMETOOLONG, "%s", path);
        if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
                return err_set(e, ERR_UNAVAILABLE, errno, "nobody listens at %s", path);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* A value with a newline has its length before it. */
static int add_field(struct buf *out, const char *name, const char *value)
{
        uint64_t len = htole64(strlen(value));

        if (!strchr(value, '\n'))
                return buf_printf(out, "%s=%s\n", name, value);
        if (buf_printf(out, "%s\n", name) < 0 || buf_append(out, &len, sizeof(len)) < 0 ||
            buf_printf(out, "%s\n", value) < 0)
                return -ENOBUFS;
        return 0;
}

int logs_journal_fields(const char *uuid, const char *pod, const char *app, struct buf *out)
{
        /* CONTAINER_*: what other engines call the same, and collectors of logs look for. */
        if (add_field(out, "SYSLOG_IDENTIFIER", app) < 0 || add_field(out, "CAROB_APP", app) < 0 ||
            add_field(out, "CAROB_POD_UUID", uuid) < 0 ||
            (pod && add_field(out, "CAROB_POD_NAME", pod) < 0) ||
            add_field(out, "CONTAINER_NAME", app) < 0 || add_field(out, "CONTAINER_ID", uuid) < 0)
                return -ENOBUFS;
        return 0;
}

static enum logs_journal_result result_of(int error)
{
        switch (error) {
        case EAGAIN:
        case ENOBUFS:
        case ENOMEM:
                return LOGS_JOURNAL_FULL;
        case ECONNREFUSED:
        case ECONNRESET:
        case ENOTCONN:
        case EPIPE:
                return LOGS_JOURNAL_GONE;
        default:
                return LOGS_JOURNAL_LOST;
        }
}

enum logs_journal_result logs_journal_send(int fd, const struct logs_journal_entry *entry)
{
        char head[256], when[TIME_TEXT_MAX];
        uint64_t len = htole64(entry->len);
        struct iovec iov[5];
        struct msghdr msg = { .msg_iov = iov, .msg_iovlen = ARRAY_LEN(iov) };
        int n;

        time_format_rfc3339(entry->time, when);
        n = snprintf(head, sizeof(head),
                     "PRIORITY=%d\nCAROB_STREAM=%s\nSYSLOG_TIMESTAMP=%s\n%sMESSAGE\n",
                     (int)entry->priority, logs_stream_name(entry->stream), when,
                     entry->partial ? "CONTAINER_PARTIAL_MESSAGE=true\n" : "");
        iov[0] = (struct iovec){ (void *)(uintptr_t)entry->fields, entry->fields_len };
        iov[1] = (struct iovec){ head, (size_t)n };
        iov[2] = (struct iovec){ &len, sizeof(len) };
        iov[3] = (struct iovec){ (void *)(uintptr_t)entry->text, entry->len };
        iov[4] = (struct iovec){ (void *)(uintptr_t) "\n", 1 };
        while (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                if (errno != EINTR)
                        return result_of(errno);
        return LOGS_JOURNAL_SENT;
}
