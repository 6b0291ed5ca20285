/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_shape.h - a table seen as Larder reads it: which column is a key
 * part, the event time, the created time or a value; as SQL, and back from the
 * rows of an answer.
 *
 * To read a table in a statement of your own:
 *
 *     postgres_shape_init(&shape, link, scan, NULL, err);
 *     "SELECT "; postgres_shape_list(&shape, "t", sql);
 *     " FROM "; shape.table.from; " AS t WHERE ..."
 *
 * and hand statement, parameters and shape to postgres_rows_open(). With a
 * `leading` field (the join's "spine", an int8) there are no key cells, and
 * your SELECT gives that column first: "SELECT q.n, " before the list.
 *
 * Moments are compared in the column's own type, so that its index serves:
 * postgres_shape_least() is the least value of that type at or after a moment,
 * postgres_shape_greatest() the greatest at or before it. Send those.
 */
#ifndef BACKENDS_POSTGRES_SHAPE_H
#define BACKENDS_POSTGRES_SHAPE_H

#include "postgres_table.h"

typedef enum postgres_role {
    POSTGRES_KEY,
    POSTGRES_EVENT, /* a row without it is left out */
    POSTGRES_CREATED,
    POSTGRES_FEATURE
} postgres_role;

/* How one column of a statement becomes one of ours. */
typedef struct postgres_cell {
    const postgres_column *column; /* NULL: the table has none, it is null */
    larder_type type;              /* wanted */
    postgres_role role;
    Oid given; /* the type the statement gives it in */
    int index; /* in the statement; -1: none */
} postgres_cell;

/* How a table's rows are read; nothing in it is borrowed. */
typedef struct postgres_shape {
    postgres_table table;
    larder_time_unit unit;
    int32_t naive_offset_minutes;
    bool date_is_end_of_day;
    larder_schema schema; /* of the stream */
    larder_field *fields;
    char **names;         /* of fields */
    postgres_cell *cells; /* schema.n_fields of them */
    size_t first;         /* the cell of the event time; created follows */
    postgres_cell *keys;  /* of the scan's key, also where it gives none */
    size_t n_keys;
} postgres_shape;

/* The shape of a scan's stream: key, event, created, columns. NOT_FOUND (a
 * table), INVALID (a column of the user's, naive times without a zone),
 * UNAVAILABLE (row level security hides rows). */
larder_status postgres_shape_init(postgres_shape *shape, postgres_link *link,
    const larder_scan *scan, const larder_field *leading, larder_error *err);
/* The same in the snapshot, under its lock. */
larder_status postgres_shape_read(postgres_shape *shape, postgres_history *self,
    const larder_call *call, const larder_scan *scan,
    const larder_field *leading, larder_error *err);
void postgres_shape_release(postgres_shape *shape); /* {0} allowed */

/* The type a column is given in where this one is wanted. */
Oid postgres_shape_given(const postgres_column *column, larder_type type);

/* Add what a SELECT gives for the cells that have a column, commas between. */
void postgres_shape_list(
    const postgres_shape *shape, const char *alias, sql_text *sql);
/* alias."name" of a cell's column. */
void postgres_shape_name(
    const postgres_cell *cell, const char *alias, sql_text *sql);

/* Does SQL compare and order keys and times of this table as Larder does? If
 * not, read rows as they lie. */
bool postgres_shape_comparable(const postgres_shape *shape);
/* "event" DESC, "created" DESC NULLS LAST. */
void postgres_shape_newest(
    const postgres_shape *shape, const char *alias, sql_text *sql);
/* The scan's keys, nulls first, each with COLLATE "C" where it needs one; then
 * the above. */
void postgres_shape_order(
    const postgres_shape *shape, const char *alias, sql_text *sql);
/* A key alone, as it is ordered, without its direction. */
void postgres_shape_key(
    const postgres_shape *shape, size_t key, const char *alias, sql_text *sql);

/* The type moments are compared in with a time column: int8, timestamptz,
 * timestamp, date; 0: cannot be compared. */
Oid postgres_shape_time_type(const postgres_cell *cell);
/* A moment as such a value, in PostgreSQL's binary form: the size is returned.
 */
int postgres_shape_least(const postgres_shape *shape, const postgres_cell *cell,
    larder_time time, unsigned char out[8]);
int postgres_shape_greatest(const postgres_shape *shape,
    const postgres_cell *cell, larder_time time, unsigned char out[8]);

/* ------------------------------------------------------------- parameters */

/* What is bound to a statement; {0} is none. */
typedef struct postgres_bindings {
    postgres_value *values;
    void **kept;
    int n_values, room;
    bool failed; /* there was no memory for all of it */
} postgres_bindings;

/* Keep a copy; its number, for "$%d", is returned. */
int postgres_bind(
    postgres_bindings *bindings, Oid type, const void *bytes, size_t size);
int postgres_bind_int64(postgres_bindings *bindings, int64_t value);
/* A time cell's bound. */
int postgres_bind_least(postgres_bindings *bindings,
    const postgres_shape *shape, const postgres_cell *cell, larder_time time);
int postgres_bind_greatest(postgres_bindings *bindings,
    const postgres_shape *shape, const postgres_cell *cell, larder_time time);
/* n_rows rows of a column (not of lists), as one array. */
int postgres_bind_array(postgres_bindings *bindings,
    const larder_column *column, size_t row, size_t n_rows);
/* Moments as an array of a time cell's bounds; those of `rows`, or (NULL) the
 * first n_rows. */
int postgres_bind_moments(postgres_bindings *bindings,
    const postgres_shape *shape, const postgres_cell *cell,
    const larder_time *times, const size_t *rows, size_t n_rows, bool greatest);
void postgres_bindings_release(postgres_bindings *bindings);

#endif
