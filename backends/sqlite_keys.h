/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_keys.h - the keys of a scan, sought one after the other, ascending.
 *
 * A part of a scan is a range of these keys, and needs no look at the table.
 */
#ifndef BACKENDS_SQLITE_KEYS_H
#define BACKENDS_SQLITE_KEYS_H

#include "sqlite_history.h"

typedef struct sqlite_keys sqlite_keys;

/* Are these keys of types that SQL orders as Larder does? */
bool sqlite_keys_fit(const larder_batch *keys);

/* The keys of the scan's part; with `latest` only the newest row of each, and
 * those tied with it, are to be admitted. NOMEM. */
larder_status sqlite_keys_new(
    const larder_scan *scan, bool latest, sqlite_keys **out, larder_error *err);
void sqlite_keys_free(sqlite_keys *keys); /* NULL allowed */

/* On to the next key. False: there is none. */
bool sqlite_keys_next(sqlite_keys *keys);
/* A part of the key at hand, and the least and the greatest time of the rows
 * that are to be looked at. */
const larder_column *sqlite_keys_part(
    const sqlite_keys *keys, size_t part, size_t *row);
void sqlite_keys_times(const sqlite_keys *keys, int64_t *low, int64_t *high);

/* Which parameters of a statement are the first of the key, and the times that
 * its rows lie within. */
typedef struct sqlite_keys_places {
    int key, from, to;
} sqlite_keys_places;

/* The same, and bind it. *more: there was one. */
int sqlite_keys_bind(sqlite_keys *keys, sqlite3_stmt *statement,
    const sqlite_keys_places *places, bool *more);

/* Must each row be admitted, or is what the statement gives wanted anyway? */
bool sqlite_keys_judge(const sqlite_keys *keys);
/* Of the key at hand all rows of this time or later are wanted. */
int64_t sqlite_keys_sure_from(const sqlite_keys *keys);
/* Is the next row of the key at hand, newest first, wanted? If not, none that
 * follows is. NO_CREATED stands for null. */
bool sqlite_keys_admit(sqlite_keys *keys, larder_time event, int64_t created);
/* Go on with the next key: there was none yet, or a row was not admitted. */
bool sqlite_keys_done(const sqlite_keys *keys);

#endif
