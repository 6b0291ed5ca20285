/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shares.c - a chunk of a spine, ordered and cut.
 */
#include "engine/shares.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/order.h"
#include "data/schema.h"

static bool
has_null_key(const ldr_shares *s, size_t row)
{
    for (size_t k = 0; k < s->n_keys; k++)
        if (ldr_column_is_null(&s->columns[k], row))
            return true;
    return false;
}

static bool
same_key(const ldr_shares *s, size_t a, size_t b)
{
    for (size_t k = 0; k < s->n_keys; k++) {
        larder_value x = larder_column_value(&s->columns[k], a);
        larder_value y = larder_column_value(&s->columns[k], b);

        if (!ldr_value_same(&x, &y))
            return false;
    }
    return true;
}

static const larder_column *
chunk_key(const ldr_answering *a, const ldr_spine_chunk *chunk, size_t part)
{
    const char *name = a->view->key_columns[a->view->scan_from[part]];

    return &chunk->keys[ldr_schema_find(&a->plan->keys, name)];
}

static void
lend_keys(ldr_shares *s, const ldr_answering *a, const ldr_spine_chunk *chunk)
{
    const ldr_plan_view *view = a->view;

    s->n_keys = view->view->n_keys;
    for (size_t k = 0; k < s->n_keys; k++) {
        s->fields[k] = view->view->keys[view->scan_from[k]];
        s->columns[k] = *chunk_key(a, chunk, k);
    }
    s->fields[s->n_keys] = (larder_field){"t", LARDER_TIMESTAMP};
    s->columns[s->n_keys] = chunk->time;
    s->schema = (larder_schema){s->fields, s->n_keys + 1};
    s->keys = (larder_batch){.schema = &s->schema,
        .n_rows = chunk->rows.n_rows,
        .columns = s->columns};
}

static larder_status
order_chunk(
    ldr_shares *s, const larder_call *call, size_t *answers, larder_error *err)
{
    ldr_sort_column by[LDR_VIEW_KEYS_MAX + 1] = {{0}};
    larder_status rc;

    for (size_t k = 0; k <= s->n_keys; k++)
        by[k].column = k;
    rc = ldr_order(&s->keys, by, s->n_keys + 1, call, &s->rows, err);
    if (rc != LARDER_OK)
        return rc;
    for (size_t i = 0; i < s->keys.n_rows; i++) {
        size_t row = s->rows[i];
        bool null = has_null_key(s, row);

        answers[row] = null ? LDR_ANSWER_NULL_KEY : LDR_ASOF_NONE;
        if (!null)
            s->rows[s->n_rows++] = row;
    }
    return LARDER_OK;
}

/* Parts of about equal size; a key is in one part only. */
static void
cut(ldr_shares *s, unsigned n_parts)
{
    size_t end = 0;

    s->n_parts = n_parts;
    for (unsigned p = 0; p < n_parts; p++) {
        size_t wanted = s->n_rows * (p + 1) / n_parts;

        if (wanted > end)
            end = wanted;
        while (end > 0 && end < s->n_rows &&
               same_key(s, s->rows[end - 1], s->rows[end]))
            end++;
        s->ends[p] = end;
    }
}

larder_status
ldr_shares_make(ldr_shares *shares, const ldr_answering *answering,
    const ldr_spine_chunk *chunk, unsigned n_parts, size_t *answers,
    larder_error *err)
{
    larder_status rc;

    assert(n_parts > 0 && n_parts <= LDR_THREADS_MAX);
    *shares = (ldr_shares){0};
    lend_keys(shares, answering, chunk);
    rc = order_chunk(shares, answering->call, answers, err);
    if (rc == LARDER_OK)
        cut(shares, n_parts);
    return rc;
}

void
ldr_shares_release(ldr_shares *shares)
{
    free(shares->rows);
    *shares = (ldr_shares){0};
}

const size_t *
ldr_shares_rows(const ldr_shares *shares, unsigned part, size_t *n)
{
    size_t first = part == 0 ? 0 : shares->ends[part - 1];

    *n = shares->ends[part] - first;
    return shares->rows + first;
}

larder_status
ldr_shares_spine(const ldr_shares *shares, unsigned part, larder_batch *out,
    larder_error *err)
{
    size_t n;
    const size_t *rows = ldr_shares_rows(shares, part, &n);
    larder_batch spine = {0};
    larder_status rc;

    LARDER_TRY(larder_batch_init(&spine, &shares->schema, err));
    for (size_t k = 0; k <= shares->n_keys; k++)
        LARDER_TRY(ldr_column_gather(
            &spine.columns[k], &shares->columns[k], rows, n, err));
    spine.n_rows = n;
    *out = spine;
    spine = (larder_batch){0};
out:
    larder_batch_release(&spine);
    return rc;
}
