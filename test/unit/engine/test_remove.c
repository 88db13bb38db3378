/* SPDX-License-Identifier: Apache-2.0 */
#define TEST_NEEDS_NEW_SYSCALLS 1
#include "pod_maker.h"

#include "engine/remove.h"
#include "pod/past.h"
#include "util/ledger.h"

static void pods_that_nobody_owns_are_removed_from_any_state(void **state)
{
        static const enum pod_dir dirs[] = { POD_DIR_PREPARE, POD_DIR_PREPARED, POD_DIR_RUN,
                                             POD_DIR_EXITED_GARBAGE, POD_DIR_GARBAGE };
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
                struct uuid pod = make_pod(&eng, dirs[i]);

                assert_ok(engine_rm(&eng, pod.text, &e), &e);
                assert_true(pod_is_gone(&eng, &pod));
                assert_int_equal(engine_rm(&eng, pod.text, &e), -1);
                assert_int_equal(e.kind, ERR_NOT_FOUND);
        }
}

static void owned_pods_are_refused_by_name(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_done) struct pod p = POD_NULL;
        char want[128];
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        assert_ok(pod_create(&eng.pods, &p, &e), &e);
        (void)snprintf(want, sizeof(want), "pod \"%s\" is being prepared", p.uuid.text);
        assert_err(engine_rm(&eng, p.uuid.text, &e), &e, ERR_STATE, want);
        assert_int_equal(pod_to_run(&eng.pods, &p, &e), POD_MOVED);
        (void)snprintf(want, sizeof(want), "pod \"%s\" is currently running", p.uuid.text);
        assert_err(engine_rm(&eng, p.uuid.text, &e), &e, ERR_STATE, want);
}

static void a_pod_that_another_removes_is_busy(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(pod_done) struct pod p = POD_NULL;
        struct uuid pod;
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        pod = make_pod(&eng, POD_DIR_EXITED_GARBAGE);
        assert_ok(pod_open(&eng.pods, pod.text, &p, &e), &e);
        assert_ok(pod_lock(&eng.pods, &p, &e), &e);
        assert_int_equal(engine_rm(&eng, pod.text, &e), -1);
        assert_int_equal(e.kind, ERR_BUSY);
        assert_true(pod_is_in(&eng, &pod, POD_DIR_EXITED_GARBAGE));
}

struct words {
        struct pod_past past[16];
        size_t n;
};

static void words_done(struct words *w)
{
        while (w->n > 0)
                pod_past_done(&w->past[--w->n]);
}

static void hear(const char *line, size_t len, void *arg)
{
        struct words *w = arg;
        struct err e;

        assert_true(w->n < ARRAY_LEN(w->past));
        assert_ok(pod_past_parse(line, len, &w->past[w->n], &e), &e);
        w->n++;
}

static struct words last_words(struct engine *eng)
{
        struct ledger_place place = LEDGER_START;
        struct words w = { .n = 0 };
        bool gap;
        struct err e;

        assert_ok(ledger_read(eng->pods.pods_fd, POD_LEDGER, &place, hear, &w, &gap, &e), &e);
        return w;
}

static nsec marked_at(struct engine *eng, enum pod_dir dir, const struct uuid *uuid)
{
        struct stat st;

        assert_int_equal(fstatat(eng->pods.dir_fd[dir], uuid->text, &st, 0), 0);
        return fs_ctime(&st);
}

static void a_removed_pod_has_last_words(void **state)
{
        static const enum pod_dir dirs[] = { POD_DIR_PREPARE, POD_DIR_PREPARED, POD_DIR_RUN };
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        struct uuid pods[ARRAY_LEN(dirs)];
        AUTO(words_done) struct words w = { .n = 0 };
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
                AUTO(pod_done) struct pod p = POD_NULL;

                pods[i] = make_pod(&eng, dirs[i]);
                assert_ok(pod_open(&eng.pods, pods[i].text, &p, &e), &e);
                if (dirs[i] == POD_DIR_PREPARED)
                        assert_ok(pod_write_prepared(p.fd, &e), &e);
                if (dirs[i] == POD_DIR_RUN)
                        assert_ok(pod_write_pid(p.fd, 4711, &e), &e);
                pod_done(&p);
                assert_ok(engine_rm(&eng, pods[i].text, &e), &e);
        }
        w = last_words(&eng);
        assert_int_equal(w.n, 3);
        for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
                assert_string_equal(w.past[i].uuid.text, pods[i].text);
                assert_int_equal(w.past[i].aborted, i == 0);
                assert_int_equal(w.past[i].prepared, i == 1);
                assert_int_equal(w.past[i].exited, i == 2);
                assert_int_equal(w.past[i].pid, i == 2 ? 4711 : -1);
                assert_true(w.past[i].collected);
                assert_true(w.past[i].collected_at >= w.past[i].created_at);
        }
}

/* Of a deletion that is tried again there is nothing more to say: what is left of the pod would be half of the truth. */
static void a_pod_has_its_last_words_once(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(words_done) struct words w = { .n = 0 };
        struct uuid whole, half;
        char path[64];
        nsec marked;
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        whole = make_pod(&eng, POD_DIR_EXITED_GARBAGE);
        marked = marked_at(&eng, POD_DIR_EXITED_GARBAGE, &whole);
        half = make_pod(&eng, POD_DIR_EXITED_GARBAGE);
        (void)snprintf(path, sizeof(path), "%s/pod-created", half.text);
        assert_int_equal(unlinkat(eng.pods.dir_fd[POD_DIR_EXITED_GARBAGE], path, 0), 0);
        assert_ok(engine_delete_garbage(&eng, half.text, &e), &e);
        assert_ok(engine_delete_garbage(&eng, whole.text, &e), &e);
        assert_true(pod_is_gone(&eng, &half) && pod_is_gone(&eng, &whole));
        w = last_words(&eng);
        assert_int_equal(w.n, 1);
        assert_string_equal(w.past[0].uuid.text, whole.text);
        assert_int_equal(w.past[0].collected_at, marked);
}

static unsigned warnings;

static void warn(const char *text)
{
        assert_string_equal(
                text, "pods are removed, but not all of their events may be told: removed is not a "
                      "regular file");
        warnings++;
}

static void without_a_ledger_pods_are_removed_all_the_same(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        struct err e;

        (void)state;
        test_dir_init(&d);
        open_engine(&eng, &d);
        eng.warn = warn;
        assert_int_equal(mkdirat(eng.pods.pods_fd, POD_LEDGER, 0700), 0);
        for (int i = 0; i < 3; i++) {
                struct uuid pod = make_pod(&eng, POD_DIR_EXITED_GARBAGE);

                assert_ok(engine_delete_garbage(&eng, pod.text, &e), &e);
                assert_true(pod_is_gone(&eng, &pod));
        }
        assert_int_equal(warnings, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pods_that_nobody_owns_are_removed_from_any_state),
                cmocka_unit_test(owned_pods_are_refused_by_name),
                cmocka_unit_test(a_pod_that_another_removes_is_busy),
                cmocka_unit_test(a_removed_pod_has_last_words),
                cmocka_unit_test(a_pod_has_its_last_words_once),
                cmocka_unit_test(without_a_ledger_pods_are_removed_all_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
