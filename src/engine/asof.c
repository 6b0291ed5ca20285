/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asof.c - the point-in-time join of one view.
 *
 * The merge walks spine and history together, one key at a time, with the
 * spine's moments descending: history comes newest first, so a row that is too
 * young for one moment is too young for all that follow, and nothing but the
 * current winner is remembered.
 */
#include "engine/asof.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/schema.h"
#include "data/stream.h"

/* Spine rows between two looks at the caller's wish to stop. */
#define CHECK_EVERY 4096u

larder_time
ldr_ttl_edge(larder_time t, int64_t ttl_us)
{
    return ldr_time_minus(t, ttl_us);
}

bool
ldr_ttl_passed(larder_time event, larder_time t, int64_t ttl_us)
{
    return event < ldr_ttl_edge(t, ttl_us);
}

static larder_status
encode_values(const ldr_row_layout *layout, const larder_column *values,
    size_t row, ldr_buffer *out, larder_error *err)
{
    const larder_column **columns =
        malloc((layout->n_columns + 1) * sizeof *columns);
    larder_status rc;

    if (columns == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory to compare rows");
    for (size_t i = 0; i < layout->n_columns; i++)
        columns[i] = &values[i];
    rc = ldr_row_encode(layout, (larder_bytes){0}, LARDER_TIME_MIN,
        LDR_NO_CREATED, columns, row, out, err);
    free(columns);
    return rc;
}

larder_status
ldr_asof_order(const ldr_row_layout *layout, const larder_column *a,
    size_t row_a, const larder_column *b, size_t row_b, int *order,
    larder_error *err)
{
    ldr_buffer x = {0}, y = {0};
    larder_status rc;

    LARDER_TRY(encode_values(layout, a, row_a, &x, err));
    LARDER_TRY(encode_values(layout, b, row_b, &y, err));
    *order = larder_row_compare(
        (larder_bytes){x.data, x.size}, (larder_bytes){y.data, y.size});
out:
    ldr_buffer_free(&x);
    ldr_buffer_free(&y);
    return rc;
}

static larder_status
result_init(ldr_asof_result *result, const larder_schema *schema,
    size_t n_spine, size_t first_value, larder_error *err)
{
    larder_schema *own = ldr_arena_alloc(&result->arena, sizeof *own);
    larder_status rc;

    result->match = malloc((n_spine + 1) * sizeof *result->match);
    if (own == NULL || result->match == NULL) {
        rc = larder_fail(
            err, LARDER_NOMEM, "no memory for %zu spine rows", n_spine);
        goto out;
    }
    for (size_t i = 0; i < n_spine; i++)
        result->match[i] = LDR_ASOF_NONE;
    result->event = first_value - 2; /* then created */
    result->first_value = first_value;
    LARDER_TRY(ldr_schema_copy(schema, &result->arena, own, err));
    LARDER_TRY(larder_batch_init(&result->rows, own, err));
out:
    if (rc != LARDER_OK)
        ldr_asof_result_release(result);
    return rc;
}

void
ldr_asof_result_release(ldr_asof_result *result)
{
    larder_batch_release(&result->rows);
    ldr_packed_release(&result->packed);
    free(result->match);
    ldr_arena_free(&result->arena);
    *result = (ldr_asof_result){0};
}

static larder_time
spine_time(const ldr_asof *asof, size_t row)
{
    return ldr_column_integer(&asof->spine->columns[asof->n_keys], row);
}

/* -------------------------------------------------------------- the merge */

typedef struct merge {
    const ldr_asof *asof;
    ldr_cursor history;
    ldr_asof_result *result;
    /* The winner for the moment before, if there is one: a row of result->rows.
     */
    size_t winner;
} merge;

/* Keys of a spine row and of the current history row. */
static int
key_order(const merge *m, size_t spine_row)
{
    for (size_t k = 0; k < m->asof->n_keys; k++) {
        larder_value a =
            larder_column_value(&m->asof->spine->columns[k], spine_row);
        larder_value b =
            larder_column_value(&m->history.batch.columns[k], m->history.row);
        int order = ldr_value_order(&a, &b);

        if (order != 0)
            return order;
    }
    return 0;
}

static bool
same_spine_key(const ldr_asof *asof, size_t a, size_t b)
{
    for (size_t k = 0; k < asof->n_keys; k++) {
        larder_value x = larder_column_value(&asof->spine->columns[k], a);
        larder_value y = larder_column_value(&asof->spine->columns[k], b);

        if (!ldr_value_same(&x, &y))
            return false;
    }
    return true;
}

/* May the row be seen at t at all? */
static bool
visible(const ldr_asof *asof, const larder_column *columns, size_t row,
    larder_time t)
{
    const larder_column *created = &columns[1];

    if (ldr_column_integer(&columns[0], row) > t)
        return false;
    return !asof->as_known || (!ldr_column_is_null(created, row) &&
                                  ldr_column_integer(created, row) <= t);
}

/* Two rows, by their columns from event on: equal (event, created)? */
static bool
tied(const larder_column *a, size_t row_a, const larder_column *b, size_t row_b)
{
    bool null_a = ldr_column_is_null(&a[1], row_a);
    bool null_b = ldr_column_is_null(&b[1], row_b);

    if (ldr_column_integer(&a[0], row_a) != ldr_column_integer(&b[0], row_b))
        return false;
    if (null_a || null_b)
        return null_a == null_b;
    return ldr_column_integer(&a[1], row_a) == ldr_column_integer(&b[1], row_b);
}

static larder_status
keep(merge *m, larder_error *err)
{
    larder_status rc = ldr_batch_copy(
        &m->result->rows, &m->history.batch, m->history.row, 1, err);

    if (rc == LARDER_OK)
        m->winner = m->result->rows.n_rows - 1;
    return rc;
}

/* The current history row becomes the winner, unless one tied with it and
 * greater follows. Leaves history at the first row that is not tied. */
static larder_status
take_winner(merge *m, size_t spine_row, larder_error *err)
{
    size_t event = m->asof->n_keys;
    larder_status rc;

    LARDER_TRY(keep(m, err));
    for (;;) {
        int order = 0;

        LARDER_TRY(ldr_cursor_next(&m->history, err));
        if (m->history.ended || key_order(m, spine_row) != 0 ||
            !tied(&m->history.batch.columns[event], m->history.row,
                &m->result->rows.columns[event], m->winner))
            break;
        LARDER_TRY(ldr_asof_order(m->asof->layout,
            &m->history.batch.columns[event + 2], m->history.row,
            &m->result->rows.columns[event + 2], m->winner, &order, err));
        if (order > 0)
            LARDER_TRY(keep(m, err));
    }
out:
    return rc;
}

static bool
is_expired(const ldr_asof *asof, larder_time event, size_t spine_row)
{
    return asof->has_ttl &&
           ldr_ttl_passed(event, spine_time(asof, spine_row), asof->ttl_us);
}

static void
answer(
    const ldr_asof *asof, ldr_asof_result *result, size_t spine_row, size_t row)
{
    const larder_column *event = &result->rows.columns[result->event];
    bool expired = is_expired(asof, ldr_column_integer(event, row), spine_row);

    result->match[spine_row] = expired ? LDR_ASOF_EXPIRED : row;
}

/* Spine rows [first, end) share a key; history stands at or after it. */
static larder_status
merge_key(merge *m, size_t first, size_t end, larder_error *err)
{
    size_t event = m->asof->n_keys;
    larder_status rc = LARDER_OK;

    m->winner = LDR_ASOF_NONE;
    for (size_t i = end; i-- > first;) {
        larder_time t = spine_time(m->asof, i);

        if (m->winner != LDR_ASOF_NONE &&
            !visible(m->asof, &m->result->rows.columns[event], m->winner, t))
            m->winner = LDR_ASOF_NONE;
        while (m->winner == LDR_ASOF_NONE && !m->history.ended &&
               key_order(m, i) == 0) {
            if (visible(m->asof, &m->history.batch.columns[event],
                    m->history.row, t))
                LARDER_TRY(take_winner(m, i, err));
            else
                LARDER_TRY(ldr_cursor_next(&m->history, err));
        }
        if (m->winner != LDR_ASOF_NONE)
            answer(m->asof, m->result, i, m->winner);
    }
out:
    return rc;
}

static bool
history_has_null_key(const merge *m)
{
    for (size_t k = 0; k < m->asof->n_keys; k++)
        if (ldr_column_is_null(&m->history.batch.columns[k], m->history.row))
            return true;
    return false;
}

/* Past the rows of lesser keys, and those that have none. */
static larder_status
catch_up(merge *m, size_t spine_row, larder_error *err)
{
    larder_status rc = LARDER_OK;

    while (!m->history.ended &&
           (history_has_null_key(m) || key_order(m, spine_row) > 0))
        LARDER_TRY(ldr_cursor_next(&m->history, err));
out:
    return rc;
}

larder_status
ldr_asof_merge(const ldr_asof *asof, larder_stream *history,
    const larder_call *call, ldr_asof_result *out, larder_error *err)
{
    size_t n = asof->spine->n_rows;
    ldr_asof_result result = {0};
    merge m = {.asof = asof, .result = &result};
    larder_status rc;

    LARDER_TRY(result_init(&result, history->schema, n, asof->n_keys + 2, err));
    LARDER_TRY(ldr_cursor_start(&m.history, history, err));
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && same_spine_key(asof, first, end);
             end++)
            ;
        if (first / CHECK_EVERY != end / CHECK_EVERY)
            LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(catch_up(&m, first, err));
        LARDER_TRY(merge_key(&m, first, end, err));
    }
    *out = result;
    result = (ldr_asof_result){0};
out:
    ldr_cursor_release(&m.history);
    ldr_asof_result_release(&result);
    return rc;
}

/* ----------------------------------------------- what a store has joined */

/* Columns of what a store's asof_join gives. */
enum { SPINE_ROW, EVENT, CREATED, FIRST_VALUE };

typedef struct settling {
    const ldr_asof *asof;
    ldr_asof_result *result;
    size_t *kept; /* rows of the batch at hand */
    size_t room;
} settling;

/* Only rows that answer are worth keeping; those past their ttl are not. */
static larder_status
keep_fresh(settling *s, const larder_batch *batch, larder_error *err)
{
    larder_batch *rows = &s->result->rows;
    const int64_t *spine_rows = batch->columns[SPINE_ROW].values;
    const larder_time *events = batch->columns[EVENT].values;
    size_t n_kept = 0;

    if (batch->n_rows > s->room) {
        free(s->kept);
        s->room = 0;
        s->kept = malloc(batch->n_rows * sizeof *s->kept);
        if (s->kept == NULL)
            return larder_fail(err, LARDER_NOMEM, "no memory to settle rows");
        s->room = batch->n_rows;
    }
    for (size_t row = 0; row < batch->n_rows; row++) {
        size_t spine = (size_t)spine_rows[row];

        assert(spine < s->asof->spine->n_rows);
        if (is_expired(s->asof, events[row], spine))
            s->result->match[spine] = LDR_ASOF_EXPIRED;
        else
            s->kept[n_kept++] = row;
    }
    for (size_t i = 0; i < rows->schema->n_fields; i++) {
        larder_status rc = ldr_column_gather(
            &rows->columns[i], &batch->columns[i], s->kept, n_kept, err);

        if (rc != LARDER_OK)
            return rc;
    }
    rows->n_rows += n_kept;
    return LARDER_OK;
}

static larder_status
settle_batch(settling *s, const larder_batch *batch, larder_error *err)
{
    larder_batch *rows = &s->result->rows;
    size_t row = rows->n_rows, *match = s->result->match;
    const int64_t *spine_rows;
    larder_status rc;

    LARDER_TRY(keep_fresh(s, batch, err));
    spine_rows = rows->columns[SPINE_ROW].values;
    for (; row < rows->n_rows; row++) {
        size_t spine = (size_t)spine_rows[row];
        int order = 1;

        if (match[spine] != LDR_ASOF_NONE)
            LARDER_TRY(ldr_asof_order(s->asof->layout,
                &rows->columns[FIRST_VALUE], row, &rows->columns[FIRST_VALUE],
                match[spine], &order, err));
        if (order > 0)
            match[spine] = row;
    }
out:
    return rc;
}

larder_status
ldr_asof_settle(const ldr_asof *asof, larder_stream *found,
    const larder_call *call, ldr_asof_result *out, larder_error *err)
{
    ldr_asof_result result = {0};
    settling s = {.asof = asof, .result = &result};
    larder_batch batch = {0};
    larder_status rc;

    LARDER_TRY(result_init(
        &result, found->schema, asof->spine->n_rows, FIRST_VALUE, err));
    for (;;) {
        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(larder_stream_next(found, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(settle_batch(&s, &batch, err));
        larder_batch_release(&batch);
    }
    *out = result;
    result = (ldr_asof_result){0};
out:
    free(s.kept);
    larder_batch_release(&batch);
    ldr_asof_result_release(&result);
    return rc;
}
