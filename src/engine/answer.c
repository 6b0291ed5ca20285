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
#include "data/key.h"
#include "data/schema.h"

#define PART_SHIFT 56u
#define ROW_MASK (((size_t)1 << PART_SHIFT) - 1)

_Static_assert(sizeof(size_t) == 8, "a row and its part share one word");
_Static_assert(LDR_THREADS_MAX < 255, "a part's number is one byte");

/* ------------------------------------------------------ the sorted spine */

/* A chunk row in the order of its key and time. Keys of one fixed-width part
 * fit the prefix; the rest of others lies in the pool. */
typedef struct entry {
    uint64_t prefix;
    larder_time t;
    size_t row;
    const unsigned char *rest;
    size_t n_rest;
} entry;

typedef struct order {
    entry *entries;
    size_t n_entries; /* rows without a null key part */
    unsigned char *pool;
    size_t n_pool, room_pool;
} order;

static void
order_release(order *o)
{
    free(o->entries);
    free(o->pool);
    *o = (order){0};
}

static int
compare_keys(const entry *a, const entry *b)
{
    size_t n = a->n_rest < b->n_rest ? a->n_rest : b->n_rest;
    int rest;

    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    rest = n == 0 ? 0 : memcmp(a->rest, b->rest, n);
    if (rest != 0)
        return rest;
    return a->n_rest < b->n_rest ? -1 : a->n_rest > b->n_rest;
}

static int
compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int keys = compare_keys(x, y);

    if (keys != 0)
        return keys;
    if (x->t != y->t)
        return x->t < y->t ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static const larder_column *
chunk_key(const ldr_answering *a, const ldr_spine_chunk *chunk, size_t part)
{
    const char *name = a->view->key_columns[a->view->scan_from[part]];

    return &chunk->keys[ldr_schema_find(&a->plan->keys, name)];
}

/* The first 8 bytes after the type byte order most keys by themselves. */
static void
split_key(const ldr_key *key, entry *e, const unsigned char *rest)
{
    uint64_t prefix = 0;
    size_t n = key->size < 9 ? key->size : 9;

    for (size_t i = 1; i < 9; i++)
        prefix = prefix << 8 | (i < n ? key->bytes[i] : 0);
    e->prefix = prefix;
    e->rest = rest;
    e->n_rest = key->size - n;
}

static larder_status
grow_pool(order *o, size_t more, larder_error *err)
{
    size_t wanted = (o->n_pool + more) * 2 + 4096;
    unsigned char *pool;

    if (o->n_pool + more <= o->room_pool)
        return LARDER_OK;
    pool = realloc(o->pool, wanted);
    if (pool == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory to sort the spine");
    o->pool = pool;
    o->room_pool = wanted;
    return LARDER_OK;
}

static larder_status
order_fill(order *o, const ldr_answering *a, const ldr_spine_chunk *chunk,
    const larder_column *const *columns, size_t *rows, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t row = 0; row < chunk->rows.n_rows; row++) {
        entry *e = &o->entries[o->n_entries];
        ldr_key key = {0};
        bool null = false;

        LARDER_TRY(ldr_key_encode(
            &key, columns, a->view->view->n_keys, row, &null, err));
        rows[row] = null ? LDR_ANSWER_NULL_KEY : LDR_ASOF_NONE;
        if (null)
            continue;
        split_key(&key, e, NULL);
        LARDER_TRY(grow_pool(o, e->n_rest, err));
        memcpy(
            o->pool + o->n_pool, key.bytes + key.size - e->n_rest, e->n_rest);
        o->n_pool += e->n_rest;
        e->t = ldr_column_integer(&chunk->time, row);
        e->row = row;
        o->n_entries++;
    }
out:
    return rc;
}

static larder_status
order_chunk(order *o, const ldr_answering *a, const ldr_spine_chunk *chunk,
    size_t *rows, larder_error *err)
{
    size_t n_keys = a->view->view->n_keys, at = 0;
    const larder_column **columns = calloc(n_keys + 1, sizeof *columns);
    larder_status rc;

    o->entries = malloc((chunk->rows.n_rows + 1) * sizeof *o->entries);
    if (columns == NULL || o->entries == NULL) {
        rc = larder_fail(err, LARDER_NOMEM, "no memory to sort the spine");
        goto out;
    }
    for (size_t k = 0; k < n_keys; k++)
        columns[k] = chunk_key(a, chunk, k);
    LARDER_TRY(grow_pool(o, 1, err));
    LARDER_TRY(order_fill(o, a, chunk, columns, rows, err));
    /* The pool has stopped moving: give each entry its place in it. */
    for (size_t i = 0; i < o->n_entries; i++) {
        o->entries[i].rest = o->pool + at;
        at += o->entries[i].n_rest;
    }
    qsort(o->entries, o->n_entries, sizeof *o->entries, compare_entries);
out:
    free(columns);
    return rc;
}

/* ------------------------------------------------------------ the threads */

typedef struct share {
    const ldr_answering *answering;
    const ldr_spine_chunk *chunk;
    const order *order;
    ldr_answers *answers;
    size_t ends[LDR_THREADS_MAX]; /* of each part, in entries */
} share;

/* Parts of about equal size; a key is in one part only. */
static void
cut(share *s, unsigned n_parts)
{
    size_t n = s->order->n_entries, end = 0;

    for (unsigned p = 0; p < n_parts; p++) {
        size_t wanted = n * (p + 1) / n_parts;

        if (wanted > end)
            end = wanted;
        while (end > 0 && end < n &&
               compare_keys(
                   &s->order->entries[end - 1], &s->order->entries[end]) == 0)
            end++;
        s->ends[p] = end;
    }
}

static larder_status
sorted_spine(const share *s, size_t first, size_t n, larder_schema *schema,
    larder_batch *out, larder_error *err)
{
    const ldr_plan_view *view = s->answering->view;
    size_t n_keys = view->view->n_keys;
    larder_field *fields = calloc(n_keys + 1, sizeof *fields);
    size_t *rows = malloc((n + 1) * sizeof *rows);
    larder_status rc;

    if (fields == NULL || rows == NULL) {
        free(fields);
        rc = larder_fail(err, LARDER_NOMEM, "no memory to sort the spine");
        goto out;
    }
    for (size_t k = 0; k < n_keys; k++)
        fields[k] = view->view->keys[view->scan_from[k]];
    fields[n_keys] = (larder_field){"t", LARDER_TIMESTAMP};
    *schema = (larder_schema){fields, n_keys + 1};
    for (size_t i = 0; i < n; i++)
        rows[i] = s->order->entries[first + i].row;
    LARDER_TRY(larder_batch_init(out, schema, err));
    for (size_t k = 0; k < n_keys; k++)
        LARDER_TRY(ldr_column_gather(&out->columns[k],
            chunk_key(s->answering, s->chunk, k), rows, n, err));
    LARDER_TRY(ldr_column_gather(
        &out->columns[n_keys], &s->chunk->time, rows, n, err));
    out->n_rows = n;
out:
    free(rows);
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
    larder_asof joined = {
        .scan = scan_of(a), .spine = asof->spine, .as_known = asof->as_known};
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
    larder_schema schema = {0};
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
    LARDER_TRY(sorted_spine(s, first, n, &schema, &spine, err));
    LARDER_TRY(meet(s, part, &asof, result, err));
    for (size_t i = 0; i < n; i++) {
        size_t match = result->match[i];

        s->answers->rows[s->order->entries[first + i].row] =
            match >= LDR_ANSWER_NULL_KEY ? match
                                         : match | (size_t)part << PART_SHIFT;
    }
    free(result->match);
    result->match = NULL;
out:
    larder_batch_release(&spine);
    free((void *)(uintptr_t)schema.fields);
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
    share s = {.answering = answering,
        .chunk = chunk,
        .order = &sorted,
        .answers = &answers};
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
    order_release(&sorted);
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
    larder_status rc;

    for (unsigned p = 0; p < answers->n_parts; p++) {
        const ldr_asof_result *part = &answers->parts[p];

        if (part->rows.columns != NULL)
            from[p] = &part->rows.columns[part->first_value + feature];
    }
    LARDER_TRY(larder_column_reserve(out, n, 0, err));
    for (size_t i = first; i < first + n; i++) {
        size_t at = answers->rows[i];

        if (at >= LDR_ANSWER_NULL_KEY)
            LARDER_TRY(larder_column_append_null(out, err));
        else
            LARDER_TRY(ldr_column_copy(
                out, from[at >> PART_SHIFT], at & ROW_MASK, 1, err));
    }
out:
    return rc;
}
