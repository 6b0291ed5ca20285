/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff.h - two snapshots to a list of changes in words.
 *
 * A change is breaking when a service of the old snapshot could no longer
 * answer as before: a feature it asks for is gone, has another type, or its
 * view has other keys; what must come with the question is other than it was;
 * or when its own list lost or moved an entry.
 */
#ifndef LDR_DIFF_H
#define LDR_DIFF_H

#include "registry/snapshot.h"

typedef enum ldr_action {
    LDR_ADD,
    LDR_CHANGE,
    LDR_REMOVE,
    LDR_RESHAPE
} ldr_action;

typedef struct ldr_change {
    ldr_action action;
    larder_kind kind;
    const char *name;
    const char *fields; /* "ttl: 7d -> 14d; features: + roi" */
    bool breaking;
    const char *breaks;   /* NULL, or the services it breaks */
    const char *services; /* NULL, or those that read it */
} ldr_change;

typedef struct ldr_changes {
    ldr_arena arena;
    ldr_change *changes; /* by kind, then name */
    size_t n_changes, room;
} ldr_changes;

larder_status ldr_diff(const ldr_snapshot *from, const ldr_snapshot *to,
    ldr_changes *out, larder_error *err);
/* One more, words copied. NOMEM. */
larder_status ldr_changes_add(ldr_changes *changes, ldr_action action,
    larder_kind kind, const char *name, const char *fields, larder_error *err);
/* By kind, then name; as ldr_diff() leaves them. */
void ldr_changes_sort(ldr_changes *changes);
void ldr_changes_release(ldr_changes *changes);
/* The stream of larder_plan(); takes nothing over. */
larder_status ldr_changes_stream(
    const ldr_changes *changes, larder_stream *out, larder_error *err);

#endif
