/* SPDX-License-Identifier: Apache-2.0 */
/*
 * computed.c - the features of a read that no stored row holds as they are.
 */
#include "engine/computed.h"

#include "data/batch.h"
#include "engine/asof.h"

/* A null just appended gives way to the default, where there is one. */
static larder_status
put_default(
    const ldr_reader_slot *slot, larder_column *column, larder_error *err)
{
    if (!slot->has_default)
        return LARDER_OK;
    ldr_column_truncate(column, column->n_rows - 1);
    return ldr_column_copy(column, &slot->fallback, 0, 1, err);
}

/* ------------------------------------------------------------------ windows */

static larder_status
too_many(const ldr_reader_view *v, larder_error *err)
{
    larder_fail(err, LARDER_LIMIT,
        "more events in the longest window than %u (max_window_events), or "
        "than a row holds",
        v->stored->max_window_events);
    larder_hint(err,
        "raise max_window_events of '%s', apply and materialize; join has no "
        "such limit",
        v->plan->view->about.name);
    return LARDER_LIMIT;
}

/* The events of a row as a batch, as far as the windows need them. */
static larder_status
lend_events(
    ldr_reader_view *v, larder_bytes row, ldr_events *out, larder_error *err)
{
    ldr_reader_windows *w = &v->windows;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < w->events.schema->n_fields; i++) {
        if (!w->reads[i])
            continue;
        ldr_column_clear(&w->lists[i]);
        LARDER_TRY(ldr_row_read(
            &v->layout, row, v->deriving.n_plain + i, &w->lists[i], err));
        w->events.columns[i] = *w->lists[i].items;
    }
    w->events.n_rows = w->events.columns[0].n_rows;
    *out = (ldr_events){.batch = &w->events, .end = w->events.n_rows};
out:
    return rc;
}

static larder_status
missing_windows(
    larder_reader *r, const ldr_reader_windows *w, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < w->n_windows; i++) {
        LARDER_TRY(larder_column_append_null(w->out[i], err));
        LARDER_TRY(put_default(&r->slots[w->features[i]], w->out[i], err));
    }
out:
    return rc;
}

static larder_status
run_windows(larder_reader *r, ldr_reader_view *v, size_t row,
    const struct ldr_found_row *found, larder_time now, larder_error *err)
{
    ldr_reader_windows *w = &v->windows;
    larder_bytes bytes = ldr_reader_row(r, found);
    /* A clock behind the row counts as age 0. */
    larder_time t = found->event > now ? found->event : now;
    ldr_events events;
    larder_status rc;

    if (ldr_deriving_is_marker(&v->deriving, bytes))
        LARDER_TRY(too_many(v, err));
    LARDER_TRY(lend_events(v, bytes, &events, err));
    LARDER_TRY(ldr_windows_run(w->run, &events, &t, 1, w->out, err));
out:
    if (rc != LARDER_OK)
        larder_context(err, "feature view '%s', key row %zu",
            v->plan->view->about.name, row + 1);
    return rc;
}

larder_status
ldr_computed_windows(larder_reader *r, size_t view, size_t n_rows,
    larder_time now, larder_answer *answer, larder_error *err)
{
    ldr_reader_view *v = &r->views[view];
    ldr_reader_windows *w = &v->windows;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < w->n_windows; i++)
        w->out[i] = ldr_reader_target(r, answer, w->features[i]);
    for (size_t row = 0; row < n_rows && w->n_windows > 0; row++) {
        const struct ldr_found_row *found = ldr_reader_found(r, row, view);

        if (found->size == 0)
            LARDER_TRY(missing_windows(r, w, err));
        else
            LARDER_TRY(run_windows(r, v, row, found, now, err));
        for (size_t i = 0; i < w->n_windows; i++) {
            size_t f = w->features[i], cell = f * n_rows + row;
            bool null = ldr_column_is_null(w->out[i], row);

            if (found->size != 0 && null)
                LARDER_TRY(put_default(&r->slots[f], w->out[i], err));
            if (f >= r->plan.n_features)
                continue;
            answer->event_times[cell] = found->event;
            answer->presence[cell] = found->size == 0 ? LARDER_NOT_FOUND_KEY
                                     : null           ? LARDER_NULL_VALUE
                                                      : LARDER_PRESENT;
        }
    }
out:
    return rc;
}

/* ---------------------------------------------------------------- on demand */

/* Times of the rows that answer: not of one past its ttl, as in a join. */
static larder_status
fill_times(
    larder_reader *r, size_t view, size_t n, larder_time now, larder_error *err)
{
    const ldr_view *of = r->plan.views[view].view;
    larder_column *times = &r->computing.event_times[view];
    larder_status rc;

    ldr_column_clear(times);
    LARDER_TRY(larder_column_reserve(times, n, 0, err));
    for (size_t row = 0; row < n; row++) {
        const struct ldr_found_row *found = ldr_reader_found(r, row, view);

        if (found->size == 0 ||
            (of->has_ttl && ldr_ttl_passed(found->event, now, of->ttl_us)))
            LARDER_TRY(larder_column_append_null(times, err));
        else
            LARDER_TRY(larder_column_append_integer(times, found->event, err));
    }
out:
    return rc;
}

static larder_status
gather_inputs(larder_reader *r, const larder_batch *keys, larder_time now,
    larder_answer *answer, larder_error *err)
{
    ldr_reader_inputs *c = &r->computing;
    size_t n = keys->n_rows, n_keys = r->plan.keys.n_fields;
    larder_status rc;

    ldr_column_clear(&c->as_of);
    LARDER_TRY(larder_column_reserve(&c->as_of, n, 0, err));
    for (size_t row = 0; row < n; row++)
        LARDER_TRY(larder_column_append_integer(&c->as_of, now, err));
    for (size_t v = 0; v < r->plan.n_views; v++)
        if (c->events[v] != NULL)
            LARDER_TRY(fill_times(r, v, n, now, err));
    for (size_t i = 0; i < r->plan.requests.n_fields; i++)
        c->requests[i] = &keys->columns[n_keys + i];
    for (size_t f = 0; f < r->plan.n_all; f++) {
        ldr_reader_slot *slot = &r->slots[f];
        bool apart = slot->view == LDR_PLAN_DERIVED && slot->has_default;

        c->features[f] = apart ? &slot->bare : ldr_reader_target(r, answer, f);
    }
out:
    return rc;
}

static larder_time
newest_read(const larder_reader *r, size_t derived, size_t row)
{
    const bool *reads = &r->computing.reads_view[derived * r->plan.n_views];
    larder_time newest = LARDER_NO_TIME;

    for (size_t v = 0; v < r->plan.n_views; v++) {
        larder_time event = ldr_reader_found(r, row, v)->event;

        if (reads[v] && event > newest)
            newest = event;
    }
    return newest;
}

/* Presence and time of each cell; and what stands in for nulls. */
static larder_status
tell_cells(larder_reader *r, size_t derived, size_t n, larder_answer *answer,
    larder_error *err)
{
    size_t f = r->plan.derived[derived].output;
    const larder_column *values = r->computing.features[f];
    larder_column *target = ldr_reader_target(r, answer, f);
    larder_status rc = LARDER_OK;

    if (f >= r->plan.n_features)
        return LARDER_OK;
    for (size_t row = 0; row < n; row++) {
        bool null = ldr_column_is_null(values, row);

        answer->presence[f * n + row] =
            null ? LARDER_NULL_VALUE : LARDER_PRESENT;
        answer->event_times[f * n + row] = newest_read(r, derived, row);
        if (target == values)
            continue;
        LARDER_TRY(ldr_column_copy(target,
            null ? &r->slots[f].fallback : values, null ? 0 : row, 1, err));
    }
out:
    return rc;
}

larder_status
ldr_computed_on_demand(larder_reader *r, const larder_batch *keys,
    larder_time now, larder_answer *answer, larder_error *err)
{
    ldr_reader_inputs *c = &r->computing;
    ldr_inputs inputs = {.features = c->features,
        .requests = c->requests,
        .events = c->events,
        .as_of = &c->as_of};
    size_t n = keys->n_rows;
    larder_status rc = LARDER_OK;

    if (r->plan.n_derived == 0)
        return LARDER_OK;
    LARDER_TRY(gather_inputs(r, keys, now, answer, err));
    for (size_t d = 0; d < r->plan.n_derived; d++) {
        size_t f = r->plan.derived[d].output;
        ldr_reader_slot *slot = &r->slots[f];
        larder_column *out =
            slot->has_default ? &slot->bare : ldr_reader_target(r, answer, f);
        uint64_t n_made_null = 0;

        ldr_column_clear(out);
        LARDER_TRY(larder_column_reserve(out, n, 0, err));
        LARDER_TRY(ldr_ondemand_run(
            &r->plan, d, &inputs, 0, n, &c->room, out, &n_made_null, err));
        LARDER_TRY(tell_cells(r, d, n, answer, err));
    }
out:
    return rc;
}
