/* SPDX-License-Identifier: Apache-2.0 */
/* The copied root, where overlay cannot be: each layer laid over the ones below it. */
#include <errno.h>
#include <stdlib.h>

#include "runtime/rootfs.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/mem.h"

static int apply(int layers_fd, char *const *layers, size_t n, int to, struct err *e)
{
        for (size_t i = n; i-- > 0;) {
                AUTO_FREE char *path = xasprintf("%s/fs", layers[i]);
                int r = fs_overlay_tree(layers_fd, path, to);

                if (r < 0)
                        return err_set(e, r == -ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, -r,
                                       "copy layer %s", layers[i]);
        }
        return 0;
}

int runtime_rootfs_copy(int layers_fd, char *const *layers, size_t n_layers, int to_dirfd,
                        const char *name, struct err *e)
{
        AUTO_CLOSE int to = -1;
        int r = fs_mkdir(to_dirfd, name, 0755);

        if (r < 0)
                return err_set(e, r == -EEXIST ? ERR_EXISTS : ERR_INTERNAL, -r,
                               "make root directory %s", name);
        to = fs_open_dir(to_dirfd, name);
        if (to < 0)
                return err_set(e, ERR_INTERNAL, -to, "open root directory %s", name);
        if (apply(layers_fd, layers, n_layers, to, e) < 0) {
                (void)fs_remove_tree(to_dirfd, name);
                return -1;
        }
        return 0;
}
