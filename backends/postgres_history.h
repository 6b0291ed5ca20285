/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_history.h - what the files of the PostgreSQL offline store share.
 *
 * A table Larder owns lies in the schema of the options and is plain and typed:
 * the columns of its schema, times as timestamptz, text of the collation "C",
 * lists as arrays; then _arrival, the number of the transaction that brought
 * the row, and _digest. A unique index on (key, event descending, created
 * descending with nulls last, _digest) is its order. _larder_batches has a row
 * for each append.
 *
 * A snapshot is one transaction of one connection, which all readers share:
 * each read is a cursor in it, and a lock lets one statement through at a time,
 * so that n readers need one connection, also behind a pooler. What names no
 * reader goes over the other connection, `main`. Rows are turned into columns
 * outside the lock.
 */
#ifndef BACKENDS_POSTGRES_HISTORY_H
#define BACKENDS_POSTGRES_HISTORY_H

#include "postgres.h"
#include "sql.h"

#include <pthread.h>

/* Rows in a batch of ours. */
#define POSTGRES_BATCH_ROWS 8192u

/* The snapshot: a transaction that n readers share. */
typedef struct postgres_snapshot {
    postgres_link link;
    pthread_mutex_t lock;    /* held for each statement */
    const larder_call *call; /* of begin */
    unsigned n_readers;      /* 0: none is open */
    unsigned n_cursors;      /* made so far, for names */
} postgres_snapshot;

typedef struct postgres_history {
    postgres_options options;
    postgres_link main;
    postgres_snapshot snapshot;
} postgres_history;

/* One statement of the snapshot, by any reader: rows in binary form. */
larder_status postgres_read(postgres_snapshot *snapshot,
    const larder_call *call, const char *sql, const postgres_value *values,
    int n_values, PGresult **out, larder_error *err);

/* ------------------------------------------------------------- the methods */

larder_status postgres_describe(postgres_history *self, const larder_call *call,
    const larder_table *table, larder_described *out, larder_error *err);
larder_status postgres_create(postgres_history *self, const larder_call *call,
    const larder_table *table, const char *const *const *indexes,
    const size_t *n_index_columns, size_t n_indexes, larder_error *err);
larder_status postgres_remove(postgres_history *self, const larder_call *call,
    const larder_table *table, larder_error *err);
larder_status postgres_append(postgres_history *self, const larder_call *call,
    const larder_table *table, larder_stream *rows, larder_appended *out,
    larder_error *err);
larder_status postgres_scan(postgres_history *self, const larder_call *call,
    const larder_scan *scan, larder_stream *out, larder_order *kept,
    larder_error *err);
larder_status postgres_latest(postgres_history *self, const larder_call *call,
    const larder_scan *scan, larder_stream *out, larder_error *err);
larder_status postgres_asof(postgres_history *self, const larder_call *call,
    const larder_asof *asof, larder_stream *out, larder_error *err);
larder_status postgres_approach(postgres_history *self, const larder_call *call,
    const larder_asof *asof, larder_approach *out, larder_error *err);
larder_status postgres_propose(postgres_history *self, const larder_call *call,
    const larder_table *table, char **out, larder_error *err);
larder_status postgres_answer(postgres_history *self, const larder_call *call,
    const char *sql, larder_stream *out, larder_error *err);

#endif
