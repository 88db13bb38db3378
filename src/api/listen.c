/* SPDX-License-Identifier: Apache-2.0 */
#include "api/listen.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "grpc/address.h"
#include "util/auto.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/parse.h"

#define PLAINTEXT_REMEDY                                                                           \
        "other hosts could reach it, and without TLS anybody between could read and change what "  \
        "is said: give --tls-cert and --tls-key, listen at localhost or a unix socket, or give "   \
        "--insecure-listen if you trust the network"

/* The comma that begins the options of a unix address; NULL: there is none. */
static const char *find_options(const char *text)
{
        const char *mode = strstr(text, ",mode="), *group = strstr(text, ",group=");

        if (mode && group)
                return mode < group ? mode : group;
        return mode ? mode : group;
}

static int take_option(const char *word, size_t len, struct listen_spec *s, struct err *e)
{
        AUTO_FREE char *option = xstrndup(word, len);
        unsigned mode;

        if (strncmp(option, "mode=", 5) == 0) {
                /* Connecting takes the right to write; 0 would shut everybody out, and mean the default. */
                if (parse_octal(option + 5, 0777, &mode) < 0 || mode == 0)
                        return err_set(e, ERR_USAGE, 0, "\"%s\": not a mode from 1 to 777",
                                       option + 5);
                s->mode = mode;
                return 0;
        }
        if (strncmp(option, "group=", 6) == 0) {
                if (option[6] == '\0')
                        return err_set(e, ERR_USAGE, 0, "\"group=\" names no group");
                free(s->group);
                s->group = xstrdup(option + 6);
                return 0;
        }
        return err_set(e, ERR_USAGE, 0, "\"%s\": only mode= and group= can follow the path",
                       option);
}

int listen_spec_parse(const char *text, struct listen_spec *ret, struct err *e)
{
        AUTO(listen_spec_done) struct listen_spec s = LISTEN_SPEC_NULL;
        const char *options = strncmp(text, "unix:", 5) == 0 ? find_options(text) : NULL;
        struct grpc_address address;

        s.address = options ? xstrndup(text, (size_t)(options - text)) : xstrdup(text);
        if (grpc_address_parse(s.address, &address, e) < 0)
                return -1;
        while (options) {
                size_t len = strcspn(options + 1, ",");

                if (take_option(options + 1, len, &s, e) < 0)
                        return -1;
                options = options[1 + len] ? options + 1 + len : NULL;
        }
        *ret = s;
        s = LISTEN_SPEC_NULL;
        return 0;
}

void listen_spec_done(struct listen_spec *s)
{
        free(s->address);
        free(s->group);
}

int listen_find_group(const char *name, gid_t *ret, struct err *e)
{
        const struct group *group = getgrnam(name);
        uint64_t gid;

        if (group) {
                *ret = group->gr_gid;
                return 0;
        }
        if (parse_u64(name, 0, (gid_t)-2, &gid) < 0)
                return err_set(e, ERR_NOT_FOUND, 0, "there is no group \"%s\"", name);
        *ret = (gid_t)gid;
        return 0;
}

/* Port 0 was chosen by the kernel: say which it is. */
static void announce(const struct grpc_server *server, const char *address)
{
        size_t len = strlen(address);

        if (len >= 2 && strcmp(address + len - 2, ":0") == 0)
                log_info("Listening on %.*s:%u", (int)(len - 2), address, grpc_server_port(server));
        else
                log_info("Listening on %s", address);
}

static int listen_at(struct grpc_server *server, const struct listen_config *config,
                     const char *text, struct err *e)
{
        AUTO(listen_spec_done) struct listen_spec spec = LISTEN_SPEC_NULL;
        struct grpc_listen_options options = { .unix_gid_set = config->unix_gid_set,
                                               .unix_gid = config->unix_gid,
                                               .unix_keep = true };

        if (listen_spec_parse(text, &spec, e) < 0)
                return -1;
        options.unix_mode = spec.mode;
        if (spec.group) {
                options.unix_gid_set = true;
                if (listen_find_group(spec.group, &options.unix_gid, e) < 0)
                        return -1;
        }
        if (strncmp(spec.address, "unix:", 5) != 0) {
                options.tls = config->tls;
                options.local_only = !config->tls && !config->insecure;
        }
        if (grpc_server_listen(server, spec.address, &options, e) < 0)
                return -1;
        announce(server, spec.address);
        return 0;
}

static const struct sockaddr *local_address(int fd, struct sockaddr_storage *storage,
                                            socklen_t *len)
{
        struct sockaddr *addr = (struct sockaddr *)storage;

        *len = sizeof(*storage);
        if (getsockname(fd, addr, len) < 0)
                addr->sa_family = AF_UNSPEC;
        return addr;
}

static void describe(int fd, char *ret, size_t size)
{
        struct sockaddr_storage storage;
        socklen_t len;
        const struct sockaddr *addr = local_address(fd, &storage, &len);
        char host[NI_MAXHOST], port[NI_MAXSERV];

        if (addr->sa_family == AF_UNIX) {
                const struct sockaddr_un *un = (const struct sockaddr_un *)&storage;
                size_t n = len - offsetof(struct sockaddr_un, sun_path);

                if (n > 0 && un->sun_path[0] == '\0')
                        (void)snprintf(ret, size, "unix-abstract:%.*s", (int)n - 1,
                                       un->sun_path + 1);
                else
                        (void)snprintf(ret, size, "unix:%.*s", (int)n, un->sun_path);
        } else if (getnameinfo(addr, len, host, sizeof(host), port, sizeof(port),
                               NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
                (void)snprintf(ret, size, addr->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
                               port);
        } else {
                (void)snprintf(ret, size, "descriptor %d", fd);
        }
}

static bool is_connected(int fd)
{
        struct sockaddr_storage peer;
        socklen_t len = sizeof(peer);

        return getpeername(fd, (struct sockaddr *)&peer, &len) == 0;
}

static int listen_activated(struct grpc_server *server, const struct listen_config *config, int fd,
                            const char *name, struct err *e)
{
        bool connected = is_connected(fd);
        int r;
        struct grpc_listen_options options = { 0 };
        struct sockaddr_storage storage;
        socklen_t len;
        char address[NI_MAXHOST + NI_MAXSERV];

        describe(fd, address, sizeof(address));
        if (local_address(fd, &storage, &len)->sa_family != AF_UNIX) {
                options.tls = config->tls;
                options.local_only = !config->tls && !config->insecure;
        }
        r = connected ? grpc_server_adopt_fd_consume(server, fd, &options, e)
                      : grpc_server_listen_fd_consume(server, fd, &options, e);
        if (r < 0)
                return err_wrap(e, "cannot serve the activated socket \"%s\" (%s)", name, address);
        log_info("%s %s (socket \"%s\")", connected ? "Serving a client of" : "Listening on",
                 address, name);
        return 0;
}

static int with_remedy(int r, struct err *e)
{
        AUTO_FREE char *text = NULL;

        if (r == 0 || e->kind != ERR_STATE)
                return r;
        text = xstrdup(e->text);
        return err_set(e, ERR_STATE, 0, "%s: " PLAINTEXT_REMEDY, text);
}

int listen_open_all(struct grpc_server *server, const struct listen_config *config, struct err *e)
{
        const struct activation *activated = config->activated;
        char *const fallback[] = { (char[]){ API_LISTEN_DEFAULT } };
        char *const *listen = config->listen->n > 0 ? config->listen->v : fallback;
        size_t n = config->listen->n > 0 ? config->listen->n : 1;

        for (unsigned i = 0; i < activated->n; i++)
                if (with_remedy(listen_activated(server, config, ACTIVATION_FIRST_FD + (int)i,
                                                 activated->names.v[i], e),
                                e) < 0)
                        return -1;
        if (activated->n > 0)
                return 0;
        for (size_t i = 0; i < n; i++)
                if (with_remedy(listen_at(server, config, listen[i], e), e) < 0)
                        return err_wrap(e, "cannot listen on %s", listen[i]);
        return 0;
}
