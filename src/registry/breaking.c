/* SPDX-License-Identifier: Apache-2.0 */
/*
 * breaking.c - which services answer otherwise now (see breaking.h).
 *
 * A service is the row of columns it answers with. It stands when each of them
 * is still there, of the same type, found by the same keys, in the same order,
 * and what must come with the question is what it was: the request columns, and
 * the keys that on-demand features stand on. New features between them break
 * nothing. How a feature is computed may change. The blame goes to the change
 * nearest to the cause: the view that lost a feature, the entity whose key is
 * another, the request source, or the service's own list.
 */
#include "registry/breaking.h"
#include "base/name.h"

#include <string.h>

/* One column a service answers with. */
typedef struct answer {
    const ldr_service_item *item;
    const ldr_feature *feature;
    const char *name; /* the feature's, or the one it once had */
} answer;

/* Who breaks, and where the blame is noted. */
typedef struct judge {
    ldr_changes *changes;
    const char *service;
    const ldr_snapshot *from;
    bool nomem;
} judge;

/* Is the service among "a, b"? */
static bool
is_among(const char *list, const char *name)
{
    size_t size = strlen(name);

    while (list != NULL) {
        if (strncmp(list, name, size) == 0 &&
            (list[size] == ',' || list[size] == '\0'))
            return true;
        list = strchr(list, ' ');
        list = list == NULL ? NULL : list + 1;
    }
    return false;
}

/* Blame a change; false when this object did not change. */
static bool
blame(judge *self, larder_kind kind, const char *name)
{
    for (size_t i = 0; i < self->changes->n_changes; i++) {
        ldr_change *change = &self->changes->changes[i];

        if (change->kind != kind || change->action == LDR_RESHAPE ||
            !ldr_name_equal(change->name, name))
            continue;
        change->breaking = true;
        if (is_among(change->breaks, self->service))
            return true;
        change->breaks = ldr_arena_printf(&self->changes->arena, "%s%s%s",
            change->breaks == NULL ? "" : change->breaks,
            change->breaks == NULL ? "" : ", ", self->service);
        self->nomem = self->nomem || change->breaks == NULL;
        return true;
    }
    return false;
}

/* ------------------------------------------------------------- services */

static size_t
count_features(const ldr_service_item *item)
{
    return item->view != NULL ? item->view->n_features
                              : item->on_demand->n_features;
}

static const ldr_feature *
find_derived(const ldr_on_demand *view, const char *name)
{
    for (size_t i = 0; i < view->n_features; i++)
        if (ldr_name_equal(view->features[i].feature.name, name))
            return &view->features[i].feature;
    return NULL;
}

static size_t
count_answers(const ldr_service *service)
{
    size_t n = 0;

    for (size_t i = 0; i < service->n_items; i++)
        n += service->items[i].feature_name != NULL
                 ? 1
                 : count_features(&service->items[i]);
    return n;
}

/* A feature of what an item asks: by its place, or the one it names. */
static answer
answer_at(const ldr_service_item *item, size_t i)
{
    const ldr_feature *feature = item->view != NULL
                                     ? &item->view->features[i]
                                     : &item->on_demand->features[i].feature;

    return (answer){item, feature, feature->name};
}

static answer
answer_named(const ldr_service_item *item)
{
    const char *name = item->feature_name;

    return (answer){item,
        item->view != NULL ? ldr_find_feature_once(item->view, name)
                           : find_derived(item->on_demand, name),
        name};
}

/* All columns of a service in order; NULL: no memory. */
static const answer *
list_answers(const ldr_service *service, ldr_arena *arena)
{
    answer *answers =
        ldr_arena_array(arena, count_answers(service) + 1, sizeof *answers);
    size_t n = 0;

    if (answers == NULL)
        return NULL;
    for (size_t i = 0; i < service->n_items; i++) {
        const ldr_service_item *item = &service->items[i];

        if (item->feature_name != NULL) {
            answers[n++] = answer_named(item);
            continue;
        }
        for (size_t f = 0; f < count_features(item); f++)
            answers[n++] = answer_at(item, f);
    }
    return answers;
}

static bool
same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_map(const ldr_service_item *a, const ldr_service_item *b)
{
    if (a->n_join_key_map != b->n_join_key_map)
        return false;
    for (size_t i = 0; i < a->n_join_key_map; i++)
        if (strcmp(a->join_key_map[i].name, b->join_key_map[i].name) != 0 ||
            strcmp(a->join_key_map[i].value, b->join_key_map[i].value) != 0)
            return false;
    return true;
}

/* Is it the same column, called the same and asked by the same names? */
static bool
same_answer(const answer *a, const answer *b)
{
    return strcmp(a->name, b->name) == 0 &&
           strcmp(a->item->view_name, b->item->view_name) == 0 &&
           same_text(a->item->alias, b->item->alias) &&
           same_map(a->item, b->item);
}

static bool
same_keys(const ldr_view *a, const ldr_view *b)
{
    if (a->n_keys != b->n_keys)
        return false;
    for (size_t i = 0; i < a->n_keys; i++)
        if (strcmp(a->keys[i].name, b->keys[i].name) != 0 ||
            a->keys[i].type != b->keys[i].type)
            return false;
    return true;
}

/* --------------------------------------------------------------- judging */

/* The feature that a column comes from now; NULL: there is none. */
static const ldr_feature *
find_now(const answer *old, const ldr_snapshot *to)
{
    const char *name = old->item->view_name;
    const ldr_view *view = ldr_find_view(&to->all, name);
    const ldr_on_demand *on_demand = ldr_find_on_demand(&to->all, name);

    if (view != NULL)
        return ldr_find_feature_once(view, old->name);
    return on_demand == NULL ? NULL : find_derived(on_demand, old->name);
}

static larder_kind
kind_of(const ldr_service_item *item)
{
    return item->view != NULL ? LARDER_VIEWS : LARDER_ON_DEMAND_VIEWS;
}

/* The view behind a column: is it still there, with the same key and type? */
static bool
judge_view(judge *self, const answer *old, const ldr_snapshot *to)
{
    const ldr_view *before = old->item->view;
    const ldr_view *after = ldr_find_view(&to->all, old->item->view_name);
    const ldr_feature *feature = find_now(old, to);

    if (feature == NULL || feature->type != old->feature->type) {
        blame(self, kind_of(old->item), old->item->view_name);
        return false;
    }
    if (before == NULL || after == NULL || same_keys(before, after))
        return true;
    blame(self, LARDER_VIEWS, before->about.name);
    for (size_t i = 0; i < before->n_entities; i++)
        blame(self, LARDER_ENTITIES, before->entity_names[i]);
    return true;
}

/* ----------------------------------------------- what comes with a question */

/* A column that a question must have. */
typedef struct need {
    const char *name;
    larder_type type;
    bool request;    /* else a join key */
    const char *who; /* the source, or the first view that has the key */
} need;

typedef struct needs {
    const ldr_snapshot *snapshot;
    ldr_arena *arena;
    need *items;
    size_t n_items, room;
    bool **seen; /* by on-demand view, then feature; NULL: none of it */
    bool nomem;
} needs;

static const need *
find_need(const needs *all, const need *one)
{
    for (size_t i = 0; i < all->n_items; i++)
        if (strcmp(all->items[i].name, one->name) == 0 &&
            all->items[i].request == one->request)
            return &all->items[i];
    return NULL;
}

static void
add_need(needs *all, need one)
{
    size_t room = all->room == 0 ? 16 : 2 * all->room;
    need *grown;

    if (find_need(all, &one) != NULL)
        return;
    if (all->n_items == all->room) {
        grown = ldr_arena_array(all->arena, room, sizeof *grown);
        if (grown == NULL) {
            all->nomem = true;
            return;
        }
        if (all->n_items > 0)
            memcpy(grown, all->items, all->n_items * sizeof *grown);
        all->items = grown;
        all->room = room;
    }
    all->items[all->n_items++] = one;
}

/* What a feature of an on-demand view stands on; as deep as such views may
 * stand on each other, and once. */
static void
add_needs(needs *all, const ldr_on_demand *view, size_t feature)
{
    size_t at = (size_t)(view - all->snapshot->all.on_demands), n = 0;
    const size_t *columns =
        ldr_expression_columns(view->features[feature].expression, &n);

    if (all->seen[at] == NULL)
        all->seen[at] =
            ldr_arena_array(all->arena, view->n_features, sizeof(bool));
    if (all->seen[at] == NULL) {
        all->nomem = true;
        return;
    }
    if (all->seen[at][feature])
        return;
    all->seen[at][feature] = true;
    for (size_t i = 0; i < n && !all->nomem; i++) {
        const ldr_input_column *from = &view->from[columns[i]];
        const ldr_input *input;

        if (from->input == SIZE_MAX)
            continue;
        input = &view->inputs[from->input];
        if (input->on_demand != NULL)
            add_needs(all, input->on_demand, from->feature);
        if (input->request != NULL) {
            const larder_field *field =
                &input->request->schema.fields[from->feature];

            add_need(all, (need){field->name, field->type, true, input->name});
        }
        for (size_t k = 0; input->view != NULL && k < input->view->n_keys; k++)
            add_need(all, (need){input->view->keys[k].name,
                              input->view->keys[k].type, false, input->name});
    }
}

/* The column of the question that is a join key of an item. */
static const char *
key_column(const ldr_service_item *item, const char *key)
{
    for (size_t i = 0; i < item->n_join_key_map; i++)
        if (strcmp(item->join_key_map[i].name, key) == 0)
            return item->join_key_map[i].value;
    return key;
}

static bool
asks(const ldr_service *service, const char *view, const char *feature)
{
    for (size_t i = 0; i < service->n_items; i++) {
        const ldr_service_item *item = &service->items[i];

        if (strcmp(item->view_name, view) == 0 &&
            (item->feature_name == NULL ||
                strcmp(item->feature_name, feature) == 0))
            return true;
    }
    return false;
}

/* What a service needs; or only its on-demand features that `like` asks for
 * too. */
static void
gather(needs *all, const ldr_service *service, const ldr_service *like)
{
    all->seen = ldr_arena_array(
        all->arena, all->snapshot->all.n_on_demands + 1, sizeof *all->seen);
    all->nomem = all->seen == NULL;
    for (size_t i = 0; i < service->n_items && !all->nomem; i++) {
        const ldr_service_item *item = &service->items[i];
        const ldr_on_demand *view = item->on_demand;

        for (size_t k = 0;
             item->view != NULL && like == NULL && k < item->view->n_keys; k++)
            add_need(
                all, (need){key_column(item, item->view->keys[k].name),
                         item->view->keys[k].type, false, item->view_name});
        for (size_t f = 0; view != NULL && f < view->n_features; f++) {
            const char *name = view->features[f].feature.name;

            if ((item->feature_name == NULL ||
                    strcmp(item->feature_name, name) == 0) &&
                (like == NULL || asks(like, item->view_name, name)))
                add_needs(all, view, f);
        }
    }
}

/* All on-demand views that were come by, and changed. */
static bool
blame_on_demands(judge *self, const needs *all)
{
    const ldr_definitions *every = &all->snapshot->all;
    bool any = false;

    for (size_t i = 0; i < every->n_on_demands; i++)
        if (all->seen[i] != NULL && blame(self, LARDER_ON_DEMAND_VIEWS,
                                        every->on_demands[i].about.name))
            any = true;
    return any;
}

/* `one` is asked on one side and not the same on the other. */
static void
blame_need(
    judge *self, const need *one, const needs *before, const needs *after)
{
    const ldr_definitions *old = &self->from->all;
    bool any =
        blame(self, one->request ? LARDER_SOURCES : LARDER_VIEWS, one->who);

    if (one->request && any)
        return;
    for (size_t i = 0; i < old->n_entities && !one->request; i++)
        if (strcmp(old->entities[i].join_key.name, one->name) == 0 &&
            blame(self, LARDER_ENTITIES, old->entities[i].about.name))
            any = true;
    if (blame_on_demands(self, before))
        any = true;
    if (blame_on_demands(self, after))
        any = true;
    if (!any)
        blame(self, LARDER_SERVICES, self->service);
}

/* No question that was good may lack something now, nor have too much. That
 * further features need further keys is for who adds them. */
static void
judge_needs(judge *self, const ldr_service *before, const ldr_service *after,
    const ldr_snapshot *to, ldr_arena *arena)
{
    needs old = {.snapshot = self->from, .arena = arena};
    needs now = {.snapshot = to, .arena = arena};
    needs kept = {.snapshot = to, .arena = arena};

    gather(&old, before, NULL);
    gather(&now, after, NULL);
    gather(&kept, after, before);
    self->nomem = self->nomem || old.nomem || now.nomem || kept.nomem;
    for (size_t i = 0; i < now.n_items && !self->nomem; i++) {
        const need *one = &now.items[i], *was = find_need(&old, one);

        if ((one->request || find_need(&kept, one) != NULL) &&
            (was == NULL || was->type != one->type))
            blame_need(self, one, &old, &now);
    }
    for (size_t i = 0; i < old.n_items && !self->nomem; i++)
        if (old.items[i].request && find_need(&now, &old.items[i]) == NULL)
            blame_need(self, &old.items[i], &old, &now);
}

/* Each column in turn: it must come after the last one found. */
static larder_status
judge_service(judge *self, const ldr_service *before, const ldr_snapshot *to,
    ldr_arena *arena)
{
    const ldr_service *after = ldr_find_service(&to->all, before->about.name);
    const answer *old = list_answers(before, arena), *now = NULL;
    size_t n_old = count_answers(before), n_now = 0, at = 0;

    if (after == NULL)
        blame(self, LARDER_SERVICES, before->about.name);
    else
        now = list_answers(after, arena);
    if (old == NULL || (after != NULL && now == NULL))
        return LARDER_NOMEM;
    n_now = after == NULL ? 0 : count_answers(after);
    for (size_t i = 0; i < n_old; i++) {
        size_t found = at;

        if (!judge_view(self, &old[i], to) || after == NULL)
            continue;
        while (found < n_now && !same_answer(&old[i], &now[found]))
            found++;
        if (found < n_now)
            at = found + 1;
        else if (!blame(self, LARDER_SERVICES, before->about.name))
            blame(self, kind_of(old[i].item), old[i].item->view_name);
    }
    if (after != NULL)
        judge_needs(self, before, after, to, arena);
    return self->nomem ? LARDER_NOMEM : LARDER_OK;
}

larder_status
ldr_breaking(const ldr_snapshot *from, const ldr_snapshot *to,
    ldr_changes *changes, larder_error *err)
{
    for (size_t i = 0; i < from->all.n_services; i++) {
        const ldr_service *service = &from->all.services[i];
        judge self = {
            .changes = changes, .service = service->about.name, .from = from};
        ldr_arena arena = {0};
        larder_status rc = judge_service(&self, service, to, &arena);

        ldr_arena_free(&arena);
        if (rc != LARDER_OK)
            return larder_fail(err, rc, "no memory to compare services");
    }
    return LARDER_OK;
}
