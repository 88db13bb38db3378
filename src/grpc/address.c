/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util/auto.h"
#include "util/parse.h"

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
