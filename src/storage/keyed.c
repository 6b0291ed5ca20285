/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyed.c - of rows, those of certain keys and their times: what a store that
 * can not seek gives too much of.
 */
#include "storage/keyed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"

typedef struct key_row {
    const larder_batch *batch;
    size_t row;
} key_row;

#define NO_KEY SIZE_MAX

typedef struct keyed {
    larder_stream input;
    key_row *keys; /* ascending */
    size_t n_keys, n_columns;
    const larder_time *from, *to; /* of the keys as they were given */
    bool one_before, in_order;
    size_t found;       /* the key of the row looked at last, or NO_KEY */
    size_t before_of;   /* the last key that had a row older than its from, */
    larder_time before; /* and when that was */
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

/* Most come in order. */
static void
sort_keys(key_row *keys, size_t n_keys)
{
    size_t n = 1;

    while (n < n_keys && compare_keys(&keys[n - 1], &keys[n]) <= 0)
        n++;
    if (n < n_keys)
        qsort(keys, n_keys, sizeof *keys, compare_keys);
}

/* Most keys are one integer or text: these are compared without values. */
static bool
same_cell(
    const larder_column *a, size_t row_a, const larder_column *b, size_t row_b)
{
    larder_value x, y;

    if (ldr_column_is_null(a, row_a) || ldr_column_is_null(b, row_b))
        return false;
    if (a->type == LARDER_INT64)
        return ((const int64_t *)a->values)[row_a] ==
               ((const int64_t *)b->values)[row_b];
    if (a->type == LARDER_STRING) {
        larder_bytes p = ldr_column_text(a, row_a);
        larder_bytes q = ldr_column_text(b, row_b);

        return p.size == q.size &&
               (p.size == 0 || memcmp(p.data, q.data, p.size) == 0);
    }
    x = larder_column_value(a, row_a);
    y = larder_column_value(b, row_b);
    return ldr_value_order(&x, &y) == 0;
}

static bool
is_key(const keyed *k, size_t at, const larder_batch *batch, size_t row)
{
    const key_row *key = &k->keys[at];

    for (size_t i = 0; i < k->n_columns; i++)
        if (!same_cell(
                &batch->columns[i], row, &key->batch->columns[i], key->row))
            return false;
    return true;
}

static size_t
search(const keyed *k, const larder_batch *batch, size_t row)
{
    const key_row one = {batch, row};
    size_t low = 0, high = k->n_keys;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_rows(&one, &k->keys[middle], k->n_columns);

        if (order == 0)
            return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NO_KEY;
}

/* Which key is it? Where the store sought them, the last one or the next. */
static size_t
find(const keyed *k, const larder_batch *batch, size_t row)
{
    if (k->found != NO_KEY && is_key(k, k->found, batch, row))
        return k->found;
    if (k->found != NO_KEY && k->found + 1 < k->n_keys &&
        is_key(k, k->found + 1, batch, row))
        return k->found + 1;
    return search(k, batch, row);
}

/* Is it within the times of the key that was found? */
static bool
is_in_time(keyed *k, larder_time event)
{
    size_t key = k->keys[k->found].row;

    if (k->to != NULL && event > k->to[key])
        return false;
    if (k->from == NULL || event >= k->from[key])
        return true;
    if (!k->one_before || !k->in_order)
        return k->one_before;
    if (k->before_of != k->found) {
        k->before_of = k->found;
        k->before = event;
    }
    return event == k->before;
}

static bool
is_wanted(keyed *k, const larder_batch *batch, size_t row)
{
    size_t found = find(k, batch, row);

    if (found == NO_KEY)
        return false;
    k->found = found;
    if (k->from == NULL && k->to == NULL)
        return true;
    return is_in_time(
        k, ldr_column_integer(&batch->columns[k->n_columns], row));
}

/* Runs of wanted rows go over as they lie; a batch of nothing else goes over
 * whole. Takes what it needs of the batch. */
static larder_status
choose(keyed *k, larder_batch *batch, larder_batch *chosen, larder_error *err)
{
    larder_status rc = LARDER_OK;
    bool wanted = is_wanted(k, batch, 0), next = false;

    for (size_t row = 0, end; row < batch->n_rows; row = end, wanted = next) {
        for (end = row + 1; end < batch->n_rows; end++) {
            next = is_wanted(k, batch, end);
            if (next != wanted)
                break;
        }
        if (wanted && end - row == batch->n_rows) {
            larder_batch_release(chosen);
            *chosen = *batch;
            *batch = (larder_batch){0};
            break;
        }
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
ldr_keyed(larder_stream *input, const larder_scan *scan, bool in_order,
    larder_stream *out, larder_error *err)
{
    const larder_batch *keys = scan->keys;
    keyed *k = calloc(1, sizeof *k);
    key_row *rows = calloc(keys->n_rows + 1, sizeof *rows);

    if (k == NULL || rows == NULL) {
        free(k);
        free(rows);
        larder_stream_close(input);
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < keys->schema->n_fields; i++)
        assert(keys->columns[i].type == input->schema->fields[i].type);
    for (size_t i = 0; i < keys->n_rows; i++)
        rows[i] = (key_row){keys, i};
    sort_keys(rows, keys->n_rows);
    *k = (keyed){.input = *input,
        .keys = rows,
        .n_keys = keys->n_rows,
        .n_columns = keys->schema->n_fields,
        .from = scan->keys_from,
        .to = scan->keys_to,
        .one_before = scan->one_before,
        .in_order = in_order,
        .found = NO_KEY,
        .before_of = NO_KEY};
    *input = (larder_stream){0};
    *out = (larder_stream){.schema = k->input.schema,
        .next = keyed_next,
        .close = keyed_close,
        .state = k};
    return LARDER_OK;
}
