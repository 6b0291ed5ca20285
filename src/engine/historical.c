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
#include "engine/manifest.h"

#define DEFAULT_MEMORY ((size_t)512 << 20)
#define CHUNK_ROWS_MIN ((size_t)1024)
#define CHUNK_ROWS_MAX ((size_t)4 << 20)
/* Batches made at a time, their columns shared out among the threads. */
#define READY_BATCHES 16u

typedef struct view_state {
    ldr_answering answering;
    ldr_answers answers;
    uint64_t before_first, expired;
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
    size_t done; /* rows of the chunk that are in batches, or went out */
    larder_batch ready[READY_BATCHES];
    size_t n_ready, given; /* batches; of these went out */
    unsigned n_parts;      /* threads that fill them */
    uint64_t n_made;       /* rows of all batches so far */
    view_state *views;
    ldr_watermark *watermarks;
    size_t n_watermarks;
    larder_schema schema;
    size_t chunk_rows, chunk_bytes;
    ldr_digest *spine_digest, *digest;
    larder_joined_feature *features;
    larder_joined report;
    char *manifest;
    bool ended;
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
        row += column_bytes(j->schema.fields[i].type);
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

static larder_status
name_columns(join *j, larder_error *err)
{
    const larder_schema *spine = j->spine_stream.schema;
    size_t n = spine->n_fields + j->plan.n_features;
    larder_field *fields = ldr_arena_array(&j->arena, n + 1, sizeof *fields);

    j->features =
        ldr_arena_array(&j->arena, j->plan.n_features + 1, sizeof *j->features);
    if (fields == NULL || j->features == NULL)
        return no_memory(err);
    for (size_t i = 0; i < spine->n_fields; i++)
        fields[i] = spine->fields[i];
    for (size_t i = 0; i < j->plan.n_features; i++) {
        fields[spine->n_fields + i] = j->plan.outputs.fields[i];
        j->features[i] = (larder_joined_feature){
            .name = j->plan.features[i].name, .ref = j->plan.features[i].ref};
    }
    j->schema = (larder_schema){fields, n};
    j->report.n_spine_columns = spine->n_fields;
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

static larder_status
open_view(join *j, size_t v, larder_error *err)
{
    const ldr_plan_view *pv = &j->plan.views[v];
    ldr_answering *a = &j->views[v].answering;
    larder_described described = {0};
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
    LARDER_TRY(ldr_row_layout_init(
        &a->layout, types, pv->view->n_features, &j->arena, err));
    LARDER_TRY(
        ldr_offline_describe(j->offline, j->call, &a->table, &described, err));
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

static larder_status
next_chunk(join *j, larder_error *err)
{
    larder_status rc;

    for (size_t v = 0; v < j->plan.n_views; v++)
        ldr_answers_release(&j->views[v].answers);
    ldr_spine_chunk_release(&j->chunk);
    j->done = 0;
    LARDER_TRY(ldr_spine_next(
        &j->spine, j->chunk_rows, j->chunk_bytes, &j->chunk, err));
    for (size_t v = 0; v < j->plan.n_views && j->chunk.rows.n_rows > 0; v++) {
        view_state *state = &j->views[v];

        rc = ldr_answers_find(
            &state->answering, &j->chunk, &state->answers, err);
        if (rc != LARDER_OK)
            larder_context(err, "feature view '%s'",
                state->answering.view->view->about.name);
        LARDER_TRY(rc);
        for (size_t i = 0; i < state->answers.n_rows; i++) {
            state->before_first += state->answers.rows[i] == LDR_ASOF_NONE;
            state->expired += state->answers.rows[i] == LDR_ASOF_EXPIRED;
        }
    }
out:
    return rc;
}

static uint64_t
null_keys_of(const join *j, size_t first, size_t n)
{
    uint64_t nulls = 0;

    for (size_t i = first; i < first + n; i++) {
        bool null = false;

        for (size_t k = 0; k < j->chunk.n_keys && !null; k++)
            null = ldr_column_is_null(&j->chunk.keys[k], i);
        nulls += null;
    }
    return nulls;
}

/* Rows of the chunk that batch `b` of those in the making takes. */
static size_t
rows_of(const join *j, size_t b, size_t *first)
{
    size_t left;

    *first = j->done + b * LDR_BATCH_ROWS;
    left = j->chunk.rows.n_rows - *first;
    return left < LDR_BATCH_ROWS ? left : LDR_BATCH_ROWS;
}

static larder_status
fill_column(join *j, size_t c, size_t b, larder_error *err)
{
    size_t n_spine = j->report.n_spine_columns, first;
    size_t n = rows_of(j, b, &first);
    uint64_t row = j->n_made + b * LDR_BATCH_ROWS;
    larder_column *column = &j->ready[b].columns[c];
    larder_status rc;

    if (c < n_spine) {
        LARDER_TRY(
            ldr_column_copy(column, &j->chunk.rows.columns[c], first, n, err));
        LARDER_TRY(ldr_digest_column(j->spine_digest, c, row, column, err));
    } else {
        const ldr_plan_feature *feature = &j->plan.features[c - n_spine];

        LARDER_TRY(ldr_answers_gather(&j->views[feature->view].answers,
            feature->feature, first, n, column, err));
        j->features[c - n_spine].nulls += column->n_nulls;
    }
    LARDER_TRY(ldr_digest_column(j->digest, c, row, column, err));
out:
    return rc;
}

/* Every n-th column of all batches in the making: digests run by column, and a
 * column's rows come to them in order. */
static larder_status
fill_columns(void *context, unsigned part, larder_error *err)
{
    join *j = context;
    larder_status rc = LARDER_OK;

    for (size_t c = part; c < j->schema.n_fields; c += j->n_parts)
        for (size_t b = 0; b < j->n_ready; b++)
            LARDER_TRY(fill_column(j, c, b, err));
out:
    return rc;
}

static larder_status
make_batches(join *j, larder_error *err)
{
    size_t left = j->chunk.rows.n_rows - j->done, n_rows = 0;
    larder_status rc = LARDER_OK;

    j->given = 0;
    for (j->n_ready = 0;
         j->n_ready < READY_BATCHES && j->n_ready * LDR_BATCH_ROWS < left;
         j->n_ready++)
        LARDER_TRY(larder_batch_init(&j->ready[j->n_ready], &j->schema, err));
    j->n_parts = left > LDR_BATCH_ROWS ? ldr_parallel_width(j->call) : 1;
    LARDER_TRY(ldr_parallel_run(j->n_parts, fill_columns, j, err));
    for (size_t b = 0; b < j->n_ready; b++) {
        size_t first;

        j->ready[b].n_rows = rows_of(j, b, &first);
        ldr_batch_finish(&j->ready[b]);
        n_rows += j->ready[b].n_rows;
    }
    j->report.null_keys += null_keys_of(j, j->done, n_rows);
    ldr_digest_rows(j->spine_digest, n_rows);
    ldr_digest_rows(j->digest, n_rows);
    j->done += n_rows;
    j->n_made += n_rows;
out:
    return rc;
}

static larder_status
finish(join *j, larder_error *err)
{
    for (size_t f = 0; f < j->plan.n_features; f++) {
        const view_state *view = &j->views[j->plan.features[f].view];

        j->features[f].before_first = view->before_first;
        j->features[f].expired = view->expired;
    }
    ldr_digest_finish(j->spine_digest, j->report.spine_digest);
    ldr_digest_finish(j->digest, j->report.digest);
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

static larder_status
join_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    join *j = self->state;
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_call_check(j->call, err));
    if (!j->ended && j->given == j->n_ready) {
        if (j->done == j->chunk.rows.n_rows)
            LARDER_TRY(next_chunk(j, err));
        if (j->chunk.rows.n_rows == 0)
            LARDER_TRY(finish(j, err));
        else
            LARDER_TRY(make_batches(j, err));
    }
    if (j->ended) {
        *out = (larder_batch){.schema = &j->schema};
        return LARDER_OK;
    }
    *out = j->ready[j->given];
    j->ready[j->given++] = (larder_batch){0};
    j->report.rows += out->n_rows;
    tell_progress(j);
out:
    return rc;
}

static void
join_free(join *j)
{
    for (size_t b = 0; b < READY_BATCHES; b++)
        larder_batch_release(&j->ready[b]);
    for (size_t v = 0; j->views != NULL && v < j->plan.n_views; v++)
        ldr_answers_release(&j->views[v].answers);
    ldr_spine_chunk_release(&j->chunk);
    ldr_spine_release(&j->spine);
    larder_stream_close(&j->spine_stream);
    if (j->begun)
        ldr_offline_end(j->offline);
    ldr_digest_free(j->spine_digest);
    ldr_digest_free(j->digest);
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
    larder_status rc;

    j->spine_digest = ldr_digest_new();
    j->digest = ldr_digest_new();
    if (j->spine_digest == NULL || j->digest == NULL)
        return no_memory(err);
    LARDER_TRY(ldr_spine_open(
        &j->spine, &j->spine_stream, &j->plan, &j->options, err));
    LARDER_TRY(name_columns(j, err));
    if (j->options.spine_format == LARDER_JSONL) {
        ldr_digest_tokens(j->spine_digest, j->report.n_spine_columns);
        ldr_digest_tokens(j->digest, j->report.n_spine_columns);
    }
    LARDER_TRY(ldr_digest_start(j->spine_digest, j->spine_stream.schema, err));
    LARDER_TRY(ldr_digest_start(j->digest, &j->schema, err));
    size_chunks(j);
    LARDER_TRY(open_views(j, err));
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
    *out = (larder_stream){.schema = &j->schema,
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
