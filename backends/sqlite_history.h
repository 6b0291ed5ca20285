/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_history.h - what the files of the SQLite offline store share.
 *
 * A table Larder owns is plain and typed: the columns of its schema, times as
 * microseconds, lists as JSON text, NaN as the text 'NaN', -0.0 as the blob
 * '-0.0' (a REAL column would make it 0.0); then _arrival, the number of the
 * append that brought the row, and _digest. It is WITHOUT ROWID, clustered on
 * (key, event descending, created descending, _digest); a null created is the
 * least integer. _larder_batches has a row for each append. Small appends have
 * odd numbers and are indexed by them, great ones even numbers and are not: for
 * these an index costs half as much again as the table, and helps nobody.
 */
#ifndef BACKENDS_SQLITE_HISTORY_H
#define BACKENDS_SQLITE_HISTORY_H

#include "sql.h"
#include "sqlite.h"

#include <string.h>

/* What stands for a null created time in an owned table. */
#define NO_CREATED INT64_MIN

/* Rows in a batch of ours. */
#define BATCH_ROWS 8192u

bool sqlite_same_name(const char *a, const char *b);

/* sqlite_newest.h, sqlite_sought.h */
typedef struct sqlite_newest sqlite_newest;
typedef struct sqlite_sought sqlite_sought;

/* One thread's connection, for one snapshot after another. */
typedef struct sqlite_reader {
    sqlite_link link;
    bool begun;
    char *proven; /* what was asked of a user's table last, and holds */
    /* By the statement that takes a step just now: */
    sqlite_newest *asked;
    sqlite_sought *sought;
} sqlite_reader;

typedef struct sqlite_history {
    sqlite_store store;
    sqlite_reader **readers; /* each stays where it is while open */
    unsigned n_readers;      /* open ones; of these ... */
    unsigned n_begun;        /* ... in the snapshot */
} sqlite_history;

/* --------------------------------------------------------- values and types */

/* How a type is declared in an owned table, and back; 0: cannot tell. */
const char *sqlite_declare(larder_type type);
larder_type sqlite_declared(const char *declaration);

static inline bool
sqlite_null(const larder_column *column, size_t row)
{
    return column->valid != NULL &&
           (column->valid[row >> 3] & (1u << (row & 7u))) == 0;
}

/* Bind the value of a row of an owned table. */
int sqlite_bind(sqlite3_stmt *statement, int parameter,
    const larder_column *column, size_t row);

typedef enum sqlite_role {
    ROLE_VALUE,
    ROLE_EVENT, /* a row without it is left out */
    ROLE_CREATED
} sqlite_role;

/* What most values of a column that Larder wrote are. */
typedef enum sqlite_plain {
    PLAIN_NOT,
    PLAIN_INTEGER, /* eight bytes, as they are */
    PLAIN_CREATED, /* the same, but NO_CREATED is null */
    PLAIN_REAL
} sqlite_plain;

/* How one column of a statement becomes one of ours. */
typedef struct sqlite_cell {
    char *name; /* in the table */
    larder_type type;
    sqlite_role role;
    sqlite_plain plain;
    bool absent; /* there is no such column to look for */
    int index;   /* in the statement; -1: the table has none, it is null */
} sqlite_cell;

/* How a table's rows are read; nothing in it is borrowed. */
typedef struct sqlite_shape {
    char *table; /* for messages: "table 'x'", "the query" */
    bool owned;
    larder_time_unit unit;
    int32_t naive_offset_minutes;
    bool date_is_end_of_day;
    larder_schema schema; /* of the stream */
    larder_field *fields;
    sqlite_cell *cells; /* schema.n_fields of them */
    size_t first;       /* the cell of the event time; created follows */
} sqlite_shape;

/* The shape of a scan's stream: key, event, created, columns; the cells are not
 * looked up yet. `leading` puts one field more in front ("spine"), whose cell
 * stays unused. INVALID, NOMEM. */
larder_status sqlite_shape_init(sqlite_shape *shape, const larder_scan *scan,
    const larder_field *leading, larder_error *err);
void sqlite_shape_release(sqlite_shape *shape);
/* Give each cell its column: of the query, where the table is one, else of a
 * SELECT that lists those there are, in order. NOT_FOUND (a table), INVALID (a
 * column of the user's). */
larder_status sqlite_shape_find(sqlite_shape *shape, sqlite_link *link,
    const larder_table *table, larder_error *err);

/* Add the names of the cells that have a column, commas between them. */
void sqlite_shape_list(const sqlite_shape *shape, sql_text *sql);

/* Append the value of the statement's current row. INVALID names table, column
 * and text. */
larder_status sqlite_read(const sqlite_shape *shape, const sqlite_cell *cell,
    sqlite3_stmt *statement, larder_column *column, larder_error *err);
/* The same of a value that is not the statement's to look up. */
larder_status sqlite_read_value(const sqlite_shape *shape,
    const sqlite_cell *cell, sqlite3_value *value, larder_column *column,
    larder_error *err);
/* The time of a cell; *null tells that it has none. */
larder_status sqlite_read_time(const sqlite_shape *shape,
    const sqlite_cell *cell, sqlite3_stmt *statement, larder_time *out,
    bool *null, larder_error *err);

/* Append eight bytes, or a null, to a column of such where there is room and,
 * for a null, a bit. */
static inline bool
sqlite_push(larder_column *column, const void *word)
{
    size_t row = column->n_rows;

    if (row >= column->room_rows)
        return false;
    memcpy((char *)column->values + row * 8, word, 8);
    if (column->valid != NULL)
        column->valid[row >> 3] =
            (uint8_t)(column->valid[row >> 3] | 1u << (row & 7u));
    column->n_rows++;
    return true;
}

static inline bool
sqlite_push_null(larder_column *column)
{
    size_t row = column->n_rows;

    if (row >= column->room_rows || column->valid == NULL)
        return false;
    memset((char *)column->values + row * 8, 0, 8);
    column->valid[row >> 3] =
        (uint8_t)(column->valid[row >> 3] & ~(1u << (row & 7u)));
    column->n_nulls++;
    column->n_rows++;
    return true;
}

/* ------------------------------------------------------------------ tables */

larder_status sqlite_describe(sqlite_history *self, const larder_call *call,
    const larder_table *table, larder_described *out, larder_error *err);
larder_status sqlite_create(sqlite_history *self, const larder_call *call,
    const larder_table *table, const char *const *const *indexes,
    const size_t *n_index_columns, size_t n_indexes, larder_error *err);
larder_status sqlite_remove(sqlite_history *self, const larder_call *call,
    const larder_table *table, larder_error *err);
larder_status sqlite_append(sqlite_history *self, const larder_call *call,
    const larder_table *table, larder_stream *rows, larder_appended *out,
    larder_error *err);

/* ------------------------------------------------------------------- reads */

/* The least and greatest integers of a unit that are within moments; for SQL
 * that compares what a user stored. */
int64_t sqlite_least(larder_time_unit unit, larder_time from);
int64_t sqlite_greatest(larder_time_unit unit, larder_time to);

/* May rows of one key after the other be sought, newest first? */
larder_status sqlite_seekable(sqlite_reader *reader, const larder_scan *scan,
    bool *out, larder_error *err);
larder_status sqlite_scan(sqlite_reader *reader, const larder_call *call,
    const larder_scan *scan, larder_stream *out, larder_order *kept,
    larder_error *err);
/* UNSUPPORTED for what is not owned. */
larder_status sqlite_latest(sqlite_reader *reader, const larder_call *call,
    const larder_scan *scan, larder_stream *out, larder_error *err);
/* UNSUPPORTED where there is no index that fits, or no integers to compare. */
larder_status sqlite_asof(sqlite_reader *reader, const larder_call *call,
    const larder_asof *asof, larder_stream *out, larder_error *err);
larder_status sqlite_approach(sqlite_reader *reader, const larder_call *call,
    const larder_asof *asof, larder_approach *out, larder_error *err);
/* larder_offline_ops' propose. */
larder_status sqlite_propose(sqlite_history *self, const larder_call *call,
    const larder_table *table, char **out, larder_error *err);

/* Prepare one statement of the user's. INVALID: it does not prepare, would
 * write, has parameters, or is not alone. */
larder_status sqlite_prepare_user(
    sqlite_link *link, const char *sql, sqlite3_stmt **out, larder_error *err);
larder_status sqlite_query(sqlite_history *self, const larder_call *call,
    const char *sql, larder_stream *out, larder_error *err);

#endif
