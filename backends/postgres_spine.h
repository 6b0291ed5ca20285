/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_spine.h - rows of a spine as arrays that a statement unnests.
 */
#ifndef BACKENDS_POSTGRES_SPINE_H
#define BACKENDS_POSTGRES_SPINE_H

#include "postgres_rows.h"

/* {0} with shape and asof set; n rows from `row` on. */
typedef struct postgres_spine {
    const postgres_shape *shape;
    const larder_asof *asof;
    size_t row, n;
    bool shown; /* nothing is bound: the words alone are wanted */
    postgres_bindings bindings;
    sql_text rows; /* a relation s, of n (int8: which row) and what was added */
    sql_text arrays, names;
    int n_arrays;
} postgres_spine;

/* Add a key, as k1, k2 ... ; the moments as bounds of a time cell: the greatest
 * value at or before each, or the least at or after it less the ttl. */
void postgres_spine_key(postgres_spine *spine, size_t key);
void postgres_spine_greatest(
    postgres_spine *spine, const postgres_cell *cell, const char *name);
void postgres_spine_oldest(
    postgres_spine *spine, const postgres_cell *cell, const char *name);
/* `rows` is whole now. NOMEM. */
larder_status postgres_spine_finish(postgres_spine *spine, larder_error *err);
void postgres_spine_release(postgres_spine *spine);

/* The statement that answers for a few rows of a spine by one pass over the
 * table, whatever its indexes: keys that are asked for are set apart, and a
 * window fills each moment with the event time before it. */
larder_status postgres_pass(
    postgres_spine *spine, sql_text *sql, larder_error *err);

#endif
