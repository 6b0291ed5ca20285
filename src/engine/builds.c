/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builds.c - which build of each view a reader reads, and where in its rows
 * each feature lies.
 *
 * The ledger says which. One that an older definition filled still serves the
 * features it shares with the new one, until the new one's build is whole.
 */
#include "engine/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/key.h"
#include "data/schema.h"

/* How old the ledger's word may be: far less than builds outlive a switch. */
#define POSITION_AGE_US LDR_SECOND
#define GENERATIONS_BACK 1000u /* to find the definition of an old build */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for the read");
}

static larder_status
not_materialized(const ldr_view *view, larder_error *err)
{
    larder_fail(err, LARDER_NOT_FOUND,
        "feature view '%s' is not materialized yet", view->about.name);
    larder_hint(err, "run 'larder materialize -V %s'", view->about.name);
    return LARDER_NOT_FOUND;
}

/* -------------------------------------------------------------- definitions */

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
lay_out(larder_reader *r, ldr_reader_view *v, larder_error *err)
{
    const ldr_view *view = v->stored;
    larder_type *types;
    larder_status rc;

    if (view->window_us > 0) {
        rc = ldr_deriving_make(view, &r->arena, &v->deriving, err);
        v->layout = v->deriving.layout;
        return rc;
    }
    types = ldr_arena_array(&r->arena, view->n_features + 1, sizeof *types);
    if (types == NULL)
        return no_memory(err);
    for (size_t i = 0; i < view->n_features; i++)
        types[i] = view->features[i].type;
    return ldr_row_layout_init(
        &v->layout, types, view->n_features, &r->arena, err);
}

/* ----------------------------------------------------------------- features */

static bool
same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Are the features' values the same, whatever they are called? */
static bool
same_feature(const ldr_feature *a, const ldr_feature *b)
{
    if (a->aggregate != b->aggregate || a->type != b->type)
        return false;
    if (a->aggregate == LDR_AGGREGATE_NONE)
        return strcmp(a->from, b->from) == 0;
    return same_text(a->column, b->column) &&
           a->column_type == b->column_type && a->window_us == b->window_us &&
           a->offset_us == b->offset_us && same_text(a->where, b->where);
}

/* The place of the same feature in the view as it was stored. */
static size_t
find_stored(const ldr_view *stored, const ldr_feature *feature)
{
    size_t i = 0;

    while (
        i < stored->n_features && !same_feature(&stored->features[i], feature))
        i++;
    return i;
}

static size_t
stored_column(const ldr_view *stored, size_t feature)
{
    size_t column = 0;

    for (size_t i = 0; i < feature; i++)
        column += stored->features[i].aggregate == LDR_AGGREGATE_NONE;
    return column;
}

/* A window of the stored view, among those that are asked for. */
static void
add_window(ldr_reader_view *v, size_t stored, size_t asked)
{
    const ldr_event_plan *events = &v->deriving.events;
    ldr_reader_windows *windows = &v->windows;
    size_t w = 0;

    while (events->features[w] != stored)
        w++;
    windows->windows[windows->n_windows] = events->windows[w];
    windows->features[windows->n_windows++] = asked;
    if (events->windows[w].column != LDR_NO_COLUMN)
        windows->reads[events->windows[w].column] = true;
    if (events->windows[w].filter != LDR_NO_COLUMN)
        windows->reads[events->windows[w].filter] = true;
}

/* Features of the view as it is now, found in rows as they were written. */
static larder_status
place_slots(larder_reader *r, size_t view, larder_error *err)
{
    ldr_reader_view *v = &r->views[view];

    for (size_t f = 0; f < r->plan.n_all; f++) {
        const ldr_plan_feature *asked = &r->plan.features[f];
        const ldr_feature *feature;
        size_t stored;

        if (asked->view != view)
            continue;
        feature = &v->plan->view->features[asked->feature];
        stored = find_stored(v->stored, feature);
        if (stored == v->stored->n_features) {
            larder_fail(err, LARDER_NOT_FOUND,
                "feature '%s' is not materialized yet", asked->ref);
            larder_hint(err, "run 'larder materialize -V %s'",
                v->plan->view->about.name);
            return LARDER_NOT_FOUND;
        }
        r->slots[f].view = view;
        r->slots[f].column = LDR_NO_COLUMN;
        if (feature->aggregate == LDR_AGGREGATE_NONE)
            r->slots[f].column = stored_column(v->stored, stored);
        else
            add_window(v, stored, f);
    }
    return LARDER_OK;
}

/* ------------------------------------------------------------------ windows */

static void
forget_windows(ldr_reader_view *v)
{
    ldr_reader_windows *windows = &v->windows;

    for (size_t i = 0;
         windows->lists != NULL && i < windows->events.schema->n_fields; i++)
        ldr_column_release(&windows->lists[i]);
    ldr_windows_free(windows->run);
    *windows = (ldr_reader_windows){0};
}

static larder_status
room_for_windows(larder_reader *r, ldr_reader_view *v, larder_error *err)
{
    ldr_reader_windows *windows = &v->windows;
    const larder_schema *schema = &v->deriving.events.schema;
    size_t n = r->plan.n_all + 1, n_events = schema->n_fields;
    ldr_arena *arena = &r->arena;

    windows->events.schema = schema;
    windows->windows = ldr_arena_array(arena, n, sizeof *windows->windows);
    windows->features = ldr_arena_array(arena, n, sizeof *windows->features);
    windows->out = ldr_arena_array(arena, n, sizeof(larder_column *));
    windows->reads = ldr_arena_array(arena, n_events, sizeof(bool));
    windows->events.columns =
        ldr_arena_array(arena, n_events, sizeof(larder_column));
    windows->lists = ldr_arena_array(arena, n_events, sizeof(larder_column));
    if (windows->windows == NULL || windows->features == NULL ||
        windows->out == NULL || windows->reads == NULL ||
        windows->events.columns == NULL || windows->lists == NULL)
        return no_memory(err);
    windows->reads[0] = true; /* event times */
    return LARDER_OK;
}

static larder_status
prepare_windows(ldr_reader_view *v, larder_error *err)
{
    ldr_reader_windows *windows = &v->windows;
    const ldr_deriving *deriving = &v->deriving;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < windows->events.schema->n_fields; i++)
        LARDER_TRY(ldr_column_init(&windows->lists[i],
            deriving->stored[deriving->n_plain + i].type, err));
    if (windows->n_windows > 0)
        LARDER_TRY(ldr_windows_new(
            windows->windows, windows->n_windows, &windows->run, err));
out:
    return rc;
}

/* ------------------------------------------------------------------- builds */

/* The view's rows are in another build now, or for the first time in one. */
static larder_status
use_build(larder_reader *r, const larder_call *call, size_t view,
    const ldr_build *build, larder_error *err)
{
    ldr_reader_view *v = &r->views[view];
    ldr_snapshot *made_by = NULL;
    const ldr_view *stored = v->plan->view;
    larder_status rc = LARDER_OK;

    if (strcmp(build->hash, v->build.hash) == 0) { /* the same, filled anew */
        v->build = *build;
        return LARDER_OK;
    }
    if (strcmp(build->hash, v->plan->hash) != 0)
        LARDER_TRY(find_definition(
            r, call, v->plan->view, build->hash, &made_by, &stored, err));
    forget_windows(v); /* they lean on the definition that goes */
    ldr_snapshot_drop(v->made_by);
    v->made_by = made_by;
    v->stored = stored;
    v->build = *build;
    LARDER_TRY(lay_out(r, v, err));
    if (stored->window_us > 0)
        LARDER_TRY(room_for_windows(r, v, err));
    LARDER_TRY(place_slots(r, view, err));
    if (stored->window_us > 0)
        LARDER_TRY(prepare_windows(v, err));
out:
    if (rc != LARDER_OK)
        v->build = (ldr_build){0}; /* half of it is no use */
    return rc;
}

void
ldr_reader_forget_builds(larder_reader *r)
{
    for (size_t v = 0; r->views != NULL && v < r->plan.n_views; v++) {
        forget_windows(&r->views[v]);
        ldr_snapshot_drop(r->views[v].made_by);
    }
}

/* Tables of a group in ascending order, each knowing its view. */
static void
sort_tables(larder_reader *r, ldr_reader_group *g)
{
    for (size_t i = 0; i < g->n_views; i++) {
        size_t view = g->views[i], at = i;
        const ldr_reader_view *v = &r->views[view];
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

/* ---------------------------------------------------------------- the ledger
 */

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

larder_status
ldr_reader_watch(larder_reader *r, larder_error *err)
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
    larder_table_id table; /* sort_tables() finds it again */
    larder_status rc;

    if (positions == NULL)
        return no_memory(err);
    LARDER_TRY(ldr_positions_read(
        r->online, call, r->project, r->names, r->n_names, positions, err));
    r->until = LARDER_TIME_MAX;
    for (size_t i = 0; i < n; i++) {
        const ldr_position *position = &positions[place_of_position(r, i)];
        const ldr_build *read = &position->read;

        if (position->until < r->until)
            r->until = position->until;
        if (read->hash[0] == '\0')
            LARDER_TRY(not_materialized(r->plan.views[i].view, err));
        if (same_build(read, &r->views[i].build))
            continue;
        LARDER_TRY(use_build(r, call, i, read, err));
        LARDER_TRY(ldr_build_table(
            r->online, r->project, r->views[i].stored, read, &table, err));
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

larder_status
ldr_reader_freshen(
    larder_reader *r, const larder_call *call, int64_t now, larder_error *err)
{
    uint64_t losses = ldr_online_losses(r->online);
    bool moved = false;
    larder_status rc;

    if (losses != r->losses)
        r->positions_known = false;
    r->losses = losses;
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
