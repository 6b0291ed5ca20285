/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - one view's answers to one chunk of a spine.
 *
 * Sorts the chunk by the view's key and time, cuts it into ranges of keys for
 * the threads, lets each meet history, and keeps for every chunk row where its
 * answer lies, so that columns can be gathered in spine order.
 */
#ifndef LDR_ANSWER_H
#define LDR_ANSWER_H

#include "data/batch.h"
#include "engine/asof.h"
#include "engine/parallel.h"
#include "engine/plan.h"
#include "engine/spine.h"
#include "storage/offline.h"

/* What is known of a view for the whole join. */
typedef struct ldr_answering {
    ldr_offline *offline;
    const larder_call *call;
    const ldr_plan *plan;
    const ldr_plan_view *view;
    const larder_join_options *options;
    larder_table table;
    larder_schema keys; /* the table's, where it declares none */
    ldr_row_layout layout;
    bool seeks;  /* the store joins by itself */
    bool passes; /* it may, by a pass over everything: for one thread */
} ldr_answering;

#define LDR_ANSWER_NULL_KEY (SIZE_MAX - 2)

typedef struct ldr_answers {
    ldr_asof_result *parts;
    unsigned n_parts;
    /* Per chunk row: LDR_ASOF_NONE, _EXPIRED, LDR_ANSWER_NULL_KEY, or a row of
     * part `row >> 56` in its low bits. */
    size_t *rows;
    size_t n_rows;
} ldr_answers;

/* A row of a part, as `rows` says it. */
static inline size_t
ldr_answer_row(unsigned part, size_t row)
{
    return row | (size_t)part << LDR_PART_SHIFT;
}

/* How many threads look for answers: a merge reads history once, whatever the
 * number that may be had. */
static inline unsigned
ldr_answering_width(const ldr_answering *answering)
{
    return answering->seeks ? ldr_parallel_width(answering->call) : 1;
}

/* Parts without rows, and answers yet unknown. NOMEM. */
larder_status ldr_answers_start(
    ldr_answers *answers, unsigned n_parts, size_t n_rows, larder_error *err);
larder_status ldr_answers_find(const ldr_answering *answering,
    const ldr_spine_chunk *chunk, ldr_answers *out, larder_error *err);
void ldr_answers_release(ldr_answers *answers);

/* Append value columns `features` for chunk rows [first, first + n), each to a
 * column of `out`. */
larder_status ldr_answers_gather(const ldr_answers *answers,
    const size_t *features, size_t n_features, size_t first, size_t n,
    larder_column *const *out, larder_error *err);
/* The same of the answering rows' event times. */
larder_status ldr_answers_gather_events(const ldr_answers *answers,
    size_t first, size_t n, larder_column *out, larder_error *err);

#endif
