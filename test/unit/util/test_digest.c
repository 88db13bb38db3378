/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "util/digest.h"

static void known_answers(void **state)
{
        char hex[DIGEST_HEX_MAX + 1];

        (void)state;
        digest_of(DIGEST_SHA256, "abc", 3, hex);
        assert_string_equal(hex,
                            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        digest_of(DIGEST_SHA512, "abc", 3, hex);
        assert_int_equal(strlen(hex), 128);
        assert_memory_equal(hex, "ddaf35a193617abacc417349ae204131", 32);
}

static void oci_digests_are_strict(void **state)
{
        (void)state;
        assert_true(digest_is_oci_sha256(
                "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
        assert_false(digest_is_oci_sha256(
                "sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
        assert_false(digest_is_oci_sha256("sha256:../../../../etc/passwd"));
        assert_false(digest_is_oci_sha256(
                "sha512:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
        assert_false(digest_is_oci_sha256(""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(known_answers),
                cmocka_unit_test(oci_digests_are_strict),
        };
        return cmocka_run_group_tests_name("util/digest", tests, NULL, NULL);
}
