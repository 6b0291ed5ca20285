/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c - why one feature of one spine row is what it is.
 */
#include "engine/explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/row.h"
#include "data/schema.h"
#include "data/stream.h"
#include "engine/asof.h"
#include "engine/spine.h"

#define SHOWN_ROWS 100u  /* of candidates */
#define SHOWN_FUTURE 20u /* of rows after t, the nearest */
#define VALUE_ROOM 512u

enum { EVENT, CREATED, VALUE, OUTCOME, REASON, N_COLUMNS };

static const larder_field fields[N_COLUMNS] = {
    [EVENT] = {"event_timestamp", LARDER_TIMESTAMP},
    [CREATED] = {"created_timestamp", LARDER_TIMESTAMP},
    [VALUE] = {"value", LARDER_STRING},
    [OUTCOME] = {"outcome", LARDER_STRING},
    [REASON] = {"reason", LARDER_STRING},
};

static const larder_schema schema = {fields, N_COLUMNS};

typedef struct explaining {
    ldr_offline *offline;
    const ldr_plan *plan;
    const ldr_plan_view *view;
    const larder_call *call;
    const larder_join_options *options;
    larder_table table;
    larder_schema source_keys; /* the table's, where it declares none */
    ldr_arena arena;
    ldr_row_layout layout;
    larder_schema key_schema;
    larder_batch key; /* one row, in scan order */
    bool null_key;
    larder_time t;
    larder_batch out;
} explaining;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to explain");
}

/* ------------------------------------------------------- the row in question
 */

static larder_status
take_key(
    explaining *e, const ldr_spine_chunk *chunk, size_t row, larder_error *err)
{
    size_t n = e->view->view->n_keys;
    larder_field *keys = ldr_arena_array(&e->arena, n + 1, sizeof *keys);
    larder_status rc;

    if (keys == NULL)
        return no_memory(err);
    for (size_t s = 0; s < n; s++)
        keys[s] = e->view->view->keys[e->view->scan_from[s]];
    e->key_schema = (larder_schema){keys, n};
    LARDER_TRY(larder_batch_init(&e->key, &e->key_schema, err));
    for (size_t s = 0; s < n; s++) {
        const char *name = e->view->key_columns[e->view->scan_from[s]];
        const larder_column *from =
            &chunk->keys[ldr_schema_find(&e->plan->keys, name)];

        e->null_key = e->null_key || ldr_column_is_null(from, row);
        LARDER_TRY(ldr_column_copy(&e->key.columns[s], from, row, 1, err));
    }
    e->key.n_rows = 1;
    e->t = ldr_column_integer(&chunk->time, row);
out:
    return rc;
}

static larder_status
find_row(
    explaining *e, larder_stream *input, uint64_t wanted, larder_error *err)
{
    ldr_spine spine = {0};
    ldr_spine_chunk chunk = {0};
    uint64_t before = 0;
    larder_status rc;

    LARDER_TRY(ldr_spine_open(&spine, input, e->plan, e->options, err));
    for (;;) {
        LARDER_TRY(ldr_spine_next(&spine, 8192, SIZE_MAX, &chunk, err));
        if (wanted >= 1 && wanted <= before + chunk.rows.n_rows)
            break;
        if (chunk.rows.n_rows == 0) {
            rc = larder_fail(err, LARDER_INVALID,
                "the spine has no row %llu: its rows are 1 to %llu",
                (unsigned long long)wanted, (unsigned long long)before);
            goto out;
        }
        before += chunk.rows.n_rows;
        ldr_spine_chunk_release(&chunk);
    }
    LARDER_TRY(take_key(e, &chunk, (size_t)(wanted - before - 1), err));
out:
    ldr_spine_chunk_release(&chunk);
    ldr_spine_release(&spine);
    return rc;
}

/* -------------------------------------------------------------- its history */

static larder_status
open_scan(explaining *e, larder_time from, larder_time to, larder_stream *out,
    larder_error *err)
{
    larder_scan scan = {.table = &e->table,
        .key = e->view->scan_keys,
        .n_key = e->view->view->n_keys,
        .columns = e->view->columns,
        .n_columns = e->view->view->n_features,
        .from = from,
        .to = to,
        .keys = &e->key,
        .order = LARDER_ORDER_NEWEST_FIRST};

    return ldr_offline_scan(e->offline, 0, e->call, &scan, out, err);
}

static larder_status
text(larder_column *column, const char *words, larder_error *err)
{
    return larder_column_append_text(
        column, (larder_bytes){words, strlen(words)}, err);
}

static larder_status
append_value(larder_column *out, const larder_column *from, size_t row,
    larder_error *err)
{
    char words[VALUE_ROOM];
    larder_value value = larder_column_value(from, row);
    size_t n;

    if (value.null)
        return larder_column_append_null(out, err);
    n = larder_value_print(&value, words, sizeof words);
    if (n >= sizeof words)
        return text(out, "(longer than is shown here)", err);
    return larder_column_append_text(out, (larder_bytes){words, n}, err);
}

static larder_status
tell(explaining *e, const larder_batch *rows, size_t row, const char *outcome,
    const char *reason, larder_error *err)
{
    size_t n_keys = e->view->view->n_keys;
    size_t feature = e->plan->features[0].feature;
    larder_status rc;

    LARDER_TRY(ldr_column_copy(
        &e->out.columns[EVENT], &rows->columns[n_keys], row, 1, err));
    LARDER_TRY(ldr_column_copy(
        &e->out.columns[CREATED], &rows->columns[n_keys + 1], row, 1, err));
    LARDER_TRY(append_value(&e->out.columns[VALUE],
        &rows->columns[n_keys + 2 + feature], row, err));
    LARDER_TRY(text(&e->out.columns[OUTCOME], outcome, err));
    LARDER_TRY(text(&e->out.columns[REASON], reason, err));
    e->out.n_rows++;
out:
    return rc;
}

/* Of the rows after t only the nearest are of interest; they come last. */
static larder_status
tell_future(explaining *e, larder_error *err)
{
    larder_stream stream = {0};
    larder_batch batch = {0}, last = {0};
    larder_status rc = LARDER_OK;

    if (e->t == LARDER_TIME_MAX)
        return LARDER_OK;
    LARDER_TRY(open_scan(e, e->t + 1, LARDER_TIME_MAX, &stream, err));
    LARDER_TRY(larder_batch_init(&last, stream.schema, err));
    for (;;) {
        size_t skip;

        LARDER_TRY(larder_stream_next(&stream, &batch, err));
        if (batch.n_rows == 0)
            break;
        skip = batch.n_rows > SHOWN_FUTURE ? batch.n_rows - SHOWN_FUTURE : 0;
        if (skip > 0 || last.n_rows > SHOWN_ROWS)
            larder_batch_clear(&last);
        LARDER_TRY(
            ldr_batch_copy(&last, &batch, skip, batch.n_rows - skip, err));
        larder_batch_release(&batch);
    }
    for (size_t i = last.n_rows > SHOWN_FUTURE ? last.n_rows - SHOWN_FUTURE : 0;
         i < last.n_rows; i++)
        LARDER_TRY(tell(e, &last, i, "future",
            "its event time is after the spine row's", err));
out:
    larder_batch_release(&batch);
    larder_batch_release(&last);
    larder_stream_close(&stream);
    return rc;
}

static bool
known(const explaining *e, const larder_batch *rows, size_t row)
{
    const larder_column *created = &rows->columns[e->view->view->n_keys + 1];

    return !e->options->as_known ||
           (!ldr_column_is_null(created, row) &&
               ldr_column_integer(created, row) <= e->t);
}

static larder_time
event_of(const explaining *e, const larder_batch *rows, size_t row)
{
    return ldr_column_integer(&rows->columns[e->view->view->n_keys], row);
}

static int
order_created(const explaining *e, const larder_batch *rows, size_t a, size_t b)
{
    const larder_column *created = &rows->columns[e->view->view->n_keys + 1];
    larder_value x = larder_column_value(created, a);
    larder_value y = larder_column_value(created, b);

    return ldr_value_order(&x, &y);
}

/* The winner among known rows, newest first: the greatest of the first's ties.
 */
static larder_status
find_winner(const explaining *e, const larder_batch *rows, size_t *winner,
    larder_error *err)
{
    size_t n_keys = e->view->view->n_keys;
    const larder_column *values = &rows->columns[n_keys + 2];
    larder_status rc = LARDER_OK;

    *winner = SIZE_MAX;
    for (size_t i = 0; i < rows->n_rows; i++) {
        int order = 0;

        if (!known(e, rows, i))
            continue;
        if (*winner == SIZE_MAX) {
            *winner = i;
            continue;
        }
        if (event_of(e, rows, i) != event_of(e, rows, *winner) ||
            order_created(e, rows, i, *winner) != 0)
            break;
        LARDER_TRY(ldr_asof_order(
            &e->layout, values, i, values, *winner, &order, err));
        if (order > 0)
            *winner = i;
    }
out:
    return rc;
}

static larder_status
tell_candidate(explaining *e, const larder_batch *rows, size_t i, size_t winner,
    larder_error *err)
{
    const ldr_view *view = e->view->view;
    larder_time event = event_of(e, rows, i);

    if (!known(e, rows, i))
        return tell(e, rows, i, "not yet known",
            "its created time is null or after the spine row's (--as-known)",
            err);
    if (view->has_ttl && ldr_ttl_passed(event, e->t, view->ttl_us))
        return tell(e, rows, i, "expired",
            "its event time is more than the ttl before the spine row's", err);
    if (i == winner)
        return tell(e, rows, i, "winner", "the newest row at that time", err);
    if (event != event_of(e, rows, winner))
        return tell(e, rows, i, "older", "a newer event is there", err);
    if (order_created(e, rows, i, winner) != 0)
        return tell(e, rows, i, "earlier created",
            "of equal event time, but another was created later", err);
    return tell(e, rows, i, "lesser row",
        "of equal times; the greater encoded row wins", err);
}

static larder_status
tell_candidates(explaining *e, larder_error *err)
{
    larder_stream stream = {0};
    larder_batch batch = {0}, rows = {0};
    size_t winner;
    larder_status rc;

    LARDER_TRY(open_scan(e, LARDER_TIME_MIN, e->t, &stream, err));
    LARDER_TRY(larder_batch_init(&rows, stream.schema, err));
    for (;;) {
        LARDER_TRY(find_winner(e, &rows, &winner, err));
        if (winner != SIZE_MAX && rows.n_rows > winner + SHOWN_ROWS)
            break;
        LARDER_TRY(larder_call_check(e->call, err));
        LARDER_TRY(larder_stream_next(&stream, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(ldr_batch_copy(&rows, &batch, 0, batch.n_rows, err));
        larder_batch_release(&batch);
    }
    for (size_t i = 0; i < rows.n_rows && i < SHOWN_ROWS; i++)
        LARDER_TRY(tell_candidate(e, &rows, i, winner, err));
    if (winner != SIZE_MAX && winner >= SHOWN_ROWS)
        LARDER_TRY(tell_candidate(e, &rows, winner, winner, err));
out:
    larder_batch_release(&batch);
    larder_batch_release(&rows);
    larder_stream_close(&stream);
    return rc;
}

/* ---------------------------------------------------------------- the whole */

static larder_status
prepare(explaining *e, larder_error *err)
{
    const ldr_view *view = e->view->view;
    larder_type *types =
        ldr_arena_array(&e->arena, view->n_features + 1, sizeof *types);
    larder_status rc;

    if (types == NULL)
        return no_memory(err);
    for (size_t i = 0; i < view->n_features; i++)
        types[i] = e->view->columns[i].type;
    LARDER_TRY(ldr_row_layout_init(
        &e->layout, types, view->n_features, &e->arena, err));
    ldr_view_source(view, &e->source_keys, &e->table);
    LARDER_TRY(larder_batch_init(&e->out, &schema, err));
out:
    return rc;
}

static larder_status
read_history(explaining *e, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(ldr_offline_begin(e->offline, e->call, 1, err));
    rc = tell_future(e, err);
    if (rc == LARDER_OK)
        rc = tell_candidates(e, err);
    ldr_offline_end(e->offline);
out:
    return rc;
}

larder_status
ldr_explain(ldr_offline *offline, const ldr_plan *plan, const larder_call *call,
    const larder_join_options *options, larder_stream *spine, uint64_t row,
    larder_stream *out, larder_error *err)
{
    explaining e = {.offline = offline,
        .plan = plan,
        .view = &plan->views[0],
        .call = call,
        .options = options};
    larder_status rc;

    LARDER_TRY(prepare(&e, err));
    LARDER_TRY(find_row(&e, spine, row, err));
    if (!e.null_key)
        LARDER_TRY(read_history(&e, err));
    LARDER_TRY(larder_stream_of(&e.out, out, err));
out:
    larder_batch_release(&e.key);
    larder_batch_release(&e.out);
    ldr_arena_free(&e.arena);
    return rc;
}
