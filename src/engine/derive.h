/* SPDX-License-Identifier: Apache-2.0 */
/*
 * derive.h - from a key's history to the bytes of its row online, for views
 * with windowed features.
 *
 * Such a row is derived from several rows of history: it is a function of them
 * alone, whatever order they came in, and never merged with another. Its
 * version is the newest row's (R3); then come the plain features of that row
 * and the events of the longest window before it, as lists. An entity with more
 * events than its view's max_window_events has a marker: all lists null.
 *
 * Rows are put with compare-and-set, the stored checksum being read before the
 * snapshot that the new row is derived from. So whoever derived it from older
 * history than what is stored finds another checksum there, and derives again
 * (R4).
 */
#ifndef LDR_DERIVE_H
#define LDR_DERIVE_H

#include "engine/chunk.h"
#include "engine/events.h"
#include "storage/offline.h"
#include "storage/online.h"

/* Made once of a view with windowed features; lives in an arena. */
typedef struct ldr_deriving {
    const ldr_view *view;
    ldr_event_plan events;
    larder_table table;        /* of history */
    larder_schema source_keys; /* the table's, where it declares none */
    /* The view's keys in the order history lies in; a batch of keys has these
     * columns. key_places[i] is where key i (name order) is among them. */
    larder_schema keys;
    const char **scan_keys;
    size_t *key_places;
    uint32_t entity_set;
    /* What a scan asks for: the events' columns, then the plain features'. */
    const larder_field *columns;
    size_t n_columns;
    larder_schema narrow; /* of a scan: keys, event, created, the events' */
    size_t n_plain;
    const size_t *plain; /* which feature of the view each is */
    /* R3's third step, as in a join: what each feature of the view reads of a
     * row of history, and where that is in a scan. */
    ldr_row_layout tie_layout;
    const size_t *tie_places;
    /* The stored row: plain features, then the columns of a batch of events. */
    const larder_field *stored;
    size_t n_stored;
    ldr_row_layout layout;
} ldr_deriving;

/* NOMEM, LIMIT (more columns than a row holds). */
larder_status ldr_deriving_make(const ldr_view *view, ldr_arena *arena,
    ldr_deriving *out, larder_error *err);

/* Does a checked row say that its entity has too many events? */
static inline bool
ldr_deriving_is_marker(const ldr_deriving *plan, larder_bytes row)
{
    return !ldr_row_has(row, plan->n_plain);
}

/* ------------------------------------------------------- history into rows */

/* What one thread has seen; counts of entities, not of events. */
typedef struct ldr_derived_tally {
    uint64_t keys, null_key, out_of_range, expired;
    int64_t newest_created;   /* INT64_MIN: none */
    larder_time newest_event; /* of the rows made; LARDER_TIME_MIN: none */
} ldr_derived_tally;

/* Up to which event time history counts for a key. */
typedef struct ldr_horizon ldr_horizon;
struct ldr_horizon { /* embed it first in yours */
    larder_time (*of)(const ldr_horizon *self, const ldr_key *key);
};

/* Takes a scan, batch by batch; for one thread. */
typedef struct ldr_deriver ldr_deriver;
larder_status ldr_deriver_new(const ldr_deriving *plan, larder_time now,
    const ldr_horizon *horizon, ldr_deriver **out, larder_error *err);
void ldr_deriver_free(ldr_deriver *deriver); /* NULL allowed */
/* A batch of a scan of plan->columns, newest first; the rows of the keys that
 * ended in it are added to the chunk. NOMEM. */
larder_status ldr_deriver_take(ldr_deriver *deriver, const larder_batch *batch,
    ldr_chunk *chunk, larder_error *err);
/* The scan has ended, and with it its last key. */
larder_status ldr_deriver_end(
    ldr_deriver *deriver, ldr_chunk *chunk, larder_error *err);
/* What it has counted since it was last asked. */
ldr_derived_tally ldr_deriver_tally(ldr_deriver *deriver);

/* ------------------------------------------------------------ keys anew */

typedef struct ldr_derive_job {
    ldr_offline *offline; /* no snapshot of it is this thread's */
    ldr_online *online;
    const larder_call *call;
    const ldr_deriving *plan;
    larder_table_id table; /* online */
    /* Events up to then count; and of a key whose stored row is of a later
     * one, those up to that. */
    larder_time until;
    /* NULL, or a put with IF_MATCH that goes with each of ours: where it does
     * not match, somebody else took over, and the status is CONFLICT. */
    const larder_put *guard;
} ldr_derive_job;

typedef struct ldr_derive_counts {
    uint64_t written, unchanged;
    uint64_t over_limit; /* of these, markers */
    uint64_t absent;     /* no row of history up to then; nothing was put */
} ldr_derive_counts;

/* Derive the rows of these keys and put them, again where somebody came
 * between, up to ten times. `keys` has the columns plan->keys; the same key may
 * come twice, and those with a null part, or too long for any store, are left
 * out. CONFLICT (the guard), BUSY (still others' rows after ten times), and the
 * stores' own; `counts` is filled as far as it came. */
larder_status ldr_derive_keys(const ldr_derive_job *job,
    const larder_batch *keys, ldr_derive_counts *counts, larder_error *err);

#endif
