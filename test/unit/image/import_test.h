/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a fresh directory, and imports into it. */
#pragma once

#include <dirent.h>

#include "layout_maker.h"

#include "image/import/import_priv.h"
#include "image/view.h"

struct import_test {
        struct test_dir dir;
        struct image_store *store;
        struct layout l;
        struct strv ids;
        struct err e;
        int skipped; /* layers that were there */
};

static inline void import_test_init(struct import_test *t)
{
        memset(t, 0, sizeof(*t));
        test_dir_init(&t->dir);
        assert_ok(image_store_open(&t->store, t->dir.fd, &t->e), &t->e);
}

static inline void import_test_done(struct import_test *t)
{
        strv_done(&t->ids);
        layout_done(&t->l);
        image_store_free(t->store);
        test_dir_done(&t->dir);
}

#define IMPORT_TEST                                                                                \
        AUTO(import_test_done) struct import_test t;                                               \
        (void)state;                                                                               \
        if (geteuid() != 0)                                                                        \
                skip();                                                                            \
        import_test_init(&t)

static inline void import_test_progress(const struct image_import_progress *p, void *arg)
{
        struct import_test *t = arg;

        t->skipped += p->skipped;
}

static inline int import_file(struct import_test *t, const char *name, const char *platform)
{
        const struct image_import_options o = { .platform = platform,
                                                .progress = import_test_progress,
                                                .progress_arg = t };
        AUTO_FREE char *cwd = getcwd(NULL, 0);
        int r;

        /* so that error texts start with the plain name */
        strv_done(&t->ids);
        t->skipped = 0;
        assert_int_equal(fchdir(t->dir.fd), 0);
        r = image_import_run(t->store, name, &o, &t->ids, &t->e);
        assert_int_equal(chdir(cwd), 0);
        return r;
}

/* Write the layout as directory "img" and import that. */
static inline int import_layout(struct import_test *t, const char *platform)
{
        (void)fs_remove_tree(t->dir.fd, "img");
        layout_write_dir(&t->l, t->dir.fd, "img");
        return import_file(t, "img", platform);
}

static inline int import_bytes(struct import_test *t, const char *name, const struct buf *b)
{
        assert_int_equal(fs_write_file(t->dir.fd, name, b->data, b->len, 0644), 0);
        return import_file(t, name, NULL);
}

static inline int count_entries(int dirfd, const char *path)
{
        AUTO_CLOSE int fd = fs_open_dir(dirfd, path);
        AUTO_DIR DIR *d = NULL;
        int n = 0;

        assert_true(fd >= 0);
        d = fdopendir(dup(fd));
        assert_non_null(d);
        for (struct dirent *de; (de = readdir(d));)
                n += de->d_name[0] != '.';
        return n;
}

/* Records, layers (besides by-digest), temporary directories. */
static inline void assert_store(struct import_test *t, int records, int layers)
{
        assert_int_equal(count_entries(t->dir.fd, "images/records"), records);
        assert_int_equal(count_entries(t->dir.fd, "images/layers"), layers + 1);
        assert_int_equal(count_entries(t->dir.fd, "images/tmp"), 0);
}

static inline struct image_view view_of(struct import_test *t, const char *id)
{
        struct image_view v;

        assert_ok(image_view_read(t->dir.fd, id, &v, &t->e), &t->e);
        return v;
}

/* Two layers: the second whites out and adds. */
static inline void sample_layers(struct buf layers[static 2])
{
        layers[0] = BUF_NULL(TAR_MAKER_MAX);
        layers[1] = BUF_NULL(TAR_MAKER_MAX);
        tar_dir(&layers[0], "etc");
        tar_file(&layers[0], "etc/motd", "hello");
        tar_file(&layers[0], "gone", "x");
        tar_end(&layers[0]);
        tar_dir(&layers[1], "etc");
        tar_file(&layers[1], "etc/new", "new");
        tar_file(&layers[1], ".wh.gone", "");
        tar_end(&layers[1]);
}

static inline void layers_done(struct buf layers[2])
{
        buf_done(&layers[0]);
        buf_done(&layers[1]);
}
#define SAMPLE_LAYERS                                                                              \
        struct buf layers[2] __attribute__((__cleanup__(layers_donep)));                           \
        sample_layers(layers)
static inline void layers_donep(struct buf (*layers)[2])
{
        layers_done(*layers);
}
