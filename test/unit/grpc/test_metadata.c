/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/metadata.h"

#include "test.h"
#include "util/limits.h"

static void freep_metadata(struct grpc_metadata **m)
{
        grpc_metadata_free(*m);
}
#define AUTO_METADATA AUTO(freep_metadata) struct grpc_metadata

static int receive(struct grpc_metadata *m, const char *name, const char *value)
{
        return grpc_metadata_receive(m, name, strlen(name), value, strlen(value));
}

static void assert_field(const struct grpc_metadata *m, size_t i, const char *key,
                         const void *value, size_t len)
{
        assert_true(i < m->n);
        assert_string_equal(grpc_metadata_key(m, i), key);
        assert_int_equal(m->fields[i].value_len, len);
        assert_memory_equal(grpc_metadata_value(m, i), value, len);
        assert_int_equal(((const char *)grpc_metadata_value(m, i))[len], '\0');
}

static void text_is_kept_as_it_came_in_order(void **state)
{
        AUTO_METADATA *m = grpc_metadata_new();

        (void)state;
        assert_int_equal(receive(m, "x-a", "1"), 0);
        assert_int_equal(receive(m, "x-b", ""), 0);
        assert_int_equal(receive(m, "x-a", "caf\xe9, 2"), 0);
        assert_int_equal(m->n, 3);
        assert_field(m, 0, "x-a", "1", 1);
        assert_field(m, 1, "x-b", "", 0);
        assert_field(m, 2, "x-a", "caf\xe9, 2", 7);
        assert_true(grpc_metadata_held(m) > sizeof(*m));
        assert_int_equal(grpc_metadata_held(NULL), 0);
}

static void binary_is_decoded(void **state)
{
        AUTO_METADATA *m = grpc_metadata_new();

        (void)state;
        assert_int_equal(receive(m, "x-bin", "AAEC/w=="), 0);
        assert_int_equal(receive(m, "x-bin", "AAEC/w"), 0);
        assert_int_equal(receive(m, "x-bin", ""), 0);
        assert_int_equal(receive(m, "x-bin", "AQ==, Ag ,"), 0);
        assert_int_equal(m->n, 6);
        assert_field(m, 0, "x-bin", "\0\1\2\xff", 4);
        assert_field(m, 1, "x-bin", "\0\1\2\xff", 4);
        assert_field(m, 2, "x-bin", "", 0);
        assert_field(m, 3, "x-bin", "\1", 1);
        assert_field(m, 4, "x-bin", "\2", 1);
        assert_field(m, 5, "x-bin", "", 0);
        assert_int_equal(receive(m, "x-bin", "!!!!"), -EINVAL);
        assert_int_equal(receive(m, "x-bin", "A"), -EINVAL);
}

static void a_thousand_values_in_one_header_are_too_many(void **state)
{
        AUTO_METADATA *m = grpc_metadata_new();
        char commas[1001];

        (void)state;
        memset(commas, ',', 1000);
        commas[1000] = '\0';
        assert_int_equal(receive(m, "x-bin", commas), -ENOBUFS);
        assert_true(grpc_metadata_held(m) < 64 * 1024);
}

static void bytes_have_their_limit(void **state)
{
        AUTO_METADATA *m = grpc_metadata_new();
        char value[LIMIT_GRPC_HEADER_BYTES];
        int r = 0;

        (void)state;
        memset(value, 'v', sizeof(value) - 1);
        value[sizeof(value) - 1] = '\0';
        for (int i = 0; i < 10 && r == 0; i++)
                r = receive(m, "x", value);
        assert_int_equal(r, -ENOBUFS);
        assert_true(grpc_metadata_held(m) < 8u * LIMIT_GRPC_HEADER_BYTES);
}

static void names_of_http_and_grpc_are_reserved(void **state)
{
        static const char *const reserved[] = { "",      ":path",       "te",
                                                "host",  "grpc-status", "content-type",
                                                "grpc-", "connection",  "grpc-foo-bin" };
        static const char *const free_names[] = { "x",    "user-agent", "authorization",
                                                  "grpc", "tea",        "content-type-x" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
                assert_true(grpc_metadata_reserved(reserved[i], strlen(reserved[i])));
        for (size_t i = 0; i < ARRAY_LEN(free_names); i++)
                assert_false(grpc_metadata_reserved(free_names[i], strlen(free_names[i])));
}

static void what_is_sent_is_checked_and_encoded(void **state)
{
        static const char *const bad_keys[] = { "X", "a b", "x:y", "", "grpc-x", "te", "x/y" };
        static const char *const bad_values[] = { " a", "a ", "a\nb", "a\r", "\x7f", "\t" };
        AUTO_METADATA *m = grpc_metadata_new();

        (void)state;
        assert_int_equal(grpc_metadata_send(m, "x-a_b.c9", "v w", 3), 0);
        assert_int_equal(grpc_metadata_send(m, "x-bin", "\0\1\2\xff", 4), 0);
        assert_field(m, 0, "x-a_b.c9", "v w", 3);
        assert_field(m, 1, "x-bin", "AAEC/w", 6);
        for (size_t i = 0; i < ARRAY_LEN(bad_keys); i++)
                assert_int_equal(grpc_metadata_send(m, bad_keys[i], "v", 1), -EINVAL);
        for (size_t i = 0; i < ARRAY_LEN(bad_values); i++)
                assert_int_equal(grpc_metadata_send(m, "x", bad_values[i], strlen(bad_values[i])),
                                 -EINVAL);
        assert_int_equal(grpc_metadata_send_reserved(m, "grpc-status-details-bin", "a", 1), 0);
        assert_field(m, 2, "grpc-status-details-bin", "YQ", 2);
        assert_int_equal(m->n, 3);
}

static void what_clients_would_not_take_is_not_sent(void **state)
{
        AUTO_METADATA *m = grpc_metadata_new();
        char value[1000];
        unsigned n = 0;

        (void)state;
        memset(value, 'v', sizeof(value));
        while (grpc_metadata_send(m, "x", value, sizeof(value)) == 0)
                n++;
        assert_int_equal(n, LIMIT_GRPC_HEADER_BYTES / (sizeof(value) + 33));
        assert_int_equal(m->n, n);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_is_kept_as_it_came_in_order),
                cmocka_unit_test(binary_is_decoded),
                cmocka_unit_test(a_thousand_values_in_one_header_are_too_many),
                cmocka_unit_test(bytes_have_their_limit),
                cmocka_unit_test(names_of_http_and_grpc_are_reserved),
                cmocka_unit_test(what_is_sent_is_checked_and_encoded),
                cmocka_unit_test(what_clients_would_not_take_is_not_sent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
