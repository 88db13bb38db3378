/* SPDX-License-Identifier: Apache-2.0 */
/* Tar archives in memory, honest and hostile: every header field can be made to lie. */
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "util/buf.h"

enum { TAR_MAKER_MAX = 256 * 1024 * 1024 };

struct tar_entry {
        const char *name; /* at most 100 bytes; longer ones by tar_pax */
        const char *link;
        char type; /* 0: '0' */
        unsigned mode;
        uint64_t uid; /* at most 7 octal digits; larger ones by tar_pax */
        uint64_t gid;
        int64_t mtime;
        const char *data;
        size_t len;
        uint64_t claim; /* size in the header when it is not that of data */
        unsigned major;
        unsigned minor;
};

static inline void tar_pad(struct buf *b)
{
        static const uint8_t zero[512];

        (void)buf_append(b, zero, (512 - b->len % 512) % 512);
}

static inline void tar_octal(uint8_t *field, size_t size, uint64_t v)
{
        char text[32];

        (void)snprintf(text, sizeof(text), "%0*" PRIo64, (int)size - 1, v);
        memcpy(field, text, size);
}

static inline void tar_header(struct buf *b, const struct tar_entry *t, uint64_t size)
{
        uint8_t h[512] = { 0 };
        unsigned sum = 0;

        memcpy(h, t->name, strnlen(t->name, 100));
        tar_octal(h + 100, 8, t->mode);
        tar_octal(h + 108, 8, t->uid);
        tar_octal(h + 116, 8, t->gid);
        tar_octal(h + 124, 12, size);
        tar_octal(h + 136, 12, (uint64_t)t->mtime);
        h[156] = (uint8_t)(t->type ? t->type : '0');
        if (t->link)
                memcpy(h + 157, t->link, strnlen(t->link, 100));
        memcpy(h + 257, "ustar\00000", 8);
        tar_octal(h + 329, 8, t->major);
        tar_octal(h + 337, 8, t->minor);
        memset(h + 148, ' ', 8);
        for (size_t i = 0; i < sizeof(h); i++)
                sum += h[i];
        (void)snprintf((char *)h + 148, 8, "%06o", sum);
        (void)buf_append(b, h, sizeof(h));
}

static inline void tar_add(struct buf *b, struct tar_entry t)
{
        size_t len = t.data && !t.len ? strlen(t.data) : t.len;

        tar_header(b, &t, t.claim ? t.claim : len);
        (void)buf_append(b, t.data, len);
        tar_pad(b);
}

/* One pax record "length key=value\n" into @b. */
static inline void tar_pax_record(struct buf *b, const char *key, const void *value, size_t len)
{
        size_t body = strlen(key) + 3 + len; /* blank, '=', newline */
        size_t total = body;
        char digits[24];

        for (int i = 0; i < 3; i++)
                total = body + (size_t)snprintf(digits, sizeof(digits), "%zu", total);
        (void)buf_puts(b, digits);
        (void)buf_putc(b, ' ');
        (void)buf_puts(b, key);
        (void)buf_putc(b, '=');
        (void)buf_append(b, value, len);
        (void)buf_putc(b, '\n');
}

/* A pax header for the next entry with the records collected in @records, which is emptied. */
static inline void tar_pax_header(struct buf *b, struct buf *records)
{
        tar_header(b, &(struct tar_entry){ .name = "pax", .type = 'x', .mode = 0644 },
                   records->len);
        (void)buf_append(b, records->data, records->len);
        tar_pad(b);
        buf_done(records);
}

static inline void tar_pax(struct buf *b, const char *key, const void *value, size_t len)
{
        struct buf records = BUF_NULL(TAR_MAKER_MAX);

        tar_pax_record(&records, key, value, len);
        tar_pax_header(b, &records);
}

static inline void tar_pax_text(struct buf *b, const char *key, const char *value)
{
        tar_pax(b, key, value, strlen(value));
}

static inline void tar_dir(struct buf *b, const char *name)
{
        tar_add(b, (struct tar_entry){ .name = name, .type = '5', .mode = 0755 });
}

static inline void tar_file(struct buf *b, const char *name, const char *data)
{
        tar_add(b, (struct tar_entry){ .name = name, .mode = 0644, .data = data });
}

static inline void tar_symlink(struct buf *b, const char *name, const char *target)
{
        tar_add(b, (struct tar_entry){ .name = name, .type = '2', .mode = 0777, .link = target });
}

static inline void tar_hardlink(struct buf *b, const char *name, const char *target)
{
        tar_add(b, (struct tar_entry){ .name = name, .type = '1', .mode = 0644, .link = target });
}

static inline void tar_end(struct buf *b)
{
        static const uint8_t zero[1024];

        (void)buf_append(b, zero, sizeof(zero));
}

/* The bytes as an anonymous file, for what reads through a descriptor. */
static inline int tar_memfd(const struct buf *b)
{
        int fd = memfd_create("tar", MFD_CLOEXEC);

        if (fd >= 0 &&
            pwrite(fd, b->data ? b->data : (const uint8_t *)"", b->len, 0) != (ssize_t)b->len)
                return -1;
        return fd;
}
