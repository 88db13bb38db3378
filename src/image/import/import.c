/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is it? A directory is a layout. A file is a tar, maybe packed; its first name tells an ACI,
 * which is read as a stream, from archives of images, whose members are needed in an order of their
 * own. Those are read in place when they are plain, and unpacked to an unlinked file in the store
 * first when they are not.
 */
#include "image/import/import_priv.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/decompress.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"

enum { CHUNK_BYTES = 256 * 1024 };

void import_add_id(struct import *im, const char *id)
{
        if (!strv_contains(im->ids, id))
                strv_add(im->ids, id);
}

void import_progress(struct import *im, const char *what, uint64_t done, uint64_t total,
                     bool skipped)
{
        const struct image_import_progress p = {
                .file = im->file,
                .what = what,
                .done_bytes = done,
                .total_bytes = total,
                .skipped = skipped,
        };

        if (im->o->progress)
                im->o->progress(&p, im->o->progress_arg);
}

void import_warn_skipped(struct import *im, const char *what, const struct untar_result *r)
{
        AUTO_FREE char *text = NULL;

        if (r->skipped == 0 || !im->o->warn)
                return;
        text = xasprintf("%s: %s: %llu entries or attributes cannot be had here; the first: %s",
                         im->file, what, (unsigned long long)r->skipped, r->skipped_first);
        im->o->warn(text, im->o->warn_arg);
}

void import_id_from_sha512(const char *hex, char ret[static IMAGE_ID_LEN + 1])
{
        (void)snprintf(ret, IMAGE_ID_LEN + 1, "sha512-%.64s", hex);
}

/* A file in the store's tmp that has no name: gone with us, whatever happens. */
static int open_scratch(struct import *im, struct err *e)
{
        int fd = openat(im->store->tmp_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        /*
         * Not every filesystem has those. If we die in between, the next import removes the file.
         */
        if (fd < 0 && errno == EOPNOTSUPP) {
                AUTO_FREE char *name = xasprintf("x-%ld", (long)getpid());

                fd = openat(im->store->tmp_fd, name,
                            O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
                if (fd >= 0)
                        (void)unlinkat(im->store->tmp_fd, name, 0);
        }
        if (fd < 0)
                return err_set(e, ERR_INTERNAL, errno, "%s: make a temporary file in images/tmp",
                               im->file);
        return fd;
}

static int write_scratch(struct import *im, int fd, const void *data, size_t n, struct err *e)
{
        int r = fs_write_all(fd, data, n);

        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "%s: unpack to images/tmp", im->file) : 0;
}

/* A pipe or the like: read to its end. */
static int spool(struct import *im, int from, int *ret_fd, uint64_t *ret_size, struct err *e)
{
        AUTO_FREE uint8_t *chunk = xmalloc(CHUNK_BYTES);
        AUTO_CLOSE int fd = open_scratch(im, e);
        uint64_t size = 0;

        if (fd < 0)
                return -1;
        for (;;) {
                ssize_t n = read(from, chunk, CHUNK_BYTES);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_set(e, ERR_INTERNAL, errno, "%s: read", im->file);
                if (n == 0)
                        break;
                size += (uint64_t)n;
                if (size > LIMIT_ARCHIVE_STREAM_BYTES)
                        return err_set(e, ERR_LIMIT, 0, "%s: more than %llu bytes (limit)",
                                       im->file, (unsigned long long)LIMIT_ARCHIVE_STREAM_BYTES);
                if (write_scratch(im, fd, chunk, (size_t)n, e) < 0)
                        return -1;
        }
        *ret_size = size;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* The unpacked bytes of @b as a file of their own. */
static int unpack_archive(struct import *im, const struct blob *b, int *ret_fd, uint64_t *ret_size,
                          struct err *e)
{
        AUTO(decompress_freep) struct decompress *d = NULL;
        AUTO_FREE uint8_t *chunk = xmalloc(CHUNK_BYTES);
        AUTO_CLOSE int fd = open_scratch(im, e);
        uint64_t size = 0;

        if (fd < 0 || decompress_open(&d, b, &(struct decompress_options){ 0 }, e) < 0)
                return -1;
        for (;;) {
                size_t n;

                if (decompress_read(d, chunk, CHUNK_BYTES, &n, e) < 0)
                        return -1;
                if (n == 0)
                        break;
                size += n;
                if (write_scratch(im, fd, chunk, n, e) < 0)
                        return -1;
        }
        *ret_size = size;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* The beginning of the unpacked archive, enough for its first headers. */
struct head {
        uint8_t *data; /* owned; CHUNK_BYTES */
        size_t len;
        bool given;
};

static la_ssize_t head_read(struct archive *a, void *arg, const void **ret)
{
        struct head *h = arg;

        (void)a;
        *ret = h->data;
        if (h->given)
                return 0;
        h->given = true;
        return (la_ssize_t)h->len;
}

static int read_head(const struct blob *b, struct head *h, bool *ret_packed, struct err *e)
{
        AUTO(decompress_freep) struct decompress *d = NULL;
        size_t n = 1;

        if (decompress_open(&d, b, &(struct decompress_options){ 0 }, e) < 0)
                return -1;
        while (h->len < CHUNK_BYTES && n > 0) {
                if (decompress_read(d, h->data + h->len, CHUNK_BYTES - h->len, &n, e) < 0)
                        return -1;
                h->len += n;
        }
        *ret_packed = decompress_packing(d) != PACKING_PLAIN;
        return 0;
}

/* 1: an ACI, 0: another tar, -1: no tar at all. */
static int head_is_aci(struct head *h)
{
        struct archive *a = archive_read_new();
        struct archive_entry *entry;
        int r = -1;

        if (!a)
                return -1;
        (void)archive_read_support_format_tar(a);
        if (archive_read_open(a, h, NULL, head_read, NULL) == ARCHIVE_OK) {
                while (archive_read_next_header(a, &entry) >= ARCHIVE_WARN) {
                        const char *name = archive_entry_pathname(entry);

                        if (!name)
                                break;
                        name += strspn(name, "./");
                        r = strcmp(name, "manifest") == 0 || strcmp(name, "rootfs") == 0 ||
                            strncmp(name, "rootfs/", 7) == 0;
                        if (*name)
                                break;
                }
        }
        (void)archive_read_free(a);
        return r;
}

static int unknown(struct import *im, struct err *e)
{
        return err_set(e, ERR_UNSUPPORTED, 0,
                       "%s: neither an ACI nor an OCI image layout nor a docker archive", im->file);
}

static int run_members(struct import *im, struct members *m, struct err *e)
{
        const struct import_source s = { .members = m };

        /*
         * Docker since 25 writes both; the layout has the manifest that everybody else knows the
         * image by.
         */
        if (members_has(m, "index.json"))
                return import_oci_layout.run(im, &s, e);
        if (members_has(m, "manifest.json") || members_has(m, "repositories"))
                return import_docker_archive.run(im, &s, e);
        return unknown(im, e);
}

static int run_tar(struct import *im, struct blob *b, bool packed, struct err *e)
{
        AUTO(members_freep) struct members *m = NULL;
        AUTO_CLOSE int fd = -1;

        if (packed) {
                if (unpack_archive(im, b, &fd, &b->size, e) < 0)
                        return -1;
                b->fd = fd;
        }
        if (members_of_tar(b, &m, e) < 0)
                return -1;
        return run_members(im, m, e);
}

static int run_file(struct import *im, struct blob *b, struct err *e)
{
        const struct import_source s = { .blob = *b };
        struct head head = { .data = xmalloc(CHUNK_BYTES) };
        bool packed;
        int r = read_head(b, &head, &packed, e);

        if (r == 0)
                r = head_is_aci(&head);
        else
                r = -2;
        free(head.data);
        if (r == -2)
                return -1;
        if (r < 0)
                return unknown(im, e);
        return r > 0 ? import_aci.run(im, &s, e) : run_tar(im, b, packed, e);
}

static int run_fd(struct import *im, int fd, struct err *e)
{
        struct blob b = { .fd = fd, .name = im->file };
        AUTO_CLOSE int scratch = -1;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return err_set(e, ERR_INTERNAL, errno, "%s", im->file);
        if (S_ISDIR(st.st_mode)) {
                AUTO(members_freep) struct members *m = members_of_dir(fd, im->file);

                return run_members(im, m, e);
        }
        /* A terminal would wait, and /dev/zero fill the disk. */
        if (S_ISCHR(st.st_mode))
                return err_set(e, ERR_BAD_DATA, 0,
                               "%s: a character device; an image is a file, a directory or a pipe",
                               im->file);
        b.size = (uint64_t)st.st_size;
        if (!S_ISREG(st.st_mode)) {
                if (spool(im, fd, &scratch, &b.size, e) < 0)
                        return -1;
                b.fd = scratch;
        }
        return run_file(im, &b, e);
}

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash && slash[1] ? slash + 1 : path;
}

int image_import_run(struct image_store *store, const char *path,
                     const struct image_import_options *o, struct strv *ret_ids, struct err *e)
{
        static const struct image_import_options defaults;
        struct import im = {
                .store = store,
                .file = path,
                .base = base_name(path),
                .o = o ? o : &defaults,
                .ids = ret_ids,
        };
        AUTO_CLOSE int fd = -1;

        platform_host(&im.platform);
        if (im.o->platform && platform_parse(im.o->platform, &im.platform, e) < 0)
                return -1;
        fd = openat(AT_FDCWD, path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
                return err_set(e,
                               errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_INTERNAL,
                               errno, "%s", path);
        return run_fd(&im, fd, e);
}
