/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_window.c - aggregates over windows: each written rule, one at a time.
 *
 * oracle_window.c tries them on random events.
 */
#include "data/batch.h"
#include "engine/window.h"
#include "tests/support.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define MOST 64u

enum { AT, NUMBER, REAL, SINGLE, TEXT, KEEP, COLUMNS };

static const larder_field fields[COLUMNS] = {{"at", LARDER_TIMESTAMP},
    {"number", LARDER_INT64}, {"real", LARDER_FLOAT64},
    {"single", LARDER_FLOAT32}, {"text", LARDER_STRING}, {"keep", LARDER_BOOL}};
static const larder_schema schema = {fields, COLUMNS};

static larder_batch batch;
static larder_column answers[MOST];

static void
must(larder_status rc, const larder_error *err)
{
    if (rc != LARDER_OK)
        ck_abort_msg("%s: %s", larder_status_name(rc), err->message);
}

static void
set_up(void)
{
    larder_error err = {0};

    must(larder_batch_init(&batch, &schema, &err), &err);
}

static void
tear_down(void)
{
    larder_batch_release(&batch);
    for (size_t i = 0; i < MOST; i++)
        ldr_column_release(&answers[i]);
}

/* ---------------------------------------------------------------- words */

static void
append(size_t column, larder_value value)
{
    larder_error err = {0};

    value.type = fields[column].type;
    must(larder_column_append(&batch.columns[column], &value, &err), &err);
}

/* An event whose number, real and single are alike; text NULL: null. */
static void
event(larder_time at, int64_t number, const char *text)
{
    append(AT, (larder_value){.as.integer = at});
    append(NUMBER, (larder_value){.as.integer = number});
    append(REAL, (larder_value){.as.real = (double)number});
    append(SINGLE, (larder_value){.as.real = (double)(float)number});
    append(TEXT, text == NULL
                     ? (larder_value){.null = true}
                     : (larder_value){.as.text = {text, strlen(text)}});
    append(KEEP, (larder_value){.as.boolean = number % 2 == 0});
    ldr_batch_finish(&batch);
}

/* An event of a real alone. */
static void
real_event(larder_time at, double real)
{
    append(AT, (larder_value){.as.integer = at});
    append(REAL, (larder_value){.as.real = real});
    append(SINGLE, (larder_value){.as.real = real});
    append(NUMBER, (larder_value){.null = true});
    append(TEXT, (larder_value){.null = true});
    append(KEEP, (larder_value){.null = true});
    ldr_batch_finish(&batch);
}

static larder_status
run(const ldr_window *windows, size_t n, const larder_time *times,
    size_t n_times, larder_error *err)
{
    ldr_events events = {&batch, 0, batch.n_rows, AT};
    larder_column *out[MOST];
    ldr_windows *prepared;
    larder_status rc;

    for (size_t i = 0; i < n; i++) {
        ldr_column_release(&answers[i]);
        must(ldr_column_init(&answers[i], windows[i].type, err), err);
        out[i] = &answers[i];
    }
    must(ldr_windows_new(windows, n, &prepared, err), err);
    rc = ldr_windows_run(prepared, &events, times, n_times, out, err);
    ldr_windows_free(prepared);
    return rc;
}

/* One answer, at one moment. */
static larder_value
ask(ldr_window window, larder_time at)
{
    larder_error err = {0};

    must(run(&window, 1, &at, 1, &err), &err);
    ck_assert_uint_eq(answers[0].n_rows, 1);
    return larder_column_value(&answers[0], 0);
}

static ldr_window
window_of(ldr_aggregate aggregate, size_t column, int64_t span)
{
    ldr_window window = {.aggregate = aggregate,
        .column = column,
        .filter = LDR_NO_COLUMN,
        .window_us = span,
        .name = "f",
        .type = LARDER_INT64};

    if (column != LDR_NO_COLUMN && aggregate != LDR_AGGREGATE_COUNT &&
        aggregate != LDR_AGGREGATE_COUNT_DISTINCT)
        window.type = fields[column].type;
    if (aggregate == LDR_AGGREGATE_MEAN || aggregate == LDR_AGGREGATE_STDDEV)
        window.type = LARDER_FLOAT64;
    return window;
}

static void
expect_integer(larder_value found, int64_t expected)
{
    ck_assert(!found.null);
    ck_assert_int_eq(found.as.integer, expected);
}

static void
expect_real(larder_value found, double expected)
{
    ck_assert(!found.null);
    if (memcmp(&found.as.real, &expected, sizeof expected) != 0)
        ck_abort_msg("%a, expected %a", found.as.real, expected);
}

static void
expect_text(larder_value found, const char *expected)
{
    ck_assert(!found.null);
    ck_assert_uint_eq(found.as.text.size, strlen(expected));
    ck_assert_mem_eq(found.as.text.data, expected, strlen(expected));
}

/* ---------------------------------------------------------------- when */

START_TEST(an_event_at_the_moment_is_inside_and_one_a_window_older_is_not)
{
    ldr_window count = window_of(LDR_AGGREGATE_COUNT, LDR_NO_COLUMN, 10);

    event(100, 1, NULL);
    ck_assert(ask(count, 99).null);
    expect_integer(ask(count, 100), 1);
    expect_integer(ask(count, 109), 1);
    expect_integer(ask(count, 110), 0);
    count.offset_us = 5;
    expect_integer(ask(count, 104), 0);
    expect_integer(ask(count, 105), 1);
    expect_integer(ask(count, 114), 1);
    expect_integer(ask(count, 115), 0);
}
END_TEST

START_TEST(without_an_event_so_far_all_is_null_and_with_one_counts_are_zero)
{
    event(100, 1, "a");
    for (unsigned a = LDR_AGGREGATE_COUNT; a <= LDR_AGGREGATE_COUNT_DISTINCT;
         a++) {
        ldr_window window = window_of((ldr_aggregate)a, NUMBER, 10);
        bool counts =
            a == LDR_AGGREGATE_COUNT || a == LDR_AGGREGATE_COUNT_DISTINCT;

        ck_assert(ask(window, 50).null);
        ck_assert(!ask(window, 100).null);
        if (counts)
            expect_integer(ask(window, 500), 0);
        else
            ck_assert(ask(window, 500).null);
    }
    larder_batch_clear(&batch);
    ck_assert(ask(window_of(LDR_AGGREGATE_COUNT, LDR_NO_COLUMN, 10), 500).null);
}
END_TEST

START_TEST(existence_regards_neither_filter_nor_offset_nor_nulls)
{
    ldr_window count = window_of(LDR_AGGREGATE_COUNT, TEXT, 10);

    event(100, 1, NULL);
    expect_integer(ask(count, 100), 0);
    count.filter = KEEP;
    expect_integer(ask(count, 100), 0);
    count.offset_us = 1000;
    expect_integer(ask(count, 100), 0);
    ck_assert(ask(count, 99).null);
}
END_TEST

START_TEST(windows_reach_beyond_the_ends_of_time)
{
    ldr_window count = window_of(LDR_AGGREGATE_COUNT, LDR_NO_COLUMN, INT64_MAX);

    event(LARDER_TIME_MIN, 1, NULL);
    event(LARDER_TIME_MAX, 2, NULL);
    expect_integer(ask(count, LARDER_TIME_MIN), 1);
    expect_integer(ask(count, LARDER_TIME_MAX), 2);
    count.offset_us = INT64_MAX;
    expect_integer(ask(count, LARDER_TIME_MAX), 0);
    count.window_us = 1;
    count.offset_us = LARDER_TIME_MAX - LARDER_TIME_MIN;
    expect_integer(ask(count, LARDER_TIME_MAX), 1);
}
END_TEST

START_TEST(the_span_is_the_longest_window_and_offset_together)
{
    ldr_window windows[3] = {{.window_us = 7, .offset_us = 5},
        {.window_us = 10}, {.window_us = 1, .offset_us = 10}};

    ck_assert_int_eq(ldr_windows_span(windows, 3), 12);
    ck_assert_int_eq(ldr_windows_span(windows + 1, 1), 10);
    ck_assert_int_eq(ldr_windows_span(windows, 0), 0);
    windows[1].window_us = INT64_MAX;
    windows[1].offset_us = INT64_MAX;
    ck_assert_int_eq(ldr_windows_span(windows, 3), INT64_MAX);
}
END_TEST

/* ---------------------------------------------------------------- what */

START_TEST(each_aggregate_of_a_plain_window)
{
    static const int64_t numbers[] = {2, 4, 4, 4, 5, 5, 7, 9};

    event(0, 1000, "old");
    for (size_t i = 0; i < 8; i++)
        event(100 + (int64_t)i, numbers[i], i % 2 == 0 ? "even" : "odd");
    expect_integer(ask(window_of(LDR_AGGREGATE_COUNT, NUMBER, 50), 110), 8);
    expect_integer(ask(window_of(LDR_AGGREGATE_SUM, NUMBER, 50), 110), 40);
    expect_real(ask(window_of(LDR_AGGREGATE_SUM, REAL, 50), 110), 40.0);
    expect_real(ask(window_of(LDR_AGGREGATE_MEAN, NUMBER, 50), 110), 5.0);
    expect_real(ask(window_of(LDR_AGGREGATE_STDDEV, NUMBER, 50), 110), 2.0);
    expect_real(ask(window_of(LDR_AGGREGATE_STDDEV, SINGLE, 50), 110), 2.0);
    expect_integer(ask(window_of(LDR_AGGREGATE_MIN, NUMBER, 50), 110), 2);
    expect_integer(ask(window_of(LDR_AGGREGATE_MAX, NUMBER, 50), 110), 9);
    expect_integer(ask(window_of(LDR_AGGREGATE_FIRST, NUMBER, 50), 110), 2);
    expect_integer(ask(window_of(LDR_AGGREGATE_LAST, NUMBER, 50), 110), 9);
    expect_integer(
        ask(window_of(LDR_AGGREGATE_COUNT_DISTINCT, NUMBER, 50), 110), 5);
    expect_integer(
        ask(window_of(LDR_AGGREGATE_COUNT_DISTINCT, TEXT, 50), 110), 2);
    expect_text(ask(window_of(LDR_AGGREGATE_MAX, TEXT, 50), 110), "odd");
    expect_text(ask(window_of(LDR_AGGREGATE_MIN, TEXT, 500), 110), "even");
}
END_TEST

START_TEST(nulls_and_what_a_filter_leaves_out_do_not_count)
{
    ldr_window last = window_of(LDR_AGGREGATE_LAST, TEXT, 50);
    ldr_window count = window_of(LDR_AGGREGATE_COUNT, LDR_NO_COLUMN, 50);

    event(1, 2, "a");
    event(2, 3, "b");
    event(3, 4, NULL);
    real_event(4, 1.0); /* keep is null */
    expect_text(ask(last, 5), "b");
    expect_integer(ask(count, 5), 4);
    last.filter = count.filter = KEEP;
    expect_text(ask(last, 5), "a");
    expect_integer(ask(count, 5), 2);
}
END_TEST

START_TEST(of_equal_times_the_later_event_is_the_last)
{
    event(7, 1, "a");
    event(7, 2, "b");
    expect_text(ask(window_of(LDR_AGGREGATE_FIRST, TEXT, 1), 7), "a");
    expect_text(ask(window_of(LDR_AGGREGATE_LAST, TEXT, 1), 7), "b");
}
END_TEST

START_TEST(a_nan_in_the_window_makes_least_and_greatest_nan_until_it_leaves)
{
    ldr_window windows[2] = {window_of(LDR_AGGREGATE_MIN, REAL, 10),
        window_of(LDR_AGGREGATE_MAX, REAL, 10)};
    static const larder_time times[] = {10, 15, 19, 20};
    larder_error err = {0};

    real_event(5, -(double)INFINITY);
    real_event(10, -(double)NAN);
    real_event(15, 3.0);
    must(run(windows, 2, times, 4, &err), &err);
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 3; j++)
            expect_real(larder_column_value(&answers[i], j), (double)NAN);
        expect_real(larder_column_value(&answers[i], 3), 3.0);
    }
}
END_TEST

START_TEST(minus_zero_is_less_than_zero_and_counts_as_the_same_value)
{
    real_event(1, 0.0);
    real_event(2, -0.0);
    real_event(3, 0.0);
    real_event(4, (double)NAN);
    real_event(5, -(double)NAN);
    expect_real(ask(window_of(LDR_AGGREGATE_MIN, REAL, 9), 3), -0.0);
    expect_real(ask(window_of(LDR_AGGREGATE_MAX, REAL, 9), 3), 0.0);
    expect_real(ask(window_of(LDR_AGGREGATE_SUM, REAL, 1), 2), 0.0);
    expect_integer(ask(window_of(LDR_AGGREGATE_COUNT_DISTINCT, REAL, 9), 5), 2);
}
END_TEST

START_TEST(sums_are_exact_however_far_apart_their_numbers_are)
{
    ldr_window sum = window_of(LDR_AGGREGATE_SUM, REAL, 100);

    real_event(1, 1e100);
    real_event(2, 1.0);
    real_event(3, -1e100);
    real_event(4, DBL_MAX);
    real_event(5, DBL_MAX);
    expect_real(ask(sum, 3), 1.0);
    expect_real(ask(sum, 5), (double)INFINITY);
    sum.window_us = 4;
    expect_real(ask(sum, 4), DBL_MAX);
    expect_real(ask(window_of(LDR_AGGREGATE_MEAN, REAL, 2), 5), DBL_MAX);
}
END_TEST

START_TEST(an_answer_in_float32_is_the_one_in_float64_rounded)
{
    ldr_window sum = window_of(LDR_AGGREGATE_SUM, SINGLE, 100);

    real_event(1, 16777216.0);
    real_event(2, 1.0);
    expect_real(ask(sum, 2), 16777216.0);
    real_event(3, 1.0);
    expect_real(ask(sum, 3), 16777218.0);
    sum.type = LARDER_FLOAT64;
    expect_real(ask(sum, 2), 16777217.0);
}
END_TEST

/* ----------------------------------------------------------------- limits */

START_TEST(an_integer_sum_that_does_not_fit_names_its_feature)
{
    ldr_window sum = window_of(LDR_AGGREGATE_SUM, NUMBER, 10);
    larder_time at = 2;
    larder_error err = {0};

    sum.name = "clicks_7d";
    event(1, INT64_MAX, NULL);
    event(2, 1, NULL);
    event(3, -5, NULL);
    ck_assert_int_eq(run(&sum, 1, &at, 1, &err), LARDER_INVALID);
    ck_assert_str_eq(err.message,
        "feature 'clicks_7d': the sum of its window at "
        "1970-01-01T00:00:00.000002Z does not fit int64");
    ck_assert_str_eq(err.hint, "declare it float64");
    expect_integer(ask(sum, 3), INT64_MAX - 4); /* only the end is judged */
    sum.type = LARDER_FLOAT64;
    expect_real(ask(sum, 2), 0x1p63);
    sum.type = LARDER_INT32;
    at = 3;
    err = (larder_error){0};
    ck_assert_int_eq(run(&sum, 1, &at, 1, &err), LARDER_INVALID);
    ck_assert_str_eq(err.hint, "declare it float64 or int64");
}
END_TEST

/* Every feature of the same events, one run after the other. */
START_TEST(many_windows_of_many_keys_share_their_memory)
{
    static const int64_t spans[] = {1, 3, 10, 1000};
    ldr_window windows[4 * 4];
    ldr_windows *prepared;
    larder_column *out[16];
    larder_error err = {0};
    larder_time times[200];

    for (size_t i = 0; i < 16; i++) {
        static const ldr_aggregate kinds[] = {LDR_AGGREGATE_COUNT,
            LDR_AGGREGATE_SUM, LDR_AGGREGATE_MAX, LDR_AGGREGATE_COUNT_DISTINCT};

        windows[i] = window_of(kinds[i / 4], NUMBER, spans[i % 4]);
        must(ldr_column_init(&answers[i], windows[i].type, &err), &err);
        out[i] = &answers[i];
    }
    for (int64_t i = 0; i < 200; i++) {
        event(i, i, NULL); /* key of rows [n * (n - 1) / 2, ...): n of them */
        times[i] = i;
    }
    must(ldr_windows_new(windows, 16, &prepared, &err), &err);
    for (size_t n = 0, begin = 0; begin + n <= 200; begin += n, n++) {
        ldr_events events = {&batch, begin, begin + n, AT};

        must(ldr_windows_run(prepared, &events, times + begin, n, out, &err),
            &err);
    }
    ldr_windows_free(prepared);
    for (size_t n = 0, begin = 0; begin + n <= 200; begin += n, n++)
        for (size_t row = begin; row < begin + n; row++)
            for (size_t i = 0; i < 4; i++) {
                int64_t last = (int64_t)row, held = last - (int64_t)begin + 1;
                int64_t most = held < spans[i] ? held : spans[i];

                expect_integer(larder_column_value(&answers[i], row), most);
                expect_integer(larder_column_value(&answers[4 + i], row),
                    most * last - most * (most - 1) / 2);
                expect_integer(larder_column_value(&answers[8 + i], row), last);
                expect_integer(
                    larder_column_value(&answers[12 + i], row), most);
            }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("window");
    TCase *tests = tcase_create("window");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(
        tests, an_event_at_the_moment_is_inside_and_one_a_window_older_is_not);
    tcase_add_test(tests,
        without_an_event_so_far_all_is_null_and_with_one_counts_are_zero);
    tcase_add_test(
        tests, existence_regards_neither_filter_nor_offset_nor_nulls);
    tcase_add_test(tests, windows_reach_beyond_the_ends_of_time);
    tcase_add_test(tests, the_span_is_the_longest_window_and_offset_together);
    tcase_add_test(tests, each_aggregate_of_a_plain_window);
    tcase_add_test(tests, nulls_and_what_a_filter_leaves_out_do_not_count);
    tcase_add_test(tests, of_equal_times_the_later_event_is_the_last);
    tcase_add_test(tests,
        a_nan_in_the_window_makes_least_and_greatest_nan_until_it_leaves);
    tcase_add_test(
        tests, minus_zero_is_less_than_zero_and_counts_as_the_same_value);
    tcase_add_test(tests, sums_are_exact_however_far_apart_their_numbers_are);
    tcase_add_test(tests, an_answer_in_float32_is_the_one_in_float64_rounded);
    tcase_add_test(tests, an_integer_sum_that_does_not_fit_names_its_feature);
    tcase_add_test(tests, many_windows_of_many_keys_share_their_memory);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
