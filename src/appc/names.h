/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name types of the appc specification ("types" section): valid or not, and made valid. The
 * regular expressions of the specification are law here; rkt's Go validator let "a--b" and "a//b"
 * pass.
 */
#pragma once

#include <stdbool.h>

enum { APPC_NAME_MAX = 512 }; /* characters; the specification knows no limit */

/* AC Identifier, ^[a-z0-9]+([-._~/][a-z0-9]+)*$: image names, labels, annotations, isolators. */
bool appc_identifier_is_valid(const char *s);
/*
 * AC Name, ^[a-z0-9]+([-][a-z0-9]+)*$: apps, volumes, mount points, ports. Safe as a file name
 * (<= 255).
 */
bool appc_name_is_valid(const char *s);
/* ^[A-Za-z_][A-Za-z_0-9.-]*$ */
bool appc_env_name_is_valid(const char *s);
/* Hash: "sha512-" and at least one lower-case hex digit (shortened ids are valid), at most 128. */
bool appc_image_id_is_valid(const char *s);

/*
 * What rkt's sanitizers do: lower case, any other character becomes '_' ('-' in an AC Name),
 * edges trimmed. A run of separators is cut to its first, so that the result is always valid. The
 * heap string is the caller's; NULL when nothing valid is left.
 */
char *appc_identifier_sanitize(const char *s);
char *appc_name_sanitize(const char *s);
