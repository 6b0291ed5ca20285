/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy.h - history and online rows of one store brought to another.
 *
 * Definitions are there already: both stores have the tables of the snapshot.
 * Every step may be done again: rows of history that are there are counted and
 * not added, online rows stand only if they are newer, and what says that they
 * are materialized moves last (R8). So whoever was interrupted begins again.
 *
 * What the target's ledger says is made for the target: arrival marks are the
 * own of a store's history. Where the histories are equal and all of the
 * source's is online, the target's mark of then is taken over; else none is,
 * and the next run of materialize there reads its history once more.
 */
#ifndef LDR_COPY_H
#define LDR_COPY_H

#include "data/tally.h"
#include "engine/runs.h"
#include "registry/snapshot.h"
#include "storage/offline.h"
#include "storage/online.h"

/* One of the two. A dry run has NULL for what is not there yet. */
typedef struct ldr_copy_side {
    const char *project;
    ldr_offline *offline;
    ldr_online *online;
} ldr_copy_side;

typedef struct ldr_copying {
    ldr_copy_side from, to;
    const ldr_snapshot *snapshot;
    const larder_call *call;
    const larder_copy_options *options;
    const char *run;   /* its id */
    size_t chunk_rows; /* of one transaction; 0: as many as is good */
} ldr_copying;

/* All that was asked for; the report's copies are made here. */
larder_status ldr_copy(
    const ldr_copying *copying, larder_copy_report *report, larder_error *err);

/* ------------------------------------------------------- rooms of their own */

/* What came of a source's history. */
typedef struct ldr_copied_source {
    const ldr_source *source;
    bool equal;      /* both sides have the same rows ... */
    int64_t arrival; /* ... up to this mark of the target */
} ldr_copied_source;

/* copy_history.c: one source that Larder owns. */
larder_status ldr_copy_source(const ldr_copying *copying,
    const ldr_source *source, larder_copied *report, ldr_copied_source *out,
    larder_error *err);

/* copy_online.c: n views, whose reports follow one another. */
larder_status ldr_copy_views(const ldr_copying *copying,
    const ldr_view *const *views, size_t n_views,
    const ldr_copied_source *sources, size_t n_sources, larder_copied *reports,
    larder_error *err);

/* A report owns its words. NOMEM. */
larder_status ldr_copy_reason(larder_copied *report, larder_error *err,
    const char *format, ...) LARDER_PRINTF(3, 4);
/* What the digests of both sides say. */
void ldr_copy_compare(
    larder_copied *report, const ldr_tally *from, const ldr_tally *to);
/* Whose failure it is. */
larder_status ldr_copy_of_from(larder_status rc, larder_error *err);
larder_status ldr_copy_of_to(larder_status rc, larder_error *err);

#endif
