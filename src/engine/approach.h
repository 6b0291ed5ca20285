/* SPDX-License-Identifier: Apache-2.0 */
/*
 * approach.h - how a join would be done: which plan for each view, and why.
 */
#ifndef LDR_APPROACH_H
#define LDR_APPROACH_H

#include "engine/plan.h"
#include "storage/offline.h"

/* The stream is larder_join_approach()'s; n_rows are the spine's. */
larder_status ldr_approach(ldr_offline *offline, const ldr_plan *plan,
    const larder_call *call, const larder_join_options *options,
    uint64_t n_rows, larder_stream *out, larder_error *err);

#endif
