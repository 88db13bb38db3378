/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#include "image/past.h"
#include "image/store_gc.h"
#include "util/ledger.h"

static void make_old(struct fixture *f, char id)
{
        AUTO_FREE char *path = xasprintf("%s/last-used", id_of(id));
        const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

        assert_int_equal(utimensat(f->store->records_fd, path, old, 0), 0);
}

static bool has_layer(struct fixture *f, const char *name)
{
        return faccessat(f->store->layers_fd, name, F_OK, 0) == 0;
}

struct uses {
        const char *layer, *image;
        bool fail;
};

static int in_use(void *arg, struct image_in_use *ret, struct err *e)
{
        const struct uses *u = arg;

        if (u->fail)
                return err_set(e, ERR_INTERNAL, 0, "pod x is unreadable");
        if (u->layer)
                strv_add(&ret->layers, u->layer);
        if (u->image)
                strv_add(&ret->images, u->image);
        return 0;
}

static struct image_gc_options options(struct uses *u)
{
        return (struct image_gc_options){
                .now = time_now(), .grace = 3600 * NSEC_PER_SEC, .in_use = in_use, .arg = u
        };
}

static void rm_takes_the_image_and_what_only_it_had(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_gc_result_done) struct image_gc_result r = { 0 };
        struct uses none = { 0 };
        const struct image_gc_options o = options(&none);
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a', .layers = "12", .manifest_digest = digest_of_char('1'));
        add_image(&f, .id = 'b', .layers = "23", .manifest_digest = digest_of_char('2'));
        assert_ok(image_store_rm(f.store, id_of('a'), &o, &r, &e), &e);
        assert_int_equal(r.removed_ids.n, 1);
        assert_string_equal(r.removed_ids.v[0], id_of('a'));
        assert_int_equal(r.n_layers, 1);
        assert_int_equal(r.n_blobs, 1);
        assert_int_equal(r.bytes, 104);
        assert_int_equal(r.problems.n, 0);
        assert_false(has_layer(&f, "1"));
        assert_true(has_layer(&f, "2"));
        assert_true(has_layer(&f, "3"));
        assert_int_equal(count_in(f.store->records_fd), 1);
        assert_int_equal(count_in(f.store->digests_fd), 2);
        assert_int_equal(count_in(f.store->blobs_fd), 1);
        assert_int_equal(count_in(f.store->tmp_fd), 0);
}

static void rm_leaves_the_layers_of_pods_and_a_later_gc_takes_them(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_gc_result_done) struct image_gc_result r = { 0 }, later = { 0 };
        struct uses uses = { .layer = "1", .image = id_of('a') };
        const struct image_gc_options o = options(&uses);
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a', .layers = "12");
        assert_ok(image_store_rm(f.store, id_of('a'), &o, &r, &e), &e);
        assert_int_equal(count_in(f.store->records_fd), 0);
        assert_true(has_layer(&f, "1"));
        assert_false(has_layer(&f, "2"));
        uses = (struct uses){ 0 };
        assert_ok(image_store_gc(f.store, &o, &later, &e), &e);
        assert_int_equal(later.n_layers, 1);
        assert_false(has_layer(&f, "1"));
}

struct words {
        struct image_past past[8];
        size_t n;
};

static void words_done(struct words *w)
{
        while (w->n > 0)
                image_past_done(&w->past[--w->n]);
}

static void hear(const char *line, size_t len, void *arg)
{
        struct words *w = arg;
        struct err e;

        assert_true(w->n < ARRAY_LEN(w->past));
        assert_ok(image_past_parse(line, len, &w->past[w->n], &e), &e);
        w->n++;
}

static void images_have_last_words(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_gc_result_done) struct image_gc_result rm = { 0 }, gc = { 0 };
        AUTO(words_done) struct words w = { .n = 0 };
        struct ledger_place place = LEDGER_START;
        struct uses none = { 0 };
        struct image_gc_options o = options(&none);
        nsec before = time_now();
        bool gap;
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a', .layers = "1");
        add_image(&f, .id = 'b', .layers = "2");
        assert_ok(image_store_rm(f.store, id_of('a'), &o, &rm, &e), &e);
        o.grace = -NSEC_PER_SEC;
        assert_ok(image_store_gc(f.store, &o, &gc, &e), &e);
        assert_int_equal(gc.removed_ids.n, 1);
        assert_null(gc.ledger_problem);
        assert_ok(ledger_read(f.store->images_fd, IMAGE_LEDGER, &place, hear, &w, &gap, &e), &e);
        assert_int_equal(w.n, 2);
        assert_string_equal(w.past[0].id, id_of('a'));
        assert_string_equal(w.past[1].id, id_of('b'));
        for (int i = 0; i < 2; i++) {
                assert_non_null(w.past[i].name);
                assert_in_range(w.past[i].removed_at, before, time_now());
        }
}

static void without_a_ledger_images_are_removed_all_the_same(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_gc_result_done) struct image_gc_result r = { 0 };
        struct uses none = { 0 };
        const struct image_gc_options o = options(&none);
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a', .layers = "1");
        assert_int_equal(mkdirat(f.store->images_fd, IMAGE_LEDGER, 0700), 0);
        assert_ok(image_store_rm(f.store, id_of('a'), &o, &r, &e), &e);
        assert_string_equal(r.ledger_problem,
                            "images are removed, but not all of their events may be told: "
                            "removed is not a regular file");
        assert_int_equal(r.problems.n, 0);
        assert_int_equal(count_in(f.store->records_fd), 0);
}

static void rm_of_an_unknown_image_changes_nothing(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        struct image_gc_result r = { 0 };
        struct uses none = { 0 };
        const struct image_gc_options o = options(&none);
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a');
        assert_int_equal(image_store_rm(f.store, id_of('b'), &o, &r, &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
        assert_int_equal(image_store_rm(f.store, "../x", &o, &r, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_int_equal(count_in(f.store->records_fd), 1);
        assert_int_equal(count_in(f.store->tmp_fd), 0);
}

static void gc_goes_by_last_use_and_keeps_what_pods_name(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_gc_result_done) struct image_gc_result r = { 0 };
        struct uses uses = { .image = id_of('b') };
        const struct image_gc_options o = options(&uses);
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a');
        add_image(&f, .id = 'b');
        add_image(&f, .id = 'c');
        make_old(&f, 'a');
        make_old(&f, 'b');
        assert_ok(image_store_gc(f.store, &o, &r, &e), &e);
        assert_int_equal(r.removed_ids.n, 1);
        assert_string_equal(r.removed_ids.v[0], id_of('a'));
        assert_int_equal(count_in(f.store->records_fd), 2);
        assert_int_equal(count_in(f.store->layers_fd), 2);
}

static void gc_takes_layers_without_a_record_and_links_without_a_layer(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_gc_result_done) struct image_gc_result r = { 0 };
        struct uses none = { 0 };
        const struct image_gc_options o = options(&none);
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a');
        assert_int_equal(fs_mkdirs(f.store->layers_fd, "77/fs/bin", 0755), 0);
        assert_int_equal(symlinkat("../99", f.store->digests_fd, "sha256-0123456789abcdef"), 0);
        assert_int_equal(fs_mkdirs(f.store->tmp_fd, "dead/l0/fs", 0755), 0);
        assert_ok(image_store_gc(f.store, &o, &r, &e), &e);
        assert_int_equal(r.removed_ids.n, 0);
        assert_int_equal(r.n_layers, 1);
        assert_int_equal(count_in(f.store->layers_fd), 1);
        assert_int_equal(count_in(f.store->digests_fd), 1);
        assert_int_equal(count_in(f.store->tmp_fd), 0);
}

static void a_broken_record_is_a_problem_until_its_time_has_come(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_gc_result_done) struct image_gc_result first = { 0 }, second = { 0 };
        AUTO_FREE char *json = xasprintf("%s/record.json", id_of('a'));
        struct uses none = { 0 };
        const struct image_gc_options o = options(&none);
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a');
        assert_int_equal(fs_write_file(f.store->records_fd, json, "{", 1, 0640), 0);
        assert_ok(image_store_gc(f.store, &o, &first, &e), &e);
        assert_int_equal(first.problems.n, 1);
        assert_int_equal(count_in(f.store->records_fd), 1);
        make_old(&f, 'a');
        assert_ok(image_store_gc(f.store, &o, &second, &e), &e);
        assert_int_equal(second.problems.n, 0);
        assert_int_equal(count_in(f.store->records_fd), 0);
}

static void not_knowing_what_pods_use_stops_everything(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        struct image_gc_result r = { 0 };
        struct uses uses = { .fail = true };
        const struct image_gc_options o = options(&uses);
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a');
        make_old(&f, 'a');
        assert_err(image_store_gc(f.store, &o, &r, &e), &e, ERR_INTERNAL,
                   "find out what pods use: pod x is unreadable");
        assert_int_equal(count_in(f.store->records_fd), 1);
}

static void a_running_import_keeps_gc_out(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_txn_freep) struct image_txn *t = NULL;
        struct image_gc_result r = { 0 };
        struct uses none = { 0 };
        const struct image_gc_options o = options(&none);
        struct err e;

        (void)state;
        fixture_init(&f);
        assert_ok(image_txn_begin(&t, f.store, 0, &e), &e);
        assert_int_equal(image_store_gc(f.store, &o, &r, &e), -1);
        assert_int_equal(e.kind, ERR_BUSY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rm_takes_the_image_and_what_only_it_had),
                cmocka_unit_test(rm_leaves_the_layers_of_pods_and_a_later_gc_takes_them),
                cmocka_unit_test(images_have_last_words),
                cmocka_unit_test(without_a_ledger_images_are_removed_all_the_same),
                cmocka_unit_test(rm_of_an_unknown_image_changes_nothing),
                cmocka_unit_test(gc_goes_by_last_use_and_keeps_what_pods_name),
                cmocka_unit_test(gc_takes_layers_without_a_record_and_links_without_a_layer),
                cmocka_unit_test(a_broken_record_is_a_problem_until_its_time_has_come),
                cmocka_unit_test(not_knowing_what_pods_use_stops_everything),
                cmocka_unit_test(a_running_import_keeps_gc_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
