/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/podref.h"
#include "logs/follow.h"
#include "logs/reader.h"
#include "pod/view.h"
#include "pod/wait.h"
#include "util/auto.h"
#include "util/mem.h"

#define END_WAIT (3 * NSEC_PER_SEC)

static struct {
        bool follow, timestamps;
        int64_t lines;
        nsec since, until;
} arg = { .lines = -1 };

/* A moment, or a time before now. */
static int set_moment(void *dest, const char *value, struct err *e)
{
        nsec *to = dest, t;

        if (time_parse_rfc3339(value, strlen(value), &t) == 0)
                *to = t;
        else if (time_parse_duration(value, &t) == 0 && t >= 0)
                *to = time_now() - t;
        else
                return err_set(
                        e, ERR_USAGE, 0,
                        "\"%s\" is neither a time (2026-01-31T12:00:00Z) nor a duration (10m)",
                        value);
        return 0;
}

/* The line that has begun on stdout and not ended: long ones come in pieces. */
static struct {
        bool begun;
        const char *app; /* borrowed from the reader */
        enum logs_stream stream;
} current;

static void end_line(void)
{
        if (current.begun)
                (void)putchar('\n');
        current.begun = false;
}

/* With several apps each line says whose it is. Text from apps goes out as it is, as with any program's output. */
static void print_line(const struct logs_line *l, bool prefix)
{
        bool continues =
                current.begun && current.stream == l->stream && strcmp(current.app, l->app) == 0;
        char when[TIME_TEXT_MAX];

        if (!continues) {
                end_line();
                if (arg.timestamps) {
                        time_format_rfc3339(l->time, when);
                        (void)printf("%s ", when);
                }
                if (prefix)
                        (void)printf("%s: ", l->app);
        }
        (void)fwrite(l->text, 1, l->len, stdout);
        current.begun = true;
        current.app = l->app;
        current.stream = l->stream;
        if (!l->partial)
                end_line();
}

static int drain(struct logs_reader *r, bool prefix, struct err *e)
{
        struct logs_line line;
        int n;

        while ((n = logs_reader_next(r, &line, e)) > 0)
                print_line(&line, prefix);
        if (n == 0 && (fflush(stdout) != 0 || ferror(stdout)))
                return err_set(e, ERR_INTERNAL, errno, "cannot write the output");
        return n;
}

static int follow(struct logs_follow *f, struct logs_reader *r, bool prefix, struct err *e)
{
        enum logs_follow_event event = logs_follow_check(f);
        struct logs_line line;

        for (;;) {
                if (logs_reader_refresh(r, e) < 0 || drain(r, prefix, e) < 0)
                        return -1;
                if (event == LOGS_FOLLOW_ENDED)
                        break;
                if (logs_follow_wait(f, -1, &event, e) < 0)
                        return -1;
        }
        while (logs_reader_flush(r, &line) > 0)
                print_line(&line, prefix);
        return 0;
}

/* The apps asked for: all in manifest order, or the one named. */
static int choose_apps(const struct pod_view *v, const char *only, const char **names,
                       size_t *ret_n, struct err *e)
{
        size_t n = 0;

        for (size_t i = 0; i < v->n_apps; i++)
                if (!only || strcmp(only, v->apps[i].name) == 0)
                        names[n++] = v->apps[i].name;
        if (only && n == 0)
                return err_set(e, ERR_NOT_FOUND, 0, "pod \"%s\" has no app \"%s\"", v->uuid.text,
                               only);
        *ret_n = n;
        return 0;
}

static int logs_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_view_freep) struct pod_view *v = NULL;
        AUTO(pod_done) struct pod pod = POD_NULL;
        AUTO(logs_follow_freep) struct logs_follow *f = NULL;
        AUTO(logs_reader_freep) struct logs_reader *r = NULL;
        AUTO_FREE const char **apps = NULL;
        struct logs_query q = {
                .since = arg.since, .until = arg.until, .tail = arg.lines, .follow = arg.follow
        };
        struct uuid uuid;

        if (podref_open(&eng, ENGINE_READ, e) < 0 || podref_resolve(&eng, args[0], &uuid, e) < 0 ||
            pod_view_read(&eng.pods, uuid.text, POD_VIEW_MANIFEST, &v, e) < 0 ||
            pod_open(&eng.pods, uuid.text, &pod, e) < 0)
                return -1;
        apps = xcalloc(v->n_apps + 1, sizeof(*apps));
        if (choose_apps(v, n > 1 ? args[1] : NULL, apps, &q.n_apps, e) < 0)
                return -1;
        q.apps = apps;
        if ((arg.follow && logs_follow_open(pod.fd, &f, e) < 0) ||
            logs_reader_open(pod.fd, &q, &r, e) < 0)
                return -1;
        if (drain(r, q.n_apps > 1, e) < 0)
                return -1;
        if (arg.follow && follow(f, r, q.n_apps > 1, e) < 0)
                return -1;
        end_line();
        if (!arg.follow)
                return 0;
        /* The last line is out a moment before the lock falls; who asks for the state next must see the end. */
        (void)pod_wait(&eng.pods, uuid.text, POD_WAIT_EXITED, time_monotonic() + END_WAIT, e);
        return 0;
}

static const struct opt logs_opts[] = {
        { OPT_FLAG, 'f', "follow", "[=false]", "go on until the pod has ended", &arg.follow, NULL,
          NULL },
        { OPT_NUMBER, 'n', "lines", "N", "only the last N lines", &arg.lines, NULL, NULL },
        { OPT_CALL, 0, "since", "TIME", "only lines from TIME (RFC 3339, or 10m: so long ago) on",
          &arg.since, set_moment, NULL },
        { OPT_CALL, 0, "until", "TIME", "only lines before TIME", &arg.until, set_moment, NULL },
        { OPT_FLAG, 't', "timestamps", "[=false]", "begin each line with its time", &arg.timestamps,
          NULL, NULL },
        { .type = OPT_END },
};

const struct cmd cmd_logs = {
        .name = "logs",
        .usage = "POD [APP]",
        .summary = "Print what the apps of a pod have written",
        .min_args = 1,
        .max_args = 2,
        .opts = logs_opts,
        .main = logs_main,
};
