/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.c - which columns the events of a windowed view have, and what a scan
 * of history must give for them. How they are made of it: gathering.c.
 */
#include "engine/events.h"

#include <string.h>

#include "data/schema.h"

static larder_status
no_memory(const ldr_view *view, larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM,
        "out of memory for the events of feature view '%s'", view->about.name);
}

/* --------------------------------------------------------------- the plan */

/* A plan in the making: its arrays are as long as they can become. */
typedef struct making {
    const ldr_view *view;
    larder_field *scanned;
    size_t n_scanned;
    const char **wheres; /* of each filter */
    size_t *filter_from, *replace_on;
} making;

/* Where the column stands among those scanned, as that type; it is added when
 * it is not there. */
static size_t
scan_column(making *m, const char *name, larder_type type)
{
    size_t i = 0;

    while (i < m->n_scanned && (m->scanned[i].type != type ||
                                   strcmp(m->scanned[i].name, name) != 0))
        i++;
    if (i == m->n_scanned)
        m->scanned[m->n_scanned++] = (larder_field){name, type};
    return i;
}

static bool
is_windowed(const ldr_feature *feature)
{
    return feature->aggregate != LDR_AGGREGATE_NONE;
}

static size_t
count_windowed(const ldr_view *view)
{
    size_t n = 0;

    for (size_t i = 0; i < view->n_features; i++)
        n += is_windowed(&view->features[i]);
    return n;
}

static bool
make_room(making *m, ldr_event_plan *plan, ldr_arena *arena)
{
    const ldr_view *view = m->view;
    size_t n = count_windowed(view), n_named = view->filter_columns.n_fields;
    size_t n_replace = view->source->n_replace_on;

    m->scanned = ldr_arena_array(arena,
        n + n_named + n_replace + view->n_features + 1, sizeof *m->scanned);
    m->wheres = ldr_arena_array(arena, n + 1, sizeof *m->wheres);
    m->filter_from =
        ldr_arena_array(arena, n_named + 1, sizeof *m->filter_from);
    m->replace_on =
        ldr_arena_array(arena, n_replace + 1, sizeof *m->replace_on);
    plan->filters = ldr_arena_array(arena, n + 1, sizeof(ldr_expression *));
    plan->windows = ldr_arena_array(arena, n + 1, sizeof *plan->windows);
    plan->features = ldr_arena_array(arena, n + 1, sizeof *plan->features);
    return m->scanned != NULL && m->wheres != NULL && m->filter_from != NULL &&
           m->replace_on != NULL && plan->filters != NULL &&
           plan->windows != NULL && plan->features != NULL;
}

/* The windows and the columns they aggregate; filters by their number. */
static void
list_windows(making *m, ldr_event_plan *plan)
{
    for (size_t i = 0; i < m->view->n_features; i++) {
        const ldr_feature *feature = &m->view->features[i];
        ldr_window *window = &plan->windows[plan->n_windows];

        if (!is_windowed(feature))
            continue;
        *window = (ldr_window){.aggregate = feature->aggregate,
            .column = LDR_NO_COLUMN,
            .filter = LDR_NO_COLUMN,
            .window_us = feature->window_us,
            .offset_us = feature->offset_us,
            .type = feature->type,
            .name = feature->name};
        if (feature->column != NULL)
            window->column =
                1 + scan_column(m, feature->column, feature->column_type);
        plan->features[plan->n_windows++] = i;
    }
    plan->n_values = m->n_scanned;
    plan->span_us = ldr_windows_span(plan->windows, plan->n_windows);
}

/* The number of a `where`, the same for the same words. */
static size_t
filter_number(making *m, ldr_event_plan *plan, const ldr_feature *feature)
{
    size_t f = 0;

    while (f < plan->n_filters && strcmp(m->wheres[f], feature->where) != 0)
        f++;
    if (f == plan->n_filters) {
        m->wheres[f] = feature->where;
        plan->filters[plan->n_filters++] = feature->filter;
    }
    return f;
}

static void
list_filters(making *m, ldr_event_plan *plan)
{
    const larder_schema *named = &m->view->filter_columns;

    for (size_t w = 0; w < plan->n_windows; w++) {
        const ldr_feature *feature = &m->view->features[plan->features[w]];

        if (feature->filter != NULL)
            plan->windows[w].filter =
                1 + plan->n_values + filter_number(m, plan, feature);
    }
    for (size_t i = 0; i < named->n_fields; i++)
        m->filter_from[i] = LDR_NO_COLUMN;
    for (size_t f = 0; f < plan->n_filters; f++) {
        size_t n = 0;
        const size_t *columns = ldr_expression_columns(plan->filters[f], &n);

        for (size_t i = 0; i < n; i++) {
            const larder_field *field = &named->fields[columns[i]];

            m->filter_from[columns[i]] =
                scan_column(m, field->name, field->type);
        }
    }
}

/* As what a column of replace_on is read: as its source declares it or, where
 * that declares nothing, as anything else reads it. */
static larder_type
type_of(const making *m, const char *name)
{
    const ldr_view *view = m->view;
    const larder_schema *schemas[] = {
        &view->source->schema, &view->filter_columns};

    for (size_t i = 0; i < 2; i++) {
        size_t at = ldr_schema_find(schemas[i], name);

        if (at != LDR_NO_FIELD && schemas[i]->fields[at].type != 0)
            return schemas[i]->fields[at].type;
    }
    for (size_t i = 0; i < m->n_scanned; i++)
        if (strcmp(m->scanned[i].name, name) == 0)
            return m->scanned[i].type;
    for (size_t i = 0; i < view->n_features; i++)
        if (!is_windowed(&view->features[i]) &&
            strcmp(view->features[i].from, name) == 0)
            return view->features[i].type;
    return LARDER_STRING;
}

/* Key and event time are equal among versions anyway. */
static void
list_replaced(making *m, ldr_event_plan *plan)
{
    const ldr_source *source = m->view->source;

    for (size_t i = 0; i < source->n_replace_on; i++) {
        const char *name = source->replace_on[i];
        bool always = strcmp(name, source->timestamp_field) == 0;

        for (size_t k = 0; k < m->view->n_keys && !always; k++)
            always = strcmp(name, m->view->keys[k].name) == 0;
        if (!always)
            m->replace_on[plan->n_replace_on++] =
                scan_column(m, name, type_of(m, name));
    }
}

/* Does it matter which of tied rows is the later? */
static bool
asks_order(const ldr_view *view)
{
    bool asks = view->source->has_replace_on;

    for (size_t i = 0; i < view->n_features; i++)
        asks = asks || view->features[i].aggregate == LDR_AGGREGATE_FIRST ||
               view->features[i].aggregate == LDR_AGGREGATE_LAST;
    return asks;
}

/* The view's columns, whole: tied rows are ordered as for plain features. */
static larder_status
list_ties(making *m, ldr_event_plan *plan, ldr_arena *arena, larder_error *err)
{
    size_t n = m->view->n_features;
    size_t *from = ldr_arena_array(arena, n + 1, sizeof *from);
    larder_type *types = ldr_arena_array(arena, n + 1, sizeof *types);
    larder_field *columns;
    larder_status rc = LARDER_OK;

    if (!asks_order(m->view))
        return LARDER_OK;
    if (from == NULL || types == NULL)
        return no_memory(m->view, err);
    LARDER_TRY(ldr_view_columns(m->view, arena, &columns, err));
    for (size_t i = 0; i < n; i++) {
        const ldr_feature *feature = &m->view->features[i];
        const char *name =
            is_windowed(feature) ? feature->column : feature->from;

        types[i] = columns[i].type;
        from[i] = name == NULL ? LDR_NO_COLUMN : scan_column(m, name, types[i]);
    }
    plan->tie_from = from;
    rc = ldr_row_layout_init(&plan->tie_layout, types, n, arena, err);
out:
    return rc;
}

/* The columns of a batch of events. */
static larder_status
name_columns(ldr_event_plan *plan, ldr_arena *arena, larder_error *err)
{
    size_t n = 1 + plan->n_values + plan->n_filters;
    larder_field *fields = ldr_arena_array(arena, n, sizeof *fields);

    if (fields == NULL)
        return no_memory(plan->view, err);
    fields[0] = (larder_field){"event", LARDER_TIMESTAMP};
    for (size_t i = 0; i < plan->n_values; i++)
        fields[1 + i] = plan->scanned[i];
    for (size_t f = 0; f < plan->n_filters; f++) {
        const char *name = ldr_arena_printf(arena, "where %zu", f);

        if (name == NULL)
            return no_memory(plan->view, err);
        fields[1 + plan->n_values + f] = (larder_field){name, LARDER_BOOL};
    }
    plan->schema = (larder_schema){fields, n};
    return LARDER_OK;
}

static larder_status
lay_rows_out(ldr_event_plan *plan, ldr_arena *arena, larder_error *err)
{
    larder_type *types =
        ldr_arena_array(arena, plan->n_scanned + 1, sizeof *types);

    if (types == NULL)
        return no_memory(plan->view, err);
    for (size_t i = 0; i < plan->n_scanned; i++)
        types[i] = plan->scanned[i].type;
    return ldr_row_layout_init(
        &plan->layout, types, plan->n_scanned, arena, err);
}

larder_status
ldr_event_plan_make(const ldr_view *view, ldr_arena *arena, ldr_event_plan *out,
    larder_error *err)
{
    ldr_event_plan plan = {.view = view};
    making m = {.view = view};
    larder_status rc;

    if (!make_room(&m, &plan, arena))
        return no_memory(view, err);
    list_windows(&m, &plan);
    list_filters(&m, &plan);
    list_replaced(&m, &plan);
    LARDER_TRY(list_ties(&m, &plan, arena, err));
    plan.scanned = m.scanned;
    plan.n_scanned = m.n_scanned;
    plan.filter_from = m.filter_from;
    plan.replace_on = m.replace_on;
    LARDER_TRY(name_columns(&plan, arena, err));
    LARDER_TRY(lay_rows_out(&plan, arena, err));
    *out = plan;
out:
    return rc;
}

larder_status
ldr_event_plan_stored(const ldr_event_plan *plan, ldr_arena *arena,
    larder_field **fields, size_t *n_fields, larder_error *err)
{
    const ldr_view *view = plan->view;
    size_t n = 0;
    larder_field *out = ldr_arena_array(
        arena, view->n_features + plan->schema.n_fields, sizeof *out);

    if (out == NULL)
        return no_memory(view, err);
    for (size_t i = 0; i < view->n_features; i++)
        if (!is_windowed(&view->features[i]))
            out[n++] =
                (larder_field){view->features[i].from, view->features[i].type};
    for (size_t i = 0; i < plan->schema.n_fields; i++) {
        larder_field field = plan->schema.fields[i];

        field.type = (larder_type)(LARDER_LIST | field.type);
        out[n++] = field;
    }
    *fields = out;
    *n_fields = n;
    return LARDER_OK;
}
