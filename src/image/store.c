/* SPDX-License-Identifier: Apache-2.0 */
#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/record.h"
#include "image/store_priv.h"
#include "util/auto.h"
#include "util/flock.h"
#include "util/fs.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/parse.h"

enum { DIR_MODE = 0750, FILE_MODE = 0640 };

struct image_store *image_store_free(struct image_store *s)
{
        if (!s)
                return NULL;
        closep(&s->images_fd);
        closep(&s->layers_fd);
        closep(&s->digests_fd);
        closep(&s->records_fd);
        closep(&s->blobs_fd);
        closep(&s->tmp_fd);
        free(s);
        return NULL;
}

void image_store_give_group(struct image_store *s, int dirfd, const char *path)
{
        struct stat st;

        if (fstat(s->images_fd, &st) < 0 || st.st_gid == getegid())
                return;
        if (fchownat(dirfd, path, (uid_t)-1, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return; /* without that group's readers, then */
}

/* images/ takes the group of the data directory; everything below takes it from images/. */
static int open_images(struct image_store *s, int data_fd, struct err *e)
{
        struct stat st;
        int made = fs_mkdir_if_missing(data_fd, "images", DIR_MODE);

        if (made < 0)
                return err_set(e, ERR_INTERNAL, -made, "make directory images");
        s->images_fd = fs_open_dir(data_fd, "images");
        if (s->images_fd < 0)
                return err_set(e, ERR_INTERNAL, -s->images_fd, "open directory images");
        if (made && fstat(data_fd, &st) == 0 && st.st_gid != getegid() &&
            fchown(s->images_fd, (uid_t)-1, st.st_gid) < 0 && errno != EPERM)
                return err_set(e, ERR_INTERNAL, errno, "give images to the group");
        return 0;
}

static int open_sub(struct image_store *s, const char *path, int *ret, struct err *e)
{
        int r = fs_mkdir_if_missing(s->images_fd, path, DIR_MODE);

        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "make directory images/%s", path);
        if (r > 0)
                image_store_give_group(s, s->images_fd, path);
        *ret = fs_open_dir(s->images_fd, path);
        if (*ret < 0)
                return err_set(e, ERR_INTERNAL, -*ret, "open directory images/%s", path);
        return 0;
}

int image_store_open(struct image_store **ret, int data_fd, struct err *e)
{
        AUTO(image_store_freep) struct image_store *s = xcalloc(1, sizeof(*s));
        AUTO_CLOSE int blobs = -1;

        *s = (struct image_store){ -1, -1, -1, -1, -1, -1 };
        if (open_images(s, data_fd, e) < 0 || open_sub(s, "layers", &s->layers_fd, e) < 0 ||
            open_sub(s, "layers/by-digest", &s->digests_fd, e) < 0 ||
            open_sub(s, "records", &s->records_fd, e) < 0 || open_sub(s, "blobs", &blobs, e) < 0 ||
            open_sub(s, "blobs/sha256", &s->blobs_fd, e) < 0 ||
            open_sub(s, "tmp", &s->tmp_fd, e) < 0)
                return -1;
        *ret = TAKE_PTR(s);
        return 0;
}

static const char *busy_text(enum image_lock_kind kind)
{
        return kind == IMAGE_LOCK_SHARED
                       ? "image store is busy: images are being removed; try again later"
                       : "image store is busy: an import or the preparation of a pod is running; "
                         "try again later";
}

int image_store_lock(struct image_store *s, enum image_lock_kind kind, nsec wait_ns, int *ret_fd,
                     struct err *e)
{
        bool exclusive = kind == IMAGE_LOCK_EXCLUSIVE;
        AUTO_CLOSE int fd =
                openat(s->images_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
        int r;

        if (fd < 0)
                return err_set(e, ERR_INTERNAL, errno, "open images/lock");
        r = exclusive ? flock_try_exclusive(fd) : flock_try_shared(fd);
        if (r == -EWOULDBLOCK && wait_ns > 0)
                r = flock_wait(fd, exclusive, time_monotonic() + wait_ns);
        if (r == -EWOULDBLOCK || r == -ETIMEDOUT)
                return err_set(e, ERR_BUSY, 0, "%s", busy_text(kind));
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "lock images/lock");
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int image_store_touch(struct image_store *s, const char *image_id, struct err *e)
{
        AUTO_CLOSE int dir = -1;
        int r;

        if (!image_id_is_valid(image_id))
                return err_set(e, ERR_USAGE, 0, "not an image id: \"%.100s\"", image_id);
        dir = fs_open_dir(s->records_fd, image_id);
        if (dir == -ENOENT)
                return err_set(e, ERR_NOT_FOUND, 0, "image %s is not in the store", image_id);
        r = dir < 0 ? dir : fs_touch(dir, "last-used", FILE_MODE);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "note the use of image %s", image_id);
        return 0;
}

/* The algorithm is lower case and digits, the rest hex, as OCI has it, or what render.h makes. */
int image_digest_link_name(const char *digest, char ret[static IMAGE_DIGEST_MAX])
{
        size_t len = strlen(digest);
        size_t alg = strspn(digest, "abcdefghijklmnopqrstuvwxyz0123456789");
        size_t hex;

        if (alg == 0 || len >= IMAGE_DIGEST_MAX || digest[alg] != ':')
                return -EINVAL;
        hex = strspn(digest + alg + 1, "0123456789abcdef");
        if (hex < 16 || digest[alg + 1 + hex] != '\0')
                return -EINVAL;
        memcpy(ret, digest, len + 1);
        ret[alg] = '-';
        return 0;
}

char *image_layer_digest(struct image_store *s, const char *layer)
{
        AUTO(buf_done) struct buf b = BUF_NULL(LIMIT_STATE_FILE_BYTES);
        AUTO_CLOSE int dir = fs_open_dir(s->layers_fd, layer);
        size_t n;

        if (dir < 0 || fs_read_file(dir, "digest", &b) < 0)
                return NULL;
        n = strcspn(buf_str(&b), "\n");
        return xstrndup(buf_str(&b), n);
}

int image_layer_lookup(struct image_store *s, const char *link, const char *digest,
                       char ret[static IMAGE_LAYER_NAME_MAX])
{
        char target[IMAGE_LAYER_NAME_MAX + 4];
        AUTO_FREE char *own = NULL;
        ssize_t n = readlinkat(s->digests_fd, link, target, sizeof(target) - 1);

        if (n < 0)
                return errno == ENOENT || errno == EINVAL ? 0 : -errno;
        target[n] = '\0';
        if (strncmp(target, "../", 3) != 0 || !image_layer_name_is_valid(target + 3))
                return 0;
        /* The link may outlive its layer in a crash, and then name a later one. */
        own = image_layer_digest(s, target + 3);
        if (!own || strcmp(own, digest) != 0)
                return 0;
        memcpy(ret, target + 3, strlen(target + 3) + 1);
        return 1;
}

int image_layer_size(struct image_store *s, const char *layer, uint64_t *ret)
{
        AUTO(buf_done) struct buf b = BUF_NULL(64);
        AUTO_CLOSE int dir = fs_open_dir(s->layers_fd, layer);
        int r = dir < 0 ? dir : fs_read_file(dir, "size", &b);

        if (r < 0)
                return r;
        if (b.len && b.data[b.len - 1] == '\n')
                b.data[--b.len] = '\0';
        return parse_u64(buf_str(&b), 0, INT64_MAX, ret);
}

static bool add_blob_size(struct image_store *s, const char *digest, uint64_t *size)
{
        struct stat st;

        if (!digest)
                return true;
        if (fstatat(s->blobs_fd, digest + strlen("sha256:"), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode))
                return false;
        return !__builtin_add_overflow(*size, (uint64_t)st.st_size, size);
}

bool image_record_is_complete(struct image_store *s, const struct image_record *r,
                              uint64_t *ret_size)
{
        uint64_t total = 0, one;

        for (size_t i = 0; i < r->layers.n; i++) {
                bool again = false;

                if (image_layer_size(s, r->layers.v[i], &one) < 0)
                        return false;
                for (size_t k = 0; k < i && !again; k++)
                        again = strcmp(r->layers.v[k], r->layers.v[i]) == 0;
                if (!again && __builtin_add_overflow(total, one, &total))
                        return false;
        }
        if (!add_blob_size(s, r->manifest_digest, &total) ||
            !add_blob_size(s, r->config_digest, &total) || total > INT64_MAX)
                return false;
        *ret_size = total;
        return true;
}
