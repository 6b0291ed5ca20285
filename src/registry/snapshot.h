/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.h - one version of all definitions, never changed, found by name.
 *
 * Shared by readers without a lock: whoever drops the last reference clears the
 * arena, and every name in it is gone.
 */
#ifndef LDR_SNAPSHOT_H
#define LDR_SNAPSHOT_H

#include "definition/definition.h"
#include "storage/records.h"

typedef struct ldr_snapshot {
    ldr_arena arena;
    unsigned n_holders;  /* by __atomic builtins only */
    uint64_t generation; /* 0: nothing applied, or not yet */
    char hash[33];
    const char *text; /* canonical; "" when nothing is applied */
    size_t n_text;
    ldr_definitions all;
} ldr_snapshot;

/* From the folder's files: load, validate, print. INVALID when there was a
 * fault (each told to call->diagnostic). `faults` may be NULL; views without a
 * ttl get default_ttl_us, unless that is 0. */
larder_status ldr_snapshot_of_folder(const char *folder, int64_t default_ttl_us,
    const larder_call *call, ldr_faults *faults, ldr_snapshot **out,
    larder_error *err);
/* Generation `number` (0: the newest) of the registry. CORRUPT when its text
 * does not have its hash or does not load. NULL records (no store yet): nothing
 * was applied. */
larder_status ldr_snapshot_of_registry(ldr_records *records,
    const larder_call *call, const char *project, uint64_t number,
    ldr_snapshot **out, larder_error *err);

ldr_snapshot *ldr_snapshot_hold(ldr_snapshot *snapshot);
void ldr_snapshot_drop(ldr_snapshot *snapshot); /* NULL allowed */

/* What answers call a kind: "entity", "source", "view", "service", "job",
 * "on-demand view". */
const char *ldr_kind_name(larder_kind kind);
/* The objects of one kind, by name; an ldr_about begins an ldr_entity, ... */
size_t ldr_snapshot_count(const ldr_snapshot *snapshot, larder_kind kind);
const ldr_about *ldr_snapshot_at(
    const ldr_snapshot *snapshot, larder_kind kind, size_t i);

/* Any object by name, whatever its kind; the kinds are asked in the order of
 * larder_kind. NULL, and *kind untouched, when there is none. */
const ldr_about *ldr_snapshot_find(
    const ldr_snapshot *snapshot, const char *name, larder_kind *kind);
/* NOT_FOUND with the nearest name of that kind ("feature view 'x' ..."). */
larder_status ldr_snapshot_view(const ldr_snapshot *snapshot, const char *name,
    const ldr_view **out, larder_error *err);
larder_status ldr_snapshot_source(const ldr_snapshot *snapshot,
    const char *name, const ldr_source **out, larder_error *err);
larder_status ldr_snapshot_service(const ldr_snapshot *snapshot,
    const char *name, const ldr_service **out, larder_error *err);
/* NOT_FOUND, with the nearest name of a kind or of LARDER_ALL. */
larder_status ldr_snapshot_missing(const ldr_snapshot *snapshot,
    larder_kind kind, const char *name, larder_error *err);

#endif
