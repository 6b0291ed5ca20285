/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ondemand.h - on-demand features of a plan over columns that are there.
 *
 * A join calls it with the columns of a chunk, a read with those of its answer:
 * the same expressions over the same values.
 */
#ifndef LDR_ONDEMAND_H
#define LDR_ONDEMAND_H

#include "engine/plan.h"

/* Columns of equal length; those that no expression names may be NULL. */
typedef struct ldr_inputs {
    const larder_column **features; /* per plan->features, all of them */
    const larder_column **requests; /* per plan->requests */
    const larder_column **events;   /* per plan->views: event times, null where
                                     * no row answers */
    const larder_column *as_of;     /* the moment asked, of each row */
} ldr_inputs;

/* Memory that is used again; {0} is empty. For one thread. */
typedef struct ldr_ondemand_room {
    ldr_expression_room *expression;
    const larder_column **columns;
    size_t n_columns;
} ldr_ondemand_room;
void ldr_ondemand_room_release(ldr_ondemand_room *room);

/* Append rows [begin, end) of plan->derived[which] to `out`. `*n_made_null`
 * grows as ldr_expression_evaluate says. NOMEM. */
larder_status ldr_ondemand_run(const ldr_plan *plan, size_t which,
    const ldr_inputs *inputs, size_t begin, size_t end,
    ldr_ondemand_room *room, larder_column *out, uint64_t *n_made_null,
    larder_error *err);

/* Does any expression of the plan read this? */
bool ldr_ondemand_reads_event(const ldr_plan *plan, size_t view);

#endif
