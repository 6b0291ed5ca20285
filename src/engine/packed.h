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

#include <assert.h>

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

/* The next row, for which there is room: all of its values are there, and are
 * yet to be set. */
static inline uint64_t *
ldr_packed_next(ldr_packed *packed)
{
    uint64_t *words = packed->words + packed->n_rows * (1 + packed->n_columns);

    assert(packed->n_rows < packed->room_rows);
    packed->n_rows++;
    words[0] = UINT64_MAX;
    return words;
}

static inline void
ldr_packed_set(uint64_t *words, size_t column, uint64_t bits)
{
    words[1 + column] = bits;
}

static inline void
ldr_packed_set_null(uint64_t *words, size_t column)
{
    words[0] &= ~((uint64_t)1 << column);
    words[1 + column] = 0;
}

/* Append columns of rows by index, each to a column of `out`, as
 * ldr_column_gather_parts does. */
larder_status ldr_packed_gather(const ldr_packed *const *parts,
    const size_t *columns, size_t n_columns, const size_t *rows, size_t n_rows,
    larder_column *const *out, larder_error *err);

#endif
