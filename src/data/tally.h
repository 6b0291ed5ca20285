/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally.h - a digest of rows in any order: are these the same rows?
 *
 * The 128-bit hashes of rows are added, so neither order nor batches have a
 * say, while a row that comes twice does. {0} is that of no row.
 */
#ifndef LDR_TALLY_H
#define LDR_TALLY_H

#include "larder.h"

typedef struct ldr_tally {
    uint64_t n_rows, low, high;
} ldr_tally;

/* Rows of history: by the names and values of their columns. */
void ldr_tally_rows(ldr_tally *tally, const larder_batch *rows);
/* One online row: by all bytes of its key and its own. */
void ldr_tally_bytes(ldr_tally *tally, larder_bytes key, larder_bytes row);

bool ldr_tally_equal(const ldr_tally *a, const ldr_tally *b);
void ldr_tally_hex(const ldr_tally *tally, char hex[33]);

#endif
