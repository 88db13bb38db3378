/* SPDX-License-Identifier: Apache-2.0 */
#include "util/flock.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>

static int lock(int fd, int operation)
{
        while (flock(fd, operation) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

int flock_try_exclusive(int fd)
{
        return lock(fd, LOCK_EX | LOCK_NB);
}

int flock_try_shared(int fd)
{
        return lock(fd, LOCK_SH | LOCK_NB);
}

int flock_release(int fd)
{
        return lock(fd, LOCK_UN);
}

int flock_wait(int fd, bool exclusive, nsec deadline)
{
        int operation = exclusive ? LOCK_EX : LOCK_SH;
        nsec pause = NSEC_PER_MSEC / 2;

        if (deadline < 0)
                return lock(fd, operation);
        /* flock(2) knows no timeout, and a signal would be a process-wide affair: poll, gently. */
        for (;;) {
                int r = lock(fd, operation | LOCK_NB);

                if (r != -EWOULDBLOCK)
                        return r;
                if (time_monotonic() >= deadline)
                        return -ETIMEDOUT;
                (void)nanosleep(&(struct timespec){ .tv_nsec = pause }, NULL);
                pause = pause < 50 * NSEC_PER_MSEC ? 2 * pause : pause;
        }
}

int flock_probe(int fd)
{
        int r = flock_try_shared(fd);

        if (r == -EWOULDBLOCK)
                return 1;
        return r < 0 ? r : flock_release(fd);
}
