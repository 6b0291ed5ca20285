/* SPDX-License-Identifier: Apache-2.0 */
/*
 * online.h - an online store's calls, contract checked; the lock where a store
 * needs one. As offline.h.
 */
#ifndef LDR_ONLINE_H
#define LDR_ONLINE_H

#include "larder.h"
#include "larder_backend.h"

typedef struct ldr_online ldr_online;

larder_status ldr_online_open(const larder_online_ops *ops,
    const larder_options *options, bool create, const larder_call *call,
    ldr_online **out, larder_error *err);
void ldr_online_close(ldr_online *store); /* NULL allowed */
const char *ldr_online_type(const ldr_online *store);

/* A table as its rows look, for stores that keep them so that others read them
 * too (`layout: feast`); to others it is nothing. Before the table is read or
 * written; the same may be said again. */
typedef struct ldr_online_table {
    larder_table_id id;
    uint64_t build; /* of a table that replaces another the greater */
    const char *project;
    const char *name;         /* what its rows are rows of */
    const larder_field *keys; /* in name order */
    size_t n_keys;
    const larder_field *columns; /* of its rows */
    size_t n_columns;
    bool derived; /* its rows hold more than columns of the newest one */
} ldr_online_table;

/* INVALID, UNSUPPORTED (such rows cannot be kept so), NOMEM. */
larder_status ldr_online_describe(
    ldr_online *store, const ldr_online_table *table, larder_error *err);
/* Do timestamps among a row's values keep whole seconds only? Then rows are to
 * be encoded so (ldr_row_layout), wherever they are compared with stored ones.
 */
bool ldr_online_whole_seconds(const ldr_online *store);

larder_status ldr_online_get(ldr_online *store, const larder_call *call,
    const larder_want *wants, size_t n_wants, larder_found *found,
    larder_error *err);
/* How often it was UNAVAILABLE to anybody: whoever keeps what it said reads
 * that again when this has moved, since it may have come back another one. */
uint64_t ldr_online_losses(const ldr_online *store);
larder_status ldr_online_put(ldr_online *store, const larder_call *call,
    const larder_put *rows, size_t n_rows, larder_outcome *outcomes,
    larder_error *err);
larder_status ldr_online_scan(ldr_online *store, const larder_call *call,
    const larder_bytes *after_key, const larder_table_id *after_table,
    size_t limit, larder_each *each, bool *more, larder_error *err);
larder_status ldr_online_sweep(ldr_online *store, const larder_call *call,
    larder_table_id table, size_t max_keys, unsigned char *cursor,
    size_t *n_cursor, uint64_t *removed, larder_error *err);
larder_status ldr_online_destroy(
    ldr_online *store, const larder_call *call, larder_error *err);

/* What the store tells of itself; a store that tells nothing is OK. */
larder_status ldr_online_examine(ldr_online *store, const larder_call *call,
    larder_finding_sink *sink, larder_error *err);

void ldr_online_fault(ldr_online *store, unsigned nth, larder_status status);

#endif
