/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_name.c - names: which are legal, which are equal, which one was meant.
 */
#include "base/name.h"
#include "tests/support.h"

#include <string.h>

#define EIGHT "abcdefgh"
#define FORTY EIGHT EIGHT EIGHT EIGHT EIGHT

START_TEST(names_are_letters_digits_and_underscores)
{
    static const char *const legal[] = {
        "a", "Z", "_", "_1", "hcp_activity_30d", "A9", FORTY EIGHT};
    static const char *const illegal[] = {"", "1", "9a", "a-b", "a b", "a.b",
        "a:b", "caf\xc3\xa9", "a\n", "[", "`", "@", "{", "/", FORTY EIGHT "x"};

    for (size_t i = 0; i < sizeof legal / sizeof *legal; i++)
        ck_assert_msg(ldr_name_legal(legal[i]), "%s", legal[i]);
    for (size_t i = 0; i < sizeof illegal / sizeof *illegal; i++)
        ck_assert_msg(!ldr_name_legal(illegal[i]), "%s", illegal[i]);
}
END_TEST

START_TEST(case_of_ascii_letters_makes_no_difference)
{
    ck_assert(ldr_name_equal("Hcp_ID", "hCP_id"));
    ck_assert(ldr_name_equal("", ""));
    ck_assert(!ldr_name_equal("a", "ab"));
    ck_assert(!ldr_name_equal("a_b", "a-b"));
    ck_assert(!ldr_name_equal("caf\xc3\xa9", "caf\xc3\x89"));
    ck_assert(!ldr_name_equal("@", "`")); /* 32 apart, and no letters */
    ck_assert(!ldr_name_equal("[", "{"));
}
END_TEST

START_TEST(names_have_an_order)
{
    ck_assert_int_lt(ldr_name_order("a", "B"), 0);
    ck_assert_int_gt(ldr_name_order("B", "a"), 0);
    ck_assert_int_lt(ldr_name_order("view", "view2"), 0);
    ck_assert_int_gt(ldr_name_order("\xc3", "z"), 0); /* bytes are unsigned */
    ck_assert_int_eq(ldr_name_order("ViEw", "vIeW"), 0);
}
END_TEST

START_TEST(the_nearest_name_is_found)
{
    static const char *const types[] = {"bool", "int32", "int64", "float32",
        "float64", "string", "bytes", "timestamp"};
    static const struct {
        const char *wrong, *meant;
    } cases[] = {
        {"flaot64", "float64"},     /* swapped */
        {"strng", "string"},        /* left out */
        {"booll", "bool"},          /* one too many */
        {"timestanp", "timestamp"}, /* another */
        {"TimeStamp", "timestamp"},
        {"int46", "int64"},
        {"INT32", "int32"},
        {"int23", "int32"},
        {"string", "string"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = ldr_name_nearest(
            cases[i].wrong, types, sizeof types / sizeof *types);

        ck_assert_msg(found != NULL, "%s", cases[i].wrong);
        ck_assert_str_eq(found, cases[i].meant);
    }
}
END_TEST

START_TEST(of_equally_near_names_the_first_is_taken)
{
    static const char *const names[] = {"xa", "abb", "abc"};

    ck_assert_ptr_eq(ldr_name_nearest("abd", names, 3), names[1]);
}
END_TEST

START_TEST(a_name_too_far_off_is_not_offered)
{
    static const char *const names[] = {"float64", "string", "ab", "x"};

    ck_assert_ptr_null(ldr_name_nearest("timestamp", names, 4));
    ck_assert_ptr_null(ldr_name_nearest("", names, 4));
    ck_assert_ptr_null(ldr_name_nearest("ad", names, 4)); /* a half differs */
    ck_assert_ptr_null(ldr_name_nearest("y", names, 4));
    ck_assert_ptr_null(ldr_name_nearest("float64", names, 0));
    ck_assert_ptr_eq(ldr_name_nearest("float", names, 1), names[0]);
}
END_TEST

START_TEST(very_long_texts_are_passed_over)
{
    char huge[5000];
    const char *names[2] = {huge, "short"};

    memset(huge, 'a', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    ck_assert_ptr_null(ldr_name_nearest(huge, names, 2));
    ck_assert_str_eq(ldr_name_nearest("shorf", names, 2), "short");
    huge[128] = '\0';
    ck_assert_ptr_eq(ldr_name_nearest(huge, names, 2), huge);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("name");
    TCase *tests = tcase_create("name");

    tcase_add_test(tests, names_are_letters_digits_and_underscores);
    tcase_add_test(tests, case_of_ascii_letters_makes_no_difference);
    tcase_add_test(tests, names_have_an_order);
    tcase_add_test(tests, the_nearest_name_is_found);
    tcase_add_test(tests, of_equally_near_names_the_first_is_taken);
    tcase_add_test(tests, a_name_too_far_off_is_not_offered);
    tcase_add_test(tests, very_long_texts_are_passed_over);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
