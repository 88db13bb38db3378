/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "grpc/wire_check.h"
#include "live.h"

static void errors_carry_code_and_decoded_text(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;
        Sample__Sample request = SAMPLE__SAMPLE__INIT;
        ProtobufCMessage *reply = NULL;
        char text[] = "no \xc3\xa9 100%\n";
        struct err e;

        (void)state;
        live_start(&l, NULL, 0);
        c = live_connect(l.unix_addr);
        request.i32 = GRPC_NOT_FOUND;
        request.text = text;
        assert_err(grpc_client_unary(c, "/test.Test/Refuse", &request.base,
                                     &sample__sample__descriptor, 0, &reply, &e),
                   &e, ERR_NOT_FOUND, text);
        assert_int_equal(grpc_client_status(c), GRPC_NOT_FOUND);
        assert_string_equal(grpc_client_message(c), text);
        assert_err(grpc_client_unary(c, "/test.Test/Nope", &request.base,
                                     &sample__sample__descriptor, 0, &reply, &e),
                   &e, ERR_UNSUPPORTED, "unknown method Nope");
        request.i32 = GRPC_DATA_LOSS;
        text[0] = '\0';
        assert_err(grpc_client_unary(c, "/test.Test/Refuse", &request.base,
                                     &sample__sample__descriptor, 0, &reply, &e),
                   &e, ERR_BAD_DATA, "DATA_LOSS");
        assert_null(reply);
        live_echo(c);
        assert_int_equal(grpc_client_status(c), GRPC_OK);
        assert_string_equal(grpc_client_message(c), "");
}

static void stream_of_replies_is_read_to_its_end(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;
        Sample__Sample request = SAMPLE__SAMPLE__INIT;
        ProtobufCMessage *reply;
        unsigned n = 0;
        struct err e;
        int r;

        (void)state;
        live_start(&l, NULL, 0);
        c = live_connect(l.tcp);
        request.u32 = 5000; /* 5 MB: several windows */
        assert_ok(grpc_client_start(c, "/test.Test/List", &request.base, 10 * NSEC_PER_SEC, &e),
                  &e);
        while ((r = grpc_client_next(c, &sample__sample__descriptor, &reply, &e)) == 1) {
                assert_int_equal(strlen(((Sample__Sample *)reply)->text), 1000);
                protobuf_c_message_free_unpacked(reply, NULL);
                n++;
        }
        assert_int_equal(r, 0);
        assert_int_equal(n, 5000);
        live_echo(c);
}

static void cancelled_stream_leaves_a_usable_connection(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;
        Sample__Sample request = SAMPLE__SAMPLE__INIT;
        struct err e;

        (void)state;
        live_start(&l, NULL, 0);
        c = live_connect(l.tcp);
        for (int i = 0; i < 30; i++) {
                AUTO(grpc_message_freep) ProtobufCMessage *reply = NULL;

                request.u32 = 3000;
                assert_ok(grpc_client_start(c, "/test.Test/List", &request.base, 0, &e), &e);
                assert_int_equal(grpc_client_next(c, &sample__sample__descriptor, &reply, &e), 1);
        }
        grpc_client_cancel(c);
        live_echo(c);
        assert_int_equal(live_stop(&l), 0);
}

static void large_reply_is_taken_up_to_the_limit(void **state)
{
        struct grpc_client_options small = { .max_message_bytes = 1000 };
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL, *limited = NULL;
        AUTO(grpc_message_freep) ProtobufCMessage *reply = NULL, *none = NULL;
        Sample__Sample request = SAMPLE__SAMPLE__INIT;
        struct err e;

        (void)state;
        live_start(&l, NULL, 0);
        c = live_connect(l.tcp);
        /*
         * 'b' is 0x62: field 12, LEN... the reply is no message, which proves that it was all read.
         */
        request.u32 = 10000000;
        assert_int_equal(grpc_client_unary(c, "/test.Test/Big", &request.base,
                                           &sample__sample__descriptor, 0, &reply, &e),
                         -1);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        assert_ok(grpc_client_connect(&limited, l.tcp, &small, &e), &e);
        assert_err(grpc_client_unary(limited, "/test.Test/Big", &request.base,
                                     &sample__sample__descriptor, 0, &none, &e),
                   &e, ERR_LIMIT, "a reply of 10000000 bytes is over the limit of 1000");
        live_echo(limited);
}

static void nobody_there_is_said_at_once(void **state)
{
        struct grpc_client *c = NULL;
        AUTO_LIVE struct live l = { 0 };
        struct err e;

        (void)state;
        live_start(&l, NULL, 0);
        assert_int_equal(live_stop(&l), 0);
        assert_int_equal(grpc_client_connect(&c, l.tcp, NULL, &e), -1);
        assert_int_equal(e.kind, ERR_UNAVAILABLE);
        assert_int_equal(grpc_client_connect(&c, l.unix_addr, NULL, &e), -1);
        assert_int_equal(e.kind, ERR_UNAVAILABLE);
        assert_int_equal(grpc_client_connect(&c, "nonsense", NULL, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_null(c);
}

static void lost_connection_is_unavailable_now_and_later(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;
        Sample__Sample request = SAMPLE__SAMPLE__INIT;
        ProtobufCMessage *reply = NULL;
        struct err e;

        (void)state;
        live_start(&l, NULL, 0);
        c = live_connect(l.tcp);
        live_echo(c);
        assert_int_equal(live_stop(&l), 0);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(grpc_client_unary(c, "/test.Test/Echo", &request.base,
                                                   &sample__sample__descriptor, 0, &reply, &e),
                                 -1);
                assert_int_equal(e.kind, ERR_UNAVAILABLE);
        }
}

static void say_back(struct grpc_call *call)
{
        Sample__Sample m = SAMPLE__SAMPLE__INIT;
        char text[64] = "";

        (void)snprintf(text, sizeof(text), "%s",
                       (const char *)grpc_call_metadata(call, "x-say", NULL));
        m.text = text;
        grpc_call_reply(call, &m.base);
}

static void metadata_goes_with_each_call(void **state)
{
        const struct grpc_client_options options = { .metadata_key = "x-say",
                                                     .metadata_value = "hello" };
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;
        Sample__Sample request = SAMPLE__SAMPLE__INIT;
        struct err e;

        (void)state;
        svc.act = say_back; /* the server is a copy of us */
        live_start(&l, NULL, 0);
        assert_ok(grpc_client_connect(&c, l.unix_addr, &options, &e), &e);
        for (int i = 0; i < 2; i++) {
                AUTO(grpc_message_freep) ProtobufCMessage *reply = NULL;

                assert_ok(grpc_client_unary(c, "/test.Test/Act", &request.base,
                                            &sample__sample__descriptor, 5 * NSEC_PER_SEC, &reply,
                                            &e),
                          &e);
                assert_string_equal(((Sample__Sample *)reply)->text, "hello");
        }
}

static void nobody_reading_the_output_ends_the_wait(void **state)
{
        AUTO_LIVE struct live l = { 0 };
        AUTO(grpc_client_freep) struct grpc_client *c = NULL;
        Sample__Sample request = SAMPLE__SAMPLE__INIT;
        struct grpc_client_options options = { .window_bytes = 65536 };
        ProtobufCMessage *reply = NULL;
        struct err e;
        int fds[2];

        (void)state;
        live_start(&l, NULL, 0);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        options.output_fd = fds[1];
        assert_ok(grpc_client_connect(&c, l.unix_addr, &options, &e), &e);
        live_echo(c); /* as long as somebody reads there, nothing is different */
        assert_ok(grpc_client_start(c, "/test.Test/Subscribe", &request.base, 0, &e), &e);
        (void)close(fds[0]);
        assert_int_equal(grpc_client_next(c, &sample__sample__descriptor, &reply, &e), -1);
        assert_int_equal(e.kind, ERR_CANCELLED);
        (void)close(fds[1]);
}

static void what_is_not_connected_is_not_adopted(void **state)
{
        struct grpc_client *c = NULL;
        struct err e;
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)state;
        assert_int_equal(grpc_client_adopt_fd_consume(&c, fd, NULL, &e), -1);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_int_equal(fcntl(fd, F_GETFD), -1);
        assert_null(c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(errors_carry_code_and_decoded_text),
                cmocka_unit_test(stream_of_replies_is_read_to_its_end),
                cmocka_unit_test(cancelled_stream_leaves_a_usable_connection),
                cmocka_unit_test(large_reply_is_taken_up_to_the_limit),
                cmocka_unit_test(nobody_there_is_said_at_once),
                cmocka_unit_test(lost_connection_is_unavailable_now_and_later),
                cmocka_unit_test(metadata_goes_with_each_call),
                cmocka_unit_test(nobody_reading_the_output_ends_the_wait),
                cmocka_unit_test(what_is_not_connected_is_not_adopted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
