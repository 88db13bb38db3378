/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the option tables and the commands' usage texts, so that a new option needs nothing here: an option that is
 * FILE or PATH takes a file, "a|b" is a choice, and of a command's arguments the word in capitals says what they are.
 */
#include "cli/complete.h"

#include <stdint.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/event_types.h"
#include "cli/help.h"
#include "cli/podref.h"
#include "image/view.h"
#include "pod/view.h"
#include "util/auto.h"
#include "v1alpha/api.pb-c.h"

enum { IMAGE_SHORT_LEN = 7 + 12 };

struct line {
        FILE *out;
        const struct cmd *cmd;     /* NULL: not named yet */
        const char *group;         /* "image", when that was all so far */
        const struct opt *pending; /* the last word is this option's value */
        const struct opt *tables[CMD_TABLES];
        bool lost;          /* no such command */
        size_t n_args;      /* plain arguments before the last word */
        bool after_dashes;  /* behind "--": whatever the app understands */
        const char *prefix; /* stands before each candidate: "--net=" */
        size_t prefix_len;
        const char *begun; /* the candidate's beginning */
};

static void offer(const struct line *l, const char *word, size_t len, const char *what)
{
        size_t begun = strlen(l->begun);

        if (len < begun || strncmp(word, l->begun, begun) != 0)
                return;
        (void)fprintf(l->out, "%.*s%.*s", (int)l->prefix_len, l->prefix, (int)len, word);
        if (what && *what)
                (void)fprintf(l->out, "\t%s", what);
        (void)fputc('\n', l->out);
}

static void offer_text(const struct line *l, const char *word, const char *what)
{
        offer(l, word, strlen(word), what);
}

/* "json|json-pretty"; true when @text is such a list. */
static bool offer_choice(const struct line *l, const char *text)
{
        if (!strchr(text, '|') || text[strspn(text, "abcdefghijklmnopqrstuvwxyz-|")])
                return false;
        while (*text) {
                size_t len = strcspn(text, "|");

                offer(l, text, len, NULL);
                text += len + (text[len] == '|');
        }
        return true;
}

static void offer_options(const struct line *l)
{
        const char *equals;
        char word[80];

        for (const struct opt *const *t = l->tables; *t; t++)
                for (const struct opt *o = *t; o->type != OPT_END; o++)
                        if (o->help) {
                                (void)help_value(o, &equals);
                                (void)snprintf(word, sizeof(word), "--%s%s", o->name, equals);
                                offer_text(l, word, o->help);
                        }
        offer_text(l, "--help", "print the help");
}

/* The first words of commands, each once; or the second words of a group's. */
static void offer_commands(const struct line *l)
{
        const char *last = "";
        size_t last_len = 0, group = l->group ? strlen(l->group) : 0;

        for (const struct cmd *const *c = cli_commands; *c; c++) {
                const char *name = (*c)->name;
                size_t len = strcspn(name, " ");

                if (!l->group) {
                        if (len == last_len && strncmp(name, last, len) == 0)
                                continue;
                        offer(l, name, len, name[len] ? "a group of commands" : (*c)->summary);
                        last = name;
                        last_len = len;
                } else if (len == group && strncmp(name, l->group, len) == 0 && name[len]) {
                        offer_text(l, name + len + 1, (*c)->summary);
                }
        }
}

/* Which pods a command can do something with. */
static bool suits(const struct cmd *cmd, enum pod_state state)
{
        if (strcmp(cmd->name, "run-prepared") == 0)
                return state == POD_PREPARED;
        if (strcmp(cmd->name, "stop") == 0)
                return state == POD_RUNNING;
        if (strcmp(cmd->name, "rm") == 0)
                return state != POD_RUNNING && state != POD_PREPARING;
        return true;
}

static void offer_pods(const struct line *l)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_view_list_done) struct pod_view_list list = POD_VIEW_LIST_NULL;
        struct err ignored;

        if (podref_open(&eng, ENGINE_READ, &ignored) < 0 || eng.data_fd < 0 ||
            pod_view_list(&eng.pods, POD_DIRS_ALL, POD_VIEW_NAMES, &list, &ignored) < 0)
                return;
        for (size_t i = 0; i < list.n; i++) {
                const struct pod_view *v = list.v[i];

                if (!suits(l->cmd, v->state))
                        continue;
                if (v->name)
                        offer_text(l, v->name, pod_state_name(v->state));
                offer_text(l, v->uuid.text, pod_state_name(v->state));
        }
}

static void offer_images(const struct line *l)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(image_view_list_done) struct image_view_list list = IMAGE_VIEW_LIST_NULL;
        struct err ignored;
        char word[1024];

        if (podref_open(&eng, ENGINE_READ, &ignored) < 0 || eng.data_fd < 0 ||
            image_view_list(eng.data_fd, &list, &ignored) < 0)
                return;
        for (size_t i = 0; i < list.n; i++) {
                const struct image_view *v = &list.v[i];

                (void)snprintf(word, sizeof(word), "%s:%s", v->record.name, v->version);
                offer_text(l, word, "image");
                offer(l, v->record.id, IMAGE_SHORT_LEN, word);
        }
}

static void offer_apps(const struct line *l, const char *pod)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_view_freep) struct pod_view *v = NULL;
        struct uuid uuid;
        struct err ignored;

        if (podref_open(&eng, ENGINE_READ, &ignored) < 0 ||
            podref_resolve(&eng, pod, &uuid, &ignored) < 0 ||
            pod_view_read(&eng.pods, uuid.text, POD_VIEW_NAMES, &v, &ignored) < 0)
                return;
        for (size_t i = 0; i < v->n_apps; i++)
                offer_text(l, v->apps[i].name, "app");
}

static void offer_calls(const struct line *l)
{
        const ProtobufCServiceDescriptor *service = &v1alpha__public_api__descriptor;

        for (unsigned i = 0; i < service->n_methods; i++)
                offer_text(l, service->methods[i].name, NULL);
}

static void offer_event_type(const char *word, void *arg)
{
        offer_text(arg, word, NULL);
}

/* Behind the last comma. */
static void offer_event_types(const struct line *whole)
{
        const char *comma = strrchr(whole->begun, ',');
        struct line l = *whole;

        if (comma) {
                l.prefix = l.prefix_len > 0 ? l.prefix : l.begun;
                l.prefix_len = (size_t)(comma + 1 - l.prefix);
                l.begun = comma + 1;
        }
        event_types_each(offer_event_type, &l);
}

static void offer_value(const struct line *l, const struct opt *o)
{
        const char *v = o->value ? o->value : "";

        if (strcmp(o->name, "dir") == 0 || strstr(o->name, "-config"))
                (void)fputs(":dirs\n", l->out);
        else if (strcmp(v, "FILE") == 0)
                (void)fputs(":files\n", l->out);
        else if (o->type == OPT_FLAG)
                (void)offer_choice(l, "true|false");
        else if (strcmp(v, "POD") == 0)
                offer_pods(l);
        else if (strcmp(v, "IMAGE") == 0)
                offer_images(l);
        else if (o->call == event_types_call)
                offer_event_types(l);
        else
                (void)offer_choice(l, v);
}

/* The usage's word for argument number @i: "POD...", "[APP]"; what repeats stays. NULL: none. */
static const char *usage_word(const char *usage, size_t i, size_t *ret_len)
{
        for (;; usage += strspn(usage, " ")) {
                size_t len = strcspn(usage, " ");

                if (len == 0)
                        return NULL;
                if (i == 0 || (len > 3 && memcmp(usage + len - 3, "...", 3) == 0)) {
                        *ret_len = len;
                        return usage;
                }
                usage += len;
                i--;
        }
}

static void offer_arguments(const struct line *l, const char *before)
{
        static const struct {
                const char *word;
                void (*offer)(const struct line *l);
                bool files;
        } kinds[] = {
                { "POD", offer_pods, false },
                { "IMAGE", offer_images, false },
                { "COMMAND", offer_commands, false },
                { "CALL", offer_calls, false },
                { "FILE", NULL, true },
        };
        /* run and prepare: images all the way, and files that become images */
        size_t len, n = l->cmd->arg ? 0 : l->n_args;
        const char *word = usage_word(l->cmd->usage, n, &len);
        char text[64];

        if (!word || len >= sizeof(text))
                return;
        while (len > 0 && *word == '[') {
                word++;
                len--;
        }
        (void)snprintf(text, sizeof(text), "%.*s", (int)len, word);
        text[strcspn(text, "].")] = '\0';
        if (offer_choice(l, text))
                return;
        if (strcmp(text, "APP") == 0 && before)
                offer_apps(l, before);
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                if (strcmp(kinds[i].word, text) == 0) {
                        if (kinds[i].offer)
                                kinds[i].offer(l);
                        if (kinds[i].files || l->cmd->arg)
                                (void)fputs(":files\n", l->out);
                }
}

static void take_option(struct line *l, const char *word, const char *next)
{
        const char *name = word + 2, *eq = strchr(name, '=');
        const struct opt *o = opt_find(l->tables, name, eq ? (size_t)(eq - name) : strlen(name));
        const char *value = eq ? eq + 1 : next;

        if (!o)
                return;
        if (!eq && opt_takes_word(o))
                l->pending = o;
        if (strcmp(o->name, "dir") == 0 && value && *value)
                cli_globals.dir = value;
}

static void take_command(struct line *l, char *word)
{
        char *const words[] = { l->group ? (char *)(uintptr_t)l->group : word, word };
        struct err ignored;
        size_t used;

        if (cli_find_command(words, l->group ? 2 : 1, &l->cmd, &l->group, &used, &ignored) < 0)
                l->lost = true;
        else if (l->cmd)
                cli_tables(l->cmd, l->tables);
}

static void take(struct line *l, char *word, const char *next)
{
        if (l->pending) {
                l->pending = NULL;
        } else if (l->after_dashes) {
                l->after_dashes = !(l->cmd && l->cmd->app_args && strcmp(word, "---") == 0);
        } else if (strcmp(word, "--") == 0) {
                l->after_dashes = true;
        } else if (strncmp(word, "--", 2) == 0) {
                take_option(l, word, next);
        } else if (word[0] != '-') {
                if (l->cmd)
                        l->n_args++;
                else
                        take_command(l, word);
        }
}

void complete_words(FILE *out, char *const *words, size_t n)
{
        struct line l = { .out = out, .prefix = "", .begun = n ? words[n - 1] : "" };
        const char *eq = strchr(l.begun, '='), *before = n > 1 ? words[n - 2] : NULL;
        const struct opt *o;

        cli_tables(NULL, l.tables);
        for (size_t i = 0; i + 1 < n; i++)
                take(&l, words[i], words[i + 1]);
        if (l.pending) {
                offer_value(&l, l.pending);
        } else if (l.after_dashes) {
                (void)fputs(":files\n", out);
        } else if (strncmp(l.begun, "--", 2) == 0 && eq) {
                o = opt_find(l.tables, l.begun + 2, (size_t)(eq - l.begun - 2));
                l.prefix = l.begun;
                l.prefix_len = (size_t)(eq + 1 - l.begun);
                l.begun = eq + 1;
                if (o)
                        offer_value(&l, o);
        } else if (l.begun[0] == '-') {
                offer_options(&l);
        } else if (!l.cmd && !l.lost) {
                offer_commands(&l);
        } else if (l.cmd) {
                offer_arguments(&l, before);
        }
}
