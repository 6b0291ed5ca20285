/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_expression.c - the expression language: what each part gives, what comes
 * out as null, and where in the text a fault is.
 *
 * docs/expressions.md says in words what the tables here say in cases.
 */
#include "data/batch.h"
#include "expression/expression.h"
#include "tests/allocations.h"
#include "tests/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------- one row of */

static const larder_field fields[] = {
    {"i", LARDER_INT64},
    {"j", LARDER_INT32},
    {"x", LARDER_FLOAT64},
    {"f", LARDER_FLOAT32},
    {"s", LARDER_STRING},
    {"yes", LARDER_BOOL},
    {"no", LARDER_BOOL},
    {"ts", LARDER_TIMESTAMP},
    {"n", LARDER_INT64},
    {"nx", LARDER_FLOAT64},
    {"ns", LARDER_STRING},
    {"nb", LARDER_BOOL},
    {"nan", LARDER_FLOAT64},
    {"inf", LARDER_FLOAT32},
    {"big", LARDER_INT64},
    {"small", LARDER_INT64},
    {"zero", LARDER_INT64},
    {"list", LARDER_INT64_LIST},
    {"raw", LARDER_BYTES},
    {"Mixed", LARDER_INT64},
    {"twin", LARDER_INT64},
    {"TWIN", LARDER_INT64},
    {"odd name", LARDER_INT64},
    {"end", LARDER_INT64},
};
static const char *const values[] = {"7", "-3", "2.5", "0.1", "h\xc3\xa9llo",
    "true", "false", "2024-03-01T13:45:10.5Z", NULL, NULL, NULL, NULL, "NaN",
    "inf", "9223372036854775807", "-9223372036854775808", "0", "[1]",
    "AAE=", "5", "1", "2", "11", "12"};
#define N_FIELDS (sizeof fields / sizeof fields[0])
_Static_assert(sizeof values / sizeof values[0] == N_FIELDS, "one a field");
static const larder_schema schema = {fields, N_FIELDS};

typedef struct world {
    larder_batch batch;
    const larder_column *columns[N_FIELDS];
    ldr_arena arena;
    ldr_expression_room *room;
    ldr_expression_fault fault;
    larder_error err;
} world;

static void
append(larder_column *column, const char *text)
{
    larder_error err = {0};
    larder_bytes bytes = {text, text == NULL ? 0 : strlen(text)};
    larder_status rc = text == NULL ? larder_column_append_null(column, &err)
                                    : larder_value_parse(column, bytes,
                                          LARDER_NAIVE_REFUSED, &err);

    if (rc != LARDER_OK)
        ck_abort_msg("%s: %s", text, err.message);
}

static void
begin(world *w, size_t n_rows)
{
    *w = (world){0};
    ck_assert_int_eq(larder_batch_init(&w->batch, &schema, &w->err), LARDER_OK);
    for (size_t c = 0; c < N_FIELDS; c++) {
        for (size_t row = 0; row < n_rows; row++)
            append(&w->batch.columns[c], values[c]);
        w->columns[c] = &w->batch.columns[c];
    }
    w->batch.n_rows = n_rows;
}

static void
end(world *w)
{
    larder_batch_release(&w->batch);
    ldr_expression_room_free(w->room);
    ldr_arena_free(&w->arena);
}

static larder_status
parse(world *w, const char *text, ldr_expression **out)
{
    larder_bytes bytes = {text, strlen(text)};

    w->fault = (ldr_expression_fault){SIZE_MAX, SIZE_MAX};
    return ldr_expression_parse(
        bytes, &schema, &w->arena, out, &w->fault, &w->err);
}

static ldr_expression *
must_parse(world *w, const char *text)
{
    ldr_expression *expression = NULL;

    if (parse(w, text, &expression) != LARDER_OK)
        ck_abort_msg("%s: %s (%zu to %zu)", text, w->err.message,
            w->fault.begin, w->fault.end);
    return expression;
}

/* The value of row 0 as text, "null" or, of one made so, "null!". */
static const char *
value_as(world *w, const char *text, larder_type type, char out[256])
{
    ldr_expression *expression = must_parse(w, text);
    larder_column column = {0};
    larder_value value;
    uint64_t n_made_null = 0;
    size_t size;

    if (type == 0)
        type = ldr_expression_type(expression);
    if (type == 0)
        type = LARDER_INT64;
    ck_assert_int_eq(ldr_column_init(&column, type, &w->err), LARDER_OK);
    ck_assert_int_eq(ldr_expression_evaluate(expression, w->columns, 0, 1,
                         &w->room, &column, &n_made_null, &w->err),
        LARDER_OK);
    ck_assert_uint_eq(column.n_rows, 1);
    value = larder_column_value(&column, 0);
    if (value.null) {
        strcpy(out, n_made_null == 0 ? "null" : "null!");
        if (type == LARDER_INT64 || type == LARDER_FLOAT64)
            ck_assert_int_eq(*(const int64_t *)column.values, 0);
    } else {
        size = larder_value_print(&value, out, 256);
        out[size] = '\0';
        ck_assert_uint_eq(n_made_null, 0);
    }
    ldr_column_release(&column);
    return out;
}

typedef struct value_case {
    const char *text, *value;
} value_case;

static void
check_values(const value_case *cases, size_t n)
{
    world w;
    char out[256];

    begin(&w, 1);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(
            strcmp(value_as(&w, cases[i].text, 0, out), cases[i].value) == 0,
            "%s is %s, not %s", cases[i].text, out, cases[i].value);
    end(&w);
}

#define CHECK_VALUES(cases)                                                    \
    check_values(cases, sizeof(cases) / sizeof((cases)[0]))

START_TEST(literals_are_what_is_written)
{
    static const value_case cases[] = {
        {"42", "42"},
        {"-42", "-42"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"- 9223372036854775808", "-9223372036854775808"},
        {"1.5", "1.5"},
        {".5", "0.5"},
        {"1.", "1.0"},
        {"1e3", "1000.0"},
        {"2.5E-3", "0.0025"},
        {"-0.0", "-0.0"},
        {"'it''s'", "it's"},
        {"''", ""},
        {"'\xc3\xa9'", "\xc3\xa9"},
        {"true", "true"},
        {"FALSE", "false"},
        {"null", "null"},
        {"(((1)))", "1"},
        {" \t\n1\r ", "1"},
    };

    CHECK_VALUES(cases);
}
END_TEST

START_TEST(columns_are_found_by_name_then_by_name_without_case)
{
    static const value_case cases[] = {
        {"i", "7"},
        {"I", "7"},
        {"j", "-3"},
        {"x", "2.5"},
        {"f", "0.10000000149011612"},
        {"s", "h\xc3\xa9llo"},
        {"yes", "true"},
        {"ts", "2024-03-01T13:45:10.500Z"},
        {"mixed", "5"},
        {"\"Mixed\"", "5"},
        {"\"mixed\"", "5"},
        {"twin", "1"},
        {"TWIN", "2"},
        {"\"odd name\" + 1", "12"},
        {"\"end\"", "12"},
        {"n", "null"},
        {"ns", "null"},
    };

    CHECK_VALUES(cases);
}
END_TEST

START_TEST(arithmetic_keeps_integers_and_mixes_to_reals)
{
    static const value_case cases[] = {
        {"i + j", "4"},
        {"i - j", "10"},
        {"i * j", "-21"},
        {"i / 2", "3.5"},
        {"6 / 3", "2.0"},
        {"i % 4", "3"},
        {"-7 % 4", "-3"},
        {"7 % -4", "3"},
        {"small % -1", "0"},
        {"div(7, 2)", "3"},
        {"div(-7, 2)", "-3"},
        {"5.5 % 2", "1.5"},
        {"-5.5 % 2", "-1.5"},
        {"i + x", "9.5"},
        {"x * 2", "5.0"},
        {"-x", "-2.5"},
        {"- - i", "7"},
        {"-(i)", "-7"},
        {"1 - 2 - 3", "-4"},
        {"1 + 2 * 3", "7"},
        {"(1 + 2) * 3", "9"},
        {"8 / 4 / 2", "1.0"},
        {"-2 * -3", "6"},
        {"0.1 + 0.2", "0.30000000000000004"},
        {"i + n", "null"},
        {"nx * x", "null"},
        {"null + 1", "null"},
        {"null + null", "null"},
        {"n + nullif(i, 7)", "null"},
    };

    CHECK_VALUES(cases);
}
END_TEST

START_TEST(what_has_no_value_is_made_null)
{
    static const value_case cases[] = {
        {"i / 0", "null!"},
        {"0 / zero", "null!"},
        {"i % zero", "null!"},
        {"x % 0", "null!"},
        {"div(i, zero)", "null!"},
        {"div(small, -1)", "null!"},
        {"big + 1", "null!"},
        {"small - 1", "null!"},
        {"big * 2", "null!"},
        {"-small", "null!"},
        {"abs(small)", "null!"},
        {"1e308 * 10", "null!"},
        {"1e308 + 1e308", "null!"},
        {"sqrt(-1)", "null!"},
        {"ln(0)", "null!"},
        {"ln(-1)", "null!"},
        {"log10(0)", "null!"},
        {"exp(1000)", "null!"},
        {"pow(-1, 0.5)", "null!"},
        {"pow(0, -1)", "null!"},
        {"nan", "null!"},
        {"inf", "null!"},
        {"nan > 1", "null!"},
        {"nan is null", "true"},
        {"coalesce(nan, 0)", "0.0"},
        {"1 / inf", "null!"},
        {"cast(1e300 as float32)", "null!"},
        {"cast(1e19 as int64)", "null!"},
        {"cast(9223372036854775808.0 as int64)", "null!"},
        {"cast(big as int32)", "null!"},
        {"cast(s as int64)", "null!"},
        {"cast(s as float64)", "null!"},
        {"cast(s as bool)", "null!"},
        {"cast(s as timestamp)", "null!"},
        {"substr(s, 1, -1)", "null!"},
        {"1 + 1 / zero", "null!"},
        {"n + 1 / zero", "null!"},
    };

    CHECK_VALUES(cases);
}
END_TEST

START_TEST(a_fault_counts_only_where_its_value_was_used)
{
    static const value_case cases[] = {
        {"case when zero = 0 then 0 else i / zero end", "0.0"},
        {"case when zero = 0 then null else i / zero end", "null"},
        {"case when zero <> 0 then 1 else i / zero end", "null!"},
        {"case when i / zero > 1 then 1 end", "null"},
        {"coalesce(i / zero, 5)", "5.0"},
        {"coalesce(i / zero, nx)", "null!"},
        {"coalesce(nx, i / zero)", "null!"},
        {"coalesce(n, n)", "null"},
        {"i / zero is null", "true"},
        {"i / zero > 1 and false", "false"},
        {"i / zero > 1 or true", "true"},
        {"i / zero > 1 or false", "null!"},
        {"nullif(i / zero, 1)", "null!"},
        {"i / nullif(zero, 0)", "null"},
        {"n / zero", "null"},
    };

    CHECK_VALUES(cases);
}
END_TEST

START_TEST(comparison_is_of_one_kind_with_sqls_null)
{
    static const value_case cases[] = {
        {"i = 7", "true"},
        {"i <> 7", "false"},
        {"i != 8", "true"},
        {"i < 7", "false"},
        {"i <= 7", "true"},
        {"i > j", "true"},
        {"j >= -2", "false"},
        {"i < 7.5", "true"},
        {"2.5 = x", "true"},
        {"0.0 = -0.0", "true"},
        {"'a' < 'b'", "true"},
        {"'a' < 'a '", "true"},
        {"'Z' < 'a'", "true"},
        {"'\xc3\xa9' > 'z'", "true"},
        {"'' < 'a'", "true"},
        {"s = 'h\xc3\xa9llo'", "true"},
        {"yes = true", "true"},
        {"no < yes", "true"},
        {"ts > cast('2024-03-01T00:00:00Z' as timestamp)", "true"},
        {"ts = cast('2024-03-01T14:45:10.5+01:00' as timestamp)", "true"},
        {"n = 1", "null"},
        {"null = null", "null"},
        {"ns <> s", "null"},
        {"1 < 2 = true", "true"},
    };

    CHECK_VALUES(cases);
}
END_TEST

START_TEST(logic_has_three_values)
{
    static const value_case cases[] = {
        {"yes and yes", "true"},
        {"yes and no", "false"},
        {"no and nb", "false"},
        {"nb and no", "false"},
        {"yes and nb", "null"},
        {"nb and nb", "null"},
        {"no or yes", "true"},
        {"nb or yes", "true"},
        {"yes or nb", "true"},
        {"no or nb", "null"},
        {"no or no", "false"},
        {"not yes", "false"},
        {"not no", "true"},
        {"not nb", "null"},
        {"not not yes", "true"},
        {"not null", "null"},
        {"null and false", "false"},
        {"yes or no and no", "true"},
        {"not no and no", "false"},
        {"not i = 7", "false"},
        {"yes and yes and yes and no", "false"},
        {"no or no or nb or yes", "true"},
    };

    CHECK_VALUES(cases);
}
END_TEST

START_TEST(null_in_and_between_ask_as_sql_does)
{
    static const value_case cases[] = {
        {"n is null", "true"},
        {"i is null", "false"},
        {"n is not null", "false"},
        {"i is not null", "true"},
        {"null is null", "true"},
        {"i is null = false", "true"},
        {"i in (1, 7)", "true"},
        {"i in (1, 2)", "false"},
        {"i in (1, n)", "null"},
        {"i in (7, n)", "true"},
        {"n in (1)", "null"},
        {"i not in (1, 2)", "true"},
        {"i not in (7)", "false"},
        {"i not in (1, null)", "null"},
        {"s in ('a', 'h\xc3\xa9llo')", "true"},
        {"i in (7.0, 8)", "true"},
        {"null in (null)", "null"},
        {"i between 7 and 7", "true"},
        {"i between 8 and 9", "false"},
        {"i not between 8 and 9", "true"},
        {"i between n and 6", "false"},
        {"i between n and 8", "null"},
        {"x between 2 and 3", "true"},
        {"s between 'a' and 'i'", "true"},
        {"i between 1 and 9 and no", "false"},
        {"i + 1 between 2 * 4 and 9", "true"},
    };

    CHECK_VALUES(cases);
}
END_TEST

START_TEST(case_takes_the_first_that_is_true)
{
    static const value_case cases[] = {
        {"case when i > 5 then 'big' else 'small' end", "big"},
        {"case when i > 9 then 'big' else 'small' end", "small"},
        {"case when nb then 1 when yes then 2 else 3 end", "2"},
        {"case when no then 1 end", "null"},
        {"case i when 1 then 'one' when 7 then 'seven' end", "seven"},
        {"case i when 1 then 'one' else 'other' end", "other"},
        {"case n when null then 1 else 2 end", "2"},
        {"case i when n then 1 when 7 then 2 end", "2"},
        {"case when yes then 1 else 2.5 end", "1.0"},
        {"case x when 2.5 then ts else null end", "2024-03-01T13:45:10.500Z"},
        {"case i when 7.0 then yes end", "true"},
        {"CASE WHEN yes THEN null ELSE 1 END", "null"},
        {"case when yes then null end", "null"},
        {"case null when null then 1 else 2 end", "2"},
        {"case when null then 1 else 2 end", "2"},
    };

    CHECK_VALUES(cases);
}
END_TEST

START_TEST(numbers_have_functions)
{
    static const value_case cases[] = {
        {"coalesce(n, i)", "7"},
        {"coalesce(n, null, x)", "2.5"},
        {"coalesce(ns, 'none')", "none"},
        {"nullif(i, 7)", "null"},
        {"nullif(i, 8)", "7"},
        {"nullif(i, n)", "7"},
        {"nullif(n, 7)", "null"},
        {"nullif(i, 7.0)", "null"},
        {"nullif(s, '')", "h\xc3\xa9llo"},
        {"abs(j)", "3"},
        {"abs(-2.5)", "2.5"},
        {"ABS(-1)", "1"},
        {"sign(j)", "-1"},
        {"sign(0.0)", "0"},
        {"sign(x)", "1"},
        {"round(2.5)", "3.0"},
        {"round(-2.5)", "-3.0"},
        {"round(2.4999)", "2.0"},
        {"round(i)", "7"},
        {"round(i, 2)", "7"},
        {"round(3.14159, 2)", "3.14"},
        {"round(1.005, 2)", "1.0"},
        {"round(2.675, 2)", "2.67"},
        {"round(1.115, 2)", "1.11"},
        {"round(0.125, 2)", "0.13"},
        {"round(-0.125, 2)", "-0.13"},
        {"round(0.5, 0)", "1.0"},
        {"round(1234.5, -2)", "1235.0"},
        {"round(1e300, 5)", "1e+300"},
        {"round(1e-300, 5)", "0.0"},
        {"round(123456789.123456789, 27)", "123456789.12345679"},
        {"round(0.1, 100)", "0.1"},
        {"round(0.49999999999999994)", "0.0"},
        {"round(9007199254740993.0, 3)", "9007199254740992.0"},
        {"round(99999999999.995, 2)", "99999999999.99"},
        {"floor(2.7)", "2.0"},
        {"floor(-2.5)", "-3.0"},
        {"floor(i)", "7"},
        {"ceil(2.1)", "3.0"},
        {"ceil(i)", "7"},
        {"sqrt(16)", "4.0"},
        {"exp(0)", "1.0"},
        {"ln(1)", "0.0"},
        {"log10(1000)", "3.0"},
        {"pow(2, 10)", "1024.0"},
        {"pow(2, 0.5)", "1.4142135623730951"},
        {"least(i, j, 4)", "-3"},
        {"greatest(i, j, 4)", "7"},
        {"greatest(1, 2.5)", "2.5"},
        {"least(1, 2.5)", "1.0"},
        {"least(1, 2, 3, 4, 5, 0)", "0"},
        {"least('b', 'a')", "a"},
        {"greatest(i, n)", "null"},
        {"greatest(1, null)", "null"},
        {"least(ts, cast('2000-01-01T00:00:00Z' as timestamp))",
            "2000-01-01T00:00:00Z"},
    };

    CHECK_VALUES(cases);
}
END_TEST

/* round() against the C library, which prints every digit there is. */
static double
round_by_printing(double x, int decimals, bool *half)
{
    char digits[1500], *rest;

    snprintf(digits, sizeof digits, "%.1100f", x);
    rest = strchr(digits, '.') + 1 + decimals;
    *half = rest[0] == '5' && strspn(rest + 1, "0") == strlen(rest + 1);
    snprintf(digits, sizeof digits, "%.*f", decimals, x);
    return strtod(digits, NULL);
}

START_TEST(round_to_decimals_is_exact)
{
    static const larder_field two[] = {
        {"x", LARDER_FLOAT64}, {"d", LARDER_INT64}};
    const larder_schema of_two = {two, 2};
    const char *text = "round(x, d)";
    uint64_t random = 1;
    world w;
    ldr_expression *e = NULL;

    begin(&w, 0);
    ck_assert_int_eq(ldr_expression_parse((larder_bytes){text, strlen(text)},
                         &of_two, &w.arena, &e, NULL, &w.err),
        LARDER_OK);
    for (size_t i = 0; i < 20000; i++) {
        int64_t decimals = (int64_t)support_below(&random, 28);
        double x = (double)support_random(&random) - 0x1p63;
        larder_column columns[2] = {
            {.type = LARDER_FLOAT64, .n_rows = 1, .values = &x},
            {.type = LARDER_INT64, .n_rows = 1, .values = &decimals}};
        const larder_column *both[2] = {&columns[0], &columns[1]};
        larder_column out = {.type = LARDER_FLOAT64};
        uint64_t n_made_null = 0;
        double expected;
        bool half;

        x = ldexp(x, -(int)support_below(&random, 150));
        expected = round_by_printing(x, (int)decimals, &half);
        if (ldr_expression_evaluate(e, both, 0, 1, &w.room, &out, &n_made_null,
                &w.err) != LARDER_OK)
            ck_abort_msg("%s", w.err.message);
        if (!half && ldr_column_real(&out, 0) != expected)
            ck_abort_msg("round(%.17g, %d) is %.17g, not %.17g", x,
                (int)decimals, ldr_column_real(&out, 0), expected);
        ldr_column_release(&out);
    }
    end(&w);
}
END_TEST

START_TEST(texts_have_functions_of_characters)
{
    static const value_case cases[] = {
        {"s || '!'", "h\xc3\xa9llo!"},
        {"'a' || 'b' || 'c'", "abc"},
        {"s || ns", "null"},
        {"'' || s", "h\xc3\xa9llo"},
        {"length(s)", "5"},
        {"length('')", "0"},
        {"lower('AbC\xc3\x89')", "abc\xc3\x89"},
        {"upper(s)", "H\xc3\xa9LLO"},
        {"lower('@[`{')", "@[`{"},
        {"trim('  a b ')", "a b"},
        {"trim('   ')", ""},
        {"trim('\ta')", "\ta"},
        {"substr(s, 2)", "\xc3\xa9llo"},
        {"substr(s, 2, 2)", "\xc3\xa9l"},
        {"substr(s, 1, 0)", ""},
        {"substr(s, 9)", ""},
        {"substr(s, 4, 100)", "lo"},
        {"substr(s, -2)", "lo"},
        {"substr(s, -2, 1)", "l"},
        {"substr(s, 0, 2)", "h"},
        {"substr(s, -7, 3)", "h"},
        {"substr(s, small)", "h\xc3\xa9llo"},
        {"substr(s, small, 5)", ""},
        {"substr(s, big, big)", ""},
        {"substr(s, 2, big)", "\xc3\xa9llo"},
        {"replace(s, 'l', 'LL')", "h\xc3\xa9LLLLo"},
        {"replace(s, 'l', '')", "h\xc3\xa9o"},
        {"replace(s, '', 'x')", "h\xc3\xa9llo"},
        {"replace('aaa', 'aa', 'b')", "ba"},
        {"replace('aa', 'a', '')", ""},
        {"replace(s, 'zz', 'x')", "h\xc3\xa9llo"},
        {"starts_with(s, 'h\xc3\xa9')", "true"},
        {"starts_with(s, '')", "true"},
        {"starts_with('a', 'ab')", "false"},
        {"contains(s, 'll')", "true"},
        {"contains(s, 'lll')", "false"},
        {"contains('', '')", "true"},
        {"contains(s, ns)", "null"},
        {"contains('aab', 'ab')", "true"},
    };

    CHECK_VALUES(cases);
}
END_TEST

START_TEST(casts_convert_whole_values)
{
    static const value_case cases[] = {
        {"cast(2.9 as int64)", "2"},
        {"cast(-2.9 as int64)", "-2"},
        {"cast(2.9 as int32)", "2"},
        {"cast(i as float64)", "7.0"},
        {"cast(i as FLOAT64)", "7.0"},
        {"cast(0.1 as float32)", "0.10000000149011612"},
        {"cast(16777217 as float32)", "16777216.0"},
        {"cast(i as string)", "7"},
        {"cast(2.50 as string)", "2.5"},
        {"cast(yes as string)", "true"},
        {"cast(ts as string)", "2024-03-01T13:45:10.500Z"},
        {"cast(yes as int64)", "1"},
        {"cast(no as float64)", "0.0"},
        {"cast(i as bool)", "true"},
        {"cast(0.0 as bool)", "false"},
        {"cast('True' as bool)", "true"},
        {"cast('0' as bool)", "false"},
        {"cast('-12' as int64)", "-12"},
        {"cast('12' as int32)", "12"},
        {"cast('1e3' as float64)", "1000.0"},
        {"cast('0.1' as float32)", "0.10000000149011612"},
        {"cast(i as int64)", "7"},
        {"cast(s as string)", "h\xc3\xa9llo"},
        {"cast(n as string)", "null"},
        {"cast(null as float64)", "null"},
        {"1 + cast(cast(null as string) as int64)", "null"},
        {"cast(cast(1 as string) || '2' as int64) + 1", "13"},
        {"cast(-9223372036854775808.0 as int64)", "-9223372036854775808"},
    };

    CHECK_VALUES(cases);
}
END_TEST

#define AT(text) "cast('" text "' as timestamp)"

START_TEST(moments_are_read_in_utc)
{
    static const value_case cases[] = {
        {"hour(ts)", "13"},
        {"day_of_week(ts)", "5"},
        {"day_of_week(" AT("2024-03-03T23:59:59Z") ")", "7"},
        {"day_of_week(" AT("2024-03-04T00:00:00Z") ")", "1"},
        {"day_of_week(" AT("1969-12-31T00:00:00Z") ")", "3"},
        {"day_of_month(ts)", "1"},
        {"month(ts)", "3"},
        {"year(ts)", "2024"},
        {"hour(" AT("1969-12-31T23:59:59.999999Z") ")", "23"},
        {"year(" AT("1969-12-31T23:59:59.999999Z") ")", "1969"},
        {"day_of_month(" AT("2024-02-29T00:00:00Z") ")", "29"},
        {"month(" AT("1900-02-28T00:00:00Z") ")", "2"},
        {"day_of_month(" AT("1900-03-01T00:00:00Z") ")", "1"},
        {"year(" AT("0001-01-01T00:00:00Z") ")", "1"},
        {"year(" AT("9999-12-31T23:59:59Z") ")", "9999"},
        {"day_of_month(" AT("9999-12-31T23:59:59Z") ")", "31"},
        {"seconds_between(" AT("2024-03-01T13:45:00Z") ", ts)", "10.5"},
        {"seconds_between(ts, " AT("2024-03-01T13:45:00Z") ")", "-10.5"},
        {"days_between(" AT("2024-02-28T00:00:00Z") ", " AT(
             "2024-03-01T12:00:00Z") ")",
            "2.5"},
        {"days_between(" AT("0001-01-01T00:00:00Z") ", " AT(
             "9999-12-31T00:00:00Z") ")",
            "3652058.0"},
    };

    CHECK_VALUES(cases);
}
END_TEST

/* ------------------------------------------------------------------- faults */

typedef struct fault_case {
    const char *text;
    size_t begin, end;
    const char *message, *hint; /* NULL: none */
} fault_case;

static void
check_faults(const fault_case *cases, size_t n)
{
    world w;

    begin(&w, 0);
    for (size_t i = 0; i < n; i++) {
        const fault_case *c = &cases[i];
        ldr_expression *out = NULL;
        larder_status rc = parse(&w, c->text, &out);

        ck_assert_msg(rc == LARDER_INVALID && out == NULL, "%s: %s", c->text,
            larder_status_name(rc));
        ck_assert_msg(strcmp(w.err.message, c->message) == 0,
            "%s: '%s', not '%s'", c->text, w.err.message, c->message);
        ck_assert_msg(w.fault.begin == c->begin && w.fault.end == c->end,
            "%s: at %zu to %zu", c->text, w.fault.begin, w.fault.end);
        ck_assert_msg(strcmp(w.err.hint, c->hint == NULL ? "" : c->hint) == 0,
            "%s: hint '%s'", c->text, w.err.hint);
    }
    end(&w);
}

#define CHECK_FAULTS(cases)                                                    \
    check_faults(cases, sizeof(cases) / sizeof((cases)[0]))

START_TEST(what_is_not_the_language_is_told_with_its_place)
{
    static const fault_case cases[] = {
        {"", 0, 0, "the expression ends where a value is expected", NULL},
        {"i +", 3, 3, "the expression ends where a value is expected", NULL},
        {"i + )", 4, 5, "a value is expected, not ')'", NULL},
        {"(i", 2, 2, "the expression ends where ')' is expected", NULL},
        {"i j", 2, 3, "an operator or the end is expected, not 'j'", NULL},
        {"s like 'a'", 2, 6, "an operator or the end is expected, not 'like'",
            "write starts_with(text, part) or contains(text, part)"},
        {"abs(i", 5, 5, "the expression ends where ',' or ')' is expected",
            NULL},
        {"i = 'abc", 4, 8, "a text has no closing quote",
            "write 'text'; a quote inside is doubled: 'it''s'"},
        {"\"i", 0, 2, "a quoted name has no closing '\"'",
            "write \"name\"; a quote inside is doubled"},
        {"i == 1", 2, 4, "'==' is not an operator", "write '='"},
        {"1 -- 2", 2, 4, "comments cannot stand in an expression",
            "a minus before a minus is written with a space or parentheses"},
        {"i && yes", 2, 4, "'&&' is not an operator", "write 'and'"},
        {"!yes", 0, 1, "'!' is not an operator", "write 'not'"},
        {"x ^ 2", 2, 3, "'^' is not an operator", "write pow(x, y)"},
        {"v.i", 1, 2, "a column is named by one word, without a table",
            "write the feature's name alone"},
        {"12ab", 0, 4, "a number runs into letters",
            "write numbers as 42, 0.5 or 1e-3; a column whose name begins "
            "with a digit in \"double quotes\""},
        {"i # 2", 2, 3, "this character has no meaning here",
            "text is written in 'single quotes', a column of an unusual name "
            "in \"double quotes\""},
        {"i + \xe2\x82\xac", 4, 7, "this character has no meaning here",
            "text is written in 'single quotes', a column of an unusual name "
            "in \"double quotes\""},
        {"end + 1", 0, 3, "a value is expected, not 'end'",
            "a column of that name is written in double quotes: \"end\""},
        {"case i end", 7, 10, "'when' is expected, not 'end'",
            "a column of that name is written in double quotes: \"end\""},
        {"case when yes then 1", 20, 20,
            "the expression ends where 'when', 'else' or 'end' is expected",
            NULL},
        {"i is 3", 5, 6, "'null' or 'not null' is expected, not '3'", NULL},
        {"i in 3", 5, 6, "'(' is expected, not '3'", NULL},
        {"i in ()", 6, 7, "a value is expected, not ')'", NULL},
        {"i not 3", 6, 7, "'in' or 'between' is expected, not '3'", NULL},
        {"i between 1, 2", 11, 12, "'and' is expected, not ','", NULL},
        {"cast(i, int64)", 6, 7, "'as' and a type is expected, not ','", NULL},
        {"cast(i as", 9, 9,
            "the expression ends where a type, such as int64, is expected",
            NULL},
        {"9223372036854775808", 0, 19, "the number is beyond int64",
            "with a decimal point it is a float64: 9223372036854775808.0"},
        {"-9223372036854775809", 1, 20, "the number is beyond int64",
            "with a decimal point it is a float64: 9223372036854775809.0"},
        {"1 + 1e400", 4, 9, "the number is beyond float64", NULL},
    };

    CHECK_FAULTS(cases);
}
END_TEST

START_TEST(unknown_names_come_with_the_nearest)
{
    static const fault_case cases[] = {
        {"1 + mixd", 4, 8, "unknown column 'mixd'", "did you mean 'Mixed'?"},
        {"\"hello there\"", 0, 13, "unknown column 'hello there'",
            "text is written in single quotes"},
        {"Twin", 0, 4,
            "'Twin' is the name of 2 columns but for the case of letters",
            "one of them is \"twin\""},
        {"coalese(i, 0)", 0, 7, "unknown function 'coalese'",
            "did you mean 'coalesce'?"},
        {"nvl(i, 0)", 0, 3, "unknown function 'nvl'", NULL},
        {"ifnull(i, 0)", 0, 6, "unknown function 'ifnull'",
            "write coalesce(a, b)"},
        {"1 + log(x)", 4, 7, "unknown function 'log'",
            "write ln(x) or log10(x)"},
        {"sum(i)", 0, 3, "unknown function 'sum'",
            "a sum over rows is a windowed feature: aggregate: sum"},
        {"cast(i as flaot64)", 10, 17, "nothing can be cast to 'flaot64'",
            "did you mean 'float64'?"},
        {"cast(i as bytes)", 10, 15, "nothing can be cast to 'bytes'",
            "types to cast to are bool, int32, int64, float32, float64, "
            "string and timestamp"},
        {"list", 0, 4,
            "column 'list' is list<int64>, which no expression can "
            "use",
            "columns of bool, int32, int64, float32, float64, string and "
            "timestamp can be used"},
        {"length(raw)", 7, 10,
            "column 'raw' is bytes, which no expression "
            "can use",
            "columns of bool, int32, int64, float32, float64, string and "
            "timestamp can be used"},
    };

    CHECK_FAULTS(cases);
}
END_TEST

#define MOMENT "a moment is written cast('2024-03-01T12:00:00Z' as timestamp)"
#define OF_MOMENTS                                                             \
    "numbers of moments are seconds_between(a, b), hour(t), year(t) and the "  \
    "like"

START_TEST(types_that_do_not_go_together_are_told_with_a_cast)
{
    static const fault_case cases[] = {
        {"i + s", 4, 5, "the right side of '+' is string, not a number",
            "write cast(s as float64)"},
        {"s * 2", 0, 1, "the left side of '*' is string, not a number",
            "write cast(s as float64)"},
        {"-s", 1, 2, "the value of '-' is string, not a number",
            "write cast(s as float64)"},
        {"s || i", 5, 6, "the right side of '||' is int64, not string",
            "write cast(i as string)"},
        {"yes + 1", 0, 3, "the left side of '+' is bool, not a number",
            "write cast(yes as float64)"},
        {"ts - ts", 0, 2, "the left side of '-' is timestamp, not a number",
            OF_MOMENTS},
        {"i = s", 4, 5, "the right side of '=' is string, not a number",
            "write cast(s as float64)"},
        {"ts > '2024'", 5, 11, "the right side of '>' is string, not timestamp",
            "write cast('2024' as timestamp)"},
        {"yes = 1", 6, 7, "the right side of '=' is int64, not bool",
            "write a comparison, such as 1 <> 0"},
        {"i and yes", 0, 1, "a side of 'and' is int64, not bool",
            "write a comparison, such as i <> 0"},
        {"yes or s", 7, 8, "a side of 'or' is string, not bool",
            "write a comparison, such as s = 'yes'"},
        {"not i", 4, 5, "the value of 'not' is int64, not bool",
            "write a comparison, such as i <> 0"},
        {"case when i then 1 end", 10, 11,
            "a condition of 'case' is int64, not bool",
            "write a comparison, such as i <> 0"},
        {"case when yes then 1 else s end", 26, 27,
            "a result of 'case' is string beside int64",
            "write cast(s as int64)"},
        {"coalesce(i, s)", 12, 13,
            "an argument of 'coalesce' is string beside int64",
            "write cast(s as int64)"},
        {"nullif(ts, 1)", 11, 12,
            "an argument of 'nullif' is int64 beside timestamp", MOMENT},
        {"i in (1, 'a')", 9, 12, "a value of 'in' is string beside int64",
            "write cast('a' as int64)"},
        {"i between 1 and 'z'", 16, 19,
            "a bound of 'between' is string beside int64",
            "write cast('z' as int64)"},
        {"sqrt(s)", 5, 6, "argument 1 of 'sqrt' is string, not a number",
            "write cast(s as float64)"},
        {"div(x, 2)", 4, 5, "argument 1 of 'div' is float64, not int64",
            "write cast(x as int64)"},
        {"greatest(yes, no)", 9, 12,
            "argument 1 of 'greatest' is bool, not a number or string or "
            "timestamp",
            "write cast(yes as float64)"},
        {"least(1, 's')", 9, 12,
            "argument 2 of 'least' is string, not a number",
            "write cast('s' as float64)"},
        {"hour(i)", 5, 6, "argument 1 of 'hour' is int64, not timestamp",
            MOMENT},
        {"abs(i, 2)", 0, 3, "'abs' takes 1 argument, not 2", NULL},
        {"round()", 0, 5, "'round' takes 1 or 2 arguments, not 0", NULL},
        {"least(1)", 0, 5, "'least' takes 2 or more arguments, not 1", NULL},
        {"coalesce(i)", 0, 8, "'coalesce' takes 2 or more arguments, not 1",
            NULL},
        {"nullif(1, 2, 3)", 0, 6, "'nullif' takes 2 arguments, not 3", NULL},
        {"cast(ts as int64)", 5, 7, "timestamp cannot be cast to int64",
            OF_MOMENTS},
        {"cast(i as timestamp)", 5, 6, "int64 cannot be cast to timestamp",
            MOMENT},
        {"cast('x' as int64)", 5, 8, "the text cannot be read as int64", NULL},
        {"cast('2024-02-30T00:00:00Z' as timestamp)", 5, 27,
            "the text is no timestamp: there is no 30 February",
            "a moment is written '2024-03-01T12:00:00Z'"},
        {"cast('2024-02-03' as timestamp)", 5, 17,
            "the text is no timestamp: it has no zone",
            "a moment is written '2024-03-01T12:00:00Z'"},
        {"i + (s || 'a long text that is not told again in the hint')", 5, 58,
            "the right side of '+' is string, not a number",
            "write cast(... as float64)"},
    };

    CHECK_FAULTS(cases);
}
END_TEST

/* ------------------------------------------------------------------- limits */

/* `n` times `part`, then `last`, then `n` times `close`. */
static char *
repeat(const char *part, size_t n, const char *last, const char *close)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    for (size_t i = 0; i < n; i++)
        fputs(part, file);
    fputs(last, file);
    for (size_t i = 0; i < n; i++)
        fputs(close, file);
    fclose(file);
    return text;
}

static void
check_limit(world *w, char *text, const char *message)
{
    ldr_expression *out = NULL;

    ck_assert_int_eq(parse(w, text, &out), LARDER_LIMIT);
    ck_assert_str_eq(w->err.message, message);
    ck_assert_uint_le(w->fault.end, strlen(text));
    ck_assert_uint_lt(w->fault.begin, w->fault.end);
    ck_assert_ptr_null(out);
    free(text);
}

START_TEST(a_text_too_long_too_deep_or_of_too_many_parts_is_refused)
{
    static const char deep[] = "the expression is more than 128 levels deep";
    static const char parts[] = "the expression has more than 4096 parts";
    world w;

    begin(&w, 0);
    check_limit(&w, repeat("(", 2000, "1", ")"), deep);
    check_limit(&w, repeat("abs(", 128, "1", ")"), deep);
    check_limit(&w, repeat("- ", 3000, "i", ""), deep);
    check_limit(&w, repeat("not ", 3000, "yes", ""), deep);
    check_limit(&w, repeat("i+", 500, "i", ""), deep);
    check_limit(&w, repeat("i||", 500, "i", ""), deep);
    check_limit(&w, repeat("case when yes then ", 200, "i", " end"), deep);
    check_limit(&w, repeat("yes or ", 2400, "yes", ""),
        "the expression has more than 16384 bytes");
    check_limit(&w, repeat("i=1 or ", 2000, "no", ""), parts);
    check_limit(&w, repeat(" ", 16384, "i", ""),
        "the expression has more than 16384 bytes");
    end(&w);
}
END_TEST

START_TEST(what_is_within_the_limits_is_computed)
{
    world w;
    char out[256], *text;

    begin(&w, 1);
    text = repeat("(", 127, "i", ")");
    ck_assert_str_eq(value_as(&w, text, 0, out), "7");
    free(text);
    text = repeat("i+", 127, "i", "");
    ck_assert_str_eq(value_as(&w, text, 0, out), "896");
    free(text);
    text = repeat("abs(x-", 60, "x", ")");
    ck_assert_str_eq(value_as(&w, text, 0, out), "2.5");
    free(text);
    text = repeat("no or ", 2000, "yes", "");
    ck_assert_str_eq(value_as(&w, text, 0, out), "true");
    free(text);
    text = repeat("i in (1,", 1, "7)", "");
    ck_assert_str_eq(value_as(&w, text, 0, out), "true");
    free(text);
    end(&w);
}
END_TEST

START_TEST(bytes_that_are_no_text_are_refused_where_they_are)
{
    world w;
    ldr_expression *out = NULL;

    begin(&w, 0);
    ck_assert_int_eq(parse(&w, "s = 'a\xff'", &out), LARDER_INVALID);
    ck_assert_str_eq(
        w.err.message, "the expression is not valid UTF-8 without NUL");
    ck_assert_uint_eq(w.fault.begin, 6);
    ck_assert_int_eq(ldr_expression_parse((larder_bytes){"1\0", 2}, &schema,
                         &w.arena, &out, &w.fault, &w.err),
        LARDER_INVALID);
    ck_assert_uint_eq(w.fault.begin, 1);
    end(&w);
}
END_TEST

START_TEST(texts_that_would_fill_the_memory_are_made_null)
{
    char out[256], *part = repeat("a", 1000, "", ""), *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    world w;

    begin(&w, 1);
    fprintf(file,
        "length(replace(replace(replace(s, 'l', '%s'), 'a', '%s'), 'a', 's'))",
        part, part);
    fclose(file);
    ck_assert_str_eq(value_as(&w, text, 0, out), "null!");
    free(text);
    file = open_memstream(&text, &size);
    fprintf(file, "length(replace(replace('a', 'a', '%s'), 'a', '%s'))", part,
        part);
    fclose(file);
    ck_assert_str_eq(value_as(&w, text, 0, out), "1000000");
    free(text);
    free(part);
    end(&w);
}
END_TEST

/* --------------------------------------------------------------------- rows */

START_TEST(an_expression_tells_its_type_columns_and_what_it_fits)
{
    static const struct type_case {
        const char *text;
        larder_type type, fits[4];
    } cases[] = {
        {"i", LARDER_INT64, {LARDER_INT64, LARDER_INT32, LARDER_FLOAT64}},
        {"j", LARDER_INT64, {LARDER_INT64, LARDER_INT32, LARDER_FLOAT64}},
        {"f", LARDER_FLOAT64, {LARDER_FLOAT64, LARDER_FLOAT32}},
        {"s", LARDER_STRING, {LARDER_STRING}},
        {"i > 1", LARDER_BOOL, {LARDER_BOOL}},
        {"ts", LARDER_TIMESTAMP, {LARDER_TIMESTAMP}},
        {"cast(i as int32)", LARDER_INT64,
            {LARDER_INT64, LARDER_INT32, LARDER_FLOAT64}},
    };
    world w;

    begin(&w, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ldr_expression *e = must_parse(&w, cases[i].text);

        ck_assert_int_eq(ldr_expression_type(e), cases[i].type);
        for (larder_type t = LARDER_BOOL; t <= LARDER_TIMESTAMP_LIST; t++) {
            bool fits = false;

            for (size_t k = 0; k < 4; k++)
                fits = fits || cases[i].fits[k] == t;
            ck_assert_int_eq(ldr_expression_fits(e, t), fits);
        }
    }
    ck_assert_int_eq(ldr_expression_type(must_parse(&w, "null")), 0);
    ck_assert(ldr_expression_fits(must_parse(&w, "null"), LARDER_BYTES_LIST));
    end(&w);
}
END_TEST

START_TEST(columns_are_listed_once_in_order)
{
    world w;
    size_t n = 9;
    const size_t *columns;

    begin(&w, 0);
    columns = ldr_expression_columns(
        must_parse(&w, "x + i * X + nullif(null, j)"), &n);
    ck_assert_uint_eq(n, 3);
    ck_assert_uint_eq(columns[0], 0);
    ck_assert_uint_eq(columns[1], 1);
    ck_assert_uint_eq(columns[2], 2);
    ldr_expression_columns(must_parse(&w, "1 + 1"), &n);
    ck_assert_uint_eq(n, 0);
    end(&w);
}
END_TEST

START_TEST(a_value_is_stored_as_the_type_asked_or_made_null)
{
    world w;
    char out[256];

    begin(&w, 1);
    ck_assert_str_eq(value_as(&w, "i", LARDER_INT32, out), "7");
    ck_assert_str_eq(value_as(&w, "big", LARDER_INT32, out), "null!");
    ck_assert_str_eq(value_as(&w, "2147483648", LARDER_INT32, out), "null!");
    ck_assert_str_eq(
        value_as(&w, "-2147483648", LARDER_INT32, out), "-2147483648");
    ck_assert_str_eq(value_as(&w, "i", LARDER_FLOAT64, out), "7.0");
    ck_assert_str_eq(
        value_as(&w, "big", LARDER_FLOAT64, out), "9.223372036854776e+18");
    ck_assert_str_eq(value_as(&w, "0.1", LARDER_FLOAT32, out), "0.1");
    ck_assert_str_eq(value_as(&w, "1e300", LARDER_FLOAT32, out), "null!");
    ck_assert_str_eq(value_as(&w, "1 / zero", LARDER_FLOAT32, out), "null!");
    ck_assert_str_eq(value_as(&w, "nan", LARDER_FLOAT32, out), "null!");
    ck_assert_str_eq(value_as(&w, "null", LARDER_STRING, out), "null");
    ck_assert_str_eq(value_as(&w, "n", LARDER_INT32, out), "null");
    ck_assert_str_eq(value_as(&w, "nb", LARDER_BOOL, out), "null");
    ck_assert_str_eq(value_as(&w, "no", LARDER_BOOL, out), "false");
    end(&w);
}
END_TEST

#define MANY 5000u

static const char *const of_rows[] = {"k", "k * 2 + r", "r / (k % 7)",
    "k % 5 = 0",
    "case when k % 3 = 0 then t || '!' when k % 3 = 1 then upper(t) end",
    "coalesce(k / nullif(k % 4, 0), r)", "k in (1, 2, 1030)",
    "t between '1' and '3' or r is null", "least(k, 9, k % 11)",
    "replace(t, '1', t)", "not (k % 2 = 0 and r > 0)", "nullif(t, '77')",
    "case k % 4 when 0 then r when 1 then k end", "cast(t as int64) + 1",
    "substr(t, -2) || cast(k % 2 = 0 as string)", "flag and r > 100"};

/* k counts, every seventh r is null and every eleventh NaN, t is k as text with
 * nulls, flag is its last bit. */
static void
fill_rows(larder_batch *batch, const larder_column **columns)
{
    static const larder_field row_fields[] = {{"k", LARDER_INT32},
        {"r", LARDER_FLOAT64}, {"t", LARDER_STRING}, {"flag", LARDER_BOOL}};
    static const larder_schema row_schema = {row_fields, 4};
    larder_error err = {0};

    *batch = (larder_batch){0};
    ck_assert_int_eq(larder_batch_init(batch, &row_schema, &err), LARDER_OK);
    for (size_t i = 0; i < MANY; i++) {
        char text[32];

        snprintf(text, sizeof text, "%zu", i);
        append(&batch->columns[0], text);
        append(&batch->columns[2], i % 13 == 0 ? NULL : text);
        append(&batch->columns[3], i % 2 == 0 ? "false" : "true");
        append(&batch->columns[1], i % 7 == 0    ? NULL
                                   : i % 11 == 0 ? "NaN"
                                                 : text);
    }
    batch->n_rows = MANY;
    for (size_t c = 0; c < 4; c++)
        columns[c] = &batch->columns[c];
}

static void
evaluate_rows(const ldr_expression *e, const larder_column *const *columns,
    size_t from, size_t to, ldr_expression_room **room, larder_column *out,
    uint64_t *n_made_null)
{
    larder_error err = {0};

    if (ldr_expression_evaluate(
            e, columns, from, to, room, out, n_made_null, &err) != LARDER_OK)
        ck_abort_msg("%s", err.message);
}

static void
must_equal(const larder_column *a, const larder_column *b, const char *text)
{
    ck_assert_uint_eq(a->n_rows, b->n_rows);
    ck_assert_uint_eq(a->n_nulls, b->n_nulls);
    for (size_t i = 0; i < a->n_rows; i++) {
        larder_value x = larder_column_value(a, i);
        larder_value y = larder_column_value(b, i);
        char s[64], t[64];
        size_t n_s = x.null ? 0 : larder_value_print(&x, s, sizeof s);
        size_t n_t = y.null ? 0 : larder_value_print(&y, t, sizeof t);

        if (x.null != y.null || n_s != n_t || memcmp(s, t, n_s) != 0)
            ck_abort_msg("%s: row %zu: %.*s and %.*s", text, i, (int)n_s, s,
                (int)n_t, t);
    }
}

START_TEST(a_row_has_the_same_value_alone_and_among_others)
{
    const larder_column *columns[4];
    larder_batch batch;
    ldr_arena arena = {0};
    ldr_expression_room *rooms[2] = {NULL, NULL};
    larder_error err = {0};

    fill_rows(&batch, columns);
    for (size_t i = 0; i < sizeof of_rows / sizeof of_rows[0]; i++) {
        larder_bytes text = {of_rows[i], strlen(of_rows[i])};
        larder_column whole = {0}, alone = {0};
        uint64_t n_whole = 0, n_alone = 0;
        ldr_expression *e = NULL;

        ck_assert_msg(ldr_expression_parse(text, batch.schema, &arena, &e, NULL,
                          &err) == LARDER_OK,
            "%s: %s", of_rows[i], err.message);
        ck_assert_int_eq(
            ldr_column_init(&whole, ldr_expression_type(e), &err), LARDER_OK);
        ck_assert_int_eq(
            ldr_column_init(&alone, ldr_expression_type(e), &err), LARDER_OK);
        evaluate_rows(e, columns, 0, 3, &rooms[0], &whole, &n_whole);
        evaluate_rows(e, columns, 3, MANY, &rooms[0], &whole, &n_whole);
        for (size_t row = 0; row < MANY; row++)
            evaluate_rows(
                e, columns, row, row + 1, &rooms[1], &alone, &n_alone);
        evaluate_rows(e, columns, 5, 5, &rooms[1], &alone, &n_alone);
        must_equal(&whole, &alone, of_rows[i]);
        ck_assert_uint_eq(n_whole, n_alone);
        ldr_column_release(&whole);
        ldr_column_release(&alone);
    }
    ldr_expression_room_free(rooms[0]);
    ldr_expression_room_free(rooms[1]);
    ldr_arena_free(&arena);
    larder_batch_release(&batch);
}
END_TEST

START_TEST(rows_with_long_texts_are_worked_on_a_few_at_a_time)
{
    char *part = repeat("b", 1000, "", ""), *text = NULL;
    const larder_column *columns[4];
    ldr_expression_room *room = NULL;
    larder_batch batch;
    ldr_arena arena = {0};
    larder_column out = {0};
    larder_error err = {0};
    ldr_expression *e = NULL;
    uint64_t n_made_null = 0;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    fill_rows(&batch, columns);
    fprintf(file,
        "length(replace(replace(cast(k %% 10 as string), '5', '%s'), "
        "'b', '%s'))",
        part, part);
    fclose(file);
    ck_assert_int_eq(ldr_expression_parse((larder_bytes){text, size},
                         batch.schema, &arena, &e, NULL, &err),
        LARDER_OK);
    ck_assert_int_eq(ldr_column_init(&out, LARDER_INT64, &err), LARDER_OK);
    evaluate_rows(e, columns, 0, 200, &room, &out, &n_made_null);
    ck_assert_uint_eq(n_made_null, 0);
    for (size_t i = 0; i < 200; i++)
        ck_assert_int_eq(
            ldr_column_integer(&out, i), i % 10 == 5 ? 1000000 : 1);
    ldr_column_release(&out);
    ldr_expression_room_free(room);
    ldr_arena_free(&arena);
    larder_batch_release(&batch);
    free(text);
    free(part);
}
END_TEST

START_TEST(a_room_that_has_grown_takes_no_more_memory)
{
    const larder_column *columns[4];
    ldr_expression_room *room = NULL;
    larder_batch batch;
    ldr_arena arena = {0};
    larder_error err = {0};

    fill_rows(&batch, columns);
    for (size_t i = 0; i < sizeof of_rows / sizeof of_rows[0]; i++) {
        larder_bytes text = {of_rows[i], strlen(of_rows[i])};
        larder_column out = {0};
        ldr_expression *e = NULL;
        uint64_t n_made_null = 0;
        size_t before;

        ck_assert_int_eq(
            ldr_expression_parse(text, batch.schema, &arena, &e, NULL, &err),
            LARDER_OK);
        ck_assert_int_eq(
            ldr_column_init(&out, ldr_expression_type(e), &err), LARDER_OK);
        evaluate_rows(e, columns, 0, MANY, &room, &out, &n_made_null);
        ldr_column_clear(&out);
        before = allocations_made();
        evaluate_rows(e, columns, 0, MANY, &room, &out, &n_made_null);
        ck_assert_msg(allocations_made() == before, "%s", of_rows[i]);
        ldr_column_release(&out);
    }
    ldr_expression_room_free(room);
    ldr_arena_free(&arena);
    larder_batch_release(&batch);
}
END_TEST

/* Parse and evaluate, with the nth allocation refused. */
static larder_status
with_one_refused(const char *words, const larder_column *const *columns,
    const larder_schema *row_schema, size_t nth, bool *refused)
{
    larder_bytes text = {words, strlen(words)};
    ldr_expression_room *room = NULL;
    ldr_arena arena = {0};
    ldr_expression *e = NULL;
    larder_column out = {.type = LARDER_STRING};
    larder_error err = {0};
    uint64_t n_made_null = 0;
    larder_status rc;

    allocations_refuse(nth, false);
    rc = ldr_expression_parse(text, row_schema, &arena, &e, NULL, &err);
    if (rc == LARDER_OK)
        rc = ldr_expression_evaluate(
            e, columns, 0, MANY, &room, &out, &n_made_null, &err);
    *refused = allocations_grant();
    if (rc != LARDER_OK) {
        ck_assert_uint_eq(out.n_rows, 0);
        ck_assert_uint_eq(n_made_null, 0);
        ck_assert_str_ne(err.message, "");
    }
    ldr_column_release(&out);
    ldr_expression_room_free(room);
    ldr_arena_free(&arena);
    return rc;
}

START_TEST(each_refused_allocation_is_told_and_leaves_nothing)
{
    const char *words = "case when k > 1 then upper(t) || lower('ABC') else "
                        "coalesce(t, '') end";
    const larder_column *columns[4];
    larder_batch batch;
    bool refused = true;
    size_t n = 0;

    fill_rows(&batch, columns);
    while (refused) {
        larder_status rc =
            with_one_refused(words, columns, batch.schema, ++n, &refused);

        ck_assert_int_eq(rc, refused ? LARDER_NOMEM : LARDER_OK);
        ck_assert_uint_lt(n, 1000);
    }
    ck_assert_uint_gt(n, 4);
    larder_batch_release(&batch);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("expression");
    TCase *tests = tcase_create("expression");

    tcase_add_test(tests, literals_are_what_is_written);
    tcase_add_test(tests, columns_are_found_by_name_then_by_name_without_case);
    tcase_add_test(tests, arithmetic_keeps_integers_and_mixes_to_reals);
    tcase_add_test(tests, what_has_no_value_is_made_null);
    tcase_add_test(tests, a_fault_counts_only_where_its_value_was_used);
    tcase_add_test(tests, comparison_is_of_one_kind_with_sqls_null);
    tcase_add_test(tests, logic_has_three_values);
    tcase_add_test(tests, null_in_and_between_ask_as_sql_does);
    tcase_add_test(tests, case_takes_the_first_that_is_true);
    tcase_add_test(tests, numbers_have_functions);
    tcase_add_test(tests, round_to_decimals_is_exact);
    tcase_add_test(tests, texts_have_functions_of_characters);
    tcase_add_test(tests, casts_convert_whole_values);
    tcase_add_test(tests, moments_are_read_in_utc);
    tcase_add_test(tests, what_is_not_the_language_is_told_with_its_place);
    tcase_add_test(tests, unknown_names_come_with_the_nearest);
    tcase_add_test(tests, types_that_do_not_go_together_are_told_with_a_cast);
    tcase_add_test(
        tests, a_text_too_long_too_deep_or_of_too_many_parts_is_refused);
    tcase_add_test(tests, what_is_within_the_limits_is_computed);
    tcase_add_test(tests, bytes_that_are_no_text_are_refused_where_they_are);
    tcase_add_test(tests, texts_that_would_fill_the_memory_are_made_null);
    tcase_add_test(
        tests, an_expression_tells_its_type_columns_and_what_it_fits);
    tcase_add_test(tests, columns_are_listed_once_in_order);
    tcase_add_test(tests, a_value_is_stored_as_the_type_asked_or_made_null);
    tcase_add_test(tests, a_row_has_the_same_value_alone_and_among_others);
    tcase_add_test(tests, rows_with_long_texts_are_worked_on_a_few_at_a_time);
    tcase_add_test(tests, a_room_that_has_grown_takes_no_more_memory);
    tcase_add_test(tests, each_refused_allocation_is_told_and_leaves_nothing);
    suite_add_tcase(suite, tests);
    return support_run(suite);
}
