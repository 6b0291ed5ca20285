/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_yaml.c - YAML text to a tree that remembers its lines.
 */
#include "definition/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support.h"
#include "tests/told.h"

static ldr_arena arena;
static told words;
static larder_call call;
static ldr_faults faults;

static void
set_up(void)
{
    arena = (ldr_arena){0};
    words = (told){.size = 0};
    call = told_call(&words);
    faults = (ldr_faults){.call = &call};
}

static void
tear_down(void)
{
    ldr_arena_free(&arena);
}

static void
begin_again(void)
{
    tear_down();
    set_up();
}

static const ldr_yaml *
parse_n(const char *text, size_t size)
{
    const ldr_yaml *root = NULL;

    ck_assert_int_eq(
        ldr_yaml_parse("a.yaml", text, size, &arena, &faults, &root, NULL),
        LARDER_OK);
    return root;
}

static const ldr_yaml *
parse(const char *text)
{
    return parse_n(text, strlen(text));
}

/* The text is refused with these words, and there is no tree. */
static void
refused(const char *text, const char *expected)
{
    ck_assert_ptr_null(parse(text));
    ck_assert_str_eq(words.text, expected);
}

START_TEST(scalars_stay_text_and_keep_their_place)
{
    const ldr_yaml *root = parse("# head\na: 007\nb:\n  - yes\n  - \"é: x\"\n");
    const ldr_yaml *list = ldr_yaml_find(root, "b");

    ck_assert_uint_eq(root->kind, LDR_YAML_MAPPING);
    ck_assert_str_eq(ldr_yaml_find(root, "a")->text, "007");
    ck_assert_uint_eq(ldr_yaml_find(root, "a")->place.line, 2);
    ck_assert_uint_eq(ldr_yaml_find(root, "a")->place.column, 4);
    ck_assert_uint_eq(root->keys[1].place.line, 3);
    ck_assert_uint_eq(list->kind, LDR_YAML_SEQUENCE);
    ck_assert_uint_eq(list->n_items, 2);
    ck_assert_str_eq(list->items[0].text, "yes");
    ck_assert(!list->items[0].quoted);
    ck_assert_str_eq(list->items[1].text, "é: x");
    ck_assert(list->items[1].quoted);
    ck_assert_str_eq(list->items[1].place.file, "a.yaml");
    ck_assert_ptr_null(ldr_yaml_find(root, "c"));
    ck_assert_ptr_null(ldr_yaml_find(list, "c"));
}
END_TEST

START_TEST(columns_count_characters_and_a_byte_order_mark_counts_for_nothing)
{
    const ldr_yaml *root = parse("\xEF\xBB\xBF{é: [ü, x]}");
    const ldr_yaml *list = ldr_yaml_find(root, "é");

    ck_assert_uint_eq(root->place.column, 1);
    ck_assert_uint_eq(list->items[0].place.column, 6);
    ck_assert_uint_eq(list->items[1].place.column, 9);
}
END_TEST

START_TEST(text_without_a_value_has_no_root)
{
    ck_assert_ptr_null(parse(""));
    ck_assert_ptr_null(parse("# only words\n\n"));
    ck_assert_uint_eq(faults.n_errors, 0);
}
END_TEST

START_TEST(a_duplicate_key_is_told_at_the_second_and_the_first_counts)
{
    const ldr_yaml *root = parse("a: 1\nb: 2\n\"a\": 3\n");

    ck_assert_str_eq(words.text,
        "a.yaml:3:1: error: key 'a' is written twice, first in line 1\n");
    ck_assert_str_eq(ldr_yaml_find(root, "a")->text, "1");
}
END_TEST

START_TEST(anchors_and_tags_are_faults_and_reading_goes_on)
{
    const ldr_yaml *root = parse("a: &x 1\nb: !!str 2\nc: 3\n");

    ck_assert_uint_eq(faults.n_errors, 2);
    ck_assert_ptr_nonnull(root);
    ck_assert_str_eq(words.text,
        "a.yaml:1:4: error: an anchor ('&x'): anchors and aliases are not "
        "read\n    hint: write the value out where it is used\n"
        "a.yaml:2:4: error: a tag ('tag:yaml.org,2002:str'): what a value is "
        "follows from its key\n    hint: leave the tag out\n");
    ck_assert_str_eq(ldr_yaml_find(root, "c")->text, "3");
}
END_TEST

START_TEST(an_alias_is_refused)
{
    refused("a: *x\n",
        "a.yaml:1:4: error: an alias ('*'): anchors and aliases are not read\n"
        "    hint: write the value out where it is used\n");
}
END_TEST

START_TEST(a_second_document_is_refused)
{
    refused("a: 1\n---\nb: 2\n",
        "a.yaml:2:1: error: a second document begins here; a file holds one\n"
        "    hint: put it into a file of its own\n");
}
END_TEST

START_TEST(a_key_that_is_no_scalar_is_refused)
{
    refused("[a]: 1\n", "a.yaml:1:1: error: a list where a key should be\n"
                        "    hint: a key is one word before a ':'\n");
}
END_TEST

START_TEST(a_directive_is_refused_wherever_a_line_begins_with_it)
{
    refused("a: 1\n%TAG ! x\n",
        "a.yaml:2:1: error: a directive ('%')\n    hint: leave the line out\n");
}
END_TEST

START_TEST(a_syntax_fault_names_its_place_and_shows_the_line)
{
    refused("a: 1\nb: [1, 2\nc: 3\n",
        "a.yaml:3:2: error: did not find expected ',' or ']', while parsing a "
        "flow sequence that begins in line 2\n"
        "    hint: look at the indentation, and for brackets and quotes left "
        "open\n");
    ck_assert_str_eq(words.line, "c: 3");
    ck_assert_str_eq(faults.first.file, "a.yaml");
    ck_assert_uint_eq(faults.first.line, 3);
    ck_assert_uint_eq(faults.first.column, 2);
    ck_assert_int_eq(faults.first.status, LARDER_INVALID);
}
END_TEST

START_TEST(a_tab_in_the_indentation_has_a_remedy)
{
    ck_assert_ptr_null(parse("a:\n\tb: 1\n"));
    ck_assert_ptr_nonnull(strstr(words.text, "a.yaml:2:1: error: "));
    ck_assert_ptr_nonnull(strstr(words.text, "indent with blanks, not tabs"));
}
END_TEST

START_TEST(bytes_that_are_no_text_are_refused_at_their_place)
{
    ck_assert_ptr_null(parse_n("a: 1\nb: \xFF\n", 10));
    ck_assert_str_eq(words.text, "a.yaml:2:4: error: bytes that are not UTF-8\n"
                                 "    hint: save the file as UTF-8 text\n");
    begin_again();
    ck_assert_ptr_null(parse_n("é\0b", 4));
    ck_assert_str_eq(words.text, "a.yaml:1:2: error: a NUL byte\n"
                                 "    hint: save the file as UTF-8 text\n");
    begin_again();
    ck_assert_ptr_null(parse("a: \x01\n"));
    ck_assert_ptr_nonnull(
        strstr(words.text, "a.yaml:1:4: error: control characters"));
}
END_TEST

START_TEST(a_nul_that_was_escaped_is_refused)
{
    parse("a: \"x\\0y\"\n");
    ck_assert_str_eq(
        words.text, "a.yaml:1:4: error: text holds a NUL character\n");
}
END_TEST

/* `n` times a text, then nothing. */
static char *
repeat(const char *text, size_t n)
{
    size_t size = strlen(text);
    char *all = malloc(n * size + 1);

    ck_assert_ptr_nonnull(all);
    for (size_t i = 0; i < n; i++)
        memcpy(all + i * size, text, size);
    all[n * size] = '\0';
    return all;
}

START_TEST(nesting_ends_at_32_levels_whatever_the_depth)
{
    static const char *const deep[] = {"[", "- ", "{a: ", "? ", "[{a: "};

    for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
        char *text = repeat(deep[i], 200000);

        begin_again();
        ck_assert_ptr_null(parse(text));
        ck_assert_uint_eq(faults.n_errors, 1);
        free(text);
    }
    ck_assert_ptr_nonnull(strstr(words.text, "deeper than 32 levels"));
    begin_again();
    ck_assert_ptr_nonnull(parse(
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"));
}
END_TEST

START_TEST(a_file_and_its_values_are_bounded_by_name)
{
    char *text = repeat("- a\n", 200001);

    ck_assert_ptr_null(parse(text));
    ck_assert_ptr_nonnull(
        strstr(words.text, "more than 200,000 values in one file"));
    free(text);
    begin_again();
    text = repeat("# a line of words\n", 250000);
    ck_assert_ptr_null(parse(text));
    ck_assert_str_eq(words.text,
        "a.yaml:1:1: error: the file has 4500000 bytes; at most 4 MiB are "
        "read\n    hint: split it into several files\n");
    free(text);
}
END_TEST

START_TEST(a_hundred_faults_are_told_and_then_one_word)
{
    ldr_place place = {.file = "b.yaml", .line = 3, .column = 4};

    for (int i = 0; i < 250; i++)
        ldr_fault(&faults, &place, NULL, "fault %d", i);
    ck_assert_uint_eq(faults.n_errors, 250);
    ck_assert_uint_eq(words.n_told, 101);
    ck_assert_ptr_nonnull(
        strstr(words.text, ":0:0: error: more faults not shown\n"));
    ldr_warning(&faults, &place, "mind", "a warning");
    ck_assert_uint_eq(words.n_told, 102);
    ck_assert_uint_eq(faults.n_warnings, 1);
    ck_assert_str_eq(faults.first.message, "fault 0");
}
END_TEST

START_TEST(faults_are_counted_where_nobody_listens)
{
    ldr_faults silent = {.call = NULL};

    ldr_fault(&silent, NULL, "a hint", "no place\nfor %s", "this");
    ck_assert_uint_eq(silent.n_errors, 1);
    ck_assert_str_eq(silent.first.message, "no place for this");
    ck_assert_str_eq(silent.first.hint, "a hint");
    ck_assert_str_eq(silent.first.file, "");
}
END_TEST

START_TEST(the_line_of_a_fault_is_found_after_every_kind_of_line_end)
{
    ldr_place place = {.file = "b.yaml",
        .text = "one\r\ntwo\rthree\n\xC2\x85"
                "five\xE2\x80\xA8six",
        .column = 1};
    static const char *const lines[] = {
        "one", "two", "three", "", "five", "six", ""};

    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
        place.line = i + 1;
        ldr_fault(&faults, &place, NULL, "x");
        ck_assert_str_eq(words.line, lines[i]);
    }
}
END_TEST

START_TEST(a_line_too_long_to_show_is_shown_from_its_begin_or_not_at_all)
{
    char *text = repeat("0123456789", 1000);
    ldr_place place = {.file = "b.yaml", .text = text, .line = 1, .column = 5};

    ldr_fault(&faults, &place, NULL, "x");
    ck_assert_uint_gt(strlen(words.line), 500);
    place.column = 9000;
    ldr_fault(&faults, &place, NULL, "x");
    ck_assert_str_eq(words.line, "");
    free(text);
}
END_TEST

/* "line:column" of byte `at` of the value of key `k`. */
static const char *
place_in(const char *text, size_t at)
{
    static char spot[40];
    const ldr_yaml *value = ldr_yaml_find(parse(text), "k");
    ldr_place place;

    ck_assert_ptr_nonnull(value);
    place = ldr_yaml_inside(value, at);
    snprintf(spot, sizeof spot, "%u:%u", place.line, place.column);
    return spot;
}

START_TEST(a_byte_of_a_scalar_has_a_place_of_its_own)
{
    ck_assert_str_eq(place_in("k: abc\n", 0), "1:4");
    ck_assert_str_eq(place_in("k: abc\n", 2), "1:6");
    ck_assert_str_eq(place_in("k: abc\n", 3), "1:7");
    ck_assert_str_eq(place_in("é: 1\nk: [\"é\"]\n", 0), "2:4");
    ck_assert_str_eq(place_in("{a: é, k: éa b}\n", 2), "1:12");
    ck_assert_str_eq(place_in("k: \"abc\"\n", 0), "1:5");
    ck_assert_str_eq(place_in("k: \"abc\"\n", 3), "1:8");
    ck_assert_str_eq(place_in("k: \"a\\\"\\x41\\u00e9\\tb\"\n", 3), "1:12");
    ck_assert_str_eq(place_in("k: \"a\\\"\\x41\\u00e9\\tb\"\n", 5), "1:18");
    ck_assert_str_eq(place_in("k: \"\\U0001F600\\N\\Lx\"\n", 9), "1:19");
    ck_assert_str_eq(place_in("k: 'a''é'' c'\n", 6), "1:12");
}
END_TEST

START_TEST(a_byte_of_several_lines_has_the_place_that_can_be_told)
{
    ck_assert_str_eq(place_in("k: ab\n  cd\n", 1), "1:5");
    ck_assert_str_eq(place_in("k: ab\n  cd\n", 4), "1:4");
    ck_assert_str_eq(place_in("k: \"ab\n  cd\"\n", 1), "1:6");
    ck_assert_str_eq(place_in("k: \"ab\n  cd\"\n", 4), "1:4");
    ck_assert_str_eq(place_in("k: |\n  ab\n\n    éd\n", 1), "2:4");
    ck_assert_str_eq(place_in("k: |\n  ab\n\n    éd\n", 8), "4:6");
    ck_assert_str_eq(place_in("k: |-\r\n  ab\r\n  cd\r\n", 4), "3:4");
    ck_assert_str_eq(place_in("k: >\n  ab\n  cd\n", 4), "1:4");
    ck_assert_str_eq(place_in("k: ab\n", 99), "1:4");
}
END_TEST

START_TEST(a_scalar_whose_text_is_not_kept_has_its_own_place)
{
    ldr_yaml scalar = {.place = {.line = 3, .column = 5}, .text = "ab"};
    ldr_place place = ldr_yaml_inside(&scalar, 1);

    ck_assert_uint_eq(place.line, 3);
    ck_assert_uint_eq(place.column, 5);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("yaml");
    TCase *tree = tcase_create("tree"), *bounds = tcase_create("bounds"),
          *told_case = tcase_create("told");

    tcase_add_checked_fixture(tree, set_up, tear_down);
    tcase_add_test(tree, scalars_stay_text_and_keep_their_place);
    tcase_add_test(tree,
        columns_count_characters_and_a_byte_order_mark_counts_for_nothing);
    tcase_add_test(tree, text_without_a_value_has_no_root);
    tcase_add_test(
        tree, a_duplicate_key_is_told_at_the_second_and_the_first_counts);
    tcase_add_test(tree, anchors_and_tags_are_faults_and_reading_goes_on);
    tcase_add_test(tree, an_alias_is_refused);
    tcase_add_test(tree, a_second_document_is_refused);
    tcase_add_test(tree, a_key_that_is_no_scalar_is_refused);
    tcase_add_test(tree, a_directive_is_refused_wherever_a_line_begins_with_it);
    tcase_add_test(tree, a_syntax_fault_names_its_place_and_shows_the_line);
    tcase_add_test(tree, a_tab_in_the_indentation_has_a_remedy);
    suite_add_tcase(suite, tree);
    tcase_add_checked_fixture(bounds, set_up, tear_down);
    tcase_add_test(bounds, bytes_that_are_no_text_are_refused_at_their_place);
    tcase_add_test(bounds, a_nul_that_was_escaped_is_refused);
    tcase_add_test(bounds, nesting_ends_at_32_levels_whatever_the_depth);
    tcase_add_test(bounds, a_file_and_its_values_are_bounded_by_name);
    suite_add_tcase(suite, bounds);
    tcase_add_checked_fixture(told_case, set_up, tear_down);
    tcase_add_test(told_case, a_hundred_faults_are_told_and_then_one_word);
    tcase_add_test(told_case, faults_are_counted_where_nobody_listens);
    tcase_add_test(
        told_case, the_line_of_a_fault_is_found_after_every_kind_of_line_end);
    tcase_add_test(told_case, a_byte_of_a_scalar_has_a_place_of_its_own);
    tcase_add_test(
        told_case, a_byte_of_several_lines_has_the_place_that_can_be_told);
    tcase_add_test(
        told_case, a_scalar_whose_text_is_not_kept_has_its_own_place);
    tcase_add_test(told_case,
        a_line_too_long_to_show_is_shown_from_its_begin_or_not_at_all);
    suite_add_tcase(suite, told_case);
    return support_run(suite);
}
