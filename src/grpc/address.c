/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/auto.h"
#include "util/parse.h"

enum {
        BACKLOG = 511,
        PORT_TRIES = 16, /* for a port that is free in both address families */
};

static int parse_unix(const char *text, const char *path, struct grpc_address *ret, struct err *e)
{
        if (*path != '/')
                return err_set(e, ERR_USAGE, 0, "address \"%s\": the path must be absolute", text);
        if (strlen(path) >= sizeof(ret->un.sun_path))
                return err_set(e, ERR_USAGE, 0,
                               "address \"%s\": a socket's path has at most %zu bytes", text,
                               sizeof(ret->un.sun_path) - 1);
        *ret = (struct grpc_address){ .is_unix = true, .un.sun_family = AF_UNIX };
        memcpy(ret->un.sun_path, path, strlen(path) + 1);
        return 0;
}

int grpc_address_parse(const char *text, struct grpc_address *ret, struct err *e)
{
        struct grpc_address a = { 0 };
        const char *colon = strrchr(text, ':');
        const char *host = text;
        size_t len;
        uint64_t port;

        if (strncmp(text, "unix:", 5) == 0) {
                /* "unix:///path" is the URI form of the same. */
                const char *path = text + 5;

                return parse_unix(text, strncmp(path, "///", 3) == 0 ? path + 2 : path, ret, e);
        }
        if (!colon)
                return err_set(e, ERR_USAGE, 0, "address \"%s\" has no port", text);
        if (parse_u64(colon + 1, 0, 65535, &port) < 0)
                return err_set(e, ERR_USAGE, 0, "address \"%s\": malformed port", text);
        len = (size_t)(colon - text);
        if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
                host++;
                len -= 2;
        } else if (memchr(host, ':', len)) {
                return err_set(e, ERR_USAGE, 0, "address \"%s\": write IPv6 addresses as [%.*s]",
                               text, (int)len, host);
        }
        if (len >= sizeof(a.host))
                return err_set(e, ERR_USAGE, 0, "address \"%s\": the host name is too long", text);
        memcpy(a.host, host, len);
        (void)snprintf(a.port, sizeof(a.port), "%u", (unsigned)port);
        *ret = a;
        return 0;
}

static void set_v4(struct grpc_sockaddr *to, in_addr_t addr, const char *port)
{
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(addr) };
        uint64_t n = 0;

        (void)parse_u64(port, 0, 65535, &n);
        in.sin_port = htons((uint16_t)n);
        memcpy(&to->addr, &in, sizeof(in));
        to->len = sizeof(in);
}

static void set_v6(struct grpc_sockaddr *to, const struct in6_addr *addr, const char *port)
{
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = *addr };
        uint64_t n = 0;

        (void)parse_u64(port, 0, 65535, &n);
        in6.sin6_port = htons((uint16_t)n);
        memcpy(&to->addr, &in6, sizeof(in6));
        to->len = sizeof(in6);
}

static int resolve_name(const struct grpc_address *a, bool passive,
                        struct grpc_sockaddr ret[static GRPC_SOCKADDRS_MAX], size_t *ret_n,
                        struct err *e)
{
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                  .ai_flags = passive ? AI_PASSIVE : 0 };
        struct addrinfo *found = NULL;
        size_t n = 0;
        int r = getaddrinfo(a->host, a->port, &hints, &found);

        if (r != 0)
                return err_set(e, ERR_UNAVAILABLE, 0, "look up host \"%s\": %s", a->host,
                               gai_strerror(r));
        for (struct addrinfo *i = found; i && n < GRPC_SOCKADDRS_MAX; i = i->ai_next) {
                if (i->ai_addrlen > sizeof(ret[n].addr))
                        continue;
                memcpy(&ret[n].addr, i->ai_addr, i->ai_addrlen);
                ret[n++].len = i->ai_addrlen;
        }
        freeaddrinfo(found);
        *ret_n = n;
        return 0;
}

int grpc_address_resolve(const struct grpc_address *a, bool passive,
                         struct grpc_sockaddr ret[static GRPC_SOCKADDRS_MAX], size_t *ret_n,
                         struct err *e)
{
        if (a->is_unix) {
                memcpy(&ret[0].addr, &a->un, sizeof(a->un));
                ret[0].len = sizeof(a->un);
                *ret_n = 1;
                return 0;
        }
        if (strcmp(a->host, "localhost") == 0 || (a->host[0] == '\0' && !passive)) {
                set_v4(&ret[0], INADDR_LOOPBACK, a->port);
                set_v6(&ret[1], &in6addr_loopback, a->port);
                *ret_n = 2;
                return 0;
        }
        if (a->host[0] == '\0') {
                set_v4(&ret[0], INADDR_ANY, a->port);
                set_v6(&ret[1], &in6addr_any, a->port);
                *ret_n = 2;
                return 0;
        }
        return resolve_name(a, passive, ret, ret_n, e);
}

bool grpc_sockaddr_is_local(const struct grpc_sockaddr *a)
{
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a->addr;
        const struct sockaddr_in *in = (const struct sockaddr_in *)&a->addr;

        switch (a->addr.ss_family) {
        case AF_UNIX:
                return true;
        case AF_INET:
                return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        case AF_INET6:
                return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
                       (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) &&
                        in6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
        default:
                return false;
        }
}

int grpc_address_is_local(const char *text, bool *ret, struct err *e)
{
        struct grpc_sockaddr addrs[GRPC_SOCKADDRS_MAX];
        struct grpc_address a;
        bool local = true;
        size_t n;

        if (grpc_address_parse(text, &a, e) < 0 || grpc_address_resolve(&a, true, addrs, &n, e) < 0)
                return -1;
        for (size_t i = 0; i < n; i++)
                local = local && grpc_sockaddr_is_local(&addrs[i]);
        *ret = local;
        return 0;
}

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

static int listen_unix(const struct grpc_address *a, const char *text, int *ret_fd, struct err *e)
{
        AUTO_CLOSE int fd = -1;
        mode_t mask;
        int r;

        if (remove_stale(&a->un, text, e) < 0)
                return -1;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return err_set(e, ERR_INTERNAL, errno, "socket");
        mask = umask(0117); /* the file must not be open to all for even a moment */
        r = bind(fd, (const struct sockaddr *)&a->un, sizeof(a->un));
        umask(mask);
        if (r < 0 || listen(fd, BACKLOG) < 0)
                return err_set(e, errno == EADDRINUSE ? ERR_BUSY : ERR_INTERNAL, errno,
                               "listen at \"%s\"", text);
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
static int listen_all(struct grpc_sockaddr *addrs, size_t n_addrs, int *fds, size_t *ret_n,
                      unsigned *ret_port)
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
                fds[n++] = r;
                if (port == 0 && getsockname(r, (struct sockaddr *)&bound.addr, &bound.len) == 0)
                        port = get_port(&bound);
        }
        if (n > 0 && (r >= 0 || absent_here(-r))) {
                *ret_n = n;
                *ret_port = port;
                return 0;
        }
        while (n > 0)
                (void)close(fds[--n]);
        return r;
}

int grpc_address_listen(const char *text, int ret_fds[static GRPC_SOCKADDRS_MAX], size_t *ret_n,
                        unsigned *ret_port, struct err *e)
{
        struct grpc_sockaddr addrs[GRPC_SOCKADDRS_MAX];
        struct grpc_address a;
        size_t n;
        int r;

        if (grpc_address_parse(text, &a, e) < 0)
                return -1;
        if (a.is_unix) {
                if (listen_unix(&a, text, ret_fds, e) < 0)
                        return -1;
                *ret_n = 1;
                *ret_port = 0;
                return 0;
        }
        if (grpc_address_resolve(&a, true, addrs, &n, e) < 0)
                return -1;
        r = listen_all(addrs, n, ret_fds, ret_n, ret_port);
        for (int i = 0; i < PORT_TRIES && r == -EADDRINUSE && strcmp(a.port, "0") == 0; i++) {
                put_port(&addrs[0], 0);
                r = listen_all(addrs, n, ret_fds, ret_n, ret_port);
        }
        if (r < 0)
                return err_set(e, r == -EADDRINUSE ? ERR_BUSY : ERR_INTERNAL, -r,
                               "listen at \"%s\"", text);
        return 0;
}
