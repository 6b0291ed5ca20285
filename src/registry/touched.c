/* SPDX-License-Identifier: Apache-2.0 */
/*
 * touched.c - which services read what changes.
 */
#include "registry/touched.h"

#include <stdlib.h>
#include <string.h>

#include "base/name.h"

static bool
view_reads(const ldr_view *view, larder_kind kind, const char *name)
{
    if (kind == LARDER_VIEWS)
        return ldr_name_equal(view->about.name, name);
    if (kind == LARDER_SOURCES)
        return ldr_name_equal(view->source->about.name, name);
    for (size_t i = 0; i < view->n_entities && kind == LARDER_ENTITIES; i++)
        if (ldr_name_equal(view->entities[i]->about.name, name))
            return true;
    return false;
}

/* `read` says of each on-demand view whether it reads the object, as far as is
 * known. */
static bool
on_demand_reads(const ldr_definitions *all, const ldr_on_demand *view,
    larder_kind kind, const char *name, const bool *read)
{
    if (kind == LARDER_ON_DEMAND_VIEWS &&
        ldr_name_equal(view->about.name, name))
        return true;
    for (size_t i = 0; i < view->n_inputs; i++) {
        const ldr_input *input = &view->inputs[i];

        if (input->view != NULL && view_reads(input->view, kind, name))
            return true;
        if (input->on_demand != NULL &&
            read[input->on_demand - all->on_demands])
            return true;
        if (input->request != NULL && kind == LARDER_SOURCES &&
            ldr_name_equal(input->request->about.name, name))
            return true;
    }
    return false;
}

/* Again until no more of them read it: they may be in any order. */
static void
find_readers(
    const ldr_definitions *all, larder_kind kind, const char *name, bool *read)
{
    bool more = true;

    memset(read, 0, all->n_on_demands * sizeof *read);
    while (more) {
        more = false;
        for (size_t i = 0; i < all->n_on_demands; i++)
            if (!read[i] &&
                on_demand_reads(all, &all->on_demands[i], kind, name, read))
                more = read[i] = true;
    }
}

static bool
service_reads(const ldr_definitions *all, const ldr_service *service,
    larder_kind kind, const char *name, const bool *read)
{
    for (size_t i = 0; i < service->n_items; i++) {
        const ldr_service_item *item = &service->items[i];

        if (item->view != NULL && view_reads(item->view, kind, name))
            return true;
        if (item->on_demand != NULL && read[item->on_demand - all->on_demands])
            return true;
    }
    return false;
}

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to name services");
}

static larder_status
name_services(const ldr_definitions *all, ldr_changes *changes,
    ldr_change *change, const bool *read, larder_error *err)
{
    for (size_t i = 0; i < all->n_services; i++) {
        const ldr_service *service = &all->services[i];
        const char *before = change->services;

        if (!service_reads(all, service, change->kind, change->name, read))
            continue;
        change->services = ldr_arena_printf(&changes->arena, "%s%s%s",
            before == NULL ? "" : before, before == NULL ? "" : ", ",
            service->about.name);
        if (change->services == NULL)
            return no_memory(err);
    }
    return LARDER_OK;
}

larder_status
ldr_touched(const ldr_snapshot *from, ldr_changes *changes, larder_error *err)
{
    const ldr_definitions *all = &from->all;
    bool *read = calloc(all->n_on_demands + 1, sizeof *read);
    larder_status rc = LARDER_OK;

    if (read == NULL)
        return no_memory(err);
    for (size_t i = 0; i < changes->n_changes && rc == LARDER_OK; i++) {
        ldr_change *change = &changes->changes[i];

        find_readers(all, change->kind, change->name, read);
        rc = name_services(all, changes, change, read, err);
    }
    free(read);
    return rc;
}
