/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply.h - append the new version if nobody else did: in this order,
 * prove, reshape the stores, append. A crash never leaves a generation without
 * its tables; a reshape without its generation is harmless (columns only grow).
 */
#ifndef LDR_APPLY_H
#define LDR_APPLY_H

#include "registry/diff.h"
#include "registry/probe.h"
#include "registry/snapshot.h"
#include "storage/offline.h"
#include "storage/records.h"

typedef struct ldr_apply {
    const char *project;
    ldr_records *records;
    ldr_offline *offline;       /* plan: NULL when there is none yet */
    const ldr_snapshot *wanted; /* from the folder, or an old generation */
    const larder_apply_options *options; /* NULL: defaults */
    bool feast; /* the online store's layout */
    bool owned_only; /* stores in memory: tables of others are not there */
} ldr_apply;

/* What would change; writes nothing. `current` receives the snapshot it was
 * compared with (yours to drop). INVALID when a proof fails. */
larder_status ldr_apply_plan(const ldr_apply *apply, const larder_call *call,
    ldr_changes *changes, ldr_snapshot **current, larder_error *err);
/* Plan, then do. Nothing changed: the generation stays, nothing is written. */
larder_status ldr_apply_run(const ldr_apply *apply, const larder_call *call,
    ldr_changes *changes, larder_applied *out, larder_error *err);

#endif
