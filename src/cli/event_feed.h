/* SPDX-License-Identifier: Apache-2.0 */
/* Events from a service to stdout, to the end or as they come. */
#pragma once

#include <stdbool.h>

#include "cli/api_client.h"
#include "cli/event_order.h"
#include "cli/output.h"
#include "util/err.h"
#include "util/time.h"
#include "v1alpha/api.pb-c.h"

/*
 * What a service must be asked with, for the end of a feed that does not follow: all that is known is told. (The contract's times
 * are whole seconds, of a clock that is not the service's.)
 */
#define EVENT_FEED_KEY   "carob-until"
#define EVENT_FEED_KNOWN "known"

struct event_feed {
        /* To be set; borrowed. */
        struct api_client *client;
        V1alpha__EventFilter *filter;
        nsec since,
                until; /* what is printed: since <= time < until; the filter has whole seconds */
        nsec last;     /* how far it has got; at first, where it begins */
        bool follow;   /* print each when it comes; else all in the end, by time */
        bool endless;  /* only a failure may end it */
        enum output_format format;

        /* event_feed.c's. */
        struct event_order got; /* and not printed yet */
        bool begun;             /* there was a reply */
        bool unprintable;       /* the error is about our output, not about the call */
};

/*
 * 0 at the end. When nobody reads stdout any more, the process ends by SIGPIPE; if that is ignored, -1 with an empty
 * text. Other errors: the service's, with a text that says what can be done; ERR_INTERNAL when stdout cannot be written.
 */
int event_feed_run(struct event_feed *f, struct err *e);
/* After a failure: the service knows of no events, and nothing was printed; another one may be asked. */
bool event_feed_unknown(const struct event_feed *f);
void event_feed_done(struct event_feed *f);
