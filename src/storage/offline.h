/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offline.h - an offline store's calls, contract checked.
 *
 * The methods are larder_offline_ops's; here each is wrapped once: promises are
 * asserted, a store that is not `concurrent` is locked (open streams of one
 * snapshot excepted: readers may run at once), its name is added to errors, and
 * what a store lacks (`latest`, sorting) is done for it. A test can make the
 * nth call fail through `fault`.
 */
#ifndef LDR_OFFLINE_H
#define LDR_OFFLINE_H

#include "data/sort.h"
#include "larder.h"
#include "larder_backend.h"

typedef struct ldr_offline ldr_offline;

larder_status ldr_offline_open(const larder_offline_ops *ops,
    const larder_options *options, bool create, const larder_call *call,
    ldr_offline **out, larder_error *err);
void ldr_offline_close(ldr_offline *store); /* NULL allowed */
const char *ldr_offline_type(const ldr_offline *store);
bool ldr_offline_has_asof(const ldr_offline *store);

/* One snapshot at a time: a second begin waits for the first end, or is BUSY
 * when both are of one thread. */
larder_status ldr_offline_begin(ldr_offline *store, const larder_call *call,
    unsigned n_readers, larder_error *err);
void ldr_offline_end(ldr_offline *store);

larder_status ldr_offline_describe(ldr_offline *store, const larder_call *call,
    const larder_table *table, larder_described *out, larder_error *err);
larder_status ldr_offline_create(ldr_offline *store, const larder_call *call,
    const larder_table *table, const char *const *const *indexes,
    const size_t *n_index_columns, size_t n_indexes, larder_error *err);
larder_status ldr_offline_remove(ldr_offline *store, const larder_call *call,
    const larder_table *table, larder_error *err);
larder_status ldr_offline_append(ldr_offline *store, const larder_call *call,
    const larder_table *table, larder_stream *rows, larder_appended *out,
    larder_error *err);
/* Its two halves: rows in the order the table lies in (the input is taken
 * over), and the writing of rows in that order. */
larder_status ldr_offline_sort(const larder_table *table, larder_stream *rows,
    const larder_call *call, ldr_sorted **out, larder_error *err);
larder_status ldr_offline_append_sorted(ldr_offline *store,
    const larder_call *call, const larder_table *table, larder_stream *rows,
    larder_appended *out, larder_error *err);
/* The stream always keeps scan->order: what the store does not keep is sorted
 * here, spilling within call->memory_bytes. Of scan->keys it gives exactly what
 * they and the times beside them want; with one_before newest first always. */
larder_status ldr_offline_scan(ldr_offline *store, unsigned reader,
    const larder_call *call, const larder_scan *scan, larder_stream *out,
    larder_error *err);
larder_status ldr_offline_asof(ldr_offline *store, unsigned reader,
    const larder_call *call, const larder_asof *asof, larder_stream *out,
    larder_error *err);
/* How the join would be done, or UNSUPPORTED: the store does not tell. */
larder_status ldr_offline_approach(ldr_offline *store, unsigned reader,
    const larder_call *call, const larder_asof *asof, larder_approach *out,
    larder_error *err);
void ldr_approach_release(larder_approach *approach); /* {0} allowed */
/* A statement that makes the index that asof seeks in; NULL: none is known. */
larder_status ldr_offline_propose(ldr_offline *store, const larder_call *call,
    const larder_table *table, char **out, larder_error *err);
/* The store's own, or the first rows per key of a scan; of scan->keys alone,
 * but without times beside them. */
larder_status ldr_offline_latest(ldr_offline *store, unsigned reader,
    const larder_call *call, const larder_scan *scan, larder_stream *out,
    larder_error *err);
larder_status ldr_offline_query(ldr_offline *store, const larder_call *call,
    const char *sql, larder_stream *out, larder_error *err);

/* What the store tells of itself; a store that tells nothing is OK. */
larder_status ldr_offline_examine(ldr_offline *store, const larder_call *call,
    larder_finding_sink *sink, larder_error *err);

/* Tests only: fail the nth call from now with this status; 0: never. */
void ldr_offline_fault(ldr_offline *store, unsigned nth, larder_status status);

#endif
