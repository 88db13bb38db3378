/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "api/encode.h"
#include "api/encoded.h"
#include "util/mem.h"

#define ID "11111111-2222-4333-8444-555555555555"

static char cgroup[] = "/carob/x", image_name[] = "coreos.com/etcd", image_id[] = "sha512-aa";
static char app_name[] = "web", format_version[] = "1.0.1";
static struct kv pairs[] = { { "z", "26" }, { "a", "" } };

static struct pod_view sample_pod(char *manifest, size_t manifest_len)
{
        static struct pod_network nets[] = { { .name = "default", .ip4 = "172.16.28.2" } };
        static struct appc_pod_manifest parsed = { .annotations = { .v = pairs, .n = 2 } };
        static struct pod_view_app apps[] = { { .name = app_name, .image_id = image_id } };

        return (struct pod_view){
                .uuid = { ID },
                .state = POD_RUNNING,
                .pid = 77,
                .created_at = 1,
                .gc_marked_at = INT64_MAX,
                .cgroup = cgroup,
                .networks = { .v = nets, .n = 1 },
                .manifest = manifest,
                .manifest_len = manifest_len,
                .parsed = &parsed,
                .apps = apps,
                .n_apps = 1,
        };
}

static struct image_view sample_image(char *manifest, size_t manifest_len)
{
        static struct appc_image_manifest parsed = { .labels = { .v = pairs, .n = 1 },
                                                     .annotations = { .v = pairs, .n = 2 } };

        return (struct image_view){
                .record = { .id = image_id,
                            .format = APPC_FORMAT_OCI,
                            .format_version = format_version,
                            .name = image_name,
                            .size = 1 << 20,
                            .imported_at = 5 * NSEC_PER_SEC },
                .version = "3.5",
                .manifest = manifest,
                .manifest_len = manifest_len,
                .parsed = &parsed,
        };
}

/* The form is exactly what the list would have had for this message. */
static void assert_form(const struct encoded *e, bool detail, const ProtobufCMessage *message)
{
        AUTO(buf_done) struct buf expected = BUF_NULL(1 << 20);
        AUTO_FREE uint8_t *copy = xmalloc(encoded_len(e, detail) + 1);

        assert_int_equal(encode_list_item(&expected, message), 0);
        assert_int_equal(encoded_len(e, detail), expected.len);
        assert_ptr_equal(encoded_copy(e, detail, copy), copy + expected.len);
        assert_memory_equal(copy, expected.data, expected.len);
}

/* Each of these makes one of the lengths one byte longer. */
static const size_t manifest_lengths[] = { 0, 1, 30, 127, 128, 16000, 16383, 16384, 70000 };

static void both_forms_of_a_pod_are_those_of_the_message(void **state)
{
        AUTO_FREE char *manifest = xcalloc(70000, 1);

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(manifest_lengths); i++) {
                struct pod_view v = sample_pod(manifest, manifest_lengths[i]);
                AUTO(encoded_done) struct encoded e = ENCODED_NULL;

                encoded_init_pod(&e, &v);
                for (int detail = 0; detail < 2; detail++) {
                        AUTO(encode_pod_freep) V1alpha__Pod *pod = encode_pod(&v, detail);

                        assert_form(&e, detail, &pod->base);
                }
        }
}

static void both_forms_of_an_image_are_those_of_the_message(void **state)
{
        AUTO_FREE char *manifest = xcalloc(70000, 1);

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(manifest_lengths); i++) {
                struct image_view v = sample_image(manifest, manifest_lengths[i]);
                AUTO(encoded_done) struct encoded e = ENCODED_NULL;

                encoded_init_image(&e, &v);
                for (int detail = 0; detail < 2; detail++) {
                        AUTO(encode_image_freep) V1alpha__Image *image = encode_image(&v, detail);

                        assert_form(&e, detail, &image->base);
                }
        }
}

static void every_state_of_a_pod_is_kept_as_encoded(void **state)
{
        char manifest[] = "{}";

        (void)state;
        for (size_t i = 0; i < POD_STATE_MAX; i++) {
                struct pod_view v = sample_pod(manifest, 2);
                AUTO(encoded_done) struct encoded e = ENCODED_NULL;
                AUTO(encode_pod_freep) V1alpha__Pod *full = NULL, *brief = NULL;

                v.state = (enum pod_state)i;
                encoded_init_pod(&e, &v);
                full = encode_pod(&v, true);
                brief = encode_pod(&v, false);
                assert_form(&e, true, &full->base);
                assert_form(&e, false, &brief->base);
        }
}

static void the_reply_of_inspect_is_the_detailed_form(void **state)
{
        char manifest[] = "{}";
        struct pod_view v = sample_pod(manifest, 2);
        AUTO(encoded_done) struct encoded e = ENCODED_NULL;
        V1alpha__InspectPodResponse *reply;

        (void)state;
        encoded_init_pod(&e, &v);
        reply = v1alpha__inspect_pod_response__unpack(NULL, e.len, e.data);
        assert_non_null(reply);
        assert_string_equal(reply->pod->id, ID);
        assert_int_equal(reply->pod->manifest.len, 2);
        v1alpha__inspect_pod_response__free_unpacked(reply, NULL);
}

static void an_unreadable_pod_is_its_id(void **state)
{
        struct uuid id = { ID };
        AUTO(encoded_done) struct encoded e = ENCODED_NULL;
        V1alpha__Pod pod;

        (void)state;
        encoded_init_unreadable_pod(&e, &id);
        v1alpha__pod__init(&pod);
        pod.id = id.text;
        assert_form(&e, true, &pod.base);
        assert_form(&e, false, &pod.base);
}

static void nothing_has_no_bytes(void **state)
{
        struct encoded e = ENCODED_NULL;
        struct encoded_walk before = encoded_before_manifest(&e),
                            after = encoded_after_manifest(&e);
        struct encoded_field field;
        uint8_t byte;

        (void)state;
        assert_int_equal(encoded_len(&e, true), 0);
        assert_int_equal(encoded_len(&e, false), 0);
        assert_ptr_equal(encoded_copy(&e, true, &byte), &byte);
        assert_ptr_equal(encoded_copy(&e, false, &byte), &byte);
        assert_false(encoded_next(&before, &field));
        assert_false(encoded_next(&after, &field));
        encoded_done(&e);
}

static void changes_are_seen_and_sameness_too(void **state)
{
        char manifest[] = "{}";
        struct pod_view v = sample_pod(manifest, 2);
        AUTO(encoded_done) struct encoded a = ENCODED_NULL, b = ENCODED_NULL, c = ENCODED_NULL;
        struct encoded nothing = ENCODED_NULL;

        (void)state;
        encoded_init_pod(&a, &v);
        encoded_init_pod(&b, &v);
        v.pid++;
        encoded_init_pod(&c, &v);
        assert_true(encoded_equal(&a, &b));
        assert_false(encoded_equal(&a, &c));
        assert_false(encoded_equal(&a, &nothing));
        assert_true(encoded_equal(&nothing, &nothing));
}

static void assert_text(const struct encoded_field *field, uint32_t number, const char *text)
{
        assert_int_equal(field->number, number);
        assert_int_equal(field->len, strlen(text));
        assert_memory_equal(field->data, text, field->len);
}

static void a_walk_meets_every_field_but_the_manifest(void **state)
{
        char manifest[] = "{}";
        struct pod_view v = sample_pod(manifest, 2);
        AUTO(encoded_done) struct encoded e = ENCODED_NULL;
        struct encoded_walk walk, inner;
        struct encoded_field f;

        (void)state;
        encoded_init_pod(&e, &v);
        walk = encoded_before_manifest(&e);
        assert_true(encoded_next(&walk, &f));
        assert_text(&f, 1, ID);
        assert_true(encoded_next(&walk, &f));
        assert_int_equal(f.number, 2);
        assert_int_equal(f.value, 77 * 2); /* zigzag */
        assert_null(f.data);
        assert_true(encoded_next(&walk, &f));
        assert_int_equal(f.number, 3);
        assert_int_equal(f.value, V1ALPHA__POD_STATE__POD_STATE_RUNNING);
        assert_true(encoded_next(&walk, &f));
        assert_int_equal(f.number, 4);
        inner = encoded_within(&f);
        assert_true(encoded_next(&inner, &f));
        assert_text(&f, 1, "web");
        assert_true(encoded_next(&walk, &f));
        assert_int_equal(f.number, 5);
        assert_false(encoded_next(&walk, &f));
        walk = encoded_after_manifest(&e);
        for (unsigned number, i = 0; i < 5; i++) {
                static const unsigned expected[] = { 7, 7, 8, 9, 11 };

                assert_true(encoded_next(&walk, &f));
                number = f.number;
                assert_int_equal(number, expected[i]);
        }
        assert_int_equal(f.value, INT64_MAX);
        assert_false(encoded_next(&walk, &f));
}

static void a_walk_stays_within_its_bytes(void **state)
{
        static const uint8_t cut[] = { 0x0a, 0xff, 0xff }, endless[] = { 0xff, 0xff, 0xff };
        struct encoded_walk walk = { cut, cut + sizeof(cut) };
        struct encoded_field f;

        (void)state;
        assert_true(encoded_next(&walk, &f));
        assert_int_equal(f.len, 0);
        assert_false(encoded_next(&walk, &f));
        walk = (struct encoded_walk){ endless, endless + sizeof(endless) };
        while (encoded_next(&walk, &f))
                continue;
        assert_ptr_equal(walk.at, endless + sizeof(endless));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_forms_of_a_pod_are_those_of_the_message),
                cmocka_unit_test(both_forms_of_an_image_are_those_of_the_message),
                cmocka_unit_test(every_state_of_a_pod_is_kept_as_encoded),
                cmocka_unit_test(the_reply_of_inspect_is_the_detailed_form),
                cmocka_unit_test(an_unreadable_pod_is_its_id),
                cmocka_unit_test(nothing_has_no_bytes),
                cmocka_unit_test(changes_are_seen_and_sameness_too),
                cmocka_unit_test(a_walk_meets_every_field_but_the_manifest),
                cmocka_unit_test(a_walk_stays_within_its_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
