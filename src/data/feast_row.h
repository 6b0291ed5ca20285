/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feast_row.h - an online row as fields of Feast's hash, and back.
 *
 * All views of an entity share one hash. Of each it has a field "_ts:" and the
 * view's name, the event time as a google.protobuf.Timestamp; a field for each
 * feature, named by four bytes of a hash of "view:feature", a serialized
 * feast.types.Value, empty for a null; and one of ours, "_lc:" and the view's
 * name: the mark. docs/formats.md has the bytes.
 */
#ifndef LDR_FEAST_ROW_H
#define LDR_FEAST_ROW_H

#include "base/arena.h"
#include "data/row.h"
#include "larder.h"
#include "larder_backend.h"

/* Of which fields rows consist, and what they are called. */
typedef struct ldr_feast_row {
    const larder_bytes *names; /* _ts:VIEW, _lc:VIEW, then of each feature */
    size_t n_names;
    larder_schema features; /* what the packed row has, in order */
    ldr_row_layout layout;
    const char *view;
} ldr_feast_row;

#define LDR_FEAST_TIME 0u     /* of names: the event time */
#define LDR_FEAST_MARK 1u     /* the mark */
#define LDR_FEAST_FEATURES 2u /* the first feature */

/* Copies what it is given. LIMIT, NOMEM. */
larder_status ldr_feast_row_init(ldr_feast_row *shape, const char *view,
    const larder_schema *features, ldr_arena *arena, larder_error *err);

/* The four bytes a feature's field is called. */
#define LDR_FEAST_NAME_BYTES 4u
void ldr_feast_name(const char *view, const char *feature,
    unsigned char name[LDR_FEAST_NAME_BYTES]);
/* MurmurHash3, x86, 32 bits, seed 0. */
uint32_t ldr_murmur3(const void *data, size_t size);

/* What the mark says beside the event time. */
typedef struct ldr_feast_mark {
    uint64_t build; /* numbers of a view's tables only grow */
    larder_table_id table;
    larder_time created; /* LDR_NO_CREATED: null */
} ldr_feast_mark;

/* False: there is none, or somebody else wrote the row after it. */
bool ldr_feast_mark_read(
    larder_bytes mark, larder_bytes time, ldr_feast_mark *out);

/* The values of all fields of a checked row, one after the other behind `out`:
 * value i ends at ends[i], counted from the buffer's begin. The created time of
 * `mark` is the row's. `room` has the shape's features, and is used again.
 * INVALID (a null in a list: Feast has none), NOMEM. */
larder_status ldr_feast_row_write(const ldr_feast_row *shape, larder_bytes row,
    ldr_feast_mark mark, larder_batch *room, ldr_buffer *out, size_t *ends,
    larder_error *err);
/* Append the row that these values are; data NULL: no such field, read as a
 * null. Integers and floats may be narrower than the feature's. CORRUPT, with
 * the feature's name; NOMEM. */
larder_status ldr_feast_row_read(const ldr_feast_row *shape, larder_bytes key,
    const larder_bytes *values, larder_batch *room, ldr_buffer *out,
    larder_error *err);

/* One value, as above: a row of a column to the bytes of a feast.types.Value,
 * and back into a row more. */
larder_status ldr_feast_value_write(const larder_column *column, size_t row,
    ldr_buffer *out, larder_error *err);
larder_status ldr_feast_value_read(
    larder_bytes value, larder_column *column, larder_error *err);
/* A google.protobuf.Timestamp; false: none, or out of range. */
#define LDR_FEAST_TIME_BYTES 24u
size_t ldr_feast_time_write(
    larder_time time, unsigned char bytes[LDR_FEAST_TIME_BYTES]);
bool ldr_feast_time_read(larder_bytes bytes, larder_time *out);

#endif
