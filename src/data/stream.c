/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - pull streams: the checked wrappers, and the plain operators.
 *
 * Whoever makes streams of rows from elsewhere (a store, a file) fills in a
 * larder_stream itself; here are those that only pass batches on.
 */
#include "data/stream.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"
#include "data/batch.h"
#include "data/schema.h"

static larder_status
out_of_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory for a stream of rows");
}

static bool
is_whole(const larder_batch *batch)
{
    if (batch->columns == NULL)
        return batch->n_rows == 0;
    for (size_t i = 0; i < batch->schema->n_fields; i++)
        if (batch->columns[i].n_rows != batch->n_rows)
            return false;
    return true;
}

larder_status
larder_stream_next(larder_stream *stream, larder_batch *out, larder_error *err)
{
    larder_batch batch = {0};
    bool whole;
    larder_status rc;

    if (stream->next == NULL)
        return larder_fail(err, LARDER_INVALID, "the stream of rows is closed");
    rc = stream->next(stream, &batch, err);
    if (rc != LARDER_OK)
        return rc;
    whole = is_whole(&batch);
    assert(whole);
    (void)whole; /* where nothing is asserted */
    if (batch.n_rows == 0)
        larder_batch_release(&batch);
    *out = batch;
    return LARDER_OK;
}

void
larder_stream_close(larder_stream *stream)
{
    if (stream->close != NULL)
        stream->close(stream);
    *stream = (larder_stream){0};
}

/* --------------------------------------------------------------- one batch */

static larder_status
one_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    larder_batch *batch = self->state;

    (void)err;
    *out = *batch;
    *batch = (larder_batch){0};
    return LARDER_OK;
}

static void
one_close(larder_stream *self)
{
    larder_batch_release(self->state);
    free(self->state);
    *self = (larder_stream){0};
}

larder_status
larder_stream_of(larder_batch *batch, larder_stream *out, larder_error *err)
{
    larder_batch *held = malloc(sizeof *held);

    if (held == NULL) {
        larder_batch_release(batch);
        return out_of_memory(err);
    }
    *held = *batch;
    *batch = (larder_batch){0};
    *out = (larder_stream){.schema = held->schema,
        .next = one_next,
        .close = one_close,
        .state = held};
    return LARDER_OK;
}

/* ------------------------------------------------------------------ select */

typedef struct selection {
    larder_stream input;
    larder_schema schema;
    size_t indexes[];
} selection;

/* Where column `at` was already taken, or `at`. */
static size_t
first_use(const selection *select, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (select->indexes[i] == select->indexes[at])
            return i;
    return at;
}

/* Move the columns wanted from `in` to `out`; only repeated ones are copied. */
static larder_status
select_columns(const selection *select, larder_batch *in, larder_batch *out,
    larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < select->schema.n_fields && rc == LARDER_OK; i++) {
        larder_column *column = &in->columns[select->indexes[i]];
        size_t first = first_use(select, i);

        if (first == i) {
            out->columns[i] = *column;
            *column = (larder_column){0};
            continue;
        }
        rc = ldr_column_init(&out->columns[i], out->columns[first].type, err);
        if (rc == LARDER_OK)
            rc = ldr_column_copy(
                &out->columns[i], &out->columns[first], 0, in->n_rows, err);
    }
    return rc;
}

static larder_status
select_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    selection *select = self->state;
    size_t n = select->schema.n_fields;
    larder_batch in = {0}, made = {.schema = &select->schema};
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_stream_next(&select->input, &in, err));
    if (in.n_rows == 0)
        goto out;
    made.columns = calloc(n == 0 ? 1 : n, sizeof *made.columns);
    if (made.columns == NULL)
        LARDER_TRY(out_of_memory(err));
    LARDER_TRY(select_columns(select, &in, &made, err));
    made.n_rows = in.n_rows;
    *out = made;
    made = (larder_batch){0};
out:
    larder_batch_release(&in);
    larder_batch_release(&made);
    return rc;
}

static void
select_close(larder_stream *self)
{
    selection *select = self->state;

    larder_stream_close(&select->input);
    free((void *)(uintptr_t)select->schema.fields);
    free(select);
    *self = (larder_stream){0};
}

larder_status
ldr_stream_select(larder_stream *input, const size_t *indexes, size_t n_indexes,
    larder_stream *out, larder_error *err)
{
    selection *select = NULL;
    larder_field *fields =
        calloc(n_indexes == 0 ? 1 : n_indexes, sizeof *fields);

    if (n_indexes < (SIZE_MAX - sizeof *select) / sizeof *indexes)
        select = malloc(sizeof *select + n_indexes * sizeof *indexes);
    if (fields == NULL || select == NULL) {
        free(fields);
        free(select);
        larder_stream_close(input);
        return out_of_memory(err);
    }
    for (size_t i = 0; i < n_indexes; i++) {
        assert(indexes[i] < input->schema->n_fields);
        select->indexes[i] = indexes[i];
        fields[i] = input->schema->fields[indexes[i]];
    }
    select->schema = (larder_schema){fields, n_indexes};
    select->input = *input;
    *input = (larder_stream){0};
    *out = (larder_stream){.schema = &select->schema,
        .next = select_next,
        .close = select_close,
        .state = select};
    return LARDER_OK;
}

/* ------------------------------------------------------------------ concat */

typedef struct chain {
    ldr_arena arena; /* the schema, which outlives each input */
    larder_schema schema;
    size_t at, n_inputs;
    larder_stream inputs[];
} chain;

static larder_status
concat_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    chain *all = self->state;
    larder_batch batch = {0};

    for (; all->at < all->n_inputs; all->at++) {
        larder_status rc =
            larder_stream_next(&all->inputs[all->at], &batch, err);

        if (rc != LARDER_OK)
            return rc;
        if (batch.n_rows != 0)
            break;
        larder_stream_close(&all->inputs[all->at]);
    }
    if (batch.n_rows != 0)
        batch.schema = &all->schema;
    *out = batch;
    return LARDER_OK;
}

static void
concat_close(larder_stream *self)
{
    chain *all = self->state;

    for (size_t i = 0; i < all->n_inputs; i++)
        larder_stream_close(&all->inputs[i]);
    ldr_arena_free(&all->arena);
    free(all);
    *self = (larder_stream){0};
}

static larder_status
check_equal(const larder_stream *inputs, size_t n_inputs, larder_error *err)
{
    if (n_inputs == 0)
        return larder_fail(err, LARDER_INVALID, "no stream to concatenate");
    for (size_t i = 1; i < n_inputs; i++)
        if (!ldr_schema_equal(inputs[0].schema, inputs[i].schema))
            return larder_fail(err, LARDER_INVALID,
                "stream %zu has other columns than the first", i + 1);
    return LARDER_OK;
}

static larder_status
new_chain(const larder_stream *inputs, size_t n_inputs, chain **out,
    larder_error *err)
{
    chain *all = NULL;
    larder_status rc = check_equal(inputs, n_inputs, err);

    if (rc != LARDER_OK)
        return rc;
    if (n_inputs < (SIZE_MAX - sizeof *all) / sizeof *inputs)
        all = calloc(1, sizeof *all + n_inputs * sizeof *inputs);
    if (all == NULL)
        return out_of_memory(err);
    rc = ldr_schema_copy(inputs[0].schema, &all->arena, &all->schema, err);
    if (rc != LARDER_OK) {
        ldr_arena_free(&all->arena);
        free(all);
        return rc;
    }
    *out = all;
    return LARDER_OK;
}

larder_status
ldr_stream_concat(larder_stream *inputs, size_t n_inputs, larder_stream *out,
    larder_error *err)
{
    chain *all = NULL;
    larder_status rc = new_chain(inputs, n_inputs, &all, err);

    for (size_t i = 0; i < n_inputs; i++) {
        if (rc != LARDER_OK) {
            larder_stream_close(&inputs[i]);
            continue;
        }
        all->inputs[i] = inputs[i];
        inputs[i] = (larder_stream){0};
    }
    if (rc != LARDER_OK)
        return rc;
    all->n_inputs = n_inputs;
    *out = (larder_stream){.schema = &all->schema,
        .next = concat_next,
        .close = concat_close,
        .state = all};
    return LARDER_OK;
}

/* --------------------------------------------------------- collect, cursor */

larder_status
ldr_stream_collect(larder_stream *stream, larder_batch *out, larder_error *err)
{
    larder_batch all = {0}, batch = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_batch_init(&all, stream->schema, err));
    for (;;) {
        LARDER_TRY(larder_stream_next(stream, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(ldr_batch_copy(&all, &batch, 0, batch.n_rows, err));
        larder_batch_release(&batch);
    }
    *out = all;
    all = (larder_batch){0};
out:
    larder_batch_release(&all);
    larder_batch_release(&batch);
    return rc;
}

/* The next batch, or the end; after a failure there is no row. */
static larder_status
refill(ldr_cursor *cursor, larder_error *err)
{
    larder_status rc;

    larder_batch_release(&cursor->batch);
    cursor->row = 0;
    rc = larder_stream_next(cursor->stream, &cursor->batch, err);
    cursor->ended = cursor->batch.n_rows == 0;
    return rc;
}

larder_status
ldr_cursor_start(ldr_cursor *cursor, larder_stream *stream, larder_error *err)
{
    *cursor = (ldr_cursor){.stream = stream};
    return refill(cursor, err);
}

larder_status
ldr_cursor_next(ldr_cursor *cursor, larder_error *err)
{
    if (cursor->ended || ++cursor->row < cursor->batch.n_rows)
        return LARDER_OK;
    return refill(cursor, err);
}

void
ldr_cursor_release(ldr_cursor *cursor)
{
    larder_batch_release(&cursor->batch);
    *cursor = (ldr_cursor){0};
}
