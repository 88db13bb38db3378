/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What run and prepare share: their options and arguments in the order given, collected into an engine_request. An
 * option that may concern an app goes to the image before it; ahead of the first image it goes to the whole pod.
 */
#pragma once

#include "cli/cli.h"
#include "engine/request.h"

extern struct engine_request pod_request; /* released with the process */
extern const struct opt pod_opts[];
extern const struct opt app_opts[];
extern const struct opt_group pod_opt_groups[]; /* both, for a command's table */

/* The app that an option is about: that of the last image. ERR_USAGE while there is none. Borrowed. */
int pod_opts_app(struct engine_app **ret, struct err *e);

int pod_opts_arg(void *ctx, const char *arg, struct err *e);
int pod_opts_app_args(void *ctx, char *const *args, size_t n, struct err *e);
/* What no single option can see; completes the request. Errors: ERR_USAGE. */
int pod_opts_check(struct engine_request *req, struct err *e);
/* Forget what options left outside the request; for tests, which parse more than once. */
void pod_opts_reset(void);
/* For the help of both commands. */
#define POD_OPTS_MORE                                                                              \
        "\tIMAGE is a name ([REGISTRY/]NAME[:TAG][,LABEL=VALUE]), an image id or its beginning, "  \
        "or a local\n"                                                                             \
        "\tfile (ACI, OCI layout, docker archive), which is imported first.\n\n"                   \
        "\tOptions about an app follow its image; what stands between \"--\" and \"---\" (or the " \
        "end)\n"                                                                                   \
        "\tis appended to its command, and for images of docker or OCI origin replaces the "       \
        "default\n"                                                                                \
        "\targuments. --mount, --annotation, --user-annotation and --user-label ahead of the "     \
        "first image\n"                                                                            \
        "\tconcern the whole pod. Mount points of an image without a volume get an empty one.\n"
