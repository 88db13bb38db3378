/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/fs.h"

#define CONFIG     "config.json"
#define CONFIG_NEW "config.json.new"
#define FIFO       "config.fifo" /* the FIFO's name that stays */

enum { CHUNK = 1 << 20 };

static int open_bundle(const char *bundle, struct err *e)
{
        int fd = fs_open_dir_path(bundle);

        return fd < 0 ? err_set(e, ERR_INTERNAL, -fd, "open the bundle %s", bundle) : fd;
}

int runtime_feed_open(const char *bundle, struct err *e)
{
        AUTO_CLOSE int dir = open_bundle(bundle, e);

        if (dir < 0)
                return -1;
        if (mkfifoat(dir, FIFO, 0600) < 0 || linkat(dir, FIFO, dir, CONFIG, 0) < 0)
                return err_set(e, ERR_INTERNAL, errno, "make a FIFO in the bundle %s", bundle);
        return 0;
}

int runtime_feed_text(const char *bundle, const char *text, size_t len, struct err *e)
{
        AUTO_CLOSE int dir = open_bundle(bundle, e);
        int r;

        if (dir < 0)
                return -1;
        r = fs_write_file(dir, CONFIG_NEW, text, len, 0600);
        if (r == 0 && renameat(dir, CONFIG_NEW, dir, CONFIG) < 0)
                r = -errno;
        return r < 0 ? err_set(e, ERR_INTERNAL, -r, "write %s/" CONFIG, bundle) : 0;
}

int runtime_feed_waiting(const char *bundle)
{
        AUTO_CLOSE int dir = fs_open_dir_path(bundle);
        AUTO_CLOSE int fifo = -1, text = -1;
        ssize_t n;

        if (dir < 0)
                return dir;
        /* Without O_NONBLOCK we would wait for the reader; with it, ENXIO says that there is none. */
        fifo = openat(dir, FIFO, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        if (fifo < 0)
                return errno == ENXIO || errno == ENOENT ? 0 : -errno;
        text = openat(dir, CONFIG, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        /* Mostly it is less than a pipe holds; if not, the reader takes it piece by piece. */
        if (text < 0 || fcntl(fifo, F_SETFL, 0) < 0)
                return -errno;
        do
                n = sendfile(fifo, text, NULL, CHUNK);
        while (n > 0 || (n < 0 && errno == EINTR));
        return n < 0 ? -errno : 1;
}
