/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - do the live sources answer? columns, types, keys, times.
 *
 * Owned tables: can they be created or widened as declared. User tables and
 * queries: prepared against the store, every column a view reads is there with
 * a type it can be read as, the time column too. Faults carry the place of the
 * definition.
 */
#ifndef LDR_PROBE_H
#define LDR_PROBE_H

#include "registry/diff.h"
#include "registry/snapshot.h"
#include "storage/offline.h"

/* Faults are counted; a store that fails is the returned status. Adds the
 * reshapes apply would make ("create table", "add column") to `changes`. A NULL
 * store (not created yet) has no tables. `owned_only` leaves those of others
 * out. */
larder_status ldr_probe(ldr_offline *store, const larder_call *call,
    const ldr_snapshot *snapshot, bool owned_only, ldr_faults *faults,
    ldr_changes *changes, larder_error *err);
/* What orders the rows of an owned table (key, time columns) cannot change once
 * it is there: `current` is what it was made by, `changes` what ldr_probe()
 * left (tables still to be made are free). */
void ldr_probe_order(const ldr_snapshot *current, const ldr_snapshot *snapshot,
    const ldr_changes *changes, ldr_faults *faults);

#endif
