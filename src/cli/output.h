/* SPDX-License-Identifier: Apache-2.0 */
/* Output for people and for machines. */
#pragma once

#include <json-c/json.h>

#include "cli/columns.h"
#include "cli/opt.h"
#include "util/err.h"

enum output_format { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_JSON_PRETTY };

/* For an option table: --format=json|json-pretty into an enum output_format. */
int output_format_call(void *dest, const char *value, struct err *e);
#define OUTPUT_FORMAT_OPT(dest)                                                                    \
        {                                                                                          \
                OPT_CALL, 0, "format", "json|json-pretty", "print JSON instead of text", (dest),   \
                        output_format_call, NULL                                                   \
        }

/* To stdout with a newline. @format must be one of the JSON forms. Returns 0, or -1 with @e set. */
int output_json(struct json_object *o, enum output_format format, struct err *e);
int output_columns(const struct columns *c, struct err *e);
