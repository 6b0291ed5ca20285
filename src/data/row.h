/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row.h - an online row as bytes: version, checksum, nulls, slots, text.
 *
 *   0   8  event time, big endian, sign flipped      \ version: memcmp's order
 *   8   8  created, the same; null: eight 00         / is R3's first two steps
 *  16   8  checksum: XXH3-64 of key, version, payload; little endian
 *  24      payload: null bitmap (1: value), one slot a feature, then text
 *
 * Slots are little endian: bool 1 byte, int32 and float32 4, int64, float64 and
 * timestamp 8, text and lists 8 (offset into the text area, then length, 4
 * bytes each). A null's slot is zero. List items are packed as slots, with a
 * bitmap before them. NaN is one quiet NaN. docs/formats.md freezes this.
 */
#ifndef LDR_ROW_H
#define LDR_ROW_H

#include "base/arena.h"
#include "larder.h"
#include "larder_backend.h"

/* Where each feature lies; made once from the stored columns of a view. */
typedef struct ldr_row_layout {
    size_t n_columns;
    const larder_type *types;
    const uint32_t *slots; /* offset of each slot in the payload */
    size_t fixed_bytes;    /* bitmap and slots */
    bool whole_seconds;    /* encode floors timestamps to them */
} ldr_row_layout;

#define LDR_ROW_MAX (16u * 1024u * 1024u)

/* Bytes that grow and are used again; {0} is empty. */
typedef struct ldr_buffer {
    unsigned char *data;
    size_t size, room;
} ldr_buffer;
void ldr_buffer_free(ldr_buffer *buffer);
/* Room for `more` bytes past size. NOMEM. */
larder_status ldr_buffer_reserve(
    ldr_buffer *buffer, size_t more, larder_error *err);

larder_status ldr_row_layout_init(ldr_row_layout *layout,
    const larder_type *types, size_t n_types, ldr_arena *arena,
    larder_error *err);

/* Append the row's bytes to `out`; columns[i] is feature i. `created` is
 * LARDER_TIME_MIN - 1 for null. LIMIT past LDR_ROW_MAX, NOMEM. */
#define LDR_NO_CREATED (LARDER_TIME_MIN - 1)
larder_status ldr_row_encode(const ldr_row_layout *layout, larder_bytes key,
    larder_time event, larder_time created, const larder_column *const *columns,
    size_t row, ldr_buffer *out, larder_error *err);

/* CORRUPT unless lengths fit, the checksum agrees with the key. */
larder_status ldr_row_check(const ldr_row_layout *layout, larder_bytes key,
    larder_bytes row, larder_error *err);
larder_time ldr_row_event(larder_bytes row);
larder_time ldr_row_created(larder_bytes row); /* LDR_NO_CREATED for null */
uint64_t ldr_row_checksum(larder_bytes row);
/* Does a checked row have a value in a column? */
static inline bool
ldr_row_has(larder_bytes row, size_t column)
{
    const unsigned char *bitmap =
        (const unsigned char *)row.data + LARDER_ROW_HEAD_BYTES;

    return (bitmap[column >> 3] & (1u << (column & 7u))) != 0;
}
/* Append feature `column` of a checked row. NOMEM. */
larder_status ldr_row_read(const ldr_row_layout *layout, larder_bytes row,
    size_t column, larder_column *out, larder_error *err);

#endif
