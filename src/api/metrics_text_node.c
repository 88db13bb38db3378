/* SPDX-License-Identifier: Apache-2.0 */
/* What the service knows of the node: pods, images, what is watched, events and those who listen. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/metrics_text_priv.h"
#include "util/auto.h"
#include "v1alpha/api.pb-c.h"

/* rkt's names, with '_' for their blanks: "exited_garbage". */
static void put_pods(struct metrics_writer *w, const struct metrics_values *v)
{
        metrics_put_family(w, "carob_api_pods", "gauge", "Pods on this host, by state.");
        for (size_t i = 0; i < POD_STATE_MAX; i++) {
                char state[32];

                (void)snprintf(state, sizeof(state), "%s", pod_state_name((enum pod_state)i));
                for (char *c = state; *c; c++)
                        if (*c == ' ')
                                *c = '_';
                metrics_put(w, "carob_api_pods{state=\"%s\"} %" PRIu64 "\n", state,
                            v->pods_by_state[i]);
        }
}

static void put_indexes(struct metrics_writer *w, const struct metrics_values *v)
{
        static const struct metrics_scalar scalars[] = {
                ROW(metrics_index, "gauge", "carob_api_index_records", records,
                    "Pods or images that the index knows."),
                ROW(metrics_index, "gauge", "carob_api_index_broken_records", broken,
                    "Pods or images that cannot be read whole."),
                ROW(metrics_index, "gauge", "carob_api_index_pending_records", pending,
                    "Pods or images that are to be read, once or again."),
                ROW(metrics_index, "gauge", "carob_api_index_unwatched_records", unwatched,
                    "Pods or images that are not followed for want of watches."),
                ROW(metrics_index, "counter", "carob_api_index_reads_total", reads,
                    "Pods or images that were read."),
                ROW(metrics_index, "counter", "carob_api_index_changes_total", changes,
                    "Changes of pods or images that were seen."),
                ROW(metrics_index, "counter", "carob_api_index_scans_total", scans,
                    "Times that everything was read, the first time included."),
                ROW_SECONDS(metrics_index, "gauge", "carob_api_index_last_scan_seconds", last_scan,
                            "How long the last reading of everything took."),
        };
        const struct metrics_index *of[] = { v->pods, v->images };
        static const char *const kinds[] = { "pods", "images" };

        for (size_t s = 0; s < ARRAY_LEN(scalars); s++) {
                if (!v->pods && !v->images)
                        return;
                metrics_put_family(w, scalars[s].name, scalars[s].type, scalars[s].help);
                for (size_t i = 0; i < ARRAY_LEN(of); i++) {
                        uint64_t value;

                        if (!of[i])
                                continue;
                        memcpy(&value, (const char *)of[i] + scalars[s].offset, sizeof(value));
                        metrics_put(w, "%s{kind=\"%s\"} ", scalars[s].name, kinds[i]);
                        if (scalars[s].unit == SECONDS)
                                metrics_put_seconds(w, (nsec)value);
                        else
                                metrics_put(w, "%" PRIu64, value);
                        metrics_put(w, "\n");
                }
        }
        if (v->pods)
                put_pods(w, v);
        if (v->images) {
                metrics_put_family(w, "carob_api_images", "gauge", "Images in the store.");
                metrics_put(w, "carob_api_images %" PRIu64 "\n", v->images->records);
        }
}

static void put_watch(struct metrics_writer *w, const struct metrics_watch *v)
{
        static const struct metrics_scalar scalars[] = {
                ROW(metrics_watch, "gauge", "carob_api_index_watches", watches,
                    "Directories that are watched."),
                ROW(metrics_watch, "gauge", "carob_api_index_watches_limit", max_watches,
                    "Directories that may be watched."),
                ROW(metrics_watch, "gauge", "carob_api_index_watched_processes", processes,
                    "Processes whose end is waited for."),
                ROW(metrics_watch, "counter", "carob_api_index_events_total", events,
                    "Events of the kernel."),
                ROW(metrics_watch, "counter", "carob_api_index_overflows_total", overflows,
                    "Times that the kernel lost events."),
                ROW(metrics_watch, "counter", "carob_api_index_watches_refused_total", refused,
                    "Watches that could not be had."),
                ROW(metrics_watch, "counter", "carob_api_index_attached_total", attached,
                    "Times that a data directory was found, or had to be read anew."),
                ROW(metrics_watch, "gauge", "carob_api_data_directory_present", present,
                    "1 while there is a data directory."),
        };

        metrics_put_scalars(w, scalars, ARRAY_LEN(scalars), v);
}

/* "pod_started" of EVENT_TYPE_POD_STARTED. */
static void put_event_types(struct metrics_writer *w, const struct event_ring_stats *v)
{
        static const char prefix[] = "EVENT_TYPE_";
        const ProtobufCEnumDescriptor *types = &v1alpha__event_type__descriptor;

        metrics_put_family(w, "carob_api_events_total", "counter", "Events that were told.");
        for (size_t i = 1; i < ARRAY_LEN(v->by_type); i++) {
                const ProtobufCEnumValue *type =
                        protobuf_c_enum_descriptor_get_value(types, (int)i);
                char name[64];

                (void)snprintf(name, sizeof(name), "%s", type->name + strlen(prefix));
                for (char *c = name; *c; c++)
                        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 'a' - 'A') : *c;
                metrics_put(w, "carob_api_events_total{type=\"%s\"} %" PRIu64 "\n", name,
                            v->by_type[i]);
        }
}

struct metrics_events_row {
        uint64_t kept, bytes, subscribers, dropped, responses;
};

static void put_events(struct metrics_writer *w, const struct metrics_events *v)
{
        const struct metrics_events_row values = { v->ring.kept, v->ring.bytes, v->subscribers.now,
                                                   v->subscribers.dropped,
                                                   v->subscribers.responses };
        static const struct metrics_scalar scalars[] = {
                ROW(metrics_events_row, "gauge", "carob_api_events_kept", kept,
                    "Events that are remembered for those who ask for them later."),
                ROW(metrics_events_row, "gauge", "carob_api_events_kept_bytes", bytes,
                    "Memory of the events that are remembered."),
                ROW(metrics_events_row, "gauge", "carob_api_event_subscribers", subscribers,
                    "Calls of ListenEvents that listen."),
                ROW(metrics_events_row, "counter", "carob_api_event_subscribers_dropped_total",
                    dropped,
                    "Calls of ListenEvents that were ended, because the client was too slow."),
                ROW(metrics_events_row, "counter", "carob_api_event_responses_total", responses,
                    "Responses with events that were sent."),
        };

        put_event_types(w, &v->ring);
        metrics_put_scalars(w, scalars, ARRAY_LEN(scalars), &values);
}

void metrics_put_node(struct metrics_writer *w, const struct metrics_values *v)
{
        put_indexes(w, v);
        if (v->watch)
                put_watch(w, v->watch);
        if (v->events)
                put_events(w, v->events);
}
