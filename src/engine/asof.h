/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asof.h - the point-in-time join of one view.
 *
 * For each spine row (key, t): among history rows of that key with event <= t,
 * the greatest by R3 (event, then created with null lowest, then the encoded
 * row); null where it is older than t - ttl, both ends included. With as_known
 * only rows with created <= t are seen at all.
 *
 * Takes:  the spine sorted by key, then time; history newest first, or what a
 *         store's own asof_join gives.
 * Gives:  for each spine row which history row answers it, or why none does.
 * Knows:  batches and streams; not feature views, not backends (historical.c).
 * Ties:   settled here for both ways in; input order never decides.
 */
#ifndef LDR_ASOF_H
#define LDR_ASOF_H

#include "data/row.h"
#include "engine/packed.h"
#include "larder.h"
#include "larder_backend.h"

#define LDR_ASOF_NONE SIZE_MAX          /* no row at or before t */
#define LDR_ASOF_EXPIRED (SIZE_MAX - 1) /* there is one, past its ttl */

typedef struct ldr_asof {
    const larder_batch *spine; /* n_keys key columns, then a timestamp */
    size_t n_keys;
    bool has_ttl;
    int64_t ttl_us;
    bool as_known;
    const ldr_row_layout *layout; /* of the value columns, for ties */
} ldr_asof;

typedef struct ldr_asof_result {
    larder_batch rows;  /* rows that may answer */
    ldr_arena arena;    /* its schema */
    size_t event;       /* the position of the event time in it ... */
    size_t first_value; /* ... and of the first value column */
    size_t *match;      /* per spine row: a row of `rows`, or a reason */
    /* Where it has words: the values of all rows, and `rows` has none. */
    ldr_packed packed;
} ldr_asof_result;

/* Merge with history sorted as LARDER_ORDER_NEWEST_FIRST (a scan's columns). */
larder_status ldr_asof_merge(const ldr_asof *asof, larder_stream *history,
    const larder_call *call, ldr_asof_result *out, larder_error *err);
/* Settle what a store's asof_join gives (its columns). */
larder_status ldr_asof_settle(const ldr_asof *asof, larder_stream *found,
    const larder_call *call, ldr_asof_result *out, larder_error *err);
void ldr_asof_result_release(ldr_asof_result *result);

/* The oldest event that still answers at `t`. The one place that knows. */
larder_time ldr_ttl_edge(larder_time t, int64_t ttl_us);
/* Is `event` too old to answer at `t`? */
bool ldr_ttl_passed(larder_time event, larder_time t, int64_t ttl_us);

/* The third step of R3, between two rows of value columns: <0, 0, >0. */
larder_status ldr_asof_order(const ldr_row_layout *layout,
    const larder_column *a, size_t row_a, const larder_column *b, size_t row_b,
    int *order, larder_error *err);

#endif
