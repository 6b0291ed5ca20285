/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assemble.c - batches of a join's output, from a chunk of the spine and the
 * answers to it.
 *
 * Some batches are made at a time. First the threads share out the batches,
 * then the columns for their digests: a digest is by column, and must meet a
 * column's rows in order.
 */
#include "engine/assemble.h"

#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/schema.h"
#include "data/stream.h"
#include "data/text.h"
#include "engine/ondemand.h"
#include "engine/parallel.h"

/* Batches made at a time. */
#define READY_BATCHES 16u
/* Features that are gathered at a time. */
#define FEATURES 64u

/* A batch in the making: what goes out, and what only expressions read. */
typedef struct making {
    larder_batch out, hidden;
    uint64_t *made_null; /* per plan->derived */
} making;

/* What one thread hands to expressions. */
typedef struct desk {
    ldr_inputs inputs;
    ldr_ondemand_room room;
} desk;

struct ldr_assembly {
    const ldr_plan *plan;
    const larder_call *call;
    ldr_arena arena;
    larder_schema schema; /* spine columns, then the plan's outputs */
    size_t n_spine;
    /* Plan features that are not asked for, event times of the views, requests
     * and the moment asked: empty where no expression is. */
    larder_schema hidden;
    size_t events_at, requests_at, as_of_at; /* in hidden */
    ldr_digest *spine_digest, *digest;
    ldr_parts parts;
    size_t done; /* rows of the chunk that are in batches, or went out */
    making makings[READY_BATCHES];
    size_t n_ready, given; /* batches; of these went out */
    unsigned n_parts;      /* threads at work on them */
    desk *desks;           /* per thread */
    unsigned n_desks;
    uint64_t n_made;             /* rows of all batches so far */
    uint64_t *nulls, *made_null; /* per plan->features, plan->derived */
    uint64_t null_keys;
};

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for the rows of the join");
}

/* ---------------------------------------------------------------- lay out */

static larder_status
lay_out(ldr_assembly *a, const larder_schema *spine, larder_error *err)
{
    const ldr_plan *plan = a->plan;
    size_t n = spine->n_fields + plan->n_features;
    larder_field *fields = ldr_arena_array(&a->arena, n + 1, sizeof *fields);

    if (fields == NULL)
        return no_memory(err);
    for (size_t i = 0; i < spine->n_fields; i++)
        fields[i] = spine->fields[i];
    for (size_t i = 0; i < plan->n_features; i++)
        fields[spine->n_fields + i] = plan->outputs.fields[i];
    a->schema = (larder_schema){fields, n};
    a->n_spine = spine->n_fields;
    return LARDER_OK;
}

static larder_status
lay_out_hidden(ldr_assembly *a, larder_error *err)
{
    const ldr_plan *plan = a->plan;
    size_t n = 0, room = plan->n_all - plan->n_features + plan->n_views +
                         plan->requests.n_fields + 1;
    larder_field *fields = ldr_arena_array(&a->arena, room, sizeof *fields);

    if (fields == NULL)
        return no_memory(err);
    for (size_t f = plan->n_features; f < plan->n_all; f++)
        fields[n++] =
            (larder_field){plan->features[f].ref, plan->features[f].type};
    a->events_at = n;
    for (size_t v = 0; v < plan->n_views; v++)
        fields[n++] = (larder_field){"event", LARDER_TIMESTAMP};
    a->requests_at = n;
    for (size_t i = 0; i < plan->requests.n_fields; i++)
        fields[n++] = plan->requests.fields[i];
    a->as_of_at = n;
    fields[n++] = (larder_field){"as_of", LARDER_TIMESTAMP};
    a->hidden = (larder_schema){fields, plan->n_derived == 0 ? 0 : n};
    return LARDER_OK;
}

static larder_status
open_desks(ldr_assembly *a, larder_error *err)
{
    const ldr_plan *plan = a->plan;
    ldr_arena *arena = &a->arena;

    a->n_desks = ldr_parallel_width(a->call);
    a->desks = ldr_arena_array(arena, a->n_desks, sizeof *a->desks);
    if (a->desks == NULL)
        return no_memory(err);
    for (unsigned i = 0; i < a->n_desks; i++) {
        ldr_inputs *in = &a->desks[i].inputs;

        in->features =
            ldr_arena_array(arena, plan->n_all + 1, sizeof *in->features);
        in->events =
            ldr_arena_array(arena, plan->n_views + 1, sizeof *in->events);
        in->requests = ldr_arena_array(
            arena, plan->requests.n_fields + 1, sizeof *in->requests);
        if (in->features == NULL || in->events == NULL || in->requests == NULL)
            return no_memory(err);
    }
    return LARDER_OK;
}

static larder_status
open_counts(ldr_assembly *a, larder_error *err)
{
    size_t n = a->plan->n_derived + 1;

    a->nulls = ldr_arena_array(&a->arena, a->plan->n_all + 1, sizeof *a->nulls);
    a->made_null = ldr_arena_array(&a->arena, n, sizeof *a->made_null);
    if (a->nulls == NULL || a->made_null == NULL)
        return no_memory(err);
    for (size_t b = 0; b < READY_BATCHES; b++) {
        uint64_t *counts = ldr_arena_array(&a->arena, n, sizeof *counts);

        if (counts == NULL)
            return no_memory(err);
        a->makings[b].made_null = counts;
    }
    return LARDER_OK;
}

static larder_status
open_digests(ldr_assembly *a, const larder_schema *spine,
    const larder_join_options *options, larder_error *err)
{
    larder_status rc;

    a->spine_digest = ldr_digest_new();
    a->digest = ldr_digest_new();
    if (a->spine_digest == NULL || a->digest == NULL)
        return no_memory(err);
    if (options->spine_format == LARDER_JSONL) {
        ldr_digest_tokens(a->spine_digest, a->n_spine);
        ldr_digest_tokens(a->digest, a->n_spine);
    }
    LARDER_TRY(ldr_digest_start(a->spine_digest, spine, err));
    LARDER_TRY(ldr_digest_start(a->digest, &a->schema, err));
out:
    return rc;
}

larder_status
ldr_assembly_new(const ldr_plan *plan, const larder_schema *spine,
    const larder_join_options *options, const larder_call *call,
    ldr_assembly **out, larder_error *err)
{
    ldr_assembly *a = calloc(1, sizeof *a);
    larder_status rc;

    if (a == NULL)
        return no_memory(err);
    a->plan = plan;
    a->call = call;
    LARDER_TRY(lay_out(a, spine, err));
    LARDER_TRY(lay_out_hidden(a, err));
    LARDER_TRY(open_desks(a, err));
    LARDER_TRY(open_counts(a, err));
    LARDER_TRY(open_digests(a, spine, options, err));
    *out = a;
    a = NULL;
out:
    ldr_assembly_free(a);
    return rc;
}

void
ldr_assembly_free(ldr_assembly *a)
{
    if (a == NULL)
        return;
    for (size_t b = 0; b < READY_BATCHES; b++) {
        larder_batch_release(&a->makings[b].out);
        larder_batch_release(&a->makings[b].hidden);
    }
    for (unsigned i = 0; a->desks != NULL && i < a->n_desks; i++)
        ldr_ondemand_room_release(&a->desks[i].room);
    ldr_digest_free(a->spine_digest);
    ldr_digest_free(a->digest);
    ldr_arena_free(&a->arena);
    free(a);
}

const larder_schema *
ldr_assembly_schema(const ldr_assembly *assembly)
{
    return &assembly->schema;
}

void
ldr_assembly_start(ldr_assembly *a, const ldr_parts *parts)
{
    a->parts = *parts;
    a->done = 0;
    a->n_ready = a->given = 0;
}

/* ----------------------------------------------------------------- columns */

/* Rows of the chunk that batch `b` of those in the making takes. */
static size_t
rows_of(const ldr_assembly *a, size_t b, size_t *first)
{
    size_t left;

    *first = a->done + b * LDR_BATCH_ROWS;
    left = a->parts.chunk->rows.n_rows - *first;
    return left < LDR_BATCH_ROWS ? left : LDR_BATCH_ROWS;
}

/* The column of plan feature `f` in a batch. */
static larder_column *
feature_column(const ldr_assembly *a, size_t b, size_t f)
{
    size_t n = a->plan->n_features;

    return f < n ? &a->makings[b].out.columns[a->n_spine + f]
                 : &a->makings[b].hidden.columns[f - n];
}

static larder_status
copy_spine(ldr_assembly *a, size_t b, larder_error *err)
{
    size_t first, n = rows_of(a, b, &first);
    larder_status rc = LARDER_OK;

    for (size_t c = 0; c < a->n_spine; c++)
        LARDER_TRY(ldr_column_copy(&a->makings[b].out.columns[c],
            &a->parts.chunk->rows.columns[c], first, n, err));
out:
    return rc;
}

/* Features from `begin` on that the same rows answer, FEATURES at most. */
typedef struct group {
    const ldr_answers *answers;
    size_t end, n;
    size_t columns[FEATURES];
    larder_column *out[FEATURES];
} group;

static void
group_features(const ldr_assembly *a, size_t b, size_t begin, group *g)
{
    size_t n_all =
        a->hidden.n_fields == 0 ? a->plan->n_features : a->plan->n_all;

    g->answers = NULL;
    g->n = 0;
    for (g->end = begin; g->end < n_all && g->n < FEATURES; g->end++) {
        const ldr_answered *from = &a->parts.features[g->end];

        if (a->plan->features[g->end].view == LDR_PLAN_DERIVED)
            continue;
        if (g->n > 0 && from->answers != g->answers)
            break;
        g->answers = from->answers;
        g->columns[g->n] = from->column;
        g->out[g->n++] = feature_column(a, b, g->end);
    }
}

/* Features that are stored or aggregated. */
static larder_status
gather_features(ldr_assembly *a, size_t b, larder_error *err)
{
    size_t first, n = rows_of(a, b, &first);
    larder_status rc = LARDER_OK;
    group g = {0};

    for (;;) {
        group_features(a, b, g.end, &g);
        if (g.n == 0)
            break;
        for (size_t i = 0; i < g.n; i++)
            LARDER_TRY(larder_column_reserve(g.out[i], n, 0, err));
        LARDER_TRY(ldr_answers_gather(
            g.answers, g.columns, g.n, first, n, g.out, err));
    }
out:
    return rc;
}

/* A hidden column behind the features. */
static larder_status
fill_hidden(ldr_assembly *a, size_t b, size_t h, larder_error *err)
{
    const ldr_spine_chunk *chunk = a->parts.chunk;
    larder_column *column = &a->makings[b].hidden.columns[h];
    size_t first, n = rows_of(a, b, &first), view = h - a->events_at;

    if (h == a->as_of_at)
        return ldr_column_copy(column, &chunk->time, first, n, err);
    if (h >= a->requests_at)
        return ldr_column_copy(
            column, &chunk->requests[h - a->requests_at], first, n, err);
    if (!ldr_ondemand_reads_event(a->plan, view))
        return LARDER_OK;
    return ldr_answers_gather_events(
        a->parts.answers[view], first, n, column, err);
}

static void
lay_inputs(ldr_assembly *a, size_t b, ldr_inputs *inputs)
{
    const larder_column *hidden = a->makings[b].hidden.columns;

    for (size_t f = 0; f < a->plan->n_all; f++)
        inputs->features[f] = feature_column(a, b, f);
    for (size_t v = 0; v < a->plan->n_views; v++)
        inputs->events[v] = &hidden[a->events_at + v];
    for (size_t i = 0; i < a->plan->requests.n_fields; i++)
        inputs->requests[i] = &hidden[a->requests_at + i];
    inputs->as_of = &hidden[a->as_of_at];
}

/* On-demand features, each after what it reads. */
static larder_status
compute(ldr_assembly *a, size_t b, desk *at, larder_error *err)
{
    size_t first, n = rows_of(a, b, &first);
    larder_status rc = LARDER_OK;

    lay_inputs(a, b, &at->inputs);
    for (size_t d = 0; d < a->plan->n_derived; d++)
        LARDER_TRY(ldr_ondemand_run(a->plan, d, &at->inputs, 0, n, &at->room,
            feature_column(a, b, a->plan->derived[d].output),
            &a->makings[b].made_null[d], err));
out:
    return rc;
}

/* Every n-th batch in the making. */
static larder_status
fill(void *context, unsigned part, larder_error *err)
{
    ldr_assembly *a = context;
    larder_status rc = LARDER_OK;

    for (size_t b = part; b < a->n_ready; b += a->n_parts) {
        LARDER_TRY(copy_spine(a, b, err));
        LARDER_TRY(gather_features(a, b, err));
        if (a->plan->n_derived == 0)
            continue;
        for (size_t h = a->events_at; h < a->hidden.n_fields; h++)
            LARDER_TRY(fill_hidden(a, b, h, err));
        LARDER_TRY(compute(a, b, &a->desks[part], err));
    }
out:
    return rc;
}

/* ----------------------------------------------------------------- digests */

static larder_status
digest_column(ldr_assembly *a, size_t b, size_t c, larder_error *err)
{
    const larder_column *column = &a->makings[b].out.columns[c];
    uint64_t row = a->n_made + b * LDR_BATCH_ROWS;
    larder_status rc = LARDER_OK;

    if (c < a->n_spine)
        LARDER_TRY(ldr_digest_column(a->spine_digest, c, row, column, err));
    LARDER_TRY(ldr_digest_column(a->digest, c, row, column, err));
out:
    return rc;
}

/* Every n-th column of all batches in the making; a digest is by column. */
static larder_status
digest(void *context, unsigned part, larder_error *err)
{
    ldr_assembly *a = context;
    larder_status rc = LARDER_OK;

    for (size_t b = 0; b < a->n_ready; b++)
        for (size_t c = part; c < a->schema.n_fields; c += a->n_parts)
            LARDER_TRY(digest_column(a, b, c, err));
out:
    return rc;
}

static void
count_nulls(ldr_assembly *a, size_t b)
{
    for (size_t f = 0; f < a->plan->n_features; f++)
        a->nulls[f] += feature_column(a, b, f)->n_nulls;
    for (size_t d = 0; d < a->plan->n_derived; d++) {
        a->made_null[d] += a->makings[b].made_null[d];
        a->makings[b].made_null[d] = 0;
    }
}

/* ----------------------------------------------------------------- batches */

static uint64_t
count_null_keys(const ldr_assembly *a, size_t first, size_t n)
{
    const ldr_spine_chunk *chunk = a->parts.chunk;
    uint64_t nulls = 0;

    for (size_t i = first; i < first + n; i++) {
        bool null = false;

        for (size_t k = 0; k < chunk->n_keys && !null; k++)
            null = ldr_column_is_null(&chunk->keys[k], i);
        nulls += null;
    }
    return nulls;
}

static larder_status
fill_batches(ldr_assembly *a, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(ldr_parallel_run(a->n_parts, fill, a, err));
    LARDER_TRY(ldr_parallel_run(a->n_parts, digest, a, err));
    for (size_t b = 0; b < a->n_ready; b++)
        count_nulls(a, b);
out:
    return rc;
}

static larder_status
make_batches(ldr_assembly *a, larder_error *err)
{
    size_t left = a->parts.chunk->rows.n_rows - a->done, n_rows = 0;
    larder_status rc = LARDER_OK;

    a->given = 0;
    for (a->n_ready = 0;
         a->n_ready < READY_BATCHES && a->n_ready * LDR_BATCH_ROWS < left;
         a->n_ready++) {
        making *m = &a->makings[a->n_ready];

        LARDER_TRY(larder_batch_init(&m->out, &a->schema, err));
        if (a->hidden.n_fields > 0 && m->hidden.columns == NULL)
            LARDER_TRY(larder_batch_init(&m->hidden, &a->hidden, err));
        larder_batch_clear(&m->hidden);
    }
    a->n_parts = left > LDR_BATCH_ROWS ? a->n_desks : 1;
    LARDER_TRY(fill_batches(a, err));
    for (size_t b = 0; b < a->n_ready; b++) {
        larder_batch *out = &a->makings[b].out;
        size_t first;

        out->n_rows = rows_of(a, b, &first);
        ldr_batch_finish(out);
        n_rows += out->n_rows;
    }
    a->null_keys += count_null_keys(a, a->done, n_rows);
    ldr_digest_rows(a->spine_digest, n_rows);
    ldr_digest_rows(a->digest, n_rows);
    a->done += n_rows;
    a->n_made += n_rows;
out:
    return rc;
}

larder_status
ldr_assembly_next(ldr_assembly *a, larder_batch *out, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (a->given == a->n_ready && a->done < a->parts.chunk->rows.n_rows)
        LARDER_TRY(make_batches(a, err));
    if (a->given == a->n_ready) {
        *out = (larder_batch){.schema = &a->schema};
        goto out;
    }
    *out = a->makings[a->given].out;
    a->makings[a->given++].out = (larder_batch){0};
out:
    return rc;
}

void
ldr_assembly_finish(const ldr_assembly *a, larder_joined_feature *features,
    larder_joined *report)
{
    for (size_t f = 0; f < a->plan->n_features; f++) {
        const ldr_plan_feature *feature = &a->plan->features[f];

        features[f].nulls = a->nulls[f];
        if (feature->view == LDR_PLAN_DERIVED)
            features[f].made_null = a->made_null[feature->feature];
    }
    report->null_keys = a->null_keys;
    ldr_digest_finish(a->spine_digest, report->spine_digest);
    ldr_digest_finish(a->digest, report->digest);
}
