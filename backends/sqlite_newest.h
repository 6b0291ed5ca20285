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

#include "sqlite_part.h"

/* For keys of n_key columns and the rows that the scan wants. NOMEM. */
larder_status sqlite_newest_new(
    const larder_scan *scan, sqlite_newest **out, larder_error *err);
void sqlite_newest_free(sqlite_newest *newest); /* NULL allowed */

/* Is the current row, of one key after the other, newest first, one to keep?
 * NOMEM. */
larder_status sqlite_newest_admit(sqlite_newest *newest,
    const sqlite_shape *shape, sqlite3_stmt *statement, bool *out,
    larder_error *err);

/* As a function it may fail on purpose, to stop a statement; asking for the
 * reason forgets it. */
typedef enum sqlite_stop {
    STOP_NOT, /* the failure is another's */
    STOP_END, /* no row that follows is wanted */
    /* Deep history: after some rows of a key in vain it is cheaper to go on
     * with a statement that is bound to the rows of greater keys. */
    STOP_JUMP
} sqlite_stop;
sqlite_stop sqlite_newest_stopped(sqlite_newest *newest);
/* It may: at keys that reach `high`, which outlives it, if that is set; */
void sqlite_newest_set_end(sqlite_newest *newest, const sqlite_bound *high);
/* and to jump. Where there can be but one key, that is the end too. */
void sqlite_newest_set_jumps(sqlite_newest *newest);
/* Bind the last key's parts to as many parameters. */
int sqlite_newest_bind_key(
    const sqlite_newest *newest, sqlite3_stmt *statement, int first);

/* larder_newest(event, created, arrival, key...) for a connection: without
 * created where the table has none, without arrival where the scan does not
 * ask. It answers for what *asked points at while a statement takes a step;
 * NULL: for nobody. The function applies the scan's times and arrival too: it
 * must see no row that is not wanted, whatever SQLite tests first. */
int sqlite_newest_register(sqlite3 *db, sqlite_newest **asked);

#endif
