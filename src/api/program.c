/* SPDX-License-Identifier: Apache-2.0 */
#include "api/program.h"

#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "api/confine.h"
#include "api/event_ring.h"
#include "api/event_source.h"
#include "api/index.h"
#include "api/listen.h"
#include "api/notify.h"
#include "api/privileges.h"
#include "api/service.h"
#include "api/subscribers.h"
#include "api/telemetry.h"
#include "grpc/health.h"
#include "grpc/reflection.h"
#include "grpc/server.h"
#include "util/auto.h"
#include "util/log.h"

#define STOP_GRACE (2 * NSEC_PER_SEC)

struct program {
        uv_loop_t loop;
        uv_signal_t sigterm;
        uv_signal_t sigint;
        uv_signal_t sighup;
        uv_timer_t watchdog;
        struct grpc_server *server;
        struct grpc_health *health;
        struct grpc_reflection *reflection;
        struct grpc_tls *tls; /* owned; NULL: plaintext */
        struct service service;
        struct notify notify;
        struct telemetry telemetry;
        struct index *index; /* owned */
        struct waiter first_scan, first_images;
        bool stopping;
};

/* Everything ends; the loop runs dry afterwards. */
static void close_all(struct program *p)
{
        p->server = grpc_server_free(p->server);
        telemetry_close(&p->telemetry);
        subscribers_free(p->service.subscribers);
        if (p->service.pods)
                pod_index_cancel(p->service.pods, &p->first_scan);
        if (p->service.images)
                image_index_cancel(p->service.images, &p->first_images);
        event_source_free(p->service.event_source);
        pod_index_free(p->service.pods);
        image_index_free(p->service.images);
        index_free(p->index);
        svc_logs_close(&p->service);
        jobs_close(&p->service.jobs);
        uv_close((uv_handle_t *)&p->sigterm, NULL);
        uv_close((uv_handle_t *)&p->sigint, NULL);
        uv_close((uv_handle_t *)&p->sighup, NULL);
        uv_close((uv_handle_t *)&p->watchdog, NULL);
}

static void stopped(void *arg)
{
        sigset_t ours;

        /* An impatient second signal must not kill us in the last moment, when nobody handles it any more. */
        (void)sigemptyset(&ours);
        (void)sigaddset(&ours, SIGTERM);
        (void)sigaddset(&ours, SIGINT);
        (void)sigaddset(&ours, SIGHUP);
        (void)sigprocmask(SIG_BLOCK, &ours, NULL);
        close_all(arg);
}

static void on_stop_signal(uv_signal_t *handle, int signo)
{
        struct program *p = handle->data;

        (void)signo;
        if (!p->server)
                return;
        if (!p->stopping) {
                log_info("API service exiting...");
                grpc_health_shutdown(p->health);
                notify_stopping(&p->notify);
        }
        grpc_server_stop(p->server, p->stopping ? 0 : STOP_GRACE, stopped, p);
        p->stopping = true;
}

static void warn_of_certificate(const struct program *p)
{
        const char *warning = p->tls ? grpc_tls_warning(p->tls) : NULL;

        if (warning)
                log_warning("%s", warning);
}

/* What was served before goes on being served when the new files are no good. */
static void on_reload_signal(uv_signal_t *handle, int signo)
{
        struct program *p = handle->data;
        struct err e;

        (void)signo;
        if (!p->server || p->stopping)
                return;
        notify_reloading(&p->notify);
        if (!p->tls) {
                log_info("Nothing to reload: there is no TLS");
                notify_ready(&p->notify, "Serving");
        } else if (grpc_tls_reload(p->tls, &e) < 0) {
                log_error("certificates not reloaded, the old ones stay: %s", e.text);
                notify_ready(&p->notify, "Serving; the new certificates could not be read");
        } else {
                log_info("Certificates reloaded");
                warn_of_certificate(p);
                notify_ready(&p->notify, "Serving");
        }
}

static void on_watchdog(uv_timer_t *timer)
{
        const struct program *p = timer->data;

        notify_send(&p->notify, "WATCHDOG=1");
}

static void start_watchdog(struct program *p)
{
        uint64_t half_ms = (uint64_t)(p->notify.watchdog / 2 / NSEC_PER_MSEC);

        if (p->notify.watchdog > 0)
                (void)uv_timer_start(&p->watchdog, on_watchdog, 0, half_ms > 0 ? half_ms : 1);
}

/* Each client and each call that reads takes descriptors; the soft limit is made for select(2). */
static struct descriptors raise_descriptor_limit(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return descriptors_split(0);
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        return descriptors_split(limit.rlim_cur);
}

static void init_handles(struct program *p)
{
        (void)uv_loop_init(&p->loop);
        (void)uv_signal_init(&p->loop, &p->sigterm);
        (void)uv_signal_init(&p->loop, &p->sigint);
        (void)uv_signal_init(&p->loop, &p->sighup);
        (void)uv_timer_init(&p->loop, &p->watchdog);
        p->sigterm.data = p->sigint.data = p->sighup.data = p->watchdog.data = p;
        (void)uv_signal_start(&p->sigterm, on_stop_signal, SIGTERM);
        (void)uv_signal_start(&p->sigint, on_stop_signal, SIGINT);
        (void)uv_signal_start(&p->sighup, on_reload_signal, SIGHUP);
}

static void set_health(const struct program *p, enum grpc_health_status status)
{
        grpc_health_set(p->health, "", status);
        grpc_health_set(p->health, service_public_api.name, status);
}

static void add_service(struct program *p, const struct grpc_service *service, void *ctx)
{
        grpc_server_add_service(p->server, service, ctx);
        grpc_reflection_add(p->reflection, service);
        telemetry_add_service(&p->telemetry, service);
}

/* The API, and the companions that probes, balancing clients and grpcurl look for. */
static void add_services(struct program *p)
{
        p->health = grpc_health_new();
        set_health(p, GRPC_HEALTH_NOT_SERVING); /* clients may ask, and wait, before all is ready */
        p->reflection = grpc_reflection_new();
        add_service(p, &service_public_api, &p->service);
        add_service(p, &grpc_health_service, p->health);
        grpc_server_add_service(p->server, &grpc_reflection_v1_service, p->reflection);
        grpc_server_add_service(p->server, &grpc_reflection_v1alpha_service, p->reflection);
        telemetry_add_service(&p->telemetry, &grpc_reflection_v1_service);
        telemetry_add_service(&p->telemetry, &grpc_reflection_v1alpha_service);
}

/* Whoever sets up clients needs to know why they are not let in; strangers must not fill the log. */
static void on_tls_failure(const struct grpc_peer *peer, const char *reason, void *arg)
{
        (void)arg;
        log_event_limited(LOG_LEVEL_WARNING, "TLS handshake failed",
                          LOG_TEXT("peer", peer->address), LOG_TEXT("reason", reason));
}

static void init_service(struct program *p, const struct api_options *o)
{
        struct descriptors descriptors = raise_descriptor_limit();
        struct grpc_server_config config = {
                .max_connections =
                        o->max_connections ? o->max_connections : descriptors.connections.max,
                .on_tls_failure = on_tls_failure,
        };

        p->service = (struct service){
                .loop = &p->loop,
                .descriptors = descriptors,
                .dir = o->dir,
                .system_config_dir = o->system_config,
                .local_config_dir = o->local_config,
                .user_config_dir = o->user_config,
                .insecure_flags = o->insecure_options,
                .trust_keys_from_https = o->trust_keys_from_https,
        };
        jobs_init(&p->service.jobs, &p->loop);
        telemetry_init(&p->telemetry, &p->loop, o, &p->service);
        config.observer = telemetry_observer(&p->telemetry);
        p->server = grpc_server_new(&p->loop, &config);
        add_services(p);
}

static int load_tls(struct program *p, const struct api_options *o, struct err *e)
{
        const struct grpc_tls_config config = {
                .cert_file = o->tls_cert,
                .key_file = o->tls_key,
                .client_ca_file = o->tls_client_ca,
                .client_names = (const char *const *)o->tls_allowed_name.v,
                .n_client_names = o->tls_allowed_name.n,
        };

        return o->tls_cert ? grpc_tls_new(&config, &p->tls, e) : 0;
}

/* What takes the rights that we were started with. */
static int open_all(struct program *p, const struct api_options *o,
                    const struct activation *activated, const struct privileges *user,
                    struct err *e)
{
        struct listen_config listen = {
                .listen = &o->listen,
                .activated = activated,
                .insecure = o->insecure_listen,
                .unix_gid_set = o->user,
                .unix_gid = user->gid,
        };

        if (load_tls(p, o, e) < 0 || telemetry_listen(&p->telemetry, p->server, o, e) < 0)
                return -1;
        listen.tls = p->tls;
        return listen_open_all(p->server, &listen, e);
}

/* Down to what the running service needs. */
static int become_harmless(const struct program *p, const struct api_options *o,
                           const struct privileges *user, struct err *e)
{
        const char *const files[] = { o->tls_cert, o->tls_key, o->tls_client_ca };
        const struct confine_config config = { o->dir, files, ARRAY_LEN(files) };

        if (privileges_drop(o->user ? user : NULL, e) < 0 ||
            confine_self(o->confine, &config, e) < 0)
                return -1;
        /* A reload must not be the first to find out that the user cannot read them. */
        if (p->tls && grpc_tls_reload(p->tls, e) < 0)
                return err_wrap(e, "SIGHUP could not reload the certificates");
        return 0;
}

static void ready(struct program *p)
{
        log_info("API service running");
        set_health(p, GRPC_HEALTH_SERVING);
        notify_ready(&p->notify, "Serving");
        start_watchdog(p);
}

static void images_known(struct waiter *waiter)
{
        ready(OWNER_OF(waiter, struct program, first_images));
}

static void pods_known(struct waiter *waiter)
{
        struct program *p = OWNER_OF(waiter, struct program, first_scan);

        p->first_images.fn = images_known;
        if (image_index_sync(p->service.images))
                ready(p);
        else
                image_index_wait(p->service.images, &p->first_images);
}

static int index_all(struct program *p, const struct api_options *o, struct err *e)
{
        if (index_new(&p->loop, o->dir, 0, &p->index, e) < 0)
                return -1;
        p->service.index = p->index;
        p->service.pods = pod_index_new(&p->loop, &p->service.jobs, p->index);
        p->service.images = image_index_new(&p->loop, &p->service.jobs, p->index);
        index_add_part(p->index, pod_index_part(p->service.pods));
        index_add_part(p->index, image_index_part(p->service.images));
        p->service.events = event_ring_new(o->events_kept ? o->events_kept : EVENTS_KEPT_DEFAULT);
        p->service.event_source =
                event_source_new(p->index, p->service.pods, p->service.images, p->service.events,
                                 o->events_since ? o->events_since : time_now_coarse());
        p->service.subscribers = subscribers_new(&p->loop, &p->service.jobs, p->service.events);
        telemetry_set_index(&p->telemetry, p->index);
        return 0;
}

/* As inetd starts services: who was handed the clients and no way for others lives as long as they do. */
static void end_with_clients(struct program *p)
{
        if (!grpc_server_listens(p->server))
                grpc_server_stop_when_left(p->server, stopped, p);
}

static int start(struct program *p, const struct api_options *o, const struct activation *activated,
                 struct err *e)
{
        AUTO(privileges_done) struct privileges user = PRIVILEGES_NULL;

        if (o->user && privileges_find(o->user, &user, e) < 0)
                return -1;
        if (index_all(p, o, e) < 0 || open_all(p, o, activated, &user, e) < 0)
                return -1;
        return become_harmless(p, o, &user, e);
}

/* Clients may connect and ask already: whoever does waits as well. */
static void scan(struct program *p)
{
        index_start(p->index);
        p->first_scan.fn = pods_known;
        if (pod_index_sync(p->service.pods))
                pods_known(&p->first_scan);
        else
                pod_index_wait(p->service.pods, &p->first_scan);
}

/*
 * Large blocks are replies and lists, and go back to the system when they are freed. Left to itself glibc learns from the
 * first of them to keep all the others.
 */
static void return_large_blocks(void)
{
        enum { LARGE = 256 * 1024 };

        (void)mallopt(M_MMAP_THRESHOLD, LARGE);
        (void)mallopt(M_TRIM_THRESHOLD, LARGE);
}

int program_run(const struct api_options *o, const struct activation *activated)
{
        struct program p = { .notify = NOTIFY_NULL };
        struct err e;
        int status = 0;

        log_info("API service starting...");
        return_large_blocks();
        (void)signal(SIGPIPE, SIG_IGN);
        if (notify_open(&p.notify, &e) < 0)
                log_warning("the service manager will not be told: %s", e.text);
        init_handles(&p);
        init_service(&p, o);
        if (start(&p, o, activated, &e) < 0) {
                log_error("%s", e.text);
                status = EXIT_OURS;
                close_all(&p);
        } else {
                warn_of_certificate(&p);
                end_with_clients(&p);
                scan(&p);
        }
        (void)uv_run(&p.loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&p.loop);
        p.health = grpc_health_free(p.health);
        p.reflection = grpc_reflection_free(p.reflection);
        p.tls = grpc_tls_unref(p.tls);
        telemetry_done(&p.telemetry);
        notify_done(&p.notify);
        event_ring_free(p.service.events);
        service_done(&p.service);
        return status;
}
