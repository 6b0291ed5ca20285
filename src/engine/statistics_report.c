/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statistics_report.c - what was found of columns, as figures.
 *
 * Quantiles and bins are told from cells in ascending order: the values
 * themselves where they were kept, else those of the sketch.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "engine/statistics.h"

#define TOP 10u
#define BINS 20u

typedef ldr_statistic statistic;
__extension__ typedef unsigned __int128 wide;

/* One column on its way into the report. */
typedef struct figures {
    const statistic *from;
    larder_statistic *to;
    ldr_arena *arena;
    ldr_cell *cells; /* ascending */
    size_t n_cells;
} figures;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to tell statistics");
}

static double
real_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ------------------------------------------------------------------ values */

static larder_value
null_value(const statistic *s)
{
    return (larder_value){.type = s->type, .null = true};
}

static larder_value
real_value(const statistic *s, double value)
{
    larder_value out = {.type = s->type};

    if (value < s->least_real)
        value = s->least_real;
    if (value > s->greatest_real)
        value = s->greatest_real;
    if (s->type == LARDER_FLOAT32) /* what is told is one, too */
        value = (double)(float)value;
    out.as.real = value;
    return out;
}

static larder_value
integer_value(const statistic *s, int64_t value)
{
    larder_value out = {.type = s->type};

    if (value < s->least)
        value = s->least;
    if (value > s->greatest)
        value = s->greatest;
    out.as.integer = value;
    return out;
}

/* The middle of a cell may lie past the ends of int64. */
static int64_t
nearest_integer(double value)
{
    if (value >= 0x1p63)
        return INT64_MAX;
    return value < -0x1p63 ? INT64_MIN : (int64_t)nearbyint(value);
}

static larder_value
cell_value(const statistic *s, const ldr_cell *cell)
{
    return ldr_statistic_is_real(s->type) ? real_value(s, cell->real)
                                          : integer_value(s, cell->integer);
}

static bool
copy_text(ldr_arena *arena, const void *data, size_t size, larder_bytes *out)
{
    char *text = ldr_arena_copy_n(arena, size == 0 ? "" : data, size);

    *out = (larder_bytes){text, size};
    return text != NULL;
}

/* ------------------------------------------------------------------- cells */

static int
compare_cells(const void *a, const void *b)
{
    const ldr_cell *x = a, *y = b;

    if (x->real != y->real)
        return x->real < y->real ? -1 : 1;
    return (x->integer > y->integer) - (x->integer < y->integer);
}

/* Of the values that were kept one by one; real is 0 where they are integers.
 */
static void
cells_of_values(figures *f)
{
    const statistic *s = f->from;

    for (size_t i = 0; i < s->distinct.room; i++) {
        const ldr_distinct_value *value = &s->distinct.values[i];
        ldr_cell cell = {.count = value->count};

        if (ldr_statistic_is_real(s->type))
            cell.real = real_of(value->bits);
        else
            cell.integer = (int64_t)value->bits;
        if (value->count > 0 && isfinite(cell.real))
            f->cells[f->n_cells++] = cell;
    }
    qsort(f->cells, f->n_cells, sizeof *f->cells, compare_cells);
}

static void
cells_of_sketch(figures *f)
{
    const statistic *s = f->from;

    if (s->type == LARDER_TIMESTAMP) {
        f->to->quantile_error = LDR_STEPS_ERROR;
        f->n_cells = ldr_steps_cells(&s->steps, f->cells);
        return;
    }
    f->to->quantile_error = LDR_SKETCH_ERROR;
    f->n_cells = ldr_sketch_cells(&s->sketch, f->cells);
    for (size_t i = 0; ldr_statistic_is_integer(s->type) && i < f->n_cells; i++)
        f->cells[i].integer = nearest_integer(f->cells[i].real);
}

static larder_status
find_cells(figures *f, larder_error *err)
{
    const statistic *s = f->from;
    bool exact = ldr_distinct_is_exact(&s->distinct);
    size_t room = exact ? s->distinct.n
                  : s->type == LARDER_TIMESTAMP
                      ? ldr_steps_cells(&s->steps, NULL)
                      : ldr_sketch_cells(&s->sketch, NULL);

    f->cells = malloc((room + 1) * sizeof *f->cells);
    if (f->cells == NULL)
        return no_memory(err);
    if (exact)
        cells_of_values(f);
    else
        cells_of_sketch(f);
    return LARDER_OK;
}

/* The least value that `percent` of all do not exceed. */
static larder_value
quantile(const figures *f, unsigned percent)
{
    wide wanted = ((wide)f->from->n_finite * percent + 99) / 100, sum = 0;

    for (size_t i = 0; i < f->n_cells; i++) {
        sum += f->cells[i].count;
        if (sum >= wanted)
            return cell_value(f->from, &f->cells[i]);
    }
    return null_value(f->from);
}

/* -------------------------------------------------------------------- bins */

/* Where bin i of n begins. */
static larder_value
bound(const statistic *s, size_t i, size_t n)
{
    if (i == n)
        i = SIZE_MAX; /* the end, which is the greatest */
    if (ldr_statistic_is_real(s->type)) {
        double step = s->greatest_real / (double)n - s->least_real / (double)n;

        return real_value(s, i == SIZE_MAX ? s->greatest_real
                                           : s->least_real + step * (double)i);
    } else {
        wide span = (wide)((uint64_t)s->greatest - (uint64_t)s->least) + 1;
        uint64_t offset =
            i == SIZE_MAX ? (uint64_t)(span - 1) : (uint64_t)(span * i / n);

        return integer_value(s, (int64_t)((uint64_t)s->least + offset));
    }
}

static bool
is_before(const statistic *s, larder_value a, larder_value b)
{
    return ldr_statistic_is_real(s->type) ? a.as.real < b.as.real
                                          : a.as.integer < b.as.integer;
}

static size_t
count_bins(const statistic *s)
{
    uint64_t range = (uint64_t)s->greatest - (uint64_t)s->least;

    if (ldr_statistic_is_real(s->type))
        return s->least_real == s->greatest_real ? 1 : BINS;
    return range < BINS ? (size_t)range + 1 : BINS;
}

static larder_status
make_bins(figures *f, larder_error *err)
{
    larder_statistic *to = f->to;
    size_t n = count_bins(f->from), bin = 0;

    to->bins = ldr_arena_array(f->arena, n, sizeof *to->bins);
    if (to->bins == NULL)
        return no_memory(err);
    to->n_bins = n;
    for (size_t i = 0; i < n; i++)
        to->bins[i] = (larder_bin){
            .from = bound(f->from, i, n), .to = bound(f->from, i + 1, n)};
    for (size_t i = 0; i < f->n_cells; i++) {
        larder_value value = cell_value(f->from, &f->cells[i]);

        while (bin + 1 < n && !is_before(f->from, value, to->bins[bin].to))
            bin++;
        to->bins[bin].count += f->cells[i].count;
    }
    return LARDER_OK;
}

static larder_status
place_figures(figures *f, larder_error *err)
{
    const statistic *s = f->from;
    larder_statistic *to = f->to;
    bool real = ldr_statistic_is_real(s->type);
    larder_status rc;

    if (s->n_finite == 0)
        return LARDER_OK;
    to->min = real ? real_value(s, s->least_real) : integer_value(s, s->least);
    to->max =
        real ? real_value(s, s->greatest_real) : integer_value(s, s->greatest);
    if (s->type != LARDER_TIMESTAMP) {
        to->has_mean = true;
        to->mean = ldr_sum_mean(&s->moments.sum, s->n_finite);
        to->stddev = ldr_moments_stddev(&s->moments);
    }
    LARDER_TRY(find_cells(f, err));
    to->p50 = quantile(f, 50);
    to->p95 = quantile(f, 95);
    to->p99 = quantile(f, 99);
    rc = make_bins(f, err);
out:
    free(f->cells);
    return rc;
}

/* ----------------------------------------------------- top values, lengths */

typedef struct ranked {
    const statistic *from;
    const ldr_distinct_value *value;
} ranked;

static int
compare_ranked(const void *a, const void *b)
{
    const ranked *x = a, *y = b;

    if (x->value->count != y->value->count)
        return x->value->count > y->value->count ? -1 : 1;
    if (x->from->distinct.is_text) {
        larder_bytes s = ldr_distinct_text(&x->from->distinct, x->value);
        larder_bytes t = ldr_distinct_text(&y->from->distinct, y->value);
        int order = memcmp(s.data, t.data, s.size < t.size ? s.size : t.size);

        return order != 0 ? order : (s.size > t.size) - (s.size < t.size);
    }
    return (int64_t)x->value->bits < (int64_t)y->value->bits ? -1 : 1;
}

static bool
top_value(const statistic *s, const ldr_distinct_value *value, ldr_arena *arena,
    larder_value *out)
{
    larder_bytes text;

    *out = (larder_value){.type = s->type};
    if (s->type == LARDER_BOOL) {
        out->as.boolean = value->bits != 0;
        return true;
    }
    if (!s->distinct.is_text) {
        out->as.integer = (int64_t)value->bits;
        return true;
    }
    text = ldr_distinct_text(&s->distinct, value);
    return copy_text(arena, text.data, text.size, &out->as.text);
}

static larder_status
make_top(figures *f, larder_error *err)
{
    const statistic *s = f->from;
    size_t n = s->distinct.n, n_ranked = 0;
    ranked *all = malloc((n + 1) * sizeof *all);
    larder_status rc = LARDER_OK;

    if (all == NULL)
        return no_memory(err);
    for (size_t i = 0; i < s->distinct.room; i++)
        if (s->distinct.values[i].count > 0)
            all[n_ranked++] = (ranked){s, &s->distinct.values[i]};
    qsort(all, n_ranked, sizeof *all, compare_ranked);
    n = n < TOP ? n : TOP;
    f->to->top = ldr_arena_array(f->arena, n + 1, sizeof *f->to->top);
    for (size_t i = 0; f->to->top != NULL && i < n; i++) {
        larder_counted *top = &f->to->top[i];

        top->count = all[i].value->count;
        if (!top_value(s, all[i].value, f->arena, &top->value))
            f->to->top = NULL;
    }
    if (f->to->top == NULL)
        rc = no_memory(err);
    else
        f->to->n_top = n;
    free(all);
    return rc;
}

static larder_status
text_figures(figures *f, larder_error *err)
{
    const statistic *s = f->from;
    larder_statistic *to = f->to;

    if (s->least_text.data == NULL)
        return LARDER_OK;
    to->min = to->max = (larder_value){.type = s->type};
    if (!copy_text(f->arena, s->least_text.data, s->least_text.size,
            &to->min.as.text) ||
        !copy_text(f->arena, s->greatest_text.data, s->greatest_text.size,
            &to->max.as.text))
        return no_memory(err);
    return LARDER_OK;
}

static void
lengths(const statistic *s, larder_statistic *to)
{
    to->has_lengths = true;
    to->min_length = s->min_length;
    to->max_length = s->max_length;
    to->mean_length = ldr_integer_sum_real(&s->lengths) / (double)s->count;
}

static larder_status
tell_column(figures *f, larder_error *err)
{
    const statistic *s = f->from;
    larder_statistic *to = f->to;
    bool text = s->type == LARDER_STRING || s->type == LARDER_BYTES;
    bool list = s->type >= LARDER_LIST;
    bool few = ldr_distinct_is_exact(&s->distinct);
    larder_status rc = LARDER_OK;

    to->count = s->count;
    to->nulls = s->nulls;
    to->nan = s->nan;
    to->above = s->above;
    to->below = s->below;
    to->min = to->max = to->p50 = to->p95 = to->p99 = null_value(s);
    to->has_distinct = !list;
    to->distinct = ldr_distinct_count(&s->distinct);
    to->distinct_error = few ? 0 : LDR_DISTINCT_ERROR;
    if ((text || list) && s->count > 0)
        lengths(s, to);
    if (text)
        LARDER_TRY(text_figures(f, err));
    else if (!list && s->type != LARDER_BOOL)
        LARDER_TRY(place_figures(f, err));
    if (few &&
        (text || s->type == LARDER_BOOL || ldr_statistic_is_integer(s->type)))
        LARDER_TRY(make_top(f, err));
out:
    return rc;
}

larder_status
ldr_statistics_report(
    const ldr_statistics *statistics, larder_stats *out, larder_error *err)
{
    larder_stats told = {.oldest = LARDER_TIME_MIN, .newest = LARDER_TIME_MIN};
    ldr_arena *arena = calloc(1, sizeof *arena);
    larder_status rc = LARDER_OK;

    if (arena == NULL)
        return no_memory(err);
    told.memory = arena;
    told.rows = statistics->n_rows;
    told.columns =
        ldr_arena_array(arena, statistics->n_columns + 1, sizeof *told.columns);
    if (told.columns == NULL)
        rc = no_memory(err);
    for (size_t i = 0; rc == LARDER_OK && i < statistics->n_columns; i++) {
        const larder_field *field = &statistics->fields[i];
        figures f = {.from = &statistics->columns[i],
            .to = &told.columns[i],
            .arena = arena};

        told.n_columns++;
        f.to->type = field->type;
        f.to->name = ldr_arena_copy(arena, field->name);
        rc = f.to->name == NULL ? no_memory(err) : tell_column(&f, err);
    }
    if (rc == LARDER_OK)
        *out = told;
    else
        ldr_statistics_report_release(&told);
    return rc;
}

void
ldr_statistics_report_release(larder_stats *stats)
{
    ldr_arena *arena = stats->memory;

    if (arena != NULL)
        ldr_arena_free(arena);
    free(arena);
    *stats = (larder_stats){0};
}
