/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_cells.h - values in PostgreSQL's binary form, from columns and back.
 */
#ifndef BACKENDS_POSTGRES_CELLS_H
#define BACKENDS_POSTGRES_CELLS_H

#include "postgres_shape.h"

/* Microseconds from 1970 to PostgreSQL's 2000. */
#define POSTGRES_EPOCH INT64_C(946684800000000)
#define POSTGRES_DAY INT64_C(86400000000)

/* ----------------------------------------------------------------- writing */

/* Bytes that grow; {0} is empty. */
typedef struct postgres_bytes {
    char *bytes;
    size_t size, room;
} postgres_bytes;

/* Make room for so much more. NOMEM. */
larder_status postgres_bytes_room(
    postgres_bytes *bytes, size_t more, larder_error *err);
void postgres_bytes_release(postgres_bytes *bytes);

void postgres_put16(char *at, uint16_t value); /* big-endian */
void postgres_put32(char *at, uint32_t value);
void postgres_put64(char *at, uint64_t value);

/* Add length and value of a row of a column, as COPY and arrays have it, in the
 * type that postgres_declared() tells. INVALID: a text holds a NUL, a moment is
 * outside the years 0001 to 9999. */
larder_status postgres_encode(postgres_bytes *bytes,
    const larder_column *column, size_t row, larder_error *err);

/* The head and the end of a binary COPY; the rows between are each a 16-bit
 * number of values and the values as postgres_encode() makes them. */
larder_status postgres_copy_head(postgres_bytes *bytes, larder_error *err);
larder_status postgres_copy_tail(postgres_bytes *bytes, larder_error *err);

/* ----------------------------------------------------------------- reading */

/* A scratch batch for the items of lists; {0} is one. */
typedef struct postgres_items {
    larder_batch batch;
    larder_schema schema;
    larder_field field;
} postgres_items;
void postgres_items_release(postgres_items *items);

/* How the values of a column are read. */
typedef struct postgres_reading {
    const char *words;      /* for messages: whose column */
    const char *name;       /* of the column */
    Oid given;              /* the type they come in, */
    postgres_family family; /* and its family */
    larder_type type;       /* wanted */
    bool ends_day;          /* a bare date means its last microsecond */
    larder_time_unit unit;
    int32_t naive_offset_minutes;
} postgres_reading;

/* Append a value; NULL bytes are null. INVALID names table, column and value.
 */
larder_status postgres_cell_read(const postgres_reading *reading,
    const char *bytes, int size, postgres_items *items, larder_column *column,
    larder_error *err);
/* The moment of a value that is one and not null. */
larder_status postgres_time_read(const postgres_reading *reading,
    const char *bytes, int size, larder_time *out, larder_error *err);

#endif
