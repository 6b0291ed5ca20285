/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.h - the rows of one batch put in order, without moving them.
 */
#ifndef LDR_ORDER_H
#define LDR_ORDER_H

#include "data/sort.h"

/* Memory ldr_order() needs for each row beside the rows themselves. */
#define LDR_ORDER_BYTES 32u

/* The rows of a batch in the order of `by`; equal rows stay as they are. *out
 * holds batch->n_rows row numbers, yours to free(). NOMEM, INTERRUPTED,
 * DEADLINE. */
larder_status ldr_order(const larder_batch *batch, const ldr_sort_column *by,
    size_t n_by, const larder_call *call, size_t **out, larder_error *err);

/* The same of some rows only, which *out holds as many of. */
larder_status ldr_order_some(const larder_batch *batch, const size_t *rows,
    size_t n_rows, const ldr_sort_column *by, size_t n_by,
    const larder_call *call, size_t **out, larder_error *err);

/* <0, 0, >0: two rows of the same columns in that order. */
int ldr_order_rows(const larder_batch *a, size_t row_a, const larder_batch *b,
    size_t row_b, const ldr_sort_column *by, size_t n_by);

/* A number that orders rows by one column as far as 64 bits can tell: rows of
 * equal numbers may still differ. */
uint64_t ldr_order_prefix(
    const larder_column *column, size_t row, bool descending);

#endif
