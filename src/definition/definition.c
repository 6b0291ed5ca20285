/* SPDX-License-Identifier: Apache-2.0 */
/*
 * definition.c - objects by name.
 */
#include "definition/definition.h"

#include "base/name.h"

/* The object of this name in an array sorted by name, whose elements begin with
 * ldr_about; NULL. */
static const void *
find(const void *objects, size_t n_objects, size_t size, const char *name)
{
    size_t low = 0, high = n_objects;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const void *object = (const char *)objects + middle * size;
        const ldr_about *about = object;
        int order = ldr_name_order(name, about->name);

        if (order == 0)
            return object;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const ldr_entity *
ldr_find_entity(const ldr_definitions *all, const char *name)
{
    return find(all->entities, all->n_entities, sizeof *all->entities, name);
}

const ldr_source *
ldr_find_source(const ldr_definitions *all, const char *name)
{
    return find(all->sources, all->n_sources, sizeof *all->sources, name);
}

const ldr_view *
ldr_find_view(const ldr_definitions *all, const char *name)
{
    return find(all->views, all->n_views, sizeof *all->views, name);
}

const ldr_on_demand *
ldr_find_on_demand(const ldr_definitions *all, const char *name)
{
    return find(
        all->on_demands, all->n_on_demands, sizeof *all->on_demands, name);
}

const ldr_service *
ldr_find_service(const ldr_definitions *all, const char *name)
{
    return find(all->services, all->n_services, sizeof *all->services, name);
}

const ldr_job *
ldr_find_job(const ldr_definitions *all, const char *name)
{
    return find(all->jobs, all->n_jobs, sizeof *all->jobs, name);
}

const ldr_feature *
ldr_find_feature(const ldr_view *view, const char *name)
{
    for (size_t i = 0; i < view->n_features; i++)
        if (ldr_name_equal(view->features[i].name, name))
            return &view->features[i];
    return NULL;
}

const ldr_feature *
ldr_find_feature_once(const ldr_view *view, const char *name)
{
    const ldr_feature *feature = ldr_find_feature(view, name);

    for (size_t i = 0; i < view->n_features && feature == NULL; i++) {
        const char *old = view->features[i].renamed_from;

        if (old != NULL && ldr_name_equal(old, name))
            feature = &view->features[i];
    }
    return feature;
}

const char *
ldr_aggregate_name(ldr_aggregate aggregate)
{
    static const char *const names[] = {[LDR_AGGREGATE_NONE] = "",
#define NAME(name, text) [LDR_AGGREGATE_##name] = text,
        LDR_AGGREGATE_MAP(NAME)
#undef NAME
    };

    return names[aggregate];
}
