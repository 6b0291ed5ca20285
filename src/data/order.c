/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.c - the rows of one batch put in order, without moving them.
 *
 * Column after column: each value becomes a 64-bit number of the same order,
 * pairs of number and row are sorted, and runs of equal numbers are sorted by
 * what comes next: more of the text, then the next column. So a value is read
 * once and most comparisons are of two numbers side by side. Only lists, and
 * texts that agree for long, are compared where they lie. Every step is stable.
 */
#include "data/order.h"

#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/bytes.h"
#include "data/schema.h"

/* Up to so many pairs insertion is faster than counting digits. */
#define FEW 48u
/* Steps into a text, of seven bytes beyond what is common, before comparing. */
#define TEXT_STEPS 6u
/* Pairs handled between two looks at the caller's patience. */
#define PATIENCE ((size_t)1 << 20)

/* Rows that are called up before they are looked at: sorted they lie anywhere
 * in the batch. */
#define AHEAD 16u

typedef struct pair {
    uint64_t number;
    size_t row;
} pair;

_Static_assert(2 * sizeof(pair) <= LDR_ORDER_BYTES, "as order.h promises");

typedef struct ordering {
    const larder_batch *batch;
    const ldr_sort_column *by;
    size_t n_by;
    const larder_call *call;
    const pair *pairs; /* where they begin, and as many spare */
    pair *spare;
    size_t n_handled;
} ordering;

/* ------------------------------------------------------- values as numbers */

static uint64_t
value_number(const larder_column *column, size_t row)
{
    if (column->type == LARDER_FLOAT32 || column->type == LARDER_FLOAT64)
        return ldr_real_rank(ldr_column_real(column, row));
    return ldr_integer_rank(ldr_column_integer(column, row));
}

/* Seven bytes of text from `skip`, then how many there were; 8: and more. */
static uint64_t
text_number(larder_bytes text, size_t skip)
{
    const unsigned char *bytes = (const unsigned char *)text.data + skip;
    size_t left = text.size - skip, n = left < 7 ? left : 7;
    uint64_t number = 0;

    for (size_t i = 0; i < n; i++)
        number |= (uint64_t)bytes[i] << (56 - 8 * i);
    return number | (left > 7 ? 8 : left);
}

uint64_t
ldr_order_prefix(const larder_column *column, size_t row, bool descending)
{
    uint64_t number = 0;

    if (!ldr_column_is_null(column, row)) {
        if (ldr_type_is_text(column->type))
            number = text_number(ldr_column_text(column, row), 0);
        else if (!ldr_type_is_list(column->type))
            number = value_number(column, row);
    }
    return descending ? ~number : number;
}

int
ldr_order_rows(const larder_batch *a, size_t row_a, const larder_batch *b,
    size_t row_b, const ldr_sort_column *by, size_t n_by)
{
    for (size_t i = 0; i < n_by; i++) {
        size_t column = by[i].column;
        larder_value x = larder_column_value(&a->columns[column], row_a);
        larder_value y = larder_column_value(&b->columns[column], row_b);
        int order = ldr_value_order(&x, &y);

        if (order != 0)
            return by[i].descending ? -order : order;
    }
    return 0;
}

/* ----------------------------------------------------------- sorting pairs */

static void
insert_each(pair *run, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        pair moved = run[i];
        size_t at = i;

        for (; at > 0 && run[at - 1].number > moved.number; at--)
            run[at] = run[at - 1];
        run[at] = moved;
    }
}

/* One pass: into `out` by the digit at `shift`. */
static void
deal(const pair *in, pair *out, size_t n, unsigned shift, uint64_t least)
{
    size_t begins[256] = {0}, begin = 0;

    for (size_t i = 0; i < n; i++)
        begins[(in[i].number - least) >> shift & 0xff]++;
    for (size_t digit = 0; digit < 256; digit++) {
        size_t count = begins[digit];

        begins[digit] = begin;
        begin += count;
    }
    for (size_t i = 0; i < n; i++)
        out[begins[(in[i].number - least) >> shift & 0xff]++] = in[i];
}

/* By digits of eight bits, the least first; as many as the range needs. */
static void
sort_digits(pair *run, pair *spare, size_t n, uint64_t least, uint64_t most)
{
    pair *from = run, *to = spare;

    for (unsigned shift = 0; shift < 64 && (most - least) >> shift != 0;
         shift += 8) {
        pair *swap = from;

        deal(from, to, n, shift, least);
        from = to;
        to = swap;
    }
    if (from != run)
        memcpy(run, from, n * sizeof *run);
}

static void
sort_numbers(pair *run, pair *spare, size_t n)
{
    uint64_t least = run[0].number, most = run[0].number;
    bool sorted = true;

    for (size_t i = 1; i < n; i++) {
        uint64_t number = run[i].number;

        sorted = sorted && number >= run[i - 1].number;
        least = number < least ? number : least;
        most = number > most ? number : most;
    }
    if (sorted)
        return;
    if (n <= FEW)
        insert_each(run, n);
    else
        sort_digits(run, spare, n, least, most);
}

/* ------------------------------------------------- comparing where they lie */

/* Two rows by the one column at `level`; neither is null. */
static int
compare(const ordering *all, size_t level, size_t row_a, size_t row_b)
{
    return ldr_order_rows(
        all->batch, row_a, all->batch, row_b, &all->by[level], 1);
}

static void
merge_halves(const ordering *all, size_t level, const pair *run, size_t half,
    size_t n, pair *out)
{
    size_t i = 0, j = half;

    for (size_t at = 0; at < n; at++) {
        bool left = j == n || (i < half && compare(all, level, run[i].row,
                                               run[j].row) <= 0);

        out[at] = left ? run[i++] : run[j++];
    }
}

static larder_status
sort_compared(
    ordering *all, size_t level, pair *run, size_t n, larder_error *err)
{
    pair *spare = all->spare + (run - all->pairs);
    size_t half = n / 2;
    larder_status rc = LARDER_OK;

    if (n < 2)
        return LARDER_OK;
    LARDER_TRY(sort_compared(all, level, run, half, err));
    LARDER_TRY(sort_compared(all, level, run + half, n - half, err));
    all->n_handled += n;
    if (all->n_handled > PATIENCE / 8) {
        all->n_handled = 0;
        LARDER_TRY(larder_call_check(all->call, err));
    }
    if (compare(all, level, run[half - 1].row, run[half].row) > 0) {
        merge_halves(all, level, run, half, n, spare);
        memcpy(run, spare, n * sizeof *run);
    }
out:
    return rc;
}

/* ------------------------------------------------------- level after level */

/* A run of pairs equal so far: `level` is the column that decides now, `skip`
 * how much of its text is known to be equal, `step` how often it was asked. */
typedef struct place {
    size_t level;
    size_t skip;
    unsigned step;
} place;

static larder_status order_run(
    ordering *all, pair *run, size_t n, place at, larder_error *err);

/* Nulls to where they belong; *begin and *end are what is left. */
static void
part_nulls(ordering *all, pair *run, size_t n, size_t level, size_t *begin,
    size_t *end)
{
    const larder_column *column = &all->batch->columns[all->by[level].column];
    pair *nulls = all->spare + (run - all->pairs);
    size_t n_nulls = 0, kept = 0;

    *begin = 0;
    *end = n;
    if (column->n_nulls == 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (ldr_column_is_null(column, run[i].row))
            nulls[n_nulls++] = run[i];
        else
            run[kept++] = run[i];
    if (all->by[level].descending) {
        *end = kept;
    } else {
        memmove(run + n_nulls, run, kept * sizeof *run);
        *begin = n_nulls;
    }
    if (n_nulls != 0)
        memcpy(all->by[level].descending ? run + kept : run, nulls,
            n_nulls * sizeof *run);
}

/* How much of their text all have in common, from `skip` on. */
static size_t
common_text(const larder_column *column, const pair *run, size_t n, size_t skip)
{
    larder_bytes first = ldr_column_text(column, run[0].row);
    const unsigned char *bytes = first.data;
    size_t common = first.size;

    for (size_t i = 1; i < n && common > skip; i++) {
        larder_bytes text = ldr_column_text(column, run[i].row);
        const unsigned char *other = text.data;
        size_t same = skip;

        common = text.size < common ? text.size : common;
        while (same < common && bytes[same] == other[same])
            same++;
        common = same;
    }
    return common;
}

static void
number_run(const ordering *all, pair *run, size_t n, place *at)
{
    const larder_column *column =
        &all->batch->columns[all->by[at->level].column];
    uint64_t flip = all->by[at->level].descending ? UINT64_MAX : 0;

    if (ldr_type_is_text(column->type)) {
        at->skip = common_text(column, run, n, at->skip);
        for (size_t i = 0; i < n; i++)
            run[i].number =
                flip ^
                text_number(ldr_column_text(column, run[i].row), at->skip);
    } else if (column->type == LARDER_INT64 ||
               column->type == LARDER_TIMESTAMP) {
        const int64_t *values = column->values;

        for (size_t i = 0; i < n; i++)
            run[i].number = flip ^ ldr_integer_rank(values[run[i].row]);
    } else {
        for (size_t i = 0; i < n; i++)
            run[i].number = flip ^ value_number(column, run[i].row);
    }
}

/* Where a run of pairs with equal numbers goes on: further in the text if there
 * is more of it, else in the next column. */
static place
after_tie(const ordering *all, uint64_t number, place at)
{
    size_t column = all->by[at.level].column;
    uint64_t plain = all->by[at.level].descending ? ~number : number;

    if (ldr_type_is_text(all->batch->columns[column].type) &&
        (plain & 0xff) == 8)
        return (place){at.level, at.skip + 7, at.step + 1};
    return (place){.level = at.level + 1};
}

/* What rows tied on this column are looked up in next, if those are words;
 * NULL: something else. */
static const char *
next_values(const ordering *all, place at)
{
    const larder_column *column;

    if (at.level + 1 >= all->n_by)
        return NULL;
    column = &all->batch->columns[all->by[at.level + 1].column];
    return ldr_type_width(column->type) == sizeof(uint64_t) ? column->values
                                                            : NULL;
}

static larder_status
order_numbered(ordering *all, pair *run, size_t n, place at, larder_error *err)
{
    const char *values = next_values(all, at);
    size_t end;

    number_run(all, run, n, &at);
    sort_numbers(run, all->spare + (run - all->pairs), n);
    for (size_t begin = 0; begin < n; begin = end) {
        place next = after_tie(all, run[begin].number, at);
        larder_status rc = LARDER_OK;

        end = begin + 1;
        while (end < n && run[end].number == run[begin].number)
            end++;
        for (size_t i = begin + AHEAD; values != NULL && i < end + AHEAD; i++)
            if (i < n)
                __builtin_prefetch(values + run[i].row * sizeof(uint64_t));
        if (end - begin > 1)
            rc = order_run(all, run + begin, end - begin, next, err);
        if (rc != LARDER_OK)
            return rc;
    }
    return LARDER_OK;
}

static larder_status
order_compared(
    ordering *all, pair *run, size_t n, size_t level, larder_error *err)
{
    larder_status rc = sort_compared(all, level, run, n, err);
    size_t end;

    for (size_t begin = 0; begin < n && rc == LARDER_OK; begin = end) {
        end = begin + 1;
        while (
            end < n && compare(all, level, run[begin].row, run[end].row) == 0)
            end++;
        if (end - begin > 1)
            rc = order_run(all, run + begin, end - begin,
                (place){.level = level + 1}, err);
    }
    return rc;
}

/* Deepens by a column or a step into a text: at most n_by * (TEXT_STEPS + 2).
 */
static larder_status
order_run(ordering *all, pair *run, size_t n, place at, larder_error *err)
{
    size_t begin, end;
    place next = {.level = at.level + 1};
    larder_type type;
    larder_status rc = LARDER_OK;

    if (n < 2 || at.level == all->n_by)
        return LARDER_OK;
    all->n_handled += n;
    if (all->n_handled > PATIENCE) {
        all->n_handled = 0;
        LARDER_TRY(larder_call_check(all->call, err));
    }
    part_nulls(all, run, n, at.level, &begin, &end);
    LARDER_TRY(order_run(all, run, begin, next, err));
    LARDER_TRY(order_run(all, run + end, n - end, next, err));
    if (end - begin < 2)
        goto out;
    type = all->batch->columns[all->by[at.level].column].type;
    if (ldr_type_is_list(type) || at.step > TEXT_STEPS)
        rc = order_compared(all, run + begin, end - begin, at.level, err);
    else
        rc = order_numbered(all, run + begin, end - begin, at, err);
out:
    return rc;
}

/* ------------------------------------------------------------- the whole */

/* The row numbers alone, in the memory that was spare. */
static size_t *
rows_of(const pair *pairs, pair *spare, size_t n)
{
    size_t *rows = (size_t *)(void *)spare, *less;

    for (size_t i = 0; i < n; i++)
        rows[i] = pairs[i].row;
    less = realloc(rows, (n == 0 ? 1 : n) * sizeof *rows);
    return less == NULL ? rows : less;
}

/* Rows NULL: all of them. */
static larder_status
order(const larder_batch *batch, const size_t *rows, size_t n,
    const ldr_sort_column *by, size_t n_by, const larder_call *call,
    size_t **out, larder_error *err)
{
    pair *pairs = calloc(n == 0 ? 1 : n, sizeof *pairs);
    pair *spare = calloc(n == 0 ? 1 : n, sizeof *spare);
    ordering all = {.batch = batch,
        .by = by,
        .n_by = n_by,
        .call = call,
        .pairs = pairs,
        .spare = spare};
    larder_status rc = LARDER_OK;

    if (pairs == NULL || spare == NULL) {
        LARDER_TRY(larder_fail(
            err, LARDER_NOMEM, "out of memory to sort %zu rows", n));
    }
    for (size_t i = 0; i < n; i++)
        pairs[i].row = rows == NULL ? i : rows[i];
    LARDER_TRY(order_run(&all, pairs, n, (place){0}, err));
    *out = rows_of(pairs, spare, n);
    spare = NULL;
out:
    free(pairs);
    free(spare);
    return rc;
}

larder_status
ldr_order(const larder_batch *batch, const ldr_sort_column *by, size_t n_by,
    const larder_call *call, size_t **out, larder_error *err)
{
    return order(batch, NULL, batch->n_rows, by, n_by, call, out, err);
}

larder_status
ldr_order_some(const larder_batch *batch, const size_t *rows, size_t n_rows,
    const ldr_sort_column *by, size_t n_by, const larder_call *call,
    size_t **out, larder_error *err)
{
    return order(batch, rows, n_rows, by, n_by, call, out, err);
}
