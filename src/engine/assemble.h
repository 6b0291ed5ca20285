/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assemble.h - batches of a join's output, from a chunk of the spine and the
 * answers to it: the spine's columns, the views' features, what is computed
 * from them on demand, and the digests of it all.
 */
#ifndef LDR_ASSEMBLE_H
#define LDR_ASSEMBLE_H

#include "engine/answer.h"
#include "engine/plan.h"
#include "engine/spine.h"

/* Where a plan feature of a view lies. */
typedef struct ldr_answered {
    const ldr_answers *answers;
    size_t column;
} ldr_answered;

/* What one chunk is made of; lent until its last batch is out. */
typedef struct ldr_parts {
    const ldr_spine_chunk *chunk;
    const ldr_answered *features;      /* per plan->features, all of them */
    const ldr_answers *const *answers; /* per plan->views, for event times */
} ldr_parts;

typedef struct ldr_assembly ldr_assembly;

/* `spine` is the schema of its columns; the output has them, then the plan's.
 * NOMEM. */
larder_status ldr_assembly_new(const ldr_plan *plan, const larder_schema *spine,
    const larder_join_options *options, const larder_call *call,
    ldr_assembly **out, larder_error *err);
void ldr_assembly_free(ldr_assembly *assembly); /* NULL allowed */
const larder_schema *ldr_assembly_schema(const ldr_assembly *assembly);

/* Begin with a chunk; what `parts` points to is lent until the next. */
void ldr_assembly_start(ldr_assembly *assembly, const ldr_parts *parts);
/* The next batch of the chunk; n_rows 0: all of it is out. Rows keep the
 * chunk's order. NOMEM. */
larder_status ldr_assembly_next(
    ldr_assembly *assembly, larder_batch *out, larder_error *err);

/* After the last chunk: what is known of all rows goes into the report, and
 * nulls and made_null into its plan->n_features features. */
void ldr_assembly_finish(const ldr_assembly *assembly,
    larder_joined_feature *features, larder_joined *report);

#endif
