/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_derived.c - what an on-demand feature of one spine row is made of:
 * its expression and result, then each thing the expression names.
 *
 * Values are a join's of that one row; when the value of an input happened is
 * what the explanation of that input says.
 */
#include "engine/explaining.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/schema.h"
#include "data/stream.h"
#include "engine/historical.h"
#include "engine/spine.h"

#define REASON_ROOM 512

typedef struct deriving {
    ldr_explaining e; /* its `out` is filled; the rest is not used */
    const ldr_plan_derived *derived;
    larder_batch row;      /* the spine's, as it came */
    ldr_spine_chunk typed; /* the same, read */
    const char **refs;     /* the feature, then those it reads */
    size_t n_refs;
    larder_schema joined_schema;
    larder_batch joined;
} deriving;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to explain");
}

/* A stream of the one row, again and again. */
static larder_status
again(const deriving *d, larder_stream *out, larder_error *err)
{
    larder_batch copy = {0};
    larder_status rc;

    LARDER_TRY(larder_batch_init(&copy, d->row.schema, err));
    LARDER_TRY(ldr_batch_copy(&copy, &d->row, 0, 1, err));
    LARDER_TRY(larder_stream_of(&copy, out, err));
out:
    larder_batch_release(&copy);
    return rc;
}

static larder_status
take_row(deriving *d, larder_stream *spine, uint64_t wanted, larder_error *err)
{
    larder_batch batch = {0};
    uint64_t before = 0;
    larder_status rc;

    LARDER_TRY(larder_batch_init(&d->row, spine->schema, err));
    for (;;) {
        LARDER_TRY(larder_call_check(d->e.call, err));
        LARDER_TRY(larder_stream_next(spine, &batch, err));
        if (wanted >= 1 && wanted <= before + batch.n_rows)
            break;
        if (batch.n_rows == 0) {
            rc = ldr_explaining_no_row(wanted, before, err);
            goto out;
        }
        before += batch.n_rows;
        larder_batch_release(&batch);
    }
    rc = ldr_batch_copy(&d->row, &batch, (size_t)(wanted - before - 1), 1, err);
out:
    larder_batch_release(&batch);
    return rc;
}

static larder_status
read_row(deriving *d, larder_error *err)
{
    larder_stream input = {0};
    ldr_spine spine = {0};
    larder_status rc;

    LARDER_TRY(again(d, &input, err));
    LARDER_TRY(ldr_spine_open(&spine, &input, d->e.plan, d->e.options, err));
    LARDER_TRY(ldr_spine_next(&spine, 1, SIZE_MAX, &d->typed, err));
out:
    ldr_spine_release(&spine);
    larder_stream_close(&input);
    return rc;
}

/* Where a ref stands among those joined; it is added when it is not there. */
static size_t
place_of(deriving *d, const char *ref)
{
    size_t i = 0;

    while (i < d->n_refs && strcmp(d->refs[i], ref) != 0)
        i++;
    if (i == d->n_refs)
        d->refs[d->n_refs++] = ref;
    return i;
}

static const char *
ref_of(const deriving *d, const ldr_plan_input *input)
{
    return d->e.plan->features[input->at].ref;
}

static larder_status
join_row(deriving *d, larder_error *err)
{
    size_t n = d->derived->view->columns.n_fields;
    larder_join_options options = *d->e.options;
    larder_stream input = {0}, rows = {0};
    larder_batch batch = {0};
    ldr_plan plan = {0};
    larder_status rc;

    d->refs = ldr_arena_array(&d->e.arena, n + 2, sizeof *d->refs);
    if (d->refs == NULL)
        return no_memory(err);
    (void)place_of(d, d->e.plan->features[0].ref);
    for (size_t i = 0; i < n; i++)
        if (d->derived->inputs[i].kind == LDR_INPUT_FEATURE)
            (void)place_of(d, ref_of(d, &d->derived->inputs[i]));
    options.features = (larder_features){
        .refs = d->refs, .n_refs = d->n_refs, .full_names = true};
    LARDER_TRY(
        ldr_plan_make(d->e.plan->snapshot, &options.features, &plan, err));
    LARDER_TRY(again(d, &input, err));
    LARDER_TRY(ldr_historical_open(
        d->e.offline, &plan, d->e.call, &options, &input, &rows, err));
    LARDER_TRY(larder_stream_next(&rows, &batch, err));
    LARDER_TRY(
        ldr_schema_copy(rows.schema, &d->e.arena, &d->joined_schema, err));
    LARDER_TRY(larder_batch_init(&d->joined, &d->joined_schema, err));
    LARDER_TRY(ldr_batch_copy(&d->joined, &batch, 0, 1, err));
out:
    larder_batch_release(&batch);
    larder_stream_close(&rows);
    larder_stream_close(&input);
    ldr_plan_release(&plan);
    return rc;
}

/* ------------------------------------------------------------------ telling */

static larder_status
tell(deriving *d, const larder_value times[2], const larder_column *value,
    const char *outcome, const char *reason, larder_error *err)
{
    larder_column *out = d->e.out.columns;
    larder_status rc;

    LARDER_TRY(larder_column_append(&out[0], &times[0], err));
    LARDER_TRY(larder_column_append(&out[1], &times[1], err));
    LARDER_TRY(ldr_explaining_value(&out[2], value, 0, err));
    LARDER_TRY(larder_column_append_text(
        &out[3], (larder_bytes){outcome, strlen(outcome)}, err));
    LARDER_TRY(larder_column_append_text(
        &out[4], (larder_bytes){reason, strlen(reason)}, err));
    d->e.out.n_rows++;
out:
    return rc;
}

/* Times of the row that an explanation calls the winner or, of a window, of
 * the newest that counts. */
static void
find_winner(const larder_batch *rows, larder_value times[2])
{
    for (size_t row = 0; row < rows->n_rows && times[0].null; row++) {
        larder_bytes outcome =
            larder_column_value(&rows->columns[3], row).as.text;

        if ((outcome.size != 6 || memcmp(outcome.data, "winner", 6) != 0) &&
            (outcome.size != 7 || memcmp(outcome.data, "counted", 7) != 0))
            continue;
        times[0] = larder_column_value(&rows->columns[0], row);
        times[1] = larder_column_value(&rows->columns[1], row);
    }
}

static larder_status
explain_input(
    deriving *d, const char *ref, larder_value times[2], larder_error *err)
{
    larder_features one = {.refs = &ref, .n_refs = 1, .full_names = true};
    larder_stream input = {0}, rows = {0};
    larder_batch batch = {0};
    ldr_plan plan = {0};
    larder_status rc;

    LARDER_TRY(ldr_plan_make(d->e.plan->snapshot, &one, &plan, err));
    if (plan.features[0].view == LDR_PLAN_DERIVED)
        goto out; /* it has none of its own */
    LARDER_TRY(again(d, &input, err));
    LARDER_TRY(ldr_explain(
        d->e.offline, &plan, d->e.call, d->e.options, &input, 1, &rows, err));
    while (times[0].null) {
        LARDER_TRY(larder_stream_next(&rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        find_winner(&batch, times);
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    larder_stream_close(&rows);
    larder_stream_close(&input);
    ldr_plan_release(&plan);
    return rc;
}

static larder_status
tell_feature(deriving *d, const ldr_plan_input *input, larder_error *err)
{
    const char *ref = ref_of(d, input);
    size_t column = d->row.schema->n_fields + place_of(d, ref);
    larder_value times[2] = {{.type = LARDER_TIMESTAMP, .null = true},
        {.type = LARDER_TIMESTAMP, .null = true}};
    char reason[REASON_ROOM];
    larder_status rc;

    LARDER_TRY(explain_input(d, ref, times, err));
    snprintf(reason, sizeof reason, "%s; explain it too", ref);
    rc = tell(d, times, &d->joined.columns[column], "input", reason, err);
out:
    return rc;
}

/* The event time of the row that answers for a view, as any plain feature of
 * it has it. */
static larder_status
tell_event(deriving *d, size_t view, const char *name, larder_error *err)
{
    const ldr_view *of = d->e.plan->views[view].view;
    larder_value times[2] = {{.type = LARDER_TIMESTAMP, .null = true},
        {.type = LARDER_TIMESTAMP, .null = true}};
    larder_column value = {0};
    char ref[REASON_ROOM];
    size_t f = 0;
    larder_status rc;

    while (f + 1 < of->n_features &&
           of->features[f].aggregate != LDR_AGGREGATE_NONE)
        f++;
    snprintf(ref, sizeof ref, "%s:%s", of->about.name, of->features[f].name);
    LARDER_TRY(explain_input(d, ref, times, err));
    LARDER_TRY(ldr_column_init(&value, LARDER_TIMESTAMP, err));
    LARDER_TRY(larder_column_append(&value, &times[0], err));
    rc = tell(d, times, &value, "input", name, err);
out:
    ldr_column_release(&value);
    return rc;
}

static larder_status
tell_input(deriving *d, size_t i, larder_error *err)
{
    static const larder_value none[2] = {
        {.type = LARDER_TIMESTAMP, .null = true},
        {.type = LARDER_TIMESTAMP, .null = true}};
    const ldr_plan_input *input = &d->derived->inputs[i];
    const char *name = d->derived->view->columns.fields[i].name;

    switch (input->kind) {
    case LDR_INPUT_NONE:
        break;
    case LDR_INPUT_FEATURE:
        return tell_feature(d, input, err);
    case LDR_INPUT_REQUEST:
        return tell(
            d, none, &d->typed.requests[input->at], "request", name, err);
    case LDR_INPUT_EVENT:
        return tell_event(d, input->at, name, err);
    case LDR_INPUT_AS_OF:
        return tell(d, none, &d->typed.time, "input", name, err);
    }
    return LARDER_OK;
}

/* The result, then all the expression names. */
static larder_status
tell_all(deriving *d, larder_error *err)
{
    larder_value times[2] = {larder_column_value(&d->typed.time, 0),
        {.type = LARDER_TIMESTAMP, .null = true}};
    larder_status rc;

    LARDER_TRY(tell(d, times, &d->joined.columns[d->row.schema->n_fields],
        "result", d->derived->feature->text, err));
    for (size_t i = 0; i < d->derived->view->columns.n_fields; i++)
        LARDER_TRY(tell_input(d, i, err));
out:
    return rc;
}

larder_status
ldr_explain_derived(ldr_offline *offline, const ldr_plan *plan,
    const larder_call *call, const larder_join_options *options,
    larder_stream *spine, uint64_t row, larder_stream *out, larder_error *err)
{
    deriving d = {.e = {.offline = offline,
                      .plan = plan,
                      .call = call,
                      .options = options},
        .derived = &plan->derived[plan->features[0].feature]};
    larder_status rc;

    LARDER_TRY(larder_batch_init(&d.e.out, &ldr_explaining_schema, err));
    LARDER_TRY(take_row(&d, spine, row, err));
    LARDER_TRY(read_row(&d, err));
    LARDER_TRY(join_row(&d, err));
    LARDER_TRY(tell_all(&d, err));
    LARDER_TRY(larder_stream_of(&d.e.out, out, err));
out:
    larder_batch_release(&d.joined);
    larder_batch_release(&d.row);
    larder_batch_release(&d.e.out);
    ldr_spine_chunk_release(&d.typed);
    ldr_arena_free(&d.e.arena);
    return rc;
}
