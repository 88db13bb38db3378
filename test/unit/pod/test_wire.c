/* SPDX-License-Identifier: Apache-2.0 */
#include "pod/wire.h"
#include "test.h"

static void requests_survive(void **state)
{
        const struct pod_request in = { .op = POD_OP_STOP, .force = true, .grace_ms = 1500 };
        struct pod_request out = { 0 };
        AUTO(buf_done) struct buf b = BUF_NULL(POD_WIRE_MAX), c = BUF_NULL(POD_WIRE_MAX);
        struct err e;

        (void)state;
        assert_int_equal(pod_request_print(&in, &b), 0);
        assert_string_equal(buf_str(&b), "{\"op\":\"stop\",\"force\":true,\"grace_ms\":1500}");
        assert_ok(pod_request_parse(b.data, b.len, &out, &e), &e);
        assert_int_equal(out.op, POD_OP_STOP);
        assert_true(out.force);
        assert_int_equal(out.grace_ms, 1500);
        assert_int_equal(pod_request_print(&(struct pod_request){ .op = POD_OP_STATE }, &c), 0);
        assert_string_equal(buf_str(&c), "{\"op\":\"state\"}");
}

static void an_absent_grace_is_the_supervisors(void **state)
{
        struct pod_request out = { 0 };
        struct err e;

        (void)state;
        assert_ok(pod_request_parse("{\"op\":\"stop\"}", 13, &out, &e), &e);
        assert_int_equal(out.grace_ms, -1);
        assert_false(out.force);
}

static void replies_survive(void **state)
{
        const struct pod_reply in = { .ok = true, .state = "running" };
        struct pod_reply out = { 0 };
        AUTO(buf_done) struct buf b = BUF_NULL(POD_WIRE_MAX);
        struct err e;

        (void)state;
        assert_int_equal(pod_reply_print(&in, &b), 0);
        assert_string_equal(buf_str(&b), "{\"ok\":true,\"state\":\"running\"}");
        assert_ok(pod_reply_parse(b.data, b.len, &out, &e), &e);
        assert_true(out.ok);
        assert_string_equal(out.state, "running");
        assert_string_equal(out.error, "");
}

/* The worst text still fits a datagram, and is cut at whole characters. */
static void any_error_text_fits_a_datagram(void **state)
{
        struct pod_reply in = { .ok = false }, out = { 0 };
        AUTO(buf_done) struct buf b = BUF_NULL(POD_WIRE_MAX), c = BUF_NULL(POD_WIRE_MAX);
        struct err e;

        (void)state;
        memset(in.error, 1, sizeof(in.error) - 1);
        assert_int_equal(pod_reply_print(&in, &b), 0);
        assert_ok(pod_reply_parse(b.data, b.len, &out, &e), &e);
        assert_string_equal(out.error, in.error);
        memset(in.error, 'a', sizeof(in.error) - 1);
        in.error[sizeof(in.error) - 3] = (char)0xe2;
        in.error[sizeof(in.error) - 2] = (char)0x82;
        assert_int_equal(pod_reply_print(&in, &c), 0);
        assert_ok(pod_reply_parse(c.data, c.len, &out, &e), &e);
        assert_int_equal(strlen(out.error), sizeof(in.error) - 3);
}

static void broken_messages_are_refused(void **state)
{
        static const struct {
                bool reply;
                const char *text, *error;
                enum err_kind kind;
        } rows[] = {
                { false, "{}", "\"op\" is missing", ERR_BAD_DATA },
                { false, "{\"op\":\"dance\"}", "operation \"dance\" is not known",
                  ERR_UNSUPPORTED },
                { false, "{\"op\":\"stop\",\"grace_ms\":86400001}",
                  "\"grace_ms\" is 86400001, outside -1 to 86400000", ERR_BAD_DATA },
                { false, "{\"op\":\"stop\",\"force\":1}", "\"force\" must be a boolean, found int",
                  ERR_BAD_DATA },
                { true, "{}", "\"ok\" is missing", ERR_BAD_DATA },
                { true, "{\"ok\":null}", "\"ok\" is missing", ERR_BAD_DATA },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct pod_request request;
                struct pod_reply reply;
                size_t len = strlen(rows[i].text);
                struct err e;
                int r = rows[i].reply ? pod_reply_parse(rows[i].text, len, &reply, &e)
                                      : pod_request_parse(rows[i].text, len, &request, &e);

                assert_err(r, &e, rows[i].kind, rows[i].error);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(requests_survive),
                cmocka_unit_test(an_absent_grace_is_the_supervisors),
                cmocka_unit_test(replies_survive),
                cmocka_unit_test(any_error_text_fits_a_datagram),
                cmocka_unit_test(broken_messages_are_refused),
        };
        return cmocka_run_group_tests_name("pod/wire", tests, NULL, NULL);
}
