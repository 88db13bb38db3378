/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of each object a command was told to work on: lines as it goes, or one JSON array at the end,
 * [{"uuid": ..., "result": ..., "error": ...}]. Failures are told on stderr in both cases.
 */
#pragma once

#include <json-c/json.h>
#include <stddef.h>

#include "cli/output.h"
#include "util/err.h"

struct results {
        enum output_format format;
        const char *key;          /* "uuid" or "id"; borrowed */
        struct json_object *list; /* owned; only with a JSON format */
        size_t failed;
};

void results_done(struct results *r);

/* @line: what the text form prints; NULL: nothing. */
void results_add(struct results *r, const char *id, const char *result, const char *line);
/* @id: as the user wrote it when it could not be resolved. */
void results_fail(struct results *r, const char *id, const struct err *e);
/* Prints the JSON. With failures: -1 and "N <what>" in @e. */
int results_end(struct results *r, const char *what, struct err *e);
