/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/pod_json.h"
#include "cli/podref.h"
#include "pod/wait.h"
#include "util/auto.h"
#include "util/json.h"

enum { WAIT_NOT = -2, WAIT_FOR_EVER = -1 }; /* else nanoseconds */

static nsec wait_exit = WAIT_NOT, wait_ready = WAIT_NOT;
static const char *uuid_file;
static enum output_format format;

/* rkt's values: true, false, or a duration. */
static int set_wait(void *dest, const char *value, struct err *e)
{
        nsec *to = dest, d;

        if (strcmp(value, "true") == 0)
                *to = WAIT_FOR_EVER;
        else if (strcmp(value, "false") == 0)
                *to = WAIT_NOT;
        else if (time_parse_duration(value, &d) == 0 && d >= 0)
                *to = d;
        else
                return err_set(e, ERR_USAGE, 0, "\"%s\" is neither true, false nor a duration",
                               value);
        return 0;
}

static int wait_for(struct engine *eng, const char *uuid, enum pod_wait_for what, nsec how_long,
                    struct err *e)
{
        nsec deadline = how_long == WAIT_FOR_EVER ? -1 : time_monotonic() + how_long;

        if (how_long == WAIT_NOT)
                return 0;
        if (pod_wait(&eng->pods, uuid, what, deadline, e) < 0)
                return err_wrap(e, "waiting for pod \"%s\"", uuid);
        return 0;
}

static void print_run(const struct pod_view *v)
{
        AUTO(buf_done) struct buf networks = BUF_NULL(POD_TEXT_NETWORKS_MAX);

        if (v->state == POD_RUNNING || v->state == POD_EXITED) {
                pod_text_networks(v, &networks);
                (void)printf("networks=%s\n", buf_str(&networks));
        }
        if (v->pid > 0)
                (void)printf("pid=%d\n", (int)v->pid);
        (void)printf("exited=%s\n",
                     v->state == POD_EXITED || v->state == POD_EXITED_GARBAGE ? "true" : "false");
        for (size_t i = 0; i < v->n_apps; i++)
                if (v->apps[i].state == APP_EXITED && v->apps[i].exit_code >= 0)
                        (void)printf("app-%s=%d\n", v->apps[i].name, v->apps[i].exit_code);
}

static void print_text(const struct pod_view *v)
{
        char text[TIME_TEXT_MAX];

        (void)printf("state=%s\n", pod_state_name(v->state));
        pod_text_time(v->created_at, text);
        (void)printf("created=%s\n", text);
        if (v->started_at) {
                pod_text_time(v->started_at, text);
                (void)printf("started=%s\n", text);
        }
        if (v->state == POD_RUNNING || v->state == POD_EXITED || v->state == POD_EXITED_GARBAGE ||
            v->state == POD_EXITED_DELETING)
                print_run(v);
        if (v->problem)
                (void)fprintf(stderr, "status: warning: %s\n", v->problem);
}

static int status_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_view_freep) struct pod_view *v = NULL;
        AUTO_JSON struct json_object *o = NULL;
        struct uuid uuid;

        if (podref_open(&eng, ENGINE_READ, e) < 0 ||
            podref_one(&eng, args, n, uuid_file, &uuid, e) < 0 ||
            wait_for(&eng, uuid.text, POD_WAIT_READY, wait_ready, e) < 0 ||
            wait_for(&eng, uuid.text, POD_WAIT_EXITED, wait_exit, e) < 0 ||
            pod_view_read(&eng.pods, uuid.text, POD_VIEW_ALL, &v, e) < 0)
                return -1;
        if (format == OUTPUT_TEXT) {
                print_text(v);
                return 0;
        }
        o = pod_json(&eng, v);
        return output_json(o, format, e);
}

static const struct opt status_opts[] = {
        { OPT_CALL, 0, "wait", "[=false]", "first wait until the pod has ended; or for a time",
          &wait_exit, set_wait, "true" },
        { OPT_CALL, 0, "wait-ready", "[=false]",
          "first wait until all apps were started; or for a time", &wait_ready, set_wait, "true" },
        { OPT_TEXT, 0, "uuid-file", "FILE", "take the pod's UUID from FILE", &uuid_file, NULL,
          NULL },
        OUTPUT_FORMAT_OPT(&format),
        { .type = OPT_END },
};

const struct cmd cmd_status = {
        .name = "status",
        .usage = "POD",
        .summary = "Tell the state of a pod",
        .max_args = 1,
        .opts = status_opts,
        .main = status_main,
};
