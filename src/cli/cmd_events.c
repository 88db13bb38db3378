/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of an API service, or of one that is started for this and tells what it sees, and what the disk still
 * tells. The contract's times are seconds: it is asked for whole ones, and what is outside of the user's is left out
 * here.
 */
#include <unistd.h>

#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/event_feed.h"
#include "cli/event_types.h"
#include "cli/moment.h"
#include "cli/podref.h"
#include "image/record.h"
#include "image/view.h"
#include "util/auto.h"
#include "util/log.h"

enum {
        /* What a unix socket's buffer holds: who reads slowly is the service's to judge, by the events it is behind. */
        WINDOW = 64 * 1024,
        /* Of a service of our own: all that the disk tells, before we have read the first of it. */
        OWN_KEPT = 256 * 1024,
        /* For a service that does not hear that it shall end (EVENT_FEED_KEY): when it does. */
        ANSWER_SECONDS = 60,
};

static struct {
        bool follow;
        nsec since, until; /* 0: not given */
        struct event_types types;
        struct strv pods, images, names;
        enum output_format format;
        const char *address;
} arg;

struct listener {
        struct api_client client;
        V1alpha__EventFilter filter;
        struct strv ids;
        struct event_feed feed;
};

static void listener_done(struct listener *l)
{
        event_feed_done(&l->feed);
        api_client_done(&l->client);
        strv_done(&l->ids);
}

static int add_text(void *dest, const char *value, struct err *e)
{
        if (*value == '\0')
                return err_set(e, ERR_USAGE, 0, "is empty");
        strv_add(dest, value);
        return 0;
}

/* Names and beginnings are those of --dir. What is gone can be named in full only. */
static int resolve(struct listener *l, struct engine *eng, bool image, const char *text,
                   struct err *e)
{
        char id[IMAGE_ID_LEN + 1];
        struct uuid uuid;

        if (image ? image_id_is_valid(text) : uuid_is_valid(text)) {
                strv_add(&l->ids, text);
                return 0;
        }
        if (!api_client_serves_dir(&l->client))
                return err_set(e, ERR_USAGE, 0, "\"%s\": %s does not serve %s: give the whole %s",
                               text, l->client.address, cli_globals.dir, image ? "id" : "UUID");
        if (podref_open(eng, ENGINE_READ, e) < 0 ||
            (image ? image_resolve_text(eng->data_fd, text, id, e)
                   : podref_resolve(eng, text, &uuid, e)) < 0)
                return -1;
        strv_add(&l->ids, image ? id : uuid.text);
        return 0;
}

static int resolve_all(struct listener *l, struct err *e)
{
        for (size_t i = 0; i < arg.pods.n + arg.images.n; i++) {
                AUTO(engine_done) struct engine eng = ENGINE_NULL;
                bool image = i >= arg.pods.n;

                if (resolve(l, &eng, image, image ? arg.images.v[i - arg.pods.n] : arg.pods.v[i],
                            e) < 0)
                        return -1;
        }
        return 0;
}

static int64_t whole_seconds(nsec t, bool up)
{
        return t / NSEC_PER_SEC + (up && t % NSEC_PER_SEC != 0);
}

static void make_filter(struct listener *l, nsec now)
{
        V1alpha__EventFilter *f = &l->filter;

        v1alpha__event_filter__init(f);
        f->types = arg.types.v;
        f->n_types = arg.types.n;
        f->ids = l->ids.v;
        f->n_ids = l->ids.n;
        f->names = arg.names.v;
        f->n_names = arg.names.n;
        /* 0 would mean: not asked for. */
        if (arg.since || !arg.follow)
                f->since_time =
                        whole_seconds(arg.since, false) ? whole_seconds(arg.since, false) : 1;
        if (arg.until)
                f->until_time = whole_seconds(arg.until, true);
        else if (!arg.follow && l->client.address)
                f->until_time = whole_seconds(now, true) + ANSWER_SECONDS;
}

static void make_feed(struct listener *l, nsec now)
{
        make_filter(l, now);
        l->feed = (struct event_feed){
                .client = &l->client,
                .filter = &l->filter,
                .since = arg.since,
                .until = arg.until ? arg.until : INT64_MAX,
                .last = arg.since ? arg.since : now,
                .follow = arg.follow,
                .endless = arg.follow && !arg.until,
                .format = arg.format,
        };
}

static int open_client(struct listener *l, const char *address, struct err *e)
{
        struct api_client_options o = {
                .address = address,
                .grpc = { .window_bytes = WINDOW, .output_fd = STDOUT_FILENO },
        };
        char since[TIME_TEXT_MAX];
        int r;

        if (!arg.follow) {
                o.grpc.metadata_key = EVENT_FEED_KEY;
                o.grpc.metadata_value = EVENT_FEED_KNOWN;
        }
        time_format_rfc3339(arg.since, since);
        if (arg.since || !arg.follow)
                strv_addf(&o.own, "--events-since=%s", since);
        strv_addf(&o.own, "--events-kept=%d", OWN_KEPT);
        r = api_client_open(&l->client, &o, e);
        strv_done(&o.own);
        return r;
}

static int events_main(char *const *args, size_t n, struct err *e)
{
        AUTO(listener_done) struct listener l = { .client = API_CLIENT_NULL };
        nsec now = time_now();
        int r;

        (void)args, (void)n;
        if (open_client(&l, arg.address, e) < 0 || resolve_all(&l, e) < 0)
                return -1;
        make_feed(&l, now);
        r = event_feed_run(&l.feed, e);
        if (r == 0 || arg.address || !l.client.address || !event_feed_unknown(&l.feed))
                return r;
        /* Nobody has asked for this service: one of ours knows more. */
        log_debug("%s", e->text);
        api_client_done(&l.client);
        if (open_client(&l, API_CLIENT_OWN, e) < 0)
                return -1;
        make_feed(&l, now);
        return event_feed_run(&l.feed, e);
}

static const struct opt events_opts[] = {
        { OPT_FLAG, 'f', "follow", "[=false]", "tell what happens from now on, as it happens",
          &arg.follow, NULL, NULL },
        { OPT_CALL, 0, "since", "TIME",
          "only what happened from TIME (RFC 3339, or 10m: so long ago) on; with --follow, that "
          "first",
          &arg.since, moment_call, NULL },
        { OPT_CALL, 0, "until", "TIME",
          "only what happened before TIME; with --follow, end then (+10m: in so long)", &arg.until,
          moment_call, NULL },
        { OPT_CALL, 0, "type", "TYPE[,TYPE...]",
          "only such events: pod-started, ...; pod, app, image: all about those; repeatable",
          &arg.types, event_types_call, NULL },
        { OPT_CALL, 0, "pod", "POD", "only events of this pod and its apps; repeatable", &arg.pods,
          add_text, NULL },
        { OPT_CALL, 0, "image", "IMAGE", "only events of this image; repeatable", &arg.images,
          add_text, NULL },
        { OPT_CALL, 0, "name", "NAME",
          "only events of what is called so: a pod, an app or an image; repeatable", &arg.names,
          add_text, NULL },
        { OPT_TEXT, 0, "address", API_CLIENT_ADDRESS,
          "the API service to ask: HOST:PORT or unix:PATH; none: ask none, watch the data "
          "directory. Left out: ask, if it serves --dir, else watch",
          &arg.address, NULL, NULL },
        OUTPUT_FORMAT_OPT(&arg.format),
        { .type = OPT_END },
};

const struct cmd cmd_events = {
        .name = "events",
        .usage = "",
        .summary = "Tell what happens to pods, apps and images",
        .more = "\tWithout --follow: what is known of the past, oldest first. A service knows what "
                "happened since\n"
                "\tit was started; the data directory, what is still there and what was removed "
                "lately.\n",
        .opts = events_opts,
        .main = events_main,
};
