/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - random rows of every type, for tests of what carries rows.
 *
 * Values are drawn from few and odd ones (ends of ranges, NaN, -0.0, NULs in
 * bytes, texts that are prefixes of others), so that ties and edges are common.
 */
#ifndef ROWS_H
#define ROWS_H

#include "larder.h"

/* One column of each of the sixteen types, named c0 to c15. */
const larder_schema *rows_every_type(void);

/* Append one random value, null one time in eight, to a column of any type. */
void rows_append(larder_column *column, uint64_t *state);
/* Append n whole rows. */
void rows_fill(larder_batch *batch, size_t n_rows, uint64_t *state);

/* Equal rows, NaN and nulls included? The batches have the same columns. */
bool rows_same(
    const larder_batch *a, size_t row_a, const larder_batch *b, size_t row_b);

#endif
