/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sort.h - a stream sorted by some of its columns; spills to a temporary file.
 *
 * Holds at most call->memory_bytes / 2 of rows; beyond that sorted runs go to
 * an unlinked file in call->temporary and are merged when read. The order is
 * total and stable, so the same rows in the same order come out the same.
 */
#ifndef LDR_SORT_H
#define LDR_SORT_H

#include "larder.h"

typedef struct ldr_sort_column {
    size_t column;
    bool descending; /* nulls come first ascending, last descending */
} ldr_sort_column;

typedef struct ldr_sorted ldr_sorted;

/* Reads the input to its end and closes it, also on failure. */
larder_status ldr_sort(larder_stream *input, const ldr_sort_column *by,
    size_t n_by, const larder_call *call, ldr_sorted **out, larder_error *err);
/* A stream of all rows in order; may be asked again after the last one closed.
 * The stream borrows `sorted`. */
larder_status ldr_sorted_read(
    ldr_sorted *sorted, larder_stream *out, larder_error *err);
void ldr_sorted_free(ldr_sorted *sorted);

#endif
