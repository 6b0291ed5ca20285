/* SPDX-License-Identifier: Apache-2.0 */
/*
 * survey.c - statistics of a feature view's history, of its rows online, or of
 * a stream.
 *
 * History is read by ranges of keys, each thread some of them. Of the online
 * store one pass finds the view's keys; what they hold is what a reader gives.
 */
#include "engine/survey.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/key.h"
#include "engine/parallel.h"
#include "engine/reader.h"
#include "engine/statistics.h"

#define MEMORY_DEFAULT ((size_t)512 << 20)
#define PARTS_A_THREAD 8u /* so that none has long nothing to do */
#define SCAN_ROWS 4096u   /* of the online store, in one step */

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory for statistics");
}

static void
tell_progress(const larder_call *call, const char *what, uint64_t done)
{
    larder_progress progress = {.what = what, .done = done};

    if (call->progress != NULL)
        call->progress(call->context, &progress);
}

/* ----------------------------------------------------------------- history */

/* What is read, and under which names it is told. */
typedef struct reading {
    ldr_offline *offline;
    const larder_call *call;
    larder_scan scan;
    larder_field *fields;  /* as told */
    larder_field *columns; /* as read */
    size_t n;
    unsigned n_threads;
    atomic_uint_least64_t n_rows; /* so far, for whoever waits */
    struct reader {
        ldr_statistics statistics;
        larder_time oldest, newest;
    } readers[LDR_THREADS_MAX];
} reading;

static bool
is_there(const larder_field *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(fields[i].name, name) == 0)
            return true;
    return false;
}

/* Plain features under their names; then what windowed ones aggregate and none
 * of those reads, each column once, under its own. */
static larder_status
choose_columns(
    const ldr_view *view, ldr_arena *arena, reading *r, larder_error *err)
{
    larder_field *columns;
    larder_status rc;

    LARDER_TRY(ldr_view_columns(view, arena, &columns, err));
    r->fields = ldr_arena_array(arena, view->n_features + 1, sizeof *r->fields);
    r->columns =
        ldr_arena_array(arena, view->n_features + 1, sizeof *r->columns);
    if (r->fields == NULL || r->columns == NULL)
        return no_memory(err);
    for (size_t i = 0; i < view->n_features; i++) {
        if (view->features[i].aggregate != LDR_AGGREGATE_NONE)
            continue;
        r->fields[r->n] =
            (larder_field){view->features[i].name, view->features[i].type};
        r->columns[r->n++] = columns[i];
    }
    for (size_t i = 0; i < view->n_features; i++) {
        const ldr_feature *feature = &view->features[i];

        if (feature->column == NULL ||
            is_there(r->columns, r->n, feature->column))
            continue;
        r->fields[r->n] = r->columns[r->n] = columns[i];
        r->n++;
    }
out:
    return rc;
}

/* Fewer threads where each would have little memory. */
static unsigned
count_threads(const larder_call *call, size_t n_columns)
{
    size_t memory =
        call->memory_bytes == 0 ? MEMORY_DEFAULT : call->memory_bytes;
    size_t most = memory / 2 / ((n_columns + 1) * LDR_STATISTIC_BYTES);
    unsigned n = ldr_parallel_width(call);

    if (most < n)
        n = most == 0 ? 1 : (unsigned)most;
    return n;
}

static void
note_events(struct reader *own, const larder_column *events)
{
    const larder_time *times = events->values;

    for (size_t row = 0; row < events->n_rows; row++) {
        own->oldest = times[row] < own->oldest ? times[row] : own->oldest;
        own->newest = times[row] > own->newest ? times[row] : own->newest;
    }
}

static larder_status
read_part(reading *r, unsigned reader, unsigned part, larder_error *err)
{
    struct reader *own = &r->readers[reader];
    larder_scan scan = r->scan;
    larder_stream rows = {0};
    larder_batch batch = {0};
    larder_status rc;

    scan.part = part;
    LARDER_TRY(
        ldr_offline_scan(r->offline, reader, r->call, &scan, &rows, err));
    for (;;) {
        LARDER_TRY(larder_call_check(r->call, err));
        LARDER_TRY(larder_stream_next(&rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        note_events(own, &batch.columns[scan.n_key]);
        LARDER_TRY(ldr_statistics_add(&own->statistics,
            batch.columns + scan.n_key + 2, batch.n_rows, err));
        atomic_fetch_add(&r->n_rows, batch.n_rows);
        larder_batch_release(&batch);
        if (reader == 0)
            tell_progress(r->call, "reading history", atomic_load(&r->n_rows));
    }
out:
    larder_batch_release(&batch);
    larder_stream_close(&rows);
    return rc;
}

static larder_status
read_parts(void *context, unsigned reader, larder_error *err)
{
    reading *r = context;
    struct reader *own = &r->readers[reader];
    larder_status rc;

    own->oldest = LARDER_TIME_MAX;
    own->newest = LARDER_TIME_MIN;
    LARDER_TRY(ldr_statistics_init(&own->statistics, r->fields, r->n, err));
    for (unsigned part = reader; part < r->scan.n_parts; part += r->n_threads)
        LARDER_TRY(read_part(r, reader, part, err));
out:
    return rc;
}

static larder_status
tell_history(
    reading *r, const ldr_view *view, larder_stats *out, larder_error *err)
{
    struct reader *all = &r->readers[0];
    larder_stats told = {0};
    larder_status rc = LARDER_OK;

    for (unsigned i = 1; i < r->n_threads; i++) {
        struct reader *own = &r->readers[i];

        LARDER_TRY(
            ldr_statistics_join(&all->statistics, &own->statistics, err));
        all->oldest = own->oldest < all->oldest ? own->oldest : all->oldest;
        all->newest = own->newest > all->newest ? own->newest : all->newest;
        ldr_statistics_release(&own->statistics);
    }
    LARDER_TRY(ldr_statistics_report(&all->statistics, &told, err));
    if (told.rows > 0) {
        told.oldest = all->oldest;
        told.newest = all->newest;
    }
    told.view = ldr_arena_copy(told.memory, view->about.name);
    if (told.view == NULL) {
        ldr_statistics_report_release(&told);
        return no_memory(err);
    }
    *out = told;
out:
    return rc;
}

larder_status
ldr_survey_history(ldr_offline *offline, const larder_call *call,
    const ldr_view *view, larder_time from, larder_time to, larder_stats *out,
    larder_error *err)
{
    reading *r = calloc(1, sizeof *r);
    ldr_arena arena = {0};
    larder_table table;
    larder_schema keys;
    larder_status rc;

    if (r == NULL)
        return no_memory(err);
    r->offline = offline;
    r->call = call;
    ldr_view_source(view, &keys, &table);
    LARDER_TRY(choose_columns(view, &arena, r, err));
    r->n_threads = count_threads(call, r->n);
    r->scan = (larder_scan){.table = &table,
        .key = table.key,
        .n_key = table.n_key,
        .columns = r->columns,
        .n_columns = r->n,
        .from = from,
        .to = to,
        .n_parts = r->n_threads == 1 ? 1 : PARTS_A_THREAD * r->n_threads,
        .order = LARDER_ORDER_ANY};
    LARDER_TRY(ldr_offline_begin(offline, call, r->n_threads, err));
    rc = ldr_parallel_run(r->n_threads, read_parts, r, err);
    ldr_offline_end(offline);
    if (rc == LARDER_OK)
        rc = tell_history(r, view, out, err);
out:
    if (rc != LARDER_OK)
        larder_context(err, "feature view '%s'", view->about.name);
    for (unsigned i = 0; i < r->n_threads; i++)
        ldr_statistics_release(&r->readers[i].statistics);
    ldr_arena_free(&arena);
    free(r);
    return rc;
}

/* ------------------------------------------------------------------ online */

typedef struct scanning {
    larder_each each;
    larder_reader *reader;
    const larder_call *call;
    larder_batch keys; /* of the view's rows that the step came by */
    larder_answer answer;
    ldr_statistics statistics;
    uint64_t *expired; /* by feature */
    larder_table_id table;
    ldr_key last; /* where the step ended; size 0: none was made */
    larder_table_id last_table;
    larder_time oldest, newest;
} scanning;

static larder_status
take_key(larder_each *self, larder_bytes key, larder_table_id table,
    larder_bytes row, larder_error *err)
{
    scanning *s = (scanning *)self;
    larder_column *columns[LDR_VIEW_KEYS_MAX];
    size_t n = s->keys.schema->n_fields;
    size_t head = key.size < LDR_KEY_HEAD_BYTES ? key.size : LDR_KEY_HEAD_BYTES;
    larder_bytes parts = {
        (const unsigned char *)key.data + head, key.size - head};
    larder_status rc = LARDER_OK;

    (void)row;
    s->last_table = table;
    s->last.size = key.size;
    memcpy(s->last.bytes, key.data, key.size);
    if (memcmp(&table, &s->table, sizeof table) != 0)
        goto out;
    for (size_t k = 0; k < n; k++)
        columns[k] = &s->keys.columns[k];
    if (n > 0)
        LARDER_TRY(ldr_key_decode(parts, columns, n, err));
    s->keys.n_rows++;
out:
    return rc;
}

static void
note_answer(scanning *s)
{
    size_t n_rows = s->keys.n_rows, n = s->statistics.n_columns;

    for (size_t f = 0; f < n; f++)
        for (size_t row = 0; row < n_rows; row++) {
            larder_time event = s->answer.event_times[f * n_rows + row];

            s->expired[f] +=
                s->answer.presence[f * n_rows + row] == LARDER_OUTSIDE_MAX_AGE;
            if (event == LARDER_TIME_MIN)
                continue;
            s->oldest = event < s->oldest ? event : s->oldest;
            s->newest = event > s->newest ? event : s->newest;
        }
}

static larder_status
read_keys(scanning *s, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (s->keys.n_rows == 0)
        goto out;
    LARDER_TRY(
        larder_reader_get(s->reader, s->call, &s->keys, &s->answer, err));
    note_answer(s);
    LARDER_TRY(ldr_statistics_add(
        &s->statistics, s->answer.values.columns, s->keys.n_rows, err));
    larder_batch_clear(&s->keys);
out:
    return rc;
}

static larder_status
scan_online(scanning *s, ldr_online *online, larder_error *err)
{
    bool more = true;
    uint64_t n_rows = 0;
    larder_status rc = LARDER_OK;

    while (more) {
        ldr_key key = s->last;
        larder_table_id table = s->last_table;
        larder_bytes after = {key.bytes, key.size};
        bool begun = key.size > 0;

        LARDER_TRY(larder_call_check(s->call, err));
        LARDER_TRY(ldr_online_scan(online, s->call, begun ? &after : NULL,
            begun ? &table : NULL, SCAN_ROWS, &s->each, &more, err));
        LARDER_TRY(read_keys(s, err));
        n_rows += SCAN_ROWS;
        tell_progress(s->call, "reading the online store", n_rows);
    }
out:
    return rc;
}

static larder_status
tell_online(scanning *s, larder_stats *out, larder_error *err)
{
    const ldr_view *view = s->reader->plan.views[0].view;
    larder_stats told = {0};
    larder_status rc;

    LARDER_TRY(ldr_statistics_report(&s->statistics, &told, err));
    for (size_t f = 0; f < told.n_columns; f++)
        told.columns[f].expired = s->expired[f];
    if (s->newest != LARDER_TIME_MIN) {
        told.oldest = s->oldest;
        told.newest = s->newest;
    }
    told.view = ldr_arena_copy(told.memory, view->about.name);
    if (told.view == NULL) {
        ldr_statistics_report_release(&told);
        return no_memory(err);
    }
    *out = told;
out:
    return rc;
}

/* The reader is open. */
static larder_status
survey_reader(larder_reader *reader, ldr_online *online,
    const larder_call *call, larder_stats *out, larder_error *err)
{
    const larder_schema *outputs = larder_reader_features(reader);
    scanning s = {.each = {take_key},
        .reader = reader,
        .call = call,
        .oldest = LARDER_TIME_MAX,
        .newest = LARDER_TIME_MIN};
    int64_t now = call->monotonic == NULL ? 0 : call->monotonic();
    larder_status rc;

    LARDER_TRY(ldr_reader_freshen(reader, call, now, err));
    s.table = reader->groups[0].tables[0];
    s.expired = calloc(outputs->n_fields + 1, sizeof *s.expired);
    if (s.expired == NULL)
        return no_memory(err);
    rc = larder_batch_init(&s.keys, larder_reader_keys(reader), err);
    if (rc == LARDER_OK)
        rc = ldr_statistics_init(
            &s.statistics, outputs->fields, outputs->n_fields, err);
    if (rc == LARDER_OK)
        rc = scan_online(&s, online, err);
    if (rc == LARDER_OK)
        rc = tell_online(&s, out, err);
    ldr_statistics_release(&s.statistics);
    larder_answer_release(&s.answer);
    larder_batch_release(&s.keys);
    free(s.expired);
out:
    return rc;
}

larder_status
ldr_survey_online(ldr_online *online, ldr_records *records, const char *project,
    ldr_plan *plan, const larder_call *call, larder_stats *out,
    larder_error *err)
{
    larder_reader *reader = NULL;
    larder_status rc;

    LARDER_TRY(ldr_reader_open(
        online, records, project, plan, false, call, &reader, err));
    rc = survey_reader(reader, online, call, out, err);
    larder_reader_close(reader);
out:
    return rc;
}

/* ---------------------------------------------------------------- a stream */

larder_status
ldr_survey_stream(larder_stream *rows, const larder_call *call,
    larder_stats *out, larder_error *err)
{
    ldr_statistics statistics = {0};
    larder_batch batch = {0};
    larder_status rc;

    LARDER_TRY(ldr_statistics_init(
        &statistics, rows->schema->fields, rows->schema->n_fields, err));
    for (;;) {
        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(larder_stream_next(rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        LARDER_TRY(
            ldr_statistics_add(&statistics, batch.columns, batch.n_rows, err));
        larder_batch_release(&batch);
        tell_progress(call, "reading rows", statistics.n_rows);
    }
    rc = ldr_statistics_report(&statistics, out, err);
out:
    larder_batch_release(&batch);
    ldr_statistics_release(&statistics);
    return rc;
}
