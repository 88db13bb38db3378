/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#include <sys/xattr.h>

#include "image/render.h"
#include "image/store_gc.h"
#include "util/limits.h"

#define DEPENDS(list) ",\"dependencies\":[" list "]"
#define ON(name)      "{\"imageName\":\"example.com/" name "\"}"

static void renders(struct fixture *f, char id, const char *layers, struct image_render *r)
{
        AUTO(buf_done) struct buf got = BUF_NULL(4096);
        struct err e;

        assert_ok(image_render(f->store, id_of(id), r, &e), &e);
        for (size_t i = 0; i < r->layers.n; i++)
                (void)buf_printf(&got, "%s%s", i ? " " : "", r->layers.v[i]);
        assert_string_equal(buf_str(&got), layers);
}

static void layers_come_top_first_and_once(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_render_done) struct image_render r = IMAGE_RENDER_NULL;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a', .layers = "1213");
        renders(&f, 'a', "1 2 3", &r);
        assert_int_equal(r.image_ids.n, 1);
}

static void dependencies_lie_below_the_later_the_higher(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_render_done) struct image_render r = IMAGE_RENDER_NULL;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'c'); /* layer 1 */
        add_image(&f, .id = 'b', .more = DEPENDS(ON("c")));
        add_image(&f, .id = 'd');
        add_image(&f, .id = 'a', .more = DEPENDS(ON("b") "," ON("d")));
        renders(&f, 'a', "4 3 2 1", &r);
        assert_int_equal(r.image_ids.n, 4);
        assert_string_equal(r.image_ids.v[0], id_of('a'));
}

static void a_shared_dependency_keeps_its_upper_place(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_render_done) struct image_render r = IMAGE_RENDER_NULL;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'c');                           /* 1 */
        add_image(&f, .id = 'b', .more = DEPENDS(ON("c"))); /* 2 over 1 */
        add_image(&f, .id = 'd', .more = DEPENDS(ON("c"))); /* 3 over 1 */
        add_image(&f, .id = 'a', .more = DEPENDS(ON("b") "," ON("d")));
        renders(&f, 'a', "4 3 1 2", &r); /* applied: 1 2 1 3 4 */
        assert_int_equal(r.image_ids.n, 4);
}

static void dependencies_are_found_by_id_or_labels_never_by_the_end_of_a_name(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_render_done) struct image_render by_id = IMAGE_RENDER_NULL;
        AUTO(image_render_done) struct image_render by_label = IMAGE_RENDER_NULL;
        AUTO_FREE char *pinned = xasprintf(
                DEPENDS("{\"imageName\":\"example.com/lib\",\"imageID\":\"%s\"}"), id_of('b'));
        struct image_render r = IMAGE_RENDER_NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'b', .name = "example.com/lib", .version = "1");
        add_image(&f, .id = 'c', .name = "example.com/lib", .version = "2");
        add_image(&f, .id = '1', .more = pinned);
        add_image(&f, .id = '2',
                  .more = DEPENDS("{\"imageName\":\"example.com/lib\",\"labels\":["
                                  "{\"name\":\"version\",\"value\":\"1\"}]}"));
        add_image(&f, .id = '3', .more = DEPENDS("{\"imageName\":\"lib\"}"));
        renders(&f, '1', "3 1", &by_id);
        renders(&f, '2', "4 1", &by_label);
        assert_int_equal(image_render(f.store, id_of('3'), &r, &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void what_is_missing_is_named_with_who_needs_it(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        static const char want[] =
                "dependency \"example.com/gone\", version=3 is not in the store "
                "(needed by example.com/a -> example.com/b -> example.com/gone); "
                "fetch its image file first";
        struct image_render r = IMAGE_RENDER_NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'b',
                  .more = DEPENDS("{\"imageName\":\"example.com/gone\",\"labels\":["
                                  "{\"name\":\"version\",\"value\":\"3\"}]}"));
        add_image(&f, .id = 'a', .more = DEPENDS(ON("b")));
        assert_err(image_render(f.store, id_of('a'), &r, &e), &e, ERR_NOT_FOUND, want);
        assert_int_equal(image_render(f.store, id_of('f'), &r, &e), -1);
        assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void cycles_are_printed(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        static const char want[] = "dependencies form a cycle: example.com/a -> example.com/b -> "
                                   "example.com/c -> example.com/b";
        struct image_render r = IMAGE_RENDER_NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'c', .more = DEPENDS(ON("b")));
        add_image(&f, .id = 'b', .more = DEPENDS(ON("c")));
        add_image(&f, .id = 'a', .more = DEPENDS(ON("b")));
        assert_err(image_render(f.store, id_of('a'), &r, &e), &e, ERR_BAD_DATA, want);
}

/* @n images, each on the next; ids are numbered, all share one layer. */
static void add_chain(struct fixture *f, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                AUTO(image_txn_freep) struct image_txn *t = NULL;
                AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;
                AUTO_FREE char *more =
                        i + 1 < n ? xasprintf(DEPENDS(ON("n%u")), i + 1) : xstrdup("");
                AUTO_FREE char *manifest = NULL;
                char layer[IMAGE_LAYER_NAME_MAX];
                struct test_image like = { .more = more };
                struct err e;

                r.id = xasprintf("sha512-%064u", i);
                r.name = xasprintf("example.com/n%u", i);
                r.format = APPC_FORMAT_APPC;
                r.format_version = xstrdup("0.8.11");
                manifest = image_manifest_text(&like, r.name);
                assert_ok(image_txn_begin(&t, f->store, 0, &e), &e);
                txn_add_layer(t, 'a', "f", layer);
                strv_add(&r.layers, layer);
                assert_ok(image_txn_commit(t, &r, manifest, strlen(manifest), &e), &e);
        }
}

static void depth_is_limited(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_render_done) struct image_render ok = IMAGE_RENDER_NULL;
        AUTO_FREE char *second = xasprintf("sha512-%064u", 1);
        AUTO_FREE char *first = xasprintf("sha512-%064u", 0);
        struct image_render r = IMAGE_RENDER_NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        add_chain(&f, LIMIT_ACI_DEPTH + 2);
        assert_ok(image_render(f.store, second, &ok, &e), &e);
        assert_int_equal(ok.image_ids.n, LIMIT_ACI_DEPTH + 1);
        assert_int_equal(ok.layers.n, 1);
        assert_int_equal(image_render(f.store, first, &r, &e), -1);
        assert_int_equal(e.kind, ERR_LIMIT);
        assert_non_null(strstr(e.text, "dependencies are nested deeper than 32: "));
        assert_non_null(strstr(e.text, "-> example.com/n33"));
}

static void a_lost_layer_is_said(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        struct image_render r = IMAGE_RENDER_NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a');
        assert_int_equal(fs_remove_tree(f.store->layers_fd, "1"), 0);
        assert_err(image_render(f.store, id_of('a'), &r, &e), &e, ERR_BAD_DATA,
                   "layer 1 of image \"example.com/a\" is gone; fetch the image again");
}

static void an_opaque_root_ends_the_image(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_render_done) struct image_render r = IMAGE_RENDER_NULL;
        AUTO_CLOSE int root = -1;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a', .layers = "123");
        root = openat(f.store->layers_fd, "2/fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fsetxattr(root, "trusted.overlay.opaque", "y", 1, 0) < 0)
                skip();
        renders(&f, 'a', "1 2", &r);
}

static void an_image_without_layers_is_refused(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO_FREE char *want = xasprintf("image %s has no layers", id_of('a'));
        struct image_render r = IMAGE_RENDER_NULL;
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'a', .layers = "");
        assert_err(image_render(f.store, id_of('a'), &r, &e), &e, ERR_BAD_DATA, want);
}

static void rendering_marks_all_as_used(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_render_done) struct image_render r = IMAGE_RENDER_NULL;
        AUTO_FREE char *path = xasprintf("%s/last-used", id_of('b'));
        const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
        struct stat st;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'b');
        add_image(&f, .id = 'a', .more = DEPENDS(ON("b")));
        assert_int_equal(utimensat(f.store->records_fd, path, old, 0), 0);
        renders(&f, 'a', "2 1", &r);
        assert_int_equal(fstatat(f.store->records_fd, path, &st, 0), 0);
        assert_true(st.st_mtim.tv_sec > 1000);
}

static void a_whitelist_filters_the_image_and_its_dependencies_not_a_sibling(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_render_done)
        struct image_render r = IMAGE_RENDER_NULL, again = IMAGE_RENDER_NULL;
        struct stat st;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'b', .paths = "etc/ etc/base etc/drop"); /* 1 */
        add_image(&f, .id = 'c', .paths = "etc/ etc/sibling");       /* 2 */
        add_image(&f, .id = 'd', .paths = "etc/ etc/own etc/other",  /* 3 over 1 */
                  .more = DEPENDS(ON("b")) ",\"pathWhitelist\":[\"/etc/base\",\"/etc/own\"]");
        add_image(&f, .id = 'a', .paths = "top", .more = DEPENDS(ON("c") "," ON("d"))); /* 4 */
        renders(&f, 'a', "4 5 2", &r);
        assert_int_equal(fstatat(f.store->layers_fd, "5/fs/etc/base", &st, 0), 0);
        assert_int_equal(st.st_nlink, 2);
        assert_int_equal(fstatat(f.store->layers_fd, "5/fs/etc/own", &st, 0), 0);
        assert_int_equal(fstatat(f.store->layers_fd, "5/fs/etc/drop", &st, 0), -1);
        assert_int_equal(fstatat(f.store->layers_fd, "5/fs/etc/other", &st, 0), -1);
        renders(&f, 'a', "4 5 2", &again); /* made once */
}

static int use_layer_5(void *arg, struct image_in_use *ret, struct err *e)
{
        (void)e;
        if (*(bool *)arg)
                strv_add(&ret->layers, "5");
        return 0;
}

static void a_rendered_layer_lives_as_long_as_a_pod_uses_it(void **state)
{
        AUTO_FIXTURE struct fixture f = { 0 };
        AUTO(image_render_done)
        struct image_render r = IMAGE_RENDER_NULL, again = IMAGE_RENDER_NULL;
        AUTO(image_gc_result_done) struct image_gc_result first = { 0 }, second = { 0 };
        bool used = true;
        const struct image_gc_options o = {
                .now = time_now(), .grace = 3600 * NSEC_PER_SEC, .in_use = use_layer_5, .arg = &used
        };
        struct err e;

        (void)state;
        fixture_init(&f);
        add_image(&f, .id = 'b', .layers = "1234", .more = ",\"pathWhitelist\":[\"/f\"]");
        renders(&f, 'b', "5", &r);
        assert_ok(image_store_gc(f.store, &o, &first, &e), &e);
        assert_int_equal(first.n_layers, 0);
        used = false;
        assert_ok(image_store_gc(f.store, &o, &second, &e), &e);
        assert_int_equal(second.n_layers, 1);
        renders(&f, 'b', "5", &again);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(layers_come_top_first_and_once),
                cmocka_unit_test(dependencies_lie_below_the_later_the_higher),
                cmocka_unit_test(a_shared_dependency_keeps_its_upper_place),
                cmocka_unit_test(dependencies_are_found_by_id_or_labels_never_by_the_end_of_a_name),
                cmocka_unit_test(what_is_missing_is_named_with_who_needs_it),
                cmocka_unit_test(cycles_are_printed),
                cmocka_unit_test(depth_is_limited),
                cmocka_unit_test(a_lost_layer_is_said),
                cmocka_unit_test(an_opaque_root_ends_the_image),
                cmocka_unit_test(an_image_without_layers_is_refused),
                cmocka_unit_test(rendering_marks_all_as_used),
                cmocka_unit_test(a_whitelist_filters_the_image_and_its_dependencies_not_a_sibling),
                cmocka_unit_test(a_rendered_layer_lives_as_long_as_a_pod_uses_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
