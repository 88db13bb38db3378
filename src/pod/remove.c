/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/fs.h"
#include "util/test_hook.h"

/* Two are enough: nobody writes there any more. Not for ever, all the same. */
enum { PASSES_MAX = 16 };

struct sweep {
        bool found;              /* something besides the manifest was there */
        char last[NAME_MAX + 1]; /* what could not be removed */
};

static int remove_entry(int dirfd, const char *name, unsigned char type, void *arg)
{
        struct sweep *sweep = arg;
        int r;

        (void)type;
        if (strcmp(name, "pod") == 0)
                return 0;
        sweep->found = true;
        r = fs_remove_tree(dirfd, name);
        if (r < 0)
                (void)snprintf(sweep->last, sizeof(sweep->last), "%s", name);
        test_hook("remove-entry");
        return r;
}

static int failed(const struct pod *p, const char *name, int r, struct err *e)
{
        if (r == -EBUSY)
                return err_set(e, ERR_BUSY, 0,
                               "remove pod %s: something is still mounted beneath \"%s\"",
                               p->uuid.text, name);
        return err_set(e, ERR_INTERNAL, -r, "remove pod %s: \"%s\"", p->uuid.text, name);
}

/*
 * 1 when the directory is gone, 0 when there was something to remove: entries may be skipped
 * while a reader removes.
 */
static int sweep_once(struct pod_store *s, struct pod *p, struct err *e)
{
        struct sweep sweep = { 0 };
        int r = fs_each(p->fd, remove_entry, &sweep);

        if (r < 0)
                return failed(p, sweep.last, r, e);
        if (sweep.found)
                return 0;
        r = fs_remove_tree(p->fd, "pod");
        if (r < 0)
                return failed(p, "pod", r, e);
        test_hook("remove-manifest");
        if (unlinkat(s->dir_fd[p->dir], p->uuid.text, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 1;
        if (errno == ENOTEMPTY || errno == EEXIST)
                return 0;
        return failed(p, "", -errno, e);
}

int pod_remove(struct pod_store *s, struct pod *p, struct err *e)
{
        int r = 0;

        if (p->dir != POD_DIR_EXITED_GARBAGE && p->dir != POD_DIR_GARBAGE)
                return err_set(e, ERR_STATE, 0, "pod %s lies in %s, not in the garbage",
                               p->uuid.text, pod_dir_name(p->dir));
        (void)unlinkat(p->fd, "pod-created",
                       0); /* if it cannot be removed, the sweep will say so */
        test_hook("remove-created");
        for (int pass = 0; pass < PASSES_MAX && r == 0; pass++)
                r = sweep_once(s, p, e);
        if (r == 0)
                return err_set(e, ERR_BUSY, 0, "remove pod %s: somebody keeps writing there",
                               p->uuid.text);
        return r < 0 ? -1 : 0;
}
