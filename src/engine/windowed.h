/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windowed.h - a view's windowed features for one chunk of a spine.
 *
 * Beside answer.h, which looks for the one row that answers: here all rows of a
 * key that some window reaches are looked at, and a moment's answer is made of
 * them. The ttl has no say.
 */
#ifndef LDR_WINDOWED_H
#define LDR_WINDOWED_H

#include "engine/answer.h"
#include "engine/events.h"

/* As ldr_answers_find(), of the same answering: `features` of
 * ldr_answers_gather() count plan->windows, and there are no event times. A row
 * is LDR_ASOF_NONE where the key has no history at its moment. INVALID (an integer sum that does not fit), and the store's own. */
larder_status ldr_windowed_find(const ldr_answering *answering,
    const ldr_event_plan *plan, const ldr_spine_chunk *chunk, ldr_answers *out,
    larder_error *err);

#endif
