/* SPDX-License-Identifier: Apache-2.0 */
/*
 * push.h - rows handed in by a program, to either store or both.
 *
 * To both: the rows go into history first, in one transaction, which is their
 * journal; then the views that read that history get the touched entities' rows
 * online. What a failure in between leaves out, the next materialize brings:
 * the rows arrived. A batch with one bad row is refused whole.
 *
 * Rows online are what history says: those of plain views are put where they
 * are newer (R3), those of windowed views are derived anew (derive.h). So
 * pushes and materializes, in any order and repeated, leave the same bytes.
 *
 * Rows of one view go online alone, past history: what is newest stays.
 *
 * A second online store gets the rows after the first, also where that failed:
 * what either did stands.
 */
#ifndef LDR_PUSH_H
#define LDR_PUSH_H

#include "registry/snapshot.h"
#include "storage/offline.h"
#include "storage/online.h"

typedef struct ldr_pushing {
    ldr_offline *offline; /* not for LARDER_PUSH_ONLINE */
    ldr_online *online;   /* not for LARDER_PUSH_OFFLINE */
    ldr_online *second;   /* the fallback; NULL: none, or it cannot be had */
    const larder_call *call;
    const char *project;
    const ldr_snapshot *snapshot;
    const ldr_source *source; /* of kind push; or ... */
    const ldr_view *view;     /* ... rows of this view alone, to online */
    larder_push_to to;
} ldr_pushing;

/* larder_push(), larder_write(); the stream has the columns of the batch source
 * or those that ldr_view_schema() says. The report is
 * filled as far as it came, also on failure; its `fallback` says how the second
 * store fared, which is no failure here. */
larder_status ldr_push(const ldr_pushing *pushing, larder_stream *rows,
    larder_pushed *report, larder_error *err);

#endif
