/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.c - online reads: keys in, newest features out.
 *
 * Keys are encoded, each entity's tables fetched in one call, ttl judged at
 * `now` and slots copied into the caller's answer, without allocating after the
 * first call. What the store hands over is copied and decoded afterwards in the
 * order of the keys: stores answer in any order, and an answer's text columns
 * grow only at their end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/key.h"
#include "data/row.h"
#include "engine/asof.h"
#include "engine/computed.h"
#include "engine/reader.h"

#define READ_TRIES 4u
#define KEYS_MAX 100000u /* of one read */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for the read");
}

/* ----------------------------------------------------------------- the keys */

static larder_status
make_room(larder_reader *r, size_t n_rows, larder_error *err)
{
    size_t wants = n_rows * r->n_groups, found = n_rows * r->plan.n_views;

    if (wants > r->room_wants || r->key_at == NULL) {
        larder_want *w = realloc(r->wants, (wants + 1) * sizeof *w);
        size_t *k;

        if (w == NULL)
            return no_memory(err);
        r->wants = w;
        k = realloc(r->key_at, (wants + 1) * sizeof *k);
        if (k == NULL)
            return no_memory(err);
        r->key_at = k;
        r->room_wants = wants;
    }
    if (found > r->room_found) {
        struct ldr_found_row *f = realloc(r->found, found * sizeof *f);

        if (f == NULL)
            return no_memory(err);
        r->found = f;
        r->room_found = found;
    }
    for (size_t i = 0; i < found; i++)
        r->found[i] = (struct ldr_found_row){.event = LARDER_NO_TIME};
    r->rows.size = 0;
    r->keys.size = 0;
    return LARDER_OK;
}

/* Columns [first, first + wanted->n_fields) of the keys. */
static larder_status
check_part(const larder_batch *keys, size_t first, const larder_schema *wanted,
    const char *kind, larder_error *err)
{
    for (size_t i = 0; i < wanted->n_fields; i++) {
        const larder_field *want = &wanted->fields[i];
        const larder_field *have = &keys->schema->fields[first + i];

        if (have->type != want->type || strcmp(have->name, want->name) != 0)
            return larder_fail(err, LARDER_INVALID,
                "%s column %zu is '%s' (%s), not '%s' (%s)", kind, i + 1,
                have->name, larder_type_name(have->type), want->name,
                larder_type_name(want->type));
        if (keys->columns[first + i].n_rows != keys->n_rows)
            return larder_fail(err, LARDER_INVALID,
                "%s column '%s' has %zu rows, the keys have %zu", kind,
                want->name, keys->columns[first + i].n_rows, keys->n_rows);
    }
    return LARDER_OK;
}

/* Are these the columns larder_reader_keys() and larder_reader_requests()
 * promised, and whole? */
static larder_status
check_columns(
    const larder_reader *r, const larder_batch *keys, larder_error *err)
{
    size_t n_keys = r->plan.keys.n_fields;
    size_t n_requests = r->plan.requests.n_fields;
    larder_status rc;

    if (keys->schema->n_fields != n_keys + n_requests) {
        rc = larder_fail(err, LARDER_INVALID,
            "the keys have %zu columns, not %zu", keys->schema->n_fields,
            n_keys + n_requests);
        if (n_requests > 0)
            larder_hint(err, "%zu of them are request columns", n_requests);
        goto out;
    }
    LARDER_TRY(check_part(keys, 0, &r->plan.keys, "key", err));
    LARDER_TRY(check_part(keys, n_keys, &r->plan.requests, "request", err));
out:
    return rc;
}

static larder_status
null_part(const larder_reader *r, const ldr_reader_group *g,
    const larder_batch *keys, size_t row, larder_error *err)
{
    const char *name = "";

    for (size_t k = 0; k < g->n_keys; k++)
        if (ldr_column_is_null(&keys->columns[g->columns[k]], row))
            name = r->plan.keys.fields[g->columns[k]].name;
    return larder_fail(err, LARDER_INVALID,
        "key row %zu has no '%s': every part of a key is needed", row + 1,
        name);
}

static larder_status
encode_keys(larder_reader *r, const larder_batch *keys, larder_error *err)
{
    size_t want = 0;
    larder_status rc = LARDER_OK;

    for (size_t row = 0; row < keys->n_rows; row++) {
        for (size_t i = 0; i < r->n_groups; i++) {
            const ldr_reader_group *g = &r->groups[i];
            const larder_column *columns[LDR_VIEW_KEYS_MAX];
            ldr_key key;
            bool null = false;

            for (size_t k = 0; k < g->n_keys; k++)
                columns[k] = &keys->columns[g->columns[k]];
            ldr_key_start(&key, g->entity_set);
            rc = ldr_key_encode(&key, columns, g->n_keys, row, &null, err);
            if (rc != LARDER_OK)
                larder_context(err, "key row %zu", row + 1);
            LARDER_TRY(rc);
            if (null)
                LARDER_TRY(null_part(r, g, keys, row, err));
            LARDER_TRY(ldr_buffer_reserve(&r->keys, key.size, err));
            memcpy(r->keys.data + r->keys.size, key.bytes, key.size);
            r->key_at[want++] = r->keys.size;
            r->keys.size += key.size;
        }
    }
    r->key_at[want] = r->keys.size;
    for (size_t i = 0; i < want; i++) {
        const ldr_reader_group *g = &r->groups[i % r->n_groups];

        r->wants[i] = (larder_want){.key = {r->keys.data + r->key_at[i],
                                        r->key_at[i + 1] - r->key_at[i]},
            .tables = g->tables,
            .n_tables = g->n_views};
    }
out:
    return rc;
}

typedef struct collecting {
    larder_found found;
    larder_reader *reader;
} collecting;

static larder_status
collect(larder_found *self, size_t want, size_t table, larder_bytes row,
    larder_error *err)
{
    larder_reader *r = ((collecting *)self)->reader;
    size_t key_row = want / r->n_groups;
    const ldr_reader_group *g = &r->groups[want % r->n_groups];
    size_t view = g->views[table];
    struct ldr_found_row *at = &r->found[key_row * r->plan.n_views + view];
    larder_status rc;

    LARDER_TRY(
        ldr_row_check(&r->views[view].layout, r->wants[want].key, row, err));
    LARDER_TRY(ldr_buffer_reserve(&r->rows, row.size, err));
    memcpy(r->rows.data + r->rows.size, row.data, row.size);
    *at = (struct ldr_found_row){r->rows.size, row.size, ldr_row_event(row)};
    r->rows.size += row.size;
out:
    if (rc != LARDER_OK)
        larder_context(err, "feature view '%s', key row %zu",
            r->plan.views[view].view->about.name, key_row + 1);
    return rc;
}

/* --------------------------------------------------------------- the answer */

static larder_status
answer_room(larder_answer *answer, const larder_reader *r, size_t n_rows,
    larder_error *err)
{
    size_t cells = n_rows * r->plan.n_features;
    larder_status rc = LARDER_OK;
    bool fresh;

    if (answer->values.columns != NULL && answer->values.schema != r->outputs)
        larder_batch_release(&answer->values);
    fresh = answer->values.columns == NULL;
    if (fresh)
        LARDER_TRY(larder_batch_init(&answer->values, r->outputs, err));
    larder_batch_clear(&answer->values);
    /* Nulls too have their room from the first read on. */
    for (size_t f = 0; f < r->plan.n_features; f++)
        if (fresh || cells > answer->room_cells)
            LARDER_TRY(larder_column_reserve(
                &answer->values.columns[f], n_rows, 0, err));
    if (cells > answer->room_cells) {
        uint8_t *presence = realloc(answer->presence, cells);
        larder_time *times;

        if (presence == NULL)
            return no_memory(err);
        answer->presence = presence;
        times = realloc(answer->event_times, cells * sizeof *times);
        if (times == NULL)
            return no_memory(err);
        answer->event_times = times;
        answer->room_cells = cells;
    }
out:
    return rc;
}

/* The same of what only expressions ask for. */
static larder_status
hidden_room(larder_reader *r, size_t n_rows, larder_error *err)
{
    larder_status rc = LARDER_OK;

    larder_batch_clear(&r->hidden);
    if (n_rows <= r->room_hidden)
        return LARDER_OK;
    for (size_t i = 0; i < r->hidden.schema->n_fields; i++)
        LARDER_TRY(
            larder_column_reserve(&r->hidden.columns[i], n_rows, 0, err));
    r->room_hidden = n_rows;
out:
    return rc;
}

void
larder_answer_release(larder_answer *answer)
{
    larder_batch_release(&answer->values);
    free(answer->presence);
    free(answer->event_times);
    *answer = (larder_answer){0};
}

static larder_status
row_from_later(const larder_reader *r, size_t view, size_t row,
    larder_time event, larder_time now, larder_error *err)
{
    char stored[33], asked[33];

    larder_time_print(event, stored);
    larder_time_print(now, asked);
    larder_fail(err, LARDER_INVALID,
        "key row %zu: feature view '%s' has a row of %s, after the %s asked "
        "for",
        row + 1, r->plan.views[view].view->about.name, stored, asked);
    larder_hint(err, "online keeps the newest row only: use join for the past");
    return LARDER_INVALID;
}

static larder_status
append_missing(
    const ldr_reader_slot *slot, larder_column *column, larder_error *err)
{
    if (slot->has_default)
        return ldr_column_copy(column, &slot->fallback, 0, 1, err);
    return larder_column_append_null(column, err);
}

/* One cell; presence by ttl and null, decided nowhere else. */
static larder_status
append_cell(const larder_reader *r, const ldr_reader_slot *slot,
    larder_bytes row, bool expired, larder_column *column, uint8_t *presence,
    larder_error *err)
{
    if (row.size == 0) {
        *presence = LARDER_NOT_FOUND_KEY;
        return append_missing(slot, column, err);
    }
    if (expired) {
        *presence = LARDER_OUTSIDE_MAX_AGE;
        return larder_column_append_null(column, err);
    }
    if (!ldr_row_has(row, slot->column)) {
        *presence = LARDER_NULL_VALUE;
        return append_missing(slot, column, err);
    }
    *presence = LARDER_PRESENT;
    return ldr_row_read(
        &r->views[slot->view].layout, row, slot->column, column, err);
}

/* A feature that rows hold as it is. */
static larder_status
answer_column(larder_reader *r, size_t f, size_t n_rows, larder_time now,
    larder_answer *answer, larder_error *err)
{
    const ldr_reader_slot *slot = &r->slots[f];
    const ldr_view *view = r->plan.views[slot->view].view;
    larder_column *column = ldr_reader_target(r, answer, f);
    larder_time edge =
        view->has_ttl ? ldr_ttl_edge(now, view->ttl_us) : LARDER_TIME_MIN;
    bool asked = f < r->plan.n_features;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < n_rows; i++) {
        const struct ldr_found_row *found = ldr_reader_found(r, i, slot->view);
        uint8_t presence = LARDER_PRESENT;

        LARDER_TRY(append_cell(r, slot, ldr_reader_row(r, found),
            found->event < edge, column, &presence, err));
        if (!asked)
            continue;
        answer->event_times[f * n_rows + i] = found->event;
        answer->presence[f * n_rows + i] = presence;
    }
out:
    return rc;
}

static larder_status
check_moments(
    const larder_reader *r, size_t n_rows, larder_time now, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t v = 0; r->at_time && v < r->plan.n_views; v++)
        for (size_t i = 0; i < n_rows; i++) {
            const struct ldr_found_row *found = ldr_reader_found(r, i, v);

            if (found->size != 0 && found->event > now)
                LARDER_TRY(row_from_later(r, v, i, found->event, now, err));
        }
out:
    return rc;
}

static larder_status
answer_all(larder_reader *r, const larder_batch *keys, larder_time now,
    larder_answer *answer, larder_error *err)
{
    size_t n = keys->n_rows;
    larder_status rc;

    LARDER_TRY(check_moments(r, n, now, err));
    for (size_t f = 0; f < r->plan.n_all; f++)
        if (r->slots[f].column != LDR_NO_COLUMN)
            LARDER_TRY(answer_column(r, f, n, now, answer, err));
    for (size_t v = 0; v < r->plan.n_views; v++)
        LARDER_TRY(ldr_computed_windows(r, v, n, now, answer, err));
    LARDER_TRY(ldr_computed_on_demand(r, keys, now, answer, err));
    answer->values.n_rows = n;
out:
    return rc;
}

/* A store that is too far behind is as one that is not there. */
static larder_status
check_age(const larder_reader *r, larder_time now, larder_error *err)
{
    char until[33], limit[40];

    if (r->until >= ldr_time_minus(now, r->max_age_us))
        return LARDER_OK;
    larder_time_print(r->until, until);
    ldr_duration_print(r->max_age_us, limit);
    return larder_fail(err, LARDER_UNAVAILABLE,
        "online store '%s': materialized up to %s, longer ago than the %s of "
        "max_fallback_age",
        ldr_online_type(r->online), until, limit);
}

/* The rows, by the positions of the very store they are in: one that was lost
 * meanwhile may have come back empty. */
static larder_status
read_rows(larder_reader *r, const larder_call *call, int64_t now,
    const larder_batch *keys, larder_error *err)
{
    collecting c = {.found = {collect}, .reader = r};
    size_t n_wants = keys->n_rows * r->n_groups;
    larder_status rc = LARDER_OK;

    for (unsigned tries = 0; tries < READ_TRIES; tries++) {
        LARDER_TRY(ldr_reader_freshen(r, call, now, err));
        if (r->has_max_age)
            LARDER_TRY(check_age(r, call->now, err));
        LARDER_TRY(make_room(r, keys->n_rows, err));
        LARDER_TRY(encode_keys(r, keys, err));
        if (n_wants > 0)
            LARDER_TRY(ldr_online_get(
                r->online, call, r->wants, n_wants, &c.found, err));
        if (ldr_online_losses(r->online) == r->losses)
            goto out;
    }
    rc = larder_fail(err, LARDER_UNAVAILABLE,
        "online store '%s' comes and goes", ldr_online_type(r->online));
out:
    return rc;
}

larder_status
ldr_reader_get(larder_reader *r, const larder_call *call, int64_t now,
    const larder_batch *keys, larder_answer *answer, larder_error *err)
{
    larder_status rc;

    if (keys->n_rows > KEYS_MAX)
        return larder_fail(err, LARDER_LIMIT,
            "%zu keys in one read are more than %u (max_keys)", keys->n_rows,
            KEYS_MAX);
    LARDER_TRY(check_columns(r, keys, err));
    if (call->cancel != NULL || (call->deadline != 0 && now >= call->deadline))
        LARDER_TRY(larder_call_check(call, err));
    LARDER_TRY(read_rows(r, call, now, keys, err));
    LARDER_TRY(answer_room(answer, r, keys->n_rows, err));
    LARDER_TRY(hidden_room(r, keys->n_rows, err));
    LARDER_TRY(answer_all(r, keys, call->now, answer, err));
out:
    return rc;
}

larder_status
larder_reader_get(larder_reader *r, const larder_call *call,
    const larder_batch *keys, larder_answer *answer, larder_error *err)
{
    if (r->two != NULL)
        return ldr_reader_get_of_two(r, call, keys, answer, err);
    answer->store = NULL;
    answer->fallback = false;
    return ldr_reader_get(r, call,
        call->monotonic == NULL ? 0 : call->monotonic(), keys, answer, err);
}

const char *
larder_presence_name(larder_presence presence)
{
    switch (presence) {
    case LARDER_PRESENT:
        return "PRESENT";
    case LARDER_NULL_VALUE:
        return "NULL_VALUE";
    case LARDER_NOT_FOUND_KEY:
        return "NOT_FOUND";
    case LARDER_OUTSIDE_MAX_AGE:
        return "OUTSIDE_MAX_AGE";
    }
    return "";
}
