/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.h - why one feature of one spine row is what it is.
 *
 * Reads the history of that one key around the row's time and gives each row
 * its part: winner, or the reason it lost. The order is asof.h's own.
 */
#ifndef LDR_EXPLAIN_H
#define LDR_EXPLAIN_H

#include "engine/plan.h"
#include "larder.h"
#include "storage/offline.h"

/* `plan` holds the one feature asked about; `spine` stays the caller's. The
 * stream is larder_explain()'s. INVALID: the spine has no such row. */
larder_status ldr_explain(ldr_offline *offline, const ldr_plan *plan,
    const larder_call *call, const larder_join_options *options,
    larder_stream *spine, uint64_t row, larder_stream *out, larder_error *err);

#endif
