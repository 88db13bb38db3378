/* SPDX-License-Identifier: Apache-2.0 */
/* Pods as list and status show them. */
#pragma once

#include <json-c/json.h>

#include "engine/engine.h"
#include "pod/view.h"
#include "util/buf.h"

/*
 * rkt's api/v1 Pod, members in its order, and after them what carob knows besides. New reference. @eng is asked for
 * net-info.json, which is passed on as it is.
 */
struct json_object *pod_json(struct engine *eng, const struct pod_view *v);

/* "default:ip4=172.16.28.2, other:ip4=10.1.0.2,ip6=fd00::2"; "" without networks. */
enum { POD_TEXT_NETWORKS_MAX = 8192 };
void pod_text_networks(const struct pod_view *v, struct buf *out);
/* Go's time with milliseconds; the zero time as Go prints it. */
void pod_text_time(nsec t, char ret[static TIME_TEXT_MAX]);
