/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sort.c - a stream sorted by some of its columns; spills to a temporary file.
 *
 * Rows are collected into one batch. If they all fit they are put in order
 * there (order.h); else each batchful is put in order and written as a run of
 * blocks (spill.h), and runs are merged when read. Of equal rows the one read
 * first comes first, in either way: order is stable, runs lie in the file as
 * they were read, and the merge lets the earlier run go first.
 *
 * Memory: half of the call's for the rows collected, half for putting them in
 * order; when merging, a block of each of FAN_IN runs.
 */
#include "data/sort.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"
#include "data/batch.h"
#include "data/merge.h"
#include "data/order.h"
#include "data/schema.h"

#define MEMORY_BYTES ((size_t)512 << 20)
#define FAN_IN 64u
#define BLOCK_ROWS 4096u
/* Rows taken over between two looks at what they weigh. */
#define SLICE_ROWS 1024u

struct ldr_sorted {
    ldr_arena arena; /* the schema and `by`, which outlive the input */
    larder_schema schema;
    ldr_merge_rule rule;
    size_t limit_bytes; /* half of the call's memory */
    larder_batch rows;
    size_t *order; /* of `rows`, where nothing was spilled */
    ldr_spill spill;
    ldr_run *runs;
    size_t n_runs, room_runs;
    ldr_buffer scratch;
};

static bool
has_lists(const larder_batch *batch)
{
    for (size_t i = 0; i < batch->schema->n_fields; i++)
        if (batch->columns[i].items != NULL)
            return true;
    return false;
}

/* Bytes of the texts of one row. */
static size_t
text_bytes(const larder_batch *batch, size_t row)
{
    size_t bytes = 0;

    for (size_t i = 0; i < batch->schema->n_fields; i++) {
        const int64_t *offsets = batch->columns[i].offsets;

        if (offsets != NULL)
            bytes += (size_t)(offsets[row + 1] - offsets[row]);
    }
    return bytes;
}

/* What a row takes beside its texts. */
static size_t
fixed_bytes(const larder_batch *batch)
{
    size_t bytes = 1;

    for (size_t i = 0; i < batch->schema->n_fields; i++)
        bytes += batch->columns[i].offsets != NULL
                     ? sizeof(int64_t)
                     : ldr_type_width(batch->columns[i].type) + 1;
    return bytes;
}

/* How many rows from `begin` on make a batch of at most n_most rows and about
 * so many bytes. */
static size_t
measure(const larder_batch *batch, const size_t *order, size_t begin,
    size_t n_most, size_t limit_bytes)
{
    size_t bytes = 0, n = 0, fixed = fixed_bytes(batch);
    bool lists = has_lists(batch);

    if (n_most > batch->n_rows - begin)
        n_most = batch->n_rows - begin;
    for (; n < n_most && (n == 0 || bytes < limit_bytes); n++)
        bytes += lists ? ldr_batch_weight(batch, order[begin + n], 1)
                       : fixed + text_bytes(batch, order[begin + n]);
    return n;
}

/* Append so many rows of `from` in order. */
static larder_status
gather(larder_batch *to, const larder_batch *from, const size_t *rows,
    size_t n_rows, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < to->schema->n_fields && rc == LARDER_OK; i++)
        rc = ldr_column_gather(
            &to->columns[i], &from->columns[i], rows, n_rows, err);
    if (rc == LARDER_OK)
        to->n_rows += n_rows;
    return rc;
}

/* -------------------------------------------------------------------- runs */

static larder_status
add_run(ldr_sorted *sorted, ldr_run added, larder_error *err)
{
    if (sorted->n_runs == sorted->room_runs) {
        size_t room = sorted->room_runs == 0 ? 16 : sorted->room_runs * 2;
        ldr_run *runs = NULL;

        if (room < SIZE_MAX / sizeof *runs)
            runs = realloc(sorted->runs, room * sizeof *runs);
        if (runs == NULL)
            return larder_fail(
                err, LARDER_NOMEM, "out of memory for %zu sorted runs", room);
        sorted->runs = runs;
        sorted->room_runs = room;
    }
    sorted->runs[sorted->n_runs++] = added;
    return LARDER_OK;
}

/* Put the rows collected in order and write them as a run. */
static larder_status
spill_rows(ldr_sorted *sorted, larder_error *err)
{
    larder_batch *rows = &sorted->rows, block = {0};
    size_t *order = NULL, begin = 0;
    ldr_run made;
    larder_status rc = LARDER_OK;

    if (sorted->spill.file < 0)
        LARDER_TRY(
            ldr_spill_open(&sorted->spill, sorted->rule.call->temporary, err));
    made.begin = sorted->spill.n_bytes;
    LARDER_TRY(ldr_order(rows, sorted->rule.by, sorted->rule.n_by,
        sorted->rule.call, &order, err));
    LARDER_TRY(larder_batch_init(&block, &sorted->schema, err));
    while (begin < rows->n_rows) {
        size_t n =
            measure(rows, order, begin, BLOCK_ROWS, sorted->rule.batch_bytes);

        LARDER_TRY(larder_call_check(sorted->rule.call, err));
        larder_batch_clear(&block);
        LARDER_TRY(gather(&block, rows, order + begin, n, err));
        LARDER_TRY(
            ldr_spill_write(&sorted->spill, &block, &sorted->scratch, err));
        begin += n;
    }
    made.end = sorted->spill.n_bytes;
    LARDER_TRY(add_run(sorted, made, err));
    larder_batch_clear(rows);
out:
    free(order);
    larder_batch_release(&block);
    return rc;
}

/* Merge neighbouring runs into one at the end of another spill. */
static larder_status
merge_runs(ldr_sorted *sorted, ldr_spill *to, const ldr_run *runs,
    size_t n_runs, ldr_run *out, larder_error *err)
{
    ldr_merge all = {0};
    larder_batch block = {0};
    larder_status rc = LARDER_OK;

    out->begin = to->n_bytes;
    LARDER_TRY(larder_batch_init(&block, &sorted->schema, err));
    LARDER_TRY(ldr_merge_start(
        &all, &sorted->rule, &sorted->spill, runs, n_runs, err));
    for (;;) {
        larder_batch_clear(&block);
        LARDER_TRY(ldr_merge_next(&all, BLOCK_ROWS, &block, err));
        if (block.n_rows == 0)
            break;
        LARDER_TRY(ldr_spill_write(to, &block, &sorted->scratch, err));
    }
    out->end = to->n_bytes;
out:
    ldr_merge_free(&all);
    larder_batch_release(&block);
    return rc;
}

/* One pass over all runs into another file: FAN_IN times fewer. */
static larder_status
merge_pass(ldr_sorted *sorted, larder_error *err)
{
    ldr_spill to = LDR_NO_SPILL;
    size_t n_made = 0;
    larder_status rc = LARDER_OK;

    LARDER_TRY(ldr_spill_open(&to, sorted->rule.call->temporary, err));
    for (size_t i = 0; i < sorted->n_runs; i += FAN_IN) {
        size_t left = sorted->n_runs - i;
        ldr_run made;

        LARDER_TRY(merge_runs(sorted, &to, sorted->runs + i,
            left < FAN_IN ? left : FAN_IN, &made, err));
        sorted->runs[n_made++] = made;
    }
    sorted->n_runs = n_made;
    ldr_spill_close(&sorted->spill);
    sorted->spill = to;
    to = LDR_NO_SPILL;
out:
    ldr_spill_close(&to);
    return rc;
}

/* -------------------------------------------------------------- collecting */

static bool
is_full(const ldr_sorted *sorted)
{
    const larder_batch *rows = &sorted->rows;

    return rows->n_rows > sorted->limit_bytes / LDR_ORDER_BYTES ||
           ldr_batch_weight(rows, 0, rows->n_rows) > sorted->limit_bytes;
}

static larder_status
collect_batch(ldr_sorted *sorted, const larder_batch *batch, larder_error *err)
{
    size_t n;

    for (size_t row = 0; row < batch->n_rows; row += n) {
        larder_status rc;

        n = batch->n_rows - row < SLICE_ROWS ? batch->n_rows - row : SLICE_ROWS;
        rc = ldr_batch_copy(&sorted->rows, batch, row, n, err);
        if (rc == LARDER_OK && is_full(sorted))
            rc = spill_rows(sorted, err);
        if (rc != LARDER_OK)
            return rc;
    }
    return LARDER_OK;
}

static larder_status
collect(ldr_sorted *sorted, larder_stream *input, larder_error *err)
{
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_batch_init(&sorted->rows, &sorted->schema, err));
    for (;;) {
        LARDER_TRY(larder_call_check(sorted->rule.call, err));
        LARDER_TRY(larder_stream_next(input, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(collect_batch(sorted, &batch, err));
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    return rc;
}

/* After the last row: in order here, or few enough runs to merge. */
static larder_status
settle(ldr_sorted *sorted, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (sorted->spill.file < 0)
        return ldr_order(&sorted->rows, sorted->rule.by, sorted->rule.n_by,
            sorted->rule.call, &sorted->order, err);
    if (sorted->rows.n_rows != 0)
        rc = spill_rows(sorted, err);
    larder_batch_release(&sorted->rows);
    while (rc == LARDER_OK && sorted->n_runs > FAN_IN)
        rc = merge_pass(sorted, err);
    ldr_buffer_free(&sorted->scratch);
    return rc;
}

static larder_status
new_sorted(const larder_stream *input, const ldr_sort_column *by, size_t n_by,
    const larder_call *call, ldr_sorted **out, larder_error *err)
{
    ldr_sorted *made = calloc(1, sizeof *made);
    ldr_sort_column *own;
    larder_status rc = LARDER_OK;

    if (made == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory to sort rows");
    made->spill = LDR_NO_SPILL;
    made->limit_bytes =
        (call->memory_bytes == 0 ? MEMORY_BYTES : call->memory_bytes) / 2;
    made->rule.batch_bytes = made->limit_bytes / (2 * (size_t)FAN_IN);
    own = ldr_arena_array(&made->arena, n_by, sizeof *own);
    if (own == NULL)
        LARDER_TRY(
            larder_fail(err, LARDER_NOMEM, "out of memory to sort rows"));
    for (size_t i = 0; i < n_by; i++) {
        assert(by[i].column < input->schema->n_fields);
        own[i] = by[i];
    }
    made->rule.schema = &made->schema;
    made->rule.by = own;
    made->rule.n_by = n_by;
    made->rule.call = call;
    LARDER_TRY(
        ldr_schema_copy(input->schema, &made->arena, &made->schema, err));
    *out = made;
    made = NULL;
out:
    ldr_sorted_free(made);
    return rc;
}

larder_status
ldr_sort(larder_stream *input, const ldr_sort_column *by, size_t n_by,
    const larder_call *call, ldr_sorted **out, larder_error *err)
{
    ldr_sorted *sorted = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(new_sorted(input, by, n_by, call, &sorted, err));
    LARDER_TRY(collect(sorted, input, err));
    larder_stream_close(input);
    LARDER_TRY(settle(sorted, err));
    *out = sorted;
    sorted = NULL;
out:
    larder_stream_close(input);
    ldr_sorted_free(sorted);
    return rc;
}

void
ldr_sorted_free(ldr_sorted *sorted)
{
    if (sorted == NULL)
        return;
    larder_batch_release(&sorted->rows);
    free(sorted->order);
    ldr_spill_close(&sorted->spill);
    free(sorted->runs);
    ldr_buffer_free(&sorted->scratch);
    ldr_arena_free(&sorted->arena);
    free(sorted);
}

/* ----------------------------------------------------------------- reading */

typedef struct reading {
    const ldr_sorted *sorted;
    size_t at;       /* of `order` */
    ldr_merge merge; /* of the runs */
} reading;

static larder_status
read_memory(reading *state, larder_batch *out, larder_error *err)
{
    const ldr_sorted *sorted = state->sorted;
    size_t n;
    larder_status rc = larder_call_check(sorted->rule.call, err);

    if (rc != LARDER_OK)
        return rc;
    n = measure(&sorted->rows, sorted->order, state->at, LDR_BATCH_ROWS,
        4 * sorted->rule.batch_bytes);
    rc = gather(out, &sorted->rows, sorted->order + state->at, n, err);
    if (rc == LARDER_OK)
        state->at += n;
    return rc;
}

static larder_status
read_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    reading *state = self->state;
    larder_batch made = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_batch_init(&made, &state->sorted->schema, err));
    if (state->sorted->n_runs == 0)
        LARDER_TRY(read_memory(state, &made, err));
    else
        LARDER_TRY(ldr_merge_next(&state->merge, LDR_BATCH_ROWS, &made, err));
    *out = made;
    made = (larder_batch){0};
out:
    larder_batch_release(&made);
    return rc;
}

static void
read_close(larder_stream *self)
{
    reading *state = self->state;

    ldr_merge_free(&state->merge);
    free(state);
    *self = (larder_stream){0};
}

larder_status
ldr_sorted_read(ldr_sorted *sorted, larder_stream *out, larder_error *err)
{
    reading *state = calloc(1, sizeof *state);
    larder_status rc = LARDER_OK;

    if (state == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory to read rows");
    state->sorted = sorted;
    if (sorted->n_runs != 0)
        rc = ldr_merge_start(&state->merge, &sorted->rule, &sorted->spill,
            sorted->runs, sorted->n_runs, err);
    if (rc != LARDER_OK) {
        free(state);
        return rc;
    }
    *out = (larder_stream){.schema = &sorted->schema,
        .next = read_next,
        .close = read_close,
        .state = state};
    return LARDER_OK;
}
