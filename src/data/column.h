/* SPDX-License-Identifier: Apache-2.0 */
/*
 * column.h - how a column's buffers grow, for those who fill them directly.
 *
 * For those who fill columns all day: everyone else appends.
 */
#ifndef LDR_COLUMN_H
#define LDR_COLUMN_H

#include "larder.h"

/* So much that no size in bytes that follows from it overflows. */
#define LDR_COLUMN_MOST_ROWS (SIZE_MAX / 64)
#define LDR_COLUMN_MOST_TEXT (SIZE_MAX / 4)

static inline bool
ldr_bit(const uint8_t *bits, size_t at)
{
    return ((unsigned)bits[at >> 3] >> (at & 7u) & 1u) != 0;
}

static inline void
ldr_bit_set(uint8_t *bits, size_t at, bool value)
{
    uint8_t mask = (uint8_t)(1u << (at & 7u));

    if (value)
        bits[at >> 3] = (uint8_t)(bits[at >> 3] | mask);
    else
        bits[at >> 3] = (uint8_t)(bits[at >> 3] & ~mask);
}

/* Bytes of text, or items, that the rows point at. */
static inline size_t
ldr_column_contents(const larder_column *column)
{
    return column->n_rows == 0 ? 0 : (size_t)column->offsets[column->n_rows];
}

/* Append to a column of eight-byte values, where there is room and, for a null,
 * bits. False: do it in another way. */
static inline bool
ldr_column_push(larder_column *column, uint64_t bits)
{
    size_t row = column->n_rows;

    if (row >= column->room_rows)
        return false;
    ((uint64_t *)column->values)[row] = bits;
    if (column->valid != NULL)
        ldr_bit_set(column->valid, row, true);
    column->n_rows++;
    return true;
}

static inline bool
ldr_column_push_null(larder_column *column)
{
    size_t row = column->n_rows;

    if (row >= column->room_rows || column->valid == NULL)
        return false;
    ((uint64_t *)column->values)[row] = 0;
    ldr_bit_set(column->valid, row, false);
    column->n_nulls++;
    column->n_rows++;
    return true;
}

/* Room for so much more. LIMIT, NOMEM; then the column is as it was. */
larder_status ldr_column_grow_rows(
    larder_column *column, size_t n_rows, larder_error *err);
larder_status ldr_column_grow_text(
    larder_column *column, size_t n_bytes, larder_error *err);
/* From now on each row has its bit in `valid`; so far all are 1. */
larder_status ldr_column_make_valid(larder_column *column, larder_error *err);

#endif
