/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statistics.c - what columns hold, in one pass.
 *
 * Quantiles are told from the distinct values while these are kept one by one.
 * When they become too many, those there were go into the cells of a sketch,
 * and each later one too. So both ways hold every value once.
 */
#include "engine/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/column.h"

typedef ldr_statistic statistic;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for statistics");
}

larder_status
ldr_statistics_init(ldr_statistics *statistics, const larder_field *fields,
    size_t n_fields, larder_error *err)
{
    statistic *columns = calloc(n_fields + 1, sizeof *columns);

    if (columns == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n_fields; i++)
        columns[i] = (statistic){.type = fields[i].type,
            .least = INT64_MAX,
            .greatest = INT64_MIN,
            .least_real = (double)INFINITY,
            .greatest_real = -(double)INFINITY,
            .min_length = UINT64_MAX};
    *statistics = (ldr_statistics){
        .fields = fields, .n_columns = n_fields, .columns = columns};
    return LARDER_OK;
}

void
ldr_statistics_release(ldr_statistics *statistics)
{
    for (size_t i = 0; i < statistics->n_columns; i++) {
        statistic *s = &statistics->columns[i];

        ldr_distinct_release(&s->distinct);
        ldr_sketch_release(&s->sketch);
        ldr_steps_release(&s->steps);
        ldr_buffer_free(&s->least_text);
        ldr_buffer_free(&s->greatest_text);
    }
    free(statistics->columns);
    *statistics = (ldr_statistics){0};
}

/* --------------------------------------------------------- numbers, times */

static inline uint64_t
bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double
real_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static larder_status
place(statistic *s, uint64_t bits, uint64_t count, larder_error *err)
{
    if (ldr_statistic_is_integer(s->type))
        return ldr_sketch_add(&s->sketch, (double)(int64_t)bits, count, err);
    if (s->type == LARDER_TIMESTAMP)
        return ldr_steps_add(&s->steps, (int64_t)bits, count, err);
    if (!isfinite(real_of(bits)))
        return LARDER_OK;
    return ldr_sketch_add(&s->sketch, real_of(bits), count, err);
}

/* Values of a table that may be about to go. */
static larder_status
place_values(
    statistic *s, const ldr_distinct_value *values, size_t n, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < n; i++)
        if (values[i].count > 0)
            LARDER_TRY(place(s, values[i].bits, values[i].count, err));
out:
    return rc;
}

static bool
is_placed(larder_type type)
{
    return ldr_statistic_is_real(type) || ldr_statistic_is_integer(type) ||
           type == LARDER_TIMESTAMP;
}

/* A number or time by its bits. The last value that can be kept one by one may
 * be followed by one too many, so what is kept is placed before that. */
static inline larder_status
note(statistic *s, uint64_t bits, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (!s->placed && s->distinct.n == LDR_DISTINCT_MAX) {
        LARDER_TRY(place_values(s, s->distinct.values, s->distinct.room, err));
        s->placed = true;
    }
    if (s->placed)
        LARDER_TRY(place(s, bits, 1, err));
    rc = ldr_distinct_add_bits(&s->distinct, bits, 1, err);
out:
    return rc;
}

static inline larder_status
add_real(statistic *s, double value, larder_error *err)
{
    if (isnan(value)) {
        s->nan++;
        return note(s, bits_of((double)NAN), err);
    }
    if (isinf(value)) {
        s->above += value > 0;
        s->below += value < 0;
        return note(s, bits_of(value), err);
    }
    value += 0.0; /* -0.0 becomes 0.0 */
    s->n_finite++;
    s->least_real = value < s->least_real ? value : s->least_real;
    s->greatest_real = value > s->greatest_real ? value : s->greatest_real;
    ldr_moments_add(&s->moments, value);
    return note(s, bits_of(value), err);
}

static inline larder_status
add_integer(statistic *s, int64_t value, larder_error *err)
{
    s->n_finite++;
    s->least = value < s->least ? value : s->least;
    s->greatest = value > s->greatest ? value : s->greatest;
    if (ldr_statistic_is_integer(s->type))
        ldr_moments_add_integer(&s->moments, value);
    return note(s, (uint64_t)value, err);
}

static larder_status
add_reals(
    statistic *s, const larder_column *column, size_t n_rows, larder_error *err)
{
    const double *wide = column->values;
    const float *narrow = column->values;
    bool is_wide = s->type == LARDER_FLOAT64;
    larder_status rc = LARDER_OK;

    for (size_t row = 0; row < n_rows; row++)
        if (!ldr_column_is_null(column, row))
            LARDER_TRY(
                add_real(s, is_wide ? wide[row] : (double)narrow[row], err));
out:
    return rc;
}

static larder_status
add_integers(
    statistic *s, const larder_column *column, size_t n_rows, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t row = 0; row < n_rows; row++)
        if (!ldr_column_is_null(column, row))
            LARDER_TRY(add_integer(s, ldr_column_integer(column, row), err));
out:
    return rc;
}

/* ------------------------------------------------------------ text, lists */

static int
compare_bytes(larder_bytes a, const ldr_buffer *b)
{
    size_t n = a.size < b->size ? a.size : b->size;
    int order = n == 0 ? 0 : memcmp(a.data, b->data, n);

    return order != 0 ? order : (a.size > b->size) - (a.size < b->size);
}

static larder_status
keep_bytes(ldr_buffer *to, larder_bytes text, larder_error *err)
{
    larder_status rc;

    to->size = 0;
    LARDER_TRY(ldr_buffer_reserve(to, text.size + 1, err));
    if (text.size > 0)
        memcpy(to->data, text.data, text.size);
    to->size = text.size;
out:
    return rc;
}

/* data is NULL until there is a least one. */
static larder_status
compare_text(statistic *s, larder_bytes text, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (s->least_text.data == NULL || compare_bytes(text, &s->least_text) < 0)
        LARDER_TRY(keep_bytes(&s->least_text, text, err));
    if (s->greatest_text.data == NULL ||
        compare_bytes(text, &s->greatest_text) > 0)
        LARDER_TRY(keep_bytes(&s->greatest_text, text, err));
out:
    return rc;
}

static void
add_length(statistic *s, uint64_t length)
{
    s->min_length = length < s->min_length ? length : s->min_length;
    s->max_length = length > s->max_length ? length : s->max_length;
    ldr_integer_sum_add(&s->lengths, (int64_t)length);
}

static uint64_t
count_characters(larder_bytes text)
{
    const unsigned char *bytes = text.data;
    uint64_t n = 0;

    for (size_t i = 0; i < text.size; i++)
        n += (bytes[i] & 0xC0) != 0x80;
    return n;
}

static larder_status
add_texts(
    statistic *s, const larder_column *column, size_t n_rows, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t row = 0; row < n_rows; row++) {
        larder_bytes text = ldr_column_text(column, row);
        bool fresh = false;

        if (ldr_column_is_null(column, row))
            continue;
        add_length(
            s, s->type == LARDER_STRING ? count_characters(text) : text.size);
        LARDER_TRY(ldr_distinct_add_text(&s->distinct, text, 1, &fresh, err));
        if (fresh)
            LARDER_TRY(compare_text(s, text, err));
    }
out:
    return rc;
}

static void
add_lists(statistic *s, const larder_column *column, size_t n_rows)
{
    for (size_t row = 0; row < n_rows; row++)
        if (!ldr_column_is_null(column, row))
            add_length(
                s, (uint64_t)(column->offsets[row + 1] - column->offsets[row]));
}

/* ---------------------------------------------------------------- columns */

static uint64_t
count_nulls(const larder_column *column, size_t n_rows)
{
    uint64_t n = 0;

    if (column->valid == NULL)
        return 0;
    for (size_t row = 0; row < n_rows; row++)
        n += ldr_column_is_null(column, row);
    return n;
}

static larder_status
add_column(
    statistic *s, const larder_column *column, size_t n_rows, larder_error *err)
{
    uint64_t nulls = count_nulls(column, n_rows);

    s->nulls += nulls;
    s->count += n_rows - nulls;
    if (ldr_statistic_is_real(s->type))
        return add_reals(s, column, n_rows, err);
    if (s->type == LARDER_STRING || s->type == LARDER_BYTES)
        return add_texts(s, column, n_rows, err);
    if (s->type < LARDER_LIST)
        return add_integers(s, column, n_rows, err);
    add_lists(s, column, n_rows);
    return LARDER_OK;
}

larder_status
ldr_statistics_add(ldr_statistics *statistics, const larder_column *columns,
    size_t n_rows, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < statistics->n_columns; i++)
        LARDER_TRY(
            add_column(&statistics->columns[i], &columns[i], n_rows, err));
    statistics->n_rows += n_rows;
out:
    return rc;
}

/* ---------------------------------------------------------------- joining */

/* Values are in cells on both sides, or on neither. */
static larder_status
join_places(statistic *s, const statistic *from, larder_error *err)
{
    size_t n = s->distinct.n + from->distinct.n;
    larder_status rc = LARDER_OK;

    if (!is_placed(s->type))
        goto out;
    if (!s->placed && !from->placed && n < LDR_DISTINCT_MAX)
        goto out; /* they stay few */
    if (!s->placed)
        LARDER_TRY(place_values(s, s->distinct.values, s->distinct.room, err));
    s->placed = true;
    if (!from->placed)
        LARDER_TRY(
            place_values(s, from->distinct.values, from->distinct.room, err));
    LARDER_TRY(ldr_sketch_join(&s->sketch, &from->sketch, err));
    LARDER_TRY(ldr_steps_join(&s->steps, &from->steps, err));
out:
    return rc;
}

static larder_status
join_texts(statistic *s, const statistic *from, larder_error *err)
{
    const ldr_buffer *least = &from->least_text;
    const ldr_buffer *greatest = &from->greatest_text;
    larder_status rc = LARDER_OK;

    if (least->data == NULL)
        goto out;
    LARDER_TRY(compare_text(s, (larder_bytes){least->data, least->size}, err));
    LARDER_TRY(
        compare_text(s, (larder_bytes){greatest->data, greatest->size}, err));
out:
    return rc;
}

static larder_status
join_column(statistic *s, const statistic *from, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(join_places(s, from, err));
    LARDER_TRY(ldr_distinct_join(&s->distinct, &from->distinct, err));
    LARDER_TRY(join_texts(s, from, err));
    s->count += from->count;
    s->nulls += from->nulls;
    s->nan += from->nan;
    s->above += from->above;
    s->below += from->below;
    s->n_finite += from->n_finite;
    s->least = from->least < s->least ? from->least : s->least;
    s->greatest = from->greatest > s->greatest ? from->greatest : s->greatest;
    s->least_real = fmin(s->least_real, from->least_real);
    s->greatest_real = fmax(s->greatest_real, from->greatest_real);
    ldr_moments_join(&s->moments, &from->moments);
    if (from->min_length < s->min_length)
        s->min_length = from->min_length;
    if (from->max_length > s->max_length)
        s->max_length = from->max_length;
    s->lengths.total += from->lengths.total;
out:
    return rc;
}

larder_status
ldr_statistics_join(
    ldr_statistics *statistics, const ldr_statistics *from, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < statistics->n_columns; i++)
        LARDER_TRY(
            join_column(&statistics->columns[i], &from->columns[i], err));
    statistics->n_rows += from->n_rows;
out:
    return rc;
}
