/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's end of the pod's control socket (pod/wire.h). */
#pragma once

#include "pod/wire.h"
#include "supervisor/loop.h"

/* Answer @request by filling @reply (which is zeroed); must not block. */
typedef void (*control_fn)(void *arg, const struct pod_request *request, struct pod_reply *reply);

/* Clients at once. Only root can connect; one more than this is turned away rather than served with new memory. */
enum { CONTROL_CLIENTS_MAX = 8 };

struct control;
struct control_client {
        struct loop_source source;
        struct control *control;
        int fd; /* owned; -1: free */
};

struct control {
        struct loop *loop; /* borrowed */
        struct loop_source source;
        int fd; /* owned; the listening socket */
        struct control_client clients[CONTROL_CLIENTS_MAX];
        control_fn fn;
        void *arg; /* borrowed */
};

/* Bind `control` (0600) beneath @pod_fd, replacing a dead predecessor's. @c must stay where it is. */
int control_open(struct control *c, struct loop *loop, int pod_fd, control_fn fn, void *arg,
                 struct err *e);
void control_init_null(struct control *c); /* so that control_close is safe before control_open */
void control_close(struct control *c);     /* the name stays: it means nothing without a listener */
