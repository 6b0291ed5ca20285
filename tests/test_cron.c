/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cron.c - cron lines: what they may be, and how far apart their moments
 * lie.
 */
#include <check.h>
#include <string.h>

#include "base/cron.h"
#include "base/time.h"
#include "tests/support.h"

#define MINUTES (INT64_C(60) * LDR_SECOND)
#define HOURS (60 * MINUTES)

static const struct {
    const char *line;
    int64_t gap;
} gaps[] = {
    {"* * * * *", MINUTES},
    {"*/15 * * * *", 15 * MINUTES},
    {"5,50 * * * *", 45 * MINUTES},
    {"7/20 * * * *", 20 * MINUTES}, /* 7, 27, 47 */
    {"0 */6 * * *", 6 * HOURS},
    {"0 8-17 * * *", 15 * HOURS},
    {"30 3 * * *", LDR_DAY},
    {"0 3 * * 1", 7 * LDR_DAY},
    {"0 3 * * MON", 7 * LDR_DAY},
    {"0 3 * * 1-5", 3 * LDR_DAY},
    {"0 9,17 * * mon-fri", 2 * LDR_DAY + 16 * HOURS},
    {"0 0 * * 0,7", 7 * LDR_DAY},
    {"0 0 1 * *", 31 * LDR_DAY},
    {"0 0 31 * *", 61 * LDR_DAY},
    {"0 0 1 jan *", 366 * LDR_DAY},
    {"0 0 29 2 *", (8 * 365 + 1) * LDR_DAY}, /* over 1900, 2100, ... */
    {"0 0 1 * 1", 7 * LDR_DAY},              /* the first, and each Monday */
    {"0 0 30 2 *", 0},
};

START_TEST(the_longest_gap_is_over_all_years)
{
    ldr_cron cron;
    ldr_cron_fault fault;

    ck_assert_msg(
        ldr_cron_parse(gaps[_i].line, &cron, &fault), "%s", gaps[_i].line);
    ck_assert_msg(ldr_cron_longest_gap(&cron) == gaps[_i].gap,
        "%s: %lld minutes", gaps[_i].line,
        (long long)(ldr_cron_longest_gap(&cron) / MINUTES));
}
END_TEST

START_TEST(a_line_has_five_fields)
{
    ldr_cron cron;
    ldr_cron_fault fault;

    ck_assert(!ldr_cron_parse("* * * *", &cron, &fault));
    ck_assert_uint_eq(fault.n_fields, 4);
    ck_assert_ptr_null(fault.what);
    ck_assert(!ldr_cron_parse("", &cron, &fault));
    ck_assert(!ldr_cron_parse("* * * * * *", &cron, &fault));
    ck_assert_uint_eq(fault.n_fields, 6);
}
END_TEST

static const struct {
    const char *line, *what, *text;
} bad[] = {
    {"60 * * * *", "minute", "60"},
    {"* 24 * * *", "hour", "24"},
    {"* * 0 * *", "day of month", "0"},
    {"* * * 13 *", "month", "13"},
    {"* * * * 8", "day of week", "8"},
    {"* * * * fri-mon", "day of week", "fri-mon"},
    {"*/0 * * * *", "minute", "*/0"},
    {"1,, * * * *", "minute", "1,,"},
    {"1- * * * *", "minute", "1-"},
    {"*5 * * * *", "minute", "*5"},
    {"* * * ja *", "month", "ja"},
};

START_TEST(what_a_field_does_not_take_is_told)
{
    ldr_cron cron;
    ldr_cron_fault fault;

    ck_assert_msg(
        !ldr_cron_parse(bad[_i].line, &cron, &fault), "%s", bad[_i].line);
    ck_assert_str_eq(fault.what, bad[_i].what);
    ck_assert_uint_eq(fault.size, strlen(bad[_i].text));
    ck_assert_mem_eq(fault.text, bad[_i].text, fault.size);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cron");
    TCase *tests = tcase_create("cron");

    tcase_add_loop_test(tests, the_longest_gap_is_over_all_years, 0,
        sizeof gaps / sizeof *gaps);
    tcase_add_test(tests, a_line_has_five_fields);
    tcase_add_loop_test(
        tests, what_a_field_does_not_take_is_told, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
