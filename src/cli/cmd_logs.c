/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/log_lines.h"
#include "cli/moment.h"
#include "cli/output.h"
#include "cli/podref.h"
#include "logs/follow.h"
#include "logs/reader.h"
#include "pod/view.h"
#include "pod/wait.h"
#include "util/auto.h"
#include "util/mem.h"

#define END_WAIT (3 * NSEC_PER_SEC)

static struct {
        bool follow, timestamps, out, err;
        int64_t lines;
        nsec since, until;
        const char *colour;
        enum output_format format;
} arg = { .lines = -1, .colour = "auto" };

static int set_colour(void *dest, const char *value, struct err *e)
{
        static const char *const words[] = { "auto", "always", "never" };

        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                if (strcmp(value, words[i]) == 0) {
                        *(const char **)dest = words[i];
                        return 0;
                }
        return err_set(e, ERR_USAGE, 0, "\"%s\" is neither auto, always nor never", value);
}

/* no-color.org: a variable that is set and not empty. */
static bool want_colour(void)
{
        const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

        if (strcmp(arg.colour, "auto") != 0)
                return strcmp(arg.colour, "always") == 0;
        return isatty(STDOUT_FILENO) && !(none && *none) && term && strcmp(term, "dumb") != 0;
}

static int drain(struct logs_reader *r, struct log_lines *out, struct err *e)
{
        struct logs_line line;
        int n;

        while ((n = logs_reader_next(r, &line, e)) > 0)
                log_lines_put(out, &line);
        if (n == 0 && (fflush(stdout) != 0 || ferror(stdout)))
                return err_set(e, ERR_INTERNAL, errno, "cannot write the output");
        return n;
}

/* Milliseconds until nothing more can be in range; -1: for ever. */
static int time_left(void)
{
        nsec left = arg.until - time_now();

        if (arg.until == 0)
                return -1;
        return left <= 0 ? 0 : left > 60 * NSEC_PER_SEC ? 60000 : (int)(left / NSEC_PER_MSEC) + 1;
}

/* 1: the pod has ended; 0: it is past --until. */
static int follow(struct logs_follow *f, struct logs_reader *r, struct log_lines *out,
                  struct err *e)
{
        enum logs_follow_event event = logs_follow_check(f);
        struct logs_line line;
        int left = -1;

        for (;;) {
                if (logs_reader_refresh(r, e) < 0 || drain(r, out, e) < 0)
                        return -1;
                if (event == LOGS_FOLLOW_ENDED || left == 0)
                        break;
                left = time_left();
                if (left != 0 && logs_follow_wait(f, left, &event, e) < 0)
                        return -1;
        }
        while (logs_reader_flush(r, &line) > 0)
                log_lines_put(out, &line);
        return event == LOGS_FOLLOW_ENDED;
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
        struct log_lines out = {
                .timestamps = arg.timestamps,
                .colour = want_colour(),
                .json = arg.format != OUTPUT_TEXT,
        };
        struct uuid uuid;
        int ended = 0;

        if (podref_open(&eng, ENGINE_READ, e) < 0 || podref_resolve(&eng, args[0], &uuid, e) < 0 ||
            pod_view_read(&eng.pods, uuid.text, POD_VIEW_MANIFEST, &v, e) < 0 ||
            pod_open(&eng.pods, uuid.text, &pod, e) < 0)
                return -1;
        apps = xcalloc(v->n_apps + 1, sizeof(*apps));
        if (choose_apps(v, n > 1 ? args[1] : NULL, apps, &q.n_apps, e) < 0)
                return -1;
        q.apps = out.apps = apps;
        out.n_apps = q.n_apps;
        out.app = q.n_apps > 1;
        if (arg.out != arg.err)
                q.streams = LOGS_STREAM_BIT(arg.out ? LOGS_STDOUT : LOGS_STDERR);
        if (arg.follow && logs_follow_open(pod.fd, NULL, &f, e) < 0)
                return -1;
        /* What has ended is read as by anybody who does not follow. */
        q.follow = f && logs_follow_check(f) != LOGS_FOLLOW_ENDED;
        if (logs_reader_open(pod.fd, &q, &r, e) < 0)
                return -1;
        if (drain(r, &out, e) < 0)
                return -1;
        if (arg.follow && (ended = follow(f, r, &out, e)) < 0)
                return -1;
        log_lines_end(&out);
        if (!ended)
                return 0;
        /* The last line is out a moment before the lock falls; who asks for the state next must see the end. */
        (void)pod_wait(&eng.pods, uuid.text, POD_WAIT_EXITED, time_monotonic() + END_WAIT, e);
        return 0;
}

static const struct opt logs_opts[] = {
        { OPT_FLAG, 'f', "follow", "[=false]", "go on until the pod has ended, or --until",
          &arg.follow, NULL, NULL },
        { OPT_NUMBER, 'n', "lines", "N", "only the last N lines", &arg.lines, NULL, NULL },
        { OPT_CALL, 0, "since", "TIME", "only lines from TIME (RFC 3339, or 10m: so long ago) on",
          &arg.since, moment_call, NULL },
        { OPT_CALL, 0, "until", "TIME", "only lines before TIME", &arg.until, moment_call, NULL },
        { OPT_FLAG, 't', "timestamps", "[=false]", "begin each line with its time", &arg.timestamps,
          NULL, NULL },
        { OPT_FLAG, 0, "stdout", "[=false]", "only what was written to standard output", &arg.out,
          NULL, NULL },
        { OPT_FLAG, 0, "stderr", "[=false]", "only what was written to standard error", &arg.err,
          NULL, NULL },
        { OPT_CALL, 0, "color", "auto|always|never",
          "a colour for each app, and red for standard error; auto: on a terminal", &arg.colour,
          set_colour, "always" },
        OUTPUT_FORMAT_OPT(&arg.format),
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
