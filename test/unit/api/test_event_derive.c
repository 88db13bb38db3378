/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/event_derive.h"
#include "util/limits.h"
#include "util/mem.h"

#define ID       "11111111-0000-4000-8000-000000000001"
#define IMAGE_ID "sha512-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* What was told, a line for each: type, from, data. */
struct told_lines {
        char text[64 * 1024];
        size_t len;
        int n;
};

static const char *type_name(V1alpha__EventType type)
{
        static const char *const names[] = {
                "undefined", "prepared",    "aborted",    "started",  "exited",
                "collected", "app-started", "app-exited", "imported", "removed",
        };

        return names[type];
}

static void note(const struct event_spec *spec, void *arg)
{
        struct told_lines *l = arg;

        l->n++;
        l->len += (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len, "%s %s %d",
                                   type_name(spec->type), spec->from, (int)spec->time);
        for (size_t i = 0; i < spec->n_data; i++)
                if (strcmp(spec->data[i].key, "time_ns") != 0)
                        l->len +=
                                (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len,
                                                 " %s=%s", spec->data[i].key, spec->data[i].value);
                else
                        assert_int_equal(atoll(spec->data[i].value), spec->time);
        assert_true(l->len + 2 < sizeof(l->text));
        (void)strcat(l->text, "\n");
        l->len++;
}

static const struct event_look at_1000 = { .now = 1000 };

static const char *derive(const struct pod_past *past, struct pod_told *told,
                          const struct event_look *look)
{
        static struct told_lines l;

        l.len = 0;
        l.n = 0;
        l.text[0] = '\0';
        event_derive_pod(past, told, look, note, &l);
        assert_false(event_derive_has_news(past, told));
        return l.text;
}

static struct pod_past new_pod(void)
{
        struct pod_past p = POD_PAST_NULL;

        (void)strcpy(p.uuid.text, ID);
        return p;
}

#define AUTO_PAST AUTO(pod_past_done) struct pod_past
#define AUTO_TOLD AUTO(pod_told_done) struct pod_told

static void with_apps(struct pod_past *p, size_t n)
{
        char name[16];

        p->apps = xcalloc(n, sizeof(*p->apps));
        p->n_apps = n;
        for (size_t i = 0; i < n; i++) {
                (void)snprintf(name, sizeof(name), "app%zu", i);
                p->apps[i].name = xstrdup(name);
                p->apps[i].exit_code = -1;
        }
}

static void nothing_happened_is_nothing_told(void **state)
{
        AUTO_PAST p = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        p.created_at = 5;
        with_apps(&p, 2);
        assert_string_equal(derive(&p, &told, &at_1000), "");
        assert_int_equal(told.pod, 0);
}

static void a_whole_life_at_once_is_in_order(void **state)
{
        AUTO_PAST p = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        p.name = xstrdup("shop");
        p.prepared = p.started = p.exited = p.collected = true;
        p.prepared_at = 10;
        p.started_at = 20;
        p.pid = 99;
        p.finished_at = 50;
        p.exit_code = 3;
        p.reason = xstrdup("app db failed");
        p.collected_at = 60;
        with_apps(&p, 3);
        p.apps[0] = (struct pod_past_app){ .name = p.apps[0].name,
                                           .image_id = xstrdup(IMAGE_ID),
                                           .image_name = xstrdup("example.com/web"),
                                           .started_at = 32,
                                           .finished_at = 49,
                                           .ended = true,
                                           .pid = 101,
                                           .exit_code = 143,
                                           .signal = 15 };
        p.apps[2].started_at = 31;
        p.apps[2].finished_at = 40;
        p.apps[2].ended = true;
        p.apps[2].exit_code = 3;
        p.apps[2].oom = true;
        assert_string_equal(derive(&p, &told, &at_1000),
                            "prepared shop 10\n"
                            "started shop 20 pid=99\n"
                            "app-started app2 31 pod_name=shop\n"
                            "app-started app0 32 pod_name=shop image_id=" IMAGE_ID
                            " image_name=example.com/web pid=101\n"
                            "app-exited app2 40 pod_name=shop exit_code=3 oom=true\n"
                            "app-exited app0 49 pod_name=shop image_id=" IMAGE_ID
                            " image_name=example.com/web pid=101 exit_code=143 signal=15\n"
                            "exited shop 50 exit_code=3 reason=app db failed\n"
                            "collected shop 60 state=exited\n");
        assert_string_equal(derive(&p, &told, &at_1000), "");
}

static void step_by_step_is_the_same(void **state)
{
        AUTO_PAST p = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        with_apps(&p, 1);
        p.prepared = true;
        p.prepared_at = 10;
        assert_string_equal(derive(&p, &told, &at_1000), "prepared " ID " 10\n");
        p.started = true;
        p.started_at = 20;
        p.pid = 7;
        assert_string_equal(derive(&p, &told, &at_1000), "started " ID " 20 pid=7\n");
        p.apps[0].started_at = 21;
        assert_string_equal(derive(&p, &told, &at_1000), "app-started app0 21\n");
        p.apps[0].ended = true;
        p.apps[0].finished_at = 30;
        p.apps[0].exit_code = 0;
        assert_string_equal(derive(&p, &told, &at_1000), "app-exited app0 30 exit_code=0\n");
        p.exited = true;
        p.finished_at = 31;
        p.exit_code = 0;
        assert_string_equal(derive(&p, &told, &at_1000), "exited " ID " 31 exit_code=0\n");
        p.collected = true;
        p.collected_at = 40;
        assert_string_equal(derive(&p, &told, &at_1000), "collected " ID " 40 state=exited\n");
}

static void an_aborted_preparation_says_why(void **state)
{
        AUTO_PAST p = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        p.aborted = true;
        p.aborted_at = 10;
        p.reason = xstrdup("no such image");
        assert_string_equal(derive(&p, &told, &at_1000),
                            "aborted " ID " 10 reason=no such image\n");
        p.collected = true;
        p.collected_at = 12;
        assert_string_equal(derive(&p, &told, &at_1000),
                            "collected " ID " 12 state=aborted prepare\n");
}

static void one_that_was_prepared_and_never_run_is_collected(void **state)
{
        AUTO_PAST p = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        p.prepared = p.collected = true;
        p.prepared_at = 10;
        p.collected_at = 12;
        assert_string_equal(derive(&p, &told, &at_1000),
                            "prepared " ID " 10\ncollected " ID " 12 state=prepared\n");
}

/* It entered run/, and its supervisor died before there was an init. */
static void one_that_never_started_has_only_exited(void **state)
{
        AUTO_PAST p = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        with_apps(&p, 1);
        p.exited = true;
        assert_string_equal(derive(&p, &told, &at_1000), "exited " ID " 1000 observed=true\n");
}

static void a_killed_supervisor_leaves_the_time_to_the_observer(void **state)
{
        AUTO_PAST p = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        with_apps(&p, 3);
        p.started = p.exited = true;
        p.started_at = 20;
        p.apps[0].started_at = 21;
        p.apps[0].ended = true;
        p.apps[0].pid = 5;
        p.apps[1].started_at = 22;
        p.apps[1].ended = true;
        p.apps[1].finished_at = 23;
        p.apps[1].exit_code = 0;
        assert_string_equal(derive(&p, &told, &at_1000),
                            "started " ID " 20\n"
                            "app-started app0 21 pid=5\n"
                            "app-started app1 22\n"
                            "app-exited app1 23 exit_code=0\n"
                            "app-exited app0 1000 pid=5 observed=true\n"
                            "exited " ID " 1000 observed=true\n");
}

static void what_is_observed_is_not_after_what_followed(void **state)
{
        AUTO_PAST p = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        with_apps(&p, 1);
        p.started = p.exited = p.collected = true;
        p.started_at = 20;
        p.collected_at = 500;
        p.apps[0].started_at = 21;
        p.apps[0].ended = true;
        assert_string_equal(derive(&p, &told, &at_1000), "started " ID " 20\n"
                                                         "app-started app0 21\n"
                                                         "app-exited app0 500 observed=true\n"
                                                         "exited " ID " 500 observed=true\n"
                                                         "collected " ID " 500 state=exited\n");
}

/* What cannot be read has not happened, as far as one look says. */
static void a_broken_look_untells_nothing(void **state)
{
        AUTO_PAST p = new_pod(), broken = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        p.name = xstrdup("shop");
        with_apps(&p, 40);
        p.started = true;
        p.started_at = 20;
        p.apps[39].started_at = 21;
        assert_string_equal(derive(&p, &told, &at_1000),
                            "started shop 20\napp-started app39 21 pod_name=shop\n");
        assert_string_equal(derive(&broken, &told, &at_1000), "");
        assert_string_equal(derive(&p, &told, &at_1000), "");
        broken.exited = true;
        broken.finished_at = 30;
        assert_string_equal(derive(&broken, &told, &at_1000), "exited shop 30\n");
        p.exited = true;
        p.apps[39].ended = true;
        p.apps[39].finished_at = 29;
        assert_string_equal(derive(&p, &told, &at_1000), "app-exited app39 29 pod_name=shop\n");
}

static void apps_may_become_known_later(void **state)
{
        AUTO_PAST p = new_pod(), few = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        p.started = few.started = true;
        p.started_at = few.started_at = 1;
        assert_string_equal(derive(&p, &told, &at_1000), "started " ID " 1\n");
        with_apps(&few, 20);
        few.apps[3].started_at = 2;
        assert_string_equal(derive(&few, &told, &at_1000), "app-started app3 2\n");
        with_apps(&p, POD_TOLD_FEW + 1);
        p.apps[3].started_at = 2;
        p.apps[POD_TOLD_FEW].started_at = 3;
        assert_string_equal(derive(&p, &told, &at_1000), "app-started app32 3\n");
        assert_int_equal(pod_told_app(&told, 3), APP_TOLD_STARTED);
        assert_int_equal(pod_told_app(&told, 4), 0);
        assert_int_equal(pod_told_app(&told, 1000), 0);
}

static void as_many_apps_as_a_pod_may_have(void **state)
{
        AUTO_PAST p = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        with_apps(&p, LIMIT_POD_APPS + 1);
        for (size_t i = 0; i < p.n_apps; i++)
                p.apps[i].started_at = (nsec)(p.n_apps - i);
        for (unsigned round = 0; round < 2; round++) {
                static struct told_lines l;

                l = (struct told_lines){ .n = 0 };
                event_derive_pod(&p, &told, &at_1000, note, &l);
                assert_int_equal(l.n, round == 0 ? LIMIT_POD_APPS : 0);
        }
        for (size_t i = 0; i < p.n_apps; i += 3) {
                p.apps[i].ended = true;
                p.apps[i].finished_at = 900;
        }
        for (unsigned round = 0; round < 2; round++) {
                static struct told_lines l;

                l = (struct told_lines){ .n = 0 };
                event_derive_pod(&p, &told, &at_1000, note, &l);
                assert_int_equal(l.n, round == 0 ? (LIMIT_POD_APPS + 2) / 3 : 0);
        }
        for (size_t i = 0; i < LIMIT_POD_APPS; i++)
                assert_int_equal(pod_told_app(&told, i),
                                 APP_TOLD_STARTED | (i % 3 == 0 ? APP_TOLD_EXITED : 0));
}

static void an_app_without_a_start_has_no_events(void **state)
{
        AUTO_PAST p = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        with_apps(&p, 1);
        p.apps[0].exit_code = 1;
        assert_string_equal(derive(&p, &told, &at_1000), "");
}

static void the_name_is_that_of_the_latest_look(void **state)
{
        AUTO_PAST p = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        p.prepared = true;
        p.prepared_at = 1;
        assert_string_equal(derive(&p, &told, &at_1000), "prepared " ID " 1\n");
        p.name = xstrdup("shop");
        assert_string_equal(derive(&p, &told, &at_1000), "");
        free(TAKE_PTR(p.name));
        p.started = true;
        p.started_at = 2;
        assert_string_equal(derive(&p, &told, &at_1000), "started shop 2\n");
}

/* --- the first look */

static void the_first_look_tells_what_is_of_our_time(void **state)
{
        const struct event_look look = { .now = 1000, .baseline = true, .since = 30 };
        AUTO_PAST p = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        with_apps(&p, 2);
        p.prepared = p.started = true;
        p.prepared_at = 10;
        p.started_at = 29;
        p.apps[0].started_at = 30;
        p.apps[1].started_at = 29;
        assert_string_equal(derive(&p, &told, &look), "app-started app0 30\n");
        assert_string_equal(derive(&p, &told, &at_1000), "");
        p.exited = p.apps[1].ended = true;
        p.finished_at = p.apps[1].finished_at =
                28; /* the clock was set back: a later look tells all */
        assert_string_equal(derive(&p, &told, &at_1000), "app-exited app1 28\nexited " ID " 28\n");
}

static void what_nobody_timed_is_of_our_time_if_the_pod_is(void **state)
{
        const struct event_look look = { .now = 1000, .baseline = true, .since = 30 };
        AUTO_PAST p = new_pod();
        AUTO_TOLD old = POD_TOLD_NULL, young = POD_TOLD_NULL;

        (void)state;
        p.started = p.exited = true;
        p.started_at = 29;
        assert_string_equal(derive(&p, &old, &look), "");
        p.started_at = 30;
        assert_string_equal(derive(&p, &young, &look),
                            "started " ID " 30\nexited " ID " 1000 observed=true\n");
}

static void since_zero_tells_all_that_the_disk_does(void **state)
{
        const struct event_look look = { .now = 1000, .baseline = true, .since = 0 };
        AUTO_PAST p = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;

        (void)state;
        p.started = p.exited = true;
        assert_string_equal(derive(&p, &told, &look),
                            "started " ID " 1000 observed=true\nexited " ID
                            " 1000 observed=true\n");
}

static void a_long_reason_is_cut_between_two_characters(void **state)
{
        AUTO_PAST p = new_pod();
        AUTO_TOLD told = POD_TOLD_NULL;
        const char *line, *reason;

        (void)state;
        p.exited = true;
        p.finished_at = 1;
        p.reason = xcalloc(1, 10001);
        for (size_t i = 0; i < 10000; i += 2)
                memcpy(p.reason + i, "\xc3\xa4", 2);
        p.reason[0] = 'x';
        p.reason[1] = 'y';
        memmove(p.reason, p.reason + 1, 9999); /* an odd number of bytes before the first */
        p.reason[9999] = '\0';
        line = derive(&p, &told, &at_1000);
        reason = strstr(line, "reason=y");
        assert_non_null(reason);
        assert_true(strlen(reason) > 2000 && strlen(reason) < 2100);
        assert_memory_equal(line + strlen(line) - 3, "\xc3\xa4\n", 3);
}

/* --- gone without last words */

static void encode(struct encoded *ret, V1alpha__PodState state, size_t n_apps)
{
        V1alpha__Image image = V1ALPHA__IMAGE__INIT;
        V1alpha__App app = V1ALPHA__APP__INIT;
        V1alpha__App *apps[] = { &app, &app };
        V1alpha__Pod pod = V1ALPHA__POD__INIT;
        char id[] = ID, name[] = "web", image_id[] = IMAGE_ID;

        image.id = image_id;
        app.name = name;
        app.image = &image;
        pod.id = id;
        pod.state = state;
        pod.apps = apps;
        pod.n_apps = n_apps;
        encoded_init_pod_message(ret, &pod);
}

static const char *lost(V1alpha__PodState state, size_t n_apps, struct pod_told *told)
{
        AUTO_PAST p = POD_PAST_NULL;
        AUTO(encoded_done) struct encoded last = ENCODED_NULL;
        struct uuid uuid = { .text = ID };

        encode(&last, state, n_apps);
        event_derive_lost(&uuid, &last, told, &p);
        return derive(&p, told, &at_1000);
}

static void a_running_pod_that_vanishes_has_ended(void **state)
{
        AUTO_TOLD told = POD_TOLD_NULL;
        AUTO_PAST p = new_pod();

        (void)state;
        p.name = xstrdup("shop");
        p.started = true;
        p.started_at = 1;
        with_apps(&p, 2);
        p.apps[1].started_at = 2;
        (void)derive(&p, &told, &at_1000);
        assert_string_equal(lost(V1ALPHA__POD_STATE__POD_STATE_RUNNING, 2, &told),
                            "app-exited web 1000 pod_name=shop image_id=" IMAGE_ID
                            " observed=true\n"
                            "exited shop 1000 observed=true\n"
                            "collected shop 1000 state=exited observed=true\n");
        assert_string_equal(lost(V1ALPHA__POD_STATE__POD_STATE_RUNNING, 2, &told), "");
}

static void what_vanishes_depends_on_what_it_was(void **state)
{
        static const struct {
                V1alpha__PodState state;
                const char *want;
        } cases[] = {
                { V1ALPHA__POD_STATE__POD_STATE_EMBRYO, "" },
                { V1ALPHA__POD_STATE__POD_STATE_UNDEFINED, "" },
                { V1ALPHA__POD_STATE__POD_STATE_GARBAGE, "" },
                { V1ALPHA__POD_STATE__POD_STATE_DELETING, "" },
                { V1ALPHA__POD_STATE__POD_STATE_PREPARING,
                  "aborted " ID " 1000 observed=true\n"
                  "collected " ID " 1000 state=aborted prepare observed=true\n" },
                { V1ALPHA__POD_STATE__POD_STATE_RUNNING,
                  "exited " ID " 1000 observed=true\n"
                  "collected " ID " 1000 state=exited observed=true\n" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_TOLD told = POD_TOLD_NULL;

                assert_string_equal(lost(cases[i].state, 0, &told), cases[i].want);
        }
}

static void after_its_last_words_nothing_is_guessed(void **state)
{
        static const V1alpha__PodState states[] = { V1ALPHA__POD_STATE__POD_STATE_PREPARING,
                                                    V1ALPHA__POD_STATE__POD_STATE_PREPARED,
                                                    V1ALPHA__POD_STATE__POD_STATE_RUNNING };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(states); i++) {
                AUTO_TOLD ran = { .pod = POD_TOLD_STARTED | POD_TOLD_EXITED | POD_TOLD_COLLECTED };
                AUTO_TOLD never_ran = { .pod = POD_TOLD_PREPARED | POD_TOLD_COLLECTED };

                assert_string_equal(lost(states[i], 0, &ran), "");
                assert_string_equal(lost(states[i], 0, &never_ran), "");
        }
}

static void what_was_told_is_enough_to_say_that_it_went(void **state)
{
        AUTO_TOLD told = { .pod = POD_TOLD_PREPARED };
        AUTO_TOLD started = { .pod = POD_TOLD_STARTED };
        AUTO_TOLD all = { .pod = POD_TOLD_EXITED | POD_TOLD_COLLECTED };
        AUTO_PAST p = POD_PAST_NULL, q = POD_PAST_NULL, r = POD_PAST_NULL;
        struct uuid uuid = { .text = ID };

        (void)state;
        event_derive_lost(&uuid, NULL, &told, &p);
        assert_string_equal(derive(&p, &told, &at_1000),
                            "collected " ID " 1000 state=prepared observed=true\n");
        event_derive_lost(&uuid, NULL, &started, &q);
        assert_string_equal(derive(&q, &started, &at_1000),
                            "exited " ID " 1000 observed=true\n"
                            "collected " ID " 1000 state=exited observed=true\n");
        event_derive_lost(&uuid, NULL, &all, &r);
        assert_string_equal(derive(&r, &all, &at_1000), "");
}

/* --- images */

static void images_come_and_go(void **state)
{
        struct image_past p = { .id = (char *)(uintptr_t)IMAGE_ID,
                                .name = (char *)(uintptr_t) "example.com/web",
                                .format = APPC_FORMAT_OCI,
                                .size = 4096,
                                .imported_at = 5,
                                .removed_at = 7 };
        const struct event_look look = { .now = 1000, .baseline = true, .since = 6 };
        static struct told_lines l;

        (void)state;
        l = (struct told_lines){ .n = 0 };
        event_derive_imported(&p, &at_1000, note, &l);
        p.version = (char *)(uintptr_t) "1.2";
        event_derive_removed(&p, &at_1000, note, &l);
        event_derive_imported(&p, &look, note, &l); /* too old */
        event_derive_removed(&p, &look, note, &l);
        p.removed_at = 0;
        p.name = NULL;
        event_derive_removed(&p, &at_1000, note, &l);
        assert_string_equal(l.text, "imported example.com/web 5 format=oci size=4096\n"
                                    "removed example.com/web 7 version=1.2 format=oci size=4096\n"
                                    "removed example.com/web 7 version=1.2 format=oci size=4096\n"
                                    "removed " IMAGE_ID
                                    " 1000 version=1.2 format=oci size=4096 observed=true\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_happened_is_nothing_told),
                cmocka_unit_test(a_whole_life_at_once_is_in_order),
                cmocka_unit_test(step_by_step_is_the_same),
                cmocka_unit_test(an_aborted_preparation_says_why),
                cmocka_unit_test(one_that_was_prepared_and_never_run_is_collected),
                cmocka_unit_test(one_that_never_started_has_only_exited),
                cmocka_unit_test(a_killed_supervisor_leaves_the_time_to_the_observer),
                cmocka_unit_test(what_is_observed_is_not_after_what_followed),
                cmocka_unit_test(a_broken_look_untells_nothing),
                cmocka_unit_test(apps_may_become_known_later),
                cmocka_unit_test(as_many_apps_as_a_pod_may_have),
                cmocka_unit_test(an_app_without_a_start_has_no_events),
                cmocka_unit_test(the_name_is_that_of_the_latest_look),
                cmocka_unit_test(the_first_look_tells_what_is_of_our_time),
                cmocka_unit_test(what_nobody_timed_is_of_our_time_if_the_pod_is),
                cmocka_unit_test(since_zero_tells_all_that_the_disk_does),
                cmocka_unit_test(a_long_reason_is_cut_between_two_characters),
                cmocka_unit_test(a_running_pod_that_vanishes_has_ended),
                cmocka_unit_test(what_vanishes_depends_on_what_it_was),
                cmocka_unit_test(after_its_last_words_nothing_is_guessed),
                cmocka_unit_test(what_was_told_is_enough_to_say_that_it_went),
                cmocka_unit_test(images_come_and_go),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
