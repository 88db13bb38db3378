/* SPDX-License-Identifier: Apache-2.0 */
/* Command names: one word, or a group and a word, each by any prefix that only one name has. */
#include "cli/cli.h"

#include <string.h>

#include "util/auto.h"

static size_t first_len(const char *name)
{
        return strcspn(name, " ");
}

/* The word of @name that is looked at: the first, or with @group set the second of a member. NULL: none. */
static const char *word_of(const char *name, const char *group, size_t *ret_len)
{
        size_t first = first_len(name);

        if (!group) {
                *ret_len = first;
                return name;
        }
        if (name[first] != ' ' || strlen(group) != first || strncmp(name, group, first) != 0)
                return NULL;
        *ret_len = strlen(name + first + 1);
        return name + first + 1;
}

static bool same(const char *a, size_t a_len, const char *b, size_t b_len)
{
        return a_len == b_len && strncmp(a, b, a_len) == 0;
}

/* The one command whose looked-at word is @word, or else starts with it; of a group any member. */
static int match(const char *word, const char *group, const struct cmd **ret, struct err *e)
{
        const struct cmd *hit = NULL;
        const char *hit_word = NULL;
        size_t hit_len = 0, len = strlen(word);

        for (const struct cmd *const *c = cli_commands; *c; c++) {
                size_t name_len;
                const char *name = word_of((*c)->name, group, &name_len);

                if (!name || len == 0 || name_len < len || strncmp(name, word, len) != 0)
                        continue;
                if (name_len == len) {
                        *ret = *c;
                        return 0;
                }
                if (hit && !same(name, name_len, hit_word, hit_len))
                        return err_set(e, ERR_USAGE, 0,
                                       "\"%s\" may be \"%.*s\" or \"%.*s\": write more of it", word,
                                       (int)hit_len, hit_word, (int)name_len, name);
                hit = *c;
                hit_word = name;
                hit_len = name_len;
        }
        if (!hit)
                return err_set(e, ERR_USAGE, 0, "unknown command \"%s%s%s\"", group ? group : "",
                               group ? " " : "", word);
        *ret = hit;
        return 0;
}

/* An exact name must win over an ambiguous prefix that comes earlier in the table. */
static const struct cmd *exact(const char *word, const char *group)
{
        for (const struct cmd *const *c = cli_commands; *c; c++) {
                size_t len;
                const char *name = word_of((*c)->name, group, &len);

                if (name && same(name, len, word, strlen(word)))
                        return *c;
        }
        return NULL;
}

static int find_word(const char *word, const char *group, const struct cmd **ret, struct err *e)
{
        const struct cmd *c = *word ? exact(word, group) : NULL;

        if (!c)
                return match(word, group, ret, e);
        *ret = c;
        return 0;
}

int cli_find_command(char *const *words, size_t n, const struct cmd **ret, const char **ret_group,
                     size_t *ret_used, struct err *e)
{
        const struct opt *const tables[] = { cli_global_opts, NULL };
        const struct opt_rules rules = { .tables = tables, .stop_at_arg = true };
        AUTO(opt_result_done) struct opt_result r = OPT_RESULT_NULL;
        static char group[32];
        const struct cmd *c;
        size_t len;

        *ret = NULL;
        *ret_group = NULL;
        *ret_used = 0;
        if (n == 0)
                return 0;
        if (find_word(words[0], NULL, &c, e) < 0)
                return -1;
        len = first_len(c->name);
        if (c->name[len] == '\0') {
                *ret = c;
                *ret_used = 1;
                return 0;
        }
        (void)snprintf(group, sizeof(group), "%.*s", (int)len, c->name);
        if (opt_parse(&rules, words + 1, n - 1, &r, e) < 0)
                return -1;
        *ret_group = group;
        *ret_used = 1 + r.used;
        if (r.help || *ret_used == n)
                return 0;
        if (find_word(words[*ret_used], group, &c, e) < 0)
                return -1;
        *ret = c;
        *ret_used += 1;
        return 0;
}
