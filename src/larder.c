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
#include "engine/approach.h"
#include "engine/contract.h"
#include "engine/copy.h"
#include "engine/differ.h"
#include "engine/explain.h"
#include "engine/freshness.h"
#include "engine/historical.h"
#include "engine/ingest.h"
#include "engine/materialize.h"
#include "engine/plan.h"
#include "engine/prove.h"
#include "engine/push.h"
#include "engine/pushable.h"
#include "engine/readable.h"
#include "engine/reader.h"
#include "engine/statement.h"
#include "engine/statistics.h"
#include "engine/survey.h"
#include "registry/apply.h"
#include "registry/catalog.h"
#include "registry/diff.h"
#include "registry/examine.h"
#include "registry/snapshot.h"
#include "storage/backend.h"
#include "storage/fallback.h"
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
    ldr_online *online; /* that of `two`, where there are two */
    ldr_fallback *two;
    ldr_snapshot *current;
    bool follows; /* `current` is what larder_follow() took */
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
    if (store->two == NULL)
        ldr_online_close(store->online);
    ldr_fallback_free(store->two);
    ldr_offline_close(store->offline);
    ldr_records_close(store->records);
    pthread_mutex_destroy(&store->lock);
    ldr_arena_free(&store->arena);
    free(store);
}

larder_names
larder_store_names(const larder_store *store)
{
    const ldr_config *config = &store->config;

    return (larder_names){.project = config->project,
        .registry = config->registry.type,
        .offline = config->offline.type,
        .online = config->online.type,
        .fallback = config->fallback.type};
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
    if (config->fallback.type != NULL)
        rc = at_section(
            ldr_backend_online(own, config->fallback.type, &online, err),
            &config->fallback, err);
out:
    return rc;
}

/* The `need_` calls run under the lock. */
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

/* --------------------------------------------------- the second online store
 */

static bool
has_fallback(const larder_store *store)
{
    return store->config.fallback.type != NULL;
}

static larder_status
need_two(larder_store *store, larder_error *err)
{
    const ldr_store_config *configs[] = {
        &store->config.online, &store->config.fallback};
    ldr_fallback_store stores[2];
    larder_status rc = LARDER_OK;

    if (store->two != NULL)
        return LARDER_OK;
    for (size_t i = 0; i < 2; i++) {
        stores[i].options = &configs[i]->options;
        LARDER_TRY(at_section(ldr_backend_online(&store->backends,
                                  configs[i]->type, &stores[i].ops, err),
            configs[i], err));
    }
    LARDER_TRY(ldr_fallback_new(
        stores, store->config.read_timeout_us, &store->log, &store->two, err));
out:
    return rc;
}

static larder_status
open_fallback(larder_store *store, bool create, const larder_call *call,
    ldr_online **out, larder_error *err)
{
    larder_status rc =
        ldr_fallback_open(store->two, LDR_FALLBACK, create, call, out, err);

    if (rc != LARDER_OK)
        larder_context(err, "the fallback");
    return rc;
}

static void
warn(const larder_call *call, const larder_error *why)
{
    larder_diagnostic warning = {.warning = true,
        .message = why->message,
        .hint = why->hint[0] == '\0' ? NULL : why->hint};

    if (call->diagnostic != NULL)
        call->diagnostic(call->context, &warning);
}

/* One that does not answer now holds nobody up: it is caught up with later. */
static larder_status
make_fallback(larder_store *store, const larder_call *call, larder_error *err)
{
    larder_error why = {0};
    ldr_online *second;
    larder_status rc = open_fallback(store, true, call, &second, &why);

    if (rc == LARDER_UNAVAILABLE || rc == LARDER_BUSY) {
        warn(call, &why);
        return LARDER_OK;
    }
    if (rc != LARDER_OK && err != NULL)
        *err = why;
    return rc;
}

/* What a plan has to say of it. */
static larder_status
look_at_fallback(
    larder_store *store, const larder_call *call, larder_error *err)
{
    larder_error why = {0};
    ldr_online *second;
    larder_status rc;

    pthread_mutex_lock(&store->lock);
    rc = need_two(store, err);
    pthread_mutex_unlock(&store->lock);
    if (rc != LARDER_OK)
        return rc;
    rc = open_fallback(store, false, call, &second, &why);
    if (rc == LARDER_NOT_FOUND)
        (void)larder_fail(&why, rc,
            "the fallback of the online store ('%s') is not there yet: apply "
            "makes it",
            ldr_fallback_type(store->two, LDR_FALLBACK));
    if (rc == LARDER_NOT_FOUND || ldr_fallback_is_failure(rc, call)) {
        warn(call, &why);
        return LARDER_OK;
    }
    if (rc != LARDER_OK && err != NULL)
        *err = why;
    return rc;
}

static larder_status
need_online(larder_store *store, bool create, const larder_call *call,
    larder_error *err)
{
    const ldr_store_config *config = &store->config.online;
    const larder_online_ops *ops;
    larder_status rc = LARDER_OK;

    if (has_fallback(store)) {
        LARDER_TRY(need_two(store, err));
        LARDER_TRY(ldr_fallback_open(
            store->two, LDR_PRIMARY, create, call, &store->online, err));
        return create ? make_fallback(store, call, err) : LARDER_OK;
    }
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

/* TWO: both online stores, neither of them opened yet. */
enum { RECORDS = 1, OFFLINE = 2, ONLINE = 4, CREATE = 8, TWO = 16 };

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
    if ((what & TWO) != 0)
        LARDER_TRY(need_two(store, err));
out:
    pthread_mutex_unlock(&store->lock);
    return rc;
}

/* The newest generation, kept until a newer one is there. Under the lock. */
static larder_status
load_newest(larder_store *store, const larder_call *call, larder_error *err)
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

static larder_status
refresh(larder_store *store, const larder_call *call, larder_error *err)
{
    if (store->follows && store->current != NULL)
        return LARDER_OK;
    return load_newest(store, call, err);
}

larder_status
larder_follow(larder_store *store, const larder_call *call,
    uint64_t *generation, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(need(store, RECORDS, call, err));
    pthread_mutex_lock(&store->lock);
    rc = load_newest(store, call, err);
    if (rc == LARDER_OK) {
        store->follows = true;
        *generation = store->current->generation;
    }
    pthread_mutex_unlock(&store->lock);
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
    ldr_apply apply = {.project = store->config.project,
        .feast = ldr_config_is_feast(&store->config),
        .owned_only = store->in_memory};
    larder_status rc;

    LARDER_TRY(read_folder(store, call, NULL, &wanted, err));
    LARDER_TRY(need_if_there(store, RECORDS, call, err));
    LARDER_TRY(need_if_there(store, OFFLINE, call, err));
    if (has_fallback(store))
        LARDER_TRY(look_at_fallback(store, call, err));
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
        .feast = ldr_config_is_feast(&store->config),
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

/* Where rows are kept as Feast has them, their keys say what is to go. */
static larder_status
describe_views(ldr_online *online, const ldr_snapshot *snapshot,
    const char *project, larder_error *err)
{
    const ldr_build none = {{'\0'}, 0};
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < snapshot->all.n_views; i++) {
        const ldr_view *view = &snapshot->all.views[i];
        larder_table_id table;

        if (view->online && view->window_us == 0)
            LARDER_TRY(
                ldr_build_table(online, project, view, &none, &table, err));
    }
out:
    return rc;
}

/* An earlier try that did not end may have removed it already. */
static larder_status
destroy_online(ldr_online *online, const larder_call *call,
    const ldr_snapshot *snapshot, const char *project, larder_error *err)
{
    larder_error why = {0};
    larder_status rc;

    LARDER_TRY(describe_views(online, snapshot, project, err));
    rc = ldr_online_destroy(online, call, &why);
    if (rc == LARDER_NOT_FOUND)
        return LARDER_OK;
    if (rc != LARDER_OK && err != NULL)
        *err = why;
out:
    return rc;
}

static larder_status
destroy_fallback(larder_store *store, const larder_call *call,
    const ldr_snapshot *snapshot, larder_error *err)
{
    larder_error why = {0};
    ldr_online *second;
    larder_status rc;

    LARDER_TRY(need(store, TWO, call, err));
    rc = open_fallback(store, false, call, &second, &why);
    if (rc == LARDER_OK)
        return destroy_online(
            second, call, snapshot, store->config.project, err);
    if (rc == LARDER_NOT_FOUND)
        return LARDER_OK;
    if (err != NULL)
        *err = why;
out:
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
        LARDER_TRY(destroy_online(
            store->online, call, snapshot, store->config.project, err));
    if (has_fallback(store))
        LARDER_TRY(destroy_fallback(store, call, snapshot, err));
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
    const ldr_source **out, bool *pushed, larder_error *err)
{
    larder_status rc = ldr_snapshot_source(snapshot, name, out, err);

    *pushed = rc == LARDER_OK && (*out)->kind == LDR_SOURCE_PUSH;
    if (*pushed)
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

/* Under the lock, as above. What a push asks of rows. */
static larder_status
copy_push_check(larder_store *store, const ldr_definitions *all,
    const ldr_source *source, larder_push_to to, larder_time now,
    const larder_row_check **out, larder_error *err)
{
    ldr_pushable *rule = ldr_arena_alloc(&store->arena, sizeof *rule);
    larder_status rc;

    if (rule == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a contract");
    LARDER_TRY(
        ldr_pushable_make(all, source, to, now, &store->arena, rule, err));
    *out = &rule->check;
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
        .check = check,
        .push_offline = check,
        .push_online = check};
out:
    return rc;
}

/* Under the lock, as above: of rows for a push source. */
static larder_status
copy_push_shape(larder_store *store, const ldr_definitions *all,
    const ldr_source *source, larder_time now, larder_source_shape *out,
    larder_error *err)
{
    larder_status rc;

    LARDER_TRY(copy_shape(store, all, source, out, err));
    LARDER_TRY(copy_push_check(
        store, all, source, LARDER_PUSH_OFFLINE, now, &out->push_offline, err));
    LARDER_TRY(copy_push_check(
        store, all, source, LARDER_PUSH_BOTH, now, &out->push_online, err));
out:
    return rc;
}

larder_status
larder_source_columns(larder_store *store, const larder_call *call,
    const char *source, larder_source_shape *out, larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    larder_source_shape shape = {0};
    const ldr_source *found;
    bool pushed;
    larder_status rc;

    LARDER_TRY(enter(store, 0, 0, call, &snapshot, err));
    LARDER_TRY(history_source(snapshot, source, &found, &pushed, err));
    pthread_mutex_lock(&store->lock);
    rc = pushed ? copy_push_shape(
                      store, &snapshot->all, found, call->now, &shape, err)
                : copy_shape(store, &snapshot->all, found, &shape, err);
    if (rc == LARDER_OK)
        *out = shape;
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

/* Of a push to both, history has the rows: the next materialize brings them to
 * the fallback. Of one to online alone nothing would. */
static larder_status
tell_push(const larder_store *store, larder_push_to to,
    const larder_fallback *fallback, larder_error *err)
{
    const larder_error *failure = &fallback->failure;

    if (failure->status == LARDER_OK)
        return LARDER_OK;
    ldr_log_event(&store->log, "push.fallback", "store=%s why=%s",
        fallback->store, failure->message);
    if (to == LARDER_PUSH_BOTH)
        return LARDER_OK;
    if (err != NULL)
        *err = *failure;
    return failure->status;
}

/* What is pushed is known: to where it goes. */
static larder_status
push_into_stores(larder_store *store, const ldr_snapshot *snapshot,
    ldr_pushing *pushing, larder_stream *rows, larder_pushed *report,
    larder_error *err)
{
    larder_status rc;

    /* A store that was not asked for may be being opened just now. */
    if (pushing->to != LARDER_PUSH_ONLINE)
        pushing->offline = store->offline;
    if (pushing->to != LARDER_PUSH_OFFLINE)
        pushing->online = store->online;
    pushing->project = store->config.project;
    pushing->snapshot = snapshot;
    if (has_fallback(store) && pushing->to != LARDER_PUSH_OFFLINE) {
        report->fallback.store = ldr_fallback_type(store->two, LDR_FALLBACK);
        (void)open_fallback(store, false, pushing->call, &pushing->second,
            &report->fallback.failure);
    }
    LARDER_TRY(ldr_push(pushing, rows, report, err));
    rc = tell_push(store, pushing->to, &report->fallback, err);
out:
    return rc;
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
    LARDER_TRY(push_into_stores(store, snapshot, &pushing, rows, report, err));
out:
    ldr_snapshot_drop(snapshot);
    return rc;
}

/* Rows of a view with windows are made of many. */
static larder_status
writable_view(const ldr_snapshot *snapshot, const char *name,
    const ldr_view **out, larder_error *err)
{
    larder_status rc = ldr_snapshot_view(snapshot, name, out, err);

    if (rc != LARDER_OK || (*out)->window_us == 0)
        return rc;
    larder_fail(err, LARDER_INVALID,
        "feature view '%s' has windows over the history of '%s': a row of it "
        "cannot be written",
        name, (*out)->source_name);
    larder_hint(err, "push to history and online both");
    return LARDER_INVALID;
}

/* Under the lock: the arena is the store's. */
static larder_status
copy_view_shape(larder_store *store, const ldr_view *view,
    larder_source_shape *out, larder_error *err)
{
    larder_schema *schema = ldr_arena_alloc(&store->arena, sizeof *schema);
    const char **required =
        ldr_arena_array(&store->arena, view->n_keys + 1, sizeof *required);
    larder_schema lent;
    ldr_arena arena = {0};
    larder_status rc;

    if (schema == NULL || required == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a schema");
    LARDER_TRY(ldr_view_schema(view, &arena, &lent, err));
    LARDER_TRY(ldr_schema_copy(&lent, &store->arena, schema, err));
    for (size_t i = 0; i < view->n_keys; i++)
        required[i] = schema->fields[i].name;
    required[view->n_keys] =
        schema->fields[view->n_keys + view->n_features].name;
    *out = (larder_source_shape){.schema = schema,
        .required = required,
        .n_required = view->n_keys + 1,
        .naive_offset_minutes = view->source->naive_offset_minutes};
out:
    ldr_arena_free(&arena);
    return rc;
}

larder_status
larder_view_columns(larder_store *store, const larder_call *call,
    const char *view, larder_source_shape *out, larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    const ldr_view *found;
    larder_status rc;

    LARDER_TRY(enter(store, 0, 0, call, &snapshot, err));
    LARDER_TRY(writable_view(snapshot, view, &found, err));
    pthread_mutex_lock(&store->lock);
    rc = copy_view_shape(store, found, out, err);
    pthread_mutex_unlock(&store->lock);
out:
    ldr_snapshot_drop(snapshot);
    return rc;
}

larder_status
larder_write(larder_store *store, const larder_call *call, const char *view,
    larder_stream *rows, larder_pushed *report, larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    ldr_pushing pushing = {.call = call, .to = LARDER_PUSH_ONLINE};
    larder_status rc;

    *report = (larder_pushed){0};
    LARDER_TRY(enter(store, ONLINE, 0, call, &snapshot, err));
    LARDER_TRY(writable_view(snapshot, view, &pushing.view, err));
    LARDER_TRY(push_into_stores(store, snapshot, &pushing, rows, report, err));
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

/* Rows are counted and let go. */
static larder_status
count_rows(larder_stream *rows, const larder_call *call, uint64_t *n,
    larder_error *err)
{
    larder_batch batch = {0};
    larder_status rc;

    for (;;) {
        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(larder_stream_next(rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        *n += batch.n_rows;
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    return rc;
}

larder_status
larder_join_approach(larder_store *store, const larder_call *call,
    const larder_join_options *options, larder_stream *spine,
    larder_stream *out, larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    ldr_plan plan = {0};
    larder_stream rows = {0};
    uint64_t n_rows = 0;
    larder_status rc;

    if (spine != NULL) {
        rows = *spine;
        *spine = (larder_stream){0};
    }
    LARDER_TRY(enter(store, OFFLINE, 0, call, &snapshot, err));
    LARDER_TRY(ldr_plan_make(snapshot, &options->features, &plan, err));
    if (options->range)
        LARDER_TRY(ldr_range_spine(store->offline, &plan, call, options->from,
            options->to, &rows, err));
    LARDER_TRY(count_rows(&rows, call, &n_rows, err));
    larder_stream_close(&rows);
    rc = ldr_approach(store->offline, &plan, call, options, n_rows, out, err);
out:
    larder_stream_close(&rows);
    ldr_plan_release(&plan);
    ldr_snapshot_drop(snapshot);
    return rc;
}

larder_status
larder_join_sql(larder_store *store, const larder_call *call,
    const larder_sql_options *options, char **out, larder_error *err)
{
    const ldr_store_config *offline = &store->config.offline;
    const larder_dialect *dialect;
    ldr_snapshot *snapshot = NULL;
    ldr_plan plan = {0};
    larder_status rc;

    LARDER_TRY(ldr_backend_dialect(options->dialect, &dialect, err));
    LARDER_TRY(enter(store, 0, 0, call, &snapshot, err));
    LARDER_TRY(ldr_plan_make(snapshot, &options->features, &plan, err));
    rc = ldr_statement_print(&plan, options, dialect,
        strcmp(offline->type, dialect->name) == 0 ? &offline->options : NULL,
        out, err);
out:
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

    snprintf(
        id, sizeof id, "%s/%s%s", run, m->view, m->fallback ? "/fallback" : "");
    snprintf(text, sizeof text,
        "{\"run\": \"%s\", \"view\": \"%s\", \"store\": \"%s\", "
        "\"status\": \"%s\", "
        "\"read\": %llu, \"written\": %llu, \"unchanged\": %llu, "
        "\"older\": %llu, \"late\": %llu, \"expired\": %llu, "
        "\"null_key\": %llu, \"out_of_range\": %llu, \"over_limit\": %llu, "
        "\"until\": %lld}",
        run, m->view, m->fallback ? "fallback" : "primary",
        m->failed_empty ? "EMPTY" : larder_status_name(status),
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

/* No other view will fare better. */
static bool
ends_run(larder_status status)
{
    return status == LARDER_INTERRUPTED || status == LARDER_DEADLINE ||
           status == LARDER_NOMEM;
}

/* Nor will the fallback: the caller has had enough. */
static bool
ends_all(larder_status status, const larder_call *call)
{
    return ends_run(status) && !ldr_fallback_is_failure(status, call);
}

/* The views, one after the other, into one store. */
static larder_status
run_each(larder_store *store, const ldr_materializing *run,
    const ldr_view *const *views, size_t n_views, larder_run_report *report,
    larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < n_views; i++) {
        larder_materialized *m = &report->views[report->n_views++];
        larder_error failure = {0};
        larder_status each = run_view(store, run, views[i], m, &failure);

        /* One view's failure is no reason to leave the others behind. */
        if (each != LARDER_OK && rc == LARDER_OK) {
            rc = each;
            if (err != NULL)
                *err = failure;
        }
        if (ends_run(each))
            break;
    }
    return rc;
}

/* The same into the fallback, by its own positions. What contracts say of rows
 * was told already. */
static larder_status
run_fallback(larder_store *store, const ldr_materializing *run,
    const ldr_view *const *views, size_t n_views, larder_run_report *report)
{
    larder_error *failure = &report->fallback.failure;
    larder_call quiet = *run->call;
    ldr_materializing second = *run;
    larder_status rc;

    quiet.diagnostic = NULL;
    second.call = &quiet;
    second.fallback = true;
    report->fallback.store = ldr_fallback_type(store->two, LDR_FALLBACK);
    rc = open_fallback(store, false, run->call, &second.online, failure);
    if (rc != LARDER_OK)
        goto out;
    rc = run_each(store, &second, views, n_views, report, failure);
    if (rc != LARDER_OK)
        larder_context(failure, "the fallback");
out:
    if (rc != LARDER_OK)
        ldr_log_event(&store->log, "materialize.fallback", "store=%s why=%s",
            report->fallback.store, failure->message);
    return rc;
}

/* `online`: whether the first store could be opened, and *err why not. */
static larder_status
run_views(larder_store *store, const larder_call *call,
    const ldr_snapshot *snapshot, const larder_materialize_options *options,
    larder_status online, larder_run_report *report, larder_error *err)
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
    larder_status rc, second;

    if (views == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory to materialize");
    LARDER_TRY(choose_views(snapshot, options, views, &n_views, err));
    report->views = calloc(2 * n_views, sizeof *report->views);
    if (report->views == NULL) {
        rc = larder_fail(err, LARDER_NOMEM, "no memory to materialize");
        goto out;
    }
    rc = online;
    if (online == LARDER_OK)
        rc = run_each(store, &run, views, n_views, report, err);
    if (!has_fallback(store) || ends_all(rc, call))
        goto out;
    second = run_fallback(store, &run, views, n_views, report);
    if (rc == LARDER_OK && second != LARDER_OK) {
        rc = second;
        if (err != NULL)
            *err = report->fallback.failure;
    }
out:
    free(views);
    return rc;
}

/* The first store could not be opened: is there another to go on with? */
static bool
leaves_fallback(
    const larder_store *store, const larder_call *call, larder_status online)
{
    return has_fallback(store) && (online == LARDER_NOT_FOUND ||
                                      ldr_fallback_is_failure(online, call));
}

larder_status
larder_materialize(larder_store *store, const larder_call *call,
    const larder_materialize_options *options, larder_run_report *report,
    larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    larder_status rc, online;

    *report = (larder_run_report){0};
    if (options->range && options->full)
        return larder_fail(err, LARDER_INVALID,
            "--full rebuilds from all of history: give no range with it");
    if (options->range && options->from > options->to)
        return larder_fail(err, LARDER_INVALID,
            "the range ends before it begins: START comes first");
    LARDER_TRY(enter(store, OFFLINE, 0, call, &snapshot, err));
    online = need(store, ONLINE, call, err);
    if (online != LARDER_OK && !leaves_fallback(store, call, online)) {
        rc = online;
        goto out;
    }
    name_run(store, call, report->run_id);
    LARDER_TRY(run_views(store, call, snapshot, options, online, report, err));
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
    const ldr_config *config = &store->config;
    bool two = has_fallback(store);
    ldr_reader_stores stores = {.has_max_age = config->has_max_fallback_age,
        .max_age_us = config->max_fallback_age_us};
    ldr_snapshot *snapshot = NULL;
    ldr_plan plans[2] = {0};
    larder_status rc;

    LARDER_TRY(enter(store, two ? TWO : ONLINE, 0, call, &snapshot, err));
    for (size_t i = 0; i < (two ? 2u : 1u); i++)
        LARDER_TRY(ldr_plan_make(snapshot, features, &plans[i], err));
    stores.two = store->two;
    if (two)
        rc = ldr_reader_open_two(&stores, store->records, config->project,
            plans, features->at_time, call, out, err);
    else
        rc = ldr_reader_open(store->online, store->records, config->project,
            &plans[0], features->at_time, call, out, err);
out:
    ldr_plan_release(&plans[0]);
    ldr_plan_release(&plans[1]);
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

/* What is told of the second store joins what is told of the first. */
static larder_status
add_proved(larder_proved *report, larder_proved *second, larder_error *err)
{
    size_t n = report->n_views + second->n_views;
    larder_proved_view *views = realloc(report->views, (n + 1) * sizeof *views);

    if (views == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory for a proof");
    report->views = views;
    for (size_t i = 0; i < second->n_views; i++) {
        views[report->n_views] = second->views[i];
        views[report->n_views++].fallback = true;
    }
    second->n_views = 0;
    if (report->difference.view == NULL) {
        report->difference = second->difference;
        report->difference.fallback = true;
        second->difference = (larder_difference){0};
    }
    return LARDER_OK;
}

static larder_status
prove_fallback(larder_store *store, const ldr_proving *first,
    const ldr_view *const *views, size_t n_views, larder_proved *report,
    larder_error *err)
{
    ldr_proving proving = *first;
    larder_proved second = {0};
    larder_status rc;

    report->fallback = ldr_fallback_type(store->two, LDR_FALLBACK);
    LARDER_TRY(open_fallback(store, false, first->call, &proving.online, err));
    rc = ldr_prove(&proving, views, n_views, &second, err);
    if (rc != LARDER_OK)
        larder_context(err, "the fallback");
    else
        rc = add_proved(report, &second, err);
out:
    larder_proved_release(&second);
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
    if (rc == LARDER_OK && has_fallback(store))
        rc = prove_fallback(store, &proving, views, n_views, report, err);
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

/* --------------------------------------------------------------- freshness */

/* A view that is not online is judged too: it is unknown. */
static larder_status
views_to_judge(const ldr_snapshot *snapshot,
    const larder_freshness_options *options, const ldr_view **views,
    size_t *n_views, larder_error *err)
{
    larder_materialize_options all = {0};
    larder_status rc = LARDER_OK;

    if (options->views == NULL)
        return choose_views(snapshot, &all, views, n_views, err);
    for (size_t i = 0; i < options->n_views; i++) {
        bool twice = false;

        LARDER_TRY(ldr_snapshot_view(
            snapshot, options->views[i], &views[*n_views], err));
        for (size_t v = 0; v < *n_views; v++)
            twice = twice || views[v] == views[*n_views];
        *n_views += twice ? 0 : 1;
    }
out:
    return rc;
}

static larder_status
judge_fallback(larder_store *store, const ldr_judging *first,
    const ldr_view *const *views, size_t n_views,
    larder_freshness_report *report, larder_error *err)
{
    ldr_judging judging = *first;
    larder_status rc;

    judging.fallback = true;
    report->fallback = ldr_fallback_type(store->two, LDR_FALLBACK);
    LARDER_TRY(open_fallback(store, false, first->call, &judging.online, err));
    rc = ldr_freshness(&judging, views, n_views, report, err);
    if (rc != LARDER_OK)
        larder_context(err, "the fallback");
out:
    return rc;
}

static larder_status
judge_views(larder_store *store, const larder_call *call,
    ldr_snapshot *snapshot, const larder_freshness_options *options,
    larder_freshness_report *report, larder_error *err)
{
    ldr_judging judging = {.online = store->online,
        .call = call,
        .all = &snapshot->all,
        .project = store->config.project,
        .max_us = options->max_staleness_us};
    const ldr_view **views =
        calloc(snapshot->all.n_views + options->n_views + 1, sizeof *views);
    size_t n_views = 0;
    larder_status rc;

    if (views == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory to judge freshness");
    LARDER_TRY(views_to_judge(snapshot, options, views, &n_views, err));
    LARDER_TRY(ldr_freshness(&judging, views, n_views, report, err));
    if (has_fallback(store))
        rc = judge_fallback(store, &judging, views, n_views, report, err);
out:
    free(views);
    return rc;
}

larder_status
larder_freshness(larder_store *store, const larder_call *call,
    const larder_freshness_options *options, larder_freshness_report *report,
    larder_error *err)
{
    ldr_snapshot *snapshot = NULL;
    larder_status rc;

    *report = (larder_freshness_report){0};
    if (options->max_staleness_us < 0)
        return larder_fail(
            err, LARDER_INVALID, "a limit of age is more than nothing");
    LARDER_TRY(enter(store, ONLINE, 0, call, &snapshot, err));
    LARDER_TRY(judge_views(store, call, snapshot, options, report, err));
out:
    ldr_snapshot_drop(snapshot);
    return rc;
}

void
larder_freshness_report_release(larder_freshness_report *report)
{
    for (size_t i = 0; i < report->n_views; i++) {
        free((void *)(uintptr_t)report->views[i].view);
        free((void *)(uintptr_t)report->views[i].job);
    }
    free(report->views);
    *report = (larder_freshness_report){0};
}

/* -------------------------------------------------------------- statistics */

static larder_status
online_stats(larder_store *store, const larder_call *call,
    ldr_snapshot *snapshot, const ldr_view *view, larder_stats *out,
    larder_error *err)
{
    const char *refs[] = {view->about.name};
    larder_features features = {.refs = refs, .n_refs = 1};
    ldr_plan plan = {0};
    larder_status rc;

    if (!view->online)
        return larder_fail(err, LARDER_INVALID,
            "feature view '%s' says 'online: false'", view->about.name);
    LARDER_TRY(ldr_plan_make(snapshot, &features, &plan, err));
    rc = ldr_survey_online(store->online, store->records,
        store->config.project, &plan, call, out, err);
out:
    ldr_plan_release(&plan);
    return rc;
}

larder_status
larder_stats_of_view(larder_store *store, const larder_call *call,
    const larder_stats_options *options, larder_stats *out, larder_error *err)
{
    larder_time from = options->range ? options->from : LARDER_TIME_MIN;
    larder_time to = options->range ? options->to : LARDER_TIME_MAX;
    ldr_snapshot *snapshot = NULL;
    const ldr_view *view;
    larder_status rc;

    if (options->online && options->range)
        return larder_fail(err, LARDER_INVALID,
            "online there is one row of each key: give no range with it");
    if (from > to)
        return larder_fail(
            err, LARDER_INVALID, "the range ends before it begins");
    LARDER_TRY(enter(
        store, options->online ? ONLINE : OFFLINE, 0, call, &snapshot, err));
    LARDER_TRY(ldr_snapshot_view(snapshot, options->view, &view, err));
    if (options->online)
        rc = online_stats(store, call, snapshot, view, out, err);
    else
        rc = ldr_survey_history(
            store->offline, call, view, from, to, out, err);
out:
    ldr_snapshot_drop(snapshot);
    return rc;
}

larder_status
larder_stats_of_stream(larder_stream *rows, const larder_call *call,
    larder_stats *out, larder_error *err)
{
    return ldr_survey_stream(rows, call, out, err);
}

void
larder_stats_release(larder_stats *stats)
{
    ldr_statistics_report_release(stats);
}

/* --------------------------------------------------------------- promotion */

static const char *
option_of(const ldr_store_config *config, const char *name)
{
    return larder_options_find(&config->options, name);
}

/* Do both sections lead to the same store? */
static bool
same_store(const ldr_store_config *a, const ldr_store_config *b)
{
    const larder_options *options = &a->options;

    if (strcmp(a->type, b->type) != 0 || strcmp(a->type, "memory") == 0 ||
        options->n_options != b->options.n_options)
        return false;
    for (size_t i = 0; i < options->n_options; i++) {
        const char *other = option_of(b, options->options[i].name);

        if (other == NULL || strcmp(other, options->options[i].value) != 0)
            return false;
    }
    return true;
}

static larder_status
check_apart(const larder_store *from, const larder_store *to,
    const larder_copy_options *options, larder_error *err)
{
    const ldr_config *a = &from->config, *b = &to->config;
    bool same_project = strcmp(a->project, b->project) == 0;
    const char *same = NULL;

    if (from == to || (!options->history && !options->online && same_project &&
                          same_store(&a->registry, &b->registry)))
        same = "registry";
    else if (options->history && same_store(&a->offline, &b->offline))
        same = "offline store";
    else if (options->online && same_store(&a->online, &b->online))
        same = "online store";
    if (same == NULL)
        return LARDER_OK;
    larder_fail(err, LARDER_INVALID,
        "both sides have the same %s: there is nothing to copy", same);
    larder_hint(err, "copy between environments that have stores of their own");
    return LARDER_INVALID;
}

/* The source's definitions are the target's. `wanted` is held by the caller. */
static larder_status
copy_definitions(larder_store *to, const larder_call *call,
    ldr_snapshot *wanted, const larder_copy_options *options,
    larder_applied *out, larder_stream *changes, larder_error *err)
{
    const larder_apply_options apply = {
        .allow_breaking = options->allow_breaking};
    ldr_apply dry = {.project = to->config.project,
        .feast = ldr_config_is_feast(&to->config),
        .owned_only = to->in_memory,
        .wanted = wanted};
    ldr_snapshot *current = NULL;
    ldr_changes list = {0};
    larder_status rc;

    if (!options->dry_run)
        return run_apply(
            to, call, ldr_snapshot_hold(wanted), &apply, out, changes, err);
    LARDER_TRY(need_if_there(to, RECORDS, call, err));
    LARDER_TRY(need_if_there(to, OFFLINE, call, err));
    if (options->online)
        LARDER_TRY(need_if_there(to, ONLINE, call, err));
    dry.records = to->records;
    dry.offline = to->offline;
    LARDER_TRY(ldr_apply_plan(&dry, call, &list, &current, err));
    LARDER_TRY(ldr_changes_stream(&list, changes, err));
    *out = (larder_applied){
        .generation = current == NULL ? 0 : current->generation,
        .n_changes = list.n_changes};
out:
    ldr_changes_release(&list);
    ldr_snapshot_drop(current);
    return rc;
}

larder_status
larder_copy(larder_store *from, larder_store *to, const larder_call *call,
    const larder_copy_options *options, larder_copy_report *report,
    larder_stream *changes, larder_error *err)
{
    unsigned stores =
        (options->history ? OFFLINE : 0) | (options->online ? ONLINE : 0);
    ldr_snapshot *snapshot = NULL;
    larder_applied applied = {0};
    char run[33];
    ldr_copying copying = {.call = call, .options = options, .run = run};
    larder_status rc;

    *report = (larder_copy_report){0};
    LARDER_TRY(check_apart(from, to, options, err));
    LARDER_TRY(
        ldr_copy_of_from(enter(from, stores, 0, call, &snapshot, err), err));
    report->generation = snapshot->generation;
    LARDER_TRY(ldr_copy_of_to(
        copy_definitions(to, call, snapshot, options, &applied, changes, err),
        err));
    report->generation_to = applied.generation;
    report->n_changes = applied.n_changes;
    name_run(to, call, run);
    copying.from =
        (ldr_copy_side){from->config.project, from->offline, from->online};
    copying.to = (ldr_copy_side){to->config.project, to->offline, to->online};
    copying.snapshot = snapshot;
    rc = ldr_copy(&copying, report, err);
out:
    ldr_snapshot_drop(snapshot);
    return rc;
}

void
larder_copy_report_release(larder_copy_report *report)
{
    for (size_t i = 0; i < report->n_copies; i++) {
        free((void *)(uintptr_t)report->copies[i].name);
        free((void *)(uintptr_t)report->copies[i].reason);
    }
    free(report->copies);
    *report = (larder_copy_report){0};
}

/* -------------------------------------------------------------- examination */

static larder_status
examine_registry(larder_store *store, const larder_call *call, ldr_examining *e,
    larder_error *err)
{
    larder_error why = {0};
    larder_status rc;

    ldr_examine_begin(e, "registry", store->config.registry.type);
    rc = need(store, RECORDS, call, &why);
    if (rc != LARDER_OK)
        return ldr_examine_opened(e, rc, &why, err);
    rc = ldr_records_examine(store->records, call, &e->sink, &why);
    return ldr_examine_ended(e, rc, &why, err);
}

static larder_status
examine_offline(larder_store *store, const larder_call *call, ldr_examining *e,
    larder_error *err)
{
    larder_error why = {0};
    larder_status rc;

    ldr_examine_begin(e, "offline_store", store->config.offline.type);
    rc = need(store, OFFLINE, call, &why);
    if (rc != LARDER_OK)
        return ldr_examine_opened(e, rc, &why, err);
    rc = ldr_offline_examine(store->offline, call, &e->sink, &why);
    return ldr_examine_ended(e, rc, &why, err);
}

static larder_status
examine_online(larder_store *store, const larder_call *call, ldr_examining *e,
    larder_error *err)
{
    larder_error why = {0};
    larder_status rc;

    ldr_examine_begin(e, "online_store", store->config.online.type);
    rc = need(store, ONLINE, call, &why);
    if (rc != LARDER_OK)
        return ldr_examine_opened(e, rc, &why, err);
    rc = ldr_online_examine(store->online, call, &e->sink, &why);
    return ldr_examine_ended(e, rc, &why, err);
}

static larder_status
examine_fallback(larder_store *store, const larder_call *call, ldr_examining *e,
    larder_error *err)
{
    larder_error why = {0};
    ldr_online *second = NULL;
    larder_status rc;

    ldr_examine_begin(e, "fallback", store->config.fallback.type);
    rc = need(store, TWO, call, &why);
    if (rc == LARDER_OK)
        rc = open_fallback(store, false, call, &second, &why);
    if (rc != LARDER_OK)
        return ldr_examine_opened(e, rc, &why, err);
    rc = ldr_online_examine(second, call, &e->sink, &why);
    return ldr_examine_ended(e, rc, &why, err);
}

/* What the folder says, and whether it is what the registry has. */
static larder_status
examine_repository(larder_store *store, const larder_call *call,
    ldr_examining *e, larder_error *err)
{
    larder_call silent = *call;
    ldr_faults faults = {.call = &silent};
    ldr_snapshot *folder = NULL, *current = NULL;
    larder_error why = {0};
    larder_status rc;

    silent.diagnostic = NULL;
    ldr_examine_begin(e, "repository", NULL);
    LARDER_TRY(ldr_examine_config(e, &store->config, err));
    rc = read_folder(store, &silent, &faults, &folder, &why);
    if (rc != LARDER_OK && rc != LARDER_INVALID) {
        rc = ldr_examine_ended(e, rc, &why, err);
        goto out;
    }
    if (rc == LARDER_INVALID && faults.n_errors == 0)
        faults.first = why;
    if (store->records != NULL)
        rc = ldr_snapshot_of_registry(
            store->records, call, store->config.project, 0, &current, &why);
    if (rc == LARDER_NOMEM || rc == LARDER_INTERRUPTED) {
        rc = ldr_examine_ended(e, rc, &why, err);
        goto out;
    }
    rc = ldr_examine_definitions(e, folder, &faults, current, err);
out:
    ldr_snapshot_drop(folder);
    ldr_snapshot_drop(current);
    return rc;
}

larder_status
larder_examine(larder_store *store, const larder_call *call,
    larder_examined *out, larder_error *err)
{
    larder_examined found = {0};
    ldr_examining e = {.out = &found};
    larder_status rc;

    LARDER_TRY(examine_registry(store, call, &e, err));
    LARDER_TRY(examine_offline(store, call, &e, err));
    LARDER_TRY(examine_online(store, call, &e, err));
    if (has_fallback(store))
        LARDER_TRY(examine_fallback(store, call, &e, err));
    LARDER_TRY(examine_repository(store, call, &e, err));
    *out = found;
    found = (larder_examined){0};
out:
    larder_examined_release(&found);
    return rc;
}
