/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cli/event_lines.h"
#include "util/json.h"

#define UUID "258b85ce-2d26-44ff-b315-8c0fc16373ec"

/* An event made of "key", "value" pairs that end with NULL. */
struct made {
        V1alpha__Event event;
        V1alpha__KeyValue data[8];
        V1alpha__KeyValue *pointers[8];
};

static void make(struct made *m, V1alpha__EventType type, char *id, char *from, char *const *pairs)
{
        v1alpha__event__init(&m->event);
        m->event.type = type;
        m->event.id = id;
        m->event.from = from;
        m->event.time = 1795473389;
        m->event.data = m->pointers;
        for (; *pairs; pairs += 2) {
                size_t i = m->event.n_data++;

                v1alpha__key_value__init(&m->data[i]);
                m->data[i].key = pairs[0];
                m->data[i].value = pairs[1];
                m->pointers[i] = &m->data[i];
        }
}

#define MAKE(m, type, id, from, ...)                                                               \
        make(&(m), V1ALPHA__EVENT_TYPE__EVENT_TYPE_##type, (id), (from),                           \
             (char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static void expect(const struct made *m, const char *want)
{
        AUTO(buf_done) struct buf text = BUF_NULL(4096);

        assert_int_equal(event_line_text(&m->event, &text), 0);
        assert_string_equal(buf_str(&text), want);
}

static void a_line_tells_all(void **state)
{
        struct made m;

        (void)state;
        MAKE(m, POD_EXITED, UUID, "shop", "time_ns", "1795473389727727409", "exit_code", "1",
             "reason", "app web ended");
        expect(&m, "2026-11-23T22:36:29.727727409Z pod-exited            " UUID
                   " shop exit_code=1 reason=\"app web ended\"\n");
        MAKE(m, POD_GARBAGE_COLLECTED, UUID, UUID, "time_ns", "1795473389727727409");
        expect(&m, "2026-11-23T22:36:29.727727409Z pod-garbage-collected " UUID " -\n");
}

static void without_a_full_time_seconds_do(void **state)
{
        struct made m;

        (void)state;
        MAKE(m, APP_STARTED, UUID, "web");
        expect(&m, "2026-11-23T22:36:29.000000000Z app-started           " UUID " web\n");
        MAKE(m, APP_STARTED, UUID, "web", "time_ns", "-1");
        assert_int_equal(event_time(&m.event), INT64_C(1795473389) * NSEC_PER_SEC);
        m.event.time = INT64_MAX;
        assert_int_equal(event_time(&m.event), 0);
}

static void what_others_wrote_stays_one_line_and_one_word(void **state)
{
        struct made m;

        (void)state;
        MAKE(m, POD_PREPARE_ABORTED, "a b", "", "reason",
             "\033[31mno\n\"x\" \\ \xc2\x9b \xff \xc3\xa9", "k=v", "a=b", "e", "");
        expect(&m, "2026-11-23T22:36:29.000000000Z pod-prepare-aborted   \"a b\" \"\" "
                   "reason=\"\\x1b[31mno\\x0a\\\"x\\\" \\\\ \\xc2\\x9b \\xff \xc3\xa9\" "
                   "\"k=v\"=\"a=b\" e=\"\"\n");
        MAKE(m, IMAGE_IMPORTED, "sha512-1", "b\xc3\xbcro:1.0");
        expect(&m,
               "2026-11-23T22:36:29.000000000Z image-imported        sha512-1 b\xc3\xbcro:1.0\n");
}

static void json_has_the_same(void **state)
{
        AUTO(buf_done) struct buf text = BUF_NULL(4096);
        AUTO_JSON struct json_object *o = NULL;
        struct made m;

        (void)state;
        MAKE(m, APP_EXITED, UUID, "web", "time_ns", "1795473389727727409", "exit_code", "1");
        o = event_json(&m.event);
        assert_int_equal(json_print(o, false, &text), 0);
        assert_string_equal(buf_str(&text),
                            "{\"type\":\"app-exited\",\"id\":\"" UUID "\",\"from\":\"web\","
                            "\"time\":\"2026-11-23T22:36:29.727727409Z\","
                            "\"time_ns\":1795473389727727409,\"data\":{\"exit_code\":\"1\"}}");
}

static void a_line_that_does_not_fit_is_told(void **state)
{
        AUTO(buf_done) struct buf text = BUF_NULL(100);
        struct made m;

        (void)state;
        MAKE(m, APP_EXITED, UUID, "a name of some length, and a blank");
        assert_int_equal(event_line_text(&m.event, &text), -ENOBUFS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_line_tells_all),
                cmocka_unit_test(without_a_full_time_seconds_do),
                cmocka_unit_test(what_others_wrote_stays_one_line_and_one_word),
                cmocka_unit_test(json_has_the_same),
                cmocka_unit_test(a_line_that_does_not_fit_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
