/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_sought.h - the rows of many keys by one statement.
 *
 * A statement a key costs more to begin and to end than the few rows of the key
 * cost to read. So the keys are a table to SQLite, which is joined with
 * history, and a SQL function in the WHERE clause takes the rows: SQLite gives
 * none away before a batch is full.
 */
#ifndef BACKENDS_SQLITE_SOUGHT_H
#define BACKENDS_SQLITE_SOUGHT_H

#include "sqlite_keys.h"

/* For an owned table's rows, all that the keys admit. The rest outlives it.
 * *out is NULL where SQLite would not seek each key in the table itself, whose
 * order is the one wanted. NOMEM, and what preparing can come to. */
larder_status sqlite_sought_new(sqlite_reader *reader, const larder_scan *scan,
    const sqlite_shape *shape, sqlite_keys *keys, sqlite_sought **out,
    larder_error *err);
void sqlite_sought_free(sqlite_sought *sought); /* NULL allowed */

/* Append rows until the batch is full or, *ended, there are no more. */
larder_status sqlite_sought_fill(
    sqlite_sought *sought, larder_batch *batch, bool *ended, larder_error *err);

/* larder_keys, a table of the keys, and larder_take(event, created, column...):
 * both serve what *asked points at while a statement takes a step; NULL:
 * nobody.
 */
int sqlite_sought_register(sqlite3 *db, sqlite_sought **asked);

#endif
