/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packed.h - rows of eight-byte values, the values of a row side by side.
 *
 * Answers come in the order of keys and go out in the order of a spine: from
 * columns each value of a row would be fetched from another place of memory,
 * from here all of them come with the first.
 */
#ifndef LDR_PACKED_H
#define LDR_PACKED_H

#include "larder.h"
#include "larder_backend.h"

typedef struct ldr_packed {
    /* Of each row the bits that say which values are there, then the values. */
    uint64_t *words;
    size_t n_columns;
    size_t n_rows, room_rows;
} ldr_packed;

/* Can rows of these columns be packed? */
bool ldr_packed_fits(const larder_schema *schema);

/* Room for so many rows. NOMEM. */
larder_status ldr_packed_start(
    ldr_packed *packed, size_t n_columns, size_t room_rows, larder_error *err);
void ldr_packed_release(ldr_packed *packed);

/* Append the rows, for which there is room, of a batch of such columns. */
void ldr_packed_add(ldr_packed *packed, const larder_batch *rows);

/* Append columns of rows by index, each to a column of `out`, as
 * ldr_column_gather_parts does. */
larder_status ldr_packed_gather(const ldr_packed *const *parts,
    const size_t *columns, size_t n_columns, const size_t *rows, size_t n_rows,
    larder_column *const *out, larder_error *err);

#endif
