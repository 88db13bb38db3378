/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar is that of Go's pflag, which rkt used: options and arguments may be mixed, "--name=value" and
 * "--name value" are the same, but an option whose value may be left out takes one only after '='. So
 * "--flag false" is the flag and an argument.
 */
#include "cli/opt.h"

#include <string.h>

#include "util/auto.h"
#include "util/parse.h"
#include "util/time.h"

void opt_result_done(struct opt_result *r)
{
        strv_done(&r->args);
}

const struct opt *opt_find(const struct opt *const *tables, const char *name, size_t len)
{
        for (; *tables; tables++)
                for (const struct opt *o = *tables; o->type != OPT_END; o++)
                        if (o->name && strlen(o->name) == len && strncmp(o->name, name, len) == 0)
                                return o;
        return NULL;
}

static const struct opt *find_letter(const struct opt *const *tables, char letter)
{
        for (; *tables; tables++)
                for (const struct opt *o = *tables; o->type != OPT_END; o++)
                        if (o->letter && o->letter == letter)
                                return o;
        return NULL;
}

static int set_flag(bool *dest, const char *value, struct err *e)
{
        if (parse_bool(value, dest) < 0)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is neither true nor false", value);
        return 0;
}

static int set_duration(nsec *dest, const char *value, struct err *e)
{
        nsec d;

        if (time_parse_duration(value, &d) < 0 || d < 0)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is no duration such as 90s or 1h30m",
                               value);
        *dest = d;
        return 0;
}

static int set_number(int64_t *dest, const char *value, struct err *e)
{
        if (parse_i64(value, 0, INT64_MAX, dest) < 0)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is no number", value);
        return 0;
}

static int opt_set(const struct opt *o, const char *value, struct err *e)
{
        int r = 0;

        switch (o->type) {
        case OPT_FLAG:
                r = set_flag(o->dest, value, e);
                break;
        case OPT_TEXT:
                *(const char **)o->dest = value;
                break;
        case OPT_DURATION:
                r = set_duration(o->dest, value, e);
                break;
        case OPT_NUMBER:
                r = set_number(o->dest, value, e);
                break;
        case OPT_CALL:
                r = o->call(o->dest, value, e);
                break;
        case OPT_END:
                break;
        }
        return r < 0 ? err_wrap(e, "--%s", o->name) : 0;
}

static const char *bare_value(const struct opt *o)
{
        return o->type == OPT_FLAG ? "true" : o->bare;
}

bool opt_takes_word(const struct opt *o)
{
        return !bare_value(o);
}

struct cursor {
        char *const *words;
        size_t n;
        size_t i; /* the next word */
};

static int value_missing(const struct opt *o, struct err *e)
{
        return err_set(e, ERR_USAGE, 0, "--%s needs a value (%s)", o->name,
                       o->value && *o->value ? o->value : "text");
}

static int parse_long(const struct opt_rules *rules, struct cursor *c, struct err *e)
{
        const char *name = c->words[c->i++] + 2, *eq = strchr(name, '=');
        size_t len = eq ? (size_t)(eq - name) : strlen(name);
        const struct opt *o = opt_find(rules->tables, name, len);

        if (!o)
                return err_set(e, ERR_USAGE, 0, "unknown option \"--%.*s\"", (int)len, name);
        if (eq)
                return opt_set(o, eq + 1, e);
        if (bare_value(o))
                return opt_set(o, bare_value(o), e);
        if (c->i == c->n)
                return value_missing(o, e);
        return opt_set(o, c->words[c->i++], e);
}

static int parse_letters(const struct opt_rules *rules, struct cursor *c, struct err *e)
{
        const char *p = c->words[c->i++] + 1;

        for (; *p; p++) {
                const struct opt *o = find_letter(rules->tables, *p);

                if (!o)
                        return err_set(e, ERR_USAGE, 0, "unknown option \"-%c\"", *p);
                if (p[1] == '=')
                        return opt_set(o, p + 2, e);
                if (bare_value(o)) {
                        if (opt_set(o, bare_value(o), e) < 0)
                                return -1;
                        continue;
                }
                if (p[1])
                        return opt_set(o, p + 1, e);
                if (c->i == c->n)
                        return value_missing(o, e);
                return opt_set(o, c->words[c->i++], e);
        }
        return 0;
}

static int take_arg(const struct opt_rules *rules, const char *word, struct opt_result *r,
                    struct err *e)
{
        strv_add(&r->args, word);
        return rules->arg ? rules->arg(rules->ctx, word, e) : 0;
}

/* After "--": either the rest are plain arguments, or a group for the app that "---" ends. */
static int parse_separated(const struct opt_rules *rules, struct cursor *c, struct opt_result *r,
                           struct err *e)
{
        size_t from = c->i;

        if (!rules->app_args) {
                while (c->i < c->n)
                        if (take_arg(rules, c->words[c->i++], r, e) < 0)
                                return -1;
                return 0;
        }
        while (c->i < c->n && strcmp(c->words[c->i], "---") != 0)
                c->i++;
        if (rules->app_args(rules->ctx, c->words + from, c->i - from, e) < 0)
                return -1;
        if (c->i < c->n)
                c->i++;
        return 0;
}

int opt_parse(const struct opt_rules *rules, char *const *words, size_t n, struct opt_result *r,
              struct err *e)
{
        struct cursor c = { .words = words, .n = n };
        int done = 0;

        while (c.i < n && done == 0) {
                const char *w = words[c.i];

                if (strcmp(w, "--help") == 0 || strcmp(w, "-h") == 0) {
                        r->help = true;
                        c.i++;
                        break;
                }
                if (strcmp(w, "--") == 0 && !rules->stop_at_arg) {
                        c.i++;
                        done = parse_separated(rules, &c, r, e);
                } else if (w[0] == '-' && w[1] == '-' && w[2]) {
                        done = parse_long(rules, &c, e);
                } else if (w[0] == '-' && w[1] && w[1] != '-') {
                        done = parse_letters(rules, &c, e);
                } else if (rules->stop_at_arg) {
                        break;
                } else {
                        c.i++;
                        done = take_arg(rules, w, r, e);
                }
        }
        r->used = c.i;
        return done;
}
