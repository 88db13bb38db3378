/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bring images from local files into the store: ACI (plain or packed with gzip, xz, bzip2, zstd),
 * OCI image layout (a directory, or a tar of one) and docker archive (`docker save`). The format is
 * found by content, never by file name.
 *
 * The code behind it lives in a shared module (carob-import.so): its libraries would cost every
 * `carob run` milliseconds of dynamic linking. image_import_file loads the module on first use,
 * from beside the running program or from the installed library directory.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"
#include "util/strv.h"

struct image_store;

/* What an import is doing. Strings are borrowed for the call. */
struct image_import_progress {
        const char *file;     /* what the user named */
        const char *what;     /* "layer sha256:0123456789ab", "image" ... */
        uint64_t done_bytes;  /* of the packed input of this step */
        uint64_t total_bytes; /* 0: unknown */
        bool skipped;         /* the layer is in the store already */
};

/*
 * Called from the importing thread, at most every few megabytes and once at the end of each step.
 */
typedef void (*image_import_progress_fn)(const struct image_import_progress *p, void *arg);

/*
 * Something of the image cannot be had here (a device when not root): one line, borrowed. The
 * import goes on.
 */
typedef void (*image_import_warn_fn)(const char *text, void *arg);

struct image_import_options {
        /*
         * "os/arch[/variant]" in Go's spelling ("linux/arm64"), NULL: this machine's. Decides
         * between the images of a manifest list; an image made for another platform and not in a
         * list is imported as it is.
         */
        const char *platform;
        image_import_progress_fn progress; /* NULL: silent */
        void *progress_arg;
        image_import_warn_fn warn; /* NULL: silent */
        void *warn_arg;
};

/*
 * Import every image in the file or directory @path and append its IDs ("sha512-" + 64 hex) to
 * @ret_ids, in the order of the archive, without repetition. An image that is in the store already
 * counts as imported: nothing is unpacked, and it answers to the name it came with this time as
 * well. Blocks until the images are durable. An import that fails or is killed leaves nothing
 * visible of the image it was working on; images of the same archive that were completed before the
 * failure stay, and are in @ret_ids.
 *
 * Errors: ERR_NOT_FOUND (no such file, or no image for the platform), ERR_BAD_DATA (broken bytes, a
 * wrong digest, an entry that would land outside), ERR_LIMIT (over a limit of util/limits.h),
 * ERR_UNSUPPORTED (unknown format, media type or digest algorithm; the import module is missing),
 * ERR_NO_SPACE, ERR_PERMISSION, ERR_INTERNAL. The text names the file and, where there is one, the
 * entry.
 */
int image_import_file(struct image_store *store, const char *path,
                      const struct image_import_options *o, struct strv *ret_ids, struct err *e);
