/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_rows.h - the rows of a cursor as a stream.
 */
#ifndef BACKENDS_POSTGRES_ROWS_H
#define BACKENDS_POSTGRES_ROWS_H

#include "postgres_cells.h"

/* Rows that SQL could not judge are judged here. {0}: all are wanted. */
typedef struct postgres_judge {
    bool wanted; /* look at each row's times */
    larder_time from, to;
    bool arrived; /* a created time is null or > after, or event > seen_until */
    int64_t after;
    larder_time seen_until;
} postgres_judge;

/*
 * Declare a cursor for the statement in the snapshot, and give its rows as a
 * stream. The statement's columns are the shape's cells in their order (after
 * the leading int8, where the shape has one). Takes the shape over ({0} then),
 * also on failure; sql and values are the caller's.
 */
larder_status postgres_rows_open(postgres_history *self,
    const larder_call *call, postgres_shape *shape, const char *sql,
    const postgres_bindings *bindings, const postgres_judge *judge,
    larder_stream *out, larder_error *err);

/* A stream without rows; takes the shape over. */
larder_status postgres_rows_none(
    postgres_shape *shape, larder_stream *out, larder_error *err);

#endif
