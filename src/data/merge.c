/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.c - sorted runs of a spill read as one.
 *
 * A heap holds the runs by their first row not yet given. Where one run gives
 * several rows in a row they are copied together.
 */
#include "data/merge.h"

#include <stdlib.h>

#include "data/batch.h"
#include "data/order.h"

typedef struct ldr_merge_source {
    uint64_t at, end; /* what is left of the run in the spill */
    larder_batch block;
    size_t row;      /* the first of the block not yet given */
    uint64_t number; /* of that row, as ldr_order_prefix() */
    size_t rank;     /* the earlier run goes first */
} source;

static bool
is_before(const ldr_merge_rule *rule, const source *a, const source *b)
{
    int order;

    if (a->number != b->number)
        return a->number < b->number;
    order = ldr_order_rows(
        &a->block, a->row, &b->block, b->row, rule->by, rule->n_by);
    return order != 0 ? order < 0 : a->rank < b->rank;
}

static void
sift_down(const ldr_merge *merge, size_t at)
{
    source *moved = merge->heap[at];

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= merge->n_heap)
            break;
        if (child + 1 < merge->n_heap &&
            is_before(merge->rule, merge->heap[child + 1], merge->heap[child]))
            child++;
        if (!is_before(merge->rule, merge->heap[child], moved))
            break;
        merge->heap[at] = merge->heap[child];
        at = child;
    }
    merge->heap[at] = moved;
}

static void
renumber(const ldr_merge_rule *rule, source *from)
{
    if (rule->n_by != 0)
        from->number = ldr_order_prefix(&from->block.columns[rule->by->column],
            from->row, rule->by->descending);
}

/* The next block of a source; at its end the block is empty. */
static larder_status
refill(ldr_merge *merge, source *from, larder_error *err)
{
    larder_status rc;

    from->row = 0;
    if (from->at == from->end) {
        larder_batch_release(&from->block);
        return LARDER_OK;
    }
    rc = ldr_spill_read(
        merge->spill, &from->at, &from->block, &merge->scratch, err);
    if (rc == LARDER_OK)
        renumber(merge->rule, from);
    return rc;
}

void
ldr_merge_free(ldr_merge *merge)
{
    for (size_t i = 0; i < merge->n_sources; i++)
        larder_batch_release(&merge->sources[i].block);
    free(merge->sources);
    free(merge->heap);
    ldr_buffer_free(&merge->scratch);
    *merge = (ldr_merge){0};
}

static larder_status
add_source(ldr_merge *merge, ldr_run run, larder_error *err)
{
    source *made = &merge->sources[merge->n_sources];
    larder_status rc;

    made->at = run.begin;
    made->end = run.end;
    made->rank = merge->n_sources;
    rc = larder_batch_init(&made->block, merge->rule->schema, err);
    if (rc != LARDER_OK)
        return rc;
    merge->n_sources++;
    rc = refill(merge, made, err);
    if (rc == LARDER_OK && made->block.n_rows != 0)
        merge->heap[merge->n_heap++] = made;
    return rc;
}

larder_status
ldr_merge_start(ldr_merge *merge, const ldr_merge_rule *rule,
    const ldr_spill *spill, const ldr_run *runs, size_t n_runs,
    larder_error *err)
{
    ldr_merge made = {.rule = rule, .spill = spill};
    larder_status rc = LARDER_OK;

    made.sources = calloc(n_runs == 0 ? 1 : n_runs, sizeof *made.sources);
    made.heap = calloc(n_runs == 0 ? 1 : n_runs, sizeof(source *));
    if (made.sources == NULL || made.heap == NULL)
        LARDER_TRY(larder_fail(
            err, LARDER_NOMEM, "out of memory to merge %zu runs", n_runs));
    for (size_t i = 0; i < n_runs; i++)
        LARDER_TRY(add_source(&made, runs[i], err));
    for (size_t i = made.n_heap / 2; i-- > 0;)
        sift_down(&made, i);
    *merge = made;
    made = (ldr_merge){0};
out:
    ldr_merge_free(&made);
    return rc;
}

/* Append rows of the least source while it stays the least and its block lasts,
 * at most n_most; then the next source is the least. */
static larder_status
merge_some(
    ldr_merge *merge, size_t n_most, larder_batch *out, larder_error *err)
{
    source *least = merge->heap[0];
    size_t begin = least->row, n_rows;
    larder_status rc;

    do {
        n_rows = ++least->row - begin;
        if (least->row == least->block.n_rows)
            break;
        renumber(merge->rule, least);
        sift_down(merge, 0);
    } while (merge->heap[0] == least && n_rows < n_most);
    rc = ldr_batch_copy(out, &least->block, begin, n_rows, err);
    if (rc != LARDER_OK || least->row < least->block.n_rows)
        return rc;
    rc = refill(merge, least, err);
    if (rc == LARDER_OK && least->block.n_rows == 0)
        merge->heap[0] = merge->heap[--merge->n_heap];
    if (rc == LARDER_OK && merge->n_heap > 1)
        sift_down(merge, 0);
    return rc;
}

larder_status
ldr_merge_next(
    ldr_merge *merge, size_t n_most, larder_batch *out, larder_error *err)
{
    size_t most = merge->rule->batch_bytes;
    larder_status rc = larder_call_check(merge->rule->call, err);

    if (rc == LARDER_OK && merge->failed != LARDER_OK)
        return larder_fail(
            err, merge->failed, "sorted rows were lost in an earlier failure");
    while (rc == LARDER_OK && merge->n_heap != 0 && out->n_rows < n_most &&
           (out->n_rows == 0 || ldr_batch_weight(out, 0, out->n_rows) < most)) {
        rc = merge_some(merge, n_most - out->n_rows, out, err);
        merge->failed = rc;
    }
    return rc;
}
