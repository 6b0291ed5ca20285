/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - a service or a list of features to views, columns and slots, once.
 *
 * First what is asked for is noted in order, as (view, alias, feature) or as a
 * feature of an on-demand view; outputs are named, and what would be ambiguous
 * is refused. Then on-demand features find their inputs, which join the plan
 * behind the outputs, and what those need in turn.
 */
#include "engine/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "data/schema.h"

/* Limits of one request (R14). */
#define MAX_FEATURES 4096u
#define MAX_REFS 4096u

/* Which on-demand feature a plan feature is, and whether it found its inputs.
 */
typedef struct on_demand_feature {
    const ldr_on_demand *view; /* NULL: a feature of a feature view */
    size_t feature;
    bool settled;
} on_demand_feature;

typedef struct builder {
    ldr_plan *plan;
    on_demand_feature *on_demand; /* per plan->features */
    size_t room_views, room_features, room_on_demand, room_derived;
    larder_field *requests; /* of plan->requests */
    size_t room_requests;
    bool full_names;
    larder_error *err;
} builder;

static larder_status
no_memory(builder *b)
{
    return larder_fail(b->err, LARDER_NOMEM, "no memory for the request");
}

/* Arrays of the arena grow by copying: requests are small. */
static void *
grown(ldr_arena *arena, void *old, size_t n, size_t *room, size_t size)
{
    size_t wanted = *room == 0 ? 8 : *room * 2;
    void *array;

    if (n < *room)
        return old;
    array = ldr_arena_array(arena, wanted, size);
    if (array == NULL)
        return NULL;
    if (n > 0)
        memcpy(array, old, n * size);
    *room = wanted;
    return array;
}

static const char *
mapped_key(const ldr_service_item *item, const char *key)
{
    for (size_t i = 0; item != NULL && i < item->n_join_key_map; i++)
        if (strcmp(item->join_key_map[i].name, key) == 0)
            return item->join_key_map[i].value;
    return key;
}

static larder_status
add_view(
    builder *b, const ldr_view *view, const ldr_service_item *item, size_t *at)
{
    ldr_plan *plan = b->plan;
    ldr_plan_view *pv;
    const char **keys;
    larder_field *columns;
    larder_status rc;

    plan->views = grown(&plan->arena, plan->views, plan->n_views,
        &b->room_views, sizeof *plan->views);
    keys = ldr_arena_array(&plan->arena, view->n_keys + 1, sizeof *keys);
    if (plan->views == NULL || keys == NULL)
        return no_memory(b);
    for (size_t i = 0; i < view->n_keys; i++)
        keys[i] = mapped_key(item, view->keys[i].name);
    pv = &plan->views[plan->n_views];
    *pv = (ldr_plan_view){.view = view,
        .alias = item == NULL ? NULL : item->alias,
        .key_columns = keys};
    LARDER_TRY(ldr_view_columns(view, &plan->arena, &columns, b->err));
    pv->columns = columns;
    LARDER_TRY(ldr_view_hash(view, pv->hash, b->err));
    LARDER_TRY(ldr_view_scan_keys(
        view, &plan->arena, &pv->scan_keys, &pv->scan_from, b->err));
    *at = plan->n_views++;
out:
    return rc;
}

/* The same view under the same alias and key map is read once. */
static bool
same_reading(
    const ldr_plan_view *pv, const ldr_view *view, const ldr_service_item *item)
{
    const char *alias = item == NULL ? NULL : item->alias;

    if (pv->view != view || (pv->alias == NULL) != (alias == NULL))
        return false;
    if (alias != NULL && strcmp(alias, pv->alias) != 0)
        return false;
    for (size_t i = 0; i < view->n_keys; i++)
        if (strcmp(pv->key_columns[i], mapped_key(item, view->keys[i].name)) !=
            0)
            return false;
    return true;
}

static larder_status
find_view(
    builder *b, const ldr_view *view, const ldr_service_item *item, size_t *at)
{
    for (size_t i = 0; i < b->plan->n_views; i++) {
        if (same_reading(&b->plan->views[i], view, item)) {
            *at = i;
            return LARDER_OK;
        }
    }
    return add_view(b, view, item, at);
}

static larder_status
append_feature(builder *b, ldr_plan_feature feature, on_demand_feature origin)
{
    ldr_plan *plan = b->plan;

    if (plan->n_all == MAX_FEATURES)
        return larder_fail(b->err, LARDER_LIMIT,
            "more than %u features are asked for at once (max_features)",
            MAX_FEATURES);
    plan->features = grown(&plan->arena, plan->features, plan->n_all,
        &b->room_features, sizeof *plan->features);
    b->on_demand = grown(&plan->arena, b->on_demand, plan->n_all,
        &b->room_on_demand, sizeof *b->on_demand);
    if (plan->features == NULL || b->on_demand == NULL || feature.ref == NULL ||
        feature.name == NULL)
        return no_memory(b);
    plan->features[plan->n_all] = feature;
    b->on_demand[plan->n_all++] = origin;
    return LARDER_OK;
}

/* `called` is its name, or the one it once had. */
static larder_status
add_feature(
    builder *b, size_t at, const ldr_feature *feature, const char *called)
{
    ldr_plan *plan = b->plan;
    const ldr_plan_view *pv = &plan->views[at];
    const char *view = pv->alias != NULL ? pv->alias : pv->view->about.name;
    bool full = b->full_names || pv->alias != NULL;
    ldr_plan_feature pf = {.type = feature->type,
        .view = at,
        .feature = (size_t)(feature - pv->view->features)};

    pf.ref = ldr_arena_printf(&plan->arena, "%s:%s", view, called);
    pf.name = full ? ldr_arena_printf(&plan->arena, "%s__%s", view, called)
                   : ldr_arena_copy(&plan->arena, called);
    return append_feature(b, pf, (on_demand_feature){0});
}

static larder_status
add_on_demand(builder *b, const ldr_on_demand *view, size_t feature)
{
    ldr_arena *arena = &b->plan->arena;
    const ldr_feature *what = &view->features[feature].feature;
    ldr_plan_feature pf = {.type = what->type, .view = LDR_PLAN_DERIVED};

    pf.ref = ldr_arena_printf(arena, "%s:%s", view->about.name, what->name);
    pf.name = b->full_names ? ldr_arena_printf(
                                  arena, "%s__%s", view->about.name, what->name)
                            : what->name;
    return append_feature(
        b, pf, (on_demand_feature){.view = view, .feature = feature});
}

/* names[i] are those of what the view has. */
static larder_status
no_such_feature(builder *b, const char *kind, const char *view,
    const char *name, const char *const *names, size_t n)
{
    const char *near = ldr_name_nearest(name, names, n);

    larder_fail(b->err, LARDER_NOT_FOUND, "%s '%s' has no feature '%s'", kind,
        view, name);
    if (near != NULL)
        larder_hint(b->err, "did you mean '%s:%s'?", view, near);
    return LARDER_NOT_FOUND;
}

/* One feature of a view, or with a NULL name all of them. */
static larder_status
ask(builder *b, const ldr_view *view, const ldr_service_item *item,
    const char *feature)
{
    const ldr_feature *found;
    const char **names;
    size_t at = 0;
    larder_status rc;

    LARDER_TRY(find_view(b, view, item, &at));
    for (size_t i = 0; feature == NULL && i < view->n_features; i++)
        LARDER_TRY(
            add_feature(b, at, &view->features[i], view->features[i].name));
    if (feature == NULL)
        return LARDER_OK;
    found = ldr_find_feature_once(view, feature);
    if (found != NULL)
        return add_feature(b, at, found, feature);
    names = ldr_arena_array(&b->plan->arena, view->n_features, sizeof *names);
    if (names == NULL)
        return no_memory(b);
    for (size_t i = 0; i < view->n_features; i++)
        names[i] = view->features[i].name;
    rc = no_such_feature(
        b, "feature view", view->about.name, feature, names, view->n_features);
out:
    return rc;
}

static larder_status
ask_on_demand(builder *b, const ldr_on_demand *view, const char *feature)
{
    const char **names =
        ldr_arena_array(&b->plan->arena, view->n_features + 1, sizeof *names);
    larder_status rc = LARDER_OK;
    bool found = false;

    if (names == NULL)
        return no_memory(b);
    for (size_t i = 0; i < view->n_features; i++) {
        names[i] = view->features[i].feature.name;
        if (feature != NULL && !ldr_name_equal(names[i], feature))
            continue;
        found = true;
        LARDER_TRY(add_on_demand(b, view, i));
    }
    if (!found)
        rc = no_such_feature(b, "on-demand view", view->about.name, feature,
            names, view->n_features);
out:
    return rc;
}

static larder_status
ask_ref(builder *b, const char *ref)
{
    const char *colon = strchr(ref, ':');
    const char *feature = colon == NULL ? NULL : colon + 1;
    const ldr_on_demand *on_demand;
    const ldr_view *view = NULL;
    char *name;
    larder_status rc;

    if (ref[0] == '\0' || colon == ref ||
        (colon != NULL && (colon[1] == '\0' || strchr(colon + 1, ':'))))
        return larder_fail(b->err, LARDER_INVALID,
            "'%s' is not a feature reference: write view:feature or view", ref);
    name = colon == NULL
               ? ldr_arena_copy(&b->plan->arena, ref)
               : ldr_arena_copy_n(&b->plan->arena, ref, (size_t)(colon - ref));
    if (name == NULL)
        return no_memory(b);
    on_demand = ldr_find_on_demand(&b->plan->snapshot->all, name);
    if (on_demand != NULL)
        return ask_on_demand(b, on_demand, feature);
    LARDER_TRY(ldr_snapshot_view(b->plan->snapshot, name, &view, b->err));
    rc = ask(b, view, NULL, feature);
out:
    return rc;
}

static larder_status
ask_service(builder *b, const char *name)
{
    const ldr_service *service = NULL;
    larder_status rc;

    LARDER_TRY(ldr_snapshot_service(b->plan->snapshot, name, &service, b->err));
    for (size_t i = 0; i < service->n_items; i++) {
        const ldr_service_item *item = &service->items[i];
        bool renamed = item->alias != NULL || item->n_join_key_map > 0;

        if (item->on_demand != NULL)
            LARDER_TRY(ask_on_demand(b, item->on_demand, item->feature_name));
        else
            LARDER_TRY(
                ask(b, item->view, renamed ? item : NULL, item->feature_name));
    }
out:
    return rc;
}

/* ------------------------------------------------------ on-demand features */

/* The value of a view's feature as training has it, in the plan. */
static larder_status
input_feature(builder *b, const ldr_view *view, size_t feature, size_t *out)
{
    const ldr_feature *what = &view->features[feature];
    size_t at = 0;
    larder_status rc;

    LARDER_TRY(find_view(b, view, NULL, &at));
    for (size_t i = 0; i < b->plan->n_all; i++) {
        const ldr_plan_feature *pf = &b->plan->features[i];

        if (pf->view != at || pf->feature != feature ||
            (what->default_text != NULL && !pf->bare))
            continue;
        *out = i;
        return LARDER_OK;
    }
    *out = b->plan->n_all;
    LARDER_TRY(add_feature(b, at, what, what->name));
    b->plan->features[*out].bare = true;
out:
    return rc;
}

/* The same of an on-demand view. */
static larder_status
input_derived(
    builder *b, const ldr_on_demand *view, size_t feature, size_t *out)
{
    for (size_t i = 0; i < b->plan->n_all; i++) {
        if (b->on_demand[i].view != view || b->on_demand[i].feature != feature)
            continue;
        *out = i;
        return LARDER_OK;
    }
    *out = b->plan->n_all;
    return add_on_demand(b, view, feature);
}

static larder_status
input_request(builder *b, const larder_field *column, size_t *out)
{
    ldr_plan *plan = b->plan;
    size_t i = 0;

    while (i < plan->requests.n_fields &&
           strcmp(b->requests[i].name, column->name) != 0)
        i++;
    *out = i;
    if (i < plan->requests.n_fields) {
        if (b->requests[i].type == column->type)
            return LARDER_OK;
        return larder_fail(b->err, LARDER_INVALID,
            "request column '%s' is %s for one on-demand view and %s for "
            "another",
            column->name, larder_type_name(b->requests[i].type),
            larder_type_name(column->type));
    }
    b->requests =
        grown(&plan->arena, b->requests, i, &b->room_requests, sizeof *column);
    if (b->requests == NULL)
        return no_memory(b);
    b->requests[i] = *column;
    plan->requests = (larder_schema){b->requests, i + 1};
    return LARDER_OK;
}

static larder_status settle(builder *b, size_t at);

static larder_status
find_input(
    builder *b, const ldr_on_demand *view, size_t column, ldr_plan_input *out)
{
    const ldr_input_column *from = &view->from[column];
    const ldr_input *input;
    larder_status rc = LARDER_OK;

    if (from->input == SIZE_MAX) {
        out->kind = LDR_INPUT_AS_OF;
        return LARDER_OK;
    }
    input = &view->inputs[from->input];
    if (input->request != NULL) {
        out->kind = LDR_INPUT_REQUEST;
        return input_request(
            b, &input->request->schema.fields[from->feature], &out->at);
    }
    out->kind = LDR_INPUT_FEATURE;
    if (input->on_demand != NULL) {
        LARDER_TRY(input_derived(b, input->on_demand, from->feature, &out->at));
        rc = settle(b, out->at);
    } else if (from->feature == SIZE_MAX) {
        out->kind = LDR_INPUT_EVENT;
        rc = find_view(b, input->view, NULL, &out->at);
    } else {
        rc = input_feature(b, input->view, from->feature, &out->at);
    }
out:
    return rc;
}

/* Give a derived feature its inputs and then its turn. Chains of on-demand
 * views are short and without circles: validate.c sees to that. */
static larder_status
settle(builder *b, size_t at)
{
    ldr_plan *plan = b->plan;
    const ldr_on_demand *view = b->on_demand[at].view;
    ldr_plan_derived derived = {.view = view, .output = at};
    ldr_plan_input *inputs;
    const size_t *columns;
    size_t n = 0;
    larder_status rc = LARDER_OK;

    if (view == NULL || b->on_demand[at].settled)
        return LARDER_OK;
    b->on_demand[at].settled = true;
    derived.feature = &view->features[b->on_demand[at].feature];
    inputs = ldr_arena_array(
        &plan->arena, view->columns.n_fields + 1, sizeof *inputs);
    if (inputs == NULL)
        return no_memory(b);
    columns = ldr_expression_columns(derived.feature->expression, &n);
    for (size_t i = 0; i < n; i++)
        LARDER_TRY(find_input(b, view, columns[i], &inputs[columns[i]]));
    derived.inputs = inputs;
    plan->derived = grown(&plan->arena, plan->derived, plan->n_derived,
        &b->room_derived, sizeof derived);
    if (plan->derived == NULL)
        return no_memory(b);
    plan->features[at].feature = plan->n_derived;
    plan->derived[plan->n_derived++] = derived;
out:
    return rc;
}

static larder_status
settle_all(builder *b)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < b->plan->n_features; i++)
        LARDER_TRY(settle(b, i));
out:
    return rc;
}

/* A column cannot be a key of one type and a value of the question at once. */
static larder_status
refuse_requested_keys(builder *b)
{
    const ldr_plan *plan = b->plan;

    for (size_t i = 0; i < plan->requests.n_fields; i++) {
        const char *name = plan->requests.fields[i].name;

        if (ldr_schema_find(&plan->keys, name) == LDR_NO_FIELD)
            continue;
        larder_fail(b->err, LARDER_INVALID,
            "'%s' is a request column and a join key", name);
        larder_hint(b->err, "rename the column of the request source");
        return LARDER_INVALID;
    }
    return LARDER_OK;
}

/* ----------------------------------------------------------------- outputs */

static larder_status
refuse_twins(
    builder *b, const ldr_plan_feature *one, const ldr_plan_feature *other)
{
    if (strcmp(one->ref, other->ref) == 0)
        return larder_fail(b->err, LARDER_INVALID,
            "feature '%s' is asked for twice", one->ref);
    larder_fail(b->err, LARDER_INVALID,
        "features '%s' and '%s' would both be called '%s'", one->ref,
        other->ref, one->name);
    larder_hint(b->err, "ask for full names (--full-feature-names)");
    return LARDER_INVALID;
}

static int
by_name(const void *a, const void *b)
{
    const ldr_plan_feature *const *x = a, *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);

    if (order != 0)
        return order;
    return *x < *y ? -1 : *x > *y;
}

static larder_status
name_outputs(builder *b)
{
    ldr_plan *plan = b->plan;
    size_t n = plan->n_features;
    const ldr_plan_feature **sorted =
        ldr_arena_array(&plan->arena, n + 1, sizeof *sorted);
    larder_field *fields = ldr_arena_array(&plan->arena, n + 1, sizeof *fields);

    if (sorted == NULL || fields == NULL)
        return no_memory(b);
    for (size_t i = 0; i < n; i++) {
        const ldr_plan_feature *pf = &plan->features[i];

        sorted[i] = pf;
        fields[i] = (larder_field){.name = pf->name, .type = pf->type};
    }
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 1; i < n; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            return refuse_twins(b, sorted[i - 1], sorted[i]);
    plan->outputs = (larder_schema){.fields = fields, .n_fields = n};
    return LARDER_OK;
}

/* Key columns of all views, by name; one name has one type. */
static larder_status
gather_keys(builder *b)
{
    ldr_plan *plan = b->plan;
    size_t n = 0, room = 0;
    larder_field *keys;

    for (size_t v = 0; v < plan->n_views; v++)
        room += plan->views[v].view->n_keys;
    keys = ldr_arena_array(&plan->arena, room + 1, sizeof *keys);
    if (keys == NULL)
        return no_memory(b);
    for (size_t v = 0; v < plan->n_views; v++) {
        const ldr_plan_view *pv = &plan->views[v];

        for (size_t k = 0; k < pv->view->n_keys; k++) {
            const char *name = pv->key_columns[k];
            larder_type type = pv->view->keys[k].type;
            size_t i = 0;

            while (i < n && strcmp(keys[i].name, name) < 0)
                i++;
            if (i < n && strcmp(keys[i].name, name) == 0) {
                if (keys[i].type != type)
                    return larder_fail(b->err, LARDER_INVALID,
                        "key column '%s' is %s in one view and %s in '%s'",
                        name, larder_type_name(keys[i].type),
                        larder_type_name(type), pv->view->about.name);
                continue;
            }
            memmove(keys + i + 1, keys + i, (n - i) * sizeof *keys);
            keys[i] = (larder_field){.name = name, .type = type};
            n++;
        }
    }
    plan->keys = (larder_schema){.fields = keys, .n_fields = n};
    return LARDER_OK;
}

larder_status
ldr_plan_make(ldr_snapshot *snapshot, const larder_features *features,
    ldr_plan *out, larder_error *err)
{
    ldr_plan plan = {.snapshot = ldr_snapshot_hold(snapshot)};
    builder b = {.plan = &plan, .full_names = features->full_names, .err = err};
    larder_status rc;

    if ((features->service == NULL) == (features->n_refs == 0)) {
        rc = larder_fail(err, LARDER_INVALID,
            "ask for features (-f view:feature) or for a service (-s NAME), "
            "and not for both");
        goto out;
    }
    if (features->n_refs > MAX_REFS) {
        rc = larder_fail(err, LARDER_LIMIT,
            "%zu references are more than %u (max_refs)", features->n_refs,
            MAX_REFS);
        goto out;
    }
    if (features->service != NULL)
        LARDER_TRY(ask_service(&b, features->service));
    for (size_t i = 0; i < features->n_refs; i++)
        LARDER_TRY(ask_ref(&b, features->refs[i]));
    plan.n_features = plan.n_all;
    LARDER_TRY(name_outputs(&b));
    LARDER_TRY(settle_all(&b));
    LARDER_TRY(gather_keys(&b));
    LARDER_TRY(refuse_requested_keys(&b));
    *out = plan;
out:
    if (rc != LARDER_OK)
        ldr_plan_release(&plan);
    return rc;
}

void
ldr_plan_release(ldr_plan *plan)
{
    ldr_snapshot_drop(plan->snapshot);
    ldr_arena_free(&plan->arena);
    *plan = (ldr_plan){0};
}
