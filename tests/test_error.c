/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_error.c - a failure's words, the log's, and whether the caller waits.
 */
#include "base/log.h"
#include "base/words.h"
#include "larder_backend.h"
#include "tests/support.h"

#include <string.h>

/* ---------------------------------------------------------------- words */

START_TEST(characters_are_utf8_as_the_standard_has_it)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"a", 1},
        {"\x7f", 1},
        {"\xc3\xa9", 2},
        {"\xe2\x82\xac", 3},
        {"\xed\x9f\xbf", 3},
        {"\xee\x80\x80", 3},
        {"\xf0\x9f\x8d\x9e", 4},
        {"\xf4\x8f\xbf\xbf", 4},
        {"", 0},
        {"\x80", 0}, /* begins in the middle */
        {"\xc3", 0}, /* ends in the middle */
        {"\xe2\x82", 0},
        {"\xe2\x41\xac", 0},
        {"\xc0\xaf", 0}, /* too long a spelling */
        {"\xe0\x9f\xbf", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xed\xa0\x80", 0},     /* half a pair of UTF-16 */
        {"\xf4\x90\x80\x80", 0}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", 0},
        {"\xff", 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_msg(ldr_words_character(cases[i].text,
                          strlen(cases[i].text)) == cases[i].length,
            "case %zu", i);
    ck_assert_uint_eq(ldr_words_character("\0", 1), 1);
}
END_TEST

START_TEST(a_cut_never_splits_a_character)
{
    ck_assert_uint_eq(ldr_words_cut("abc", 3, 5), 3);
    ck_assert_uint_eq(ldr_words_cut("abc", 3, 2), 2);
    ck_assert_uint_eq(ldr_words_cut("a\xe2\x82\xac", 4, 3), 1);
    ck_assert_uint_eq(ldr_words_cut("a\xe2\x82\xac"
                                    "b",
                          5, 4),
        4);
    ck_assert_uint_eq(ldr_words_cut("\x80\x80\x80", 3, 2), 0);
}
END_TEST

START_TEST(a_line_is_one_line_of_valid_text)
{
    char line[64];

    ck_assert_uint_eq(ldr_words_line(line, sizeof line, "a\nb\tc\rd"), 7);
    ck_assert_str_eq(line, "a b c d");
    ldr_words_line(line, sizeof line, "bell\a del\x7f bad\xff caf\xc3\xa9");
    ck_assert_str_eq(line, "bell? del? bad? caf\xc3\xa9");
}
END_TEST

START_TEST(a_line_too_long_keeps_its_head_and_its_end)
{
    char text[200], line[32];

    for (size_t room = 16; room <= sizeof line; room++)
        for (size_t size = 0; size < sizeof text / 3; size++) {
            size_t n;

            text[0] = '\0';
            for (size_t i = 0; i < size; i++)
                memcpy(text + 3 * i, "\xe2\x82\xac", 4);
            n = ldr_words_line(line, room, text);
            ck_assert_uint_eq(n, strlen(line));
            ck_assert_uint_lt(n, room);
            ck_assert_ptr_null(strchr(line, '?'));
            ck_assert_int_eq(strstr(line, "...") != NULL, 3 * size >= room);
        }
    ldr_words_line(line, 16, "begin, and so on, end");
    ck_assert_str_eq(line, "begin, a... end");
}
END_TEST

/* --------------------------------------------------------------- errors */

START_TEST(every_status_has_a_name_and_a_meaning)
{
    ck_assert_str_eq(larder_status_name(LARDER_OK), "OK");
    ck_assert_str_eq(larder_status_name(LARDER_NOT_FOUND), "NOT_FOUND");
    ck_assert_str_eq(larder_status_text(LARDER_NOMEM), "out of memory");
    for (int i = 0; i <= LARDER_NOMEM; i++) {
        ck_assert_str_ne(larder_status_name((larder_status)i), "UNKNOWN");
        ck_assert_uint_gt(strlen(larder_status_text((larder_status)i)), 1);
    }
    ck_assert_str_eq(larder_status_name((larder_status)99), "UNKNOWN");
    ck_assert_str_eq(larder_status_text((larder_status)99), "unknown status");
}
END_TEST

START_TEST(the_version_is_three_numbers)
{
    unsigned major, minor, patch;
    char more;

    ck_assert_int_eq(
        sscanf(larder_version(), "%u.%u.%u%c", &major, &minor, &patch, &more),
        3);
}
END_TEST

START_TEST(failing_fills_the_error_and_forgets_an_older_one)
{
    larder_error err = {.line = 7, .column = 3, .hint = "old", .file = "old"};

    ck_assert_int_eq(
        larder_fail(&err, LARDER_INVALID, "view '%s' is %d", "v", 2),
        LARDER_INVALID);
    ck_assert_int_eq(err.status, LARDER_INVALID);
    ck_assert_str_eq(err.message, "view 'v' is 2");
    ck_assert_str_eq(err.hint, "");
    ck_assert_str_eq(err.file, "");
    ck_assert_uint_eq(err.line, 0);
    ck_assert_uint_eq(err.column, 0);
}
END_TEST

START_TEST(without_an_error_only_the_status_is_told)
{
    ck_assert_int_eq(larder_fail(NULL, LARDER_BUSY, "%s", "x"), LARDER_BUSY);
    larder_context(NULL, "view '%s'", "v");
    larder_hint(NULL, "wait");
}
END_TEST

START_TEST(a_failure_may_quote_the_error_it_replaces)
{
    larder_error err = {.message = "disk full"};

    larder_fail(&err, LARDER_IO, "commit: %s", err.message);
    ck_assert_str_eq(err.message, "commit: disk full");
}
END_TEST

START_TEST(context_goes_before_the_words)
{
    larder_error err = {0};

    larder_fail(&err, LARDER_INVALID, "no column 'x'");
    larder_context(&err, "source '%s'", "s");
    larder_context(&err, "view '%s'", "v");
    ck_assert_str_eq(err.message, "view 'v': source 's': no column 'x'");
    ck_assert_int_eq(err.status, LARDER_INVALID);
}
END_TEST

START_TEST(the_first_hint_stays)
{
    larder_error err = {0};

    larder_fail(&err, LARDER_INVALID, "unknown type 'flaot64'");
    larder_hint(&err, "did you mean '%s'?", "float64");
    larder_hint(&err, "see the manual");
    ck_assert_str_eq(err.hint, "did you mean 'float64'?");
}
END_TEST

START_TEST(too_long_words_keep_what_names_and_what_ends_them)
{
    char filler[4000];
    larder_error err = {0};

    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    larder_fail(&err, LARDER_INVALID, "value '%.900s' is no number", filler);
    ck_assert_uint_lt(strlen(err.message), sizeof err.message);
    ck_assert_ptr_nonnull(strstr(err.message, "..."));
    ck_assert_ptr_nonnull(strstr(err.message, "' is no number"));
    larder_context(&err, "column '%s'", filler);
    ck_assert_int_eq(strncmp(err.message, "column 'xxx", 11), 0);
    ck_assert_ptr_nonnull(strstr(err.message, "' is no number"));
    larder_fail(&err, LARDER_INVALID, "%s", filler);
    larder_hint(&err, "%s", filler);
    ck_assert_uint_lt(strlen(err.hint), sizeof err.hint);
}
END_TEST

START_TEST(words_with_line_ends_become_one_line)
{
    larder_error err = {0};

    larder_fail(&err, LARDER_INVALID, "value 'a\nb\xff' is no number");
    larder_context(&err, "file 'x\ny'");
    ck_assert_str_eq(err.message, "file 'x y': value 'a b?' is no number");
}
END_TEST

/* ----------------------------------------------------------------- calls */

static int64_t
noon(void)
{
    return 1000;
}

START_TEST(a_call_that_asks_for_nothing_goes_on)
{
    larder_call call = support_call(5);

    ck_assert_int_eq(call.now, 5);
    ck_assert_int_eq(larder_call_check(&call, NULL), LARDER_OK);
    call.deadline = 1; /* no clock to tell */
    ck_assert_int_eq(larder_call_check(&call, NULL), LARDER_OK);
}
END_TEST

START_TEST(a_cancelled_call_is_interrupted)
{
    int cancel = 0;
    larder_call call = {.cancel = &cancel};
    larder_error err = {0};

    ck_assert_int_eq(larder_call_check(&call, &err), LARDER_OK);
    cancel = 1;
    ck_assert_int_eq(larder_call_check(&call, &err), LARDER_INTERRUPTED);
    ck_assert_int_eq(err.status, LARDER_INTERRUPTED);
    ck_assert_uint_gt(strlen(err.message), 0);
}
END_TEST

START_TEST(a_deadline_passes_at_its_microsecond)
{
    larder_call call = {.monotonic = noon, .deadline = 1001};
    larder_error err = {0};

    ck_assert_int_eq(larder_call_check(&call, &err), LARDER_OK);
    call.deadline = 1000;
    ck_assert_int_eq(larder_call_check(&call, &err), LARDER_DEADLINE);
    ck_assert_str_eq(err.message, "the deadline of the call has passed");
}
END_TEST

/* ------------------------------------------------------------------- log */

static void
keep_remark(void *context, const char *event, const char *fields)
{
    char *kept = context;

    snprintf(kept, 2000, "%s|%s", event, fields);
}

START_TEST(a_remark_reaches_the_sink)
{
    char kept[2000] = "";
    ldr_log log = {.sink = keep_remark, .context = kept};

    ldr_log_event(&log, "materialize.late", "view=%s rows=%d", "v", 3);
    ck_assert_str_eq(kept, "materialize.late|view=v rows=3");
    ldr_log_event(&log, "x", "%1500d\n", 7);
    ck_assert_uint_lt(strlen(kept), 1100);
    ck_assert_ptr_null(strchr(kept, '\n'));
}
END_TEST

START_TEST(without_a_sink_there_is_silence)
{
    ldr_log log = {0};

    ldr_log_event(&log, "event", "a=%d", 1);
    ldr_log_event(NULL, "event", "a=%d", 1);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("error");
    TCase *tests = tcase_create("error");

    tcase_add_test(tests, characters_are_utf8_as_the_standard_has_it);
    tcase_add_test(tests, a_cut_never_splits_a_character);
    tcase_add_test(tests, a_line_is_one_line_of_valid_text);
    tcase_add_test(tests, a_line_too_long_keeps_its_head_and_its_end);
    tcase_add_test(tests, every_status_has_a_name_and_a_meaning);
    tcase_add_test(tests, the_version_is_three_numbers);
    tcase_add_test(tests, failing_fills_the_error_and_forgets_an_older_one);
    tcase_add_test(tests, without_an_error_only_the_status_is_told);
    tcase_add_test(tests, a_failure_may_quote_the_error_it_replaces);
    tcase_add_test(tests, context_goes_before_the_words);
    tcase_add_test(tests, the_first_hint_stays);
    tcase_add_test(tests, too_long_words_keep_what_names_and_what_ends_them);
    tcase_add_test(tests, words_with_line_ends_become_one_line);
    tcase_add_test(tests, a_call_that_asks_for_nothing_goes_on);
    tcase_add_test(tests, a_cancelled_call_is_interrupted);
    tcase_add_test(tests, a_deadline_passes_at_its_microsecond);
    tcase_add_test(tests, a_remark_reaches_the_sink);
    tcase_add_test(tests, without_a_sink_there_is_silence);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
