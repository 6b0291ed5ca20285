/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_move.h - from the temporary table of an append into history.
 */
#ifndef BACKENDS_POSTGRES_MOVE_H
#define BACKENDS_POSTGRES_MOVE_H

#include "postgres_table.h"

/* Insert the rows of pg_temp._larder_append that the table has not yet, once
 * each; `columns` is the list of them all, with _digest. Whoever calls has the
 * turn to append to the table. */
larder_status postgres_move(postgres_link *link, const postgres_table *table,
    const char *columns, int64_t arrival, uint64_t n_staged, uint64_t *n_added,
    larder_error *err);

#endif
