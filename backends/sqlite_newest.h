/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_newest.h - of rows in order, the first of each key and those tied
 * with it.
 *
 * As a SQL function in a WHERE clause it says no to all others before SQLite
 * has looked at their columns: a row passed over costs a step and a call.
 */
#ifndef BACKENDS_SQLITE_NEWEST_H
#define BACKENDS_SQLITE_NEWEST_H

#include "sqlite_history.h"

typedef struct sqlite_newest sqlite_newest;

/* For keys of n_key columns and the rows that the scan wants. NOMEM. */
larder_status sqlite_newest_new(
    const larder_scan *scan, sqlite_newest **out, larder_error *err);
void sqlite_newest_free(sqlite_newest *newest); /* NULL allowed */

/* Is the current row, of one key after the other, newest first, one to keep?
 * NOMEM. */
larder_status sqlite_newest_admit(sqlite_newest *newest,
    const sqlite_shape *shape, sqlite3_stmt *statement, bool *out,
    larder_error *err);

/* Deep history is jumped over: after some rows of a key in vain the function
 * fails on purpose. True: it did (and this forgets it); go on with a statement
 * that is bound to the rows of greater keys. Only once `jumps` was set. */
void sqlite_newest_set_jumps(sqlite_newest *newest, bool jumps);
bool sqlite_newest_jumped(sqlite_newest *newest);
/* Bind the last key's parts to as many parameters. */
int sqlite_newest_bind_key(
    const sqlite_newest *newest, sqlite3_stmt *statement, int first);

/* larder_newest(STATE, event, created, arrival, key...) for a connection, and
 * its first argument. The function applies the scan's times and arrival too:
 * it must see no row that is not wanted, whatever SQLite tests first. */
int sqlite_newest_register(sqlite3 *db);
int sqlite_newest_bind(
    sqlite_newest *newest, sqlite3_stmt *statement, int parameter);

#endif
