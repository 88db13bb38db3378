/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of carob-api: opened with all rights it has, then confined, then serving until a signal.
 *
 *      as whoever started it: options, sockets, certificates, the connection to the service manager
 *      as --user:             certificates once more, since SIGHUP will read them so
 *      confined:              everything that reads what others wrote, and the clients
 */
#pragma once

#include "api/activation.h"
#include "api/options.h"

/*
 * Serve until SIGTERM or SIGINT: the first lets running calls end, the next does not wait. SIGHUP
 * reads the certificates again. @activated: its descriptors are taken over. The exit status.
 */
int program_run(const struct api_options *options, const struct activation *activated);

enum { EXIT_OURS = 254 };
