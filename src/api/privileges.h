/* SPDX-License-Identifier: Apache-2.0 */
/* From root to somebody who may only read: --user. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "util/err.h"

struct privileges {
        uid_t uid;
        gid_t gid;
        gid_t *groups; /* owned: all groups, @gid among them */
        size_t n_groups;
};

#define PRIVILEGES_NULL ((struct privileges){ 0 })

/*
 * Look up "USER" (with all groups that USER is in) or "USER:GROUP" (with this group alone), names or
 * numbers. Reads the host's databases of names, so it cannot be done when confined. Errors: ERR_USAGE
 * for root, who would be no less privileged, for malformed text and for a number that has no group;
 * ERR_NOT_FOUND.
 */
int privileges_find(const char *text, struct privileges *ret, struct err *e);
void privileges_done(struct privileges *p);

/*
 * For good: become that user, real, effective and saved (NULL, or who is that user already: stay), and
 * give up all capabilities, the bounding and ambient sets too as far as there is the right to. Root
 * who stays root keeps what owning files allows. Errors: ERR_PERMISSION when we are neither root nor
 * that user; ERR_INTERNAL. After an error the process may be halfway.
 */
int privileges_drop(const struct privileges *p, struct err *e);
