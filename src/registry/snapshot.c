/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.c - one version of all definitions (see snapshot.h).
 *
 * A snapshot of a folder keeps the definitions as they were loaded, because
 * their places lie in the user's files; its text is the canonical print. One of
 * the registry is the text it stored, checked against its hash, loaded again.
 */
#include "registry/snapshot.h"
#include "base/name.h"
#include "data/text.h"
#include "definition/load.h"
#include "definition/print.h"
#include "definition/validate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for definitions");
}

static ldr_snapshot *
new_snapshot(void)
{
    ldr_snapshot *snapshot = calloc(1, sizeof *snapshot);

    if (snapshot != NULL)
        snapshot->n_holders = 1;
    return snapshot;
}

/* Keep the canonical text and its hash. */
static larder_status
keep_text(
    ldr_snapshot *snapshot, const char *text, size_t size, larder_error *err)
{
    char *copy = ldr_arena_copy_n(&snapshot->arena, text, size);

    if (copy == NULL)
        return no_memory(err);
    snapshot->text = copy;
    snapshot->n_text = size;
    ldr_hash_hex((larder_bytes){copy, size}, snapshot->hash);
    return LARDER_OK;
}

/* The first fault as the error, when there was one. */
static larder_status
no_fault(const ldr_faults *faults, larder_error *err)
{
    if (faults->n_errors == 0)
        return LARDER_OK;
    if (err != NULL)
        *err = faults->first;
    return LARDER_INVALID;
}

larder_status
ldr_snapshot_of_folder(const char *folder, int64_t default_ttl_us,
    const larder_call *call, ldr_faults *faults, ldr_snapshot **out,
    larder_error *err)
{
    ldr_faults own = {.call = call};
    ldr_snapshot *snapshot = new_snapshot();
    char *text = NULL;
    size_t size = 0;
    larder_status rc = LARDER_OK;

    if (snapshot == NULL)
        return no_memory(err);
    if (faults == NULL)
        faults = &own;
    if (faults->call == NULL)
        faults->call = call;
    LARDER_TRY(
        ldr_load_folder(folder, &snapshot->arena, faults, &snapshot->all, err));
    if (default_ttl_us > 0)
        ldr_default_ttl(&snapshot->all, default_ttl_us);
    LARDER_TRY(ldr_validate(&snapshot->all, &snapshot->arena, faults, err));
    LARDER_TRY(no_fault(faults, err));
    LARDER_TRY(ldr_print_all(&snapshot->all, &text, &size, err));
    LARDER_TRY(keep_text(snapshot, text, size, err));
    *out = snapshot;
    snapshot = NULL;
out:
    free(text);
    ldr_snapshot_drop(snapshot);
    return rc;
}

/* Load what the registry stored; a fault in it is damage, not the user's. */
static larder_status
load_stored(ldr_snapshot *snapshot, const char *name, larder_error *err)
{
    ldr_faults faults = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(ldr_load_text(name, snapshot->text, snapshot->n_text,
        &snapshot->arena, &faults, &snapshot->all, err));
    LARDER_TRY(ldr_validate(&snapshot->all, &snapshot->arena, &faults, err));
    if (faults.n_errors > 0) {
        (void)larder_fail(err, LARDER_CORRUPT,
            "line %u of the stored definitions does not load: %s",
            faults.first.line, faults.first.message);
        larder_hint(err, "was it applied by a newer version of Larder?");
        return LARDER_CORRUPT;
    }
out:
    return rc;
}

static larder_status
take_generation(
    ldr_snapshot *snapshot, const larder_generation *from, larder_error *err)
{
    const char *name;
    larder_status rc = LARDER_OK;

    snapshot->generation = from->number;
    LARDER_TRY(keep_text(snapshot, from->text == NULL ? "" : from->text,
        from->text == NULL ? 0 : from->n_text, err));
    if (from->number == 0)
        return LARDER_OK;
    name =
        ldr_arena_printf(&snapshot->arena, "generation %" PRIu64, from->number);
    if (name == NULL)
        return no_memory(err);
    if (strcmp(snapshot->hash, from->hash) != 0) {
        (void)larder_fail(err, LARDER_CORRUPT,
            "%s of the registry has the hash %s, but should have %s", name,
            snapshot->hash, from->hash);
        larder_hint(err, "restore the registry from a copy");
        return LARDER_CORRUPT;
    }
    rc = load_stored(snapshot, name, err);
    if (rc != LARDER_OK)
        larder_context(err, "%s of the registry", name);
out:
    return rc;
}

larder_status
ldr_snapshot_of_registry(ldr_records *records, const larder_call *call,
    const char *project, uint64_t number, ldr_snapshot **out, larder_error *err)
{
    ldr_snapshot *snapshot = new_snapshot();
    larder_generation generation = {0};
    larder_status rc = LARDER_OK;

    if (snapshot == NULL)
        return no_memory(err);
    if (records != NULL)
        LARDER_TRY(
            ldr_records_load(records, call, project, number, &generation, err));
    LARDER_TRY(take_generation(snapshot, &generation, err));
    *out = snapshot;
    snapshot = NULL;
out:
    free(generation.text);
    ldr_snapshot_drop(snapshot);
    return rc;
}

ldr_snapshot *
ldr_snapshot_hold(ldr_snapshot *snapshot)
{
    unsigned before =
        __atomic_fetch_add(&snapshot->n_holders, 1u, __ATOMIC_RELAXED);

    assert(before > 0);
    (void)before;
    return snapshot;
}

void
ldr_snapshot_drop(ldr_snapshot *snapshot)
{
    if (snapshot == NULL ||
        __atomic_sub_fetch(&snapshot->n_holders, 1u, __ATOMIC_ACQ_REL) > 0)
        return;
    ldr_arena_free(&snapshot->arena);
    free(snapshot);
}

const char *
ldr_kind_name(larder_kind kind)
{
    switch (kind) {
    case LARDER_ENTITIES:
        return "entity";
    case LARDER_SOURCES:
        return "source";
    case LARDER_VIEWS:
        return "view";
    case LARDER_SERVICES:
        return "service";
    case LARDER_JOBS:
        return "job";
    case LARDER_ON_DEMAND_VIEWS:
        return "on-demand view";
    case LARDER_ALL:
        break;
    }
    return "definition";
}

size_t
ldr_snapshot_count(const ldr_snapshot *snapshot, larder_kind kind)
{
    const ldr_definitions *all = &snapshot->all;

    switch (kind) {
    case LARDER_ENTITIES:
        return all->n_entities;
    case LARDER_SOURCES:
        return all->n_sources;
    case LARDER_VIEWS:
        return all->n_views;
    case LARDER_SERVICES:
        return all->n_services;
    case LARDER_JOBS:
        return all->n_jobs;
    case LARDER_ON_DEMAND_VIEWS:
        return all->n_on_demands;
    case LARDER_ALL:
        break;
    }
    return all->n_entities + all->n_sources + all->n_views + all->n_services +
           all->n_jobs + all->n_on_demands;
}

const ldr_about *
ldr_snapshot_at(const ldr_snapshot *snapshot, larder_kind kind, size_t i)
{
    const ldr_definitions *all = &snapshot->all;

    assert(i < ldr_snapshot_count(snapshot, kind));
    for (larder_kind one = LARDER_ENTITIES; kind == LARDER_ALL; one++) {
        size_t n = ldr_snapshot_count(snapshot, one);

        if (i < n)
            kind = one;
        else
            i -= n;
    }
    switch (kind) {
    case LARDER_ENTITIES:
        return &all->entities[i].about;
    case LARDER_SOURCES:
        return &all->sources[i].about;
    case LARDER_VIEWS:
        return &all->views[i].about;
    case LARDER_SERVICES:
        return &all->services[i].about;
    case LARDER_JOBS:
        return &all->jobs[i].about;
    case LARDER_ON_DEMAND_VIEWS:
    case LARDER_ALL:
        break;
    }
    return &all->on_demands[i].about;
}

const ldr_about *
ldr_snapshot_find(
    const ldr_snapshot *snapshot, const char *name, larder_kind *kind)
{
    for (larder_kind one = LARDER_ENTITIES; one < LARDER_ALL; one++) {
        size_t n = ldr_snapshot_count(snapshot, one);

        for (size_t i = 0; i < n; i++) {
            const ldr_about *about = ldr_snapshot_at(snapshot, one, i);

            if (!ldr_name_equal(about->name, name))
                continue;
            *kind = one;
            return about;
        }
    }
    return NULL;
}

/* The nearest name of a kind, or NULL; also where memory is short. */
static const char *
nearest_name(const ldr_snapshot *snapshot, larder_kind kind, const char *name)
{
    size_t n = ldr_snapshot_count(snapshot, kind);
    const char **names = calloc(n + 1, sizeof *names);
    const char *nearest;

    if (names == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        names[i] = ldr_snapshot_at(snapshot, kind, i)->name;
    nearest = ldr_name_nearest(name, names, n);
    free(names);
    return nearest;
}

/* What messages call a kind. */
static const char *
kind_in_words(larder_kind kind)
{
    if (kind == LARDER_VIEWS)
        return "feature view";
    if (kind == LARDER_SERVICES)
        return "feature service";
    return ldr_kind_name(kind);
}

larder_status
ldr_snapshot_missing(const ldr_snapshot *snapshot, larder_kind kind,
    const char *name, larder_error *err)
{
    const char *nearest = nearest_name(snapshot, kind, name);
    char clip[LDR_CLIP_ROOM];

    (void)larder_fail(err, LARDER_NOT_FOUND, "there is no %s '%s'",
        kind_in_words(kind),
        ldr_text_clip((larder_bytes){name, strlen(name)}, clip));
    if (snapshot->generation == 0 && snapshot->n_text == 0)
        larder_hint(err, "nothing is applied yet: run 'larder apply'");
    else if (nearest != NULL)
        larder_hint(err, "did you mean '%s'?", nearest);
    return LARDER_NOT_FOUND;
}

larder_status
ldr_snapshot_view(const ldr_snapshot *snapshot, const char *name,
    const ldr_view **out, larder_error *err)
{
    const ldr_view *view = ldr_find_view(&snapshot->all, name);

    if (view == NULL)
        return ldr_snapshot_missing(snapshot, LARDER_VIEWS, name, err);
    *out = view;
    return LARDER_OK;
}

larder_status
ldr_snapshot_source(const ldr_snapshot *snapshot, const char *name,
    const ldr_source **out, larder_error *err)
{
    const ldr_source *source = ldr_find_source(&snapshot->all, name);

    if (source == NULL)
        return ldr_snapshot_missing(snapshot, LARDER_SOURCES, name, err);
    *out = source;
    return LARDER_OK;
}

larder_status
ldr_snapshot_service(const ldr_snapshot *snapshot, const char *name,
    const ldr_service **out, larder_error *err)
{
    const ldr_service *service = ldr_find_service(&snapshot->all, name);

    if (service == NULL)
        return ldr_snapshot_missing(snapshot, LARDER_SERVICES, name, err);
    *out = service;
    return LARDER_OK;
}
