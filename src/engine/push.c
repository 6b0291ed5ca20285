/* SPDX-License-Identifier: Apache-2.0 */
/*
 * push.c - rows handed in by a program, to either store or both.
 */
#include "engine/push.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "data/batch.h"
#include "data/key.h"
#include "data/schema.h"
#include "definition/table.h"
#include "engine/derive.h"
#include "engine/pushable.h"
#include "engine/runs.h"
#include "storage/fallback.h"

/* Limits of one push (R14). */
#define MAX_ROWS ((size_t)1 << 20)
#define ROWS_TOLD 100u

typedef struct push {
    const ldr_pushing *p;
    const ldr_source *source; /* whose history it is */
    const ldr_view *view;     /* the only one; NULL: all of the source */
    larder_schema schema;     /* of the rows */
    const char *const *key;   /* columns that are never null */
    size_t n_key;
    ldr_online *online; /* which of two */
    larder_batch rows;
    size_t event, created; /* columns; created may be LDR_NO_FIELD */
    larder_pushed *report;
} push;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to push");
}

/* -------------------------------------------------------------- all or none */

static larder_status
collect(push *p, larder_stream *rows, larder_error *err)
{
    larder_batch batch = {0};
    larder_status rc;

    LARDER_TRY(larder_batch_init(&p->rows, &p->schema, err));
    for (;;) {
        LARDER_TRY(larder_stream_next(rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        if (batch.n_rows > MAX_ROWS - p->rows.n_rows) {
            rc = larder_fail(err, LARDER_LIMIT,
                "more than %zu rows in one push (max_push_rows)", MAX_ROWS);
            larder_hint(err, "ingest files of that size, then materialize");
            goto out;
        }
        LARDER_TRY(ldr_batch_copy(&p->rows, &batch, 0, batch.n_rows, err));
        larder_batch_release(&batch);
    }
    p->report->read = p->rows.n_rows;
out:
    larder_batch_release(&batch);
    return rc;
}

/* Do the rows go to this view? */
static bool
is_meant(const push *p, const ldr_view *view)
{
    return p->view != NULL ? view == p->view
                           : view->source == p->source && view->online;
}

/* Which row it is, before what is wrong with it. */
static void
place_fault(const push *p, const ldr_pushable *rule, size_t row,
    const char *column, larder_error *why)
{
    char place[LDR_BREACH_ROOM];

    ldr_contract_place(&rule->contract, &p->rows, row, place);
    larder_context(why, "row %zu: %s, column '%s'", row + 1, place, column);
}

/* Every bad row is told, up to a number of them; one is enough to refuse. */
static larder_status
check_rows(const push *p, const ldr_pushable *rule, larder_error *err)
{
    const larder_call *call = p->p->call;
    larder_error first = {0};
    size_t n_bad = 0;

    for (size_t row = 0; row < p->rows.n_rows; row++) {
        larder_error why = {0};
        larder_diagnostic fault = {.message = why.message};
        const char *column = "";

        if (rule->check.judge(&rule->check, &p->rows, row, &column, &why) ==
            LARDER_OK)
            continue;
        if (n_bad++ >= ROWS_TOLD)
            continue;
        place_fault(p, rule, row, column, &why);
        if (n_bad == 1)
            first = why;
        if (call->diagnostic != NULL)
            call->diagnostic(call->context, &fault);
    }
    if (n_bad == 0)
        return LARDER_OK;
    larder_fail(err, LARDER_INVALID, "%s", first.message);
    larder_context(err, "%zu of %zu rows cannot be pushed, so none was", n_bad,
        p->rows.n_rows);
    return LARDER_INVALID;
}

/* What contracts refuse is bad too; what they warn of is told. */
static larder_status
judge_rows(const push *p, larder_error *err)
{
    ldr_pushable rule;
    ldr_breaches breaches = {0};
    larder_violation *violations = NULL;
    ldr_arena arena = {0};
    larder_status rc;

    if (p->view != NULL)
        LARDER_TRY(ldr_pushable_of_view(
            p->view, &p->schema, p->p->call->now, &arena, &rule, err));
    else
        LARDER_TRY(ldr_pushable_make(&p->p->snapshot->all, p->source, p->p->to,
            p->p->call->now, &arena, &rule, err));
    LARDER_TRY(check_rows(p, &rule, err));
    LARDER_TRY(ldr_breaches_init(&breaches, &rule.contract, err));
    ldr_contract_judge(
        &rule.contract, &p->rows, 0, p->rows.n_rows, 1, &breaches);
    LARDER_TRY(ldr_contract_report(
        &rule.contract, &breaches, &violations, &p->report->n_violations, err));
    p->report->violations = violations;
    ldr_contract_warn(&rule.contract, &breaches, p->p->call);
out:
    ldr_breaches_release(&breaches);
    ldr_arena_free(&arena);
    return rc;
}

/* A row of a windowed view is made of many: one alone cannot say it. */
static larder_status
check_views(const push *p, larder_error *err)
{
    const ldr_definitions *all = &p->p->snapshot->all;

    if (p->p->to != LARDER_PUSH_ONLINE)
        return LARDER_OK;
    for (size_t i = 0; i < all->n_views; i++) {
        const ldr_view *view = &all->views[i];

        if (!is_meant(p, view) || view->window_us == 0)
            continue;
        larder_fail(err, LARDER_INVALID,
            "feature view '%s' has windows over the history of '%s': rows "
            "cannot go online alone",
            view->about.name, p->source->about.name);
        larder_hint(err, "push --to both%s",
            p->view == NULL ? "" : ", to a push source of that history");
        return LARDER_INVALID;
    }
    return LARDER_OK;
}

static larder_status
journal(push *p, larder_error *err)
{
    larder_batch copy = {0};
    larder_stream stream = {0};
    larder_appended appended = {0};
    larder_table table;
    larder_status rc;

    ldr_source_table(p->source, &table);
    LARDER_TRY(larder_batch_init(&copy, &p->source->schema, err));
    LARDER_TRY(ldr_batch_copy(&copy, &p->rows, 0, p->rows.n_rows, err));
    LARDER_TRY(larder_stream_of(&copy, &stream, err));
    LARDER_TRY(ldr_offline_append(
        p->p->offline, p->p->call, &table, &stream, &appended, err));
    p->report->added = appended.added;
    p->report->duplicate = appended.duplicate;
out:
    larder_stream_close(&stream);
    larder_batch_release(&copy);
    return rc;
}

/* ------------------------------------------------------------- plain views */

/* The rows' columns as a view has them; those it reads wider are its own. */
typedef struct as_view {
    const larder_column *keys[LDR_VIEW_KEYS_MAX];
    const larder_column **features;
    larder_column *widened;
    size_t n_widened;
} as_view;

static void
as_view_release(as_view *a)
{
    for (size_t i = 0; i < a->n_widened; i++)
        ldr_column_release(&a->widened[i]);
}

/* int32 read as int64, float32 as float64. */
static larder_status
widen(const larder_column *from, larder_type type, larder_column *to,
    larder_error *err)
{
    larder_status rc;

    LARDER_TRY(ldr_column_init(to, type, err));
    for (size_t i = 0; i < from->n_rows; i++) {
        larder_value value = larder_column_value(from, i);

        value.type = type;
        LARDER_TRY(larder_column_append(to, &value, err));
    }
out:
    return rc;
}

static larder_status
see_as(const push *p, const ldr_view *view, const larder_field *columns,
    ldr_arena *arena, as_view *out, larder_error *err)
{
    const larder_schema *schema = &p->schema;
    larder_status rc = LARDER_OK;

    out->features =
        ldr_arena_array(arena, view->n_features + 1, sizeof *out->features);
    out->widened =
        ldr_arena_array(arena, view->n_features + 1, sizeof *out->widened);
    if (out->features == NULL || out->widened == NULL)
        return no_memory(err);
    for (size_t k = 0; k < view->n_keys; k++)
        out->keys[k] =
            &p->rows.columns[ldr_schema_find(schema, view->keys[k].name)];
    for (size_t i = 0; i < view->n_features; i++) {
        size_t at = p->view != NULL ? p->n_key + i
                                    : ldr_schema_find(schema, columns[i].name);

        out->features[i] = &p->rows.columns[at];
        if (schema->fields[at].type == columns[i].type)
            continue;
        out->features[i] = &out->widened[out->n_widened++];
        LARDER_TRY(widen(&p->rows.columns[at], columns[i].type,
            &out->widened[out->n_widened - 1], err));
    }
out:
    return rc;
}

/* Rows whose time has come, encoded. With their journal, those of the future
 * wait for the materialize that comes after it. */
static larder_status
encode_rows(const push *p, const ldr_view *view, const as_view *seen,
    const ldr_row_layout *layout, ldr_chunk *chunk, larder_error *err)
{
    const larder_column *events = &p->rows.columns[p->event];
    const larder_column *created =
        p->created == LDR_NO_FIELD ? NULL : &p->rows.columns[p->created];
    uint32_t entity_set = ldr_entity_set_id(view->keys, view->n_keys);
    larder_status rc = LARDER_OK;

    for (size_t row = 0; row < p->rows.n_rows; row++) {
        larder_time event = ldr_column_integer(events, row);
        bool null = false;
        ldr_key key;

        if (event > p->p->call->now && p->p->to == LARDER_PUSH_BOTH)
            continue;
        ldr_key_start(&key, entity_set);
        LARDER_TRY(
            ldr_key_encode(&key, seen->keys, view->n_keys, row, &null, err));
        if (null)
            continue;
        LARDER_TRY(ldr_chunk_add(chunk, layout, &key, event,
            created == NULL || ldr_column_is_null(created, row)
                ? LDR_NO_CREATED
                : ldr_column_integer(created, row),
            seen->features, row, err));
    }
out:
    return rc;
}

static larder_status
put_rows(const push *p, const ldr_chunk *chunk, larder_table_id table,
    larder_pushed_view *report, larder_error *err)
{
    size_t n = chunk->n_entries;
    larder_put *puts = malloc((n + 1) * sizeof *puts);
    larder_outcome *outcomes = calloc(n + 1, sizeof *outcomes);
    larder_status rc = LARDER_OK;

    if (puts == NULL || outcomes == NULL) {
        rc = no_memory(err);
        goto out;
    }
    ldr_chunk_puts(chunk, n, table, LARDER_PUT_NEWEST, puts);
    if (n > 0)
        LARDER_TRY(
            ldr_online_put(p->online, p->p->call, puts, n, outcomes, err));
    for (size_t i = 0; i < n; i++) {
        report->written += outcomes[i] == LARDER_WRITTEN;
        report->unchanged += outcomes[i] == LARDER_UNCHANGED;
        report->older += outcomes[i] == LARDER_OLDER;
    }
out:
    free(puts);
    free(outcomes);
    return rc;
}

static larder_status
push_plain(const push *p, const ldr_view *view, larder_table_id table,
    ldr_arena *arena, larder_pushed_view *report, larder_error *err)
{
    larder_type *types =
        ldr_arena_array(arena, view->n_features + 1, sizeof *types);
    ldr_row_layout layout;
    larder_field *columns;
    ldr_chunk chunk = {0};
    as_view seen = {0};
    larder_status rc;

    if (types == NULL)
        return no_memory(err);
    LARDER_TRY(ldr_view_columns(view, arena, &columns, err));
    for (size_t i = 0; i < view->n_features; i++)
        types[i] = columns[i].type;
    LARDER_TRY(
        ldr_row_layout_init(&layout, types, view->n_features, arena, err));
    layout.whole_seconds = ldr_online_whole_seconds(p->online);
    LARDER_TRY(see_as(p, view, columns, arena, &seen, err));
    LARDER_TRY(encode_rows(p, view, &seen, &layout, &chunk, err));
    LARDER_TRY(put_rows(p, &chunk, table, report, err));
out:
    ldr_chunk_release(&chunk);
    as_view_release(&seen);
    return rc;
}

/* ---------------------------------------------------------- windowed views */

static larder_status
push_windowed(const push *p, const ldr_view *view, larder_table_id table,
    ldr_arena *arena, larder_pushed_view *report, larder_error *err)
{
    ldr_deriving plan;
    ldr_derive_job job = {.offline = p->p->offline,
        .online = p->online,
        .call = p->p->call,
        .plan = &plan,
        .table = table,
        .until = p->p->call->now};
    ldr_derive_counts counts = {0};
    larder_batch keys = {0};
    larder_status rc;

    LARDER_TRY(ldr_deriving_make(view, arena, &plan, err));
    LARDER_TRY(larder_batch_init(&keys, &plan.keys, err));
    for (size_t k = 0; k < plan.keys.n_fields; k++) {
        size_t at =
            ldr_schema_find(&p->source->schema, plan.keys.fields[k].name);

        LARDER_TRY(ldr_column_copy(
            &keys.columns[k], &p->rows.columns[at], 0, p->rows.n_rows, err));
    }
    keys.n_rows = p->rows.n_rows;
    ldr_batch_finish(&keys);
    rc = ldr_derive_keys(&job, &keys, &counts, err);
    report->written += counts.written;
    report->unchanged += counts.unchanged;
    report->over_limit += counts.over_limit;
out:
    larder_batch_release(&keys);
    return rc;
}

/* ------------------------------------------------------------------- online */

/* Into one build of a view, if it is of the definition at hand. */
static larder_status
push_into(const push *p, const ldr_view *view, const char *hash,
    const ldr_build *build, larder_pushed_view *report, larder_error *err)
{
    larder_table_id table;
    ldr_arena arena = {0};
    larder_status rc;

    if (strcmp(build->hash, hash) != 0)
        return LARDER_OK;
    report->waiting = false;
    rc = ldr_build_table(p->online, p->p->project, view, build, &table, err);
    if (rc == LARDER_OK)
        rc = view->window_us > 0
                 ? push_windowed(p, view, table, &arena, report, err)
                 : push_plain(p, view, table, &arena, report, err);
    ldr_arena_free(&arena);
    return rc;
}

/* A build that is being filled gets the rows too: its snapshot of history may
 * be of before them. */
static larder_status
push_view(const push *p, const ldr_view *view, larder_pushed_view *report,
    larder_error *err)
{
    larder_pushed_view ignored = {.waiting = true};
    ldr_position position;
    char hash[33];
    larder_status rc;

    LARDER_TRY(ldr_view_hash(view, hash, err));
    LARDER_TRY(ldr_positions_read(p->online, p->p->call, p->p->project,
        &view->about.name, 1, &position, err));
    report->waiting = true;
    LARDER_TRY(push_into(p, view, hash, &position.read, report, err));
    LARDER_TRY(push_into(p, view, hash, &position.fill, &ignored, err));
    if (!report->waiting || p->p->to == LARDER_PUSH_BOTH)
        return LARDER_OK;
    larder_fail(err, LARDER_NOT_FOUND,
        position.read.hash[0] == '\0'
            ? "feature view '%s' is not materialized yet"
            : "feature view '%s' has changed since it was materialized",
        view->about.name);
    larder_hint(err, "run 'larder materialize -V %s'%s", view->about.name,
        p->view == NULL ? ", or push --to both" : "");
    rc = LARDER_NOT_FOUND;
out:
    return rc;
}

static larder_status
push_online(push *p, larder_error *err)
{
    const ldr_definitions *all = &p->p->snapshot->all;
    larder_status rc = LARDER_OK;

    p->report->views = calloc(all->n_views + 1, sizeof *p->report->views);
    if (p->report->views == NULL)
        return no_memory(err);
    for (size_t i = 0; i < all->n_views; i++) {
        const ldr_view *view = &all->views[i];
        larder_pushed_view *report = &p->report->views[p->report->n_views];

        if (!is_meant(p, view))
            continue;
        report->view = strdup(view->about.name); /* outlives the snapshot */
        if (report->view == NULL)
            return no_memory(err);
        p->report->n_views++;
        rc = push_view(p, view, report, err);
        if (rc != LARDER_OK)
            larder_context(err, "feature view '%s'", view->about.name);
        LARDER_TRY(rc);
    }
out:
    return rc;
}

/* The same rows into the other store; what it counts is not told. */
static void
push_second(const push *p)
{
    larder_pushed counts = {0};
    push second = *p;
    larder_error *failure = &p->report->fallback.failure;

    second.online = p->p->second;
    second.report = &counts;
    if (push_online(&second, failure) != LARDER_OK)
        larder_context(failure, "the fallback");
    for (size_t i = 0; i < counts.n_views; i++)
        free((void *)(uintptr_t)counts.views[i].view);
    free(counts.views);
}

static larder_status
push_to_stores(push *p, larder_error *err)
{
    larder_status rc;

    p->online = p->p->online;
    rc = push_online(p, err);
    if (p->p->second != NULL &&
        (rc == LARDER_OK || ldr_fallback_is_failure(rc, p->p->call)))
        push_second(p);
    return rc;
}

/* ---------------------------------------------------------------- whose rows
 */

static void
begin_source(push *p)
{
    p->source = p->p->source->batch_source;
    p->schema = p->source->schema;
    p->key = p->source->key;
    p->n_key = p->source->n_key;
    p->event = ldr_schema_find(&p->schema, p->source->timestamp_field);
    p->created = p->source->created == NULL
                     ? LDR_NO_FIELD
                     : ldr_schema_find(&p->schema, p->source->created);
}

static larder_status
begin_view(push *p, ldr_arena *arena, larder_error *err)
{
    const ldr_view *view = p->p->view;
    const char **key = ldr_arena_array(arena, view->n_keys + 1, sizeof *key);
    larder_status rc;

    if (key == NULL)
        return no_memory(err);
    if (!view->online)
        return larder_fail(err, LARDER_INVALID,
            "feature view '%s' is not online", view->about.name);
    p->view = view;
    p->source = view->source;
    LARDER_TRY(ldr_view_schema(view, arena, &p->schema, err));
    for (size_t k = 0; k < view->n_keys; k++)
        key[k] = view->keys[k].name;
    p->key = key;
    p->n_key = view->n_keys;
    p->event = view->n_keys + view->n_features;
    p->created =
        p->event + 1 < p->schema.n_fields ? p->event + 1 : LDR_NO_FIELD;
out:
    return rc;
}

larder_status
ldr_push(const ldr_pushing *pushing, larder_stream *rows, larder_pushed *report,
    larder_error *err)
{
    push p = {.p = pushing, .report = report};
    ldr_arena arena = {0};
    larder_status rc;

    if (pushing->view != NULL)
        LARDER_TRY(begin_view(&p, &arena, err));
    else
        begin_source(&p);
    if (!ldr_schema_equal(rows->schema, &p.schema)) {
        rc = larder_fail(err, LARDER_INVALID,
            "the rows' columns are not those of %s '%s'",
            p.view != NULL ? "feature view" : "source",
            p.view != NULL ? p.view->about.name : p.source->about.name);
        goto out;
    }
    LARDER_TRY(check_views(&p, err));
    LARDER_TRY(collect(&p, rows, err));
    LARDER_TRY(judge_rows(&p, err));
    if (pushing->to != LARDER_PUSH_ONLINE)
        LARDER_TRY(journal(&p, err));
    if (pushing->to != LARDER_PUSH_OFFLINE)
        rc = push_to_stores(&p, err);
out:
    larder_batch_release(&p.rows);
    ldr_arena_free(&arena);
    return rc;
}
