/* SPDX-License-Identifier: Apache-2.0 */
/* The pods that a command is about. */
#pragma once

#include "cli/output.h"
#include "engine/engine.h"
#include "util/err.h"
#include "util/strv.h"
#include "util/uuid.h"

/* The data directory of --dir. */
int podref_open(struct engine *ret, enum engine_mode mode, struct err *e);

/* A pod by the beginning of its uuid, or by its name, wherever it is in its life. ERR_USAGE for the empty text. */
int podref_resolve(struct engine *eng, const char *text, struct uuid *ret, struct err *e);

/* Appends the uuid in the file that --uuid-file-save wrote. NULL @path adds nothing. */
int podref_add_file(const char *path, struct strv *to, struct err *e);
/* Writes it: the uuid alone, no newline, as rkt. NULL @path does nothing. */
int podref_save_file(const char *path, const char *uuid, struct err *e);

/* To stdout: the uuid, or {"uuid": ...}. */
int podref_print(const char *uuid, enum output_format format, struct err *e);

/*
 * The arguments, or what --uuid-file says; not both, and at least one. For commands that take many pods.
 */
int podref_collect(char *const *args, size_t n, const char *uuid_file, struct strv *ret,
                   struct err *e);
/*
 * @fn for each of them, on an engine that reads; a failure is noted in @results and the others go on. Ends and releases
 * @results: -1 when any failed, with @failure ("pod(s) could not be ...") as the text.
 */
struct results;
typedef int (*podref_fn)(struct engine *eng, const char *text, struct err *e);
int podref_each(char *const *args, size_t n, const char *uuid_file, podref_fn fn,
                struct results *results, const char *failure, struct err *e);
/* The one pod that a command is about, from its only argument or the file. */
int podref_one(struct engine *eng, char *const *args, size_t n, const char *uuid_file,
               struct uuid *ret, struct err *e);
