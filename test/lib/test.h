/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes: cmocka with its prerequisites, and a temporary directory that cleans up. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/auto.h"
#include "util/err.h"
#include "util/fs.h"

/*
 * Debian's valgrind knows neither openat2(2) nor clone3(2), and keeps descriptors of its own at the top. A test that
 * cannot do without skips itself there; a program that cannot defines TEST_NEEDS_NEW_SYSCALLS before it includes
 * this. The sanitizers see them all the same.
 */
static inline bool test_lacks_new_syscalls(void)
{
        return syscall(SYS_openat2, -1, NULL, NULL, 0) < 0 && errno == ENOSYS;
}

#ifdef TEST_NEEDS_NEW_SYSCALLS
__attribute__((constructor)) static void skip_without_new_syscalls(void)
{
        if (!test_lacks_new_syscalls())
                return;
        (void)puts("needs openat2(2) or clone3(2), which this valgrind does not know");
        (void)fflush(stdout);
        _exit(77);
}
#endif

/* A fresh directory below $TMPDIR; fd in *state-like out-parameter, removed by test_dir_done. */
struct test_dir {
        char path[64];
        int fd;
};

static inline void test_dir_init(struct test_dir *d)
{
        (void)snprintf(d->path, sizeof(d->path), "/tmp/carob-test-XXXXXX");
        assert_non_null(mkdtemp(d->path));
        d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(d->fd >= 0);
}

static inline void test_dir_done(struct test_dir *d)
{
        if (d->fd < 0)
                return;
        (void)close(d->fd);
        d->fd = -1;
        (void)fs_remove_tree(AT_FDCWD, d->path);
}

#define AUTO_TEST_DIR AUTO(test_dir_done)

/* 0 expected; the error's text is shown when it is not. */
#define assert_ok(call, e)                                                                         \
        do {                                                                                       \
                if ((call) != 0)                                                                   \
                        fail_msg("%s: %s", #call, (e)->text);                                      \
        } while (0)
#define assert_err(call, e, want_kind, want_text)                                                  \
        do {                                                                                       \
                assert_int_equal((call), -1);                                                      \
                assert_string_equal((e)->text, (want_text));                                       \
                assert_int_equal((e)->kind, (want_kind));                                          \
        } while (0)
