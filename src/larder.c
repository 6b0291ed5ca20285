/* SPDX-License-Identifier: Apache-2.0 */
/*
 * larder.c - the front door: each public call told as a short walk through the
 * rooms.
 *
 * A store opens its registry, history and online store when they are first
 * needed, under one lock; what is open stays open until the store is closed.
 * Each call sees one generation: the newest at its beginning.
 */
#include "larder.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "data/schema.h"
#include "data/text.h"
#include "definition/config.h"
#include "definition/table.h"
#include "engine/contract.h"
#include "engine/differ.h"
#include "engine/explain.h"
#include "engine/historical.h"
#include "engine/ingest.h"
#include "engine/materialize.h"
#include "engine/plan.h"
#include "engine/prove.h"
#include "engine/push.h"
#include "engine/readable.h"
#include "engine/reader.h"
#include "registry/apply.h"
#include "registry/catalog.h"
#include "registry/diff.h"
#include "registry/snapshot.h"
#include "storage/backend.h"
#include "storage/offline.h"
#include "storage/online.h"
#include "storage/records.h"

struct larder_store {
    ldr_arena arena; /* under `lock` once open */
    ldr_config config;
    bool in_memory;
    ldr_backends backends;
    ldr_log log;
    pthread_mutex_t lock; /* over what follows */
    ldr_records *records;
    ldr_offline *offline;
    ldr_online *online;
    ldr_snapshot *current;
    uint64_t n_runs;
};

/* -------------------------------------------------------- opening, closing */

larder_status
larder_open(const larder_open_options *options, const larder_call *call,
    larder_store **out, larder_error *err)
{
    larder_store *store = calloc(1, sizeof *store);
    larder_status rc;

    if (store == NULL || pthread_mutex_init(&store->lock, NULL) != 0) {
        free(store);
        return larder_fail(err, LARDER_NOMEM, "no memory to open a store");
    }
    store->backends = (ldr_backends){.offline = options->offline_backends,
        .online = options->online_backends,
        .registry = options->registry_backends};
    store->in_memory = options->in_memory;
    store->log =
        (ldr_log){.sink = options->log, .context = options->log_context};
    rc = (options->in_memory ? ldr_config_load_in_memory : ldr_config_load)(
        options->config_path, options->variable, options->variable_context,
        call, &store->arena, &store->config, err);
    if (rc != LARDER_OK) {
        larder_close(store);
        return rc;
    }
    *out = store;
    return LARDER_OK;
}

void
larder_close(larder_store *store)
{
    if (store == NULL)
        return;
    ldr_snapshot_drop(store->current);
    ldr_online_close(store->online);
    ldr_offline_close(store->offline);
    ldr_records_close(store->records);
    pthread_mutex_destroy(&store->lock);
    ldr_arena_free(&store->arena);
    free(store);
}

/* A fault of the configuration is told with its place. */
static larder_status
at_section(larder_status rc, const ldr_store_config *config, larder_error *err)
{
    const ldr_place *place = &config->options.place;

    if (rc == LARDER_OK || err == NULL || place->file == NULL)
        return rc;
    if (config->type_written != NULL) /* what variables hold is not shown */
        larder_fail(err, rc, "the type of %s, '%s', is none of those built in",
            config->options.section, config->type_written);
    snprintf(err->file, sizeof err->file, "%s", place->file);
    err->line = place->line;
    err->column = place->column;
    return rc;
}

/* Are the stores of the configuration any that this library knows? */
static larder_status
check_types(const larder_store *store, larder_error *err)
{
    const ldr_backends *own = &store->backends;
    const ldr_config *config = &store->config;
    const larder_registry_ops *registry;
    const larder_offline_ops *offline;
    const larder_online_ops *online;
    larder_status rc;

    LARDER_TRY(at_section(
        ldr_backend_registry(own, config->registry.type, &registry, err),
        &config->registry, err));
    LARDER_TRY(at_section(
        ldr_backend_offline(own, config->offline.type, &offline, err),
        &config->offline, err));
    LARDER_TRY(
        at_section(ldr_backend_online(own, config->online.type, &online, err),
            &config->online, err));
out:
    return rc;
}

/* The three `need_` calls run under the lock. */
static larder_status
need_records(larder_store *store, bool create, const larder_call *call,
    larder_error *err)
{
    const ldr_store_config *config = &store->config.registry;
    const larder_registry_ops *ops;
    larder_status rc = LARDER_OK;

    if (store->records != NULL)
        return LARDER_OK;
    LARDER_TRY(at_section(
        ldr_backend_registry(&store->backends, config->type, &ops, err), config,
        err));
    LARDER_TRY(ldr_records_open(
        ops, &config->options, create, call, &store->records, err));
out:
    return rc;
}

static larder_status
need_offline(larder_store *store, bool create, const larder_call *call,
    larder_error *err)
{
    const ldr_store_config *config = &store->config.offline;
    const larder_offline_ops *ops;
    larder_status rc = LARDER_OK;

    if (store->offline != NULL)
        return LARDER_OK;
    LARDER_TRY(at_section(
        ldr_backend_offline(&store->backends, config->type, &ops, err), config,
        err));
    LARDER_TRY(ldr_offline_open(
        ops, &config->options, create, call, &store->offline, err));
out:
    return rc;
}

static larder_status
need_online(larder_store *store, bool create, const larder_call *call,
    larder_error *err)
{
    const ldr_store_config *config = &store->config.online;
    const larder_online_ops *ops;
    larder_status rc = LARDER_OK;

    if (store->online != NULL)
        return LARDER_OK;
    LARDER_TRY(at_section(
        ldr_backend_online(&store->backends, config->type, &ops, err), config,
        err));
    LARDER_TRY(ldr_online_open(
        ops, &config->options, create, call, &store->online, err));
out:
    return rc;
}

enum { RECORDS = 1, OFFLINE = 2, ONLINE = 4, CREATE = 8 };

static larder_status
need(larder_store *store, unsigned what, const larder_call *call,
    larder_error *err)
{
    bool create = (what & CREATE) != 0;
    larder_status rc = LARDER_OK;

    pthread_mutex_lock(&store->lock);
    if ((what & RECORDS) != 0)
        LARDER_TRY(need_records(store, create, call, err));
    if ((what & OFFLINE) != 0)
        LARDER_TRY(need_offline(store, create, call, err));
    if ((what & ONLINE) != 0)
        LARDER_TRY(need_online(store, create, call, err));
out:
    pthread_mutex_unlock(&store->lock);
    return rc;
}

/* The newest generation, kept until a newer one is there. Under the lock. */
static larder_status
refresh(larder_store *store, const larder_call *call, larder_error *err)
{
    const char *project = store->config.project;
    ldr_snapshot *loaded = NULL;
    uint64_t newest = 0;
    larder_status rc;

    LARDER_TRY(ldr_records_newest(store->records, call, project, &newest, err));
    if (newest == 0) {
        rc = larder_fail(err, LARDER_NOT_FOUND,
            "nothing is applied yet in project '%s'", project);
        larder_hint(err, "run 'larder apply'");
        goto out;
    }
    if (store->current != NULL && store->current->generation == newest)
        goto out;
    LARDER_TRY(ldr_snapshot_of_registry(
        store->records, call, project, newest, &loaded, err));
    ldr_snapshot_drop(store->current);
    store->current = loaded;
out:
    return rc;
}

/* Generation `number` (0: the current one) and the stores in `what`. */
static larder_status
enter(larder_store *store, unsigned what, uint64_t number,
    const larder_call *call, ldr_snapshot **out, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(need(store, RECORDS, call, err));
    if (number != 0) {
        LARDER_TRY(ldr_snapshot_of_registry(
            store->records, call, store->config.project, number, out, err));
    } else {
        pthread_mutex_lock(&store->lock);
        rc = refresh(store, call, err);
        if (rc == LARDER_OK)
            *out = ldr_snapshot_hold(store->current);
        pthread_mutex_unlock(&store->lock);
        LARDER_TRY(rc);
    }
    rc = need(store, what, call, err);
    if (rc != LARDER_OK) {
        ldr_snapshot_drop(*out);
        *out = NULL;
    }
out:
    return rc;
}

/* ---------------------------------------------------- definitions, registry */

/* The definitions as the folder has them now. */
static larder_status
read_folder(larder_store *store, const larder_call *call, ldr_faults *faults,
    ldr_snapshot **out, larder_error *err)
{
    const ldr_config *config = &store->config;
    ldr_faults own = {.call = call};
    ldr_snapshot *snapshot = NULL;
    larder_status rc;

    if (faults == NULL)
        faults = &own;
    LARDER_TRY(ldr_snapshot_of_folder(config->folder,
        config->has_default_ttl ? config->default_ttl_us : 0, call, faults,
        &snapshot, err));
    LARDER_TRY(ldr_readable(snapshot, faults, err));
    *out = snapshot;
    snapshot = NULL;
out:
    ldr_snapshot_drop(snapshot);
    return rc;
}

larder_status
larder_validate(larder_store *store, const larder_call *call,
    larder_faults *out, larder_error *err)
{
    ldr_faults faults = {.call = call};
    ldr_snapshot *snapshot = NULL;
    larder_status rc = read_folder(store, call, &faults, &snapshot, err);

    *out = (larder_faults){
        .n_errors = faults.n_errors, .n_warnings = faults.n_warnings};
    if (rc == LARDER_OK)
        rc = check_types(store, err);
    if (rc == LARDER_OK) {
        out->n_entities = snapshot->all.n_entities;
        out->n_sources = snapshot->all.n_sources;
        out->n_views = snapshot->all.n_views;
        out->n_on_demand_views = snapshot->all.n_on_demands;
        out->n_services = snapshot->all.n_services;
        out->n_jobs = snapshot->all.n_jobs;
    }
    ldr_snapshot_drop(snapshot);
    return rc;
}

/* A store that is not there yet is no failure of a plan. */
static larder_status
need_if_there(larder_store *store, unsigned what, const larder_call *call,
    larder_error *err)
{
    larder_error absent = {0};
    larder_status rc = need(store, what, call, &absent);

    if (rc == LARDER_NOT_FOUND)
        return LARDER_OK;
    if (rc != LARDER_OK && err != NULL)
        *err = absent;
    return rc;
}

larder_status
larder_plan(larder_store *store, const larder_call *call, larder_applied *out,
    larder_stream *changes, larder_error *err)
{
    ldr_snapshot *wanted = NULL, *current = NULL;
    ldr_changes list = {0};
    ldr_apply apply = {
        .project = store->config.project, .owned_only = store->in_memory};
    larder_status rc;

    LARDER_TRY(read_folder(store, call, NULL, &wanted, err));
    LARDER_TRY(need_if_there(store, RECORDS, call, err));
    LARDER_TRY(need_if_there(store, OFFLINE, call, err));
    apply.records = store->records;
    apply.offline = store->offline;
    apply.wanted = wanted;
    LARDER_TRY(ldr_apply_plan(&apply, call, &list, &current, err));
    LARDER_TRY(ldr_changes_stream(&list, changes, err));
    *out = (larder_applied){
        .generation = current == NULL ? 0 : current->generation,
        .n_changes = list.n_changes};
out:
    ldr_changes_release(&list);
    ldr_snapshot_drop(current);
    ldr_snapshot_drop(wanted);
    return rc;
}

/* `wanted` is dropped here. */
static larder_status
run_apply(larder_store *store, const larder_call *call, ldr_snapshot *wanted,
    const larder_apply_options *options, larder_applied *out,
    larder_stream *changes, larder_error *err)
{
    ldr_changes list = {0};
    ldr_apply apply = {.project = store->config.project,
        .owned_only = store->in_memory,
        .wanted = wanted,
        .options = options};
    larder_applied applied = {0};
    larder_status rc;

    LARDER_TRY(need(store, RECORDS | OFFLINE | ONLINE | CREATE, call, err));
    apply.records = store->records;
    apply.offline = store->offline;
    LARDER_TRY(ldr_apply_run(&apply, call, &list, &applied, err));
    LARDER_TRY(ldr_changes_stream(&list, changes, err));
    *out = applied;
    ldr_log_event(&store->log, "apply", "generation=%llu changes=%zu",
        (unsigned long long)applied.generation, applied.n_changes);
out:
    ldr_changes_release(&list);
    ldr_snapshot_drop(wanted);
    return rc;
}

larder_status
larder_apply(larder_store *store, const larder_call *call,
    const larder_apply_options *options, larder_applied *out,
    larder_stream *changes, larder_error *err)
{
    ldr_snapshot *wanted = NULL;
    larder_status rc = read_folder(store, call, NULL, &wanted, err);

    if (rc != LARDER_OK)
        return rc;
    return run_apply(store, call, wanted, options, out, changes, err);
}

larder_status
larder_rollback(larder_store *store, const larder_call *call,
    uint64_t generation, const larder_apply_options *options,
    larder_applied *out, larder_stream *changes, larder_error *err)
{
    ldr_snapshot *wanted = NULL;
    larder_status rc;

    if (generation == 0)
        return larder_fail(err, LARDER_INVALID,
            "generations count from 1: there is none before the first");
    rc = enter(store, 0, generation, call, &wanted, err);
    if (rc != LARDER_OK)
        return rc;
    return run_apply(store, call, wanted, options, out, changes, err);
}

larder_status
larder_diff(larder_store *store, const larder_call *call, uint64_t from,
    uint64_t to, larder_stream *changes, larder_error *err)
{
    ldr_snapshot *before = NULL, *after = NULL;
    ldr_changes list = {0};
    larder_status rc;

    LARDER_TRY(enter(store, 0, from, call, &before, err));
    LARDER_TRY(enter(store, 0, to, call, &after, err));
    LARDER_TRY(ldr_diff(before, after, &list, err));
    LARDER_TRY(ldr_changes_stream(&list, changes, err));
out:
    ldr_changes_release(&list);
    ldr_snapshot_drop(before);
    ldr_snapshot_drop(after);
    return rc;
}

static larder_status
remove_tables(larder_store *store, const larder_call *call,
    const ldr_snapshot *snapshot, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < snapshot->all.n_sources; i++) {
        larder_table table;

        ldr_source_table(&snapshot->all.sources[i], &table);
        if (table.owned)
            LARDER_TRY(ldr_offline_remove(store->offline, call, &table, err));
    }
out:
    return rc;
}

/* An earlier try that did not end may have removed it already. */
static larder_status
destroy_online(larder_store *store, const larder_call *call, larder_error *err)
{
    larder_error why = {0};
    larder_status rc = ldr_online_destroy(store->online, call, &why);

    if (rc == LARDER_NOT_FOUND)
        return LARDER_OK;
    if (rc != LARDER_OK && err != NULL)
        *err = why;
    return rc;
}

larder_status
larder_teardown(larder_store *store, const larder_call *call, larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    larder_status rc;

    LARDER_TRY(enter(store, 0, 0, call, &snapshot, err));
    LARDER_TRY(need_if_there(store, OFFLINE, call, err));
    LARDER_TRY(need_if_there(store, ONLINE, call, err));
    if (store->offline != NULL)
        LARDER_TRY(remove_tables(store, call, snapshot, err));
    if (store->online != NULL)
        LARDER_TRY(destroy_online(store, call, err));
    LARDER_TRY(
        ldr_records_destroy(store->records, call, store->config.project, err));
    pthread_mutex_lock(&store->lock);
    ldr_snapshot_drop(store->current);
    store->current = NULL;
    pthread_mutex_unlock(&store->lock);
out:
    ldr_snapshot_drop(snapshot);
    return rc;
}

larder_status
larder_list(larder_store *store, const larder_call *call, larder_kind kind,
    uint64_t generation, larder_stream *out, larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    larder_status rc = enter(store, 0, generation, call, &snapshot, err);

    if (rc == LARDER_OK)
        rc = ldr_catalog_list(snapshot, kind, out, err);
    ldr_snapshot_drop(snapshot);
    return rc;
}

larder_status
larder_search(larder_store *store, const larder_call *call, const char *text,
    larder_stream *out, larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    larder_status rc = enter(store, 0, 0, call, &snapshot, err);

    if (rc == LARDER_OK)
        rc = ldr_catalog_search(snapshot, text, out, err);
    ldr_snapshot_drop(snapshot);
    return rc;
}

larder_status
larder_lineage(larder_store *store, const larder_call *call, const char *name,
    larder_stream *out, larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    larder_status rc = enter(store, 0, 0, call, &snapshot, err);

    if (rc == LARDER_OK)
        rc = ldr_catalog_lineage(snapshot, name, out, err);
    ldr_snapshot_drop(snapshot);
    return rc;
}

larder_status
larder_show(larder_store *store, const larder_call *call, const char *name,
    uint64_t generation, larder_shown *out, larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    larder_status rc = enter(store, 0, generation, call, &snapshot, err);

    if (rc == LARDER_OK)
        rc = ldr_catalog_show(snapshot, name, out, err);
    ldr_snapshot_drop(snapshot);
    return rc;
}

void
larder_shown_release(larder_shown *shown)
{
    free(shown->definition);
    *shown = (larder_shown){0};
}

larder_status
larder_sql(larder_store *store, const larder_call *call, const char *sql,
    larder_stream *out, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(need(store, OFFLINE, call, err));
    LARDER_TRY(ldr_offline_query(store->offline, call, sql, out, err));
out:
    return rc;
}

/* ------------------------------------------------------------------ history */

/* Of a push or a request source. */
static larder_status
no_history(const ldr_source *source, larder_error *err)
{
    if (source->kind == LDR_SOURCE_PUSH) {
        larder_fail(err, LARDER_INVALID,
            "source '%s' is of kind push: its history is that of '%s'",
            source->about.name, source->batch_source_name);
        larder_hint(err, "name '%s'", source->batch_source_name);
    } else {
        larder_fail(err, LARDER_INVALID,
            "source '%s' is of kind request: it has no history",
            source->about.name);
        larder_hint(err, "its values come with each request");
    }
    return LARDER_INVALID;
}

static larder_status
owned_source(const ldr_snapshot *snapshot, const char *name,
    const ldr_source **out, larder_error *err)
{
    larder_status rc = ldr_snapshot_source(snapshot, name, out, err);

    if (rc != LARDER_OK || (*out)->owned)
        return rc;
    if ((*out)->kind != LDR_SOURCE_BATCH)
        return no_history(*out, err);
    larder_fail(err, LARDER_INVALID,
        "source '%s' reads a table of yours: Larder never writes there", name);
    larder_hint(err, "give the source a 'schema:' and Larder owns its table");
    return LARDER_INVALID;
}

/* Whose rows these are: those of a push source are its batch source's. */
static larder_status
history_source(const ldr_snapshot *snapshot, const char *name,
    const ldr_source **out, larder_error *err)
{
    larder_status rc = ldr_snapshot_source(snapshot, name, out, err);

    if (rc == LARDER_OK && (*out)->kind == LDR_SOURCE_PUSH)
        *out = (*out)->batch_source;
    else if (rc == LARDER_OK)
        rc = owned_source(snapshot, name, out, err);
    return rc;
}

/* Under the lock: the arena is the store's. */
static larder_status
copy_check(larder_store *store, const ldr_definitions *all,
    const ldr_source *source, const larder_row_check **out, larder_error *err)
{
    ldr_contract *contract = ldr_arena_alloc(&store->arena, sizeof *contract);
    larder_status rc;

    if (contract == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a contract");
    LARDER_TRY(
        ldr_contract_of_source(all, source, &store->arena, contract, err));
    *out = contract->n_refusing > 0 ? &contract->check : NULL;
out:
    return rc;
}

/* Under the lock, as above. */
static larder_status
copy_shape(larder_store *store, const ldr_definitions *all,
    const ldr_source *source, larder_source_shape *out, larder_error *err)
{
    const larder_row_check *check = NULL;
    larder_schema *schema = ldr_arena_alloc(&store->arena, sizeof *schema);
    const char **required =
        ldr_arena_array(&store->arena, source->n_key + 1, sizeof *required);
    larder_status rc;

    if (schema == NULL || required == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a schema");
    LARDER_TRY(ldr_schema_copy(&source->schema, &store->arena, schema, err));
    LARDER_TRY(copy_check(store, all, source, &check, err));
    for (size_t i = 0; i <= source->n_key; i++) {
        const char *name =
            i < source->n_key ? source->key[i] : source->timestamp_field;

        required[i] = schema->fields[ldr_schema_find(schema, name)].name;
    }
    *out = (larder_source_shape){.schema = schema,
        .required = required,
        .n_required = source->n_key + 1,
        .naive_offset_minutes = source->naive_offset_minutes,
        .check = check};
out:
    return rc;
}

larder_status
larder_source_columns(larder_store *store, const larder_call *call,
    const char *source, larder_source_shape *out, larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    const ldr_source *found;
    larder_status rc;

    LARDER_TRY(enter(store, 0, 0, call, &snapshot, err));
    LARDER_TRY(history_source(snapshot, source, &found, err));
    pthread_mutex_lock(&store->lock);
    rc = copy_shape(store, &snapshot->all, found, out, err);
    pthread_mutex_unlock(&store->lock);
out:
    ldr_snapshot_drop(snapshot);
    return rc;
}

/* Under the lock: the arena is the store's. */
static larder_status
copy_views(larder_store *store, const ldr_plan *plan,
    larder_features_shape *out, larder_error *err)
{
    ldr_arena *arena = &store->arena;
    larder_read_view *views =
        ldr_arena_array(arena, plan->n_views + 1, sizeof *views);

    for (size_t i = 0; views != NULL && i < plan->n_views; i++) {
        const ldr_view *view = plan->views[i].view;

        views[i] =
            (larder_read_view){.view = ldr_arena_copy(arena, view->about.name),
                .source = ldr_arena_copy(arena, view->source_name),
                .owned = view->source->owned,
                .online = view->online};
        if (views[i].view == NULL || views[i].source == NULL)
            views = NULL;
    }
    if (views == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a list of views");
    out->views = views;
    out->n_views = plan->n_views;
    return LARDER_OK;
}

/* Under the lock, as above. */
static larder_status
copy_features(larder_store *store, const ldr_plan *plan,
    larder_features_shape *out, larder_error *err)
{
    const larder_schema *from[] = {
        &plan->keys, &plan->requests, &plan->outputs};
    larder_schema *to = ldr_arena_array(&store->arena, 3, sizeof *to);
    larder_features_shape shape = {0};
    larder_status rc = LARDER_OK;

    if (to == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a schema");
    for (size_t i = 0; i < 3; i++)
        LARDER_TRY(ldr_schema_copy(from[i], &store->arena, &to[i], err));
    LARDER_TRY(copy_views(store, plan, &shape, err));
    shape.keys = &to[0];
    shape.requests = &to[1];
    shape.features = &to[2];
    *out = shape;
out:
    return rc;
}

larder_status
larder_features_columns(larder_store *store, const larder_call *call,
    const larder_features *features, larder_features_shape *out,
    larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    ldr_plan plan = {0};
    larder_status rc;

    LARDER_TRY(enter(store, 0, 0, call, &snapshot, err));
    LARDER_TRY(ldr_plan_make(snapshot, features, &plan, err));
    pthread_mutex_lock(&store->lock);
    rc = copy_features(store, &plan, out, err);
    pthread_mutex_unlock(&store->lock);
out:
    ldr_plan_release(&plan);
    ldr_snapshot_drop(snapshot);
    return rc;
}

larder_status
larder_ingest(larder_store *store, const larder_call *call, const char *source,
    larder_stream *rows, larder_ingested *out, larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    ldr_arena arena = {0};
    ldr_contract contract;
    const ldr_source *found;
    larder_status rc;

    LARDER_TRY(enter(store, OFFLINE, 0, call, &snapshot, err));
    LARDER_TRY(owned_source(snapshot, source, &found, err));
    LARDER_TRY(
        ldr_contract_of_source(&snapshot->all, found, &arena, &contract, err));
    LARDER_TRY(
        ldr_ingest(store->offline, found, &contract, call, rows, out, err));
out:
    ldr_arena_free(&arena);
    ldr_snapshot_drop(snapshot);
    return rc;
}

void
larder_ingested_release(larder_ingested *ingested)
{
    free((void *)(uintptr_t)ingested->violations);
    *ingested = (larder_ingested){0};
}

/* --------------------------------------------------------------------- push */

static larder_status
push_source(const ldr_snapshot *snapshot, const char *name,
    const ldr_source **out, larder_error *err)
{
    larder_status rc = ldr_snapshot_source(snapshot, name, out, err);
    const char *push = NULL;

    if (rc != LARDER_OK || (*out)->kind == LDR_SOURCE_PUSH)
        return rc;
    for (size_t i = 0; i < snapshot->all.n_sources && push == NULL; i++)
        if (snapshot->all.sources[i].batch_source == *out)
            push = snapshot->all.sources[i].about.name;
    larder_fail(err, LARDER_INVALID, "source '%s' is not of kind push", name);
    if (push != NULL)
        larder_hint(err, "push to '%s'", push);
    else
        larder_hint(err,
            "declare one: {name: %s_push, kind: push, batch_source: %s}", name,
            name);
    return LARDER_INVALID;
}

larder_status
larder_push(larder_store *store, const larder_call *call, const char *source,
    larder_push_to to, larder_stream *rows, larder_pushed *report,
    larder_error *err)
{
    unsigned stores = (to == LARDER_PUSH_ONLINE ? 0 : OFFLINE) |
                      (to == LARDER_PUSH_OFFLINE ? 0 : ONLINE);
    ldr_snapshot *snapshot = NULL;
    ldr_pushing pushing = {.call = call, .to = to};
    larder_status rc;

    *report = (larder_pushed){0};
    LARDER_TRY(enter(store, stores, 0, call, &snapshot, err));
    LARDER_TRY(push_source(snapshot, source, &pushing.source, err));
    pushing.offline = store->offline;
    pushing.online = store->online;
    pushing.project = store->config.project;
    pushing.snapshot = snapshot;
    rc = ldr_push(&pushing, rows, report, err);
out:
    ldr_snapshot_drop(snapshot);
    return rc;
}

void
larder_pushed_release(larder_pushed *report)
{
    for (size_t i = 0; i < report->n_views; i++)
        free((void *)(uintptr_t)report->views[i].view);
    free(report->views);
    free((void *)(uintptr_t)report->violations);
    *report = (larder_pushed){0};
}

/* --------------------------------------------------------------------- join */

larder_status
larder_join(larder_store *store, const larder_call *call,
    const larder_join_options *options, larder_stream *spine,
    larder_stream *out, larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    ldr_plan plan = {0};
    larder_stream rows = {0};
    larder_status rc;

    if (spine != NULL) {
        rows = *spine;
        *spine = (larder_stream){0};
    }
    if ((rows.next == NULL) != options->range) {
        rc = larder_fail(err, LARDER_INVALID,
            "a join takes a spine, or --from and --to, and not both");
        goto out;
    }
    if (options->range && options->from > options->to) {
        rc = larder_fail(err, LARDER_INVALID,
            "the range ends before it begins: --from comes first");
        goto out;
    }
    LARDER_TRY(enter(store, OFFLINE, 0, call, &snapshot, err));
    LARDER_TRY(ldr_plan_make(snapshot, &options->features, &plan, err));
    if (options->range)
        LARDER_TRY(ldr_range_spine(store->offline, &plan, call, options->from,
            options->to, &rows, err));
    rc = ldr_historical_open(
        store->offline, &plan, call, options, &rows, out, err);
out:
    larder_stream_close(&rows);
    ldr_plan_release(&plan);
    ldr_snapshot_drop(snapshot);
    return rc;
}

larder_status
larder_join_report(
    const larder_stream *joined, const larder_joined **out, larder_error *err)
{
    return ldr_historical_report(joined, out, err);
}

larder_status
larder_explain(larder_store *store, const larder_call *call,
    const larder_join_options *options, larder_stream *spine, uint64_t row,
    const char *ref, larder_stream *out, larder_error *err)
{
    larder_features one = {.refs = &ref, .n_refs = 1, .full_names = true};
    ldr_snapshot *snapshot = NULL;
    ldr_plan plan = {0};
    larder_status rc;

    LARDER_TRY(enter(store, OFFLINE, 0, call, &snapshot, err));
    LARDER_TRY(ldr_plan_make(snapshot, &one, &plan, err));
    if (plan.n_features != 1) {
        rc = larder_fail(err, LARDER_INVALID,
            "'%s' is a whole view: explain one feature, as view:feature", ref);
        goto out;
    }
    LARDER_TRY(ldr_explain(
        store->offline, &plan, call, options, spine, row, out, err));
out:
    larder_stream_close(spine);
    ldr_plan_release(&plan);
    ldr_snapshot_drop(snapshot);
    return rc;
}

/* ---------------------------------------------------- materialize and online
 */

/* Two runs must differ, also of two processes in one microsecond. */
static void
name_run(larder_store *store, const larder_call *call, char id[33])
{
    uint64_t facts[4] = {(uint64_t)call->now, (uint64_t)getpid(), 0,
        call->monotonic == NULL ? 0 : (uint64_t)call->monotonic()};

    pthread_mutex_lock(&store->lock);
    facts[2] = ++store->n_runs;
    pthread_mutex_unlock(&store->lock);
    ldr_hash_hex((larder_bytes){facts, sizeof facts}, id);
}

static larder_status
choose_views(const ldr_snapshot *snapshot,
    const larder_materialize_options *options, const ldr_view **views,
    size_t *n_views, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; options->views == NULL && i < snapshot->all.n_views; i++)
        if (snapshot->all.views[i].online)
            views[(*n_views)++] = &snapshot->all.views[i];
    for (size_t i = 0; options->views != NULL && i < options->n_views; i++) {
        const ldr_view *view;
        bool twice = false;

        LARDER_TRY(ldr_snapshot_view(snapshot, options->views[i], &view, err));
        if (!view->online)
            return larder_fail(err, LARDER_INVALID,
                "feature view '%s' says 'online: false'", view->about.name);
        for (size_t v = 0; v < *n_views; v++)
            twice = twice || views[v] == view;
        if (!twice)
            views[(*n_views)++] = view;
    }
    if (*n_views == 0) {
        rc = larder_fail(
            err, LARDER_NOT_FOUND, "no feature view is online: nothing to do");
        larder_hint(err, "a view is online unless it says 'online: false'");
    }
out:
    return rc;
}

/* A run is worth remembering whether it went well or not. */
static larder_status
record_run(larder_store *store, const larder_call *call, const char *run,
    const larder_materialized *m, larder_status status, larder_error *err)
{
    char text[1024], id[128];
    larder_record record = {.kind = "run",
        .id = id,
        .name = m->view,
        .at = call->now,
        .text = text};

    snprintf(id, sizeof id, "%s/%s", run, m->view);
    snprintf(text, sizeof text,
        "{\"run\": \"%s\", \"view\": \"%s\", \"status\": \"%s\", "
        "\"read\": %llu, \"written\": %llu, \"unchanged\": %llu, "
        "\"older\": %llu, \"late\": %llu, \"expired\": %llu, "
        "\"null_key\": %llu, \"out_of_range\": %llu, \"over_limit\": %llu, "
        "\"until\": %lld}",
        run, m->view, m->failed_empty ? "EMPTY" : larder_status_name(status),
        (unsigned long long)m->read, (unsigned long long)m->written,
        (unsigned long long)m->unchanged, (unsigned long long)m->older,
        (unsigned long long)m->late, (unsigned long long)m->expired,
        (unsigned long long)m->null_key, (unsigned long long)m->out_of_range,
        (unsigned long long)m->over_limit, (long long)m->until);
    return ldr_records_record(
        store->records, call, store->config.project, &record, err);
}

static larder_status
run_view(larder_store *store, const ldr_materializing *run,
    const ldr_view *view, larder_materialized *m, larder_error *err)
{
    larder_status rc = ldr_materialize_view(run, view, m, err);

    m->view = strdup(view->about.name); /* outlives the snapshot */
    if (m->view == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a report");
    if (run->options->dry_run)
        return rc;
    if (rc != LARDER_OK)
        (void)record_run(store, run->call, run->run, m, rc, NULL);
    else
        rc = record_run(store, run->call, run->run, m, rc, err);
    return rc;
}

static larder_status
run_views(larder_store *store, const larder_call *call,
    const ldr_snapshot *snapshot, const larder_materialize_options *options,
    larder_run_report *report, larder_error *err)
{
    const ldr_view **views =
        calloc(snapshot->all.n_views + options->n_views + 1, sizeof *views);
    ldr_materializing run = {.offline = store->offline,
        .online = store->online,
        .call = call,
        .project = store->config.project,
        .run = report->run_id,
        .options = options};
    size_t n_views = 0;
    larder_status rc;

    if (views == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory to materialize");
    LARDER_TRY(choose_views(snapshot, options, views, &n_views, err));
    report->views = calloc(n_views, sizeof *report->views);
    if (report->views == NULL) {
        rc = larder_fail(err, LARDER_NOMEM, "no memory to materialize");
        goto out;
    }
    for (size_t i = 0; i < n_views; i++) {
        larder_materialized *m = &report->views[report->n_views++];
        larder_error failure = {0};
        larder_status each = run_view(store, &run, views[i], m, &failure);

        /* One view's failure is no reason to leave the others behind. */
        if (each != LARDER_OK && rc == LARDER_OK) {
            rc = each;
            if (err != NULL)
                *err = failure;
        }
        if (each == LARDER_INTERRUPTED || each == LARDER_DEADLINE ||
            each == LARDER_NOMEM)
            break;
    }
out:
    free(views);
    return rc;
}

larder_status
larder_materialize(larder_store *store, const larder_call *call,
    const larder_materialize_options *options, larder_run_report *report,
    larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    larder_status rc;

    *report = (larder_run_report){0};
    if (options->range && options->full)
        return larder_fail(err, LARDER_INVALID,
            "--full rebuilds from all of history: give no range with it");
    if (options->range && options->from > options->to)
        return larder_fail(err, LARDER_INVALID,
            "the range ends before it begins: START comes first");
    LARDER_TRY(enter(store, OFFLINE | ONLINE, 0, call, &snapshot, err));
    name_run(store, call, report->run_id);
    LARDER_TRY(run_views(store, call, snapshot, options, report, err));
out:
    ldr_snapshot_drop(snapshot);
    return rc;
}

void
larder_run_report_release(larder_run_report *report)
{
    for (size_t i = 0; i < report->n_views; i++) {
        free((void *)(uintptr_t)report->views[i].view);
        free((void *)(uintptr_t)report->views[i].violations);
    }
    free(report->views);
    *report = (larder_run_report){0};
}

larder_status
larder_reader_open(larder_store *store, const larder_call *call,
    const larder_features *features, larder_reader **out, larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    ldr_plan plan = {0};
    larder_status rc;

    LARDER_TRY(enter(store, ONLINE, 0, call, &snapshot, err));
    LARDER_TRY(ldr_plan_make(snapshot, features, &plan, err));
    LARDER_TRY(ldr_reader_open(store->online, store->records,
        store->config.project, &plan, features->at_time, call, out, err));
out:
    ldr_plan_release(&plan);
    ldr_snapshot_drop(snapshot);
    return rc;
}

/* -------------------------------------------------------------------- proof */

#define PROVE_SAMPLE 1000u

/* Those that the features are of, each once; on-demand ones through what they
 * read. */
static larder_status
views_of_features(ldr_snapshot *snapshot, const larder_features *features,
    const ldr_view **views, size_t *n_views, larder_error *err)
{
    ldr_plan plan = {0};
    larder_status rc;

    LARDER_TRY(ldr_plan_make(snapshot, features, &plan, err));
    for (size_t i = 0; i < plan.n_views; i++) {
        bool twice = false;

        for (size_t v = 0; v < *n_views; v++)
            twice = twice || views[v] == plan.views[i].view;
        if (!twice)
            views[(*n_views)++] = plan.views[i].view;
    }
    if (*n_views == 0)
        rc = larder_fail(err, LARDER_NOT_FOUND,
            "these features are of no feature view: nothing to compare");
out:
    ldr_plan_release(&plan);
    return rc;
}

static larder_status
prove_views(larder_store *store, const larder_call *call,
    ldr_snapshot *snapshot, const larder_prove_options *options,
    larder_proved *report, larder_error *err)
{
    const larder_features *features = &options->features;
    larder_materialize_options chosen = {
        .views = options->views, .n_views = options->n_views};
    ldr_proving proving = {.offline = store->offline,
        .online = store->online,
        .call = call,
        .project = store->config.project,
        .sample = options->sample == 0           ? PROVE_SAMPLE
                  : options->sample > UINT32_MAX ? UINT32_MAX
                                                 : (size_t)options->sample};
    const ldr_view **views =
        calloc(snapshot->all.n_views + options->n_views + 1, sizeof *views);
    size_t n_views = 0;
    larder_status rc;

    if (views == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a proof");
    if (features->service != NULL || features->n_refs > 0)
        rc = views_of_features(snapshot, features, views, &n_views, err);
    else
        rc = choose_views(snapshot, &chosen, views, &n_views, err);
    if (rc == LARDER_OK)
        rc = ldr_prove(&proving, views, n_views, report, err);
    free(views);
    return rc;
}

larder_status
larder_prove(larder_store *store, const larder_call *call,
    const larder_prove_options *options, larder_proved *report,
    larder_error *err)
{
    bool features =
        options->features.service != NULL || options->features.n_refs > 0;
    ldr_snapshot *snapshot = NULL;
    larder_status rc;

    *report = (larder_proved){0};
    if (features && options->views != NULL)
        return larder_fail(err, LARDER_INVALID,
            "give the views, or features: the views are those of the features");
    LARDER_TRY(enter(store, OFFLINE | ONLINE, 0, call, &snapshot, err));
    LARDER_TRY(prove_views(store, call, snapshot, options, report, err));
out:
    ldr_snapshot_drop(snapshot);
    return rc;
}

void
larder_proved_release(larder_proved *report)
{
    for (size_t i = 0; i < report->n_views; i++)
        free((void *)(uintptr_t)report->views[i].view);
    free(report->views);
    ldr_difference_release(&report->difference);
    *report = (larder_proved){0};
}
