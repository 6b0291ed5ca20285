/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.h - sorted runs of a spill read as one.
 */
#ifndef LDR_MERGE_H
#define LDR_MERGE_H

#include "data/row.h"
#include "data/sort.h"
#include "data/spill.h"

/* One sorted part of a spill, from block to block. */
typedef struct ldr_run {
    uint64_t begin, end;
} ldr_run;

/* What runs have in common; everything is borrowed. */
typedef struct ldr_merge_rule {
    const larder_schema *schema;
    const ldr_sort_column *by;
    size_t n_by;
    const larder_call *call;
    size_t batch_bytes; /* about as much is given at once */
} ldr_merge_rule;

struct ldr_merge_source;

typedef struct ldr_merge {
    const ldr_merge_rule *rule;
    const ldr_spill *spill;
    struct ldr_merge_source *sources;
    struct ldr_merge_source **heap; /* those with rows left, the least first */
    size_t n_sources, n_heap;
    ldr_buffer scratch;
    larder_status failed; /* rows were lost: there is no going on */
} ldr_merge;

/* Rows equal in order come from the earlier run first. Holds a block of each
 * run. IO, CORRUPT, NOMEM. */
larder_status ldr_merge_start(ldr_merge *merge, const ldr_merge_rule *rule,
    const ldr_spill *spill, const ldr_run *runs, size_t n_runs,
    larder_error *err);
/* Append up to n_most rows to an empty batch; none is the end. */
larder_status ldr_merge_next(
    ldr_merge *merge, size_t n_most, larder_batch *out, larder_error *err);
void ldr_merge_free(ldr_merge *merge);

#endif
