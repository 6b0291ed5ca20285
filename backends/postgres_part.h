/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_part.h - ranges of the first key column that make n parts of a
 * table.
 *
 * The marks between them lie evenly between the least and the greatest key of
 * the snapshot, so that all readers find the same ones.
 */
#ifndef BACKENDS_POSTGRES_PART_H
#define BACKENDS_POSTGRES_PART_H

#include "postgres_cells.h"

typedef struct postgres_bound {
    bool set;
    Oid type; /* int8 or text */
    char *bytes;
    size_t size;
} postgres_bound;

typedef struct postgres_part {
    bool empty; /* all rows are in part 0 */
    postgres_bound low, high;
} postgres_part;

/* Where the key has no index or another type all rows are in part 0. */
larder_status postgres_part_find(postgres_history *self,
    const larder_call *call, const postgres_shape *shape,
    const larder_scan *scan, postgres_part *out, larder_error *err);
void postgres_part_release(postgres_part *part);
/* Add " AND ..." for the alias. */
void postgres_part_add(const postgres_part *part, const postgres_shape *shape,
    const char *alias, sql_text *sql, postgres_bindings *bindings);

#endif
