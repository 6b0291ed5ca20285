/* SPDX-License-Identifier: Apache-2.0 */
/*
 * series.h - one key's values of one column: those that windows look at.
 *
 * Nulls and what a filter leaves out are gone, values lie one after the other,
 * and what several windows ask of them is computed once. For window.c.
 */
#ifndef LDR_SERIES_H
#define LDR_SERIES_H

#include "base/sum.h"
#include "engine/window.h"

/* What will be asked of a series. */
typedef enum ldr_series_need {
    LDR_NEED_SUMS = 1,    /* running sums, where doubles have them */
    LDR_NEED_VALUES = 2,  /* integers or reals */
    LDR_NEED_ORDER = 4,   /* ranks: which of two is greater */
    LDR_NEED_DISTINCT = 8 /* where the same value was and will be */
} ldr_series_need;

/* Memory that grows and is used for key after key. */
typedef struct ldr_series_room {
    void *data;
    size_t bytes;
} ldr_series_room;

typedef enum ldr_series_buffer {
    LDR_SERIES_ROWS,
    LDR_SERIES_TIMES,
    LDR_SERIES_VALUES,
    LDR_SERIES_RANKS,
    LDR_SERIES_SUMS,
    LDR_SERIES_BEFORE,
    LDR_SERIES_AFTER,
    LDR_SERIES_SLOTS,
    LDR_SERIES_BUFFERS
} ldr_series_buffer;

typedef struct ldr_series {
    size_t column, filter; /* of the batch; LDR_NO_COLUMN */
    unsigned needs;        /* of ldr_series_need */
    /* Of the key at hand: n events, ascending. */
    const larder_column *values; /* NULL without a column */
    size_t begin;                /* row of the first, where rows is NULL */
    size_t n;
    const size_t *rows; /* NULL: all rows from `begin` on */
    const larder_time *times;
    const int64_t *integers; /* or ... */
    const double *reals;     /* ... these, by the column's type, or neither */
    const uint64_t *ranks;
    const ldr_integer_sum *sums; /* n + 1; NULL: they do not fit */
    unsigned scale;              /* of the sums of reals */
    /* One more than the place of the newest equal value before (0: none), and
     * the place of the next one (SIZE_MAX: none). */
    const size_t *before, *after;
    ldr_series_room rooms[LDR_SERIES_BUFFERS];
} ldr_series;

/* Take up another key's events, which outlive what is asked of the series. */
larder_status ldr_series_load(
    ldr_series *series, const ldr_events *events, larder_error *err);
void ldr_series_release(ldr_series *series);

static inline size_t
ldr_series_row(const ldr_series *series, size_t at)
{
    return series->rows == NULL ? series->begin + at : series->rows[at];
}

/* <0, 0, >0 by rank, and by all of their bytes where that decides nothing; NaN
 * is the greatest. */
int ldr_series_order(const ldr_series *series, size_t a, size_t b);

/* `n` times `size` bytes, their contents not kept. NOMEM. */
larder_status ldr_series_room_for(
    ldr_series_room *room, size_t n, size_t size, larder_error *err);

#endif
