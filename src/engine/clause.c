/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clause.c - one rule of one feature, asked of a column.
 *
 * Ranges are compared in the column's own numbers: bounds of an integer column
 * become integers once, so that no value is rounded. NaN is outside any range.
 * Allowed values are codes or texts, sorted, found by halving. Only nullable
 * says anything of nulls.
 */
#include "engine/clause.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/words.h"
#include "data/batch.h"
#include "data/schema.h"

/* ----------------------------------------------------------------- verdicts */

/* Equal values have equal codes: both zeros, and every NaN, are one. */
static uint64_t
code_of(const larder_column *column, size_t row)
{
    if (column->type == LARDER_FLOAT32 || column->type == LARDER_FLOAT64)
        return ldr_real_rank(ldr_column_real(column, row) + 0.0);
    return (uint64_t)ldr_column_integer(column, row);
}

static int
compare_codes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static int
compare_texts(const void *a, const void *b)
{
    const larder_bytes *x = a, *y = b;
    size_t n = x->size < y->size ? x->size : y->size;
    int order = n == 0 ? 0 : memcmp(x->data, y->data, n);

    return order != 0 ? order : x->size < y->size ? -1 : x->size > y->size;
}

static bool
is_allowed(const ldr_clause *clause, const larder_column *column, size_t row)
{
    larder_bytes text;
    uint64_t code;

    if (clause->texts != NULL) {
        text = ldr_column_text(column, row);
        return bsearch(&text, clause->texts, clause->n_values, sizeof text,
                   compare_texts) != NULL;
    }
    code = code_of(column, row);
    return bsearch(&code, clause->codes, clause->n_values, sizeof code,
               compare_codes) != NULL;
}

static bool
is_inside(const ldr_clause *clause, const larder_column *column, size_t row)
{
    double real;
    int64_t integer;

    if (column->type == LARDER_FLOAT32 || column->type == LARDER_FLOAT64) {
        real = ldr_column_real(column, row);
        return real >= clause->low && real <= clause->high;
    }
    integer = ldr_column_integer(column, row);
    return integer >= clause->least && integer <= clause->most;
}

bool
ldr_clause_is_broken(
    const ldr_clause *clause, const larder_column *column, size_t row)
{
    bool null = column->n_nulls > 0 && ldr_column_is_null(column, row);

    switch (clause->rule) {
    case LDR_RULE_NULLABLE:
        return null;
    case LDR_RULE_RANGE:
        return !null && !is_inside(clause, column, row);
    case LDR_RULE_VALUES:
        return !null && !is_allowed(clause, column, row);
        break;
    }
    return false;
}

/* Over a column without nulls, as fast as memory is read. */
#define COUNT_OUTSIDE(type, wide, name, low, high)                             \
    static size_t name(const ldr_clause *clause, const void *values,           \
        size_t begin, size_t end)                                              \
    {                                                                          \
        const type *v = values;                                                \
        size_t n = 0;                                                          \
                                                                               \
        for (size_t i = begin; i < end; i++)                                   \
            n += !(((wide)v[i] >= (low)) & ((wide)v[i] <= (high)));            \
        return n;                                                              \
    }

COUNT_OUTSIDE(int32_t, int64_t, count_int32, clause->least, clause->most)
COUNT_OUTSIDE(int64_t, int64_t, count_int64, clause->least, clause->most)
COUNT_OUTSIDE(float, double, count_float32, clause->low, clause->high)
COUNT_OUTSIDE(double, double, count_float64, clause->low, clause->high)

static size_t
count_slowly(const ldr_clause *clause, const larder_column *column,
    size_t begin, size_t end)
{
    size_t n = 0;

    for (size_t row = begin; row < end; row++)
        n += ldr_clause_is_broken(clause, column, row);
    return n;
}

size_t
ldr_clause_count(const ldr_clause *clause, const larder_column *column,
    size_t begin, size_t end)
{
    if (clause->rule == LDR_RULE_NULLABLE && column->n_nulls == 0)
        return 0;
    if (clause->rule != LDR_RULE_RANGE || column->n_nulls > 0)
        return count_slowly(clause, column, begin, end);
    if (column->type == LARDER_INT32)
        return count_int32(clause, column->values, begin, end);
    if (column->type == LARDER_FLOAT32)
        return count_float32(clause, column->values, begin, end);
    if (column->type == LARDER_FLOAT64)
        return count_float64(clause, column->values, begin, end);
    return count_int64(clause, column->values, begin, end);
}

/* -------------------------------------------------------------------- words */

/* Of so many bytes the base64 has room. */
#define BYTES_SHOWN 45

void
ldr_clause_print_value(
    const larder_column *column, size_t row, char out[LDR_CLIP_ROOM])
{
    larder_value value = larder_column_value(column, row);
    char clip[LDR_CLIP_ROOM];

    if (value.null) {
        memcpy(out, "null", sizeof "null");
    } else if (value.type == LARDER_STRING) {
        ldr_words_line(out, LDR_CLIP_ROOM, ldr_text_clip(value.as.text, clip));
    } else if (value.type == LARDER_BYTES && value.as.text.size > BYTES_SHOWN) {
        value.as.text.size = BYTES_SHOWN;
        memcpy(out + larder_value_print(&value, out, LDR_CLIP_ROOM), "...",
            sizeof "...");
    } else {
        larder_value_print(&value, out, LDR_CLIP_ROOM);
    }
}

/* One end of a range, without the ".0" of whole numbers. */
static const char *
print_end(double end, char out[LDR_NUMBER_ROOM])
{
    size_t size = ldr_double_print(end, out);

    if (size > 2 && strcmp(out + size - 2, ".0") == 0)
        out[size - 2] = '\0';
    return out;
}

#define RANGE_ROOM (2 * LDR_NUMBER_ROOM + 4)

/* "[0, 100]" */
static const char *
print_range(const ldr_clause *clause, char out[RANGE_ROOM])
{
    char low[LDR_NUMBER_ROOM], high[LDR_NUMBER_ROOM];

    snprintf(out, RANGE_ROOM, "[%s, %s]", print_end(clause->low, low),
        print_end(clause->high, high));
    return out;
}

larder_status
ldr_clause_refuse(
    const ldr_clause *clause, const char *value, larder_error *err)
{
    char range[RANGE_ROOM];

    switch (clause->rule) {
    case LDR_RULE_NULLABLE:
        return larder_fail(err, LARDER_INVALID,
            "a null, and feature '%s:%s' is 'nullable: false'", clause->view,
            clause->feature);
    case LDR_RULE_RANGE:
        return larder_fail(err, LARDER_INVALID,
            "%s is outside the range %s of feature '%s:%s'", value,
            print_range(clause, range), clause->view, clause->feature);
    case LDR_RULE_VALUES:
        break;
    }
    larder_fail(err, LARDER_INVALID,
        "'%s' is none of the values of feature '%s:%s'", value, clause->view,
        clause->feature);
    larder_hint(err, "it takes %s", clause->listed);
    return LARDER_INVALID;
}

const char *
ldr_clause_print_rule(const ldr_clause *clause, char out[LDR_RULE_ROOM])
{
    char range[RANGE_ROOM];

    switch (clause->rule) {
    case LDR_RULE_NULLABLE:
        return "null, against 'nullable: false'";
    case LDR_RULE_RANGE:
        snprintf(out, LDR_RULE_ROOM, "outside its range %s",
            print_range(clause, range));
        return out;
    case LDR_RULE_VALUES:
        break;
    }
    return "none of its values";
}

const char *
ldr_rule_name(ldr_rule rule)
{
    switch (rule) {
    case LDR_RULE_NULLABLE:
        return "nullable";
    case LDR_RULE_RANGE:
        return "range";
    case LDR_RULE_VALUES:
        break;
    }
    return "values";
}

/* ------------------------------------------------------------------- making */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for a contract");
}

/* The whole numbers from low to high; none: least is over most. */
static void
set_range(ldr_clause *clause, double low, double high)
{
    static const double limit = 9223372036854775808.0; /* 2^63 */
    double least = ceil(low), most = floor(high);

    clause->low = low;
    clause->high = high;
    if (least >= limit || most < -limit) {
        clause->least = 1;
        clause->most = 0;
        return;
    }
    clause->least = least < -limit ? INT64_MIN : (int64_t)least;
    clause->most = most >= limit ? INT64_MAX : (int64_t)most;
}

static larder_status
copy_texts(ldr_clause *clause, const larder_column *parsed, ldr_arena *arena,
    larder_error *err)
{
    larder_bytes *texts = ldr_arena_array(arena, parsed->n_rows, sizeof *texts);

    if (texts == NULL)
        return no_memory(err);
    for (size_t i = 0; i < parsed->n_rows; i++) {
        larder_bytes text = ldr_column_text(parsed, i);

        texts[i] = (larder_bytes){
            ldr_arena_copy_n(arena, text.data, text.size), text.size};
        if (texts[i].data == NULL)
            return no_memory(err);
    }
    qsort(texts, parsed->n_rows, sizeof *texts, compare_texts);
    clause->texts = texts;
    return LARDER_OK;
}

static larder_status
copy_codes(ldr_clause *clause, const larder_column *parsed, ldr_arena *arena,
    larder_error *err)
{
    uint64_t *codes = ldr_arena_array(arena, parsed->n_rows, sizeof *codes);

    if (codes == NULL)
        return no_memory(err);
    for (size_t i = 0; i < parsed->n_rows; i++)
        codes[i] = code_of(parsed, i);
    qsort(codes, parsed->n_rows, sizeof *codes, compare_codes);
    clause->codes = codes;
    return LARDER_OK;
}

/* "a, b, c", as far as a hint has room. */
static const char *
list_values(const ldr_feature *feature, ldr_arena *arena)
{
    char text[120] = "";
    size_t size = 0;

    for (size_t i = 0; i < feature->n_values; i++) {
        size_t more = strlen(feature->values[i]);

        if (size + more + 8 > sizeof text) {
            strcpy(text + size, ", ...");
            return ldr_arena_copy(arena, i == 0 ? "other values" : text);
        }
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%s",
            i == 0 ? "" : ", ", feature->values[i]);
    }
    return ldr_arena_copy(arena, text);
}

static larder_status
set_values(ldr_clause *clause, const ldr_feature *feature, ldr_arena *arena,
    larder_error *err)
{
    larder_column parsed = {0};
    larder_status rc;

    clause->n_values = feature->n_values;
    clause->listed = list_values(feature, arena);
    if (clause->listed == NULL)
        return no_memory(err);
    LARDER_TRY(ldr_column_init(&parsed, feature->type, err));
    for (size_t i = 0; i < feature->n_values; i++) {
        const char *text = feature->values[i];

        LARDER_TRY(larder_value_parse(&parsed,
            (larder_bytes){text, strlen(text)}, LARDER_NAIVE_REFUSED, err));
    }
    rc = ldr_type_is_text(feature->type)
             ? copy_texts(clause, &parsed, arena, err)
             : copy_codes(clause, &parsed, arena, err);
out:
    ldr_column_release(&parsed);
    return rc;
}

size_t
ldr_clauses_count(const ldr_feature *feature)
{
    if (feature->aggregate != LDR_AGGREGATE_NONE)
        return 0;
    return (size_t)!feature->nullable + (size_t)feature->has_range +
           (size_t)(feature->n_values > 0);
}

larder_status
ldr_clauses_of_feature(const ldr_view *view, const ldr_feature *feature,
    size_t at, ldr_arena *arena, ldr_clause **next, larder_error *err)
{
    ldr_clause one = {.view = ldr_arena_copy(arena, view->about.name),
        .feature = ldr_arena_copy(arena, feature->name),
        .column = ldr_arena_copy(arena, feature->from),
        .at = at,
        .refuse = feature->refuse};
    larder_status rc = LARDER_OK;

    if (one.view == NULL || one.feature == NULL || one.column == NULL)
        return no_memory(err);
    if (!feature->nullable) {
        **next = one;
        (*next)++->rule = LDR_RULE_NULLABLE;
    }
    if (feature->has_range) {
        **next = one;
        (*next)->rule = LDR_RULE_RANGE;
        set_range((*next)++, feature->range_low, feature->range_high);
    }
    if (feature->n_values > 0) {
        **next = one;
        (*next)->rule = LDR_RULE_VALUES;
        rc = set_values((*next)++, feature, arena, err);
    }
    return rc;
}
