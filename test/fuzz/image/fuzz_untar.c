/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tar entries as we handle them: into a directory that is emptied after each input, with small
 * limits.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "image/untar.h"
#include "util/auto.h"
#include "util/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct feed {
        const uint8_t *data;
        size_t left;
};

static int feed_next(void *ctx, const void **ret, size_t *ret_len, struct err *e)
{
        struct feed *f = ctx;

        (void)e;
        *ret = f->data;
        *ret_len = f->left;
        f->left = 0;
        return 0;
}

static char top[] = "/tmp/carob-fuzz-XXXXXX";

static void remove_top(void)
{
        (void)fs_remove_tree(AT_FDCWD, top);
}

static int found_something(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        (void)dirfd;
        (void)name;
        (void)d_type;
        (void)arg;
        return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct untar_limits small = {
                .entries = 64,
                .unpacked_bytes = 1024 * 1024,
                .depth = 16,
                .xattr_bytes = 4096,
        };
        static int top_fd = -1;
        struct untar_options o = { .name = "fuzz", .limits = small };
        AUTO(buf_done) struct buf manifest = BUF_NULL(4096);
        AUTO_CLOSE int fs = -1;
        struct feed feed;
        struct untar_input in = { feed_next, &feed };
        struct untar_result r;
        struct err e;

        if (size < 1)
                return 0;
        if (top_fd < 0) {
                if (!mkdtemp(top) || atexit(remove_top) != 0)
                        abort();
                top_fd = fs_open_dir_path(top);
        }
        if (mkdirat(top_fd, "fs", 0700) < 0)
                abort();
        fs = fs_open_dir(top_fd, "fs");
        /* The first byte chooses, so that seeds are tars with one byte before them. */
        o.mode = data[0] & 1 ? UNTAR_ACI : UNTAR_LAYER;
        o.require_end = data[0] & 2;
        feed = (struct feed){ data + 1, size - 1 };
        (void)untar(&in, fs, &o, &manifest, &r, &e);
        /* Whatever came in, nothing may stand beside "fs". */
        if (fs_remove_tree(top_fd, "fs") < 0)
                abort();
        if (fs_each(top_fd, found_something, NULL) != 0)
                abort();
        return 0;
}
