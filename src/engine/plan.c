/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - a service or a list of features to views, columns and slots, once.
 *
 * Two passes: `ask` notes what is wanted as (view, alias, feature) in order,
 * `settle` names the outputs and refuses what would be ambiguous.
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

typedef struct builder {
    ldr_plan *plan;
    size_t room_views, room_features;
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
add_feature(builder *b, size_t at, size_t feature)
{
    ldr_plan *plan = b->plan;
    const ldr_plan_view *pv = &plan->views[at];
    const char *view = pv->alias != NULL ? pv->alias : pv->view->about.name;
    const char *name = pv->view->features[feature].name;
    ldr_plan_feature *pf;

    if (plan->n_features == MAX_FEATURES)
        return larder_fail(b->err, LARDER_LIMIT,
            "more than %u features are asked for at once (max_features)",
            MAX_FEATURES);
    plan->features = grown(&plan->arena, plan->features, plan->n_features,
        &b->room_features, sizeof *plan->features);
    if (plan->features == NULL)
        return no_memory(b);
    pf = &plan->features[plan->n_features];
    *pf = (ldr_plan_feature){.view = at, .feature = feature};
    pf->ref = ldr_arena_printf(&plan->arena, "%s:%s", view, name);
    pf->name = b->full_names || pv->alias != NULL
                   ? ldr_arena_printf(&plan->arena, "%s__%s", view, name)
                   : name;
    if (pf->ref == NULL || pf->name == NULL)
        return no_memory(b);
    plan->n_features++;
    return LARDER_OK;
}

static larder_status
no_such_feature(builder *b, const ldr_view *view, const char *name)
{
    const char **names =
        ldr_arena_array(&b->plan->arena, view->n_features, sizeof *names);
    const char *near;

    if (names == NULL)
        return no_memory(b);
    for (size_t i = 0; i < view->n_features; i++)
        names[i] = view->features[i].name;
    near = ldr_name_nearest(name, names, view->n_features);
    larder_fail(b->err, LARDER_NOT_FOUND,
        "feature view '%s' has no feature '%s'", view->about.name, name);
    if (near != NULL)
        larder_hint(b->err, "did you mean '%s:%s'?", view->about.name, near);
    return LARDER_NOT_FOUND;
}

/* One feature of a view, or with a NULL name all of them. */
static larder_status
ask(builder *b, const ldr_view *view, const ldr_service_item *item,
    const char *feature)
{
    const ldr_feature *found;
    size_t at = 0;
    larder_status rc;

    LARDER_TRY(find_view(b, view, item, &at));
    if (feature == NULL) {
        for (size_t i = 0; i < view->n_features; i++)
            LARDER_TRY(add_feature(b, at, i));
        return LARDER_OK;
    }
    found = ldr_find_feature(view, feature);
    if (found == NULL)
        return no_such_feature(b, view, feature);
    rc = add_feature(b, at, (size_t)(found - view->features));
out:
    return rc;
}

static larder_status
ask_ref(builder *b, const char *ref)
{
    const char *colon = strchr(ref, ':');
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
    LARDER_TRY(ldr_snapshot_view(b->plan->snapshot, name, &view, b->err));
    rc = ask(b, view, NULL, colon == NULL ? NULL : colon + 1);
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

        LARDER_TRY(
            ask(b, item->view, renamed ? item : NULL, item->feature_name));
    }
out:
    return rc;
}

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
        fields[i] = (larder_field){.name = pf->name,
            .type = plan->views[pf->view].view->features[pf->feature].type};
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
    LARDER_TRY(name_outputs(&b));
    LARDER_TRY(gather_keys(&b));
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
