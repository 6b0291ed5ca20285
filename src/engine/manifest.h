/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.h - what a training set is made of, as JSON.
 *
 * Equal inputs give equal bytes: no clock, path, host, environment or store
 * type.
 */
#ifndef LDR_MANIFEST_H
#define LDR_MANIFEST_H

#include "engine/plan.h"
#include "larder.h"

typedef struct ldr_watermark {
    const char *source;
    larder_time newest_event; /* LARDER_TIME_MIN: unknown */
} ldr_watermark;

/* malloc'ed. NOMEM. */
larder_status ldr_manifest_print(const ldr_plan *plan,
    const larder_join_options *options, const larder_joined *joined,
    const ldr_watermark *watermarks, size_t n_watermarks, char **manifest,
    larder_error *err);

#endif
