/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "grpc/server_priv.h"

void grpc_peer_fill(struct grpc_peer *peer, int fd, const struct sockaddr_storage *from)
{
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        struct ucred cred;
        socklen_t len = sizeof(cred);
        char ip[INET6_ADDRSTRLEN] = "?";

        *peer = (struct grpc_peer){ .uid = (uid_t)-1, .gid = (gid_t)-1 };
        switch (from->ss_family) {
        case AF_UNIX:
                peer->is_unix = true;
                (void)snprintf(peer->address, sizeof(peer->address), "unix:");
                if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0) {
                        peer->uid = cred.uid;
                        peer->gid = cred.gid;
                        peer->pid = cred.pid;
                }
                return;
        case AF_INET:
                (void)inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
                (void)snprintf(peer->address, sizeof(peer->address), "%s:%u", ip,
                               ntohs(in->sin_port));
                return;
        case AF_INET6:
                (void)inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
                (void)snprintf(peer->address, sizeof(peer->address), "[%s]:%u", ip,
                               ntohs(in6->sin6_port));
                return;
        default:
                (void)snprintf(peer->address, sizeof(peer->address), "family %u", from->ss_family);
        }
}
