/* SPDX-License-Identifier: Apache-2.0 */
/* Growing NULL-terminated vector of strings, fit for execve(2). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct strv {
        char **v; /* owned, NULL-terminated once something was added; NULL when empty */
        size_t n;
        size_t cap;
};

#define STRV_NULL ((struct strv){ 0 })

void strv_done(struct strv *s); /* frees all; the vector is empty and usable afterwards */
void strv_add(struct strv *s, const char *str);
void strv_add_consume(struct strv *s, char *str); /* takes over @str */
void strv_addf(struct strv *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool strv_contains(const struct strv *s, const char *str);
void strv_sort(struct strv *s);
