/* SPDX-License-Identifier: Apache-2.0 */
/*
 * materialize.h - offline to online, in resumable chunks.
 *
 * An incremental run reads what arrived after the ledger's mark and what was
 * still in the future then; a first run, a changed view and --full fill a build
 * of their own, and the pointer to it moves with the last chunk (design 6, 7).
 * Each chunk is one transaction and holds the position too, with IF_MATCH: of
 * two runs on one view the earlier stops with CONFLICT, and nothing is lost
 * either way, since the newest row wins whoever writes it.
 *
 * Rows of views with windows are derived (derive.h): of all history up to now,
 * for every entity or for those that new rows, or a range, touch. The position
 * follows them.
 */
#ifndef LDR_MATERIALIZE_H
#define LDR_MATERIALIZE_H

#include "larder.h"
#include "registry/snapshot.h"
#include "storage/offline.h"
#include "storage/online.h"

typedef struct ldr_materializing {
    ldr_offline *offline;
    ldr_online *online;
    const larder_call *call;
    const char *project;
    const char *run; /* its id */
    bool fallback;   /* `online` is the second of two */
    const larder_materialize_options *options;
} ldr_materializing;

/* One view; `report` is filled as far as the run came. */
larder_status ldr_materialize_view(const ldr_materializing *run,
    const ldr_view *view, larder_materialized *report, larder_error *err);

#endif
