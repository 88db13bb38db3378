/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "image/pump_priv.h"
#include "tar_maker.h"

enum { MANY = 20 * 1024 * 1024 }; /* more than the ring holds */

struct source {
        struct buf bytes;
        int fd;
        struct blob blob;
        struct decompress *d;
};

static void source_done(struct source *s)
{
        decompress_free(s->d);
        buf_done(&s->bytes);
        (void)close(s->fd);
}

static void source_init(struct source *s, size_t len)
{
        uint8_t *p;
        struct err e;

        *s = (struct source){ .bytes = BUF_NULL(MANY + 1) };
        assert_int_equal(buf_reserve(&s->bytes, len, &p), 0);
        for (size_t i = 0; i < len; i++)
                p[i] = (uint8_t)(i * 7 + i / 1000);
        buf_commit(&s->bytes, len);
        s->fd = tar_memfd(&s->bytes);
        s->blob = (struct blob){ .fd = s->fd, .size = len, .name = "blob" };
        assert_ok(decompress_open(&s->d, &s->blob, &(struct decompress_options){ 0 }, &e), &e);
}

static void all_bytes_arrive_in_order(void **state)
{
        AUTO(source_done) struct source s;
        AUTO(pump_joinp) struct pump *p = NULL;
        const void *data;
        size_t pos = 0, n;
        struct err e;
        (void)state;

        source_init(&s, MANY);
        assert_ok(pump_start(&p, s.d, &e), &e);
        do {
                assert_ok(pump_next(p, &data, &n, &e), &e);
                assert_true(pos + n <= MANY);
                if (n > 0)
                        assert_memory_equal(data, s.bytes.data + pos, n);
                pos += n;
                assert_int_equal(pump_packed_pos(p), pos);
        } while (n > 0);
        assert_int_equal(pos, MANY);
        assert_ok(pump_next(p, &data, &n, &e), &e); /* the end stays the end */
        assert_int_equal(n, 0);
}

static void joining_early_stops_the_thread(void **state)
{
        (void)state;
        for (int taken = 0; taken < 4; taken++) {
                AUTO(source_done) struct source s;
                AUTO(pump_joinp) struct pump *p = NULL;
                const void *data;
                struct err e;
                size_t n;

                source_init(&s, MANY);
                assert_ok(pump_start(&p, s.d, &e), &e);
                for (int i = 0; i < taken; i++)
                        assert_ok(pump_next(p, &data, &n, &e), &e);
        }
}

static void error_comes_after_the_good_bytes(void **state)
{
        AUTO(source_done) struct source s;
        AUTO(pump_joinp) struct pump *p = NULL;
        const void *data;
        size_t pos = 0, n;
        struct err e;
        (void)state;

        source_init(&s, MANY);
        assert_int_equal(ftruncate(s.fd, MANY - 5), 0);
        assert_ok(pump_start(&p, s.d, &e), &e);
        while (pump_next(p, &data, &n, &e) == 0) {
                assert_true(n > 0);
                pos += n;
        }
        assert_true(pos > 0);
        assert_int_equal(e.kind, ERR_BAD_DATA);
        assert_string_equal(e.text, "blob: ends after 20971515 of 20971520 bytes");
        assert_int_equal(pump_next(p, &data, &n, &e), -1);
}

static void empty_input_is_an_end(void **state)
{
        AUTO(source_done) struct source s;
        AUTO(pump_joinp) struct pump *p = NULL;
        const void *data;
        struct err e;
        size_t n;
        (void)state;

        source_init(&s, 0);
        assert_ok(pump_start(&p, s.d, &e), &e);
        assert_ok(pump_next(p, &data, &n, &e), &e);
        assert_int_equal(n, 0);
}

static void joining_nothing_is_fine(void **state)
{
        (void)state;
        assert_null(pump_join(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_bytes_arrive_in_order),
                cmocka_unit_test(joining_early_stops_the_thread),
                cmocka_unit_test(error_comes_after_the_good_bytes),
                cmocka_unit_test(empty_input_is_an_end),
                cmocka_unit_test(joining_nothing_is_fine),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
