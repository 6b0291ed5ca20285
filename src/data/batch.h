/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h - columns of one schema: what the core needs beyond larder.h.
 *
 * The public appends and larder_batch_init() live in batch.c.
 */
#ifndef LDR_BATCH_H
#define LDR_BATCH_H

#include <string.h>

#include "larder.h"
#include "larder_backend.h"

/* Rows a stream of ours puts in one batch. */
#define LDR_BATCH_ROWS 8192u

larder_status ldr_column_init(
    larder_column *column, larder_type type, larder_error *err);
void ldr_column_clear(larder_column *column);
void ldr_column_release(larder_column *column);

static inline bool
ldr_column_is_null(const larder_column *column, size_t row)
{
    return column->valid != NULL &&
           (column->valid[row >> 3] & (1u << (row & 7u))) == 0;
}

/* Fixed-width integers (int32, int64, timestamp, bool) and reals, unchecked;
 * a null gives 0. */
int64_t ldr_column_integer(const larder_column *column, size_t row);
double ldr_column_real(const larder_column *column, size_t row);
larder_bytes ldr_column_text(const larder_column *column, size_t row);

/* Append row `row` of `from` (same type), or n_rows rows, or rows by index
 * (SIZE_MAX in `rows` appends a null). */
larder_status ldr_column_copy(larder_column *to, const larder_column *from,
    size_t row, size_t n_rows, larder_error *err);
larder_status ldr_column_gather(larder_column *to, const larder_column *from,
    const size_t *rows, size_t n_rows, larder_error *err);
/* The same from several columns: the high bits of an index say which. */
#define LDR_PART_SHIFT 56u
larder_status ldr_column_gather_parts(larder_column *to,
    const larder_column *const *from, size_t n_parts, const size_t *rows,
    size_t n_rows, larder_error *err);
/* The items of a list row: append them to column->items, then close the row.
 * Truncating to the rows there are drops items of a row never closed. */
larder_status ldr_column_close_list(larder_column *column, larder_error *err);
/* Forget the rows from `n_rows` on, as after half a record. */
void ldr_column_truncate(larder_column *column, size_t n_rows);
/* ldr_column_copy for whole batches of equal schema; n_rows is kept. */
larder_status ldr_batch_copy(larder_batch *to, const larder_batch *from,
    size_t row, size_t n_rows, larder_error *err);
/* Set batch->n_rows from the columns, which must agree (asserted). */
void ldr_batch_finish(larder_batch *batch);
/* Bytes of memory the batch holds. */
size_t ldr_batch_bytes(const larder_batch *batch);
/* Bytes that so many of its rows take, from row `begin` on. */
size_t ldr_batch_weight(const larder_batch *batch, size_t begin, size_t n_rows);

/* -1, 0, 1: nulls first, then as the key encoding sorts (bytes, not locale). */
int ldr_value_order(const larder_value *a, const larder_value *b);
bool ldr_value_same(const larder_value *a, const larder_value *b);
/* Reals as numbers of that order: -inf first, -0.0 before 0.0, every NaN one
 * and last. */
static inline uint64_t
ldr_real_rank(double value)
{
    const uint64_t sign = UINT64_C(1) << 63;
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    if (value != value)
        return UINT64_MAX;
    return (bits & sign) != 0 ? ~bits : bits | sign;
}

#endif
