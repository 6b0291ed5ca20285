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

/* ---------------------------------------------------------------- the order */

/* Fewer rows are in order before threads are at work. */
#define FEW_ROWS ((size_t)16384)
/* Keys looked at to know how they are spread. */
#define SAMPLES 1024u

/* A thread puts a range of keys in order: by the first eight bytes of the first
 * part of the key, [marks[i], marks[i + 1]). */
typedef struct ordering {
    const ldr_shares *shares;
    const larder_call *call;
    size_t *answers; /* per chunk row */
    unsigned n_ranges;
    uint64_t marks[LDR_THREADS_MAX];
    size_t *rows[LDR_THREADS_MAX], n_rows[LDR_THREADS_MAX]; /* of each range */
} ordering;

static int
compare_marks(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Where so many ranges of about as many rows begin. One range is enough for
 * text, which may begin alike. */
static void
find_marks(ordering *o, unsigned n_threads)
{
    const ldr_shares *s = o->shares;
    size_t n = s->keys.n_rows;
    uint64_t samples[SAMPLES];

    o->n_ranges = 1;
    if (n < FEW_ROWS || s->n_keys == 0 || s->columns[0].type != LARDER_INT64)
        return;
    for (size_t i = 0; i < SAMPLES; i++)
        samples[i] = ldr_order_prefix(&s->columns[0], n / SAMPLES * i, false);
    qsort(samples, SAMPLES, sizeof *samples, compare_marks);
    o->n_ranges = n_threads;
    for (unsigned i = 1; i < n_threads; i++)
        o->marks[i] = samples[(size_t)SAMPLES * i / n_threads];
}

static bool
is_in_range(const ordering *o, unsigned range, size_t row)
{
    uint64_t prefix;

    if (o->n_ranges == 1)
        return true;
    prefix = ldr_order_prefix(&o->shares->columns[0], row, false);
    return prefix >= o->marks[range] &&
           (range + 1 == o->n_ranges || prefix < o->marks[range + 1]);
}

static larder_status
order_range(void *context, unsigned range, larder_error *err)
{
    ordering *o = context;
    const ldr_shares *s = o->shares;
    ldr_sort_column by[LDR_VIEW_KEYS_MAX + 1] = {{0}};
    size_t *rows = malloc((s->keys.n_rows + 1) * sizeof *rows), n = 0;
    larder_status rc;

    if (rows == NULL)
        return larder_fail(
            err, LARDER_NOMEM, "no memory for %zu rows", s->keys.n_rows);
    for (size_t row = 0; row < s->keys.n_rows; row++) {
        if (!is_in_range(o, range, row))
            continue;
        o->answers[row] =
            has_null_key(s, row) ? LDR_ANSWER_NULL_KEY : LDR_ASOF_NONE;
        if (o->answers[row] == LDR_ASOF_NONE)
            rows[n++] = row;
    }
    for (size_t k = 0; k <= s->n_keys; k++)
        by[k].column = k;
    rc = ldr_order_some(
        &s->keys, rows, n, by, s->n_keys + 1, o->call, &o->rows[range], err);
    o->n_rows[range] = n;
    free(rows);
    return rc;
}

/* The ranges after the first behind it. */
static larder_status
join_ranges(ldr_shares *s, const ordering *o, larder_error *err)
{
    size_t *rows = realloc(s->rows, (s->keys.n_rows + 1) * sizeof *s->rows);

    if (rows == NULL)
        return larder_fail(
            err, LARDER_NOMEM, "no memory for %zu rows", s->keys.n_rows);
    s->rows = rows;
    for (unsigned i = 1; i < o->n_ranges; i++) {
        memcpy(rows + s->n_rows, o->rows[i], o->n_rows[i] * sizeof *rows);
        s->n_rows += o->n_rows[i];
    }
    return LARDER_OK;
}

static larder_status
order_chunk(ldr_shares *s, const larder_call *call, unsigned n_threads,
    size_t *answers, larder_error *err)
{
    ordering o = {.shares = s, .call = call, .answers = answers};
    larder_status rc;

    find_marks(&o, n_threads);
    LARDER_TRY(ldr_parallel_run(o.n_ranges, order_range, &o, err));
    s->rows = o.rows[0];
    s->n_rows = o.n_rows[0];
    o.rows[0] = NULL;
    if (o.n_ranges > 1)
        LARDER_TRY(join_ranges(s, &o, err));
out:
    for (unsigned i = 0; i < o.n_ranges; i++)
        free(o.rows[i]);
    return rc;
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
    rc = order_chunk(shares, answering->call,
        ldr_parallel_width(answering->call), answers, err);
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
