/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate.c - names resolve, types agree, nothing is circular.
 *
 * The order is that of dependence: names, entities, sources, views, the
 * clustering keys that follow from views, on-demand views, services; jobs stand
 * alone. Views read one source each and services views; only on-demand views,
 * which read each other, can go round.
 */
#include "definition/validate.h"

#include "base/name.h"
#include "data/schema.h"
#include "definition/check.h"
#include "larder_backend.h"

#include <string.h>

/* Objects of one kind, sorted by name: equal ones are neighbours. */
static void
check_unique(ldr_check *check, const char *kind, const void *objects,
    size_t n_objects, size_t size)
{
    const char *at = objects;
    size_t first = 0;

    for (size_t i = 1; i < n_objects; i++) {
        const void *object = at + first * size, *next = at + i * size;
        const ldr_about *a = object, *b = next;

        if (ldr_name_equal(a->name, b->name))
            ldr_fault(check->faults, &b->place, NULL,
                "%s '%s' is defined twice, first at %s:%u:%u", kind, b->name,
                a->place.file, a->place.line, a->place.column);
        else
            first = i;
    }
}

/* A view, on-demand view or service, none of which has another's name. */
static void
check_shared(
    ldr_check *check, const char *kind, const ldr_about *about, bool service)
{
    const ldr_view *view = ldr_find_view(check->all, about->name);
    const ldr_on_demand *on_demand =
        service ? ldr_find_on_demand(check->all, about->name) : NULL;
    const ldr_place *place = NULL;

    if (view != NULL)
        place = &view->about.place;
    else if (on_demand != NULL)
        place = &on_demand->about.place;
    if (place != NULL)
        ldr_fault(check->faults, &about->place, "rename one of the two",
            "%s '%s' has the name of %s, at %s:%u:%u", kind, about->name,
            view != NULL ? "a feature view" : "an on-demand view", place->file,
            place->line, place->column);
}

static void
check_names(ldr_check *check)
{
    const ldr_definitions *all = check->all;

    check_unique(
        check, "entity", all->entities, all->n_entities, sizeof *all->entities);
    check_unique(
        check, "source", all->sources, all->n_sources, sizeof *all->sources);
    check_unique(
        check, "feature view", all->views, all->n_views, sizeof *all->views);
    check_unique(check, "on-demand view", all->on_demands, all->n_on_demands,
        sizeof *all->on_demands);
    check_unique(check, "feature service", all->services, all->n_services,
        sizeof *all->services);
    check_unique(check, "job", all->jobs, all->n_jobs, sizeof *all->jobs);
    for (size_t i = 0; i < all->n_on_demands; i++)
        check_shared(check, "on-demand view", &all->on_demands[i].about, false);
    for (size_t i = 0; i < all->n_services; i++)
        check_shared(check, "feature service", &all->services[i].about, true);
}

static void
check_entities(ldr_check *check)
{
    for (size_t i = 0; i < check->all->n_entities; i++) {
        const ldr_entity *entity = &check->all->entities[i];
        larder_type type = entity->join_key.type;

        if (type != 0 && !ldr_type_is_key(type))
            ldr_fault(check->faults,
                ldr_check_key(entity->about.yaml, "type", &entity->about.place),
                "bool, int32, int64, string, bytes or timestamp",
                "entity '%s' has a key of type %s, which can be no key",
                entity->about.name, larder_type_name(type));
    }
}

static void
check_jobs(ldr_check *check)
{
    for (size_t i = 0; i < check->all->n_jobs; i++) {
        const ldr_job *job = &check->all->jobs[i];
        const ldr_yaml *yaml = job->about.yaml;
        const ldr_yaml *every = ldr_yaml_find(yaml, "every");
        const ldr_yaml *cron = ldr_yaml_find(yaml, "cron");

        if (every != NULL && cron != NULL)
            ldr_fault(check->faults, &cron->place, "write one of the two",
                "job '%s' has both 'every' and 'cron'", job->about.name);
        else if (every == NULL && cron == NULL)
            ldr_fault(check->faults, &job->about.place,
                "every: 6h, or cron: \"0 3 * * 1\"",
                "job '%s' has no 'every' and no 'cron'", job->about.name);
        if (job->timezone != NULL && cron == NULL)
            ldr_fault(check->faults,
                ldr_check_key(yaml, "timezone", &job->about.place),
                "leave it out", "job '%s' has a timezone without 'cron'",
                job->about.name);
    }
}

/* A copy of `n` objects that may be written to; NULL: no memory. */
static void *
copy(ldr_check *check, const void *objects, size_t n, size_t size)
{
    void *to = ldr_check_array(check, n, size);

    return to == NULL || n == 0 ? to : memcpy(to, objects, n * size);
}

larder_status
ldr_validate(ldr_definitions *all, ldr_arena *arena, ldr_faults *faults,
    larder_error *err)
{
    ldr_check check = {.all = all, .arena = arena, .faults = faults};

    check.sources =
        copy(&check, all->sources, all->n_sources, sizeof *all->sources);
    check.views = copy(&check, all->views, all->n_views, sizeof *all->views);
    check.on_demands = copy(
        &check, all->on_demands, all->n_on_demands, sizeof *all->on_demands);
    check.services =
        copy(&check, all->services, all->n_services, sizeof *all->services);
    if (!check.nomem) {
        all->sources = check.sources;
        all->views = check.views;
        all->on_demands = check.on_demands;
        all->services = check.services;
        check_names(&check);
        check_entities(&check);
        ldr_check_sources(&check);
        ldr_check_views(&check);
        ldr_check_source_keys(&check);
        ldr_check_on_demands(&check);
        ldr_check_services(&check);
        check_jobs(&check);
    }
    if (check.nomem)
        return larder_fail(err, LARDER_NOMEM, "out of memory for definitions");
    return LARDER_OK;
}
