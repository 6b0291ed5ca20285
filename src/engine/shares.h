/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shares.h - a chunk of a spine in the order that a view's history lies in, cut
 * into ranges of keys, one for each thread.
 */
#ifndef LDR_SHARES_H
#define LDR_SHARES_H

#include "engine/answer.h"

typedef struct ldr_shares {
    /* Rows of the chunk that have their whole key, by key, then time. */
    size_t *rows;
    size_t n_rows;
    size_t n_keys;
    larder_batch keys; /* columns lent by the chunk: the keys, then the time */
    larder_field fields[LDR_VIEW_KEYS_MAX + 1];
    larder_column columns[LDR_VIEW_KEYS_MAX + 1];
    larder_schema schema;
    unsigned n_parts;
    size_t ends[LDR_THREADS_MAX]; /* of each part, in entries of rows */
} ldr_shares;

/* Rows of one key are all in one part. answers[i] of a row without its whole
 * key becomes LDR_ANSWER_NULL_KEY, that of any other LDR_ASOF_NONE. The chunk
 * outlives the shares, which stay where they are. NOMEM, INTERRUPTED, DEADLINE.
 */
larder_status ldr_shares_make(ldr_shares *shares,
    const ldr_answering *answering, const ldr_spine_chunk *chunk,
    unsigned n_parts, size_t *answers, larder_error *err);
void ldr_shares_release(ldr_shares *shares);

/* The chunk rows of a part, and how many there are. */
const size_t *ldr_shares_rows(
    const ldr_shares *shares, unsigned part, size_t *n);
/* A part's keys and times in order; its schema is lent by the shares. NOMEM. */
larder_status ldr_shares_spine(const ldr_shares *shares, unsigned part,
    larder_batch *out, larder_error *err);

#endif
