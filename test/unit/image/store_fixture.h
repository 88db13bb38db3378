/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a temporary directory, and images made without an archive. */
#pragma once

#include "test.h"

#include "image/store.h"
#include "image/txn.h"
#include "image/view.h"
#include "util/mem.h"

struct fixture {
        struct test_dir dir;
        struct image_store *store;
};

static inline void fixture_done(struct fixture *f)
{
        f->store = image_store_free(f->store);
        test_dir_done(&f->dir);
}

#define AUTO_FIXTURE AUTO(fixture_done)

static inline void fixture_init(struct fixture *f)
{
        struct err e;

        f->dir.fd = -1;
        f->store = NULL;
        test_dir_init(&f->dir);
        assert_ok(image_store_open(&f->store, f->dir.fd, &e), &e);
}

/* "sha512-" + 64 times @c */
static inline const char *id_of(char c)
{
        static char ids[8][IMAGE_ID_LEN + 1];
        static unsigned next;
        char *id = ids[next++ % 8];

        memcpy(id, "sha512-", 7);
        memset(id + 7, c, 64);
        id[IMAGE_ID_LEN] = '\0';
        return id;
}

/* "sha256:" + 64 times @c */
static inline const char *digest_of_char(char c)
{
        static char digests[8][72];
        static unsigned next;
        char *d = digests[next++ % 8];

        memcpy(d, "sha256:", 7);
        memset(d + 7, c, 64);
        d[71] = '\0';
        return d;
}

static inline int fill_one(int fs, char *p, char c)
{
        size_t n = strlen(p);
        char *at = strchr(p, '@');

        if (n == 0)
                return 0;
        if (at) {
                *at = '\0';
                return symlinkat(at + 1, fs, p) < 0 ? -errno : 0;
        }
        if (p[n - 1] == '/') {
                p[n - 1] = '\0';
                return fs_mkdirs(fs, p, 0755);
        }
        if (p[n - 1] == '~') {
                p[n - 1] = '\0';
                return mknodat(fs, p, S_IFCHR, 0) < 0 ? -errno : 0;
        }
        return fs_write_file(fs, p, &c, 1, 0644);
}

/* Space-separated paths: "d/" a directory, "f" a file that holds @c, "f~" a whiteout, "l@t" a symlink to t. */
static inline int fill_layer(int fs, const char *paths, char c)
{
        AUTO_FREE char *copy = xstrdup(paths);
        char *rest = copy, *p;
        int r = 0;

        while (r == 0 && (p = strsep(&rest, " ")))
                r = fill_one(fs, p, c);
        return r;
}

/* A layer with digest sha256:@c..., as find or finish names it. */
static inline int try_add_layer(struct image_txn *t, char c, const char *paths,
                                char ret[static IMAGE_LAYER_NAME_MAX], struct err *e)
{
        const char *digest = digest_of_char(c);
        AUTO_CLOSE int fs = -1;
        unsigned token;
        bool found;
        int r;

        if (image_txn_find_layer(t, digest, &found, ret, e) < 0)
                return -1;
        if (found)
                return 0;
        if (image_txn_stage_layer(t, &fs, &token, e) < 0)
                return -1;
        r = fill_layer(fs, paths, c);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "fill a layer");
        return image_txn_finish_layer(t, token, digest, 100, ret, e);
}

static inline void txn_add_layer(struct image_txn *t, char c, const char *paths,
                                 char ret[static IMAGE_LAYER_NAME_MAX])
{
        struct err e;

        assert_ok(try_add_layer(t, c, paths, ret, &e), &e);
}

struct test_image {
        char id;             /* of id_of */
        const char *name;    /* default "example.com/<id>" */
        const char *version; /* NULL: none */
        const char *layers;  /* digests' letters, top first; default: the id's */
        const char *paths;   /* what new layers hold; default "f" */
        const char *more;    /* more members of the manifest: ",\"dependencies\":[...]" */
        const char *labels;  /* more labels: ",{\"name\":\"a\",\"value\":\"b\"}" */
        const char *manifest_digest;
};

static inline char *image_manifest_text(const struct test_image *i, const char *name)
{
        return xasprintf("{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"%s\","
                         "\"labels\":[{\"name\":\"os\",\"value\":\"linux\"}%s]%s}",
                         name, i->labels ? i->labels : "", i->more ? i->more : "");
}

static inline int try_add_image(struct image_store *store, const struct test_image *i,
                                struct err *e)
{
        AUTO(image_txn_freep) struct image_txn *t = NULL;
        AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;
        AUTO_FREE char *manifest = NULL;
        const char own[2] = { i->id, '\0' };

        if (image_txn_begin(&t, store, 0, e) < 0)
                return -1;
        r.id = xstrdup(id_of(i->id));
        r.format = APPC_FORMAT_APPC;
        r.format_version = xstrdup("0.8.11");
        r.name = i->name ? xstrdup(i->name) : xasprintf("example.com/%c", i->id);
        r.version = xstrdup_null(i->version);
        if (i->manifest_digest) {
                r.manifest_digest = xstrdup(i->manifest_digest);
                if (image_txn_add_blob(t, i->manifest_digest, "blob", 4, e) < 0)
                        return -1;
        }
        for (const char *c = i->layers ? i->layers : own; *c; c++) {
                char name[IMAGE_LAYER_NAME_MAX];

                if (try_add_layer(t, *c, i->paths ? i->paths : "f", name, e) < 0)
                        return -1;
                strv_add(&r.layers, name);
        }
        manifest = image_manifest_text(i, r.name);
        return image_txn_commit(t, &r, manifest, strlen(manifest), e);
}

#define add_image(f, ...)                                                                          \
        do {                                                                                       \
                struct err e_;                                                                     \
                assert_ok(try_add_image((f)->store, &(struct test_image){ __VA_ARGS__ }, &e_),     \
                          &e_);                                                                    \
        } while (0)

static int count_one(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        (void)dirfd;
        (void)d_type;
        *(size_t *)arg += strcmp(name, "by-digest") != 0;
        return 0;
}

/* Entries of a directory of the store, by-digest apart. */
static inline size_t count_in(int dirfd)
{
        size_t n = 0;

        assert_int_equal(fs_each(dirfd, count_one, &n), 0);
        return n;
}
