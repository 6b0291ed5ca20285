/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_contract.c - what features promise of their values: which values break
 * it, how often, and which was first.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/schema.h"
#include "engine/contract.h"
#include "larder_backend.h"
#include "tests/rows.h"
#include "tests/support.h"
#include "tests/told.h"

/* Batches are of a key, a time and one value. */
static larder_field columns[] = {
    {"id", LARDER_INT64}, {"ts", LARDER_TIMESTAMP}, {"v", LARDER_INT64}};
static const larder_schema schema = {columns, 3};
static const char *const key_names[] = {"id"};
static const size_t keys[] = {0};
static const size_t features[] = {2, 2};
static const ldr_contract_places places = {.key_names = key_names,
    .keys = keys,
    .n_keys = 1,
    .event = 1,
    .features = features};

static ldr_arena arena;
static larder_batch batch;
static ldr_contract contract;
static ldr_breaches breaches;

static void
end(void)
{
    ldr_breaches_release(&breaches);
    larder_batch_release(&batch);
    ldr_arena_free(&arena);
    arena = (ldr_arena){0};
}

/* A feature 'f' of view 'w' from column 'v', of the column's type. */
static void
promise(ldr_feature feature)
{
    ldr_view view = {
        .about = {.name = "w"}, .features = &feature, .n_features = 1};

    feature.name = "f";
    feature.from = "v";
    if (feature.type == 0)
        feature.type = columns[2].type;
    ck_assert_int_eq(
        ldr_contract_of_view(&view, &places, &arena, &contract, NULL),
        LARDER_OK);
    ck_assert_int_eq(ldr_breaches_init(&breaches, &contract, NULL), LARDER_OK);
}

static void
of_type(larder_type type)
{
    columns[2].type = type;
    ck_assert_int_eq(larder_batch_init(&batch, &schema, NULL), LARDER_OK);
}

/* A row: id is its number from 1, ts as many seconds, "-" no value. */
static void
row(const char *value)
{
    int64_t id = (int64_t)batch.n_rows + 1;
    larder_bytes text = {value, strlen(value)};

    ck_assert_int_eq(
        larder_column_append_integer(&batch.columns[0], id, NULL), LARDER_OK);
    ck_assert_int_eq(larder_column_append_integer(
                         &batch.columns[1], id * INT64_C(1000000), NULL),
        LARDER_OK);
    if (strcmp(value, "-") == 0)
        ck_assert_int_eq(
            larder_column_append_null(&batch.columns[2], NULL), LARDER_OK);
    else
        ck_assert_int_eq(
            larder_value_parse(&batch.columns[2], text, 0, NULL), LARDER_OK);
    batch.n_rows++;
}

/* Words apart by blanks, a row each. */
static void
rows(const char *values)
{
    char *copy = strdup(values), *rest = copy, *word;

    ck_assert_ptr_nonnull(copy);
    while ((word = strtok_r(rest, " ", &rest)) != NULL)
        row(word);
    free(copy);
}

static void
judge(void)
{
    ldr_contract_judge(&contract, &batch, 0, batch.n_rows, 1, &breaches);
}

/* "rule count first" of each broken clause, a line each. */
static void
expect(const char *wanted)
{
    larder_violation *list = NULL;
    size_t n = 42;
    char text[1024] = "";

    ck_assert_int_eq(
        ldr_contract_report(&contract, &breaches, &list, &n, NULL), LARDER_OK);
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(text);

        ck_assert_str_eq(list[i].view, "w");
        ck_assert_str_eq(list[i].feature, "f");
        snprintf(text + size, sizeof text - size, "%s%s %llu %s",
            i == 0 ? "" : "\n", list[i].rule, (unsigned long long)list[i].count,
            list[i].first);
    }
    free(list);
    ck_assert_str_eq(text, wanted);
}

/* ------------------------------------------------------------------- ranges */

#define RANGE(low, high)                                                       \
    (ldr_feature)                                                              \
    {                                                                          \
        .nullable = true, .has_range = true, .range_low = (low),               \
        .range_high = (high)                                                   \
    }

START_TEST(both_ends_of_a_range_are_inside)
{
    static const larder_type types[] = {
        LARDER_INT32, LARDER_INT64, LARDER_FLOAT32, LARDER_FLOAT64};

    of_type(types[_i]);
    promise(RANGE(-3, 7));
    rows("-3 7 0 -4 8 -4");
    judge();
    expect(_i < 2 ? "range 3 id=4 at 1970-01-01T00:00:04Z: -4"
                  : "range 3 id=4 at 1970-01-01T00:00:04Z: -4.0");
}
END_TEST

START_TEST(nan_is_outside_any_range)
{
    of_type(_i == 0 ? LARDER_FLOAT32 : LARDER_FLOAT64);
    promise(RANGE(-HUGE_VAL, HUGE_VAL));
    rows("0 inf -inf NaN 1");
    judge();
    expect("range 1 id=4 at 1970-01-01T00:00:04Z: NaN");
}
END_TEST

START_TEST(integers_are_compared_without_rounding)
{
    of_type(LARDER_INT64);
    promise(RANGE(0.5, 9007199254740992.0)); /* 2^53 */
    rows("1 9007199254740992 9007199254740993 0");
    judge();
    expect("range 2 id=3 at 1970-01-01T00:00:03Z: 9007199254740993");
}
END_TEST

START_TEST(a_range_beyond_the_integers_holds_all_or_none)
{
    of_type(LARDER_INT64);
    promise(RANGE(-1e300, 1e300));
    rows("-9223372036854775808 0 9223372036854775807");
    judge();
    expect("");
    ldr_breaches_release(&breaches);
    promise(RANGE(9223372036854775808.0, 1e300));
    judge();
    expect("range 3 id=1 at 1970-01-01T00:00:01Z: -9223372036854775808");
    ldr_breaches_release(&breaches);
    promise(RANGE(0.25, 0.75));
    judge();
    expect("range 3 id=1 at 1970-01-01T00:00:01Z: -9223372036854775808");
    ldr_breaches_release(&breaches);
    promise(RANGE(-HUGE_VAL, -1e19));
    judge();
    expect("range 3 id=1 at 1970-01-01T00:00:01Z: -9223372036854775808");
}
END_TEST

START_TEST(a_null_is_in_any_range_and_among_any_values)
{
    static const char *const five[] = {"5"};

    of_type(LARDER_INT64);
    promise((ldr_feature){.nullable = true,
        .has_range = true,
        .range_low = 5,
        .range_high = 6,
        .values = five,
        .n_values = 1});
    rows("- 5 - 6 7 -");
    judge();
    expect("range 1 id=5 at 1970-01-01T00:00:05Z: 7\n"
           "values 2 id=4 at 1970-01-01T00:00:04Z: 6");
}
END_TEST

START_TEST(nulls_break_nullable_false_alone)
{
    of_type(LARDER_STRING);
    promise((ldr_feature){.nullable = false});
    rows("a - b -");
    judge();
    expect("nullable 2 id=2 at 1970-01-01T00:00:02Z: null");
}
END_TEST

/* ------------------------------------------------------------------- values */

static void
expect_allowed(larder_type type, const char *const *values, size_t n,
    const char *given, const char *wanted)
{
    of_type(type);
    promise((ldr_feature){.nullable = true, .values = values, .n_values = n});
    rows(given);
    judge();
    expect(wanted);
    ldr_breaches_release(&breaches);
    larder_batch_release(&batch);
}

START_TEST(values_are_compared_by_the_type_not_by_spelling)
{
    static const char *const numbers[] = {"+7", "007", "-1"};
    static const char *const reals[] = {"1e2", "-0.0", "NaN", "0.1"};
    static const char *const words[] = {"", "low", "high", "lowest"};
    static const char *const truth[] = {"TRUE"};
    static const char *const times[] = {"2024-05-01T02:00:00+02:00"};
    static const char *const bytes[] = {"AAE="};

    expect_allowed(LARDER_INT64, numbers, 3, "7 -1 -7 1",
        "values 2 id=3 at 1970-01-01T00:00:03Z: -7");
    expect_allowed(LARDER_INT32, numbers, 3, "7 -1 8",
        "values 1 id=3 at 1970-01-01T00:00:03Z: 8");
    expect_allowed(LARDER_FLOAT64, reals, 4, "100 0.0 nan 0.1 0.2",
        "values 1 id=5 at 1970-01-01T00:00:05Z: 0.2");
    expect_allowed(LARDER_FLOAT32, reals, 4, "100 -0.0 nan 0.1 inf",
        "values 1 id=5 at 1970-01-01T00:00:05Z: inf");
    expect_allowed(LARDER_STRING, words, 4, "low lowest lo LOW high",
        "values 2 id=3 at 1970-01-01T00:00:03Z: lo");
    expect_allowed(LARDER_BOOL, truth, 1, "true false true",
        "values 1 id=2 at 1970-01-01T00:00:02Z: false");
    expect_allowed(LARDER_TIMESTAMP, times, 1,
        "2024-05-01T00:00:00Z 2024-05-01T02:00:00Z",
        "values 1 id=2 at 1970-01-01T00:00:02Z: 2024-05-01T02:00:00Z");
    expect_allowed(LARDER_BYTES, bytes, 1,
        "AAE= AAI=", "values 1 id=2 at 1970-01-01T00:00:02Z: AAI=");
}
END_TEST

START_TEST(an_empty_text_may_be_a_value)
{
    static const char *const words[] = {""};

    of_type(LARDER_STRING);
    promise((ldr_feature){.values = words, .n_values = 1, .nullable = true});
    row("");
    row("x");
    judge();
    expect("values 1 id=2 at 1970-01-01T00:00:02Z: x");
}
END_TEST

/* ------------------------------------------------------- parts and threads */

/* Random rows of all plain types, judged whole and in pieces that are added in
 * any order, agree with a look at each value. */
START_TEST(pieces_in_any_order_count_as_the_whole)
{
    uint64_t state = (uint64_t)_i;
    ldr_breaches parts[4] = {{0}};
    size_t cuts[5] = {0};
    uint64_t outside = 0, nulls = 0;

    of_type(_i % 2 == 0 ? LARDER_INT64 : LARDER_FLOAT64);
    for (size_t i = 0; i < 4000; i++) {
        ck_assert_int_eq(
            larder_column_append_integer(&batch.columns[0], (int64_t)i, NULL),
            LARDER_OK);
        ck_assert_int_eq(
            larder_column_append_integer(&batch.columns[1], 0, NULL),
            LARDER_OK);
        rows_append(&batch.columns[2], &state);
    }
    batch.n_rows = 4000;
    promise((ldr_feature){.has_range = true, .range_low = 0, .range_high = 3});
    for (size_t i = 0; i < batch.n_rows; i++) {
        larder_value v = larder_column_value(&batch.columns[2], i);
        double real = v.type == LARDER_INT64 ? (double)v.as.integer : v.as.real;

        nulls += v.null;
        outside += !v.null && !(real >= 0 && real <= 3);
    }
    judge();
    ck_assert_uint_gt(nulls, 0);
    ck_assert_uint_gt(outside, 0);
    ck_assert_uint_eq(breaches.each[0].count, nulls);
    ck_assert_uint_eq(breaches.each[1].count, outside);
    for (size_t p = 1; p <= 4; p++)
        cuts[p] =
            p == 4 ? batch.n_rows : cuts[p - 1] + support_below(&state, 1200);
    for (size_t p = 4; p-- > 0;) { /* the last first */
        ck_assert_int_eq(
            ldr_breaches_init(&parts[p], &contract, NULL), LARDER_OK);
        ldr_contract_judge(
            &contract, &batch, cuts[p], cuts[p + 1], 1, &parts[p]);
        if (p < 3)
            ldr_breaches_add(&contract, &parts[3], &parts[p]);
    }
    for (size_t c = 0; c < 2; c++) {
        ck_assert_uint_eq(parts[3].each[c].count, breaches.each[c].count);
        ck_assert_uint_eq(parts[3].each[c].row, breaches.each[c].row);
        ck_assert_str_eq(parts[3].each[c].where, breaches.each[c].where);
        ck_assert_str_eq(parts[3].each[c].value, breaches.each[c].value);
    }
    for (size_t p = 0; p < 4; p++)
        ldr_breaches_release(&parts[p]);
}
END_TEST

START_TEST(a_later_batch_of_lesser_numbers_has_the_first_row)
{
    of_type(LARDER_INT64);
    promise(RANGE(0, 1));
    rows("5 6");
    ldr_contract_judge(&contract, &batch, 1, 2, 100, &breaches);
    ldr_contract_judge(&contract, &batch, 0, 1, 200, &breaches);
    ck_assert_str_eq(breaches.each[0].value, "6");
    ldr_contract_judge(&contract, &batch, 0, 2, 7, &breaches);
    ck_assert_str_eq(breaches.each[0].value, "5");
    ck_assert_uint_eq(breaches.each[0].row, 7);
    ck_assert_uint_eq(breaches.each[0].count, 4);
}
END_TEST

/* ------------------------------------------------------------------ telling */

START_TEST(a_refusal_tells_the_first_row_of_what_is_refused)
{
    static const char *const words[] = {"a", "b"};
    larder_error err = {0};
    uint64_t at = 0;

    of_type(LARDER_STRING);
    promise((ldr_feature){.values = words, .n_values = 2, .refuse = true});
    ck_assert_uint_eq(contract.n_clauses, 2);
    ck_assert_uint_eq(contract.n_refusing, 2);
    ck_assert_int_eq(
        ldr_contract_refuse(&contract, &breaches, &at, &err), LARDER_OK);
    rows("a c -");
    judge();
    ck_assert_int_eq(
        ldr_contract_refuse(&contract, &breaches, &at, &err), LARDER_INVALID);
    ck_assert_uint_eq(at, 2);
    ck_assert_str_eq(err.message,
        "id=2 at 1970-01-01T00:00:02Z, column 'v': 'c' is none of the values "
        "of feature 'w:f'");
    ck_assert_str_eq(err.hint, "it takes a, b");
}
END_TEST

START_TEST(what_is_only_warned_of_is_never_refused)
{
    const char *column = NULL;
    larder_error err = {0};

    of_type(LARDER_INT64);
    promise(RANGE(0, 1));
    rows("9");
    judge();
    ck_assert_uint_eq(contract.n_refusing, 0);
    ck_assert_int_eq(
        ldr_contract_refuse(&contract, &breaches, NULL, &err), LARDER_OK);
    ck_assert_int_eq(
        contract.check.judge(&contract.check, &batch, 0, &column, &err),
        LARDER_OK);
    ck_assert_ptr_null(column);
}
END_TEST

START_TEST(a_reader_hears_of_one_row)
{
    const char *column = NULL;
    larder_error err = {0};
    ldr_feature feature = RANGE(0, 1);

    of_type(LARDER_FLOAT64);
    feature.refuse = true;
    feature.nullable = false;
    promise(feature);
    rows("1 1.5 -");
    ck_assert_int_eq(
        contract.check.judge(&contract.check, &batch, 0, &column, &err),
        LARDER_OK);
    ck_assert_int_eq(
        contract.check.judge(&contract.check, &batch, 1, &column, &err),
        LARDER_INVALID);
    ck_assert_str_eq(column, "v");
    ck_assert_str_eq(
        err.message, "1.5 is outside the range [0, 1] of feature 'w:f'");
    ck_assert_int_eq(
        contract.check.judge(&contract.check, &batch, 2, &column, &err),
        LARDER_INVALID);
    ck_assert_str_eq(
        err.message, "a null, and feature 'w:f' is 'nullable: false'");
}
END_TEST

START_TEST(each_rule_is_warned_of_once)
{
    static const char *const ones[] = {"1"};
    static told heard;
    larder_call call = told_call(&heard);

    of_type(LARDER_INT64);
    promise((ldr_feature){.has_range = true,
        .range_low = 0,
        .range_high = 1.5,
        .values = ones,
        .n_values = 1});
    rows("1 2 3 -");
    judge();
    ldr_contract_warn(&contract, &breaches, &call);
    ck_assert_uint_eq(heard.n_told, 3);
    ck_assert_ptr_nonnull(strstr(heard.text,
        "feature 'w:f': 1 value is null, against 'nullable: false'; the first: "
        "id=4 at 1970-01-01T00:00:04Z: null"));
    ck_assert_ptr_nonnull(strstr(heard.text,
        "feature 'w:f': 2 values are outside its range [0, 1.5]; the first: "
        "id=2 at 1970-01-01T00:00:02Z: 2"));
    ck_assert_ptr_nonnull(strstr(heard.text,
        "feature 'w:f': 2 values are none of its values; the first: id=2 at "
        "1970-01-01T00:00:02Z: 2"));
}
END_TEST

START_TEST(long_and_odd_texts_are_cut_to_one_line)
{
    static const char *const words[] = {"a"};
    char text[400];

    memset(text, 'x', sizeof text);
    memcpy(text, "a\nb\t", 4);
    text[sizeof text - 1] = '\0';
    of_type(LARDER_STRING);
    promise((ldr_feature){.values = words, .n_values = 1, .nullable = true});
    row(text);
    judge();
    ck_assert_uint_lt(strlen(breaches.each[0].value), LDR_CLIP_ROOM);
    ck_assert_ptr_null(strchr(breaches.each[0].value, '\n'));
}
END_TEST

START_TEST(long_bytes_are_shown_in_part)
{
    static const char *const words[] = {"AAE="};
    char text[401];

    memset(text, 'A', 400);
    text[400] = '\0';
    of_type(LARDER_BYTES);
    promise((ldr_feature){.values = words, .n_values = 1, .nullable = true});
    row(text);
    judge();
    text[60] = '\0';
    strcat(text, "...");
    ck_assert_str_eq(breaches.each[0].value, text);
}
END_TEST

START_TEST(windowed_features_promise_nothing_of_rows)
{
    ldr_feature feature = RANGE(0, 1);

    of_type(LARDER_INT64);
    feature.aggregate = LDR_AGGREGATE_SUM;
    promise(feature);
    ck_assert_uint_eq(contract.n_clauses, 0);
    rows("9");
    judge();
    expect("");
}
END_TEST

/* ------------------------------------------------------------------ sources */

START_TEST(a_source_is_judged_by_all_views_that_read_it)
{
    ldr_feature mine = RANGE(0, 1), pushed = RANGE(2, 3), other = RANGE(4, 5);
    ldr_source sources[3] = {{.about = {.name = "s"},
                                 .schema = schema,
                                 .key = key_names,
                                 .n_key = 1,
                                 .timestamp_field = "ts"},
        {.about = {.name = "p"},
            .kind = LDR_SOURCE_PUSH,
            .batch_source = &sources[0]},
        {.about = {.name = "t"}}};
    ldr_view views[3] = {{.about = {.name = "a"},
                             .source = &sources[0],
                             .features = &mine,
                             .n_features = 1},
        {.about = {.name = "b"},
            .source = &sources[1],
            .features = &pushed,
            .n_features = 1},
        {.about = {.name = "c"},
            .source = &sources[2],
            .features = &other,
            .n_features = 1}};
    ldr_definitions all = {.views = views, .n_views = 3};
    larder_violation *list;
    size_t n;

    mine.name = pushed.name = other.name = "f";
    mine.from = pushed.from = other.from = "v";
    mine.type = pushed.type = other.type = LARDER_INT64;
    of_type(LARDER_INT64);
    ck_assert_int_eq(
        ldr_contract_of_source(&all, &sources[_i], &arena, &contract, NULL),
        LARDER_OK);
    ck_assert_uint_eq(contract.n_clauses, 2);
    ck_assert_int_eq(ldr_breaches_init(&breaches, &contract, NULL), LARDER_OK);
    rows("1 2 9");
    judge();
    ck_assert_int_eq(
        ldr_contract_report(&contract, &breaches, &list, &n, NULL), LARDER_OK);
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(list[0].view, "a");
    ck_assert_uint_eq(list[0].count, 2);
    ck_assert_str_eq(list[1].view, "b");
    ck_assert_str_eq(list[1].first, "id=1 at 1970-01-01T00:00:01Z: 1");
    free(list);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("contract");
    TCase *rules = tcase_create("rules"), *parts = tcase_create("parts"),
          *telling = tcase_create("telling");

    tcase_add_checked_fixture(rules, NULL, end);
    tcase_add_checked_fixture(parts, NULL, end);
    tcase_add_checked_fixture(telling, NULL, end);
    tcase_add_loop_test(rules, both_ends_of_a_range_are_inside, 0, 4);
    tcase_add_loop_test(rules, nan_is_outside_any_range, 0, 2);
    tcase_add_test(rules, integers_are_compared_without_rounding);
    tcase_add_test(rules, a_range_beyond_the_integers_holds_all_or_none);
    tcase_add_test(rules, a_null_is_in_any_range_and_among_any_values);
    tcase_add_test(rules, nulls_break_nullable_false_alone);
    tcase_add_test(rules, values_are_compared_by_the_type_not_by_spelling);
    tcase_add_test(rules, an_empty_text_may_be_a_value);
    tcase_add_loop_test(parts, pieces_in_any_order_count_as_the_whole, 0, 20);
    tcase_add_test(parts, a_later_batch_of_lesser_numbers_has_the_first_row);
    tcase_add_loop_test(
        parts, a_source_is_judged_by_all_views_that_read_it, 0, 2);
    tcase_add_test(telling, a_refusal_tells_the_first_row_of_what_is_refused);
    tcase_add_test(telling, what_is_only_warned_of_is_never_refused);
    tcase_add_test(telling, a_reader_hears_of_one_row);
    tcase_add_test(telling, each_rule_is_warned_of_once);
    tcase_add_test(telling, long_and_odd_texts_are_cut_to_one_line);
    tcase_add_test(telling, long_bytes_are_shown_in_part);
    tcase_add_test(telling, windowed_features_promise_nothing_of_rows);
    suite_add_tcase(suite, rules);
    suite_add_tcase(suite, parts);
    suite_add_tcase(suite, telling);
    return support_run(suite);
}
