/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"
#include "pod/view_priv.h"

static struct pod_view *brief(const char *text)
{
        struct pod_view *v = xcalloc(1, sizeof(*v));

        assert_int_equal(view_brief(text, strlen(text), v), 0);
        return v;
}

static void names_are_found_among_everything_else(void **state)
{
        AUTO(pod_view_freep)
        struct pod_view *v = brief(
                " { \"x\" : [ {\"apps\":[1,\"]\\\"\"]} , null , -1.5e3 ] , \"volumes\":null,\n"
                "\"apps\":[{\"app\":{\"exec\":[\"/a\\\\\"]},\"image\":{\"labels\":["
                "{\"value\":\"amd64\",\"name\":\"arch\"},{\"name\":\"version\",\"value\":\"1.0\"}],"
                "\"id\":\"sha512-ab\",\"name\":\"a.b/c\"},\"name\":\"web\"},"
                "{\"name\":\"db\",\"image\":{\"id\":\"sha512-cd\"}}],"
                "\"annotations\":[{\"name\":\"k\",\"value\":\"v\"},"
                "{\"name\":\"carob.io/pod-name\",\"value\":\"blue\"}]} ");

        (void)state;
        assert_string_equal(v->name, "blue");
        assert_int_equal(v->n_apps, 2);
        assert_string_equal(v->apps[0].name, "web");
        assert_string_equal(v->apps[0].image_id, "sha512-ab");
        assert_string_equal(v->apps[0].image_name, "a.b/c");
        assert_string_equal(v->apps[0].image_version, "1.0");
        assert_string_equal(v->apps[1].name, "db");
        assert_null(v->apps[1].image_name);
        assert_null(v->apps[1].image_version);
        assert_int_equal(v->apps[1].exit_code, -1);
}

static void absent_and_null_lists_are_empty(void **state)
{
        AUTO(pod_view_freep) struct pod_view *a = brief("{}");
        AUTO(pod_view_freep) struct pod_view *b = brief("{\"apps\":null,\"annotations\":null}");

        (void)state;
        assert_int_equal(a->n_apps, 0);
        assert_int_equal(b->n_apps, 0);
        assert_null(b->name);
}

#define APP(members) "{\"apps\":[{" members "}]}"
#define NAME         "{\"name\":\"carob.io/pod-name\",\"value\":\"a\"}"
#define TWO_NAMES    "{\"annotations\":[" NAME "," NAME "]}"

static void the_unusual_is_left_to_the_parser(void **state)
{
        static const char *const texts[] = {
                "",
                "[]",
                "{",
                "{}}",
                "{\"apps\":{}}",
                "{\"apps\":[1]}",
                "{\"apps\"}",
                "{\"a\":1 \"b\":2}",
                "{\"a\":}",
                "{\"apps\":[],\"apps\":[]}",
                APP(""),
                APP("\"name\":\"web\""),
                APP("\"name\":\"we\\u0062\",\"image\":{\"id\":\"sha512-ab\"}"),
                APP("\"name\":\"..\",\"image\":{\"id\":\"sha512-ab\"}"),
                APP("\"name\":\"a\",\"name\":\"b\",\"image\":{\"id\":\"sha512-ab\"}"),
                APP("\"name\":\"a\",\"image\":{\"id\":\"x\"}"),
                APP("\"name\":\"a\",\"image\":{\"id\":1}"),
                APP("\"name\":\"a\",\"image\":{\"id\":\"sha512-ab\"},\"image\":{}"),
                TWO_NAMES,
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                struct pod_view v = { 0 };

                assert_int_equal(view_brief(texts[i], strlen(texts[i]), &v), -1);
                assert_null(v.apps);
                assert_int_equal(v.n_apps, 0);
        }
}

static struct pod_view *names_of(struct world *w, const struct pod *p)
{
        struct pod_view *v = NULL;
        struct err e;

        assert_ok(pod_view_read(&w->s, p->uuid.text, POD_VIEW_NAMES, &v, &e), &e);
        return v;
}

static void a_view_of_names_falls_back_to_the_parser(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 0);
        AUTO(pod_view_freep) struct pod_view *a = NULL, *b = NULL, *c = NULL;

        (void)state;
        a = names_of(&w, &p);
        assert_null(a->parsed);
        assert_string_equal(a->apps[0].image_name, "a.b/c");
        put(&p, "pod", MANIFEST("{\"name\":\"\\u0077eb\",\"image\":{\"id\":\"" ID "\"}}", ""));
        b = names_of(&w, &p);
        assert_string_equal(b->apps[0].name, "web");
        put(&p, "pod", "{\"apps\":7}");
        c = names_of(&w, &p);
        assert_string_equal(c->problem, "pod: acKind: is missing");
}

/* kubelet's pod manifests name images by id alone. */
static void an_image_without_a_name_is_looked_up(void **state)
{
        AUTO_WORLD struct world w = world_new();
        AUTO_POD struct pod p = exited(&w, 0);
        AUTO(pod_view_freep) struct pod_view *v = NULL;

        (void)state;
        put(&p, "pod", MANIFEST("{\"name\":\"web\",\"image\":{\"id\":\"sha512-ab\"}}", ""));
        v = names_of(&w, &p);
        assert_null(v->parsed);
        assert_string_equal(v->apps[0].image_name, "a.b/c");
        assert_string_equal(v->apps[0].image_version, "1.0");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_are_found_among_everything_else),
                cmocka_unit_test(absent_and_null_lists_are_empty),
                cmocka_unit_test(the_unusual_is_left_to_the_parser),
                cmocka_unit_test(a_view_of_names_falls_back_to_the_parser),
                cmocka_unit_test(an_image_without_a_name_is_looked_up),
        };
        return cmocka_run_group_tests_name("pod/brief", tests, NULL, NULL);
}
