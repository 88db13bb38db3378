/* SPDX-License-Identifier: Apache-2.0 */
/* carob-pod: executed by carob with the lock of a pod that was moved to `run`. */
#include <fcntl.h>

#include "supervisor/supervisor.h"
#include "util/log.h"

enum { EXIT_OUR_FAILURE = 254 };

int main(int argc, char *argv[])
{
        struct sup_args args;
        struct err e;

        log_init("carob-pod", LOG_LEVEL_INFO);
        if (sup_args_parse(argc, argv, &args, &e) < 0) {
                log_error("%s", e.text);
                return EXIT_OUR_FAILURE;
        }
        if (args.debug)
                log_init("carob-pod", LOG_LEVEL_DEBUG);
        /* They came through exec; no child gets them but the pod's init. */
        (void)fcntl(args.lock_fd, F_SETFD, FD_CLOEXEC);
        if (args.detached_fd >= 0)
                (void)fcntl(args.detached_fd, F_SETFD, FD_CLOEXEC);
        return supervisor_run(&args);
}
