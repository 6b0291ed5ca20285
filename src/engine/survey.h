/* SPDX-License-Identifier: Apache-2.0 */
/*
 * survey.h - statistics of a feature view's history, of its rows online, or of
 * a stream. Writes nothing.
 */
#ifndef LDR_SURVEY_H
#define LDR_SURVEY_H

#include "engine/plan.h"
#include "storage/offline.h"
#include "storage/online.h"
#include "storage/records.h"

/* Events of from .. to, both included; the view's name is a copy. */
larder_status ldr_survey_history(ldr_offline *offline, const larder_call *call,
    const ldr_view *view, larder_time from, larder_time to, larder_stats *out,
    larder_error *err);
/* All rows there are, as a read at call->now gives them. `plan` is of the
 * features of one view, and taken over (cleared), also on failure. */
larder_status ldr_survey_online(ldr_online *online, ldr_records *records,
    const char *project, ldr_plan *plan, const larder_call *call,
    larder_stats *out, larder_error *err);
larder_status ldr_survey_stream(larder_stream *rows, const larder_call *call,
    larder_stats *out, larder_error *err);

#endif
