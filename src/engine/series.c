/* SPDX-License-Identifier: Apache-2.0 */
/*
 * series.c - one key's values of one column, prepared for windows.
 *
 * Where no event is left out, times and 64-bit values are the batch's own and
 * nothing is copied.
 */
#include "engine/series.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "data/batch.h"
#include "data/bytes.h"
#include "data/schema.h"

#define MOST_EVENTS (SIZE_MAX / 64)
#define FIRST_EVENTS ((size_t)64)

larder_status
ldr_series_room_for(
    ldr_series_room *room, size_t n, size_t size, larder_error *err)
{
    size_t bytes = FIRST_EVENTS * size;
    void *data;

    if (n <= room->bytes / size)
        return LARDER_OK;
    if (n > MOST_EVENTS / 2 / size)
        return larder_fail(
            err, LARDER_NOMEM, "no memory to aggregate %zu events", n);
    while (bytes < n * size)
        bytes *= 2;
    data = malloc(bytes);
    if (data == NULL)
        return larder_fail(
            err, LARDER_NOMEM, "no memory to aggregate %zu events", n);
    free(room->data);
    *room = (ldr_series_room){data, bytes};
    return LARDER_OK;
}

void
ldr_series_release(ldr_series *series)
{
    for (size_t i = 0; i < LDR_SERIES_BUFFERS; i++)
        free(series->rooms[i].data);
    *series = (ldr_series){0};
}

/* Room for what an event has in one buffer; NULL: rc says why. */
static void *
room_for(ldr_series *series, ldr_series_buffer which, size_t n, size_t size,
    larder_status *rc, larder_error *err)
{
    *rc = ldr_series_room_for(&series->rooms[which], n, size, err);
    return *rc == LARDER_OK ? series->rooms[which].data : NULL;
}

/* ------------------------------------------------------- which events count */

static bool
counts(const larder_column *values, const larder_column *filter, size_t row)
{
    if (values != NULL && ldr_column_is_null(values, row))
        return false;
    return filter == NULL || (!ldr_column_is_null(filter, row) &&
                                 ldr_column_integer(filter, row) != 0);
}

/* The rows that count, where not all do. */
static larder_status
choose_rows(ldr_series *series, const ldr_events *events,
    const larder_column *filter, larder_error *err)
{
    const larder_time *times = events->batch->columns[events->event].values;
    size_t most = events->end - events->begin, n = 0, *rows;
    larder_time *kept;
    larder_status rc;

    rows = room_for(series, LDR_SERIES_ROWS, most, sizeof *rows, &rc, err);
    if (rows == NULL)
        return rc;
    kept = room_for(series, LDR_SERIES_TIMES, most, sizeof *kept, &rc, err);
    if (kept == NULL)
        return rc;
    for (size_t row = events->begin; row < events->end; row++)
        if (counts(series->values, filter, row)) {
            rows[n] = row;
            kept[n++] = times[row];
        }
    series->rows = rows;
    series->times = kept;
    series->n = n;
    return LARDER_OK;
}

static larder_status
choose(ldr_series *series, const ldr_events *events, larder_error *err)
{
    const larder_column *columns = events->batch->columns;
    const larder_column *filter =
        series->filter == LDR_NO_COLUMN ? NULL : &columns[series->filter];
    size_t row = events->begin;

    assert(columns[events->event].type == LARDER_TIMESTAMP);
    assert(filter == NULL || filter->type == LARDER_BOOL);
    series->values =
        series->column == LDR_NO_COLUMN ? NULL : &columns[series->column];
    series->begin = events->begin;
    series->n = events->end - events->begin;
    series->rows = NULL;
    series->times =
        (const larder_time *)columns[events->event].values + events->begin;
    if (filter == NULL &&
        (series->values == NULL || series->values->n_nulls == 0))
        return LARDER_OK;
    while (row < events->end && counts(series->values, filter, row))
        row++;
    return row == events->end ? LARDER_OK
                              : choose_rows(series, events, filter, err);
}

/* ----------------------------------------------------------------- values */

static larder_status
copy_integers(ldr_series *series, larder_error *err)
{
    larder_status rc;
    int64_t *out =
        room_for(series, LDR_SERIES_VALUES, series->n, sizeof *out, &rc, err);

    for (size_t i = 0; out != NULL && i < series->n; i++)
        out[i] = ldr_column_integer(series->values, ldr_series_row(series, i));
    series->integers = out;
    return rc;
}

static larder_status
copy_reals(ldr_series *series, larder_error *err)
{
    larder_status rc;
    double *out =
        room_for(series, LDR_SERIES_VALUES, series->n, sizeof *out, &rc, err);

    for (size_t i = 0; out != NULL && i < series->n; i++)
        out[i] = ldr_column_real(series->values, ldr_series_row(series, i));
    series->reals = out;
    return rc;
}

static larder_status
load_values(ldr_series *series, larder_error *err)
{
    larder_type type = series->values->type;
    const void *values = series->values->values;

    if (type == LARDER_FLOAT64 && series->rows == NULL) {
        series->reals = (const double *)values + series->begin;
        return LARDER_OK;
    }
    if (type == LARDER_FLOAT64 || type == LARDER_FLOAT32)
        return copy_reals(series, err);
    if ((type == LARDER_INT64 || type == LARDER_TIMESTAMP) &&
        series->rows == NULL) {
        series->integers = (const int64_t *)values + series->begin;
        return LARDER_OK;
    }
    if (ldr_type_is_text(type) || ldr_type_is_list(type))
        return LARDER_OK;
    return copy_integers(series, err);
}

static larder_status
load_sums(ldr_series *series, larder_error *err)
{
    larder_status rc;
    ldr_integer_sum *sums;

    assert(series->reals != NULL || series->integers != NULL);
    if (series->reals != NULL &&
        !ldr_running_scale(series->reals, series->n, &series->scale))
        return LARDER_OK;
    sums = room_for(
        series, LDR_SERIES_SUMS, series->n + 1, sizeof *sums, &rc, err);
    if (sums == NULL)
        return rc;
    if (series->reals != NULL)
        ldr_running_reals(series->reals, series->n, series->scale, sums);
    else
        ldr_running_integers(series->integers, series->n, sums);
    series->sums = sums;
    return LARDER_OK;
}

/* ------------------------------------------------------------------ order */

static larder_bytes
text_of(const ldr_series *series, size_t at)
{
    return ldr_column_text(series->values, ldr_series_row(series, at));
}

/* The first bytes of a text as a number of the same order. */
static uint64_t
text_rank(larder_bytes text)
{
    unsigned char first[8] = {0};

    memcpy(first, text.data, text.size < 8 ? text.size : 8);
    return ldr_get_be64(first);
}

static larder_status
load_ranks(ldr_series *series, larder_error *err)
{
    size_t n = series->n;
    larder_status rc;
    uint64_t *ranks =
        room_for(series, LDR_SERIES_RANKS, n, sizeof *ranks, &rc, err);

    if (ranks == NULL)
        return rc;
    if (series->reals != NULL)
        for (size_t i = 0; i < n; i++)
            ranks[i] = ldr_real_rank(series->reals[i]);
    else if (series->integers != NULL)
        for (size_t i = 0; i < n; i++)
            ranks[i] = ldr_integer_rank(series->integers[i]);
    else
        for (size_t i = 0; i < n; i++)
            ranks[i] = text_rank(text_of(series, i));
    series->ranks = ranks;
    return LARDER_OK;
}

int
ldr_series_order(const ldr_series *series, size_t a, size_t b)
{
    uint64_t rank_a = series->ranks[a], rank_b = series->ranks[b];
    larder_bytes x, y;
    int order;

    if (rank_a != rank_b)
        return rank_a < rank_b ? -1 : 1;
    if (series->reals != NULL || series->integers != NULL)
        return 0;
    x = text_of(series, a);
    y = text_of(series, b);
    order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);
    return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

/* --------------------------------------------------------- the same values */

static uint64_t
hash_of(const ldr_series *series, size_t at)
{
    uint64_t number;
    larder_bytes text;

    if (series->integers != NULL) {
        number = (uint64_t)series->integers[at];
    } else if (series->reals != NULL) {
        double real = series->reals[at];

        number = real == 0 ? 0 : ldr_real_rank(real);
    } else {
        text = text_of(series, at);
        return XXH3_64bits(text.data, text.size);
    }
    number = (number ^ number >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    number = (number ^ number >> 27) * UINT64_C(0x94D049BB133111EB);
    return number ^ number >> 31;
}

static bool
is_same(const ldr_series *series, size_t a, size_t b)
{
    larder_bytes x, y;

    if (series->integers != NULL)
        return series->integers[a] == series->integers[b];
    if (series->reals != NULL) {
        double p = series->reals[a], q = series->reals[b];

        return p == q || (p != p && q != q);
    }
    x = text_of(series, a);
    y = text_of(series, b);
    return x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
}

/* One pass with a table of the newest of each value so far. */
static void
link_equals(const ldr_series *series, size_t *slots, size_t n_slots,
    size_t *before, size_t *after)
{
    memset(slots, 0, n_slots * sizeof *slots);
    for (size_t i = 0; i < series->n; i++) {
        size_t slot = (size_t)hash_of(series, i) & (n_slots - 1);

        while (slots[slot] != 0 && !is_same(series, slots[slot] - 1, i))
            slot = (slot + 1) & (n_slots - 1);
        before[i] = slots[slot];
        after[i] = SIZE_MAX;
        if (before[i] != 0)
            after[before[i] - 1] = i;
        slots[slot] = i + 1;
    }
}

static larder_status
load_equals(ldr_series *series, larder_error *err)
{
    size_t n = series->n, n_slots = 16, *slots, *before, *after;
    larder_status rc;

    assert(!ldr_type_is_list(series->values->type));
    before = room_for(series, LDR_SERIES_BEFORE, n, sizeof *before, &rc, err);
    if (before == NULL)
        return rc;
    after = room_for(series, LDR_SERIES_AFTER, n, sizeof *after, &rc, err);
    if (after == NULL)
        return rc;
    while (n_slots < 2 * n)
        n_slots *= 2;
    slots =
        room_for(series, LDR_SERIES_SLOTS, n_slots, sizeof *slots, &rc, err);
    if (slots == NULL)
        return rc;
    link_equals(series, slots, n_slots, before, after);
    series->before = before;
    series->after = after;
    return LARDER_OK;
}

larder_status
ldr_series_load(ldr_series *series, const ldr_events *events, larder_error *err)
{
    larder_status rc;

    series->integers = NULL;
    series->reals = NULL;
    series->sums = NULL;
    series->scale = 0;
    LARDER_TRY(choose(series, events, err));
    if (series->needs == 0 || series->n == 0)
        return LARDER_OK;
    LARDER_TRY(load_values(series, err));
    if ((series->needs & LDR_NEED_SUMS) != 0)
        LARDER_TRY(load_sums(series, err));
    if ((series->needs & LDR_NEED_ORDER) != 0)
        LARDER_TRY(load_ranks(series, err));
    if ((series->needs & LDR_NEED_DISTINCT) != 0)
        LARDER_TRY(load_equals(series, err));
out:
    return rc;
}
