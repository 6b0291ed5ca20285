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

/* Most are one integer. */
static bool
ascends(const key_row *a, const key_row *b)
{
    const larder_column *column = &a->batch->columns[0];
    const int64_t *integers = column->values;

    if (column->type == LARDER_INT64 && a->batch->schema->n_fields == 1)
        return integers[a->row] <= integers[b->row];
    return compare_keys(a, b) <= 0;
}

/* Most come in order. */
static void
sort_keys(key_row *keys, size_t n_keys)
{
    size_t n = 1;

    while (n < n_keys && ascends(&keys[n - 1], &keys[n]))
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

/* The row after the last that has the key of `row`. */
static size_t
end_of_key(const keyed *k, const larder_batch *batch, size_t row)
{
    size_t end = row + 1;

    if (k->n_columns == 1 && batch->columns[0].type == LARDER_INT64 &&
        batch->columns[0].n_nulls == 0) {
        const int64_t *integers = batch->columns[0].values;

        while (end < batch->n_rows && integers[end] == integers[row])
            end++;
        return end;
    }
    while (end < batch->n_rows && is_key(k, k->found, batch, end))
        end++;
    return end;
}

/* Are all of these rows, of the key that was found, within its times? */
static bool
are_in_time(const keyed *k, const larder_time *events, size_t row, size_t end)
{
    size_t key = k->keys[k->found].row;
    larder_time from = k->from == NULL ? LARDER_TIME_MIN : k->from[key];
    larder_time to = k->to == NULL ? LARDER_TIME_MAX : k->to[key];
    bool within = true;

    for (size_t i = row; i < end; i++)
        within &= events[i] >= from && events[i] <= to;
    return within;
}

/* Rows that go over: a run of them waits until it ends. */
typedef struct chosen_run {
    size_t begin, end;
} chosen_run;

static larder_status
choose_rows(chosen_run *run, size_t begin, size_t end,
    const larder_batch *batch, larder_batch *chosen, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (begin != run->end) {
        if (run->begin < run->end)
            rc = ldr_batch_copy(
                chosen, batch, run->begin, run->end - run->begin, err);
        run->begin = begin;
    }
    run->end = end;
    return rc;
}

/* The wanted ones of rows of one key. */
static larder_status
choose_of_key(keyed *k, size_t row, size_t end, chosen_run *run,
    const larder_batch *batch, larder_batch *chosen, larder_error *err)
{
    const larder_time *events = batch->columns[k->n_columns].values;
    larder_status rc = LARDER_OK;

    if (are_in_time(k, events, row, end))
        return choose_rows(run, row, end, batch, chosen, err);
    for (; row < end && rc == LARDER_OK; row++)
        if (is_in_time(k, events[row]))
            rc = choose_rows(run, row, row + 1, batch, chosen, err);
    return rc;
}

/* Runs of wanted rows go over as they lie; a batch of nothing else goes over
 * whole. Takes what it needs of the batch. */
static larder_status
choose(keyed *k, larder_batch *batch, larder_batch *chosen, larder_error *err)
{
    chosen_run run = {0, 0};
    larder_status rc = LARDER_OK;

    for (size_t row = 0, end; row < batch->n_rows; row = end) {
        size_t found = find(k, batch, row);

        end = row + 1;
        if (found == NO_KEY)
            continue;
        k->found = found;
        end = end_of_key(k, batch, row);
        LARDER_TRY(choose_of_key(k, row, end, &run, batch, chosen, err));
    }
    if (run.begin == 0 && run.end == batch->n_rows) {
        larder_batch_release(chosen);
        *chosen = *batch;
        *batch = (larder_batch){0};
    } else {
        LARDER_TRY(choose_rows(&run, SIZE_MAX, SIZE_MAX, batch, chosen, err));
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
