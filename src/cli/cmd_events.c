/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of an API service, or of one that is started for this and tells what it sees, and what the disk still
 * tells. The contract's times are seconds: it is asked for whole ones, and what is outside of the user's is left out
 * here.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/event_lines.h"
#include "cli/event_order.h"
#include "cli/event_types.h"
#include "cli/moment.h"
#include "cli/podref.h"
#include "grpc/wire_check.h"
#include "image/record.h"
#include "image/view.h"
#include "util/auto.h"
#include "util/log.h"
#include "util/mem.h"

enum {
        /* What a unix socket's buffer holds: who reads slowly is the service's to judge, by the events it is behind. */
        WINDOW = 64 * 1024,
        /* Of a service of our own: all that the disk tells, before we have read the first of it. */
        OWN_KEPT = 256 * 1024,
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
        nsec since, until;      /* what is shown */
        nsec last;              /* how far it has got */
        bool begun;             /* there was a reply */
        bool unprintable;       /* the error is about our output, not about the call */
        struct event_order got; /* and not printed yet */
};

static void listener_done(struct listener *l)
{
        api_client_done(&l->client);
        event_order_done(&l->got);
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
        l->since = arg.since;
        l->until = arg.until ? arg.until : INT64_MAX;
        l->last = arg.since ? arg.since : now;
        /* 0 would mean: not asked for. */
        if (arg.since || !arg.follow)
                f->since_time =
                        whole_seconds(arg.since, false) ? whole_seconds(arg.since, false) : 1;
        if (arg.until)
                f->until_time = whole_seconds(arg.until, true);
        /* For a service that does not know carob-until, and would go on for ever. */
        if (!arg.follow && l->until > now)
                f->until_time = whole_seconds(now, false) + 2;
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
                o.grpc.metadata_key = "carob-until";
                o.grpc.metadata_value = "known";
        }
        time_format_rfc3339(arg.since, since);
        if (arg.since || !arg.follow)
                strv_addf(&o.own, "--events-since=%s", since);
        strv_addf(&o.own, "--events-kept=%d", OWN_KEPT);
        r = api_client_open(&l->client, &o, e);
        strv_done(&o.own);
        return r;
}

/* Who closes the other end of a pipe has seen enough, and needs no explanation. */
static int output_is_closed(struct err *e)
{
        struct pollfd p = { .fd = STDOUT_FILENO };

        if (poll(&p, 1, 0) != 1 || !(p.revents & (POLLERR | POLLHUP)))
                return -1;
        (void)raise(SIGPIPE); /* as writing would */
        (void)err_set(e, ERR_CANCELLED, 0, "%s", "");
        return -1;
}

static int not_printed(struct listener *l, struct err *e)
{
        l->unprintable = true;
        return output_is_closed(e);
}

/* What has come. All of it, when there is no more, or each reply. */
static int print_events(struct listener *l, struct err *e)
{
        event_order_sort(&l->got);
        for (size_t i = 0; i < l->got.n; i++) {
                const V1alpha__Event *event = l->got.v[i].event;
                nsec t = event_time(event);

                l->last = t;
                if (t >= l->since && t < l->until && event_print(event, arg.format, e) < 0)
                        return not_printed(l, e);
        }
        event_order_done(&l->got);
        /* Somebody waits for them. */
        if (fflush(stdout) != 0) {
                (void)err_set(e, ERR_INTERNAL, errno, "cannot write the output");
                return not_printed(l, e);
        }
        return 0;
}

/* What can be done about it. */
static int explain(struct listener *l, struct err *e)
{
        enum grpc_code code = grpc_client_status(l->client.grpc);
        const char *where = l->client.address ? l->client.address : "carob-api";
        AUTO_FREE char *why = NULL;
        char when[TIME_TEXT_MAX];

        if (e->kind == ERR_CANCELLED && output_is_closed(e) < 0 && !e->text[0])
                return -1;
        (void)api_client_failed(&l->client, "ListenEvents", e);
        why = xstrdup(e->text);
        time_format_rfc3339(l->last, when);
        if (code == GRPC_UNIMPLEMENTED)
                return err_set(e, ERR_UNSUPPORTED, 0,
                               "%s: the service at %s is too old to tell events: restart it, or do "
                               "without it by --address=none",
                               why, where);
        if (code == GRPC_RESOURCE_EXHAUSTED)
                return err_set(e, ERR_LIMIT, 0,
                               "%s: whatever reads the output is too slow; go on with --since=%s",
                               why, when);
        if (code == GRPC_UNAVAILABLE && l->begun)
                return err_set(e, ERR_UNAVAILABLE, 0, "%s: go on with --since=%s", why, when);
        return -1;
}

/* This service does not know what events are, and the user has not asked for it: another one may. */
static bool may_ask_another(const struct listener *l)
{
        return !l->begun && l->client.address && !arg.address &&
               grpc_client_status(l->client.grpc) == GRPC_UNIMPLEMENTED;
}

/* The replies to their end. */
static int receive(struct listener *l, struct err *e)
{
        for (;;) {
                ProtobufCMessage *reply = NULL;
                int n = grpc_client_next(l->client.grpc,
                                         &v1alpha__listen_events_response__descriptor, &reply, e);

                if (n <= 0)
                        return n;
                l->begun = true;
                event_order_add_consume(&l->got, (V1alpha__ListenEventsResponse *)reply);
                if (arg.follow && print_events(l, e) < 0)
                        return -1;
        }
}

/* 0: the end. 1: another service must be asked. */
static int listen_events(struct listener *l, struct err *e)
{
        V1alpha__ListenEventsRequest request = V1ALPHA__LISTEN_EVENTS_REQUEST__INIT;
        struct err printing;
        int r;

        request.filter = &l->filter;
        r = grpc_client_start(l->client.grpc, "/v1alpha.PublicAPI/ListenEvents", &request.base, 0,
                              e);
        if (r == 0)
                r = receive(l, e);
        if (r < 0 && may_ask_another(l))
                return 1;
        if (r < 0 && !l->unprintable) {
                (void)print_events(l, &printing); /* what came before is true all the same */
                return explain(l, e);
        }
        if (r < 0 || print_events(l, e) < 0)
                return -1;
        if (arg.follow && !arg.until)
                return err_set(e, ERR_UNAVAILABLE, 0, "ListenEvents: the service has ended it");
        return 0;
}

static int events_main(char *const *args, size_t n, struct err *e)
{
        AUTO(listener_done) struct listener l = { .client = API_CLIENT_NULL };
        nsec now = time_now();
        int r;

        (void)args, (void)n;
        if (open_client(&l, arg.address, e) < 0)
                return -1;
        if (resolve_all(&l, e) < 0)
                return -1;
        make_filter(&l, now);
        r = listen_events(&l, e);
        if (r <= 0)
                return r;
        log_debug("the service at %s tells no events", l.client.address);
        api_client_done(&l.client);
        return open_client(&l, API_CLIENT_OWN, e) < 0 ? -1 : listen_events(&l, e);
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
