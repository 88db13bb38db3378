/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many pods take any way that pods take, step by step and in any order, and the service looks whenever it does. In the end each has been
 * told the whole of its way, once and in order.
 */
#include "event_node.h"

enum { PODS = 24, STEPS = 1500, LIVES_MAX = STEPS };

enum stage {
        NOTHING,
        PREPARING,
        ABORTED,
        PREPARED,
        ENTERED, /* in run/, without an init */
        STARTED,
        APP_RUNS,
        APP_ENDED,
        EXITED,
        EXITED_GARBAGE,
        GARBAGE,
        DELETING,
        STAGES,
};

struct life {
        char uuid[UUID_TEXT_LEN + 1];
        struct buf wanted; /* what is to be told of it, */
        struct buf told;   /* and what was */
};

struct walker {
        struct life *life;
        enum stage stage;
        bool runs;    /* it is prepared by `run` */
        nsec started; /* its app */
        int fd;       /* of its owner */
};

static struct life lives[LIVES_MAX];
static size_t n_lives;
static uint32_t state_of_chance;
static bool looked; /* since the service was started */

static unsigned chance(unsigned n)
{
        state_of_chance = state_of_chance * 1664525u + 1013904223u;
        return (state_of_chance >> 8) % n;
}

static void expect(struct walker *w, const char *what)
{
        assert_int_equal(buf_printf(&w->life->wanted, "%s ", what), 0);
}

static const char *dir_of(enum stage stage)
{
        static const char *const dirs[STAGES] = {
                [PREPARING] = "prepare", [ABORTED] = "prepare", [PREPARED] = "prepared",
                [ENTERED] = "run",       [STARTED] = "run",     [APP_RUNS] = "run",
                [APP_ENDED] = "run",     [EXITED] = "run",      [EXITED_GARBAGE] = "exited-garbage",
                [GARBAGE] = "garbage",
        };

        return dirs[stage];
}

static void let_go(struct walker *w)
{
        (void)close(w->fd);
        w->fd = -1;
}

/* Nobody notes when somebody is killed: a service that has just begun must have seen that he was alive. */
static void kill_owner(struct node *n, struct walker *w)
{
        if (!looked)
                node_sync(n);
        looked = true;
        let_go(w);
}

static enum stage born(struct node *n, struct walker *w)
{
        struct life *life = &lives[n_lives++];

        assert_true(n_lives < LIVES_MAX);
        (void)snprintf(life->uuid, sizeof(life->uuid), "%08x-0000-4000-8000-000000000000",
                       (unsigned)n_lives * 2654435761u);
        life->told = life->wanted = BUF_NULL(4096);
        w->life = life;
        w->runs = chance(2);
        node_pod(n, "embryo", life->uuid);
        w->fd = node_lock(n, "embryo", life->uuid);
        node_move(n, "embryo", "prepare", life->uuid);
        return PREPARING;
}

static enum stage prepare(struct node *n, struct walker *w)
{
        unsigned way = chance(6);

        if (way == 0)
                node_file(n, "prepare", w->life->uuid, "pod-aborted", "no such image");
        if (way <= 1) {
                kill_owner(n, w);
                expect(w, "aborted");
                return ABORTED;
        }
        if (w->runs) {
                node_move(n, "prepare", "run", w->life->uuid);
                return ENTERED;
        }
        node_file(n, "prepare", w->life->uuid, "pod-prepared", "");
        node_move(n, "prepare", "prepared", w->life->uuid);
        let_go(w);
        expect(w, "prepared");
        return PREPARED;
}

static enum stage collect(struct node *n, struct walker *w, const char *to)
{
        node_move(n, dir_of(w->stage), to, w->life->uuid);
        expect(w, "collected");
        return strcmp(to, "garbage") == 0 ? GARBAGE : EXITED_GARBAGE;
}

static enum stage leave_prepared(struct node *n, struct walker *w)
{
        if (chance(3) == 0)
                return collect(n, w, "garbage");
        w->fd = node_lock(n, "prepared", w->life->uuid);
        node_move(n, "prepared", "run", w->life->uuid);
        return ENTERED;
}

/* Its supervisor is killed. */
static enum stage killed(struct node *n, struct walker *w)
{
        kill_owner(n, w);
        if (w->stage == APP_RUNS)
                expect(w, "app-exited");
        expect(w, "exited");
        return EXITED;
}

static enum stage run(struct node *n, struct walker *w)
{
        const char *uuid = w->life->uuid;
        char status[128];

        if (chance(8) == 0)
                return killed(n, w);
        if (w->stage == ENTERED) {
                node_file(n, "run", uuid, "pid", "1");
                expect(w, "started");
                return STARTED;
        }
        if (w->stage == STARTED) {
                (void)snprintf(status, sizeof(status),
                               "{\"state\":\"running\",\"started_at\":%lld}",
                               (long long)(w->started = time_now()));
                node_file(n, "run", uuid, "appsinfo/web/status", status);
                expect(w, "app-started");
                return APP_RUNS;
        }
        if (w->stage == APP_RUNS) {
                (void)snprintf(status, sizeof(status),
                               "{\"state\":\"exited\",\"started_at\":%lld,\"finished_at\":%lld,"
                               "\"exit_code\":1}",
                               (long long)w->started, (long long)time_now());
                node_file(n, "run", uuid, "appsinfo/web/status", status);
                expect(w, "app-exited");
                return APP_ENDED;
        }
        pod_ends(n, uuid, 1);
        let_go(w);
        expect(w, "exited");
        return EXITED;
}

static enum stage begin_deletion(struct node *n, struct walker *w)
{
        char path[128];

        w->fd = node_lock(n, dir_of(w->stage), w->life->uuid);
        last_words(n, dir_of(w->stage), w->life->uuid);
        if (chance(4) == 0) { /* whoever deletes it is killed, and another one comes */
                let_go(w);
                return w->stage;
        }
        (void)snprintf(path, sizeof(path), "data/pods/%s/%s/pod-created", dir_of(w->stage),
                       w->life->uuid);
        node_remove(n, path);
        return DELETING;
}

static enum stage end_deletion(struct node *n, struct walker *w)
{
        char path[128];

        for (unsigned i = 0; i < 2; i++) {
                (void)snprintf(path, sizeof(path), "data/pods/%s/%s",
                               i == 0 ? "garbage" : "exited-garbage", w->life->uuid);
                if (faccessat(n->dir.fd, path, F_OK, 0) == 0)
                        node_remove(n, path);
        }
        let_go(w);
        return NOTHING;
}

static enum stage step(struct node *n, struct walker *w)
{
        switch (w->stage) {
        case NOTHING:
                return born(n, w);
        case PREPARING:
                return prepare(n, w);
        case ABORTED:
                return collect(n, w, "garbage");
        case PREPARED:
                return leave_prepared(n, w);
        case EXITED:
                return collect(n, w, "exited-garbage");
        case EXITED_GARBAGE:
        case GARBAGE:
                return begin_deletion(n, w);
        case DELETING:
                return end_deletion(n, w);
        case ENTERED:
        case STARTED:
        case APP_RUNS:
        case APP_ENDED:
        case STAGES:
                break;
        }
        return run(n, w);
}

/* Where the file system is not mounted for a moment. */
static void go_away(struct node *n)
{
        assert_int_equal(renameat(n->dir.fd, "data", n->dir.fd, "aside"), 0);
        node_sync(n);
        assert_int_equal(renameat(n->dir.fd, "aside", n->dir.fd, "data"), 0);
}

static struct life *life_of(const char *uuid)
{
        for (size_t i = n_lives; i > 0; i--)
                if (strcmp(lives[i - 1].uuid, uuid) == 0)
                        return &lives[i - 1];
        fail_msg("%s has never lived", uuid);
        return NULL;
}

static void gather(struct node *n)
{
        node_sync(n);
        for (uint64_t at = 1; at < event_ring_next(n->ring); at++) {
                const struct event *e = event_ring_at(n->ring, at);

                assert_int_equal(buf_printf(&life_of(e->id)->told, "%s ", type_name(e->type)), 0);
        }
}

/* Another service goes on where this one ends. Clocks of files are coarse: what was told must be older than what will be. */
static void restart(struct node *n)
{
        gather(n);
        (void)usleep(20000);
        node_stop(n);
        n->since = time_now_coarse();
        node_start(n, 0);
        looked = false;
}

static void look(struct node *n)
{
        unsigned how = chance(4000);

        if (how == 0)
                overflow(n);
        else if (how < 10)
                go_away(n);
        else if (how < 20)
                restart(n);
        else if (how < 600)
                node_sync(n);
        else if (how < 1200)
                node_idle(n, 1);
        else if (how < 3000)
                (void)uv_run(&n->loop, UV_RUN_NOWAIT);
        if (chance(50) == 0)
                pod_index_hurry(n->pods, chance(2));
}

static void walk(uint32_t seed)
{
        struct walker walkers[PODS] = { 0 };
        AUTO_NODE n;

        state_of_chance = seed;
        n_lives = 0;
        begin(&n);
        for (int i = 0; i < STEPS; i++) {
                struct walker *w = &walkers[chance(PODS)];

                w->stage = step(&n, w);
                look(&n);
        }
        gather(&n);
        for (size_t i = 0; i < n_lives; i++) {
                struct life *life = &lives[i];

                if (strcmp(buf_str(&life->told), buf_str(&life->wanted)) != 0)
                        fail_msg("seed %u, %s: told \"%s\", not \"%s\"", seed, life->uuid,
                                 buf_str(&life->told), buf_str(&life->wanted));
                buf_done(&life->told);
                buf_done(&life->wanted);
        }
        for (size_t i = 0; i < PODS; i++)
                if (walkers[i].fd > 0)
                        (void)close(walkers[i].fd);
}

static void every_way_is_told_once_and_in_order(void **state)
{
        const char *seed = getenv("CAROB_TEST_SEED");

        (void)state;
        if (seed) {
                walk((uint32_t)atol(seed));
                return;
        }
        for (uint32_t i = 1; i <= 2; i++)
                walk(i);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_way_is_told_once_and_in_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
