/* SPDX-License-Identifier: Apache-2.0 */
/* The error object: a kind that code branches on, and a text for people. */
#pragma once

#include <stdarg.h>

enum err_kind {
        ERR_INTERNAL,    /* our mistake, or the system failed in a way nobody planned for */
        ERR_USAGE,       /* the caller asked for something that makes no sense */
        ERR_NOT_FOUND,   /* the named object does not exist */
        ERR_EXISTS,      /* the object is there already */
        ERR_AMBIGUOUS,   /* a prefix or a name fits more than one object */
        ERR_BUSY,        /* somebody else holds the lock */
        ERR_STATE,       /* the object is in a state that does not allow this */
        ERR_BAD_DATA,    /* bytes from outside break their format */
        ERR_LIMIT,       /* bytes from outside are over one of our limits */
        ERR_NO_SPACE,    /* disk, quota or descriptors are used up */
        ERR_PERMISSION,  /* the system refused */
        ERR_UNSUPPORTED, /* valid, but not something we or this kernel can do */
        ERR_TIMEOUT,
        ERR_CANCELLED,
        ERR_UNAVAILABLE, /* a peer (service, runtime) cannot be reached now */
        ERR_KIND_MAX,
};

/* Owned by the caller, usually on its stack; needs no release. */
struct err {
        enum err_kind kind; /* decides exit code and gRPC status */
        int num;            /* errno value, 0 when none applies */
        char text[1024];    /* "outer: inner: Permission denied" */
};

/*
 * Set the error: @fmt says what was done to what; strerror(@num) is appended unless @num is 0.
 * ERR_INTERNAL with ENOSPC, EDQUOT, EMFILE or ENFILE becomes ERR_NO_SPACE; with EACCES or EPERM,
 * ERR_PERMISSION: every caller wants that, and none should have to ask. Always returns -1, so that a
 * failure is one statement. @e must not be NULL.
 */
int err_set(struct err *e, enum err_kind kind, int num, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/*
 * Put "fmt: " before the text. A prefix that does not fit is dropped: the cause is worth more. So is one that the text
 * begins with already.
 */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "not found", "busy" ...; never NULL. For JSON and logs. */
const char *err_kind_name(enum err_kind kind);
