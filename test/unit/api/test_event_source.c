/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include "image/past.h"
#include "pod/past.h"
#include "util/buf.h"
#include "util/ledger.h"
#include "util/mem.h"

#define ZEROS   "00000000000000000000000000000000000000000000000000000000000000"
#define IMAGE_A "sha512-aa" ZEROS
#define IMAGE_B "sha512-ab" ZEROS
#define RECORDS "data/images/records/"

/* --- what is told */

static const char *type_name(V1alpha__EventType type)
{
        static const char *const names[] = {
                "undefined", "prepared",    "aborted",    "started",  "exited",
                "collected", "app-started", "app-exited", "imported", "removed",
        };

        return names[type];
}

/* Pods are called by the first letter of their id, images by their name. */
static void add_event(struct buf *out, const struct event *e)
{
        V1alpha__ListenEventsResponse *reply =
                v1alpha__listen_events_response__unpack(NULL, e->len, e->encoded);
        V1alpha__Event *event;

        assert_non_null(reply);
        event = reply->events[0];
        assert_int_equal(buf_printf(out, "%s %.1s", type_name(event->type), event->from), 0);
        for (size_t i = 0; i < event->n_data; i++)
                if (strcmp(event->data[i]->key, "exit_code") == 0)
                        assert_int_equal(buf_printf(out, "=%s", event->data[i]->value), 0);
                else if (strcmp(event->data[i]->key, "observed") == 0)
                        assert_int_equal(buf_puts(out, " seen"), 0);
                else if (strcmp(event->data[i]->key, "reason") == 0)
                        assert_int_equal(buf_printf(out, " (%s)", event->data[i]->value), 0);
        assert_int_equal(buf_puts(out, "\n"), 0);
        v1alpha__listen_events_response__free_unpacked(reply, NULL);
}

/* All that was told since the last time. */
static const char *news(struct node *n)
{
        static struct buf out = BUF_NULL(1024 * 1024);

        node_sync(n);
        node_sync_images(n);
        buf_reset(&out);
        while (n->told + 1 < event_ring_next(n->ring))
                add_event(&out, event_ring_at(n->ring, ++n->told));
        return buf_str(&out);
}

static void quiet(struct node *n)
{
        assert_string_equal(news(n), "");
        node_idle(n, 30);
        assert_string_equal(news(n), "");
}

/* --- what happens */

static void begin(struct node *n)
{
        node_dir(n);
        n->with_events = true;
        n->since = time_now_coarse();
        node_mkdirs(n, "data/pods/run");
        node_mkdirs(n, "data/images/records");
        node_start(n, 0);
        quiet(n);
}

/* A pod with an app that runs. The owner's descriptor. */
static int run_pod(struct node *n, const char *uuid)
{
        char status[256];
        int fd;

        node_pod(n, "embryo", uuid);
        node_move(n, "embryo", "prepare", uuid);
        fd = node_lock(n, "prepare", uuid);
        node_move(n, "prepare", "run", uuid);
        node_file(n, "run", uuid, "pid", "1");
        (void)snprintf(status, sizeof(status),
                       "{\"state\":\"running\",\"pid\":7,\"started_at\":%lld}",
                       (long long)time_now());
        node_file(n, "run", uuid, "appsinfo/web/status", status);
        return fd;
}

static void app_ends(struct node *n, const char *uuid, int exit_code)
{
        char status[256];

        (void)snprintf(status, sizeof(status),
                       "{\"state\":\"exited\",\"pid\":7,\"started_at\":%lld,\"finished_at\":%lld,"
                       "\"exit_code\":%d}",
                       (long long)(time_now() - NSEC_PER_SEC), (long long)time_now(), exit_code);
        node_file(n, "run", uuid, "appsinfo/web/status", status);
}

static void pod_ends(struct node *n, const char *uuid, int exit_code)
{
        char status[256];

        (void)snprintf(status, sizeof(status), "{\"exit_code\":%d,\"finished_at\":%lld}", exit_code,
                       (long long)time_now());
        node_file(n, "run", uuid, "status", status);
}

static void whole_life(struct node *n, const char *uuid)
{
        int fd = run_pod(n, uuid);

        app_ends(n, uuid, 3);
        pod_ends(n, uuid, 3);
        (void)close(fd);
        node_move(n, "run", "exited-garbage", uuid);
}

static void append(struct node *n, const char *dir, const char *name, const struct buf *line)
{
        AUTO_CLOSE int fd = fs_open_dir(n->dir.fd, dir);
        struct err e;

        assert_true(fd >= 0);
        assert_ok(ledger_append(fd, name, buf_str(line), line->len, &e), &e);
}

/* What is written before a pod is deleted. */
static void last_words(struct node *n, const char *where, const char *uuid)
{
        AUTO(pod_store_done) struct pod_store store = POD_STORE_NULL;
        AUTO(pod_view_freep) struct pod_view *view = NULL;
        AUTO(pod_past_done) struct pod_past past = POD_PAST_NULL;
        AUTO(pod_done) struct pod pod = POD_NULL;
        AUTO(buf_done) struct buf line = BUF_NULL(LEDGER_LINE_MAX);
        AUTO_CLOSE int data = fs_open_dir(n->dir.fd, "data");
        struct err e;

        (void)where;
        assert_ok(pod_store_open(data, &store, &e), &e);
        assert_ok(pod_open(&store, uuid, &pod, &e), &e);
        view = pod_view_of(&pod, pod_state_of(pod.dir, false), POD_VIEW_ALL);
        pod_past_of(&pod, view, &past);
        assert_int_equal(pod_past_print(&past, &line), 0);
        append(n, "data/pods", POD_LEDGER, &line);
}

static void delete_pod(struct node *n, const char *where, const char *uuid)
{
        char path[128];

        (void)snprintf(path, sizeof(path), "data/pods/%s/%s", where, uuid);
        node_remove(n, path);
}

static void remove_pod(struct node *n, const char *where, const char *uuid)
{
        last_words(n, where, uuid);
        delete_pod(n, where, uuid);
}

static void write_record(struct node *n, const char *dir, const char *id, const char *name,
                         nsec imported_at)
{
        AUTO_FREE char *record = xasprintf(
                "{\"id\":\"%s\",\"format\":\"oci\",\"format_version\":\"1.0.0\",\"name\":\"%s\","
                "\"version\":\"1.0\",\"layers\":[\"1\"],\"size\":1,\"imported_at\":%lld}",
                id, name, (long long)imported_at);
        AUTO_FREE char *manifest = xasprintf(
                "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"%s\"}", name);
        AUTO_FREE char *to = xasprintf("%s/record.json", dir);
        AUTO_FREE char *to_manifest = xasprintf("%s/manifest", dir);

        node_mkdirs(n, dir);
        node_write(n, to, record);
        node_write(n, to_manifest, manifest);
}

static void import(struct node *n, const char *id, const char *name, nsec imported_at)
{
        AUTO_FREE char *to = xasprintf(RECORDS "%s", id);

        write_record(n, "data/tmp", id, name, imported_at);
        assert_int_equal(renameat(n->dir.fd, "data/tmp", n->dir.fd, to), 0);
}

static void image_last_words(struct node *n, const char *id, const char *name, nsec imported_at)
{
        struct image_past past = { .id = (char *)(uintptr_t)id,
                                   .name = (char *)(uintptr_t)name,
                                   .format = APPC_FORMAT_OCI,
                                   .imported_at = imported_at,
                                   .removed_at = time_now() };
        AUTO(buf_done) struct buf line = BUF_NULL(LEDGER_LINE_MAX);

        assert_int_equal(image_past_print(&past, &line), 0);
        append(n, "data/images", IMAGE_LEDGER, &line);
}

static void remove_image(struct node *n, const char *id)
{
        AUTO_FREE char *path = xasprintf(RECORDS "%s", id);

        node_remove(n, path);
}

/* So much that events are lost, wherever it is read. */
static void overflow(struct node *n)
{
        node_mkdirs(n, "data/pods/run/" POD_3);
        for (int i = 0; i < 30000; i++)
                (void)close(node_open(n, "run", POD_3));
        node_remove(n, "data/pods/run/" POD_3);
}

static bool overflowed(struct node *n)
{
        struct index_stats stats;

        index_stats(n->index, &stats);
        return stats.watch.overflows > 0;
}

/* --- pods */

static void a_life_is_told_as_it_goes(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        begin(&n);
        fd = run_pod(&n, POD_1);
        assert_string_equal(news(&n), "started 1\napp-started w\n");
        quiet(&n);
        app_ends(&n, POD_1, 3);
        assert_string_equal(news(&n), "app-exited w=3\n");
        pod_ends(&n, POD_1, 3);
        quiet(&n);
        (void)close(fd);
        assert_string_equal(news(&n), "exited 1=3\n");
        node_move(&n, "run", "exited-garbage", POD_1);
        assert_string_equal(news(&n), "collected 1\n");
        quiet(&n);
        remove_pod(&n, "exited-garbage", POD_1);
        quiet(&n);
}

static void a_life_between_two_looks_is_told_whole(void **state)
{
        AUTO_NODE n;

        (void)state;
        begin(&n);
        whole_life(&n, POD_1);
        assert_string_equal(news(&n),
                            "started 1\napp-started w\napp-exited w=3\nexited 1=3\ncollected 1\n");
        whole_life(&n, POD_2);
        remove_pod(&n, "exited-garbage", POD_2);
        assert_string_equal(news(&n),
                            "started 2\napp-started w\napp-exited w=3\nexited 2=3\ncollected 2\n");
        quiet(&n);
}

static void a_preparation_is_told(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        begin(&n);
        node_pod(&n, "prepare", POD_1);
        fd = node_lock(&n, "prepare", POD_1);
        quiet(&n);
        node_file(&n, "prepare", POD_1, "pod-prepared", "");
        quiet(&n);
        node_move(&n, "prepare", "prepared", POD_1);
        (void)close(fd);
        assert_string_equal(news(&n), "prepared 1\n");
        node_move(&n, "prepared", "garbage", POD_1);
        assert_string_equal(news(&n), "collected 1\n");
        node_pod(&n, "prepare", POD_2);
        fd = node_lock(&n, "prepare", POD_2);
        quiet(&n);
        node_file(&n, "prepare", POD_2, "pod-aborted", "no such image");
        (void)close(fd);
        assert_string_equal(news(&n), "aborted 2 (no such image)\n");
        node_move(&n, "prepare", "garbage", POD_2);
        assert_string_equal(news(&n), "collected 2\n");
        quiet(&n);
}

static void a_killed_supervisor_is_told_once(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        begin(&n);
        fd = run_pod(&n, POD_1);
        assert_string_equal(news(&n), "started 1\napp-started w\n");
        (void)close(fd);
        assert_string_equal(news(&n), "app-exited w seen\nexited 1 seen\n");
        node_move(&n, "run", "exited-garbage", POD_1);
        assert_string_equal(news(&n), "collected 1\n");
        remove_pod(&n, "exited-garbage", POD_1);
        quiet(&n);
}

/* Its files are half deleted when we look. */
static void what_is_being_deleted_speaks_by_its_last_words(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        begin(&n);
        whole_life(&n, POD_1);
        fd = node_lock(&n, "exited-garbage", POD_1);
        last_words(&n, "exited-garbage", POD_1);
        node_remove(&n, "data/pods/exited-garbage/" POD_1 "/pod-created");
        node_remove(&n, "data/pods/exited-garbage/" POD_1 "/status");
        node_remove(&n, "data/pods/exited-garbage/" POD_1 "/pid");
        assert_string_equal(news(&n),
                            "started 1\napp-started w\napp-exited w=3\nexited 1=3\ncollected 1\n");
        delete_pod(&n, "exited-garbage", POD_1);
        (void)close(fd);
        quiet(&n);
}

static void what_vanishes_without_a_word_has_ended(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        begin(&n);
        fd = run_pod(&n, POD_1);
        assert_string_equal(news(&n), "started 1\napp-started w\n");
        delete_pod(&n, "run", POD_1);
        (void)close(fd);
        assert_string_equal(news(&n), "app-exited w seen\nexited 1 seen\ncollected 1 seen\n");
        node_mkdirs(&n, "data/pods/run/" POD_2); /* of which nobody has ever seen more than this */
        delete_pod(&n, "run", POD_2);
        quiet(&n);
}

static void another_pod_of_that_name_is_told_anew(void **state)
{
        AUTO_NODE n;

        (void)state;
        begin(&n);
        whole_life(&n, POD_1);
        (void)news(&n);
        last_words(&n, "exited-garbage", POD_1);
        /* Not deleted, or the next one may get its inode, and nothing could tell the two apart. */
        node_move(&n, "exited-garbage", "../aside", POD_1);
        whole_life(&n, POD_1);
        assert_string_equal(news(&n),
                            "started 1\napp-started w\napp-exited w=3\nexited 1=3\ncollected 1\n");
        remove_pod(&n, "exited-garbage", POD_1);
        (void)close(run_pod(&n, POD_1));
        assert_string_equal(news(&n),
                            "started 1\napp-started w\napp-exited w seen\nexited 1 seen\n");
        assert_int_equal(renameat(n.dir.fd, "data/pods/run/" POD_1, n.dir.fd, "aside"), 0);
        (void)close(run_pod(&n, POD_1));
        assert_string_equal(news(&n), "collected 1 seen\nstarted 1\napp-started w\n"
                                      "app-exited w seen\nexited 1 seen\n");
}

static void a_pod_that_is_broken_for_a_while_is_not_told_anew(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        begin(&n);
        fd = run_pod(&n, POD_1);
        assert_string_equal(news(&n), "started 1\napp-started w\n");
        node_file(&n, "run", POD_1, "pod", "{");
        quiet(&n);
        node_file(&n, "run", POD_1, "appsinfo/web/status", "{");
        node_file(&n, "run", POD_1, "pid", "");
        quiet(&n);
        node_pod(&n, "run", POD_1);
        node_file(&n, "run", POD_1, "pid", "1");
        app_ends(&n, POD_1, 0);
        pod_ends(&n, POD_1, 0);
        (void)close(fd);
        assert_string_equal(news(&n), "app-exited w=0\nexited 1=0\n");
}

/* --- the first look */

static void what_was_before_us_is_not_told(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        node_dir(&n);
        node_mkdirs(&n, "data/images/records");
        fd = run_pod(&n, POD_1);
        whole_life(&n, POD_2);
        (void)close(run_pod(&n, POD_3)); /* when, nobody knows */
        whole_life(&n, "44444444-0000-4000-8000-000000000004");
        remove_pod(&n, "exited-garbage", "44444444-0000-4000-8000-000000000004");
        import(&n, IMAGE_A, "a", time_now());
        image_last_words(&n, IMAGE_B, "b", 1);
        (void)usleep(20000);
        n.with_events = true;
        n.since = time_now_coarse();
        node_start(&n, 0);
        app_ends(&n, POD_1, 0);
        assert_string_equal(news(&n), "app-exited w=0\n");
        quiet(&n);
        pod_ends(&n, POD_1, 0);
        (void)close(fd);
        remove_pod(&n, "exited-garbage", POD_2);
        remove_image(&n, IMAGE_A);
        assert_string_equal(news(&n), "exited 1=0\nremoved a seen\n");
        quiet(&n);
}

static void since_zero_tells_all_that_the_disk_does(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_dir(&n);
        node_mkdirs(&n, "data/images/records");
        whole_life(&n, POD_1);
        remove_pod(&n, "exited-garbage", POD_1);
        (void)close(run_pod(&n, POD_2));
        import(&n, IMAGE_A, "a", 1000);
        image_last_words(&n, IMAGE_B, "b", 1000);
        n.with_events = true;
        node_start(&n, 0);
        assert_string_equal(news(&n),
                            "started 2\napp-started w\napp-exited w seen\nexited 2 seen\n"
                            "started 1\napp-started w\napp-exited w=3\nexited 1=3\ncollected 1\n"
                            "imported b\nremoved b\nimported a\n");
        quiet(&n);
}

static void a_line_is_told_once_however_often_it_is_there(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_dir(&n);
        whole_life(&n, POD_1);
        last_words(&n, "exited-garbage", POD_1);
        remove_pod(&n, "exited-garbage", POD_1);
        node_mkdirs(&n, "data/images/records");
        image_last_words(&n, IMAGE_B, "b", 1000);
        image_last_words(&n, IMAGE_B, "b", 1000);
        n.with_events = true;
        node_start(&n, 0);
        assert_string_equal(news(&n),
                            "started 1\napp-started w\napp-exited w=3\nexited 1=3\ncollected 1\n"
                            "imported b\nremoved b\n");
        quiet(&n);
}

/* --- events that the kernel could not tell */

static void nothing_is_lost_in_an_overflow(void **state)
{
        AUTO_NODE n;
        int fd;

        (void)state;
        begin(&n);
        fd = run_pod(&n, POD_2);
        assert_string_equal(news(&n), "started 2\napp-started w\n");
        overflow(&n);
        whole_life(&n, POD_1);
        remove_pod(&n, "exited-garbage", POD_1);
        app_ends(&n, POD_2, 0);
        import(&n, IMAGE_A, "a", time_now());
        image_last_words(&n, IMAGE_B, "b", 1000);
        if (strcmp(news(&n), "app-exited w=0\n"
                             "started 1\napp-started w\napp-exited w=3\nexited 1=3\ncollected 1\n"
                             "imported a\nimported b\nremoved b\n") != 0 &&
            strcmp(news(&n), "") != 0)
                fail_msg("%s", news(&n));
        (void)close(fd);
        if (!overflowed(&n))
                skip(); /* the queue is longer here */
}

/* Where the directory is put back, it is the same; nobody has ended in between but those who have. */
static void a_directory_that_is_away_for_a_while_is_not_told_anew(void **state)
{
        AUTO_NODE n;
        int one, two;

        (void)state;
        begin(&n);
        one = run_pod(&n, POD_1);
        two = run_pod(&n, POD_2);
        import(&n, IMAGE_A, "a", time_now());
        assert_string_equal(news(&n), "started 1\napp-started w\nstarted 2\napp-started w\n"
                                      "imported a\n");
        assert_int_equal(renameat(n.dir.fd, "data", n.dir.fd, "aside"), 0);
        quiet(&n);
        (void)close(two);
        node_remove(&n, "aside/pods/run/" POD_2);
        assert_int_equal(renameat(n.dir.fd, "aside", n.dir.fd, "data"), 0);
        /* What its apps were called went with what was known of it. */
        assert_string_equal(news(&n), "exited 2 seen\ncollected 2 seen\n");
        app_ends(&n, POD_1, 0);
        pod_ends(&n, POD_1, 0);
        (void)close(one);
        remove_image(&n, IMAGE_A);
        assert_string_equal(news(&n), "app-exited w=0\nexited 1=0\nremoved a seen\n");
        quiet(&n);
}

static void another_directory_is_begun_anew(void **state)
{
        AUTO_NODE n;
        int fd, other;

        (void)state;
        node_dir(&n);
        node_mkdirs(&n, "data/images/records");
        other = run_pod(&n, POD_2);
        whole_life(&n, POD_3);
        remove_pod(&n, "exited-garbage", POD_3);
        assert_int_equal(renameat(n.dir.fd, "data", n.dir.fd, "other"), 0);
        (void)usleep(20000);
        n.with_events = true;
        n.since = time_now_coarse();
        node_mkdirs(&n, "data/images/records");
        node_mkdirs(&n, "data/pods/run");
        node_start(&n, 0);
        fd = run_pod(&n, POD_1);
        import(&n, IMAGE_A, "a", time_now());
        assert_string_equal(news(&n), "started 1\napp-started w\nimported a\n");
        assert_int_equal(syscall(SYS_renameat2, n.dir.fd, "data", n.dir.fd, "other", 2), 0);
        quiet(&n);
        app_ends(&n, POD_2, 0);
        assert_string_equal(news(&n), "app-exited w=0\n");
        (void)close(fd);
        (void)close(other);
}

/* --- images */

static void images_come_and_go(void **state)
{
        AUTO_NODE n;

        (void)state;
        begin(&n);
        import(&n, IMAGE_A, "a", 1000);
        assert_string_equal(news(&n), "imported a\n");
        image_last_words(&n, IMAGE_A, "a", 1000); /* and its remover is killed */
        import(&n, IMAGE_B, "b", 1500);
        assert_string_equal(news(&n), "imported b\n");
        image_last_words(&n, IMAGE_A, "a", 1000);
        remove_image(&n, IMAGE_A);
        assert_string_equal(news(&n), "removed a\n");
        remove_image(&n, IMAGE_B);
        assert_string_equal(news(&n), "removed b seen\n");
        quiet(&n);
}

static void an_image_may_go_and_come_between_two_looks(void **state)
{
        AUTO_NODE n;

        (void)state;
        begin(&n);
        import(&n, IMAGE_A, "a", 1000);
        assert_string_equal(news(&n), "imported a\n");
        image_last_words(&n, IMAGE_A, "a", 1000);
        remove_image(&n, IMAGE_A);
        import(&n, IMAGE_A, "a", 2000);
        assert_string_equal(news(&n), "removed a\nimported a\n");
        for (int i = 0; i < 2; i++) {
                image_last_words(&n, IMAGE_A, "a", 2000 + i);
                remove_image(&n, IMAGE_A);
                import(&n, IMAGE_A, "a", 2001 + i);
        }
        assert_string_equal(news(&n), "removed a\nimported a\nremoved a\nimported a\n");
        remove_image(&n, IMAGE_A);
        import(&n, IMAGE_A, "a", 3000);
        assert_string_equal(news(&n), "removed a seen\nimported a\n");
        quiet(&n);
}

static void a_broken_record_tells_nothing(void **state)
{
        AUTO_NODE n;

        (void)state;
        begin(&n);
        import(&n, IMAGE_A, "a", 1000);
        assert_string_equal(news(&n), "imported a\n");
        node_write(&n, RECORDS IMAGE_A "/record.json", "{");
        quiet(&n);
        write_record(&n, RECORDS IMAGE_A, IMAGE_A, "a", 1000);
        quiet(&n);
        node_write(&n, RECORDS IMAGE_A "/record.json", "{");
        quiet(&n);
        remove_image(&n, IMAGE_A);
        assert_string_equal(news(&n), "removed s seen\n"); /* by its id: its name is not known */
}

static void a_name_more_is_no_event(void **state)
{
        AUTO_NODE n;

        (void)state;
        begin(&n);
        import(&n, IMAGE_A, "a", 1000);
        assert_string_equal(news(&n), "imported a\n");
        write_record(&n, RECORDS IMAGE_A, IMAGE_A, "b", 1000);
        quiet(&n);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_life_is_told_as_it_goes),
                cmocka_unit_test(a_life_between_two_looks_is_told_whole),
                cmocka_unit_test(a_preparation_is_told),
                cmocka_unit_test(a_killed_supervisor_is_told_once),
                cmocka_unit_test(what_is_being_deleted_speaks_by_its_last_words),
                cmocka_unit_test(what_vanishes_without_a_word_has_ended),
                cmocka_unit_test(another_pod_of_that_name_is_told_anew),
                cmocka_unit_test(a_pod_that_is_broken_for_a_while_is_not_told_anew),
                cmocka_unit_test(what_was_before_us_is_not_told),
                cmocka_unit_test(since_zero_tells_all_that_the_disk_does),
                cmocka_unit_test(a_line_is_told_once_however_often_it_is_there),
                cmocka_unit_test(nothing_is_lost_in_an_overflow),
                cmocka_unit_test(a_directory_that_is_away_for_a_while_is_not_told_anew),
                cmocka_unit_test(another_directory_is_begun_anew),
                cmocka_unit_test(images_come_and_go),
                cmocka_unit_test(an_image_may_go_and_come_between_two_looks),
                cmocka_unit_test(a_broken_record_tells_nothing),
                cmocka_unit_test(a_name_more_is_no_event),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
