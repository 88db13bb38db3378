/* SPDX-License-Identifier: Apache-2.0 */
/* Events on stdout: a line each, for people and grep(1), or as JSON. */
#pragma once

#include "cli/output.h"
#include "util/time.h"
#include "v1alpha/api.pb-c.h"

/* In full, when the service tells it; else in seconds. */
nsec event_time(const V1alpha__Event *event);

/*
 * "TIME TYPE ID NAME key=value ...": time, type and the ids of pods and apps have fixed widths. NAME is "-" where it is the id
 * again. Values (and ids, and names) that are no plain word are quoted, so that no event looks like two, or steers a
 * terminal. @ret is emptied first.
 */
int event_line_text(const V1alpha__Event *event, struct buf *ret); /* -ENOBUFS */
/* {"type", "id", "from", "time", "time_ns", "data"}. The caller's to release. */
struct json_object *event_json(const V1alpha__Event *event);

/* Prints it. ERR_INTERNAL, as output_json. */
int event_print(const V1alpha__Event *event, enum output_format format, struct err *e);
