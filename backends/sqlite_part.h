/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_part.h - ranges of the first key column that make n parts of a table.
 *
 * The bounds come from the least and greatest key alone, as if keys lay evenly
 * between them: no row is read, and every reader of a snapshot finds the same.
 */
#ifndef BACKENDS_SQLITE_PART_H
#define BACKENDS_SQLITE_PART_H

#include "sqlite_history.h"

/* Where a part begins or ends: an integer, text or a blob. */
typedef struct sqlite_bound {
    bool set; /* else the part is open on this side */
    bool is_integer, is_text;
    int64_t integer;
    unsigned char *bytes;
    size_t n_bytes;
} sqlite_bound;

typedef struct sqlite_part {
    bool empty; /* the table cannot be split: all of it is in part 0 */
    sqlite_bound low, high; /* low <= key < high */
} sqlite_part;

/* {0} for a scan that is not of parts. */
larder_status sqlite_part_find(sqlite_link *link, const larder_scan *scan,
    sqlite_part *out, larder_error *err);
void sqlite_part_release(sqlite_part *part);
/* Bind a bound that is set. */
int sqlite_bound_bind(
    const sqlite_bound *bound, sqlite3_stmt *statement, int parameter);
/* Is the value not less than the bound that is set, as SQL compares them? */
bool sqlite_bound_reached(const sqlite_bound *bound, sqlite3_value *value);

#endif
