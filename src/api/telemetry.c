/* SPDX-License-Identifier: Apache-2.0 */
#include "api/telemetry.h"

#include <string.h>

#include "util/log.h"

static void on_call_start(const struct grpc_call_summary *s, void *arg)
{
        struct telemetry *t = arg;

        if (t->with_metrics)
                metrics_call_start(&t->metrics, s);
}

static void on_call_end(const struct grpc_call_summary *s, void *arg)
{
        struct telemetry *t = arg;

        if (t->with_metrics)
                metrics_call_end(&t->metrics, s);
        if (t->with_access_log)
                access_log_call(&t->access_log, s);
}

static void read_pods(const struct pod_index *pods, struct metrics_index *ret,
                      uint64_t by_state[static POD_STATE_MAX])
{
        struct pod_index_stats s;

        pod_index_stats(pods, &s);
        *ret = (struct metrics_index){
                .records = s.pods,
                .broken = s.broken,
                .pending = s.pending,
                .unwatched = s.unwatched,
                .reads = s.reads,
                .changes = s.changes,
                .scans = s.scans,
                .last_scan = s.last_scan_ns,
        };
        for (size_t i = 0; i < POD_STATE_MAX; i++)
                by_state[i] = s.by_state[i];
}

static void read_images(const struct image_index *images, struct metrics_index *ret)
{
        struct image_index_stats s;

        image_index_stats(images, &s);
        *ret = (struct metrics_index){
                .records = s.images,
                .broken = s.broken,
                .pending = s.pending,
                .unwatched = s.unwatched,
                .reads = s.reads,
                .changes = s.changes,
                .scans = s.scans,
                .last_scan = s.last_scan_ns,
        };
}

static void read_watch(const struct index *index, struct metrics_watch *ret)
{
        struct index_stats s;

        index_stats(index, &s);
        *ret = (struct metrics_watch){
                .watches = s.watch.watches,
                .max_watches = s.watch.max_watches,
                .processes = s.watch.processes,
                .events = s.watch.events,
                .overflows = s.watch.overflows,
                .refused = s.watch.refused,
                .attached = s.attached,
                .present = s.present,
        };
}

static int write_metrics(enum metrics_format format, struct buf *out, void *arg)
{
        struct telemetry *t = arg;
        struct metrics_values v = { .calls = &t->metrics };
        struct metrics_index pods, images;
        struct metrics_events events;
        struct metrics_watch watch;

        if (t->index) {
                read_watch(t->index, &watch);
                v.watch = &watch;
        }
        if (t->service->pods) {
                read_pods(t->service->pods, &pods, v.pods_by_state);
                v.pods = &pods;
        }
        if (t->service->images) {
                read_images(t->service->images, &images);
                v.images = &images;
        }
        if (t->service->subscribers) {
                event_ring_stats(t->service->events, &events.ring);
                subscribers_stats(t->service->subscribers, &events.subscribers);
                v.events = &events;
        }
        v.log_followers = t->service->log_followers;
        grpc_server_stats(t->server, &v.server);
        metrics_process_read(&t->process, &v.process);
        v.log_lines_lost = log_lost() + (t->with_access_log ? t->access_log.lost : 0);
        return metrics_text_write(&v, format, out);
}

void telemetry_init(struct telemetry *t, uv_loop_t *loop, const struct api_options *o,
                    const struct service *service)
{
        *t = (struct telemetry){
                .loop = loop,
                .service = service,
                .with_metrics = o->metrics_listen != NULL,
                .with_access_log = o->access_log,
                .process = METRICS_PROCESS_NULL,
                .observer = { .on_call_start = on_call_start,
                              .on_call_end = on_call_end,
                              .clock = time_monotonic,
                              .arg = t },
        };
        if (t->with_metrics) {
                metrics_init(&t->metrics);
                metrics_process_open(&t->process);
                t->http = metrics_http_new(loop, write_metrics, t);
        }
        if (t->with_access_log)
                access_log_init(&t->access_log, loop);
}

const struct grpc_observer *telemetry_observer(const struct telemetry *t)
{
        return t->with_metrics || t->with_access_log ? &t->observer : NULL;
}

void telemetry_add_service(struct telemetry *t, const struct grpc_service *service)
{
        if (t->with_metrics)
                metrics_add_service(&t->metrics, service);
}

/* Port 0 was chosen by the kernel: say which it is. */
static void announce(const struct telemetry *t, const char *address)
{
        size_t len = strlen(address);

        if (len > 2 && strcmp(address + len - 2, ":0") == 0)
                log_info("Serving metrics on %.*s:%u", (int)(len - 2), address,
                         metrics_http_port(t->http));
        else
                log_info("Serving metrics on %s", address);
}

void telemetry_set_index(struct telemetry *t, const struct index *index)
{
        t->index = index;
}

int telemetry_listen(struct telemetry *t, const struct grpc_server *server,
                     const struct api_options *o, struct err *e)
{
        t->server = server;
        if (!t->with_metrics)
                return 0;
        if (metrics_http_listen(t->http, o->metrics_listen, o->insecure_listen, e) < 0)
                return err_wrap(e, "--metrics-listen=%s", o->metrics_listen);
        announce(t, o->metrics_listen);
        return 0;
}

void telemetry_close(struct telemetry *t)
{
        t->http = metrics_http_free(t->http);
        if (t->with_access_log)
                access_log_close(&t->access_log);
}

void telemetry_done(struct telemetry *t)
{
        metrics_done(&t->metrics);
        metrics_process_done(&t->process);
        access_log_done(&t->access_log);
}
