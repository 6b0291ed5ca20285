/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_rows.h - the rows of a prepared statement as a stream.
 */
#ifndef BACKENDS_SQLITE_ROWS_H
#define BACKENDS_SQLITE_ROWS_H

#include "sqlite_keys.h"
#include "sqlite_newest.h"
#include "sqlite_part.h"
#include "sqlite_sought.h"

typedef struct sqlite_rows {
    sqlite_reader *reader;
    sqlite_link *link; /* the reader's */
    const larder_call *call;
    sqlite3_stmt *statement; /* NULL: there are no rows */
    sqlite_shape shape;
    sqlite_part part;         /* what is bound to the statement */
    const sqlite_bound *high; /* of the part, when tested here; else NULL */
    bool judge; /* times and arrival here: SQL could not compare them */
    larder_time from, to;
    bool arrived;
    int64_t after;
    larder_time seen_until;
    sqlite_newest *newest; /* NULL: every row */
    bool in_sql;           /* ... which the statement asks itself */
    sqlite3_stmt *onward;  /* the same, of greater keys; NULL: not needed */
    int onward_key;        /* its first parameter of the key */
    sqlite_keys
        *keys; /* NULL: the statement runs once, not for each of these */
    sqlite_keys_places places;
    sqlite_sought *sought; /* NULL: a statement's run for each key */
    size_t n_sought;
    bool ended;
} sqlite_rows;

/* On the heap, for a scan; its shape is found. */
larder_status sqlite_rows_new(sqlite_reader *reader, const larder_call *call,
    const larder_scan *scan, sqlite_rows **out, larder_error *err);
void sqlite_rows_free(sqlite_rows *rows); /* NULL allowed */
/* The stream takes the rows over. */
void sqlite_rows_stream(sqlite_rows *rows, larder_stream *out);

/* Is the batch so great that the next row should go into another one? */
bool sqlite_batch_is_full(const larder_batch *batch);

#endif
