/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.h - online reads: keys in, newest features out.
 *
 * A reader is prepared once: which tables, which slots. A read encodes the
 * keys, fetches each entity's tables in one call, judges ttl at `now` and
 * copies slots into the caller's answer, without allocating after the first
 * call.
 */
#ifndef LDR_LOOKUP_H
#define LDR_LOOKUP_H

#include "engine/plan.h"
#include "larder.h"
#include "storage/online.h"
#include "storage/records.h"

/* `plan` is taken over (cleared), also on failure. The stores outlive the
 * reader; `records` is asked for the definition an old build was made with. */
larder_status ldr_lookup_open(ldr_online *online, ldr_records *records,
    const char *project, ldr_plan *plan, bool at_time, const larder_call *call,
    larder_reader **out, larder_error *err);

#endif
