/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An app's root file system from its image's layers: an overlay mount where that is possible, else a copy.
 * A layer is the directory "<name>/fs" beneath the image store's `layers` directory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

/*
 * Can overlay be mounted with upper and work directories beneath @dirfd? Really tries, in a detached mount that
 * nobody sees; leaves nothing behind. About 0.1 ms.
 * Returns 1, 0 (*ret_why, when not NULL, gets a static text), or -errno when @dirfd cannot be written.
 */
int runtime_rootfs_overlay_possible(int dirfd, const char **ret_why);

struct runtime_overlay {
        int layers_fd;       /* `images/layers`, borrowed */
        char *const *layers; /* names, top first; at least one, at most LIMIT_IMAGE_LAYERS */
        size_t n_layers;
        int app_fd; /* `overlay/<app>`, holding `upper` and `work` on one file system; borrowed */
        /*
         * Otherwise the mount is "volatile" (Linux 5.10): an fsync in the app's root returns without writing, and the end of the
         * mount does not wait until everything dirty on the whole host file system is on the disk. A pod never starts again, so
         * what a power failure leaves of its root is of no use to it; volumes are not concerned.
         */
        bool durable;
};

/* Make `upper` (mode 0755, as a root directory is) and `work` beneath @app_fd. -EEXIST is fine. 0 or -errno. */
int runtime_rootfs_overlay_init(int app_fd);

/*
 * Mount the overlay on the directory @target (a path in the caller's mount namespace, which should be its own:
 * the mount lives as long as that). Uses fsopen/fsmount/move_mount, so no option page limits the layers where the kernel has
 * `lowerdir+` (6.5); before, short relative names do, up to 4096 bytes of them (about 450 layers).
 * Changes the working directory for a moment: single-threaded callers only.
 * Errors: ERR_NOT_FOUND a layer is missing (named), ERR_LIMIT too many, ERR_UNSUPPORTED overlay refused these
 * directories (text has the kernel's own words), ERR_INTERNAL.
 */
int runtime_rootfs_overlay_mount(const struct runtime_overlay *o, const char *target,
                                 struct err *e);

/*
 * The copied root: apply @layers (top first, applied bottom up) into the new directory @name beneath @to_dirfd, resolving
 * overlay's whiteouts (character device 0:0, trusted.overlay.opaque) as overlay would show them. @name must not
 * exist; what was made is removed again on failure. Blocking, as long as copying takes.
 * Errors: ERR_EXISTS, ERR_NOT_FOUND a layer is missing, ERR_NO_SPACE, ERR_INTERNAL.
 */
int runtime_rootfs_copy(int layers_fd, char *const *layers, size_t n_layers, int to_dirfd,
                        const char *name, struct err *e);
