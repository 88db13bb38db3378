/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operating system and processor in Go's spelling, and how well an image's fit what is wanted. Pure
 * but for _host.
 */
#pragma once

#include "util/err.h"

enum { PLATFORM_FIELD_MAX = 32 };

struct platform {
        char os[PLATFORM_FIELD_MAX];
        char arch[PLATFORM_FIELD_MAX];
        char variant[PLATFORM_FIELD_MAX]; /* "": none, or any */
};

void platform_host(struct platform *ret);
/* "os/arch[/variant]"; ERR_USAGE otherwise. */
int platform_parse(const char *s, struct platform *ret, struct err *e);
/*
 * 0: does not run on @wanted; otherwise the higher the better. An exact variant is best, then none;
 * an older ARM runs on a newer one. NULL fields of the image count as "".
 */
int platform_score(const struct platform *wanted, const char *os, const char *arch,
                   const char *variant);
