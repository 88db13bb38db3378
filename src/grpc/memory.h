/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds how much. One grpc_memory for all that a server keeps for requests and replies in flight,
 * one grpc_account for each client within it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct grpc_memory {
        size_t used;
        size_t max;
};

struct grpc_account {
        struct grpc_memory *memory; /* borrowed */
        size_t charged;             /* of memory->used */
};

/*
 * *held bytes in this client's hands become @now. False, nothing changed: more than before, and over
 * the memory's limit or the part of it one client may have.
 */
bool grpc_account_set(struct grpc_account *a, size_t *held, size_t now);
