/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.h - some entities of one view: is what is online of them what history
 * says?
 */
#ifndef LDR_VERDICT_H
#define LDR_VERDICT_H

#include "engine/recompute.h"
#include "engine/runs.h"
#include "engine/sample.h"

/* One view. */
typedef struct ldr_judging {
    ldr_offline *offline; /* no snapshot of it is this thread's */
    ldr_online *online;
    const larder_call *call;
    const ldr_recomputing *plan;
    larder_table_id table;         /* online */
    const ldr_position *position;  /* read before anything else */
    larder_proved_view *report;    /* counts are added to it */
    larder_difference *difference; /* filled by the first there is */
} ldr_judging;

/* Judge *n_keys entities, which ascend. Where their rows online do not fit a
 * quarter of call->memory_bytes none is judged, and *n_keys is 0: ask for
 * fewer. One always fits. CORRUPT (a key), and the stores' own. */
larder_status ldr_judge(const ldr_judging *judging, const ldr_sampled *keys,
    size_t *n_keys, larder_error *err);

#endif
