/* SPDX-License-Identifier: Apache-2.0 */
/* The data directory, opened for the operations of this folder. */
#pragma once

#include <stdbool.h>

#include "image/store.h"
#include "pod/store.h"
#include "util/err.h"

struct engine {
        const char *dir; /* borrowed; as the user wrote it */
        int data_fd;     /* owned */
        struct pod_store pods;
        struct image_store *images; /* owned; NULL until engine_images */
        int names_fd;               /* owned; the lock on the names of pods, -1 when not held */
        /* Told of what did not stop an operation; NULL: nobody wants to know. */
        void (*warn)(const char *text);
        bool ledger_failed; /* that was told once */
        bool ledger_locked; /* and will not end: not tried again */
};

#define ENGINE_NULL ((struct engine){ .data_fd = -1, .pods = POD_STORE_NULL, .names_fd = -1 })

/*
 * ENGINE_READ: nothing is made, a missing data directory is an empty one (data_fd stays -1 and no pod exists).
 * ENGINE_WRITE: the data directory (0750) and those of pods are made when missing.
 * Errors: ERR_PERMISSION with a hint who may, ERR_NO_SPACE, ERR_INTERNAL.
 */
enum engine_mode { ENGINE_READ, ENGINE_WRITE };
int engine_open(struct engine *ret, const char *dir, enum engine_mode mode, struct err *e);
void engine_done(struct engine *eng);

/* eng->images, opened on first use. Errors: those of image_store_open. */
int engine_images(struct engine *eng, struct err *e);
