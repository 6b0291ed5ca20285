/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c - why one feature of one spine row is what it is.
 */
#include "engine/explain.h"

#include "engine/explaining.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/row.h"
#include "data/schema.h"
#include "data/stream.h"
#include "engine/asof.h"
#include "engine/spine.h"

#define SHOWN_ROWS 100u /* of candidates */
#define SHOWN_FUTURE 5u /* of rows after t, the nearest */
#define VALUE_ROOM 512u

enum { EVENT, CREATED, VALUE, OUTCOME, REASON, N_COLUMNS };

static const larder_field fields[N_COLUMNS] = {
    [EVENT] = {"event_timestamp", LARDER_TIMESTAMP},
    [CREATED] = {"created_timestamp", LARDER_TIMESTAMP},
    [VALUE] = {"value", LARDER_STRING},
    [OUTCOME] = {"outcome", LARDER_STRING},
    [REASON] = {"reason", LARDER_STRING},
};

const larder_schema ldr_explaining_schema = {fields, N_COLUMNS};

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to explain");
}

/* ------------------------------------------------------ the row in question */

static larder_status
take_key(ldr_explaining *e, const ldr_spine_chunk *chunk, size_t row,
    larder_error *err)
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

larder_status
ldr_explaining_no_row(uint64_t wanted, uint64_t n_rows, larder_error *err)
{
    if (n_rows == 0)
        return larder_fail(err, LARDER_INVALID, "the spine has no rows");
    return larder_fail(err, LARDER_INVALID,
        "the spine has no row %llu: its rows are 1 to %llu",
        (unsigned long long)wanted, (unsigned long long)n_rows);
}

static larder_status
find_row(
    ldr_explaining *e, larder_stream *input, uint64_t wanted, larder_error *err)
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
            rc = ldr_explaining_no_row(wanted, before, err);
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

larder_status
ldr_explaining_scan(ldr_explaining *e, larder_time from, larder_time to,
    larder_stream *out, larder_error *err)
{
    larder_scan scan = {.table = &e->table,
        .key = e->view->scan_keys,
        .n_key = e->view->view->n_keys,
        .columns = e->columns,
        .n_columns = e->n_columns,
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

larder_status
ldr_explaining_value(larder_column *out, const larder_column *from, size_t row,
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

larder_status
ldr_explaining_tell(ldr_explaining *e, const larder_batch *rows, size_t row,
    const char *outcome, const char *reason, larder_error *err)
{
    size_t n_keys = e->view->view->n_keys;
    larder_column *value = &e->out.columns[VALUE];
    larder_status rc;

    LARDER_TRY(ldr_column_copy(
        &e->out.columns[EVENT], &rows->columns[n_keys], row, 1, err));
    LARDER_TRY(ldr_column_copy(
        &e->out.columns[CREATED], &rows->columns[n_keys + 1], row, 1, err));
    if (e->told == LDR_NO_FIELD)
        LARDER_TRY(larder_column_append_null(value, err));
    else
        LARDER_TRY(ldr_explaining_value(
            value, &rows->columns[n_keys + 2 + e->told], row, err));
    LARDER_TRY(text(&e->out.columns[OUTCOME], outcome, err));
    LARDER_TRY(text(&e->out.columns[REASON], reason, err));
    e->out.n_rows++;
out:
    return rc;
}

larder_status
ldr_explaining_more(ldr_explaining *e, size_t n, larder_error *err)
{
    char words[64];
    larder_status rc;

    if (n == 0)
        return LARDER_OK;
    snprintf(words, sizeof words, "%zu older rows are not shown", n);
    for (size_t i = 0; i < OUTCOME; i++)
        LARDER_TRY(larder_column_append_null(&e->out.columns[i], err));
    LARDER_TRY(text(&e->out.columns[OUTCOME], "more", err));
    LARDER_TRY(text(&e->out.columns[REASON], words, err));
    e->out.n_rows++;
out:
    return rc;
}

/* ----------------------------------------------------------- in their order */

typedef struct candidate {
    size_t row, begin, end;
    size_t middle; /* behind the view's columns, where those settle ties first;
                    * else the beginning */
    const unsigned char *bytes; /* of all */
} candidate;

static int
newer_first(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    int order = larder_row_compare(
        (larder_bytes){y->bytes + y->begin, y->middle - y->begin},
        (larder_bytes){x->bytes + x->begin, x->middle - x->begin});

    if (order != 0)
        return order;
    return larder_row_compare(
        (larder_bytes){y->bytes + y->middle, y->end - y->middle},
        (larder_bytes){x->bytes + x->middle, x->end - x->middle});
}

larder_time
ldr_explaining_event(
    const ldr_explaining *e, const larder_batch *rows, size_t row)
{
    return ldr_column_integer(&rows->columns[e->view->view->n_keys], row);
}

static larder_status
encode(const ldr_explaining *e, const larder_batch *rows,
    const larder_column **columns, candidate *one, ldr_buffer *out,
    larder_error *err)
{
    const larder_column *values = &rows->columns[e->view->view->n_keys + 2];
    const larder_column *created = values - 1;
    larder_time event = ldr_explaining_event(e, rows, one->row);
    larder_time known = ldr_column_is_null(created, one->row)
                            ? LDR_NO_CREATED
                            : ldr_column_integer(created, one->row);
    const size_t *ties = e->events == NULL ? NULL : e->events->tie_from;
    larder_status rc;

    one->begin = out->size;
    if (ties != NULL) {
        for (size_t i = 0; i < e->events->tie_layout.n_columns; i++)
            columns[i] =
                ties[i] == LDR_NO_COLUMN ? values - 2 : &values[ties[i]];
        LARDER_TRY(ldr_row_encode(&e->events->tie_layout, (larder_bytes){0},
            event, known, columns, one->row, out, err));
    }
    one->middle = out->size;
    for (size_t i = 0; i < e->layout.n_columns; i++)
        columns[i] = &values[i];
    LARDER_TRY(ldr_row_encode(&e->layout, (larder_bytes){0}, event, known,
        columns, one->row, out, err));
    one->end = out->size;
out:
    return rc;
}

larder_status
ldr_explaining_order(const ldr_explaining *e, const larder_batch *rows,
    size_t **out, larder_error *err)
{
    size_t n_columns = e->layout.n_columns + e->view->view->n_features;
    size_t *order = calloc(rows->n_rows + 1, sizeof *order);
    candidate *all = calloc(rows->n_rows + 1, sizeof *all);
    const larder_column **columns = calloc(n_columns + 1, sizeof *columns);
    ldr_buffer bytes = {0};
    larder_status rc = LARDER_OK;

    if (order == NULL || all == NULL || columns == NULL) {
        rc = no_memory(err);
        goto out;
    }
    for (size_t i = 0; i < rows->n_rows; i++) {
        all[i].row = i;
        LARDER_TRY(encode(e, rows, columns, &all[i], &bytes, err));
    }
    for (size_t i = 0; i < rows->n_rows; i++)
        all[i].bytes = bytes.data;
    qsort(all, rows->n_rows, sizeof *all, newer_first);
    for (size_t i = 0; i < rows->n_rows; i++)
        order[i] = all[i].row;
    *out = order;
    order = NULL;
out:
    ldr_buffer_free(&bytes);
    free(columns);
    free(all);
    free(order);
    return rc;
}

/* Forget all rows but the last n. */
static larder_status
keep_last(larder_batch *rows, size_t n, larder_error *err)
{
    larder_batch last = {0};
    larder_status rc;

    LARDER_TRY(larder_batch_init(&last, rows->schema, err));
    LARDER_TRY(ldr_batch_copy(&last, rows, rows->n_rows - n, n, err));
    larder_batch_release(rows);
    *rows = last;
    last = (larder_batch){0};
out:
    larder_batch_release(&last);
    return rc;
}

/* ------------------------------------------------------------- what is told */

/* Of the rows after t only the nearest are of interest; they come last. */
static larder_status
read_future(ldr_explaining *e, larder_stream *stream, larder_batch *last,
    larder_error *err)
{
    larder_batch batch = {0};
    larder_status rc;

    LARDER_TRY(larder_batch_init(last, stream->schema, err));
    for (;;) {
        LARDER_TRY(larder_call_check(e->call, err));
        LARDER_TRY(larder_stream_next(stream, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(ldr_batch_copy(last, &batch, 0, batch.n_rows, err));
        larder_batch_release(&batch);
        if (last->n_rows > LDR_KEPT_ROWS)
            LARDER_TRY(keep_last(last, SHOWN_ROWS, err));
    }
out:
    larder_batch_release(&batch);
    return rc;
}

static larder_status
tell_future(ldr_explaining *e, larder_error *err)
{
    larder_stream stream = {0};
    larder_batch last = {0};
    size_t *order = NULL;
    size_t n;
    larder_status rc = LARDER_OK;

    if (e->t == LARDER_TIME_MAX)
        return LARDER_OK;
    LARDER_TRY(ldr_explaining_scan(e, e->t + 1, LARDER_TIME_MAX, &stream, err));
    LARDER_TRY(read_future(e, &stream, &last, err));
    LARDER_TRY(ldr_explaining_order(e, &last, &order, err));
    n = last.n_rows;
    for (size_t i = n > SHOWN_FUTURE ? n - SHOWN_FUTURE : 0; i < n; i++)
        LARDER_TRY(ldr_explaining_tell(e, &last, order[i], "future",
            "its event time is after the spine row's", err));
out:
    free(order);
    larder_batch_release(&last);
    larder_stream_close(&stream);
    return rc;
}

bool
ldr_explaining_known(
    const ldr_explaining *e, const larder_batch *rows, size_t row)
{
    const larder_column *created = &rows->columns[e->view->view->n_keys + 1];

    return !e->options->as_known ||
           (!ldr_column_is_null(created, row) &&
               ldr_column_integer(created, row) <= e->t);
}

static int
order_created(
    const ldr_explaining *e, const larder_batch *rows, size_t a, size_t b)
{
    const larder_column *created = &rows->columns[e->view->view->n_keys + 1];
    larder_value x = larder_column_value(created, a);
    larder_value y = larder_column_value(created, b);

    return ldr_value_order(&x, &y);
}

/* The first known row as they came; n_rows: none is. */
static size_t
first_known(const ldr_explaining *e, const larder_batch *rows)
{
    size_t i = 0;

    while (i < rows->n_rows && !ldr_explaining_known(e, rows, i))
        i++;
    return i;
}

static larder_status
tell_candidate(ldr_explaining *e, const larder_batch *rows, size_t i,
    size_t winner, larder_error *err)
{
    const ldr_view *view = e->view->view;
    larder_time event = ldr_explaining_event(e, rows, i);

    if (!ldr_explaining_known(e, rows, i))
        return ldr_explaining_tell(e, rows, i, "not yet known",
            "its created time is null or after the spine row's (--as-known)",
            err);
    if (view->has_ttl && ldr_ttl_passed(event, e->t, view->ttl_us))
        return ldr_explaining_tell(e, rows, i, "expired",
            "its event time is more than the ttl before the spine row's", err);
    if (i == winner)
        return ldr_explaining_tell(
            e, rows, i, "winner", "the newest row at that time", err);
    if (event != ldr_explaining_event(e, rows, winner))
        return ldr_explaining_tell(
            e, rows, i, "older", "a newer event is there", err);
    if (order_created(e, rows, i, winner) != 0)
        return ldr_explaining_tell(e, rows, i, "earlier created",
            "of equal event time, but another was created later", err);
    return ldr_explaining_tell(e, rows, i, "lesser row",
        "of equal times; the greater encoded row wins", err);
}

/* Rows up to t, newest first, until the winner and all its ties are among
 * them, and enough of what is older. */
static larder_status
read_candidates(ldr_explaining *e, larder_stream *stream, larder_batch *rows,
    larder_error *err)
{
    larder_batch batch = {0};
    larder_status rc;

    LARDER_TRY(larder_batch_init(rows, stream->schema, err));
    for (;;) {
        size_t n = rows->n_rows, found = first_known(e, rows);

        if (n > found + SHOWN_ROWS && ldr_explaining_event(e, rows, n - 1) !=
                                          ldr_explaining_event(e, rows, found))
            break;
        if (n == found && n > LDR_KEPT_ROWS)
            LARDER_TRY(keep_last(rows, SHOWN_ROWS, err));
        LARDER_TRY(larder_call_check(e->call, err));
        LARDER_TRY(larder_stream_next(stream, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(ldr_batch_copy(rows, &batch, 0, batch.n_rows, err));
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    return rc;
}

static larder_status
tell_candidates(ldr_explaining *e, larder_error *err)
{
    larder_stream stream = {0};
    larder_batch rows = {0};
    size_t *order = NULL;
    size_t at = 0, first, winner;
    larder_status rc;

    LARDER_TRY(ldr_explaining_scan(e, LARDER_TIME_MIN, e->t, &stream, err));
    LARDER_TRY(read_candidates(e, &stream, &rows, err));
    LARDER_TRY(ldr_explaining_order(e, &rows, &order, err));
    while (at < rows.n_rows && !ldr_explaining_known(e, &rows, order[at]))
        at++;
    winner = at < rows.n_rows ? order[at] : SIZE_MAX;
    first = at < rows.n_rows && at > SHOWN_ROWS / 2 ? at - SHOWN_ROWS / 2 : 0;
    for (size_t i = first; i < rows.n_rows && i < first + SHOWN_ROWS; i++)
        LARDER_TRY(tell_candidate(e, &rows, order[i], winner, err));
out:
    free(order);
    larder_batch_release(&rows);
    larder_stream_close(&stream);
    return rc;
}

/* ---------------------------------------------------------------- the whole */

/* What is read: of a windowed feature what its view's events need. */
static larder_status
choose_columns(ldr_explaining *e, const ldr_feature *feature, larder_error *err)
{
    const ldr_view *view = e->view->view;
    ldr_event_plan *events = ldr_arena_alloc(&e->arena, sizeof *events);
    size_t w = 0;
    larder_status rc;

    if (events == NULL)
        return no_memory(err);
    e->columns = e->view->columns;
    e->n_columns = view->n_features;
    e->told = (size_t)(feature - view->features);
    if (feature->aggregate == LDR_AGGREGATE_NONE)
        return LARDER_OK;
    LARDER_TRY(ldr_event_plan_make(view, &e->arena, events, err));
    while (events->features[w] != e->told)
        w++;
    e->events = events;
    e->window = &events->windows[w];
    e->columns = events->scanned;
    e->n_columns = events->n_scanned;
    e->told = e->window->column == LDR_NO_COLUMN ? LDR_NO_FIELD
                                                 : e->window->column - 1;
out:
    return rc;
}

static larder_status
prepare(ldr_explaining *e, larder_error *err)
{
    const ldr_view *view = e->view->view;
    larder_type *types;
    larder_status rc;

    LARDER_TRY(
        choose_columns(e, &view->features[e->plan->features[0].feature], err));
    types = ldr_arena_array(&e->arena, e->n_columns + 1, sizeof *types);
    if (types == NULL)
        return no_memory(err);
    for (size_t i = 0; i < e->n_columns; i++)
        types[i] = e->columns[i].type;
    LARDER_TRY(
        ldr_row_layout_init(&e->layout, types, e->n_columns, &e->arena, err));
    ldr_view_source(view, &e->source_keys, &e->table);
    LARDER_TRY(larder_batch_init(&e->out, &ldr_explaining_schema, err));
out:
    return rc;
}

static larder_status
read_history(ldr_explaining *e, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(ldr_offline_begin(e->offline, e->call, 1, err));
    rc = tell_future(e, err);
    if (rc == LARDER_OK)
        rc = e->window != NULL ? ldr_explain_window(e, err)
                               : tell_candidates(e, err);
    ldr_offline_end(e->offline);
out:
    return rc;
}

larder_status
ldr_explain(ldr_offline *offline, const ldr_plan *plan, const larder_call *call,
    const larder_join_options *options, larder_stream *spine, uint64_t row,
    larder_stream *out, larder_error *err)
{
    ldr_explaining e = {.offline = offline,
        .plan = plan,
        .view = plan->n_views == 0 ? NULL : &plan->views[0],
        .call = call,
        .options = options};
    larder_status rc;

    if (plan->features[0].view == LDR_PLAN_DERIVED)
        return ldr_explain_derived(
            offline, plan, call, options, spine, row, out, err);
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
