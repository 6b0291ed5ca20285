/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - one view's answers to one chunk of a spine.
 */
#include "engine/answer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/order.h"
#include "data/schema.h"

/* Rows gathered at a time, from a list of them on the stack. */
#define GATHER_ROWS 1024u

_Static_assert(sizeof(size_t) == 8, "a row and its part share one word");
_Static_assert(LDR_THREADS_MAX < 255, "a part's number is one byte");

/* ------------------------------------------------------ the sorted spine */

/* The chunk's rows without a null key part, by key, then time. */
typedef struct order {
    size_t *rows;
    size_t n_rows;
    size_t n_keys;
    larder_batch keys; /* columns lent by the chunk: the keys, then the time */
    larder_field fields[LDR_VIEW_KEYS_MAX + 1];
    larder_column columns[LDR_VIEW_KEYS_MAX + 1];
    larder_schema schema;
} order;

static bool
has_null_key(const order *o, size_t row)
{
    for (size_t k = 0; k < o->n_keys; k++)
        if (ldr_column_is_null(&o->columns[k], row))
            return true;
    return false;
}

static bool
same_key(const order *o, size_t a, size_t b)
{
    for (size_t k = 0; k < o->n_keys; k++) {
        larder_value x = larder_column_value(&o->columns[k], a);
        larder_value y = larder_column_value(&o->columns[k], b);

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
lend_keys(order *o, const ldr_answering *a, const ldr_spine_chunk *chunk)
{
    const ldr_plan_view *view = a->view;

    o->n_keys = view->view->n_keys;
    for (size_t k = 0; k < o->n_keys; k++) {
        o->fields[k] = view->view->keys[view->scan_from[k]];
        o->columns[k] = *chunk_key(a, chunk, k);
    }
    o->fields[o->n_keys] = (larder_field){"t", LARDER_TIMESTAMP};
    o->columns[o->n_keys] = chunk->time;
    o->schema = (larder_schema){o->fields, o->n_keys + 1};
    o->keys = (larder_batch){.schema = &o->schema,
        .n_rows = chunk->rows.n_rows,
        .columns = o->columns};
}

static larder_status
order_chunk(order *o, const ldr_answering *a, const ldr_spine_chunk *chunk,
    size_t *answers, larder_error *err)
{
    ldr_sort_column by[LDR_VIEW_KEYS_MAX + 1] = {{0}};
    larder_status rc;

    lend_keys(o, a, chunk);
    for (size_t k = 0; k <= o->n_keys; k++)
        by[k].column = k;
    rc = ldr_order(&o->keys, by, o->n_keys + 1, a->call, &o->rows, err);
    if (rc != LARDER_OK)
        return rc;
    for (size_t i = 0; i < chunk->rows.n_rows; i++) {
        size_t row = o->rows[i];
        bool null = has_null_key(o, row);

        answers[row] = null ? LDR_ANSWER_NULL_KEY : LDR_ASOF_NONE;
        if (!null)
            o->rows[o->n_rows++] = row;
    }
    return LARDER_OK;
}

/* ------------------------------------------------------------ the threads */

typedef struct share {
    const ldr_answering *answering;
    const order *order;
    ldr_answers *answers;
    size_t ends[LDR_THREADS_MAX]; /* of each part, in entries */
} share;

/* Parts of about equal size; a key is in one part only. */
static void
cut(share *s, unsigned n_parts)
{
    const order *o = s->order;
    size_t end = 0;

    for (unsigned p = 0; p < n_parts; p++) {
        size_t wanted = o->n_rows * (p + 1) / n_parts;

        if (wanted > end)
            end = wanted;
        while (end > 0 && end < o->n_rows &&
               same_key(o, o->rows[end - 1], o->rows[end]))
            end++;
        s->ends[p] = end;
    }
}

static larder_status
sorted_spine(const order *o, const size_t *rows, size_t n, larder_batch *out,
    larder_error *err)
{
    larder_status rc;

    LARDER_TRY(larder_batch_init(out, &o->schema, err));
    for (size_t k = 0; k <= o->n_keys; k++)
        LARDER_TRY(
            ldr_column_gather(&out->columns[k], &o->columns[k], rows, n, err));
    out->n_rows = n;
out:
    return rc;
}

static larder_time
latest_moment(const ldr_asof *asof)
{
    const larder_column *t = &asof->spine->columns[asof->n_keys];
    larder_time latest = LARDER_TIME_MIN;

    for (size_t i = 0; i < asof->spine->n_rows; i++)
        if (ldr_column_integer(t, i) > latest)
            latest = ldr_column_integer(t, i);
    return latest;
}

static larder_scan
scan_of(const ldr_answering *a)
{
    return (larder_scan){.table = &a->table,
        .key = a->view->scan_keys,
        .n_key = a->view->view->n_keys,
        .columns = a->view->columns,
        .n_columns = a->view->view->n_features,
        .from = LARDER_TIME_MIN,
        .to = LARDER_TIME_MAX,
        .order = LARDER_ORDER_NEWEST_FIRST};
}

/* The store joins by itself; the ttl is judged here, so that expired is told
 * from never. UNSUPPORTED: this table it can not. */
static larder_status
meet_seeking(const share *s, unsigned part, const ldr_asof *asof,
    ldr_asof_result *out, larder_error *err)
{
    const ldr_answering *a = s->answering;
    larder_asof joined = {.scan = scan_of(a),
        .spine = asof->spine,
        .as_known = asof->as_known,
        .has_values_us = asof->has_ttl,
        .values_us = asof->ttl_us};
    larder_stream stream = {0};
    larder_status rc;

    LARDER_TRY(
        ldr_offline_asof(a->offline, part, a->call, &joined, &stream, err));
    LARDER_TRY(ldr_asof_settle(asof, &stream, a->call, out, err));
out:
    larder_stream_close(&stream);
    return rc;
}

static larder_status
meet_merging(const share *s, unsigned part, const ldr_asof *asof,
    ldr_asof_result *out, larder_error *err)
{
    const ldr_answering *a = s->answering;
    larder_scan scan = scan_of(a);
    larder_stream stream = {0};
    larder_status rc;

    scan.to = latest_moment(asof);
    LARDER_TRY(
        ldr_offline_scan(a->offline, part, a->call, &scan, &stream, err));
    LARDER_TRY(ldr_asof_merge(asof, &stream, a->call, out, err));
out:
    larder_stream_close(&stream);
    return rc;
}

static larder_status
meet(const share *s, unsigned part, const ldr_asof *asof, ldr_asof_result *out,
    larder_error *err)
{
    larder_error cannot = {0};
    larder_status rc = LARDER_UNSUPPORTED;

    if (s->answering->seeks)
        rc = meet_seeking(s, part, asof, out, &cannot);
    if (rc == LARDER_UNSUPPORTED)
        return meet_merging(s, part, asof, out, err);
    if (rc != LARDER_OK && err != NULL)
        *err = cannot;
    return rc;
}

static larder_status
answer_part(void *context, unsigned part, larder_error *err)
{
    share *s = context;
    const ldr_answering *a = s->answering;
    const ldr_view *view = a->view->view;
    size_t first = part == 0 ? 0 : s->ends[part - 1];
    size_t n = s->ends[part] - first;
    ldr_asof_result *result = &s->answers->parts[part];
    const size_t *rows = s->order->rows + first;
    larder_batch spine = {0};
    ldr_asof asof = {.spine = &spine,
        .n_keys = view->n_keys,
        .has_ttl = view->has_ttl,
        .ttl_us = view->ttl_us,
        .as_known = a->options->as_known,
        .layout = &a->layout};
    larder_status rc = LARDER_OK;

    if (n == 0)
        return LARDER_OK;
    LARDER_TRY(sorted_spine(s->order, rows, n, &spine, err));
    LARDER_TRY(meet(s, part, &asof, result, err));
    for (size_t i = 0; i < n; i++) {
        size_t match = result->match[i];

        s->answers->rows[rows[i]] = match >= LDR_ANSWER_NULL_KEY
                                        ? match
                                        : match | (size_t)part
                                                      << LDR_PART_SHIFT;
    }
    free(result->match);
    result->match = NULL;
out:
    larder_batch_release(&spine);
    return rc;
}

larder_status
ldr_answers_find(const ldr_answering *answering, const ldr_spine_chunk *chunk,
    ldr_answers *out, larder_error *err)
{
    /* A merge reads history once, whatever the number of threads. */
    unsigned n_parts =
        answering->seeks ? ldr_parallel_width(answering->call) : 1;
    ldr_answers answers = {.n_rows = chunk->rows.n_rows};
    order sorted = {0};
    share s = {.answering = answering, .order = &sorted, .answers = &answers};
    larder_status rc;

    answers.parts = calloc(n_parts, sizeof *answers.parts);
    answers.rows = malloc((answers.n_rows + 1) * sizeof *answers.rows);
    if (answers.parts == NULL || answers.rows == NULL) {
        rc = larder_fail(err, LARDER_NOMEM, "no memory for the answers");
        goto out;
    }
    answers.n_parts = n_parts;
    LARDER_TRY(order_chunk(&sorted, answering, chunk, answers.rows, err));
    cut(&s, n_parts);
    LARDER_TRY(ldr_parallel_run(n_parts, answer_part, &s, err));
    *out = answers;
    answers = (ldr_answers){0};
out:
    free(sorted.rows);
    ldr_answers_release(&answers);
    return rc;
}

void
ldr_answers_release(ldr_answers *answers)
{
    for (unsigned p = 0; p < answers->n_parts; p++)
        ldr_asof_result_release(&answers->parts[p]);
    free(answers->parts);
    free(answers->rows);
    *answers = (ldr_answers){0};
}

/* ------------------------------------------------------------- the gather */

larder_status
ldr_answers_gather(const ldr_answers *answers, size_t feature, size_t first,
    size_t n, larder_column *out, larder_error *err)
{
    const larder_column *from[LDR_THREADS_MAX] = {0};
    size_t rows[GATHER_ROWS];
    larder_status rc = LARDER_OK;

    for (unsigned p = 0; p < answers->n_parts; p++) {
        const ldr_asof_result *part = &answers->parts[p];

        if (part->rows.columns != NULL)
            from[p] = &part->rows.columns[part->first_value + feature];
    }
    LARDER_TRY(larder_column_reserve(out, n, 0, err));
    for (size_t done = 0, some; done < n; done += some) {
        some = n - done < GATHER_ROWS ? n - done : GATHER_ROWS;
        for (size_t i = 0; i < some; i++) {
            size_t row = answers->rows[first + done + i];

            rows[i] = row >= LDR_ANSWER_NULL_KEY ? SIZE_MAX : row;
        }
        LARDER_TRY(ldr_column_gather_parts(
            out, from, answers->n_parts, rows, some, err));
    }
out:
    return rc;
}
