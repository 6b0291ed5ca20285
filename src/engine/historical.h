/* SPDX-License-Identifier: Apache-2.0 */
/*
 * historical.h - training sets: entity rows in, feature rows out.
 *
 * Rows out are rows in, in the same order (R1). The spine is taken in chunks
 * that fit the call's memory; for each chunk and view the sorted spine meets
 * history (asof.h), and the answers are gathered back in spine order. History
 * that must be sorted first spills (sort.h). All views read one snapshot.
 */
#ifndef LDR_HISTORICAL_H
#define LDR_HISTORICAL_H

#include "engine/plan.h"
#include "larder.h"
#include "storage/offline.h"

/* `spine` is taken over, `plan` too (cleared); both also on failure. The stream
 * is larder_join()'s; `offline` outlives it. */
larder_status ldr_historical_open(ldr_offline *offline, ldr_plan *plan,
    const larder_call *call, const larder_join_options *options,
    larder_stream *spine, larder_stream *out, larder_error *err);

larder_status ldr_historical_report(
    const larder_stream *joined, const larder_joined **out, larder_error *err);

/* The spine of a join without one: keys and event_timestamp of every history
 * row of the plan's first view with an event time in [from, to], by key, then
 * time. INVALID when another view needs a key that view has not. */
larder_status ldr_range_spine(ldr_offline *offline, const ldr_plan *plan,
    const larder_call *call, larder_time from, larder_time to,
    larder_stream *out, larder_error *err);

#endif
