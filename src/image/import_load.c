/* SPDX-License-Identifier: Apache-2.0 */
/* The import module, loaded when something is imported; see import.h for why it is one. */
#include "image/import.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "util/auto.h"
#include "util/fs.h"

/* As image/import/import_priv.h declares it; that header belongs to the module. */
typedef int (*run_fn)(struct image_store *store, const char *path,
                      const struct image_import_options *o, struct strv *ret_ids, struct err *e);

int image_import_file(struct image_store *store, const char *path,
                      const struct image_import_options *o, struct strv *ret_ids, struct err *e)
{
        static void *module; /* stays loaded: the program ends soon after */
        run_fn run;

        if (!module) {
                AUTO_FREE char *file = fs_find_sibling("carob-import.so", CAROB_LIBDIR);

                module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
        }
        if (!module)
                return err_set(e, ERR_UNSUPPORTED, 0, "load the import module: %.400s", dlerror());
        run = (run_fn)dlsym(module, "image_import_run");
        if (!run)
                return err_set(e, ERR_INTERNAL, 0, "load the import module: %.400s", dlerror());
        return run(store, path, o, ret_ids, e);
}
