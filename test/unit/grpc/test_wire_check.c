/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/wire_check.h"

#include "sample.pb-c.h"
#include "test.h"
#include "util/limits.h"

#define BYTES(s) s, sizeof(s) - 1

static const struct {
        const char *name;
        const char *bytes;
        size_t len;
        const char *error; /* NULL: passes, and protobuf-c agrees */
} table[] = {
        { "nothing", BYTES(""), NULL },
        { "int32", BYTES("\x08\x01"), NULL },
        { "int32, ten bytes", BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), NULL },
        { "varint of eleven bytes", BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
          "Sample.i32: truncated" },
        { "varint cut", BYTES("\x08\x80"), "Sample.i32: truncated" },
        { "tag cut", BYTES("\x80"), "Sample: malformed field tag" },
        { "field number 0", BYTES("\x00\x01"), "Sample: malformed field tag" },
        { "field number past 29 bits", BYTES("\xf8\xff\xff\xff\x1f\x01"),
          "Sample: malformed field tag" },
        { "largest field number", BYTES("\xf8\xff\xff\xff\x0f\x01"), NULL },
        { "fixed32", BYTES("\x25\x01\x02\x03\x04"), NULL },
        { "fixed32 cut", BYTES("\x25\x01\x02\x03"), "Sample.f32: truncated" },
        { "double", BYTES("\x61\x01\x02\x03\x04\x05\x06\x07\x08"), NULL },
        { "double cut", BYTES("\x61\x01\x02\x03\x04\x05\x06\x07"), "Sample.real: truncated" },
        { "string",
          BYTES("\x72\x03"
                "abc"),
          NULL },
        { "string cut",
          BYTES("\x72\x03"
                "ab"),
          "Sample.text: truncated" },
        { "string longer than the world",
          BYTES("\x72\xff\xff\xff\xff\x0f"
                "ab"),
          "Sample.text: truncated" },
        { "NUL in a string",
          BYTES("\x72\x03"
                "a\0b"),
          "Sample.text: NUL character in a string" },
        { "NUL in bytes",
          BYTES("\x7a\x03"
                "a\0b"),
          NULL },
        { "not UTF-8",
          BYTES("\x72\x02"
                "\xff\xfe"),
          "Sample.text: string is not UTF-8" },
        { "not UTF-8 in bytes",
          BYTES("\x7a\x02"
                "\xff\xfe"),
          NULL },
        { "not UTF-8 in a child", BYTES("\x8a\x01\x03\x72\x01\xff"),
          "Sample.text: string is not UTF-8" },
        { "NUL in a list", BYTES("\x9a\x01\x01\0"), "Sample.texts: NUL character in a string" },
        { "NUL in a oneof", BYTES("\xba\x01\x01\0"),
          "Sample.left_side: NUL character in a string" },
        { "varint where a string belongs", BYTES("\x70\x01"),
          "Sample.text: wire type of another type" },
        { "string where a varint belongs", BYTES("\x0a\x01x"),
          "Sample.i32: wire type of another type" },
        { "group", BYTES("\x0b\x0c"), "Sample.i32: wire type that proto3 does not have" },
        { "group of a field we do not know", BYTES("\xcb\x3e\xcc\x3e"),
          "Sample.?: wire type that proto3 does not have" },
        { "wire type 7", BYTES("\x0f"), "Sample.i32: wire type that proto3 does not have" },
        { "unknown fields",
          BYTES("\xc8\x3e\x01\xca\x3e\x02\xff\0\xcd\x3e"
                "1234\xc9\x3e"
                "12345678"),
          NULL },
        { "unknown field cut", BYTES("\xca\x3e\x02x"), "Sample.?: truncated" },
        { "packed", BYTES("\x92\x01\x03\x01\x80\x01"), NULL },
        { "packed, cut", BYTES("\x92\x01\x02\x01\x80"),
          "Sample.numbers: truncated element in a packed list" },
        { "not packed", BYTES("\x90\x01\x01\x90\x01\x02"), NULL },
        { "packed doubles",
          BYTES("\xb2\x01\x08"
                "12345678"),
          NULL },
        { "packed doubles, cut",
          BYTES("\xb2\x01\x07"
                "1234567"),
          "Sample.reals: truncated element in a packed list" },
        { "packed words",
          BYTES("\xf2\x01\x08"
                "12345678"),
          NULL },
        { "packed words, cut",
          BYTES("\xf2\x01\x06"
                "123456"),
          "Sample.words: truncated element in a packed list" },
        { "empty packed list", BYTES("\x92\x01\x00"), NULL },
        { "message twice is merged", BYTES("\xfa\x01\x02\x08\x01\xfa\x01\x03\x12\x01x"), NULL },
        { "oneof twice", BYTES("\xba\x01\x01x\xca\x01\x00\xc0\x01\x01"), NULL },
};

static void bytes_pass_or_fail_as_the_table_says(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                AUTO(grpc_message_freep) ProtobufCMessage *m = NULL;
                struct err e = { .text = "" };
                int r = grpc_wire_unpack(&sample__sample__descriptor, table[i].bytes, table[i].len,
                                         100, &m, &e);

                if ((r == 0) != !table[i].error ||
                    strcmp(e.text, table[i].error ? table[i].error : ""))
                        fail_msg("%s: %d \"%s\"", table[i].name, r, e.text);
                if (r < 0)
                        assert_int_equal(e.kind, ERR_BAD_DATA);
        }
}

/* @levels messages in one another, innermost empty. */
static size_t nest(uint8_t *bytes, size_t size, unsigned levels)
{
        uint8_t *end = bytes + size, *p = end;

        for (unsigned i = 0; i < levels; i++) {
                size_t len = (size_t)(end - p);

                *--p = (uint8_t)(len >> 14);
                *--p = (uint8_t)(len >> 7 | 0x80);
                *--p = (uint8_t)(len | 0x80);
                *--p = 0x01;
                *--p = 0x8a;
        }
        memmove(bytes, p, (size_t)(end - p));
        return (size_t)(end - p);
}

static void depth_is_bounded(void **state)
{
        static uint8_t bytes[64 * 1024];
        struct err e;
        size_t n = nest(bytes, sizeof(bytes), LIMIT_GRPC_DEPTH - 1);

        (void)state;
        assert_ok(grpc_wire_check(&sample__sample__descriptor, bytes, n, 100000, &e), &e);
        n = nest(bytes, sizeof(bytes), LIMIT_GRPC_DEPTH);
        assert_err(grpc_wire_check(&sample__sample__descriptor, bytes, n, 100000, &e), &e,
                   ERR_LIMIT, "sample.Sample: nested too deeply");
        n = nest(bytes, sizeof(bytes), 10000); /* what makes protobuf-c overflow its stack */
        assert_err(grpc_wire_check(&sample__sample__descriptor, bytes, n, 100000, &e), &e,
                   ERR_LIMIT, "sample.Sample: nested too deeply");
}

static void fields_are_counted_wherever_they_are(void **state)
{
        static const struct {
                const char *bytes;
                size_t len;
        } four[] = {
                { BYTES("\x08\x01\x08\x01\x08\x01\x08\x01") }, /* the same again and again */
                { BYTES("\xa2\x01\x00\xa2\x01\x00\xa2\x01\x00\xa2\x01\x00") }, /* empty messages */
                { BYTES("\xa2\x01\x06\x08\x01\x08\x01\x08\x01") },             /* inside */
                { BYTES("\x92\x01\x03\x01\x01\x01") },                         /* packed */
                { BYTES("\xf2\x01\x0c"
                        "123412341234") },                                     /* packed, fixed */
                { BYTES("\xc8\x3e\x01\xc8\x3e\x01\xc8\x3e\x01\xc8\x3e\x01") }, /* unknown */
        };
        struct err e;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(four); i++) {
                assert_ok(grpc_wire_check(&sample__sample__descriptor, four[i].bytes, four[i].len,
                                          4, &e),
                          &e);
                assert_err(grpc_wire_check(&sample__sample__descriptor, four[i].bytes, four[i].len,
                                           3, &e),
                           &e, ERR_LIMIT, "sample.Sample: too many fields in one message");
        }
}

static void what_a_message_takes_is_told(void **state)
{
        enum { CHILDREN = 1000 };
        AUTO(grpc_message_freep) ProtobufCMessage *m = NULL;
        uint8_t bytes[3 * CHILDREN];
        size_t held = 0;
        struct err e;

        (void)state;
        for (size_t i = 0; i < CHILDREN; i++)
                memcpy(bytes + 3 * i, "\xa2\x01", 3);
        assert_ok(grpc_wire_unpack_held(&sample__sample__descriptor, bytes, sizeof(bytes), CHILDREN,
                                        &m, &held, &e),
                  &e);
        assert_true(held > CHILDREN * sizeof(Sample__Sample));
        assert_true(held < CHILDREN * (sizeof(Sample__Sample) + 64));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_pass_or_fail_as_the_table_says),
                cmocka_unit_test(depth_is_bounded),
                cmocka_unit_test(fields_are_counted_wherever_they_are),
                cmocka_unit_test(what_a_message_takes_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
