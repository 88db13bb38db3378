/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of carob-api. */
#pragma once

#include <stdbool.h>

#include "util/err.h"
#include "util/log.h"
#include "util/strv.h"

#define API_LISTEN_DEFAULT "localhost:15441"

struct api_options {
        const char *dir; /* this and the strings below: borrowed from argv, or constants */
        const char *system_config;
        const char *local_config;
        const char *user_config;
        const char *insecure_options;
        bool trust_keys_from_https;
        enum log_level log_level;
        struct strv listen; /* at least one, unless help or version is wanted */
        bool help;
        bool version;
};

#define API_OPTIONS_NULL ((struct api_options){ 0 })

/* Errors: ERR_USAGE with a text that names the word. *ret is written on success only. */
int api_options_parse(int argc, char *const argv[], struct api_options *ret, struct err *e);
void api_options_done(struct api_options *o);

extern const char api_options_help[];
