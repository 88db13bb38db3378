/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sweep: under the EXCLUSIVE lock, decide which records go, mark what the others and the pods need,
 * and move the rest into a temporary directory; after the lock, delete that. The moves are on disk
 * (one fsync) before the first deletion, so that no power loss brings back half a layer under its
 * final name.
 */
#include "image/store_gc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/past.h"
#include "image/record.h"
#include "image/store_priv.h"
#include "image/view_priv.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/ledger.h"
#include "util/mem.h"
#include "util/test_hook.h"

struct sweep {
        struct image_store *store;              /* borrowed */
        const struct image_gc_options *options; /* borrowed */
        const char *only;                       /* the one record to remove; NULL: by last use */
        struct image_tmp tmp;
        const char *prefix; /* of names in tmp; "" unless it is shared with others */
        bool ledger_locked; /* by somebody who will not let go: not tried again */
        struct image_in_use used;
        struct strv layers; /* wanted; sorted before it is asked */
        struct strv blobs;  /* hex; likewise */
        struct image_gc_result *result;
};

void image_gc_result_done(struct image_gc_result *r)
{
        strv_done(&r->removed_ids);
        strv_done(&r->problems);
        free(r->ledger_problem);
        *r = (struct image_gc_result){ 0 };
}

static void sweep_done(struct sweep *s)
{
        image_tmp_drop(s->store, &s->tmp);
        strv_done(&s->used.layers);
        strv_done(&s->used.images);
        strv_done(&s->layers);
        strv_done(&s->blobs);
}

static int by_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_sorted(const struct strv *set, const char *s)
{
        return set->n && bsearch(&s, set->v, set->n, sizeof(*set->v), by_text);
}

/*
 * Out of sight by one rename; what it was is the prefix, so that names of different kinds do not
 * meet.
 */
static void put_away(struct sweep *s, int dirfd, char kind, const char *name, bool *ret_done)
{
        AUTO_FREE char *to = xasprintf("%s%c%s", s->prefix, kind, name);

        *ret_done = renameat(dirfd, name, s->tmp.fd, to) == 0;
        if (!*ret_done && errno != ENOENT)
                strv_addf(&s->result->problems, "remove %s: %s", name, strerror(errno));
}

/* A broken record has nothing to say: nobody was told of such an image. */
static void write_last_words(struct sweep *s, const char *id)
{
        AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;
        AUTO(buf_done) struct buf line = BUF_NULL(LEDGER_LINE_MAX);
        struct err e;

        if (s->ledger_locked || image_record_read(s->store->records_fd, id, &r, &e) < 0)
                return;
        /* Borrows from the record. */
        const struct image_past past = { .id = r.id,
                                         .name = r.name,
                                         .version = r.version,
                                         .format = r.format,
                                         .size = r.size,
                                         .imported_at = r.imported_at,
                                         .removed_at = time_now() };

        if (image_past_print(&past, &line) < 0 ||
            ledger_append(s->store->images_fd, IMAGE_LEDGER, buf_str(&line), line.len, &e) == 0)
                return;
        s->ledger_locked = e.kind == ERR_BUSY;
        if (!s->result->ledger_problem)
                s->result->ledger_problem = xasprintf(
                        "images are removed, but not all of their events may be told: %s", e.text);
}

static bool is_fresh(struct sweep *s, const char *id)
{
        AUTO_CLOSE int dir = fs_open_dir(s->store->records_fd, id);
        struct stat st;
        nsec used;

        if (dir < 0 ||
            (fstatat(dir, "last-used", &st, AT_SYMLINK_NOFOLLOW) < 0 && fstat(dir, &st) < 0))
                return false;
        used = fs_mtime(&st);
        /* A time in the future (a clock set back) is fresh too. */
        return used > s->options->now - s->options->grace;
}

static bool record_goes(struct sweep *s, const char *id)
{
        if (s->only)
                return strcmp(id, s->only) == 0;
        return !strv_contains(&s->used.images, id) && !is_fresh(s, id);
}

static void want_blob(struct sweep *s, const char *digest)
{
        if (digest)
                strv_add(&s->blobs, digest + strlen("sha256:"));
}

/*
 * A broken record names no layers; one that only could not be read now stops the sweep, or its
 * layers would go.
 */
static int keep_record(struct sweep *s, const char *id, struct err *e)
{
        AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;

        if (image_record_read(s->store->records_fd, id, &r, e) < 0) {
                if (e->kind != ERR_BAD_DATA && e->kind != ERR_LIMIT)
                        return err_wrap(e, "image %s", id);
                strv_addf(&s->result->problems, "image %s: %s", id, e->text);
                return 0;
        }
        for (size_t i = 0; i < r.layers.n; i++)
                strv_add(&s->layers, r.layers.v[i]);
        want_blob(s, r.manifest_digest);
        want_blob(s, r.config_digest);
        return 0;
}

static int sweep_records(struct sweep *s, struct err *e)
{
        AUTO(strv_done) struct strv ids = STRV_NULL;

        if (image_record_ids(s->store->records_fd, &ids, e) < 0)
                return -1;
        if (s->only && !strv_contains(&ids, s->only))
                return err_set(e, ERR_NOT_FOUND, 0, "image %s is not in the store", s->only);
        for (size_t i = 0; i < ids.n; i++) {
                bool gone = false;

                if (record_goes(s, ids.v[i])) {
                        write_last_words(s, ids.v[i]);
                        test_hook("image-gc:last-words");
                        put_away(s, s->store->records_fd, 'r', ids.v[i], &gone);
                }
                if (gone)
                        strv_add(&s->result->removed_ids, ids.v[i]);
                else if (keep_record(s, ids.v[i], e) < 0)
                        return -1;
        }
        return 0;
}

static int sweep_layer(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        struct sweep *s = arg;
        uint64_t size = 0;
        bool gone;

        (void)d_type;
        if (!image_layer_name_is_valid(name) || has_sorted(&s->layers, name))
                return 0;
        (void)image_layer_size(s->store, name, &size);
        put_away(s, dirfd, 'l', name, &gone);
        if (gone) {
                s->result->n_layers++;
                s->result->bytes += size;
        }
        return 0;
}

/* Links to layers that are not there (any more). */
static int sweep_link(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        (void)d_type;
        (void)arg;
        if (faccessat(dirfd, name, F_OK, 0) < 0 && errno == ENOENT)
                (void)unlinkat(dirfd, name, 0);
        return 0;
}

static int sweep_blob(int dirfd, const char *name, unsigned char d_type, void *arg)
{
        struct sweep *s = arg;
        struct stat st;
        bool gone;

        (void)d_type;
        if (has_sorted(&s->blobs, name))
                return 0;
        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        put_away(s, dirfd, 'b', name, &gone);
        if (gone) {
                s->result->n_blobs++;
                s->result->bytes += (uint64_t)st.st_size;
        }
        return 0;
}

static int sweep_contents(struct sweep *s, struct err *e)
{
        int r;

        for (size_t i = 0; i < s->used.layers.n; i++)
                strv_add(&s->layers, s->used.layers.v[i]);
        strv_sort(&s->layers);
        strv_sort(&s->blobs);
        r = fs_each(s->store->layers_fd, sweep_layer, s);
        test_hook("image-gc:layers");
        if (r == 0)
                r = fs_each(s->store->digests_fd, sweep_link, s);
        if (r == 0)
                r = fs_each(s->store->blobs_fd, sweep_blob, s);
        if (r == 0)
                r = fs_fsync_path(s->tmp.fd, ".");
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "sweep the image store") : 0;
}

/*
 * On a full disk, where removing is wanted most, there may be no room for a directory. Then images/tmp itself takes
 * what goes: nobody holds a lock on it there, so to image_tmp_reap it is what a dead import left.
 */
static int make_tmp(struct sweep *s, struct err *e)
{
        if (image_tmp_make(s->store, &s->tmp, e) == 0)
                return 0;
        if (e->kind != ERR_NO_SPACE)
                return -1;
        image_tmp_reap(s->store);
        if (image_tmp_make(s->store, &s->tmp, e) == 0)
                return 0;
        s->tmp.fd = fs_open_dir(s->store->tmp_fd, ".");
        if (s->tmp.fd < 0)
                return err_set(e, ERR_INTERNAL, -s->tmp.fd, "open images/tmp");
        uuid_generate(&s->tmp.name);
        s->prefix = s->tmp.name.text;
        return 0;
}

static int sweep_locked(struct sweep *s, struct err *e)
{
        AUTO_CLOSE int lock = -1;

        if (image_store_lock(s->store, IMAGE_LOCK_EXCLUSIVE, s->options->lock_wait, &lock, e) < 0)
                return -1;
        if (s->options->in_use && s->options->in_use(s->options->arg, &s->used, e) < 0)
                return err_wrap(e, "find out what pods use");
        if (make_tmp(s, e) < 0)
                return -1;
        test_hook("image-gc:begun");
        if (sweep_records(s, e) < 0)
                return -1;
        test_hook("image-gc:records");
        return sweep_contents(s, e);
}

static int sweep(struct image_store *store, const char *only, const struct image_gc_options *o,
                 struct image_gc_result *ret, struct err *e)
{
        AUTO(image_gc_result_done) struct image_gc_result result = { 0 };
        AUTO(sweep_done)
        struct sweep s = { .store = store,
                           .options = o,
                           .only = only,
                           .tmp = IMAGE_TMP_NULL,
                           .prefix = "",
                           .result = &result };

        if (sweep_locked(&s, e) < 0)
                return -1;
        test_hook("image-gc:swept");
        image_tmp_drop(store, &s.tmp);
        image_tmp_reap(store);
        *ret = result;
        result = (struct image_gc_result){ 0 };
        return 0;
}

int image_store_gc(struct image_store *s, const struct image_gc_options *o,
                   struct image_gc_result *ret, struct err *e)
{
        return sweep(s, NULL, o, ret, e);
}

int image_store_rm(struct image_store *s, const char *id, const struct image_gc_options *o,
                   struct image_gc_result *ret, struct err *e)
{
        if (!image_id_is_valid(id))
                return err_set(e, ERR_USAGE, 0, "not an image id: \"%.100s\"", id);
        return sweep(s, id, o, ret, e);
}
