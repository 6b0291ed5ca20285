/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spine.h - the entity rows of a join: which column is what, and chunks of them
 * with typed keys and times beside the untouched originals.
 */
#ifndef LDR_SPINE_H
#define LDR_SPINE_H

#include "engine/plan.h"
#include "larder.h"

typedef struct ldr_spine {
    larder_stream *input; /* borrowed */
    const ldr_plan *plan;
    size_t time_column;
    size_t *key_columns;  /* per plan->keys: the spine's column */
    size_t *request_columns; /* per plan->requests */
    larder_format format; /* JSONL: text columns are tokens as read */
    int32_t naive_offset_minutes;
    uint64_t n_rows;      /* read so far */
    larder_batch waiting; /* read, in chunks up to row `taken` */
    size_t taken;
} ldr_spine;

typedef struct ldr_spine_chunk {
    larder_batch rows;   /* as they came */
    larder_column *keys; /* per plan->keys; null where a part is missing */
    size_t n_keys;
    larder_column *requests; /* per plan->requests */
    size_t n_requests;
    larder_column time;
} ldr_spine_chunk;

/* INVALID: a key, request or time column is missing (the nearest is named), has a type
 * that cannot be one, or a feature would be called as a spine column is. */
larder_status ldr_spine_open(ldr_spine *spine, larder_stream *input,
    const ldr_plan *plan, const larder_join_options *options,
    larder_error *err);
void ldr_spine_release(ldr_spine *spine); /* not the input */

/* The next rows, until `max_rows` or `max_bytes`; n_rows 0 is the end. INVALID
 * names data row (from 1), column and value. */
larder_status ldr_spine_next(ldr_spine *spine, size_t max_rows,
    size_t max_bytes, ldr_spine_chunk *out, larder_error *err);
void ldr_spine_chunk_release(ldr_spine_chunk *chunk);

#endif
