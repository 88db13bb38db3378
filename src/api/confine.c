/* SPDX-License-Identifier: Apache-2.0 */
#include "api/confine.h"

#include <errno.h>
#include <sys/prctl.h>
#include <time.h>

#include "util/log.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                         \
        __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

bool confine_is_built_in(void)
{
        return !SANITIZED;
}

static int layer(enum confine_mode mode, int r, const char *name, struct err *e)
{
        if (r == 0) {
                log_debug("Confined by %s", name);
                return 0;
        }
        if (mode == CONFINE_REQUIRE)
                return err_wrap(e, "--confine=require: %s", name);
        log_warning("not confined by %s: %s", name, e->text);
        return 0;
}

int confine_self(enum confine_mode mode, const struct confine_config *config, struct err *e)
{
        tzset(); /* reads a file that is out of reach later */
        if (mode == CONFINE_OFF)
                return 0;
        if (!confine_is_built_in()) {
                if (mode == CONFINE_REQUIRE)
                        return err_set(
                                e, ERR_UNSUPPORTED, 0,
                                "--confine=require: this build has sanitizers, which need more");
                return 0;
        }
        /* Both are old; kernels without them have neither layer. */
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return layer(mode, err_set(e, ERR_UNSUPPORTED, errno, "PR_SET_NO_NEW_PRIVS"),
                             "anything", e);
        /* Who runs as the same user gets neither the keys of TLS from our memory, nor our descriptors. */
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        if (layer(mode, confine_files(config, e), "landlock", e) < 0)
                return -1;
        return layer(mode, confine_calls(e), "seccomp", e);
}
