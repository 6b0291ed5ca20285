/* SPDX-License-Identifier: Apache-2.0 */
/*
 * newest.c - of rows in order, the first of each key and those tied with it.
 */
#include "storage/newest.h"

#include <stdlib.h>

#include "data/batch.h"

typedef struct newest {
    larder_stream input;
    size_t n_key;
    larder_batch kept; /* the newest row of the key at hand; empty: none yet */
} newest;

/* Columns [from, to) of two rows. */
static bool
same(const larder_batch *a, size_t row_a, const larder_batch *b, size_t row_b,
    size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        larder_value x = larder_column_value(&a->columns[i], row_a);
        larder_value y = larder_column_value(&b->columns[i], row_b);

        if (!ldr_value_same(&x, &y))
            return false;
    }
    return true;
}

/* The rows of a batch that stay, by number. */
static larder_status
choose(newest *n, const larder_batch *batch, size_t *rows, size_t *n_rows,
    larder_error *err)
{
    const larder_batch *kept = &n->kept;
    size_t at = 0, last = n->kept.n_rows;

    for (size_t row = 0; row < batch->n_rows; row++) {
        if (last != 0 && same(kept, at, batch, row, 0, n->n_key)) {
            if (same(kept, at, batch, row, n->n_key, n->n_key + 2))
                rows[(*n_rows)++] = row;
            continue;
        }
        rows[(*n_rows)++] = row;
        kept = batch;
        at = row;
        last = 1;
    }
    if (kept != batch)
        return LARDER_OK;
    larder_batch_clear(&n->kept);
    return ldr_batch_copy(&n->kept, batch, at, 1, err);
}

static larder_status
newest_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    newest *n = self->state;
    larder_batch batch = {0}, chosen = {0};
    size_t *rows = NULL, n_rows = 0;
    larder_status rc = LARDER_OK;

    while (n_rows == 0) {
        larder_batch_release(&batch);
        LARDER_TRY(larder_stream_next(&n->input, &batch, err));
        if (batch.n_rows == 0)
            goto out;
        free(rows);
        rows = malloc(batch.n_rows * sizeof *rows);
        if (rows == NULL) {
            rc = larder_fail(err, LARDER_NOMEM, "out of memory");
            goto out;
        }
        LARDER_TRY(choose(n, &batch, rows, &n_rows, err));
    }
    LARDER_TRY(larder_batch_init(&chosen, self->schema, err));
    for (size_t i = 0; i < self->schema->n_fields; i++)
        LARDER_TRY(ldr_column_gather(
            &chosen.columns[i], &batch.columns[i], rows, n_rows, err));
    ldr_batch_finish(&chosen);
    *out = chosen;
    chosen = (larder_batch){0};
out:
    larder_batch_release(&chosen);
    larder_batch_release(&batch);
    free(rows);
    return rc;
}

static void
newest_close(larder_stream *self)
{
    newest *n = self->state;

    larder_batch_release(&n->kept);
    larder_stream_close(&n->input);
    free(n);
    *self = (larder_stream){0};
}

larder_status
ldr_newest(
    larder_stream *input, size_t n_key, larder_stream *out, larder_error *err)
{
    newest *n = calloc(1, sizeof *n);
    larder_status rc = LARDER_NOMEM;

    if (n == NULL)
        (void)larder_fail(err, LARDER_NOMEM, "out of memory");
    else
        rc = larder_batch_init(&n->kept, input->schema, err);
    if (rc != LARDER_OK) {
        free(n);
        larder_stream_close(input);
        return rc;
    }
    n->n_key = n_key;
    n->input = *input;
    *input = (larder_stream){0};
    *out = (larder_stream){.schema = n->input.schema,
        .next = newest_next,
        .close = newest_close,
        .state = n};
    return LARDER_OK;
}
