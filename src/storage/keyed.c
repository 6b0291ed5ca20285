/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyed.c - of rows, those of certain keys: what a store that can not seek
 * gives too much of.
 */
#include "storage/keyed.h"

#include <stdlib.h>

#include "data/batch.h"

typedef struct key_row {
    const larder_batch *batch;
    size_t row;
} key_row;

typedef struct keyed {
    larder_stream input;
    key_row *keys; /* ascending */
    size_t n_keys, n_columns;
} keyed;

static int
compare_rows(const key_row *a, const key_row *b, size_t n_columns)
{
    for (size_t i = 0; i < n_columns; i++) {
        larder_value x = larder_column_value(&a->batch->columns[i], a->row);
        larder_value y = larder_column_value(&b->batch->columns[i], b->row);
        int order = ldr_value_order(&x, &y);

        if (order != 0)
            return order;
    }
    return 0;
}

static int
compare_keys(const void *a, const void *b)
{
    const key_row *x = a, *y = b;

    return compare_rows(x, y, x->batch->schema->n_fields);
}

static bool
is_wanted(const keyed *k, const larder_batch *batch, size_t row)
{
    const key_row one = {batch, row};
    size_t low = 0, high = k->n_keys;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_rows(&one, &k->keys[middle], k->n_columns);

        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* Runs of wanted rows go over as they lie. */
static larder_status
choose(const keyed *k, const larder_batch *batch, larder_batch *chosen,
    larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t row = 0, end; row < batch->n_rows; row = end) {
        bool wanted = is_wanted(k, batch, row);

        for (end = row + 1; end < batch->n_rows; end++)
            if (is_wanted(k, batch, end) != wanted)
                break;
        if (wanted)
            LARDER_TRY(ldr_batch_copy(chosen, batch, row, end - row, err));
    }
out:
    return rc;
}

static larder_status
keyed_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    keyed *k = self->state;
    larder_batch batch = {0}, chosen = {0};
    larder_status rc;

    LARDER_TRY(larder_batch_init(&chosen, self->schema, err));
    while (chosen.n_rows == 0) {
        LARDER_TRY(larder_stream_next(&k->input, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(choose(k, &batch, &chosen, err));
        larder_batch_release(&batch);
    }
    *out = chosen;
    chosen = (larder_batch){0};
out:
    larder_batch_release(&chosen);
    larder_batch_release(&batch);
    return rc;
}

static void
keyed_close(larder_stream *self)
{
    keyed *k = self->state;

    larder_stream_close(&k->input);
    free(k->keys);
    free(k);
    *self = (larder_stream){0};
}

larder_status
ldr_keyed(larder_stream *input, const larder_batch *keys, larder_stream *out,
    larder_error *err)
{
    keyed *k = calloc(1, sizeof *k);
    key_row *rows = calloc(keys->n_rows + 1, sizeof *rows);

    if (k == NULL || rows == NULL) {
        free(k);
        free(rows);
        larder_stream_close(input);
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < keys->n_rows; i++)
        rows[i] = (key_row){keys, i};
    qsort(rows, keys->n_rows, sizeof *rows, compare_keys);
    *k = (keyed){.input = *input,
        .keys = rows,
        .n_keys = keys->n_rows,
        .n_columns = keys->schema->n_fields};
    *input = (larder_stream){0};
    *out = (larder_stream){.schema = k->input.schema,
        .next = keyed_next,
        .close = keyed_close,
        .state = k};
    return LARDER_OK;
}
