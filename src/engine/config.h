/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files, laid out as rkt's: each directory of configuration has a directory for each kind (logs.d), and in
 * there any number of files *.json, each of which says its kind and version:
 *
 *     { "carobKind": "logs", "carobVersion": "v1", ... }
 *
 * rktKind and rktVersion are taken as well. What the local directory says replaces what the system's says, and the user's
 * replaces both. What of a file is wrong stops whoever reads it.
 */
#pragma once

#include <stddef.h>

#include "util/err.h"
#include "util/json.h"

/* In rising precedence. NULL and "" are none; one that does not exist is empty. Borrowed. */
struct engine_config_dirs {
        const char *system;
        const char *local;
        const char *user;
};

struct engine_config_file {
        const char *path;
        unsigned
                dir; /* files of one directory have the same number, later directories a higher one */
        struct json_object *o;
};

/* Called for each file, the weakest first, by name within a directory. A failure's text is prefixed with the path. */
typedef int (*engine_config_fn)(const struct engine_config_file *file, void *arg, struct err *e);

/*
 * Read all files of @kind, which are in the directories "@kind.d". Errors: ERR_BAD_DATA, ERR_LIMIT, those of the file system, and
 * what @fn returns; the text names file and member.
 */
int engine_config_read(const struct engine_config_dirs *dirs, const char *kind, engine_config_fn fn,
                       void *arg, struct err *e);

/* The bytes of one file: an object that says it is of @kind. */
int engine_config_parse(const void *data, size_t len, const char *kind, struct json_object **ret,
                        struct err *e);

/* ERR_BAD_DATA when @o has a member that is neither of the NULL-terminated @known nor kind or version. */
int engine_config_check_members(struct json_object *o, const char *const *known, struct err *e);
