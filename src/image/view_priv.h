/* SPDX-License-Identifier: Apache-2.0 */
/* Reading records by the descriptor of the records directory; read-only, as view.h. */
#pragma once

#include <stdbool.h>

#include "image/record.h"
#include "image/view.h"
#include "util/err.h"
#include "util/strv.h"

/* Errors: ERR_NOT_FOUND; ERR_BAD_DATA and ERR_LIMIT for a broken record.json, or one of another id;
   ERR_INTERNAL when the disk or the system fails. */
int image_record_read(int records_fd, const char *id, struct image_record *ret, struct err *e);
/* The stored manifest can be read and parsed. */
bool image_manifest_is_there(int records_fd, const char *id);

/* image_resolve by the records directory; with @exact, only a name that is equal fits. */
int image_resolve_at(int records_fd, const struct image_ref *ref, bool exact,
                     char ret_id[static IMAGE_ID_LEN + 1], struct err *e);

/*
 * Names of all records, sorted, appended to @ret. @records_fd may be -ENOENT: no store yet, no
 * records.
 */
int image_record_ids(int records_fd, struct strv *ret, struct err *e);
/*
 * The records directory beneath a data directory, owned by the caller; -ENOENT: no store yet;
 * -errno.
 */
int image_records_open(int data_fd);
