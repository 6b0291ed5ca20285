/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate_service.c - what a service asks for is there, and named apart.
 */
#include "base/name.h"
#include "definition/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where an item's key was written; the item itself when it is "view:feature".
 */
static const ldr_place *
place_of(const ldr_service_item *item, const char *key)
{
    return ldr_check_key(item->yaml, key, &item->place);
}

static const char **
feature_names(ldr_check *check, const ldr_view *view)
{
    const char **names = ldr_check_name_room(check, view->n_features);

    for (size_t i = 0; i < view->n_features && names != NULL; i++)
        names[i] = view->features[i].name;
    return names;
}

static const char **
key_names(ldr_check *check, const ldr_view *view)
{
    const char **names = ldr_check_name_room(check, view->n_keys);

    for (size_t i = 0; i < view->n_keys && names != NULL; i++)
        names[i] = view->keys[i].name;
    return names;
}

/* The names of all that a service may ask for. */
static const char **
view_names(ldr_check *check)
{
    const ldr_definitions *all = check->all;
    const char **names =
        ldr_check_name_room(check, all->n_views + all->n_on_demands);

    for (size_t i = 0; i < all->n_views && names != NULL; i++)
        names[i] = all->views[i].about.name;
    for (size_t i = 0; i < all->n_on_demands && names != NULL; i++)
        names[all->n_views + i] = all->on_demands[i].about.name;
    return names;
}

static void
unknown_feature(ldr_check *check, const ldr_service_item *item,
    const char *kind, const char **names, size_t n_names)
{
    char in[80];

    snprintf(in, sizeof in, "%s '%s'", kind, item->view_name);
    ldr_check_unknown(check,
        ldr_check_item(
            item->yaml, "features", item->feature_name, &item->place),
        "feature", item->feature_name, in, names, n_names);
}

/* The item's feature, by the name it has or once had. */
static void
resolve_feature(ldr_check *check, ldr_service_item *item)
{
    const ldr_feature *feature =
        ldr_find_feature_once(item->view, item->feature_name);

    if (feature == NULL)
        unknown_feature(check, item, "feature view",
            feature_names(check, item->view), item->view->n_features);
    else if (ldr_name_equal(feature->name, item->feature_name))
        item->feature_name = feature->name;
    else
        item->feature_name = feature->renamed_from;
}

/* The same of an on-demand view. */
static void
resolve_derived(ldr_check *check, ldr_service_item *item)
{
    const ldr_on_demand *view = item->on_demand;
    const char **names;

    for (size_t i = 0; i < view->n_features; i++)
        if (ldr_name_equal(
                view->features[i].feature.name, item->feature_name)) {
            item->feature_name = view->features[i].feature.name;
            return;
        }
    names = ldr_check_name_room(check, view->n_features);
    for (size_t i = 0; i < view->n_features && names != NULL; i++)
        names[i] = view->features[i].feature.name;
    unknown_feature(check, item, "on-demand view", names, view->n_features);
}

/* An on-demand view reads its inputs by their own names and keys. */
static void
check_on_demand(ldr_check *check, const ldr_service_item *item)
{
    static const char *const keys[] = {"as", "join_key_map"};

    for (size_t i = 0; i < 2; i++) {
        const ldr_yaml *value = ldr_yaml_find(item->yaml, keys[i]);

        if (value != NULL)
            ldr_fault(check->faults, &value->place,
                "leave it out: its inputs are read by their own names and keys",
                "'%s' is of a feature view; '%s' is an on-demand view", keys[i],
                item->view_name);
    }
}

/* The item's view and feature. */
static void
resolve_item(
    ldr_check *check, const ldr_service *service, ldr_service_item *item)
{
    const ldr_definitions *all = check->all;
    char in[80];

    item->view = ldr_find_view(all, item->view_name);
    if (item->view == NULL)
        item->on_demand = ldr_find_on_demand(all, item->view_name);
    if (item->view != NULL) {
        item->view_name = item->view->about.name;
        if (item->feature_name != NULL)
            resolve_feature(check, item);
    } else if (item->on_demand != NULL) {
        item->view_name = item->on_demand->about.name;
        if (item->feature_name != NULL)
            resolve_derived(check, item);
    } else {
        snprintf(in, sizeof in, "feature service '%s'", service->about.name);
        ldr_check_unknown(check, place_of(item, "view"), "feature view",
            item->view_name, in, view_names(check),
            all->n_views + all->n_on_demands);
    }
}

static bool
is_join_key(const ldr_view *view, const char *name)
{
    for (size_t i = 0; i < view->n_keys; i++)
        if (strcmp(view->keys[i].name, name) == 0)
            return true;
    return false;
}

/* The map names join keys of the view, and columns that can be. */
static void
check_map(ldr_check *check, const ldr_service_item *item)
{
    const ldr_yaml *map = ldr_yaml_find(item->yaml, "join_key_map");
    char in[80];

    snprintf(in, sizeof in, "feature view '%s'", item->view_name);
    if (item->n_join_key_map > LDR_COLUMNS_MAX) {
        ldr_fault(check->faults, &map->place, NULL,
            "'join_key_map' has %zu entries; at most %u are read",
            item->n_join_key_map, LDR_COLUMNS_MAX);
        return;
    }
    for (size_t i = 0; i < item->n_join_key_map; i++) {
        const ldr_tag *pair = &item->join_key_map[i];
        const ldr_place *place = ldr_check_key(map, pair->name, &item->place);

        if (!is_join_key(item->view, pair->name))
            ldr_check_unknown(check, place, "join key", pair->name, in,
                key_names(check, item->view), item->view->n_keys);
        if (pair->value[0] == '\0')
            ldr_fault(check->faults, place, NULL,
                "join key '%s' is mapped to a column without a name",
                pair->name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(item->join_key_map[j].value, pair->value) == 0)
                ldr_fault(check->faults, place, NULL,
                    "join keys '%s' and '%s' are mapped to one column '%s'",
                    item->join_key_map[j].name, pair->name, pair->value);
    }
}

/* What the view is called in this service. */
static const char *
called(const ldr_service_item *item)
{
    return item->alias != NULL ? item->alias : item->view_name;
}

/* By what they are called, then by feature (all of the view first). */
static int
order_items(const void *a, const void *b)
{
    const ldr_service_item *x = *(const ldr_service_item *const *)a;
    const ldr_service_item *y = *(const ldr_service_item *const *)b;
    int order = ldr_name_order(called(x), called(y));

    if (order == 0 && (x->feature_name == NULL || y->feature_name == NULL))
        order = (x->feature_name != NULL) - (y->feature_name != NULL);
    else if (order == 0)
        order = ldr_name_order(x->feature_name, y->feature_name);
    return order != 0 ? order : (x > y) - (x < y);
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

/* `item` comes behind `first`, the first of those called the same, and behind
 * `before`. */
static void
check_pair(ldr_check *check, const ldr_service *service,
    const ldr_service_item *first, const ldr_service_item *before,
    const ldr_service_item *item)
{
    const char *name = called(item);

    if (first->view != item->view || first->on_demand != item->on_demand ||
        !same_map(first, item))
        ldr_fault(check->faults, place_of(item, "as"),
            "give each an 'as' of its own",
            "'%s' stands for two things in feature service '%s'", name,
            service->about.name);
    else if (first->feature_name == NULL)
        ldr_fault(check->faults, &item->place, "leave it out",
            "feature service '%s' asks for all of '%s' already",
            service->about.name, name);
    else if (ldr_name_equal(before->feature_name, item->feature_name))
        ldr_fault(check->faults, &item->place, "leave it out",
            "feature service '%s' asks for '%s:%s' twice", service->about.name,
            name, item->feature_name);
}

static void
check_apart(ldr_check *check, const ldr_service *service)
{
    size_t n = service->n_items;
    const ldr_service_item **items = ldr_check_array(check, n, sizeof *items);
    size_t first = 0;

    if (items == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        items[i] = &service->items[i];
    if (n > 1)
        qsort(items, n, sizeof *items, order_items);
    for (size_t i = 1; i < n; i++)
        if (ldr_name_equal(called(items[first]), called(items[i])))
            check_pair(check, service, items[first], items[i - 1], items[i]);
        else
            first = i;
}

/* Items in a copy, which may be filled in. */
static void
check_service(ldr_check *check, ldr_service *service)
{
    const ldr_yaml *list = ldr_yaml_find(service->about.yaml, "features");
    ldr_service_item *items =
        ldr_check_array(check, service->n_items, sizeof *items);

    if (items == NULL)
        return;
    if (list != NULL && list->kind == LDR_YAML_SEQUENCE && list->n_items == 0)
        ldr_fault(check->faults, &list->place,
            "list them: [view, \"view:feature\"]",
            "feature service '%s' asks for nothing", service->about.name);
    if (service->n_items > 0)
        memcpy(items, service->items, service->n_items * sizeof *items);
    service->items = items;
    for (size_t i = 0; i < service->n_items; i++) {
        resolve_item(check, service, &items[i]);
        if (i > 0 && items[i - 1].yaml == items[i].yaml)
            continue;
        if (items[i].view != NULL)
            check_map(check, &items[i]);
        if (items[i].on_demand != NULL)
            check_on_demand(check, &items[i]);
    }
    check_apart(check, service);
}

void
ldr_check_services(ldr_check *check)
{
    for (size_t i = 0; i < check->all->n_services && !check->nomem; i++)
        check_service(check, &check->services[i]);
}
