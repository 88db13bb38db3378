/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/opt.h"
#include "util/err.h"

extern bool manifest_text_pretty; /* what --pretty-print says; true unless told */
#define MANIFEST_TEXT_OPT                                                                          \
        {                                                                                          \
                OPT_FLAG, 0, "pretty-print", "[=true]", "indent; false: on one line",              \
                        &manifest_text_pretty, NULL, NULL                                          \
        }

/* A manifest's JSON to stdout, laid out anew. ERR_BAD_DATA when it is no JSON. */
int manifest_text_print(const char *data, size_t len, struct err *e);
