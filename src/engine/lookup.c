/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup.c - online reads: keys in, newest features out.
 *
 * Views keyed by the same columns form a group, so that one entity's rows of
 * all of them come in one range of the store. What the store hands over is
 * copied and decoded afterwards in the order of the keys: stores answer in any
 * order, and an answer's text columns grow only at their end.
 */
#include "engine/lookup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/key.h"
#include "data/row.h"
#include "data/schema.h"
#include "engine/asof.h"
#include "engine/runs.h"

/* How old the ledger's word may be: far less than builds outlive a switch. */
#define POSITION_AGE_US LDR_SECOND
#define GENERATIONS_BACK 1000u /* to find the definition of an old build */
#define KEYS_MAX 100000u       /* of one read */

typedef struct group {
    uint32_t entity_set;
    size_t n_keys;
    const char *const *names; /* of its key columns, in join key order */
    size_t columns[LDR_VIEW_KEYS_MAX]; /* where they are among plan->keys */
    size_t *views;                     /* its views, by table id */
    larder_table_id *tables;           /* the same order */
    size_t n_views;
} group;

typedef struct source_view {
    const ldr_plan_view *plan;
    ldr_snapshot *made_by;  /* NULL: the plan's own */
    const ldr_view *stored; /* the view as its build was written */
    ldr_row_layout layout;
    ldr_build build;
    /* Whose rows answer: its own, or those of the same view under another name
     * with the same keys. */
    size_t rows_of;
} source_view;

typedef struct slot {
    size_t view, column; /* in the stored row */
    bool has_default;
    larder_column fallback; /* one row: the default */
} slot;

struct larder_reader {
    ldr_online *online;
    ldr_records *records;
    const char *project;
    ldr_plan plan;
    ldr_arena arena;
    bool at_time;
    source_view *views;
    group *groups;
    size_t n_groups;
    slot *slots;
    int64_t positions_read; /* on the call's monotonic clock */
    bool positions_known;
    ldr_watch watch;
    const char **names; /* of the views, each once */
    size_t n_names;
    /* Used again by every read. */
    larder_want *wants;
    size_t room_wants;
    ldr_buffer keys, rows;
    size_t *key_at; /* per want; one more for the end */
    struct found_row {
        size_t at, size;   /* in rows; size 0: not found */
        larder_time event; /* LARDER_TIME_MIN where not found */
    } * found;             /* per key row and view */
    size_t room_found;
};

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for the read");
}

/* ------------------------------------------------------------------ builds */

static larder_status
not_materialized(const ldr_view *view, larder_error *err)
{
    larder_fail(err, LARDER_NOT_FOUND,
        "feature view '%s' is not materialized yet", view->about.name);
    larder_hint(err, "run 'larder materialize -V %s'", view->about.name);
    return LARDER_NOT_FOUND;
}

static bool
keyed_alike(const ldr_view *a, const ldr_view *b)
{
    return a->n_keys == b->n_keys && ldr_entity_set_id(a->keys, a->n_keys) ==
                                         ldr_entity_set_id(b->keys, b->n_keys);
}

/* The definition a build was written with, from the generations before. */
static larder_status
find_definition(const larder_reader *r, const larder_call *call,
    const ldr_view *view, const char *hash, ldr_snapshot **made_by,
    const ldr_view **stored, larder_error *err)
{
    uint64_t newest = r->plan.snapshot->generation;
    larder_status rc = LARDER_OK;

    for (uint64_t back = 1; back < newest && back < GENERATIONS_BACK; back++) {
        ldr_snapshot *snapshot = NULL;
        const ldr_view *old;
        char old_hash[33];

        LARDER_TRY(ldr_snapshot_of_registry(
            r->records, call, r->project, newest - back, &snapshot, err));
        old = ldr_find_view(&snapshot->all, view->about.name);
        if (old != NULL && ldr_view_hash(old, old_hash, err) == LARDER_OK &&
            strcmp(old_hash, hash) == 0 && keyed_alike(old, view)) {
            *made_by = snapshot;
            *stored = old;
            return LARDER_OK;
        }
        ldr_snapshot_drop(snapshot);
    }
    rc = not_materialized(view, err);
out:
    return rc;
}

static larder_status
lay_out(larder_reader *r, source_view *v, larder_error *err)
{
    const ldr_view *view = v->stored;
    larder_type *types =
        ldr_arena_array(&r->arena, view->n_features + 1, sizeof *types);

    if (types == NULL)
        return no_memory(err);
    for (size_t i = 0; i < view->n_features; i++)
        types[i] = view->features[i].type;
    return ldr_row_layout_init(
        &v->layout, types, view->n_features, &r->arena, err);
}

/* Features of the view as it is now, found in rows as they were written. */
static larder_status
place_slots(larder_reader *r, size_t view, larder_error *err)
{
    const source_view *v = &r->views[view];

    for (size_t f = 0; f < r->plan.n_features; f++) {
        const ldr_plan_feature *asked = &r->plan.features[f];
        const ldr_feature *feature, *old = NULL;

        if (asked->view != view)
            continue;
        feature = &v->plan->view->features[asked->feature];
        for (size_t i = 0; i < v->stored->n_features && old == NULL; i++)
            if (strcmp(v->stored->features[i].from, feature->from) == 0 &&
                v->stored->features[i].type == feature->type)
                old = &v->stored->features[i];
        if (old == NULL) {
            larder_fail(err, LARDER_NOT_FOUND,
                "feature '%s' is not materialized yet", asked->ref);
            larder_hint(err, "run 'larder materialize -V %s'",
                v->plan->view->about.name);
            return LARDER_NOT_FOUND;
        }
        r->slots[f].view = view;
        r->slots[f].column = (size_t)(old - v->stored->features);
    }
    return LARDER_OK;
}

/* The view's rows are in another build now, or for the first time in one. */
static larder_status
use_build(larder_reader *r, const larder_call *call, size_t view,
    const ldr_build *build, larder_error *err)
{
    source_view *v = &r->views[view];
    ldr_snapshot *made_by = NULL;
    const ldr_view *stored = v->plan->view;
    larder_status rc = LARDER_OK;

    if (strcmp(build->hash, v->plan->hash) != 0)
        LARDER_TRY(find_definition(
            r, call, v->plan->view, build->hash, &made_by, &stored, err));
    ldr_snapshot_drop(v->made_by);
    v->made_by = made_by;
    v->stored = stored;
    v->build = *build;
    LARDER_TRY(lay_out(r, v, err));
    LARDER_TRY(place_slots(r, view, err));
out:
    return rc;
}

/* Tables of a group in ascending order, each knowing its view. */
static void
sort_tables(larder_reader *r, group *g)
{
    for (size_t i = 0; i < g->n_views; i++) {
        size_t view = g->views[i], at = i;
        const source_view *v = &r->views[view];
        larder_table_id id = ldr_view_table(r->project,
            v->plan->view->about.name, v->build.hash, v->build.number);

        while (at > 0 && memcmp(&g->tables[at - 1], &id, sizeof id) > 0) {
            g->tables[at] = g->tables[at - 1];
            g->views[at] = g->views[at - 1];
            at--;
        }
        g->tables[at] = id;
        g->views[at] = view;
    }
}

static bool
same_build(const ldr_build *a, const ldr_build *b)
{
    return a->number == b->number && strcmp(a->hash, b->hash) == 0;
}

/* A view may be read under several names: its position is read once. */
static size_t
first_reading(const larder_reader *r, size_t view)
{
    size_t i = 0;

    while (r->plan.views[i].view != r->plan.views[view].view)
        i++;
    return i;
}

static size_t
place_of_position(const larder_reader *r, size_t view)
{
    size_t first = first_reading(r, view), place = 0;

    for (size_t i = 0; i < first; i++)
        place += first_reading(r, i) == i;
    return place;
}

static larder_status
watch_positions(larder_reader *r, larder_error *err)
{
    size_t n = r->plan.n_views;

    r->names = ldr_arena_array(&r->arena, n + 1, sizeof *r->names);
    if (r->names == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++)
        if (first_reading(r, i) == i)
            r->names[r->n_names++] = r->plan.views[i].view->about.name;
    return ldr_watch_init(
        &r->watch, r->project, r->names, r->n_names, &r->arena, err);
}

static larder_status
read_positions(larder_reader *r, const larder_call *call, larder_error *err)
{
    size_t n = r->plan.n_views;
    ldr_position *positions = calloc(n + 1, sizeof *positions);
    bool moved = !r->positions_known;
    larder_status rc;

    if (positions == NULL)
        return no_memory(err);
    LARDER_TRY(ldr_positions_read(
        r->online, call, r->project, r->names, r->n_names, positions, err));
    for (size_t i = 0; i < n; i++) {
        const ldr_build *read = &positions[place_of_position(r, i)].read;

        if (read->hash[0] == '\0')
            LARDER_TRY(not_materialized(r->plan.views[i].view, err));
        if (same_build(read, &r->views[i].build))
            continue;
        LARDER_TRY(use_build(r, call, i, read, err));
        moved = true;
    }
    for (size_t g = 0; moved && g < r->n_groups; g++)
        sort_tables(r, &r->groups[g]);
    r->positions_known = true;
out:
    if (rc != LARDER_OK)
        r->positions_known = false;
    free(positions);
    return rc;
}

static larder_status
fresh_positions(larder_reader *r, const larder_call *call, larder_error *err)
{
    int64_t now = call->monotonic == NULL ? 0 : call->monotonic();
    bool moved = false;
    larder_status rc;

    if (r->positions_known && call->monotonic != NULL &&
        now - r->positions_read < POSITION_AGE_US)
        return LARDER_OK;
    /* Looked at before they are read: what moves between is seen next time. */
    rc = ldr_watch_look(&r->watch, r->online, call, &moved, err);
    if (rc == LARDER_OK && (moved || !r->positions_known))
        rc = read_positions(r, call, err);
    r->positions_read = now;
    return rc;
}

/* -------------------------------------------------------------- preparation */

static bool
in_group(const group *g, const ldr_plan_view *pv, uint32_t entity_set)
{
    if (g->entity_set != entity_set || g->n_keys != pv->view->n_keys)
        return false;
    for (size_t k = 0; k < g->n_keys; k++)
        if (strcmp(g->names[k], pv->key_columns[k]) != 0)
            return false;
    return true;
}

static larder_status
join_group(larder_reader *r, size_t view, larder_error *err)
{
    const ldr_plan_view *pv = &r->plan.views[view];
    uint32_t entity_set = ldr_entity_set_id(pv->view->keys, pv->view->n_keys);
    size_t n = r->plan.n_views;
    group *g = NULL;

    for (size_t i = 0; i < r->n_groups && g == NULL; i++)
        if (in_group(&r->groups[i], pv, entity_set))
            g = &r->groups[i];
    if (g == NULL) {
        g = &r->groups[r->n_groups++];
        *g = (group){.entity_set = entity_set,
            .n_keys = pv->view->n_keys,
            .names = pv->key_columns};
        g->views = ldr_arena_array(&r->arena, n + 1, sizeof *g->views);
        g->tables = ldr_arena_array(&r->arena, n + 1, sizeof *g->tables);
        if (g->views == NULL || g->tables == NULL)
            return no_memory(err);
        for (size_t k = 0; k < g->n_keys; k++)
            g->columns[k] = ldr_schema_find(&r->plan.keys, g->names[k]);
    }
    r->views[view].rows_of = view;
    for (size_t i = 0; i < g->n_views; i++)
        if (r->plan.views[g->views[i]].view == pv->view)
            r->views[view].rows_of = g->views[i];
    if (r->views[view].rows_of == view)
        g->views[g->n_views++] = view;
    return LARDER_OK;
}

static larder_status
read_default(slot *s, const ldr_feature *feature, larder_error *err)
{
    larder_status rc;

    if (feature->default_text == NULL)
        return LARDER_OK;
    LARDER_TRY(ldr_column_init(&s->fallback, feature->type, err));
    LARDER_TRY(larder_value_parse(&s->fallback,
        (larder_bytes){feature->default_text, strlen(feature->default_text)}, 0,
        err));
    s->has_default = true;
out:
    return rc;
}

static larder_status
prepare(larder_reader *r, const larder_call *call, larder_error *err)
{
    size_t n = r->plan.n_views;
    larder_status rc;

    r->views = ldr_arena_array(&r->arena, n + 1, sizeof *r->views);
    r->groups = ldr_arena_array(&r->arena, n + 1, sizeof *r->groups);
    r->slots =
        ldr_arena_array(&r->arena, r->plan.n_features + 1, sizeof *r->slots);
    if (r->views == NULL || r->groups == NULL || r->slots == NULL)
        return no_memory(err);
    for (size_t v = 0; v < n; v++) {
        if (!r->plan.views[v].view->online) {
            rc = larder_fail(err, LARDER_INVALID,
                "feature view '%s' says 'online: false': join reads it, get "
                "can not",
                r->plan.views[v].view->about.name);
            goto out;
        }
        r->views[v].plan = &r->plan.views[v];
        LARDER_TRY(join_group(r, v, err));
    }
    for (size_t f = 0; f < r->plan.n_features; f++) {
        const ldr_plan_feature *asked = &r->plan.features[f];

        LARDER_TRY(read_default(&r->slots[f],
            &r->plan.views[asked->view].view->features[asked->feature], err));
    }
    LARDER_TRY(watch_positions(r, err));
    rc = fresh_positions(r, call, err);
out:
    return rc;
}

larder_status
ldr_lookup_open(ldr_online *online, ldr_records *records, const char *project,
    ldr_plan *plan, bool at_time, const larder_call *call, larder_reader **out,
    larder_error *err)
{
    larder_reader *r = calloc(1, sizeof *r);
    larder_status rc;

    if (r == NULL) {
        ldr_plan_release(plan);
        return no_memory(err);
    }
    r->plan = *plan;
    *plan = (ldr_plan){0};
    r->online = online;
    r->records = records;
    r->project = project;
    r->at_time = at_time;
    rc = prepare(r, call, err);
    if (rc != LARDER_OK) {
        larder_reader_close(r);
        return rc;
    }
    *out = r;
    return LARDER_OK;
}

void
larder_reader_close(larder_reader *r)
{
    if (r == NULL)
        return;
    for (size_t v = 0; r->views != NULL && v < r->plan.n_views; v++)
        ldr_snapshot_drop(r->views[v].made_by);
    for (size_t f = 0; r->slots != NULL && f < r->plan.n_features; f++)
        ldr_column_release(&r->slots[f].fallback);
    free(r->wants);
    free(r->key_at);
    free(r->found);
    ldr_buffer_free(&r->keys);
    ldr_buffer_free(&r->rows);
    ldr_plan_release(&r->plan);
    ldr_arena_free(&r->arena);
    free(r);
}

const larder_schema *
larder_reader_keys(const larder_reader *reader)
{
    return &reader->plan.keys;
}

const larder_schema *
larder_reader_features(const larder_reader *reader)
{
    return &reader->plan.outputs;
}

uint64_t
larder_reader_generation(const larder_reader *reader)
{
    return reader->plan.snapshot->generation;
}

/* ------------------------------------------------------------------- a read */

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
        struct found_row *f = realloc(r->found, found * sizeof *f);

        if (f == NULL)
            return no_memory(err);
        r->found = f;
        r->room_found = found;
    }
    for (size_t i = 0; i < found; i++)
        r->found[i] = (struct found_row){.event = LARDER_TIME_MIN};
    r->rows.size = 0;
    r->keys.size = 0;
    return LARDER_OK;
}

/* Are these the columns larder_reader_keys() promised, and whole? */
static larder_status
check_columns(
    const larder_reader *r, const larder_batch *keys, larder_error *err)
{
    const larder_schema *wanted = &r->plan.keys, *given = keys->schema;

    if (given->n_fields != wanted->n_fields)
        return larder_fail(err, LARDER_INVALID,
            "the keys have %zu columns, not %zu", given->n_fields,
            wanted->n_fields);
    for (size_t i = 0; i < wanted->n_fields; i++) {
        const larder_field *want = &wanted->fields[i];
        const larder_field *have = &given->fields[i];

        if (have->type != want->type || strcmp(have->name, want->name) != 0)
            return larder_fail(err, LARDER_INVALID,
                "key column %zu is '%s' (%s), not '%s' (%s)", i + 1, have->name,
                larder_type_name(have->type), want->name,
                larder_type_name(want->type));
        if (keys->columns[i].n_rows != keys->n_rows)
            return larder_fail(err, LARDER_INVALID,
                "key column '%s' has %zu rows, the keys have %zu", want->name,
                keys->columns[i].n_rows, keys->n_rows);
    }
    return LARDER_OK;
}

static larder_status
null_part(const larder_reader *r, const group *g, const larder_batch *keys,
    size_t row, larder_error *err)
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
            const group *g = &r->groups[i];
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
        const group *g = &r->groups[i % r->n_groups];

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
    const group *g = &r->groups[want % r->n_groups];
    size_t view = g->views[table];
    struct found_row *at = &r->found[key_row * r->plan.n_views + view];
    larder_status rc;

    LARDER_TRY(
        ldr_row_check(&r->views[view].layout, r->wants[want].key, row, err));
    LARDER_TRY(ldr_buffer_reserve(&r->rows, row.size, err));
    memcpy(r->rows.data + r->rows.size, row.data, row.size);
    *at = (struct found_row){r->rows.size, row.size, ldr_row_event(row)};
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

    if (answer->values.columns != NULL &&
        answer->values.schema != &r->plan.outputs)
        larder_batch_release(&answer->values);
    fresh = answer->values.columns == NULL;
    if (fresh)
        LARDER_TRY(larder_batch_init(&answer->values, &r->plan.outputs, err));
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
append_missing(const slot *s, larder_column *column, larder_error *err)
{
    if (s->has_default)
        return ldr_column_copy(column, &s->fallback, 0, 1, err);
    return larder_column_append_null(column, err);
}

/* One cell; presence by ttl and null, decided nowhere else. */
static larder_status
append_cell(const larder_reader *r, size_t f, larder_bytes row, bool expired,
    larder_column *column, uint8_t *presence, larder_error *err)
{
    const slot *s = &r->slots[f];

    if (row.size == 0) {
        *presence = LARDER_NOT_FOUND_KEY;
        return append_missing(s, column, err);
    }
    if (expired) {
        *presence = LARDER_OUTSIDE_MAX_AGE;
        return larder_column_append_null(column, err);
    }
    if (!ldr_row_has(row, s->column)) {
        *presence = LARDER_NULL_VALUE;
        return append_missing(s, column, err);
    }
    *presence = LARDER_PRESENT;
    return ldr_row_read(&r->views[s->view].layout, row, s->column, column, err);
}

/* Empty where nothing was found. */
static larder_bytes
found_bytes(const larder_reader *r, const struct found_row *at)
{
    if (at->size == 0)
        return (larder_bytes){0};
    return (larder_bytes){r->rows.data + at->at, at->size};
}

static larder_status
answer_column(const larder_reader *r, size_t f, size_t n_rows, larder_time now,
    larder_answer *answer, larder_error *err)
{
    const slot *s = &r->slots[f];
    const ldr_view *view = r->plan.views[s->view].view;
    larder_column *column = &answer->values.columns[f];
    size_t rows_of = r->views[s->view].rows_of;
    larder_time edge =
        view->has_ttl ? ldr_ttl_edge(now, view->ttl_us) : LARDER_TIME_MIN;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < n_rows; i++) {
        const struct found_row *at = &r->found[i * r->plan.n_views + rows_of];
        larder_bytes row = found_bytes(r, at);

        if (r->at_time && at->size != 0 && at->event > now)
            LARDER_TRY(row_from_later(r, s->view, i, at->event, now, err));
        answer->event_times[f * n_rows + i] = at->event;
        LARDER_TRY(append_cell(r, f, row, at->event < edge, column,
            &answer->presence[f * n_rows + i], err));
    }
out:
    return rc;
}

larder_status
larder_reader_get(larder_reader *r, const larder_call *call,
    const larder_batch *keys, larder_answer *answer, larder_error *err)
{
    collecting c = {.found = {collect}, .reader = r};
    larder_status rc;

    if (keys->n_rows > KEYS_MAX)
        return larder_fail(err, LARDER_LIMIT,
            "%zu keys in one read are more than %u (max_keys)", keys->n_rows,
            KEYS_MAX);
    LARDER_TRY(check_columns(r, keys, err));
    LARDER_TRY(larder_call_check(call, err));
    LARDER_TRY(fresh_positions(r, call, err));
    LARDER_TRY(make_room(r, keys->n_rows, err));
    LARDER_TRY(encode_keys(r, keys, err));
    LARDER_TRY(ldr_online_get(
        r->online, call, r->wants, keys->n_rows * r->n_groups, &c.found, err));
    LARDER_TRY(answer_room(answer, r, keys->n_rows, err));
    for (size_t f = 0; f < r->plan.n_features; f++)
        LARDER_TRY(answer_column(r, f, keys->n_rows, call->now, answer, err));
    answer->values.n_rows = keys->n_rows;
out:
    return rc;
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
