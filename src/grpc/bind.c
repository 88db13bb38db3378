/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/bind.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/mem.h"

enum {
        BACKLOG = 511,
        PORT_TRIES = 16, /* for a port that is free in both address families */
        SOCKET_MODE = 0660,
};

/* A socket file nobody listens at any more is in the way of a restart. */
static int remove_stale(const struct sockaddr_un *un, const char *text, struct err *e)
{
        AUTO_CLOSE int fd = -1;
        struct stat st;

        if (lstat(un->sun_path, &st) < 0)
                return 0;
        if (!S_ISSOCK(st.st_mode))
                return err_set(e, ERR_EXISTS, 0,
                               "listen at \"%s\": there is a file that is no socket", text);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return err_set(e, ERR_INTERNAL, errno, "socket");
        if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 || errno != ECONNREFUSED)
                return err_set(e, ERR_BUSY, 0, "listen at \"%s\": somebody listens there", text);
        if (unlink(un->sun_path) < 0 && errno != ENOENT)
                return err_set(e, ERR_INTERNAL, errno, "remove the old socket \"%s\"",
                               un->sun_path);
        return 0;
}

static int listen_unix(const struct grpc_address *a, const char *text,
                       const struct grpc_bind_options *o, int *ret_fd, struct err *e)
{
        AUTO_CLOSE int fd = -1;
        mode_t mask;
        int r;

        if (remove_stale(&a->un, text, e) < 0)
                return -1;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return err_set(e, ERR_INTERNAL, errno, "socket");
        mask = umask(~(o->mode ? o->mode : SOCKET_MODE) & 0777);
        r = bind(fd, (const struct sockaddr *)&a->un, sizeof(a->un));
        umask(mask);
        if (r < 0)
                return err_set(e, errno == EADDRINUSE ? ERR_BUSY : ERR_INTERNAL, errno,
                               "listen at \"%s\"", text);
        /* Nobody can connect before listen(2), so nobody of the wrong group ever does. */
        if (o->gid != (gid_t)-1 && lchown(a->un.sun_path, (uid_t)-1, o->gid) < 0) {
                r = err_set(e, ERR_INTERNAL, errno, "give socket \"%s\" to group %u",
                            a->un.sun_path, o->gid);
                (void)unlink(a->un.sun_path);
                return r;
        }
        if (listen(fd, BACKLOG) < 0)
                return err_set(e, ERR_INTERNAL, errno, "listen at \"%s\"", text);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static unsigned get_port(const struct grpc_sockaddr *a)
{
        return a->addr.ss_family == AF_INET6
                       ? ntohs(((const struct sockaddr_in6 *)&a->addr)->sin6_port)
                       : ntohs(((const struct sockaddr_in *)&a->addr)->sin_port);
}

static void put_port(struct grpc_sockaddr *a, unsigned port)
{
        if (a->addr.ss_family == AF_INET6)
                ((struct sockaddr_in6 *)&a->addr)->sin6_port = htons((uint16_t)port);
        else
                ((struct sockaddr_in *)&a->addr)->sin_port = htons((uint16_t)port);
}

/* fd, or -errno. */
static int listen_tcp(const struct grpc_sockaddr *a)
{
        AUTO_CLOSE int fd = -1;
        int on = 1;

        fd = socket(a->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
                return -errno;
        if (a->addr.ss_family == AF_INET6 &&
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
                return -errno;
        if (bind(fd, (const struct sockaddr *)&a->addr, a->len) < 0 || listen(fd, BACKLOG) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static bool absent_here(int error)
{
        return error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == EPROTONOSUPPORT;
}

/* All of @addrs that this host has, at one port. 0, or the -errno of the one that failed. */
static int listen_all(struct grpc_sockaddr *addrs, size_t n_addrs, struct grpc_bound *ret)
{
        unsigned port = get_port(&addrs[0]);
        size_t n = 0;
        int r = -EADDRNOTAVAIL;

        for (size_t i = 0; i < n_addrs; i++) {
                struct grpc_sockaddr bound = { .len = sizeof(bound.addr) };

                put_port(&addrs[i], port);
                r = listen_tcp(&addrs[i]);
                if (r < 0 && absent_here(-r))
                        continue;
                if (r < 0)
                        break;
                ret->fds[n++] = r;
                if (port == 0 && getsockname(r, (struct sockaddr *)&bound.addr, &bound.len) == 0)
                        port = get_port(&bound);
        }
        if (n > 0 && (r >= 0 || absent_here(-r))) {
                ret->n = n;
                ret->port = port;
                return 0;
        }
        while (n > 0)
                (void)close(ret->fds[--n]);
        return r;
}

int grpc_bind(const char *text, const struct grpc_bind_options *o, struct grpc_bound *ret,
              struct err *e)
{
        struct grpc_sockaddr addrs[GRPC_SOCKADDRS_MAX];
        struct grpc_bound bound = { 0 };
        struct grpc_address a;
        size_t n;
        int r;

        if (grpc_address_parse(text, &a, e) < 0)
                return -1;
        if (a.is_unix) {
                if (listen_unix(&a, text, o, &bound.fds[0], e) < 0)
                        return -1;
                bound.n = 1;
                bound.unix_path = xstrdup(a.un.sun_path);
                *ret = bound;
                return 0;
        }
        if (grpc_address_resolve(&a, true, addrs, &n, e) < 0)
                return -1;
        for (size_t i = 0; i < n && o->local_only; i++)
                if (!grpc_sockaddr_is_local(&addrs[i]))
                        return err_set(e, ERR_STATE, 0, "other hosts can reach \"%s\"", text);
        r = listen_all(addrs, n, &bound);
        for (int i = 0; i < PORT_TRIES && r == -EADDRINUSE && strcmp(a.port, "0") == 0; i++) {
                put_port(&addrs[0], 0);
                r = listen_all(addrs, n, &bound);
        }
        if (r < 0)
                return err_set(e, r == -EADDRINUSE ? ERR_BUSY : ERR_INTERNAL, -r,
                               "listen at \"%s\"", text);
        *ret = bound;
        return 0;
}
