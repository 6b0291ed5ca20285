/* SPDX-License-Identifier: Apache-2.0 */
/*
 * historical.c - training sets: entity rows in, feature rows out.
 */
#include "engine/historical.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/schema.h"
#include "data/sort.h"
#include "data/stream.h"
#include "data/text.h"
#include "engine/answer.h"
#include "engine/assemble.h"
#include "engine/manifest.h"
#include "engine/ondemand.h"
#include "engine/windowed.h"

#define DEFAULT_MEMORY ((size_t)512 << 20)
#define CHUNK_ROWS_MIN ((size_t)1024)
#define CHUNK_ROWS_MAX ((size_t)4 << 20)

/* What answers the features of a view: one row, or all that a window reaches.
 */
typedef struct answering {
    bool wanted;
    ldr_answers answers;
    uint64_t before_first, expired;
} answering;

typedef struct view_state {
    ldr_answering answering;
    ldr_event_plan events;
    answering plain, windowed;
} view_state;

typedef struct join {
    ldr_plan plan;
    ldr_arena arena;
    const larder_call *call;
    larder_join_options options;
    ldr_offline *offline;
    bool begun; /* the snapshot */
    larder_stream spine_stream;
    ldr_spine spine;
    ldr_spine_chunk chunk;
    view_state *views;
    ldr_assembly *assembly;
    ldr_answered *answered;      /* per plan->features, all of them */
    const ldr_answers **answers; /* per plan->views */
    ldr_watermark *watermarks;
    size_t n_watermarks;
    size_t chunk_rows, chunk_bytes;
    larder_joined_feature *features;
    larder_joined report;
    char *manifest;
    bool started, ended; /* a chunk; the join */
} join;

/* ------------------------------------------------------------------ open */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for the join");
}

static size_t
column_bytes(larder_type type)
{
    size_t width = ldr_type_width(type);

    return width == 0 ? 40 : width; /* text: a guess, corrected as it comes */
}

/* Rows of spine and answers that fit what the caller allows, with a quarter
 * left for batches on their way and for what no estimate knows. */
static void
size_chunks(join *j)
{
    size_t memory =
        j->call->memory_bytes == 0 ? DEFAULT_MEMORY : j->call->memory_bytes;
    size_t row = 64;

    for (size_t i = 0; i < j->report.n_spine_columns; i++)
        row += column_bytes(j->spine_stream.schema->fields[i].type);
    for (size_t v = 0; v < j->plan.n_views; v++) {
        const ldr_view *view = j->plan.views[v].view;

        row += 80;
        for (size_t i = 0; i < view->n_features; i++)
            row += column_bytes(view->features[i].type);
        for (size_t i = 0; i < view->n_keys; i++)
            row += 2 * column_bytes(view->keys[i].type);
    }
    j->chunk_rows = (memory - memory / 4) / row;
    if (j->chunk_rows < CHUNK_ROWS_MIN)
        j->chunk_rows = CHUNK_ROWS_MIN;
    if (j->chunk_rows > CHUNK_ROWS_MAX)
        j->chunk_rows = CHUNK_ROWS_MAX;
    j->chunk_bytes = memory / 4;
}

/* Which of a view's answers hold a feature, and which column it is there. */
static answering *
answers_of(join *j, const ldr_plan_feature *feature, size_t *column)
{
    view_state *state = &j->views[feature->view];

    *column = feature->feature;
    for (size_t w = 0; w < state->events.n_windows; w++) {
        if (state->events.features[w] != feature->feature)
            continue;
        *column = w;
        return &state->windowed;
    }
    return &state->plain;
}

static larder_status
lay_out(join *j, larder_error *err)
{
    const ldr_plan *plan = &j->plan;

    j->features =
        ldr_arena_array(&j->arena, plan->n_features + 1, sizeof *j->features);
    j->answered =
        ldr_arena_array(&j->arena, plan->n_all + 1, sizeof *j->answered);
    j->answers =
        ldr_arena_array(&j->arena, plan->n_views + 1, sizeof *j->answers);
    if (j->features == NULL || j->answered == NULL || j->answers == NULL)
        return no_memory(err);
    for (size_t i = 0; i < plan->n_features; i++)
        j->features[i] = (larder_joined_feature){
            .name = plan->features[i].name, .ref = plan->features[i].ref};
    for (size_t i = 0; i < plan->n_all; i++) {
        const ldr_plan_feature *feature = &plan->features[i];
        answering *from;

        if (feature->view == LDR_PLAN_DERIVED)
            continue;
        from = answers_of(j, feature, &j->answered[i].column);
        from->wanted = true;
        j->answered[i].answers = &from->answers;
    }
    for (size_t v = 0; v < plan->n_views; v++) {
        answering *plain = &j->views[v].plain;

        plain->wanted = plain->wanted || ldr_ondemand_reads_event(plan, v);
        j->answers[v] = &plain->answers;
    }
    return LARDER_OK;
}

static larder_status
add_watermark(join *j, const ldr_source *source, larder_time newest)
{
    for (size_t i = 0; i < j->n_watermarks; i++)
        if (strcmp(j->watermarks[i].source, source->about.name) == 0)
            return LARDER_OK;
    j->watermarks[j->n_watermarks++] =
        (ldr_watermark){source->about.name, newest};
    return LARDER_OK;
}

/* Without a created time nothing is known of when a row was known: every value
 * would be null, and nobody would see why. */
static larder_status
check_created(const join *j, const ldr_view *view, larder_error *err)
{
    if (!j->options.as_known || view->source->created != NULL)
        return LARDER_OK;
    (void)larder_fail(err, LARDER_INVALID,
        "source '%s' of feature view '%s' has no created time to join by",
        view->source->about.name, view->about.name);
    larder_hint(err,
        "declare its created_timestamp_column, or join without --as-known");
    return LARDER_INVALID;
}

static bool
is_asked(const ldr_plan *plan, size_t v, size_t feature)
{
    for (size_t i = 0; i < plan->n_all; i++)
        if (plan->features[i].view == v && plan->features[i].feature == feature)
            return true;
    return false;
}

/* Windows that nobody asked for are not looked at: neither their events nor
 * what cannot be answered of them, such as a sum that fits no type. */
static void
keep_asked(const ldr_plan *plan, size_t v, ldr_event_plan *events)
{
    size_t n = 0;

    for (size_t w = 0; w < events->n_windows; w++) {
        if (!is_asked(plan, v, events->features[w]))
            continue;
        events->windows[n] = events->windows[w];
        events->features[n++] = events->features[w];
    }
    events->n_windows = n;
    events->span_us = ldr_windows_span(events->windows, n);
}

static larder_status
open_view(join *j, size_t v, larder_error *err)
{
    const ldr_plan_view *pv = &j->plan.views[v];
    ldr_answering *a = &j->views[v].answering;
    larder_described described = {0};
    larder_table asked;
    larder_type *types =
        ldr_arena_array(&j->arena, pv->view->n_features + 1, sizeof *types);
    larder_status rc;

    if (types == NULL)
        return no_memory(err);
    for (size_t i = 0; i < pv->view->n_features; i++)
        types[i] = pv->columns[i].type;
    *a = (ldr_answering){.offline = j->offline,
        .call = j->call,
        .plan = &j->plan,
        .view = pv,
        .options = &j->options};
    ldr_view_source(pv->view, &a->keys, &a->table);
    LARDER_TRY(check_created(j, pv->view, err));
    if (pv->view->window_us > 0) {
        LARDER_TRY(
            ldr_event_plan_make(pv->view, &j->arena, &j->views[v].events, err));
        keep_asked(&j->plan, v, &j->views[v].events);
    }
    LARDER_TRY(ldr_row_layout_init(
        &a->layout, types, pv->view->n_features, &j->arena, err));
    asked = a->table;
    if (!asked.owned) { /* it declares no key of its own */
        asked.key = pv->scan_keys;
        asked.n_key = pv->view->n_keys;
    }
    LARDER_TRY(
        ldr_offline_describe(j->offline, j->call, &asked, &described, err));
    if (!described.exists) {
        larder_fail(err, LARDER_NOT_FOUND,
            "source '%s' of feature view '%s' has no table in the offline "
            "store",
            pv->view->source->about.name, pv->view->about.name);
        larder_hint(err, "run 'larder apply', then 'larder ingest'");
        rc = LARDER_NOT_FOUND;
        goto out;
    }
    a->seeks = ldr_offline_has_asof(j->offline) && described.seekable;
    a->passes = ldr_offline_has_asof(j->offline) && described.passes;
    rc = add_watermark(j, pv->view->source, described.newest_event);
out:
    larder_described_release(&described);
    return rc;
}

static larder_status
open_views(join *j, larder_error *err)
{
    larder_status rc;

    j->views =
        ldr_arena_array(&j->arena, j->plan.n_views + 1, sizeof *j->views);
    j->watermarks =
        ldr_arena_array(&j->arena, j->plan.n_views + 1, sizeof *j->watermarks);
    if (j->views == NULL || j->watermarks == NULL)
        return no_memory(err);
    for (size_t v = 0; v < j->plan.n_views; v++)
        LARDER_TRY(open_view(j, v, err));
    LARDER_TRY(ldr_offline_begin(
        j->offline, j->call, ldr_parallel_width(j->call), err));
    j->begun = true;
out:
    return rc;
}

/* ------------------------------------------------------------------ rows */

static void
count_answers(answering *a)
{
    for (size_t i = 0; i < a->answers.n_rows; i++) {
        a->before_first += a->answers.rows[i] == LDR_ASOF_NONE;
        a->expired += a->answers.rows[i] == LDR_ASOF_EXPIRED;
    }
}

static larder_status
answer_chunk(join *j, view_state *state, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (state->plain.wanted)
        LARDER_TRY(ldr_answers_find(
            &state->answering, &j->chunk, &state->plain.answers, err));
    if (state->windowed.wanted)
        LARDER_TRY(ldr_windowed_find(&state->answering, &state->events,
            &j->chunk, &state->windowed.answers, err));
    count_answers(&state->plain);
    count_answers(&state->windowed);
out:
    if (rc != LARDER_OK)
        larder_context(
            err, "feature view '%s'", state->answering.view->view->about.name);
    return rc;
}

static void
release_answers(join *j)
{
    for (size_t v = 0; j->views != NULL && v < j->plan.n_views; v++) {
        ldr_answers_release(&j->views[v].plain.answers);
        ldr_answers_release(&j->views[v].windowed.answers);
    }
}

static larder_status
next_chunk(join *j, larder_error *err)
{
    larder_status rc;

    release_answers(j);
    ldr_spine_chunk_release(&j->chunk);
    LARDER_TRY(ldr_spine_next(
        &j->spine, j->chunk_rows, j->chunk_bytes, &j->chunk, err));
    for (size_t v = 0; v < j->plan.n_views && j->chunk.rows.n_rows > 0; v++)
        LARDER_TRY(answer_chunk(j, &j->views[v], err));
out:
    return rc;
}

static larder_status
finish(join *j, larder_error *err)
{
    for (size_t f = 0; f < j->plan.n_features; f++) {
        const answering *from;
        size_t column;

        if (j->plan.features[f].view == LDR_PLAN_DERIVED)
            continue;
        from = answers_of(j, &j->plan.features[f], &column);
        j->features[f].before_first = from->before_first;
        j->features[f].expired = from->expired;
    }
    ldr_assembly_finish(j->assembly, j->features, &j->report);
    j->report.features = j->features;
    j->report.n_features = j->plan.n_features;
    j->report.generation = j->plan.snapshot->generation;
    j->ended = true;
    return ldr_manifest_print(&j->plan, &j->options, &j->report, j->watermarks,
        j->n_watermarks, &j->manifest, err);
}

static void
tell_progress(const join *j)
{
    larder_progress progress = {.what = "joining", .done = j->report.rows};

    if (j->call->progress != NULL)
        j->call->progress(j->call->context, &progress);
}

/* The next batch of the chunk at hand, or of the one after it. */
static larder_status
next_batch(join *j, larder_batch *out, larder_error *err)
{
    ldr_parts parts = {&j->chunk, j->answered, j->answers};
    larder_status rc = LARDER_OK;

    if (j->started) {
        LARDER_TRY(ldr_assembly_next(j->assembly, out, err));
        if (out->n_rows > 0)
            return LARDER_OK;
    }
    LARDER_TRY(next_chunk(j, err));
    ldr_assembly_start(j->assembly, &parts);
    j->started = true;
    LARDER_TRY(ldr_assembly_next(j->assembly, out, err));
out:
    return rc;
}

static larder_status
join_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    join *j = self->state;
    larder_batch batch = {.schema = ldr_assembly_schema(j->assembly)};
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_call_check(j->call, err));
    if (!j->ended)
        LARDER_TRY(next_batch(j, &batch, err));
    if (!j->ended && batch.n_rows == 0)
        LARDER_TRY(finish(j, err));
    j->report.rows += batch.n_rows;
    if (batch.n_rows > 0)
        tell_progress(j);
    *out = batch;
out:
    return rc;
}

static void
join_free(join *j)
{
    ldr_assembly_free(j->assembly);
    release_answers(j);
    ldr_spine_chunk_release(&j->chunk);
    ldr_spine_release(&j->spine);
    larder_stream_close(&j->spine_stream);
    if (j->begun)
        ldr_offline_end(j->offline);
    ldr_plan_release(&j->plan);
    ldr_arena_free(&j->arena);
    free(j->manifest);
    free(j);
}

static void
join_close(larder_stream *self)
{
    join_free(self->state);
    *self = (larder_stream){0};
}

static larder_status
join_open(join *j, larder_error *err)
{
    const larder_schema *spine = j->spine_stream.schema;
    larder_status rc;

    LARDER_TRY(ldr_spine_open(
        &j->spine, &j->spine_stream, &j->plan, &j->options, err));
    LARDER_TRY(ldr_assembly_new(
        &j->plan, spine, &j->options, j->call, &j->assembly, err));
    j->report.n_spine_columns = spine->n_fields;
    size_chunks(j);
    LARDER_TRY(open_views(j, err));
    LARDER_TRY(lay_out(j, err));
out:
    return rc;
}

larder_status
ldr_historical_open(ldr_offline *offline, ldr_plan *plan,
    const larder_call *call, const larder_join_options *options,
    larder_stream *spine, larder_stream *out, larder_error *err)
{
    join *j = calloc(1, sizeof *j);
    larder_status rc;

    if (j == NULL) {
        larder_stream_close(spine);
        ldr_plan_release(plan);
        return no_memory(err);
    }
    j->plan = *plan;
    *plan = (ldr_plan){0};
    j->spine_stream = *spine;
    *spine = (larder_stream){0};
    j->call = call;
    j->options = *options;
    j->offline = offline;
    rc = join_open(j, err);
    if (rc != LARDER_OK) {
        join_free(j);
        return rc;
    }
    *out = (larder_stream){.schema = ldr_assembly_schema(j->assembly),
        .next = join_next,
        .close = join_close,
        .state = j};
    return LARDER_OK;
}

larder_status
ldr_historical_report(
    const larder_stream *joined, const larder_joined **out, larder_error *err)
{
    join *j = joined->state;

    if (joined->next != join_next || !j->ended)
        return larder_fail(err, LARDER_INVALID,
            "a join can be reported on when its stream has ended");
    j->report.manifest = j->manifest;
    *out = &j->report;
    return LARDER_OK;
}
