/* SPDX-License-Identifier: Apache-2.0 */
/* Random (version 4) UUIDs as pods are named by them: lower case, 8-4-4-4-12. */
#pragma once

#include <stdbool.h>

enum { UUID_TEXT_LEN = 36 };

struct uuid {
        char text[UUID_TEXT_LEN + 1];
};

void uuid_generate(struct uuid *ret);
/* The canonical form only: lower case, dashes in place. What is on disk must look like this. */
bool uuid_is_valid(const char *s);
/*
 * A prefix as a person types it: lower-cases, allows 1 to 36 characters of [0-9a-f-].
 * Returns 0, or -EINVAL with ret untouched.
 */
int uuid_prefix_normalize(const char *s, struct uuid *ret);
