/* SPDX-License-Identifier: Apache-2.0 */
/*
 * breaking.c - which services answer otherwise now (see breaking.h).
 *
 * A service is the row of columns it answers with. It stands when each of them
 * is still there, of the same type, found by the same keys, in the same order;
 * new ones between them break nothing. The blame goes to the change nearest to
 * the cause: the view that lost a feature, the entity whose key is another, or
 * the service's own list.
 */
#include "registry/breaking.h"
#include "base/name.h"

#include <string.h>

/* One column a service answers with. */
typedef struct answer {
    const ldr_service_item *item;
    const ldr_feature *feature;
} answer;

/* Who breaks, and where the blame is noted. */
typedef struct judge {
    ldr_changes *changes;
    const char *service;
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
count_answers(const ldr_service *service)
{
    size_t n = 0;

    for (size_t i = 0; i < service->n_items; i++)
        n += service->items[i].feature_name != NULL
                 ? 1
                 : service->items[i].view->n_features;
    return n;
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
            answers[n++] = (answer){
                item, ldr_find_feature(item->view, item->feature_name)};
            continue;
        }
        for (size_t f = 0; f < item->view->n_features; f++)
            answers[n++] = (answer){item, &item->view->features[f]};
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
    return strcmp(a->feature->name, b->feature->name) == 0 &&
           strcmp(a->item->view->about.name, b->item->view->about.name) == 0 &&
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

/* The view behind a column: is it still there, with the same key and type? */
static bool
judge_view(judge *self, const answer *old, const ldr_snapshot *to)
{
    const ldr_view *before = old->item->view;
    const ldr_view *after = ldr_find_view(&to->all, before->about.name);
    const ldr_feature *feature =
        after == NULL ? NULL : ldr_find_feature(after, old->feature->name);

    if (feature == NULL || feature->type != old->feature->type) {
        blame(self, LARDER_VIEWS, before->about.name);
        return false;
    }
    if (same_keys(before, after))
        return true;
    blame(self, LARDER_VIEWS, before->about.name);
    for (size_t i = 0; i < before->n_entities; i++)
        blame(self, LARDER_ENTITIES, before->entity_names[i]);
    return true;
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
            blame(self, LARDER_VIEWS, old[i].item->view->about.name);
    }
    return self->nomem ? LARDER_NOMEM : LARDER_OK;
}

larder_status
ldr_breaking(const ldr_snapshot *from, const ldr_snapshot *to,
    ldr_changes *changes, larder_error *err)
{
    for (size_t i = 0; i < from->all.n_services; i++) {
        const ldr_service *service = &from->all.services[i];
        judge self = {.changes = changes, .service = service->about.name};
        ldr_arena arena = {0};
        larder_status rc = judge_service(&self, service, to, &arena);

        ldr_arena_free(&arena);
        if (rc != LARDER_OK)
            return larder_fail(err, rc, "no memory to compare services");
    }
    return LARDER_OK;
}
