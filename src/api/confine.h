/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left to a process that does nothing but read: whoever takes over carob-api by a mistake in
 * the code that reads what strangers send gets no more than this. Two layers, each sufficient for the
 * most part:
 *
 *      landlock    files: reading beneath the parent of the data directory (which may be replaced),
 *                  the directories of certificates, /proc/self. Nothing can be written, made, removed
 *                  or executed; no TCP connection, no signal to others, no abstract socket.
 *      seccomp     system calls: those in confine_calls.c, with their arguments. Opening for writing,
 *                  new sockets, new processes, executable memory and all that changes files,
 *                  processes or the host answer EPERM and are logged by the kernel's audit; what only
 *                  an attacker would call (execve, ptrace) kills.
 *
 * What is open when the layers fall (listening sockets, stderr, the socket of the service manager)
 * stays usable. All this holds for good, and no privilege comes back by execve(2).
 *
 * Debuggers and sanitizers need what is forbidden here: a build with sanitizers has neither layer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "api/options.h"
#include "util/err.h"

struct confine_config {
        const char *dir;          /* the data directory as the user named it; need not exist */
        const char *const *files; /* read again later; NULL entries are skipped */
        size_t n_files;
};

/*
 * Both layers, as @mode says; missing ones are warned of in the log with CONFINE_TRY. To be called once,
 * by the only thread, when everything is open. Errors: with CONFINE_REQUIRE those below.
 */
int confine_self(enum confine_mode mode, const struct confine_config *config, struct err *e);

/* One layer each. ERR_UNSUPPORTED when the kernel or this build has none; ERR_INTERNAL. */
int confine_files(const struct confine_config *config, struct err *e);
int confine_calls(struct err *e);

/* False in builds with sanitizers. */
bool confine_is_built_in(void);
