/* SPDX-License-Identifier: Apache-2.0 */
/* Scoped resources: the cleanup attribute, and the macros that hand a resource over. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO(fn)   __attribute__((__cleanup__(fn)))
#define AUTO_FREE  AUTO(freep)
#define AUTO_CLOSE AUTO(closep)
#define AUTO_DIR   AUTO(closedirp)
#define AUTO_FILE  AUTO(fclosep)

/* All cleanup helpers keep errno, so that an error path may read it after the scope's resources fell. */
static inline void freep(void *pp)
{
        free(*(void **)pp);
}

static inline void closep(int *fd)
{
        int keep = errno;

        if (*fd >= 0)
                (void)close(*fd); /* never retried: Linux has released the fd even on EINTR */
        *fd = -1;
        errno = keep;
}

static inline void closedirp(DIR **dir)
{
        int keep = errno;

        if (*dir)
                (void)closedir(*dir);
        errno = keep;
}

static inline void fclosep(FILE **file)
{
        int keep = errno;

        if (*file)
                (void)fclose(*file);
        errno = keep;
}

#define TAKE_PTR(p)                                                                                \
        ({                                                                                         \
                __typeof__(p) take_ = (p);                                                         \
                (p) = NULL;                                                                        \
                take_;                                                                             \
        })
#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int take_ = (fd);                                                                  \
                (fd) = -1;                                                                         \
                take_;                                                                             \
        })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The object that @part is embedded in, as its @member. */
#define OWNER_OF(part, type, member) ((type *)(void *)((char *)(part)-offsetof(type, member)))
