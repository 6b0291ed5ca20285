/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_time.c - moments and durations from and to text.
 */
#include "base/time.h"
#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

static larder_bytes
bytes_of(const char *text)
{
    return (larder_bytes){text, strlen(text)};
}

/* ---------------------------------------------------------------- moments */

START_TEST(moments_have_these_spellings)
{
    static const struct {
        const char *text;
        larder_time time;
        bool zoned, date_only;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, true, false},
        {"1970-01-01t00:00:00z", 0, true, false},
        {"1970-01-01 00:00:00+00:00", 0, true, false},
        {"1970-01-01 00:00:00-00:00", 0, true, false},
        {"1970-01-01", 0, false, true},
        {"1970-01-01T00:00", 0, false, false},
        {"1970-01-01T00:00Z", 0, true, false},
        {"1970-01-01 00:00:01", 1000000, false, false},
        {"1969-12-31T23:59:59.999999Z", -1, true, false},
        {"1970-01-01T00:00:00.5", 500000, false, false},
        {"1970-01-01T00:00:00.000001Z", 1, true, false},
        {"1970-01-01T05:30:00+05:30", 0, true, false},
        {"1970-01-01T05:30:00+0530", 0, true, false},
        {"1969-12-31T16:00:00-08", 0, true, false},
        {"1970-01-01T14:00+14:00", 0, true, false},
        {"1969-12-31T10:00-14:00", 0, true, false},
        {"2024-03-01T12:00:00Z", INT64_C(1709294400000000), true, false},
        {"2024-02-29", INT64_C(1709164800000000), false, true},
        {"2000-02-29", INT64_C(951782400000000), false, true},
        {"0001-01-01T00:00:00Z", LARDER_TIME_MIN, true, false},
        {"9999-12-31T23:59:59.999999Z", LARDER_TIME_MAX, true, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ldr_moment moment;
        const char *why = ldr_moment_parse(bytes_of(cases[i].text), &moment);

        ck_assert_msg(why == NULL, "%s: %s", cases[i].text, why);
        ck_assert_int_eq(moment.time, cases[i].time);
        ck_assert_int_eq(moment.zoned, cases[i].zoned);
        ck_assert_int_eq(moment.date_only, cases[i].date_only);
    }
}
END_TEST

START_TEST(finer_than_microseconds_is_floored)
{
    ldr_moment moment;

    ck_assert_ptr_null(ldr_moment_parse(
        bytes_of("1970-01-01T00:00:00.123456999999999Z"), &moment));
    ck_assert_int_eq(moment.time, 123456);
    ck_assert_ptr_null(
        ldr_moment_parse(bytes_of("1969-12-31T23:59:59.9999999Z"), &moment));
    ck_assert_int_eq(moment.time, -1);
    ck_assert_ptr_null(
        ldr_moment_parse(bytes_of("1969-12-31T23:59:59.0000009Z"), &moment));
    ck_assert_int_eq(moment.time, -1000000);
}
END_TEST

START_TEST(a_leap_second_rolls_into_the_next_day)
{
    static const char *const same[] = {"2016-12-31T23:59:60Z",
        "2016-12-31T23:59:60", "2016-12-31T18:59:60-05:00",
        "2017-01-01T05:29:60+05:30", "2017-01-01T00:00:00Z"};
    ldr_moment moment;

    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        ck_assert_ptr_null(ldr_moment_parse(bytes_of(same[i]), &moment));
        ck_assert_int_eq(moment.time, INT64_C(1483228800000000));
    }
    ck_assert_ptr_null(
        ldr_moment_parse(bytes_of("1968-12-31T23:59:60.25Z"), &moment));
    ck_assert_int_eq(moment.time, INT64_C(-31536000000000) + 250000);
    ck_assert_ptr_nonnull(
        ldr_moment_parse(bytes_of("2016-12-31T12:59:60Z"), &moment));
    ck_assert_ptr_nonnull(
        ldr_moment_parse(bytes_of("9999-12-31T23:59:60Z"), &moment));
}
END_TEST

START_TEST(a_refusal_says_what_is_wrong)
{
    static const char *const form =
        "its clock time is not like 12:00, 12:00:00 or 12:00:00.5";
    static const char *const date =
        "it does not begin with a date like 2024-03-01";
    static const char *const zone =
        "its zone is not 'Z' or an offset like +05:30";
    static const char *const years =
        "it lies outside of the years 0001 to 9999";
    const struct {
        const char *text, *why;
    } cases[] = {
        {"", "it is empty"},
        {"now", date},
        {"01/03/2024", date},
        {"20240301T12", date},
        {"2024-3-01T1", date},
        {"2024-03-1x", date},
        {"-024-03-01", date},
        {"0000-01-01", "the year is not 0001 to 9999"},
        {"2024-00-01", "the month is not 01 to 12"},
        {"2024-13-01", "the month is not 01 to 12"},
        {"2024-01-00", "the day is not 01 to 31"},
        {"2024-01-32", "the day is not 01 to 31"},
        {"2026-02-30", "there is no 30 February"},
        {"2024-02-31", "there is no 31 February"},
        {"2023-02-29", "there is no 29 February in that year"},
        {"1900-02-29", "there is no 29 February in that year"},
        {"2024-04-31", "there is no 31 April"},
        {"2024-06-31", "there is no 31 June"},
        {"2024-09-31", "there is no 31 September"},
        {"2024-11-31", "there is no 31 November"},
        {"2024-03-01Z", "its date is not followed by 'T' and a clock time"},
        {"2024-03-01T", form},
        {"2024-03-01T12", form},
        {"2024-03-01T1:00", form},
        {"2024-03-01T12:0", form},
        {"2024-03-01T12.00", form},
        {"2024-03-01T12:00:", form},
        {"2024-03-01T12:00:0", form},
        {"2024-03-01T12:00:0x", form},
        {"2024-03-01T12:00:00.", form},
        {"2024-03-01T12:00:00.Z", form},
        {"2024-03-01Tab:cd", form},
        {"2024-03-01T24:00", "the hour is not 00 to 23"},
        {"2024-03-01T12:60", "the minute is not 00 to 59"},
        {"2024-03-01T12:00:61", "the second is not 00 to 59"},
        {"2024-03-01T12:00:60",
            "there is a second 60 at the end of a UTC day only"},
        {"2024-03-01T12:00:00 ", zone},
        {"2024-03-01T12:00:00ZZ", zone},
        {"2024-03-01T12:00:00x", zone},
        {"2024-03-01T12:00:00+", zone},
        {"2024-03-01T12:00:00+5", zone},
        {"2024-03-01T12:00:00+5:30", zone},
        {"2024-03-01T12:00:00+ab", zone},
        {"2024-03-01T12:00:00+05:3x", zone},
        {"2024-03-01T12:00:00+05:30Z", zone},
        {"2024-03-01T12:00:00 UTC", zone},
        {"2024-03-01T12:00:00+05:60",
            "the minutes of its offset are not 00 to 59"},
        {"2024-03-01T12:00:00+14:01", "its offset is beyond 14:00"},
        {"2024-03-01T12:00:00-99:00", "its offset is beyond 14:00"},
        {"0001-01-01T00:00:00+00:01", years},
        {"9999-12-31T23:59:59-00:01", years},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ldr_moment moment = {.time = 42};
        const char *why = ldr_moment_parse(bytes_of(cases[i].text), &moment);

        ck_assert_msg(why != NULL, "%s", cases[i].text);
        ck_assert_str_eq(why, cases[i].why);
        ck_assert_int_eq(moment.time, 42);
    }
}
END_TEST

START_TEST(no_text_makes_the_reader_leave_it)
{
    static const char whole[] = "2024-03-01T12:00:00.123456+05:30";
    static const char odd[] = "0129:-+.TZ z\377";
    uint64_t random = 8;

    for (int i = 0; i < 100000; i++) {
        size_t size = support_below(&random, sizeof whole);
        char *text = malloc(size + 1); /* its own memory: the sanitizer sees */
        ldr_moment moment;

        memcpy(text, whole, size);
        for (size_t n = support_below(&random, 3); n > 0 && size > 0; n--)
            text[support_below(&random, size)] =
                odd[support_below(&random, sizeof odd - 1)];
        text = realloc(text, size > 0 ? size : 1);
        if (ldr_moment_parse((larder_bytes){text, size}, &moment) == NULL &&
            (moment.time < LARDER_TIME_MIN || moment.time > LARDER_TIME_MAX))
            ck_abort_msg("%.*s", (int)size, text);
        free(text);
    }
}
END_TEST

/* ------------------------------------------------------------ the calendar */

START_TEST(every_day_of_every_year_comes_back)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    larder_time expected = LARDER_TIME_MIN;

    for (int year = 1; year <= 9999; year++)
        for (int month = 1; month <= 12; month++) {
            bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
            int n_days = days[month - 1] + (month == 2 && leap);

            for (int day = 1; day <= n_days; day++) {
                larder_time time, back;
                char text[33];
                size_t n;

                if (!ldr_time_civil(year, month, day, &time) ||
                    time != expected)
                    ck_abort_msg("%04d-%02d-%02d", year, month, day);
                n = larder_time_print(time + LDR_DAY - 1, text);
                if (larder_time_parse(
                        (larder_bytes){text, n}, 0, &back, NULL) != LARDER_OK ||
                    back != time + LDR_DAY - 1)
                    ck_abort_msg("%04d-%02d-%02d %s", year, month, day, text);
                expected += LDR_DAY;
            }
            if (ldr_time_civil(year, month, n_days + 1, &expected))
                ck_abort_msg("%04d-%02d-%02d", year, month, n_days + 1);
        }
    ck_assert_int_eq(expected, LARDER_TIME_MAX + 1);
}
END_TEST

START_TEST(there_are_no_other_days)
{
    larder_time time = 42;

    ck_assert(!ldr_time_civil(0, 1, 1, &time));
    ck_assert(!ldr_time_civil(-1, 1, 1, &time));
    ck_assert(!ldr_time_civil(10000, 1, 1, &time));
    ck_assert(!ldr_time_civil(2024, 0, 1, &time));
    ck_assert(!ldr_time_civil(2024, 13, 1, &time));
    ck_assert(!ldr_time_civil(2024, 1, 0, &time));
    ck_assert(!ldr_time_civil(2023, 2, 29, &time));
    ck_assert_int_eq(time, 42);
}
END_TEST

START_TEST(moments_are_written_as_these)
{
    static const struct {
        larder_time time;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {1, "1970-01-01T00:00:00.000001Z"},
        {500000, "1970-01-01T00:00:00.500Z"},
        {1000, "1970-01-01T00:00:00.001Z"},
        {123456, "1970-01-01T00:00:00.123456Z"},
        {123450, "1970-01-01T00:00:00.123450Z"},
        {INT64_C(1709294400000000), "2024-03-01T12:00:00Z"},
        {LARDER_TIME_MIN, "0001-01-01T00:00:00Z"},
        {LARDER_TIME_MAX, "9999-12-31T23:59:59.999999Z"},
        {LARDER_TIME_MIN - 1, "0000-12-31T23:59:59.999999Z"},
        {LARDER_TIME_MAX + 1, "+10000-01-01T00:00:00Z"},
        {INT64_MIN, "-290308-12-21T19:59:05.224192Z"},
        {INT64_MAX, "+294247-01-10T04:00:54.775807Z"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[33];
        size_t n = larder_time_print(cases[i].time, text);

        ck_assert_str_eq(text, cases[i].text);
        ck_assert_uint_eq(n, strlen(text));
    }
}
END_TEST

START_TEST(any_moment_comes_back_from_its_text)
{
    uint64_t random = 9;

    for (int i = 0; i < 200000; i++) {
        uint64_t range = (uint64_t)(LARDER_TIME_MAX - LARDER_TIME_MIN) + 1;
        larder_time time =
            (larder_time)(support_random(&random) % range) + LARDER_TIME_MIN;
        larder_time back = 0;
        char text[33];
        size_t n;

        if (i % 3 == 0)
            time -= time % 1000;
        n = larder_time_print(time, text);
        if (larder_time_parse((larder_bytes){text, n}, 0, &back, NULL) !=
                LARDER_OK ||
            back != time)
            ck_abort_msg("%s", text);
    }
}
END_TEST

START_TEST(a_naive_time_needs_a_zone)
{
    larder_error err = {0};
    larder_time time = 42;

    ck_assert_int_eq(larder_time_parse(bytes_of("2024-01-01T00:00:00"),
                         LARDER_NAIVE_REFUSED, &time, &err),
        LARDER_INVALID);
    ck_assert_str_eq(err.message,
        "time '2024-01-01T00:00:00' has no zone: write 'Z' or an offset, or "
        "declare timezone");
    ck_assert_int_eq(time, 42);
    ck_assert_int_eq(larder_time_parse(bytes_of("2024-01-01"),
                         LARDER_NAIVE_REFUSED, &time, NULL),
        LARDER_INVALID);
    ck_assert_int_eq(
        larder_time_parse(bytes_of("1970-01-01T02:00"), 120, &time, &err),
        LARDER_OK);
    ck_assert_int_eq(time, 0);
    ck_assert_int_eq(
        larder_time_parse(bytes_of("1970-01-01"), -60, &time, &err), LARDER_OK);
    ck_assert_int_eq(time, 3600 * LDR_SECOND);
    ck_assert_int_eq(
        larder_time_parse(bytes_of("1970-01-01T00:00Z"), 120, &time, &err),
        LARDER_OK);
    ck_assert_int_eq(time, 0); /* what the text says goes first */
}
END_TEST

START_TEST(a_bad_time_is_quoted_with_the_reason)
{
    larder_error err = {0};
    larder_time time = 42;

    ck_assert_int_eq(larder_time_parse(bytes_of("2026-02-30"), 0, &time, &err),
        LARDER_INVALID);
    ck_assert_str_eq(err.message, "time '2026-02-30': there is no 30 February");
    ck_assert_int_eq(larder_time_parse(bytes_of("0001-01-01"), 1, &time, &err),
        LARDER_INVALID);
    ck_assert_str_eq(err.message,
        "time '0001-01-01': it lies outside of the years 0001 to 9999");
    ck_assert_int_eq(larder_time_parse((larder_bytes){NULL, 0}, 0, &time, &err),
        LARDER_INVALID);
    ck_assert_str_eq(err.message, "time '': it is empty");
    ck_assert_int_eq(
        larder_time_parse(
            bytes_of("a text that goes on and on and on, to no end at all"), 0,
            &time, &err),
        LARDER_INVALID);
    ck_assert_str_eq(err.message,
        "time 'a text that goes on and on and on, to no...': it does not begin "
        "with a date like 2024-03-01");
    ck_assert_int_eq(time, 42);
}
END_TEST

/* -------------------------------------------------------------- durations */

START_TEST(durations_have_these_spellings)
{
    static const struct {
        const char *text;
        int64_t us;
        const char *canonical;
    } cases[] = {
        {"90s", 90 * LDR_SECOND, "1m30s"},
        {"15m", 900 * LDR_SECOND, "15m"},
        {"12h", LDR_DAY / 2, "12h"},
        {"7d", 7 * LDR_DAY, "7d"},
        {"2w", 14 * LDR_DAY, "14d"},
        {"168h", 7 * LDR_DAY, "7d"},
        {"1h30m", 5400 * LDR_SECOND, "1h30m"},
        {"1w2d3h4m5s6ms7us", 9 * LDR_DAY + 11045 * LDR_SECOND + 6007,
            "9d3h4m5s6ms7us"},
        {"1us", 1, "1us"},
        {"1500ms", 1500000, "1s500ms"},
        {"0d1s", LDR_SECOND, "1s"},
        {"0000000000000000000000001s", LDR_SECOND, "1s"},
        {"3652059d", INT64_C(3652059) * LDR_DAY, "3652059d"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        larder_error err = {0};
        int64_t us = 0;
        char text[40];

        ck_assert_msg(ldr_duration_parse(cases[i].text, &us, &err) == LARDER_OK,
            "%s", err.message);
        ck_assert_int_eq(us, cases[i].us);
        ck_assert_uint_eq(
            ldr_duration_print(us, text), strlen(cases[i].canonical));
        ck_assert_str_eq(text, cases[i].canonical);
    }
}
END_TEST

START_TEST(what_is_no_duration_is_refused_by_name)
{
    static const char *const cases[] = {"", "5", "5y", "s", "5 d", " 5d", "5d ",
        "-5d", "+5d", "5D", "1.5h", "1h1h", "30m1h", "1d1w", "5dd", "5d3",
        "1mo", "5\xc2\xb5s"};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        larder_error err = {0};
        int64_t us = 42;

        ck_assert_msg(ldr_duration_parse(cases[i], &us, &err) == LARDER_INVALID,
            "%s", cases[i]);
        ck_assert_ptr_nonnull(strstr(err.message, "is not numbers with units"));
        ck_assert_uint_gt(strlen(err.hint), 0);
        ck_assert_int_eq(us, 42);
    }
}
END_TEST

START_TEST(a_duration_is_more_than_zero_and_at_most_9999_years)
{
    static const char *const long_ones[] = {"3652060d", "3652059d1us",
        "9223372036854775807us", "99999999999999999999999999999d", "521722w6d",
        "1w99999999999999999999s"};
    larder_error err = {0};
    int64_t us = 42;

    ck_assert_int_eq(ldr_duration_parse("0d0s", &us, &err), LARDER_INVALID);
    ck_assert_str_eq(
        err.message, "duration '0d0s' is zero: it must be at least 1us");
    for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++) {
        ck_assert_int_eq(
            ldr_duration_parse(long_ones[i], &us, &err), LARDER_INVALID);
        ck_assert_ptr_nonnull(strstr(err.message, "is more than 9999 years"));
    }
    ck_assert_int_eq(us, 42);
}
END_TEST

START_TEST(any_duration_comes_back_from_its_text)
{
    uint64_t random = 10;
    char text[40];

    for (int i = 0; i < 50000; i++) {
        uint64_t limit = (uint64_t)(LARDER_TIME_MAX - LARDER_TIME_MIN) + 1;
        int64_t us = (int64_t)((support_random(&random) >> i % 64) % limit + 1);
        int64_t back = 0;
        size_t n = ldr_duration_print(us, text);

        if (n != strlen(text) ||
            ldr_duration_parse(text, &back, NULL) != LARDER_OK || back != us)
            ck_abort_msg("%lld is written %s", (long long)us, text);
    }
    ldr_duration_print(0, text);
    ck_assert_str_eq(text, "0s");
    ldr_duration_print(-90 * LDR_SECOND, text);
    ck_assert_str_eq(text, "-1m30s");
    ldr_duration_print(INT64_MIN, text);
    ck_assert_str_eq(text, "-106751991d4h54s775ms808us");
}
END_TEST

/* ---------------------------------------------------- offsets, saturation */

START_TEST(offsets_have_these_spellings)
{
    static const struct {
        const char *text;
        int32_t minutes;
    } cases[] = {{"UTC", 0}, {"Z", 0}, {"z", 0}, {"+00:00", 0}, {"+05:30", 330},
        {"-08:00", -480}, {"+0930", 570}, {"-03", -180}, {"+14:00", 840},
        {"-14:00", -840}};
    static const char *const wrong[] = {"", "utc0", "05:30", "+5:30", "+14:01",
        "+05:60", "Europe/Paris", "UTC+1", "+", "+1"};
    larder_error err = {0};
    int32_t minutes = 42;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(
            ldr_offset_parse(wrong[i], &minutes, &err), LARDER_INVALID);
        ck_assert_int_eq(minutes, 42);
        ck_assert_uint_gt(strlen(err.hint), 0);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(
            ldr_offset_parse(cases[i].text, &minutes, &err), LARDER_OK);
        ck_assert_int_eq(minutes, cases[i].minutes);
    }
    ldr_offset_parse("Mars", &minutes, &err);
    ck_assert_str_eq(err.message,
        "timezone 'Mars' is neither UTC nor an offset like +05:30, up to "
        "14:00");
}
END_TEST

START_TEST(sums_stay_within_the_years_there_are)
{
    ck_assert_int_eq(ldr_time_minus(100, 40), 60);
    ck_assert_int_eq(ldr_time_plus(100, 40), 140);
    ck_assert_int_eq(ldr_time_minus(0, INT64_MAX), LARDER_TIME_MIN);
    ck_assert_int_eq(ldr_time_plus(0, INT64_MAX), LARDER_TIME_MAX);
    ck_assert_int_eq(
        ldr_time_minus(LARDER_TIME_MIN, INT64_MAX), LARDER_TIME_MIN);
    ck_assert_int_eq(
        ldr_time_plus(LARDER_TIME_MAX, INT64_MAX), LARDER_TIME_MAX);
    ck_assert_int_eq(ldr_time_minus(LARDER_TIME_MIN + 5, 5), LARDER_TIME_MIN);
    ck_assert_int_eq(ldr_time_minus(LARDER_TIME_MIN + 5, 6), LARDER_TIME_MIN);
    ck_assert_int_eq(ldr_time_minus(INT64_MAX, -1), LARDER_TIME_MAX);
    ck_assert_int_eq(ldr_time_plus(INT64_MIN, -1), LARDER_TIME_MIN);
    ck_assert_int_eq(ldr_time_minus(INT64_MIN, 1), LARDER_TIME_MIN);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("time");
    TCase *tests = tcase_create("time");

    tcase_add_test(tests, moments_have_these_spellings);
    tcase_add_test(tests, finer_than_microseconds_is_floored);
    tcase_add_test(tests, a_leap_second_rolls_into_the_next_day);
    tcase_add_test(tests, a_refusal_says_what_is_wrong);
    tcase_add_test(tests, no_text_makes_the_reader_leave_it);
    tcase_add_test(tests, every_day_of_every_year_comes_back);
    tcase_add_test(tests, there_are_no_other_days);
    tcase_add_test(tests, moments_are_written_as_these);
    tcase_add_test(tests, any_moment_comes_back_from_its_text);
    tcase_add_test(tests, a_naive_time_needs_a_zone);
    tcase_add_test(tests, a_bad_time_is_quoted_with_the_reason);
    tcase_add_test(tests, durations_have_these_spellings);
    tcase_add_test(tests, what_is_no_duration_is_refused_by_name);
    tcase_add_test(tests, a_duration_is_more_than_zero_and_at_most_9999_years);
    tcase_add_test(tests, any_duration_comes_back_from_its_text);
    tcase_add_test(tests, offsets_have_these_spellings);
    tcase_add_test(tests, sums_stay_within_the_years_there_are);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
