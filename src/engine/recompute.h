/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recompute.h - the rows online that history makes of given keys, byte for byte
 * as materialize makes them; of all history, or of all but the rows that
 * arrived after a mark. Writes nothing.
 */
#ifndef LDR_RECOMPUTE_H
#define LDR_RECOMPUTE_H

#include "engine/chunk.h"
#include "engine/derive.h"
#include "storage/offline.h"

/* Made once of a view, plain or windowed; lives in an arena. */
typedef struct ldr_recomputing {
    const ldr_view *view;
    ldr_deriving deriving; /* of a view with windows */
    larder_table table;    /* of history */
    larder_schema source_keys;
    /* As in derive.h: a batch of keys has these columns. */
    larder_schema keys;
    const char **scan_keys;
    size_t *key_places;
    uint32_t entity_set;
    const larder_field *columns; /* what a scan asks for */
    size_t n_columns;
    const larder_field *stored; /* the row's columns, and how they lie */
    size_t n_stored;
    ldr_row_layout layout;
} ldr_recomputing;

/* NOMEM, LIMIT (more columns than a row holds). */
larder_status ldr_recomputing_make(const ldr_view *view, ldr_arena *arena,
    ldr_recomputing *out, larder_error *err);

static inline bool
ldr_recomputing_is_derived(const ldr_recomputing *plan)
{
    return plan->view->window_us > 0;
}

/* The key of a row whose first columns are plan->keys. *usable: all of it is
 * there, and no longer than any store takes. */
larder_status ldr_recompute_key(const ldr_recomputing *plan,
    const larder_batch *batch, size_t row, ldr_key *key, bool *usable,
    larder_error *err);

/* Rows of history as 64 bits each, ascending: how often each is to be left out
 * is how often it stands there. {0}: none is. */
typedef struct ldr_left_out {
    uint64_t *digests;
    size_t n, room;
} ldr_left_out;
void ldr_left_out_release(ldr_left_out *left_out);

/* For one thread, within a snapshot of which it is reader 0. */
typedef struct ldr_recompute_job {
    const ldr_recomputing *plan;
    ldr_offline *offline;
    const larder_call *call;
    /* Columns plan->keys; of key k the events within from[k], to[k] count, and
     * the newest before them. */
    const larder_batch *keys;
    const larder_time *from, *to;
} ldr_recompute_job;

/* Add the row of each key that has one. Of rows that history ties there is one
 * each: the greatest by larder_row_compare() is the one online. NOMEM, and the
 * store's own. */
larder_status ldr_recompute(const ldr_recompute_job *job,
    const ldr_left_out *less, ldr_chunk *chunk, larder_error *err);

/* Is told each row that arrived after a mark; embed it first in yours. `row` is
 * what it would be online by itself; empty where rows are derived. */
typedef struct ldr_late ldr_late;
struct ldr_late {
    larder_status (*row)(ldr_late *self, const ldr_key *key, larder_bytes row,
        larder_error *err);
};

/* The rows that arrived after `arrival`, and those of events after
 * `seen_until`: told, and left out. NOMEM, LIMIT (memory_bytes), and the
 * store's own. */
larder_status ldr_recompute_late(const ldr_recompute_job *job, int64_t arrival,
    larder_time seen_until, ldr_late *late, ldr_left_out *out,
    larder_error *err);

#endif
