/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cgroup_path.h"

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
