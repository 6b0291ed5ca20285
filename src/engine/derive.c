/* SPDX-License-Identifier: Apache-2.0 */
/*
 * derive.c - from a key's history to the bytes of its row online.
 *
 * A scan gives a key's rows newest first: the first that counts is the row's
 * version, those tied with it settle the plain features, and those of the
 * longest window before it are gathered as events. Older ones pass by, and of
 * a key with too many events no more are kept than it takes to know that.
 */
#include "engine/derive.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/schema.h"
#include "engine/asof.h"

/* Of a source with replace_on many rows may be one event; so many, and it has
 * too many all the same. */
#define VERSIONS_MAX 16u

/* ------------------------------------------------------------ preparation */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to derive rows");
}

static larder_status
layout_of(const larder_field *fields, size_t n, ldr_arena *arena,
    ldr_row_layout *out, larder_error *err)
{
    larder_type *types = ldr_arena_array(arena, n + 1, sizeof *types);

    if (types == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++)
        types[i] = fields[i].type;
    return ldr_row_layout_init(out, types, n, arena, err);
}

/* The columns of a scan up to the events'. */
static larder_status
narrow_scan(ldr_deriving *plan, ldr_arena *arena, larder_error *err)
{
    size_t n_keys = plan->keys.n_fields, n_scanned = plan->events.n_scanned;
    larder_field *fields =
        ldr_arena_array(arena, n_keys + 2 + n_scanned, sizeof *fields);

    if (fields == NULL)
        return no_memory(err);
    for (size_t k = 0; k < n_keys; k++)
        fields[k] = plan->keys.fields[k];
    fields[n_keys] = (larder_field){"event", LARDER_TIMESTAMP};
    fields[n_keys + 1] = (larder_field){"created", LARDER_TIMESTAMP};
    for (size_t i = 0; i < n_scanned; i++)
        fields[n_keys + 2 + i] = plan->events.scanned[i];
    plan->narrow = (larder_schema){fields, n_keys + 2 + n_scanned};
    return LARDER_OK;
}

/* What a scan asks for. */
static larder_status
list_columns(ldr_deriving *plan, ldr_arena *arena, larder_error *err)
{
    const ldr_view *view = plan->view;
    size_t n = plan->events.n_scanned + view->n_features;
    larder_field *columns = ldr_arena_array(arena, n + 1, sizeof *columns);
    size_t *plain = ldr_arena_array(arena, view->n_features + 1, sizeof *plain);

    if (columns == NULL || plain == NULL)
        return no_memory(err);
    for (size_t i = 0; i < plan->events.n_scanned; i++)
        columns[plan->n_columns++] = plan->events.scanned[i];
    for (size_t f = 0; f < view->n_features; f++) {
        const ldr_feature *feature = &view->features[f];

        if (feature->aggregate != LDR_AGGREGATE_NONE)
            continue;
        plain[plan->n_plain++] = f;
        columns[plan->n_columns++] =
            (larder_field){.name = feature->from, .type = feature->type};
    }
    plan->columns = columns;
    plan->plain = plain;
    return LARDER_OK;
}

/* A feature that counts events reads their time alone. */
static larder_status
place_ties(ldr_deriving *plan, ldr_arena *arena, larder_error *err)
{
    const ldr_view *view = plan->view;
    size_t event = view->n_keys, first = event + 2, w = 0;
    size_t next_plain = first + plan->events.n_scanned;
    size_t *places =
        ldr_arena_array(arena, view->n_features + 1, sizeof *places);
    larder_field *columns;
    larder_status rc;

    if (places == NULL)
        return no_memory(err);
    LARDER_TRY(ldr_view_columns(view, arena, &columns, err));
    LARDER_TRY(
        layout_of(columns, view->n_features, arena, &plan->tie_layout, err));
    for (size_t f = 0; f < view->n_features; f++) {
        size_t column;

        if (view->features[f].aggregate == LDR_AGGREGATE_NONE) {
            places[f] = next_plain++;
            continue;
        }
        column = plan->events.windows[w++].column; /* of events: after time */
        places[f] = column == LDR_NO_COLUMN ? event : first + column - 1;
    }
    plan->tie_places = places;
out:
    return rc;
}

static larder_status
list_keys(ldr_deriving *plan, ldr_arena *arena, larder_error *err)
{
    const ldr_view *view = plan->view;
    larder_field *fields =
        ldr_arena_array(arena, view->n_keys + 1, sizeof *fields);
    size_t *from;
    larder_status rc;

    plan->key_places =
        ldr_arena_array(arena, view->n_keys + 1, sizeof *plan->key_places);
    if (fields == NULL || plan->key_places == NULL)
        return no_memory(err);
    LARDER_TRY(ldr_view_scan_keys(view, arena, &plan->scan_keys, &from, err));
    for (size_t s = 0; s < view->n_keys; s++) {
        fields[s] = view->keys[from[s]];
        plan->key_places[from[s]] = s;
    }
    plan->keys = (larder_schema){fields, view->n_keys};
    plan->entity_set = ldr_entity_set_id(view->keys, view->n_keys);
out:
    return rc;
}

larder_status
ldr_deriving_make(const ldr_view *view, ldr_arena *arena, ldr_deriving *out,
    larder_error *err)
{
    larder_field *stored;
    larder_status rc;

    *out = (ldr_deriving){.view = view};
    LARDER_TRY(ldr_event_plan_make(view, arena, &out->events, err));
    ldr_view_source(view, &out->source_keys, &out->table);
    LARDER_TRY(list_keys(out, arena, err));
    LARDER_TRY(list_columns(out, arena, err));
    LARDER_TRY(narrow_scan(out, arena, err));
    LARDER_TRY(place_ties(out, arena, err));
    LARDER_TRY(ldr_event_plan_stored(
        &out->events, arena, &stored, &out->n_stored, err));
    out->stored = stored;
    LARDER_TRY(layout_of(stored, out->n_stored, arena, &out->layout, err));
out:
    return rc;
}

/* ---------------------------------------------------------------- one key */

struct ldr_deriver {
    const ldr_deriving *plan;
    const ldr_horizon *horizon;
    larder_time now;
    ldr_derived_tally tally;
    ldr_gathering *gathering;
    larder_batch last; /* the keys of the row before a batch; empty: none */
    enum { NO_KEY, A_KEY, NULL_KEY, LONG_KEY } state;
    ldr_key key;
    larder_time until;
    bool found; /* a row that counts */
    larder_time newest, created;
    bool too_many;
    /* What R3 settled on: a row of the batch at hand or, in `kept`, one of an
     * earlier batch; a column per feature of the view. */
    bool is_kept;
    size_t winner;
    larder_column *kept, *lent;
    const larder_column **columns; /* of the stored row */
    larder_column *lists;          /* one row each, of lent items */
    int64_t (*offsets)[2];
    uint8_t no_bit; /* of a null */
};

static larder_status
allocate(ldr_deriver *d, larder_error *err)
{
    size_t n_lists = d->plan->n_stored - d->plan->n_plain;
    size_t n_features = d->plan->view->n_features;

    d->kept = calloc(n_features + 1, sizeof *d->kept);
    d->lent = calloc(n_features + 1, sizeof *d->lent);
    d->columns = calloc(d->plan->n_stored + 1, sizeof *d->columns);
    d->lists = calloc(n_lists + 1, sizeof *d->lists);
    d->offsets = calloc(n_lists + 1, sizeof *d->offsets);
    if (d->kept == NULL || d->lent == NULL || d->columns == NULL ||
        d->lists == NULL || d->offsets == NULL)
        return no_memory(err);
    return LARDER_OK;
}

#define NO_TALLY                                                               \
    (ldr_derived_tally)                                                        \
    {                                                                          \
        .newest_created = INT64_MIN, .newest_event = LARDER_TIME_MIN           \
    }

larder_status
ldr_deriver_new(const ldr_deriving *plan, larder_time now,
    const ldr_horizon *horizon, ldr_deriver **out, larder_error *err)
{
    ldr_deriver *d = calloc(1, sizeof *d);
    larder_status rc;

    if (d == NULL)
        return no_memory(err);
    *d = (ldr_deriver){
        .plan = plan, .horizon = horizon, .now = now, .tally = NO_TALLY};
    LARDER_TRY(allocate(d, err));
    LARDER_TRY(ldr_gathering_new(&plan->events, &d->gathering, err));
    LARDER_TRY(larder_batch_init(&d->last, &plan->keys, err));
    for (size_t f = 0; f < plan->view->n_features; f++)
        LARDER_TRY(
            ldr_column_init(&d->kept[f], plan->tie_layout.types[f], err));
    for (size_t i = 0; i < plan->n_stored; i++)
        d->columns[i] = i < plan->n_plain ? &d->kept[plan->plain[i]]
                                          : &d->lists[i - plan->n_plain];
    *out = d;
    d = NULL;
out:
    ldr_deriver_free(d);
    return rc;
}

void
ldr_deriver_free(ldr_deriver *d)
{
    if (d == NULL)
        return;
    for (size_t f = 0; d->kept != NULL && f < d->plan->view->n_features; f++)
        ldr_column_release(&d->kept[f]);
    larder_batch_release(&d->last);
    ldr_gathering_free(d->gathering);
    free(d->kept);
    free(d->lent);
    free(d->columns);
    free(d->lists);
    free(d->offsets);
    free(d);
}

ldr_derived_tally
ldr_deriver_tally(ldr_deriver *d)
{
    ldr_derived_tally tally = d->tally;

    d->tally = NO_TALLY;
    return tally;
}

static larder_status
start_key(
    ldr_deriver *d, const larder_batch *batch, size_t row, larder_error *err)
{
    const ldr_deriving *plan = d->plan;
    const larder_column *columns[LDR_VIEW_KEYS_MAX];
    size_t n = plan->view->n_keys;
    larder_error ignored = {0};
    bool null = false;
    larder_status rc;

    for (size_t k = 0; k < n; k++)
        columns[k] = &batch->columns[plan->key_places[k]];
    ldr_key_start(&d->key, plan->entity_set);
    rc = ldr_key_encode(&d->key, columns, n, row, &null, &ignored);
    d->found = false;
    d->too_many = false;
    d->state = null ? NULL_KEY : A_KEY;
    if (rc == LARDER_LIMIT) { /* too long for any store: counted, not lost */
        d->state = LONG_KEY;
        return LARDER_OK;
    }
    if (rc != LARDER_OK) {
        if (err != NULL)
            *err = ignored;
        return rc;
    }
    ldr_gathering_start(d->gathering);
    d->until = d->horizon->of(d->horizon, &d->key);
    return LARDER_OK;
}

/* The first row that counts is the newest, unless one tied with it is greater.
 */
static larder_status
settle(ldr_deriver *d, const larder_batch *batch, size_t row, larder_error *err)
{
    const ldr_deriving *plan = d->plan;
    int order = 1;
    larder_status rc = LARDER_OK;

    if (d->found) {
        for (size_t f = 0; f < plan->view->n_features; f++)
            d->lent[f] = batch->columns[plan->tie_places[f]];
        LARDER_TRY(ldr_asof_order(&plan->tie_layout, d->lent, row,
            d->is_kept ? d->kept : d->lent, d->is_kept ? 0 : d->winner, &order,
            err));
    }
    if (order > 0) {
        d->is_kept = false;
        d->winner = row;
    }
out:
    return rc;
}

/* The batch with the winner goes, or the winner is wanted by itself. */
static larder_status
keep_winner(ldr_deriver *d, const larder_batch *batch, bool plain_only,
    larder_error *err)
{
    const ldr_deriving *plan = d->plan;
    size_t n = plain_only ? plan->n_plain : plan->view->n_features;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < n && !d->is_kept; i++) {
        size_t f = plain_only ? plan->plain[i] : i;

        ldr_column_clear(&d->kept[f]);
        LARDER_TRY(ldr_column_copy(&d->kept[f],
            &batch->columns[plan->tie_places[f]], d->winner, 1, err));
    }
    d->is_kept = true;
out:
    return rc;
}

static larder_status
gather_event(
    ldr_deriver *d, const larder_batch *batch, size_t row, larder_error *err)
{
    const ldr_view *view = d->plan->view;
    larder_batch narrow = {.schema = &d->plan->narrow,
        .n_rows = batch->n_rows,
        .columns = batch->columns};
    size_t limit = view->max_window_events;

    if (view->source->has_replace_on)
        limit *= VERSIONS_MAX;
    if (d->too_many)
        return LARDER_OK;
    if (ldr_gathering_count(d->gathering) == limit) {
        d->too_many = true;
        return LARDER_OK;
    }
    return ldr_gathering_add(d->gathering, &narrow, view->n_keys, row, err);
}

static larder_status
take_row(
    ldr_deriver *d, const larder_batch *batch, size_t row, larder_error *err)
{
    const larder_column *columns = &batch->columns[d->plan->view->n_keys];
    larder_time event = ldr_column_integer(&columns[0], row);
    int64_t created = ldr_column_is_null(&columns[1], row)
                          ? LDR_NO_CREATED
                          : ldr_column_integer(&columns[1], row);
    larder_status rc = LARDER_OK;

    if (event > d->until)
        return LARDER_OK;
    if (!d->found || (event == d->newest && created == d->created))
        LARDER_TRY(settle(d, batch, row, err));
    if (!d->found) {
        d->found = true;
        d->newest = event;
        d->created = created;
    }
    if (event == d->newest ||
        event > ldr_time_minus(d->newest, d->plan->events.span_us))
        LARDER_TRY(gather_event(d, batch, row, err));
out:
    return rc;
}

/* -------------------------------------------------------------- its bytes */

/* Lists of one row each, of the events' columns as they lie; or all null. */
static void
lend_lists(ldr_deriver *d, const ldr_events *events)
{
    size_t n_lists = d->plan->n_stored - d->plan->n_plain;

    for (size_t i = 0; i < n_lists; i++) {
        larder_column *list = &d->lists[i];

        *list =
            (larder_column){.type = d->plan->stored[d->plan->n_plain + i].type,
                .n_rows = 1,
                .offsets = d->offsets[i]};
        if (events == NULL) {
            list->n_nulls = 1;
            list->valid = &d->no_bit;
            d->offsets[i][0] = d->offsets[i][1] = 0;
            continue;
        }
        list->items = &events->batch->columns[i];
        d->offsets[i][0] = (int64_t)events->begin;
        d->offsets[i][1] = (int64_t)events->end;
    }
}

static larder_status
add_row(ldr_deriver *d, ldr_chunk *chunk, larder_error *err)
{
    return ldr_chunk_add(chunk, &d->plan->layout, &d->key, d->newest,
        d->created, d->columns, 0, err);
}

static larder_status
encode_row(ldr_deriver *d, ldr_chunk *chunk, larder_error *err)
{
    ldr_events events = {0};
    larder_error ignored = {0};
    larder_status rc = LARDER_LIMIT;

    if (!d->too_many) {
        LARDER_TRY(
            ldr_gathering_finish(d->gathering, LARDER_TIME_MAX, &events, err));
        d->too_many =
            events.end - events.begin > d->plan->view->max_window_events;
    }
    rc = LARDER_LIMIT;
    if (!d->too_many) {
        lend_lists(d, &events);
        rc = add_row(d, chunk, &ignored);
    }
    if (rc == LARDER_LIMIT) { /* too many, or too long for any row */
        lend_lists(d, NULL);
        return add_row(d, chunk, err);
    }
    if (rc != LARDER_OK && err != NULL)
        *err = ignored;
out:
    return rc;
}

static larder_status
end_key(ldr_deriver *d, const larder_batch *batch, ldr_chunk *chunk,
    larder_error *err)
{
    const ldr_view *view = d->plan->view;
    int was = (int)d->state;
    larder_status rc;

    d->state = NO_KEY;
    if (was == NO_KEY || (was == A_KEY && !d->found))
        return LARDER_OK;
    d->tally.keys++;
    d->tally.null_key += was == NULL_KEY;
    d->tally.out_of_range += was == LONG_KEY;
    if (was != A_KEY)
        return LARDER_OK;
    if (d->newest > d->tally.newest_event)
        d->tally.newest_event = d->newest;
    d->tally.expired +=
        view->has_ttl && ldr_ttl_passed(d->newest, d->now, view->ttl_us);
    LARDER_TRY(keep_winner(d, batch, true, err));
    LARDER_TRY(encode_row(d, chunk, err));
out:
    return rc;
}

/* ----------------------------------------------------------------- a scan */

static bool
same_key(const larder_batch *a, size_t row_a, const larder_batch *b,
    size_t row_b, size_t n_keys)
{
    for (size_t k = 0; k < n_keys; k++) {
        larder_value x = larder_column_value(&a->columns[k], row_a);
        larder_value y = larder_column_value(&b->columns[k], row_b);

        if (!ldr_value_same(&x, &y))
            return false;
    }
    return true;
}

/* Does another key begin here than that of the row before? */
static bool
begins_key(const ldr_deriver *d, const larder_batch *batch, size_t row)
{
    size_t n = d->plan->view->n_keys;

    if (d->state == NO_KEY)
        return true;
    return row > 0 ? !same_key(batch, row - 1, batch, row, n)
                   : !same_key(&d->last, 0, batch, row, n);
}

static larder_status
remember_last(ldr_deriver *d, const larder_batch *batch, larder_error *err)
{
    larder_status rc = LARDER_OK;

    larder_batch_clear(&d->last);
    for (size_t k = 0; k < d->plan->view->n_keys; k++)
        LARDER_TRY(ldr_column_copy(&d->last.columns[k], &batch->columns[k],
            batch->n_rows - 1, 1, err));
    d->last.n_rows = 1;
out:
    return rc;
}

static void
count_created(ldr_deriver *d, const larder_batch *batch, size_t row)
{
    const larder_column *created = &batch->columns[d->plan->view->n_keys + 1];

    if (!ldr_column_is_null(created, row) &&
        ldr_column_integer(created, row) > d->tally.newest_created)
        d->tally.newest_created = ldr_column_integer(created, row);
}

larder_status
ldr_deriver_take(ldr_deriver *d, const larder_batch *batch, ldr_chunk *chunk,
    larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t row = 0; row < batch->n_rows; row++) {
        if (begins_key(d, batch, row)) {
            LARDER_TRY(end_key(d, batch, chunk, err));
            LARDER_TRY(start_key(d, batch, row, err));
        }
        count_created(d, batch, row);
        if (d->state == A_KEY)
            LARDER_TRY(take_row(d, batch, row, err));
    }
    LARDER_TRY(remember_last(d, batch, err));
    if (d->state == A_KEY && d->found)
        LARDER_TRY(keep_winner(d, batch, false, err));
out:
    return rc;
}

larder_status
ldr_deriver_end(ldr_deriver *d, ldr_chunk *chunk, larder_error *err)
{
    larder_status rc = end_key(d, NULL, chunk, err); /* all of it is kept */

    larder_batch_clear(&d->last);
    return rc;
}
