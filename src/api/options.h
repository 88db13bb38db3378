/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of carob-api. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"
#include "util/log.h"
#include "util/strv.h"
#include "util/time.h"

#define API_LISTEN_DEFAULT "localhost:15441"

/* What happens when the kernel has no landlock or no seccomp (api/confine.h). */
enum confine_mode {
        CONFINE_TRY,     /* a warning, and the service runs with what there is */
        CONFINE_REQUIRE, /* the service does not start */
        CONFINE_OFF,     /* nothing is confined: for strace, gdb and valgrind */
};

struct api_options {
        const char *dir; /* this and the strings below: borrowed from argv, or constants */
        const char *system_config;
        const char *local_config;
        const char *user_config;
        const char *insecure_options;
        bool trust_keys_from_https;
        enum log_level log_level;
        enum log_format log_format;
        bool access_log;              /* a line for each call */
        const char *metrics_listen;   /* a place as of listen; NULL: no metrics */
        struct strv listen;           /* as given (api/listen.h); empty: none was */
        bool insecure_listen;         /* other hosts may be served without TLS */
        const char *tls_cert;         /* NULL: no TLS */
        const char *tls_key;          /* NULL: it is in the file of the certificate */
        const char *tls_client_ca;    /* NULL: clients need no certificate */
        struct strv tls_allowed_name; /* empty: whoever the CA signed */
        const char *user;             /* "USER" or "USER:GROUP"; NULL: stay who we are */
        enum confine_mode confine;
        size_t max_connections; /* 0: what limits allow */
        size_t events_kept;     /* 0: the default */
        nsec events_since;      /* also what happened before the start, from then on; 0: nothing */
        bool help;
        bool version;
};

#define API_OPTIONS_NULL ((struct api_options){ 0 })

/*
 * Errors: ERR_USAGE with a text that names the word, also for options that contradict each other.
 * *ret is written on success only.
 */
int api_options_parse(int argc, char *const argv[], struct api_options *ret, struct err *e);
void api_options_done(struct api_options *o);

extern const char api_options_help[];
