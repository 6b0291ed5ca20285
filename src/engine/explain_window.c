/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_window.c - which events a windowed feature of one spine row is made
 * of, and why others are not.
 *
 * The events are the gathering's, as a join has them; here the rows they came
 * from are told, and those that are none.
 */
#include "engine/explaining.h"

#include <stdlib.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/column.h"
#include "data/schema.h"

#define SHOWN_ROWS 100u /* up to the window's end */
#define SHOWN_BEFORE 5u /* of rows before the window, the nearest */

typedef struct telling {
    ldr_explaining *e;
    larder_time first, last; /* of the window, both included */
    larder_batch rows;       /* up to the spine row's time, newest first */
    size_t *event_of;        /* each row's event; SIZE_MAX: it is none */
    ldr_events events;
    size_t n_told;
} telling;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to explain");
}

/* Rows up to t: all of the window, and a few before it. */
static larder_status
read_rows(telling *t, larder_stream *stream, larder_error *err)
{
    larder_batch batch = {0};
    size_t n_before = 0;
    larder_status rc;

    LARDER_TRY(larder_batch_init(&t->rows, stream->schema, err));
    while (n_before <= SHOWN_BEFORE) {
        LARDER_TRY(larder_call_check(t->e->call, err));
        LARDER_TRY(larder_stream_next(stream, &batch, err));
        if (batch.n_rows == 0)
            break;
        for (size_t row = 0; row < batch.n_rows; row++)
            n_before += ldr_explaining_event(t->e, &batch, row) < t->first;
        LARDER_TRY(ldr_batch_copy(&t->rows, &batch, 0, batch.n_rows, err));
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    return rc;
}

/* The events of the rows, and which row each is. */
static larder_status
find_events(telling *t, ldr_gathering *gathering, larder_error *err)
{
    size_t n_keys = t->e->view->view->n_keys;
    const size_t *order;
    larder_status rc;

    ldr_gathering_start(gathering);
    LARDER_TRY(ldr_gathering_add_rows(
        gathering, &t->rows, n_keys, 0, t->rows.n_rows, err));
    LARDER_TRY(ldr_gathering_finish(gathering,
        t->e->options->as_known ? t->e->t : LARDER_TIME_MAX, &t->events, err));
    t->event_of = malloc((t->rows.n_rows + 1) * sizeof *t->event_of);
    if (t->event_of == NULL)
        return no_memory(err);
    for (size_t row = 0; row < t->rows.n_rows; row++)
        t->event_of[row] = SIZE_MAX;
    order = ldr_gathering_order(gathering);
    for (size_t i = t->events.begin; i < t->events.end; i++)
        t->event_of[order[i]] = i;
out:
    return rc;
}

static bool
is_true(const larder_column *column, size_t row)
{
    return !ldr_column_is_null(column, row) &&
           ldr_column_integer(column, row) != 0;
}

/* What becomes of an event inside the window. */
static larder_status
tell_event(telling *t, size_t row, size_t event, larder_error *err)
{
    const ldr_window *window = t->e->window;
    const larder_column *columns = t->events.batch->columns;

    if (window->filter != LDR_NO_COLUMN &&
        !is_true(&columns[window->filter], event))
        return ldr_explaining_tell(t->e, &t->rows, row, "left out",
            "the feature's 'where' is not true of it", err);
    if (window->column != LDR_NO_COLUMN &&
        ldr_column_is_null(&columns[window->column], event))
        return ldr_explaining_tell(t->e, &t->rows, row, "null",
            "nulls of the column do not count", err);
    return ldr_explaining_tell(
        t->e, &t->rows, row, "counted", "it is an event of the window", err);
}

static larder_status
tell_row(telling *t, size_t row, size_t *n_before, larder_error *err)
{
    larder_time event = ldr_explaining_event(t->e, &t->rows, row);

    if (event < t->first && ++*n_before > SHOWN_BEFORE)
        return LARDER_OK;
    t->n_told++;
    if (!ldr_explaining_known(t->e, &t->rows, row))
        return ldr_explaining_tell(t->e, &t->rows, row, "not yet known",
            "its created time is null or after the spine row's (--as-known)",
            err);
    if (t->event_of[row] == SIZE_MAX)
        return ldr_explaining_tell(t->e, &t->rows, row, "corrected",
            "a later version of the same event is there (replace_on)", err);
    if (event > t->last)
        return ldr_explaining_tell(t->e, &t->rows, row, "after the window",
            "the feature's 'offset' ends the window before it", err);
    if (event < t->first)
        return ldr_explaining_tell(t->e, &t->rows, row, "before the window",
            "the window begins after it", err);
    return tell_event(t, row, t->event_of[row], err);
}

static larder_status
tell_rows(telling *t, larder_error *err)
{
    ldr_gathering *gathering = NULL;
    size_t *order = NULL, n_before = 0, i = 0;
    larder_status rc;

    LARDER_TRY(ldr_gathering_new(t->e->events, &gathering, err));
    LARDER_TRY(find_events(t, gathering, err));
    LARDER_TRY(ldr_explaining_order(t->e, &t->rows, &order, err));
    for (; i < t->rows.n_rows && t->n_told < SHOWN_ROWS; i++)
        LARDER_TRY(tell_row(t, order[i], &n_before, err));
    if (n_before == 0)
        LARDER_TRY(ldr_explaining_more(t->e, t->rows.n_rows - i, err));
out:
    free(order);
    ldr_gathering_free(gathering);
    return rc;
}

larder_status
ldr_explain_window(ldr_explaining *e, larder_error *err)
{
    telling t = {.e = e};
    larder_stream stream = {0};
    larder_status rc;

    t.last = ldr_time_back(e->t, e->window->offset_us);
    t.first = ldr_time_back(t.last, e->window->window_us - 1);
    LARDER_TRY(ldr_explaining_scan(e, LARDER_TIME_MIN, e->t, &stream, err));
    LARDER_TRY(read_rows(&t, &stream, err));
    LARDER_TRY(tell_rows(&t, err));
out:
    larder_batch_release(&t.rows);
    larder_stream_close(&stream);
    free(t.event_of);
    return rc;
}
