/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases_run.c - one case: its rows into an empty store, the features at its
 * moment by a join and by a read of what was materialized, and what differs.
 */
#include <string.h>

#include "cases.h"
#include "cases_value.h"

#define TIME_COLUMN ".at" /* a name that no key and no request has */

/* A case on its way. */
struct running {
    struct test_case *one;
    larder_store *store;
    larder_call call; /* at the case's moment */
    ldr_arena *arena;
    larder_batch joined; /* one row */
    size_t n_spine;      /* its first columns */
    larder_reader *reader;
    larder_answer answer;
    bool answered;
    struct case_result *out;
    larder_error *err;
};

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for a case");
}

larder_status
cases_store(const larder_open_options *options, const larder_call *call,
    larder_store **out, larder_error *err)
{
    larder_store *store = NULL;
    larder_stream changes = {0};
    larder_applied applied;
    larder_status rc;

    LARDER_TRY(larder_open(options, call, &store, err));
    LARDER_TRY(larder_apply(store, call, NULL, &applied, &changes, err));
    *out = store;
    store = NULL;
out:
    larder_stream_close(&changes);
    larder_close(store);
    return rc;
}

/* -------------------------------------------------------------------- the rows
 */

static larder_status
ingest_rows(struct running *r, larder_error *err)
{
    struct test_case *one = r->one;
    larder_stream stream = {0};
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < one->n_rows && rc == LARDER_OK; i++) {
        larder_ingested ingested = {0};

        if (one->rows[i].rows.n_rows == 0)
            continue;
        LARDER_TRY(larder_stream_of(&one->rows[i].rows, &stream, err));
        rc = larder_ingest(
            r->store, &r->call, one->rows[i].source, &stream, &ingested, err);
        larder_ingested_release(&ingested);
        larder_stream_close(&stream);
    }
out:
    return rc;
}

/* ----------------------------------------------------------------- the offline
 * path */

/* Keys and requests, then the moment. */
static larder_status
make_spine(struct running *r, larder_stream *out, larder_error *err)
{
    const struct test_case *one = r->one;
    size_t n = one->question_schema.n_fields;
    larder_field *fields = ldr_arena_array(r->arena, n + 1, sizeof *fields);
    larder_schema *schema = ldr_arena_alloc(r->arena, sizeof *schema);
    larder_value at = {.type = LARDER_TIMESTAMP, .as.integer = one->at};
    larder_batch spine = {0};
    larder_status rc;

    if (fields == NULL || schema == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++)
        fields[i] = one->question_schema.fields[i];
    fields[n] = (larder_field){TIME_COLUMN, LARDER_TIMESTAMP};
    *schema = (larder_schema){fields, n + 1};
    LARDER_TRY(larder_batch_init(&spine, schema, err));
    for (size_t i = 0; i < n; i++) {
        larder_value value = larder_column_value(&one->question.columns[i], 0);

        LARDER_TRY(larder_column_append(&spine.columns[i], &value, err));
    }
    LARDER_TRY(larder_column_append(&spine.columns[n], &at, err));
    spine.n_rows = 1;
    r->n_spine = n + 1;
    LARDER_TRY(larder_stream_of(&spine, out, err));
out:
    larder_batch_release(&spine);
    return rc;
}

/* What was joined outlives its stream: one that is open keeps history from
 * being read again. */
static larder_status
keep_schema(struct running *r, larder_error *err)
{
    size_t n = r->joined.schema->n_fields;
    larder_schema *schema = ldr_arena_alloc(r->arena, sizeof *schema);
    larder_field *fields = ldr_arena_array(r->arena, n + 1, sizeof *fields);

    if (schema == NULL || fields == NULL) {
        larder_batch_release(&r->joined);
        return no_memory(err);
    }
    for (size_t i = 0; i < n; i++)
        fields[i] = (larder_field){"", r->joined.schema->fields[i].type};
    *schema = (larder_schema){fields, n};
    r->joined.schema = schema;
    return LARDER_OK;
}

static larder_status
join(struct running *r, larder_error *err)
{
    larder_join_options options = {.features = {.refs = r->one->refs,
                                       .n_refs = r->one->n_expected,
                                       .full_names = true},
        .timestamp = TIME_COLUMN,
        .naive_offset_minutes = LARDER_NAIVE_REFUSED};
    larder_stream spine = {0}, rows = {0};
    larder_status rc;

    LARDER_TRY(make_spine(r, &spine, err));
    LARDER_TRY(larder_join(r->store, &r->call, &options, &spine, &rows, err));
    LARDER_TRY(larder_stream_next(&rows, &r->joined, err));
    LARDER_TRY(keep_schema(r, err));
out:
    larder_stream_close(&rows);
    larder_stream_close(&spine);
    return rc;
}

/* ------------------------------------------------------------------ the online
 * path */

static larder_status
materialize(struct running *r, larder_error *err)
{
    larder_materialize_options options = {.views = r->one->views,
        .n_views = r->one->n_views,
        .allow_empty = true};
    larder_run_report report = {0};
    larder_status rc;

    if (r->one->n_views == 0)
        return LARDER_OK; /* features of the request alone */
    rc = larder_materialize(r->store, &r->call, &options, &report, err);
    larder_run_report_release(&report);
    return rc;
}

/* What a part of the read takes, out of what the case gives. */
static larder_status
fill_part(const struct test_case *one, const larder_schema *part, size_t first,
    larder_batch *keys, larder_error *err)
{
    const larder_schema *given = &one->question_schema;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < part->n_fields; i++)
        for (size_t g = 0; g < given->n_fields; g++) {
            larder_value value;

            if (strcmp(given->fields[g].name, part->fields[i].name) != 0)
                continue;
            value = larder_column_value(&one->question.columns[g], 0);
            LARDER_TRY(
                larder_column_append(&keys->columns[first + i], &value, err));
            break;
        }
out:
    return rc;
}

static larder_status
get(struct running *r, larder_error *err)
{
    larder_features features = {.refs = r->one->refs,
        .n_refs = r->one->n_online,
        .full_names = true,
        .at_time = true};
    const larder_schema *keys, *requests;
    larder_schema schema;
    larder_field *fields;
    larder_batch asked = {0};
    larder_status rc;

    LARDER_TRY(
        larder_reader_open(r->store, &r->call, &features, &r->reader, err));
    keys = larder_reader_keys(r->reader);
    requests = larder_reader_requests(r->reader);
    schema.n_fields = keys->n_fields + requests->n_fields;
    fields = ldr_arena_array(r->arena, schema.n_fields + 1, sizeof *fields);
    if (fields == NULL)
        return no_memory(err);
    schema.fields = fields;
    for (size_t i = 0; i < schema.n_fields; i++)
        fields[i] = i < keys->n_fields ? keys->fields[i]
                                       : requests->fields[i - keys->n_fields];
    LARDER_TRY(larder_batch_init(&asked, &schema, err));
    LARDER_TRY(fill_part(r->one, keys, 0, &asked, err));
    LARDER_TRY(fill_part(r->one, requests, keys->n_fields, &asked, err));
    asked.n_rows = 1;
    LARDER_TRY(larder_reader_get(r->reader, &r->call, &asked, &r->answer, err));
    r->answered = true;
out:
    larder_batch_release(&asked);
    return rc;
}

/* ------------------------------------------------------------------ comparing
 */

static larder_status
show(struct running *r, const larder_value *value, struct shown *out)
{
    size_t size = larder_value_print(value, NULL, 0);
    char *text = ldr_arena_alloc(r->arena, size + 1);

    if (text == NULL)
        return no_memory(r->err);
    if (!value->null)
        (void)larder_value_print(value, text, size + 1);
    *out = (struct shown){.asked = true, .null = value->null, .text = text};
    return LARDER_OK;
}

static bool
same(const struct shown *a, const struct shown *b)
{
    return a->null == b->null && strcmp(a->text, b->text) == 0;
}

/* How far apart two numbers are; NaN where they cannot be compared. */
static double
distance(const larder_value *a, const larder_value *b)
{
    if (a->type == LARDER_INT32 || a->type == LARDER_INT64) {
        uint64_t x = (uint64_t)a->as.integer, y = (uint64_t)b->as.integer;

        return (double)(a->as.integer > b->as.integer ? x - y : y - x);
    }
    return a->as.real > b->as.real ? a->as.real - b->as.real
                                   : b->as.real - a->as.real;
}

static bool
is_expected(const struct expected *e, const struct shown *expected,
    const larder_value *value, const struct shown *found)
{
    larder_value wanted;

    if (e->value.n_rows == 0 || same(expected, found))
        return true;
    if (!e->has_tolerance || expected->null || found->null)
        return false;
    wanted = larder_column_value(&e->value.columns[0], 0);
    return distance(&wanted, value) <= e->tolerance;
}

/* Online, a default stands in where there is no value; training knows none. */
static bool
is_right_online(const struct expected *e, const struct case_difference *d,
    const larder_value *value, larder_presence presence)
{
    bool stands_in = presence != LARDER_PRESENT && !value->null;

    if (!is_expected(e, &d->expected, value, &d->online) &&
        !(stands_in && d->expected.null))
        return false;
    return !d->offline.asked || same(&d->offline, &d->online) ||
           (stands_in && d->offline.null);
}

static larder_status
compare_feature(struct running *r, size_t at)
{
    const struct expected *e = &r->one->expected[at];
    struct case_difference d = {.of = e};
    larder_value value;
    bool right = true;
    larder_status rc = LARDER_OK;

    if (e->value.n_rows > 0) {
        value = larder_column_value(&e->value.columns[0], 0);
        LARDER_TRY(show(r, &value, &d.expected));
    }
    if (r->joined.n_rows > 0) {
        value = larder_column_value(&r->joined.columns[r->n_spine + at], 0);
        LARDER_TRY(show(r, &value, &d.offline));
        right = is_expected(e, &d.expected, &value, &d.offline);
    }
    if (r->answered && e->online) {
        larder_presence presence = (larder_presence)r->answer.presence[at];

        value = larder_column_value(&r->answer.values.columns[at], 0);
        LARDER_TRY(show(r, &value, &d.online));
        right = right && is_right_online(e, &d, &value, presence);
        if (e->has_status && e->status != presence)
            d.status = larder_presence_name(presence);
    }
    if (!right || d.status != NULL)
        r->out->differences[r->out->n_differences++] = d;
out:
    return rc;
}

static larder_status
compare(struct running *r)
{
    size_t n = r->one->n_expected;
    larder_status rc = LARDER_OK;

    r->out->differences =
        ldr_arena_array(r->arena, n + 1, sizeof *r->out->differences);
    if (r->out->differences == NULL)
        return no_memory(r->err);
    for (size_t i = 0; i < n; i++)
        LARDER_TRY(compare_feature(r, i));
out:
    return rc;
}

/* ------------------------------------------------------------------ the whole
 */

/* Failures that are no answer of a definition's. */
static bool
ends_all(larder_status rc)
{
    return rc == LARDER_INTERRUPTED || rc == LARDER_DEADLINE ||
           rc == LARDER_NOMEM;
}

/* A path that gives nothing is a failure of the case; the first is told. */
static larder_status
note(struct running *r, const char *path, larder_status rc,
    const larder_error *why)
{
    if (rc == LARDER_OK)
        return LARDER_OK;
    if (ends_all(rc)) {
        if (r->err != NULL)
            *r->err = *why;
        return rc;
    }
    if (r->out->error.status == LARDER_OK) {
        r->out->error = *why;
        r->out->error.status = rc;
        larder_context(&r->out->error, "%s", path);
    }
    return LARDER_OK;
}

static larder_status
run_paths(struct running *r)
{
    larder_error why = {0};
    larder_status rc;

    LARDER_TRY(note(r, "given", ingest_rows(r, &why), &why));
    if (r->out->error.status != LARDER_OK)
        goto out;
    if (r->one->offline) {
        why = (larder_error){0};
        LARDER_TRY(note(r, "offline", join(r, &why), &why));
    }
    if (r->one->online && r->one->n_online > 0) {
        why = (larder_error){0};
        rc = materialize(r, &why);
        if (rc == LARDER_OK)
            rc = get(r, &why);
        LARDER_TRY(note(r, "online", rc, &why));
    }
    LARDER_TRY(compare(r));
out:
    return rc;
}

larder_status
cases_run(struct test_case *one, const larder_open_options *options,
    const larder_call *call, ldr_arena *arena, struct case_result *out,
    larder_error *err)
{
    struct running r = {
        .one = one, .call = *call, .arena = arena, .out = out, .err = err};
    larder_status rc;

    *out = (struct case_result){0};
    r.call.now = one->at;
    r.call.n_threads = 1;
    r.call.diagnostic = NULL; /* told already, of all cases at once */
    r.call.progress = NULL;
    LARDER_TRY(cases_store(options, &r.call, &r.store, err));
    LARDER_TRY(run_paths(&r));
    out->passed = out->error.status == LARDER_OK && out->n_differences == 0;
out:
    larder_batch_release(&r.joined);
    larder_answer_release(&r.answer); /* its schema is the reader's */
    larder_reader_close(r.reader);
    larder_close(r.store);
    return rc;
}
