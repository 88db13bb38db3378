/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/descriptor.h"

#include "described.set.h"
#include "test.h"

/* protoc writes what is imported first. */
enum { IMPORTED, DESCRIBED };

static void done(struct grpc_descriptors *d)
{
        grpc_descriptors_done(d);
}
#define AUTO_DESCRIPTORS AUTO(done) struct grpc_descriptors

static struct grpc_span span(const char *text)
{
        return (struct grpc_span){ (const uint8_t *)text, strlen(text) };
}

static void files_are_known_once(void **state)
{
        AUTO_DESCRIPTORS d = { 0 };

        (void)state;
        for (int i = 0; i < 2; i++)
                grpc_descriptors_add(&d, described_set, sizeof(described_set));
        assert_int_equal(d.n_files, 2);
        assert_int_equal(grpc_descriptors_by_name(&d, span("imported.proto")), IMPORTED);
        assert_int_equal(grpc_descriptors_by_name(&d, span("described.proto")), DESCRIBED);
        assert_int_equal(grpc_descriptors_by_name(&d, span("described")), -1);
        assert_int_equal(grpc_descriptors_by_name(&d, span("")), -1);
}

static void every_symbol_leads_to_its_file(void **state)
{
        static const char *const there[] = {
                "des.cribed.Outer",
                "des.cribed.Outer.number",
                "des.cribed.Outer.choice",
                "des.cribed.Outer.text",
                "des.cribed.Outer.Inner",
                "des.cribed.Outer.Inner.Depth",
                "des.cribed.Outer.Inner.SHALLOW",
                "des.cribed.Outer.Inner.Innermost",
                "des.cribed.Outer.Inner.Innermost.leaf",
                "des.cribed.Outer.Inner.nested_extension",
                "des.cribed.Outer.Kind",
                "des.cribed.Outer.KIND_ONE",
                "des.cribed.Colour",
                "des.cribed.RED",
                "des.cribed.top_extension",
                "des.cribed.own_extension",
                "des.cribed.Service",
                "des.cribed.Service.Call",
        };
        static const char *const nowhere[] = {
                "",
                ".",
                "des",
                "des.cribed",
                "des.cribed.",
                ".des.cribed.Outer",
                "Outer",
                "des.cribed.Oute",
                "des.cribed.Outer.",
                "des.cribed.Outer.Inner.",
                "des.cribed.OuterX",
                "des.cribed.Outer.Inner.leaf",
                "des.cribed.Colour.RED",
                "des.cribed.Service.Call.",
                "des.cribed.Service.Other",
                "described.Outer",
                "NoPackage.x",
        };
        AUTO_DESCRIPTORS d = { 0 };

        (void)state;
        assert_int_equal(grpc_descriptors_by_symbol(&d, there[0]), -1);
        grpc_descriptors_add(&d, described_set, sizeof(described_set));
        for (size_t i = 0; i < ARRAY_LEN(there); i++)
                if (grpc_descriptors_by_symbol(&d, there[i]) != DESCRIBED)
                        fail_msg("%s is not found", there[i]);
        for (size_t i = 0; i < ARRAY_LEN(nowhere); i++)
                if (grpc_descriptors_by_symbol(&d, nowhere[i]) != -1)
                        fail_msg("%s is found", nowhere[i]);
        assert_int_equal(grpc_descriptors_by_symbol(&d, "NoPackage"), IMPORTED);
}

static void extensions_are_found_by_type_and_number(void **state)
{
        AUTO_DESCRIPTORS d = { 0 };
        int32_t numbers[4] = { 0 };

        (void)state;
        grpc_descriptors_add(&d, described_set, sizeof(described_set));
        assert_int_equal(grpc_descriptors_by_extension(&d, "NoPackage", 100), DESCRIBED);
        assert_int_equal(grpc_descriptors_by_extension(&d, "NoPackage", 101), DESCRIBED);
        assert_int_equal(grpc_descriptors_by_extension(&d, "NoPackage", 150), -1);
        assert_int_equal(grpc_descriptors_by_extension(&d, "des.cribed.Outer", 150), DESCRIBED);
        assert_int_equal(grpc_descriptors_by_extension(&d, "no.Such", 150), -1);
        assert_int_equal(grpc_descriptors_extensions(&d, "NoPackage", NULL, 0), 2);
        assert_int_equal(grpc_descriptors_extensions(&d, "NoPackage", numbers, 4), 2);
        assert_true(numbers[0] + numbers[1] == 201 && numbers[2] == 0);
        assert_int_equal(grpc_descriptors_extensions(&d, "des.cribed.Colour", numbers, 4), 0);
}

static void a_file_comes_with_its_imports(void **state)
{
        AUTO_DESCRIPTORS d = { 0 };
        struct grpc_span files[2];

        (void)state;
        grpc_descriptors_add(&d, described_set, sizeof(described_set));
        assert_int_equal(grpc_descriptors_closure(&d, DESCRIBED, files), 2);
        assert_ptr_equal(files[0].p, d.files[DESCRIBED].data.p);
        assert_ptr_equal(files[1].p, d.files[IMPORTED].data.p);
        assert_int_equal(grpc_descriptors_closure(&d, IMPORTED, files), 1);
}

static void sets_cut_short_are_walked_within_their_bounds(void **state)
{
        (void)state;
        for (size_t len = 0; len < sizeof(described_set); len++) {
                AUTO_DESCRIPTORS d = { 0 };
                uint8_t *copy = malloc(len + !len);
                struct grpc_span files[2];

                assert_non_null(copy);
                memcpy(copy, described_set, len);
                grpc_descriptors_add(&d, copy, len);
                (void)grpc_descriptors_by_symbol(&d, "des.cribed.Outer.Inner.Innermost.x");
                (void)grpc_descriptors_extensions(&d, "NoPackage", NULL, 0);
                for (size_t i = 0; i < d.n_files; i++)
                        (void)grpc_descriptors_closure(&d, (int)i, files);
                grpc_descriptors_done(&d);
                free(copy);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(files_are_known_once),
                cmocka_unit_test(every_symbol_leads_to_its_file),
                cmocka_unit_test(extensions_are_found_by_type_and_number),
                cmocka_unit_test(a_file_comes_with_its_imports),
                cmocka_unit_test(sets_cut_short_are_walked_within_their_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
