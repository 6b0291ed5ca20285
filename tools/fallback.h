/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fallback.h - what an operation says of the second online store, where the
 * configuration names one.
 */
#ifndef FALLBACK_H
#define FALLBACK_H

#include "run.h"

/* "fallback": {"store", "error"} among the facts of a report. */
void fallback_tell(const larder_fallback *fallback, json_t *facts);
/* A warning where it failed; `then` says what comes of that. */
void fallback_warn(
    struct run *run, const larder_fallback *fallback, const char *then);

/* A warning: this answer is the fallback's. */
void fallback_answered(struct run *run, const larder_answer *answer);
/* {"answered": "primary", "type"} of an answer, or {"answered": "fallback",
 * "type", "until", "age_seconds"}. */
json_t *fallback_json(const struct run *run, const larder_answer *answer);

#endif
