/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cgroup_path.h"

#include <stdlib.h>

#include "util/mem.h"

bool cgroup_path_contains(struct text outer, struct text inner)
{
        if (outer.len == 0 || outer.len > inner.len || memcmp(outer.s, inner.s, outer.len) != 0)
                return false;
        return inner.len == outer.len ||
               (inner.s[outer.len] == '/' && !text_equal(outer, text_of("/")));
}

struct text cgroup_path_outer(struct text path)
{
        while (path.len > 0 && path.s[path.len - 1] != '/')
                path.len--;
        /* The '/' itself; what is left is empty for "/a", whose outer one is the root, and that contains only itself. */
        if (path.len > 0)
                path.len--;
        return path;
}

static int compare(const void *a, const void *b)
{
        const struct text *x = a, *y = b;
        size_t common = x->len < y->len ? x->len : y->len;
        int r = common > 0 ? memcmp(x->s, y->s, common) : 0;

        return r != 0 || x->len == y->len ? r : (x->len < y->len ? -1 : 1);
}

void cgroup_set_init(struct cgroup_set *set, char *const *v, size_t n)
{
        *set = (struct cgroup_set){ 0 };
        if (n == 0)
                return;
        set->v = xcalloc(n, sizeof(*set->v));
        set->n = n;
        for (size_t i = 0; i < n; i++)
                set->v[i] = text_of(v[i]);
        qsort(set->v, n, sizeof(*set->v), compare);
}

void cgroup_set_done(struct cgroup_set *set)
{
        free(set->v);
        *set = (struct cgroup_set){ 0 };
}

/* Does @path come before everything that is within @outer, that is before @outer and a slash? */
static bool before_inside(struct text path, struct text outer)
{
        size_t common = path.len < outer.len ? path.len : outer.len;
        int r = common > 0 ? memcmp(path.s, outer.s, common) : 0;

        if (r != 0)
                return r < 0;
        return path.len <= outer.len || (unsigned char)path.s[outer.len] < '/';
}

bool cgroup_set_passes(const struct cgroup_set *set, struct text outer)
{
        size_t low = 0, high = set->n;

        if (set->n == 0)
                return true;
        if (outer.len == 0)
                return false;
        if (bsearch(&outer, set->v, set->n, sizeof(*set->v), compare))
                return true;
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (before_inside(set->v[middle], outer))
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < set->n && cgroup_path_contains(outer, set->v[low]);
}
