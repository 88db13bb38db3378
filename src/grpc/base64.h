/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 4648. Encoding is the standard alphabet with padding; decoding also takes the URL alphabet
 * and no padding.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

/* -ENOBUFS when @out is full. */
int base64_encode(const void *data, size_t len, struct buf *out);
/* -EINVAL for what is not base64; -ENOBUFS. */
int base64_decode(const char *text, size_t len, struct buf *out);
