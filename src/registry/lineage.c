/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lineage.c - who depends on what (ldr_catalog_lineage() of catalog.h).
 *
 * Edges between objects, in the order of kinds and names. With a name only
 * those are told that lead down from it to what it depends on, or up to it
 * from who depends on it.
 */
#include "base/name.h"
#include "registry/catalog.h"
#include "registry/rows.h"

#include <stdlib.h>
#include <string.h>

/* An object, by its place among all of a snapshot. */
#define OUTSIDE SIZE_MAX

typedef struct edge {
    size_t from, to; /* objects; OUTSIDE: a table or a query */
    larder_kind kind;
    const char *name;
    const char *to_kind, *to_name;
} edge;

typedef struct lineage {
    const ldr_snapshot *snapshot;
    ldr_arena arena;
    edge *edges;
    size_t n_edges;
    bool *below; /* by object: the named one depends on it */
    bool *above; /* it depends on the named one */
} lineage;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for the lineage");
}

/* Where the objects of a kind begin. */
static size_t
first_of(const ldr_snapshot *snapshot, larder_kind kind)
{
    size_t first = 0;

    for (larder_kind one = LARDER_ENTITIES; one < kind; one++)
        first += ldr_snapshot_count(snapshot, one);
    return first;
}

static size_t
count_edges(const ldr_definitions *all)
{
    size_t n = all->n_sources;

    for (size_t i = 0; i < all->n_views; i++)
        n += 1 + all->views[i].n_entities;
    for (size_t i = 0; i < all->n_services; i++)
        n += all->services[i].n_items;
    for (size_t i = 0; i < all->n_on_demands; i++)
        n += all->on_demands[i].n_inputs;
    return n;
}

static void
add_sources(lineage *graph)
{
    const ldr_definitions *all = &graph->snapshot->all;
    size_t first = first_of(graph->snapshot, LARDER_SOURCES);

    for (size_t i = 0; i < all->n_sources; i++) {
        const ldr_source *source = &all->sources[i];
        bool query = source->query != NULL;
        edge one = {.from = first + i,
            .to = OUTSIDE,
            .kind = LARDER_SOURCES,
            .name = source->about.name,
            .to_kind = query ? "query" : "table",
            .to_name = query ? source->query : source->table};

        if (source->kind == LDR_SOURCE_REQUEST)
            continue;
        if (source->kind == LDR_SOURCE_PUSH) {
            one.to = first + (size_t)(source->batch_source - all->sources);
            one.to_kind = ldr_kind_name(LARDER_SOURCES);
            one.to_name = source->batch_source_name;
        }
        graph->edges[graph->n_edges++] = one;
    }
}

static void
add_views(lineage *graph)
{
    const ldr_definitions *all = &graph->snapshot->all;
    size_t entities = first_of(graph->snapshot, LARDER_ENTITIES);
    size_t sources = first_of(graph->snapshot, LARDER_SOURCES);
    size_t first = first_of(graph->snapshot, LARDER_VIEWS);

    for (size_t i = 0; i < all->n_views; i++) {
        const ldr_view *view = &all->views[i];
        edge one = {
            .from = first + i, .kind = LARDER_VIEWS, .name = view->about.name};

        for (size_t e = 0; e < view->n_entities; e++) {
            one.to = entities + (size_t)(view->entities[e] - all->entities);
            one.to_kind = ldr_kind_name(LARDER_ENTITIES);
            one.to_name = view->entities[e]->about.name;
            graph->edges[graph->n_edges++] = one;
        }
        one.to = sources + (size_t)(ldr_find_source(all, view->source_name) -
                                    all->sources);
        one.to_kind = ldr_kind_name(LARDER_SOURCES);
        one.to_name = view->source_name;
        graph->edges[graph->n_edges++] = one;
    }
}

static larder_status
add_services(lineage *graph, larder_error *err)
{
    const ldr_definitions *all = &graph->snapshot->all;
    size_t views = first_of(graph->snapshot, LARDER_VIEWS);
    size_t on_demands = first_of(graph->snapshot, LARDER_ON_DEMAND_VIEWS);
    size_t first = first_of(graph->snapshot, LARDER_SERVICES);

    for (size_t i = 0; i < all->n_services; i++) {
        const ldr_service *service = &all->services[i];

        for (size_t k = 0; k < service->n_items; k++) {
            const ldr_service_item *item = &service->items[k];
            bool on_demand = item->on_demand != NULL;
            edge one = {.from = first + i,
                .kind = LARDER_SERVICES,
                .name = service->about.name,
                .to_kind = ldr_kind_name(
                    on_demand ? LARDER_ON_DEMAND_VIEWS : LARDER_VIEWS),
                .to_name = ldr_catalog_ref(item, &graph->arena)};

            one.to = on_demand ? on_demands +
                                     (size_t)(item->on_demand - all->on_demands)
                               : views + (size_t)(item->view - all->views);
            if (one.to_name == NULL)
                return no_memory(err);
            graph->edges[graph->n_edges++] = one;
        }
    }
    return LARDER_OK;
}

static void
add_on_demands(lineage *graph)
{
    const ldr_snapshot *snapshot = graph->snapshot;
    const ldr_definitions *all = &snapshot->all;
    size_t first = first_of(snapshot, LARDER_ON_DEMAND_VIEWS);

    for (size_t i = 0; i < all->n_on_demands; i++)
        for (size_t k = 0; k < all->on_demands[i].n_inputs; k++) {
            const ldr_input *input = &all->on_demands[i].inputs[k];
            larder_kind kind = LARDER_SOURCES;
            size_t at;

            if (input->view != NULL) {
                kind = LARDER_VIEWS;
                at = (size_t)(input->view - all->views);
            } else if (input->on_demand != NULL) {
                kind = LARDER_ON_DEMAND_VIEWS;
                at = (size_t)(input->on_demand - all->on_demands);
            } else {
                at = (size_t)(input->request - all->sources);
            }
            graph->edges[graph->n_edges++] = (edge){.from = first + i,
                .to = first_of(snapshot, kind) + at,
                .kind = LARDER_ON_DEMAND_VIEWS,
                .name = all->on_demands[i].about.name,
                .to_kind = ldr_kind_name(kind),
                .to_name = input->name};
        }
}

/* Every edge, in the order of kinds and names. */
static larder_status
draw(lineage *graph, larder_error *err)
{
    size_t n_objects = ldr_snapshot_count(graph->snapshot, LARDER_ALL);
    larder_status rc;

    graph->edges = ldr_arena_array(&graph->arena,
        count_edges(&graph->snapshot->all) + 1, sizeof *graph->edges);
    graph->below =
        ldr_arena_array(&graph->arena, n_objects + 1, sizeof *graph->below);
    graph->above =
        ldr_arena_array(&graph->arena, n_objects + 1, sizeof *graph->above);
    if (graph->edges == NULL || graph->below == NULL || graph->above == NULL)
        return no_memory(err);
    add_sources(graph);
    add_views(graph);
    rc = add_services(graph, err);
    add_on_demands(graph);
    return rc;
}

/* Mark all objects of a name, whatever their kind. */
static bool
mark_named(lineage *graph, const char *name)
{
    size_t n = ldr_snapshot_count(graph->snapshot, LARDER_ALL);
    bool any = false;

    for (size_t i = 0; i < n; i++)
        if (ldr_name_equal(
                ldr_snapshot_at(graph->snapshot, LARDER_ALL, i)->name, name))
            any = graph->below[i] = graph->above[i] = true;
    return any;
}

/* Follow the edges both ways until nothing new is reached; paths are as long
 * as there are kinds, and on-demand views in a row. */
static void
follow(lineage *graph)
{
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = 0; i < graph->n_edges; i++) {
            const edge *one = &graph->edges[i];

            if (one->to == OUTSIDE)
                continue;
            if (graph->below[one->from] && !graph->below[one->to])
                more = graph->below[one->to] = true;
            if (graph->above[one->to] && !graph->above[one->from])
                more = graph->above[one->from] = true;
        }
    }
}

static larder_status
tell(const lineage *graph, bool all, larder_stream *out, larder_error *err)
{
    static const larder_field fields[] = {{"kind", LARDER_STRING},
        {"name", LARDER_STRING}, {"depends_on_kind", LARDER_STRING},
        {"depends_on", LARDER_STRING}};
    static const larder_schema schema = {fields, 4};
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_batch_init(&batch, &schema, err));
    for (size_t i = 0; i < graph->n_edges; i++) {
        const edge *one = &graph->edges[i];
        const char *row[] = {
            ldr_kind_name(one->kind), one->name, one->to_kind, one->to_name};

        if (all || graph->below[one->from] ||
            (one->to != OUTSIDE && graph->above[one->to]))
            LARDER_TRY(ldr_rows_add(&batch, row, err));
    }
    LARDER_TRY(larder_stream_of(&batch, out, err));
out:
    larder_batch_release(&batch);
    return rc;
}

larder_status
ldr_catalog_lineage(const ldr_snapshot *snapshot, const char *name,
    larder_stream *out, larder_error *err)
{
    lineage graph = {.snapshot = snapshot};
    larder_status rc = LARDER_OK;

    LARDER_TRY(draw(&graph, err));
    if (name != NULL) {
        if (!mark_named(&graph, name)) {
            rc = ldr_snapshot_missing(snapshot, LARDER_ALL, name, err);
            goto out;
        }
        follow(&graph);
    }
    LARDER_TRY(tell(&graph, name == NULL, out, err));
out:
    ldr_arena_free(&graph.arena);
    return rc;
}
