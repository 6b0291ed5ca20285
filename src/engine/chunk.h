/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk.h - encoded rows on their way online: gathered, joined to those of
 * other threads, and made into puts in the order of keys.
 */
#ifndef LDR_CHUNK_H
#define LDR_CHUNK_H

#include "data/key.h"
#include "data/row.h"

/* {0} is empty. Keys and rows lie one after the other in two buffers, which
 * are kept when the chunk is cleared. */
typedef struct ldr_chunk {
    ldr_buffer keys, rows;
    struct ldr_chunk_row {
        size_t key, n_key, row, n_row;
    } * entries;
    size_t n_entries, room;
} ldr_chunk;

void ldr_chunk_release(ldr_chunk *chunk);

void ldr_chunk_clear(ldr_chunk *chunk);

/* One row more, as ldr_row_encode makes it; none after a failure. LIMIT,
 * NOMEM. */
larder_status ldr_chunk_add(ldr_chunk *chunk, const ldr_row_layout *layout,
    const ldr_key *key, larder_time event, larder_time created,
    const larder_column *const *columns, size_t row, larder_error *err);

/* Move all of `from` behind `to`, and leave `from` empty. NOMEM. */
larder_status ldr_chunk_move(ldr_chunk *to, ldr_chunk *from, larder_error *err);

/* Remove the first n entries. */
void ldr_chunk_drop(ldr_chunk *chunk, size_t n);

/* The first n entries as puts, in key order; with IF_MATCH nothing is expected
 * to be stored. They point into the chunk. */
void ldr_chunk_puts(const ldr_chunk *chunk, size_t n, larder_table_id table,
    larder_put_rule rule, larder_put *puts);

#endif
