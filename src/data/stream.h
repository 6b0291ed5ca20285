/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - pull streams: the checked wrappers, and the plain operators.
 *
 * An operator owns its input from the moment it is called, also when it fails.
 */
#ifndef LDR_STREAM_H
#define LDR_STREAM_H

#include "larder.h"

/* Columns `indexes` of the input, in that order; no row is copied. */
larder_status ldr_stream_select(larder_stream *input, const size_t *indexes,
    size_t n_indexes, larder_stream *out, larder_error *err);
/* One after the other; at least one, of equal schemas (INVALID else). Each
 * input is taken over and becomes {0}; the array itself stays yours. */
larder_status ldr_stream_concat(larder_stream *inputs, size_t n_inputs,
    larder_stream *out, larder_error *err);
/* All rows into one batch. Its schema is the stream's: release it before the
 * stream is closed. */
larder_status ldr_stream_collect(
    larder_stream *stream, larder_batch *out, larder_error *err);

/* A row-by-row reader over batches: row `row` of `batch` is current. */
typedef struct ldr_cursor {
    larder_stream *stream; /* borrowed */
    larder_batch batch;
    size_t row;
    bool ended;
} ldr_cursor;

larder_status ldr_cursor_start(
    ldr_cursor *cursor, larder_stream *stream, larder_error *err);
larder_status ldr_cursor_next(ldr_cursor *cursor, larder_error *err);
void ldr_cursor_release(ldr_cursor *cursor); /* not the stream */

#endif
