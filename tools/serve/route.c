/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route.c - the table of routes, and how one is found.
 */
#include "serve/route.h"

#include <stdio.h>
#include <string.h>

static const char *const of_generation[] = {"generation", NULL};
static const char *const of_lineage[] = {"name", NULL};
static const char *const of_freshness[] = {"view", "max-staleness", NULL};
static const char *const of_stats[] = {"online", "from", "to", NULL};

const struct route routes[] = {{.method = "POST",
                                   .path = "/get-online-features",
                                   .scope = SCOPE_READ,
                                   .place = PLACE_ONLINE,
                                   .dialect = DIALECT_FEAST,
                                   .handle = answer_features,
                                   .id = "get_online_features",
                                   .summary = "The newest features of entities",
                                   .body = "GetOnlineFeatures",
                                   .answer = "OnlineFeatures"},
    {.method = "POST",
        .path = "/push",
        .scope = SCOPE_PUSH,
        .place = PLACE_WORKER,
        .dialect = DIALECT_FEAST,
        .big = true,
        .handle = answer_push,
        .id = "push",
        .summary = "Rows of a push source, now",
        .body = "Push"},
    {.method = "POST",
        .path = "/write-to-online-store",
        .scope = SCOPE_PUSH,
        .place = PLACE_WORKER,
        .dialect = DIALECT_FEAST,
        .big = true,
        .handle = answer_write,
        .id = "write_to_online_store",
        .summary = "Rows of one feature view, online alone",
        .body = "WriteToOnlineStore"},
    {.method = "POST",
        .path = "/materialize",
        .scope = SCOPE_MATERIALIZE,
        .place = PLACE_WORKER,
        .dialect = DIALECT_FEAST,
        .handle = answer_materialize,
        .id = "materialize",
        .summary = "A range of history to the online store",
        .body = "Materialize"},
    {.method = "POST",
        .path = "/materialize-incremental",
        .scope = SCOPE_MATERIALIZE,
        .place = PLACE_WORKER,
        .dialect = DIALECT_FEAST,
        .handle = answer_materialize_incremental,
        .id = "materialize_incremental",
        .summary = "What is new in history to the online store",
        .body = "MaterializeIncremental"},
    {.method = "GET",
        .path = "/runs/{id}",
        .scope = SCOPE_MATERIALIZE,
        .place = PLACE_HERE,
        .dialect = DIALECT_LARDER,
        .handle = answer_run,
        .id = "run",
        .summary = "How a materialize that was begun with async=true fares"},
    {.method = "GET",
        .path = "/entities",
        .scope = SCOPE_READ,
        .place = PLACE_WORKER,
        .dialect = DIALECT_LARDER,
        .handle = answer_operation,
        .operation = &op_ls,
        .word = "entities",
        .query = of_generation,
        .id = "entities",
        .summary = "The entities that are applied"},
    {.method = "GET",
        .path = "/entities/{name}",
        .scope = SCOPE_READ,
        .place = PLACE_WORKER,
        .dialect = DIALECT_LARDER,
        .handle = answer_operation,
        .operation = &op_entities,
        .word = "describe",
        .query = of_generation,
        .id = "entity",
        .summary = "An entity as it is applied"},
    {.method = "GET",
        .path = "/data-sources",
        .scope = SCOPE_READ,
        .place = PLACE_WORKER,
        .dialect = DIALECT_LARDER,
        .handle = answer_operation,
        .operation = &op_ls,
        .word = "sources",
        .query = of_generation,
        .id = "data_sources",
        .summary = "The sources that are applied"},
    {.method = "GET",
        .path = "/data-sources/{name}",
        .scope = SCOPE_READ,
        .place = PLACE_WORKER,
        .dialect = DIALECT_LARDER,
        .handle = answer_operation,
        .operation = &op_data_sources,
        .word = "describe",
        .query = of_generation,
        .id = "data_source",
        .summary = "A source as it is applied"},
    {.method = "GET",
        .path = "/feature-views",
        .scope = SCOPE_READ,
        .place = PLACE_WORKER,
        .dialect = DIALECT_LARDER,
        .handle = answer_operation,
        .operation = &op_ls,
        .word = "views",
        .query = of_generation,
        .id = "feature_views",
        .summary = "The feature views that are applied"},
    {.method = "GET",
        .path = "/feature-views/{name}",
        .scope = SCOPE_READ,
        .place = PLACE_WORKER,
        .dialect = DIALECT_LARDER,
        .of_view = true,
        .handle = answer_operation,
        .operation = &op_feature_views,
        .word = "describe",
        .query = of_generation,
        .id = "feature_view",
        .summary = "A feature view as it is applied"},
    {.method = "GET",
        .path = "/on-demand-feature-views",
        .scope = SCOPE_READ,
        .place = PLACE_WORKER,
        .dialect = DIALECT_LARDER,
        .handle = answer_operation,
        .operation = &op_ls,
        .word = "on-demand-views",
        .query = of_generation,
        .id = "on_demand_feature_views",
        .summary = "The on-demand feature views that are applied"},
    {.method = "GET",
        .path = "/feature-services",
        .scope = SCOPE_READ,
        .place = PLACE_WORKER,
        .dialect = DIALECT_LARDER,
        .handle = answer_operation,
        .operation = &op_ls,
        .word = "services",
        .query = of_generation,
        .id = "feature_services",
        .summary = "The feature services that are applied"},
    {.method = "GET",
        .path = "/feature-services/{name}",
        .scope = SCOPE_READ,
        .place = PLACE_WORKER,
        .dialect = DIALECT_LARDER,
        .handle = answer_operation,
        .operation = &op_feature_services,
        .word = "describe",
        .query = of_generation,
        .id = "feature_service",
        .summary = "A feature service as it is applied"},
    {.method = "GET",
        .path = "/lineage",
        .scope = SCOPE_READ,
        .place = PLACE_WORKER,
        .dialect = DIALECT_LARDER,
        .handle = answer_operation,
        .operation = &op_lineage,
        .query = of_lineage,
        .id = "lineage",
        .summary = "What depends on what"},
    {.method = "GET",
        .path = "/freshness",
        .scope = SCOPE_READ,
        .place = PLACE_WORKER,
        .dialect = DIALECT_LARDER,
        .slow = true,
        .handle = answer_operation,
        .operation = &op_freshness,
        .query = of_freshness,
        .id = "freshness",
        .summary = "Whether what is online is fresh, stale or unknown"},
    {.method = "GET",
        .path = "/stats/{name}",
        .scope = SCOPE_READ,
        .place = PLACE_WORKER,
        .dialect = DIALECT_LARDER,
        .slow = true,
        .of_view = true,
        .handle = answer_operation,
        .operation = &op_stats,
        .query = of_stats,
        .id = "stats",
        .summary = "What the features of a view hold"},
    {.method = "GET",
        .path = "/openapi.json",
        .scope = SCOPE_NONE,
        .place = PLACE_HERE,
        .dialect = DIALECT_LARDER,
        .handle = answer_openapi,
        .id = "openapi",
        .summary = "This description"},
    {.method = "GET",
        .path = "/docs",
        .scope = SCOPE_NONE,
        .place = PLACE_HERE,
        .dialect = DIALECT_LARDER,
        .handle = answer_docs,
        .id = "docs",
        .summary = "The routes, on a page"},
    {.method = "GET",
        .path = "/health",
        .scope = SCOPE_NONE,
        .place = PLACE_HERE,
        .dialect = DIALECT_LARDER,
        .handle = answer_health,
        .id = "health",
        .summary = "Whether requests are answered"},
    {0}};

/* Does the path match, and what does it name? A name is one part, not empty. */
static bool
matches(const char *pattern, const char *path, larder_bytes *name)
{
    const char *brace = strchr(pattern, '{');
    size_t size = brace == NULL ? 0 : (size_t)(brace - pattern);

    *name = (larder_bytes){0};
    if (brace == NULL)
        return strcmp(pattern, path) == 0;
    if (strncmp(pattern, path, size) != 0 || path[size] == '\0' ||
        strchr(path + size, '/') != NULL)
        return false;
    *name = (larder_bytes){path + size, strlen(path + size)};
    return true;
}

/* HEAD is answered as GET. */
static bool
same_method(const char *of_route, const char *asked)
{
    return strcmp(of_route, asked) == 0 ||
           (strcmp(of_route, "GET") == 0 && strcmp(asked, "HEAD") == 0);
}

const struct route *
route_find(const char *method, const char *path, larder_bytes *name,
    const char **allowed)
{
    *allowed = NULL;
    for (const struct route *route = routes; route->path != NULL; route++) {
        if (!matches(route->path, path, name))
            continue;
        if (same_method(route->method, method))
            return route;
        *allowed = route->method;
    }
    return NULL;
}
