/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_history.c - the rows of a source that Larder owns, some to a
 * transaction; then those of both sides are compared.
 */
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "definition/table.h"
#include "engine/copy.h"

#define CHUNK_ROWS 65536u
#define MEMORY_DEFAULT ((size_t)512 << 20)

typedef struct history {
    const ldr_copying *c;
    const ldr_source *source;
    larder_table table;
    larder_scan scan;
    ldr_arena arena;
    const size_t *places; /* of the table's columns in the scan */
    larder_copied *report;
    ldr_tally tally_from, tally_to;
    uint64_t *held; /* dry run: digests of the target's rows, ascending */
    size_t n_held, room;
} history;

static larder_status
no_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "no memory to copy history");
}

static void
tell_progress(const history *h)
{
    const larder_call *call = h->c->call;
    larder_progress progress = {
        .what = h->source->about.name, .done = h->report->read};

    if (call->progress != NULL)
        call->progress(call->context, &progress);
}

/* ------------------------------------------------------- a table, as it is */

/* The columns of a scan, put in the order of the table; the one for a created
 * time that the table does not have goes. */
static larder_status
arrange(const history *h, larder_batch *batch, larder_error *err)
{
    size_t n = h->table.schema->n_fields;
    larder_column *columns = calloc(n, sizeof *columns);

    if (columns == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++)
        columns[i] = batch->columns[h->places[i]];
    if (h->table.created == NULL)
        ldr_column_release(&batch->columns[h->scan.n_key + 1]);
    free(batch->columns);
    batch->columns = columns;
    batch->schema = h->table.schema;
    return LARDER_OK;
}

static larder_status
next_rows(
    const history *h, larder_stream *rows, larder_batch *out, larder_error *err)
{
    larder_batch batch = {0};
    larder_status rc;

    LARDER_TRY(larder_call_check(h->c->call, err));
    LARDER_TRY(larder_stream_next(rows, &batch, err));
    if (batch.n_rows > 0)
        LARDER_TRY(arrange(h, &batch, err));
    *out = batch;
out:
    if (rc != LARDER_OK)
        larder_batch_release(&batch);
    return rc;
}

/* Begin a snapshot and the scan of all there is. *there tells that there is a
 * table; then ldr_offline_end() is due, also after a failure. */
static larder_status
open_rows(const history *h, ldr_offline *offline, bool *there, int64_t *arrival,
    larder_stream *out, larder_error *err)
{
    const larder_call *call = h->c->call;
    larder_described described = {0};
    larder_status rc;

    *there = false;
    if (offline == NULL)
        return LARDER_OK;
    LARDER_TRY(ldr_offline_describe(offline, call, &h->table, &described, err));
    *arrival = described.arrival; /* of before the snapshot */
    if (!described.exists)
        goto out;
    LARDER_TRY(ldr_offline_begin(offline, call, 1, err));
    *there = true;
    LARDER_TRY(ldr_offline_scan(offline, 0, call, &h->scan, out, err));
out:
    larder_described_release(&described);
    return rc;
}

/* ---------------------------------------------------------------- the target
 */

static larder_status
keep_digests(history *h, const larder_batch *rows, larder_error *err)
{
    size_t memory = h->c->call->memory_bytes, wanted = h->n_held + rows->n_rows;

    memory = memory == 0 ? MEMORY_DEFAULT : memory;
    if (wanted > memory / 2 / sizeof *h->held) {
        larder_fail(err, LARDER_LIMIT,
            "to count the rows that are there already takes more than half of "
            "%zu bytes (memory_bytes)",
            memory);
        larder_hint(err, "allow more memory, or copy without a dry run");
        return LARDER_LIMIT;
    }
    if (wanted > h->room) {
        size_t room = wanted * 2;
        uint64_t *held = realloc(h->held, room * sizeof *held);

        if (held == NULL)
            return no_memory(err);
        h->held = held;
        h->room = room;
    }
    larder_row_digests(rows, 0, rows->n_rows, h->held + h->n_held);
    h->n_held = wanted;
    return LARDER_OK;
}

static larder_status
read_target(history *h, int64_t *arrival, larder_error *err)
{
    ldr_offline *offline = h->c->to.offline;
    bool keep = h->c->options->dry_run, there;
    larder_stream rows = {0};
    larder_batch batch = {0};
    larder_status rc;

    LARDER_TRY(open_rows(h, offline, &there, arrival, &rows, err));
    while (there) {
        LARDER_TRY(next_rows(h, &rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        ldr_tally_rows(&h->tally_to, &batch);
        if (keep)
            LARDER_TRY(keep_digests(h, &batch, err));
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    larder_stream_close(&rows);
    if (there)
        ldr_offline_end(offline);
    return ldr_copy_of_to(rc, err);
}

/* ---------------------------------------------------------------- the source
 */

/* Some of the rows, as a stream that ends with them. */
typedef struct portion {
    history *h;
    larder_stream *rows;
    size_t n_left;
    bool ended; /* all of them */
    bool failed;
} portion;

static larder_status
portion_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    portion *p = self->state;
    larder_batch batch = {0};
    larder_status rc;

    if (p->n_left == 0 || p->ended) {
        *out = batch;
        return LARDER_OK;
    }
    rc = next_rows(p->h, p->rows, &batch, err);
    if (rc != LARDER_OK) {
        p->failed = true;
        return ldr_copy_of_from(rc, err);
    }
    p->ended = batch.n_rows == 0;
    p->n_left -= batch.n_rows < p->n_left ? batch.n_rows : p->n_left;
    p->h->report->read += batch.n_rows;
    ldr_tally_rows(&p->h->tally_from, &batch);
    *out = batch;
    return LARDER_OK;
}

static void
portion_close(larder_stream *self)
{
    *self = (larder_stream){0};
}

static larder_status
append_rows(history *h, larder_stream *rows, larder_error *err)
{
    const ldr_copying *c = h->c;
    portion p = {.h = h, .rows = rows};
    larder_status rc = LARDER_OK;

    while (!p.ended) {
        larder_stream some = {.schema = h->table.schema,
            .next = portion_next,
            .close = portion_close,
            .state = &p};
        larder_appended appended = {0};

        p.n_left = c->chunk_rows == 0 ? CHUNK_ROWS : c->chunk_rows;
        rc = ldr_offline_append(
            c->to.offline, c->call, &h->table, &some, &appended, err);
        if (rc != LARDER_OK)
            return p.failed ? rc : ldr_copy_of_to(rc, err);
        h->report->written += appended.added;
        h->report->unchanged += appended.duplicate;
        tell_progress(h);
    }
    return rc;
}

static int
compare_digests(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* What append would say. */
static larder_status
count_rows(history *h, larder_stream *rows, larder_error *err)
{
    larder_batch batch = {0};
    larder_status rc;

    for (;;) {
        LARDER_TRY(next_rows(h, rows, &batch, err));
        if (batch.n_rows == 0)
            break;
        ldr_tally_rows(&h->tally_from, &batch);
        h->report->read += batch.n_rows;
        for (size_t i = 0; i < batch.n_rows; i++) {
            uint64_t digest = larder_row_digest(&batch, i);

            if (h->n_held > 0 && bsearch(&digest, h->held, h->n_held,
                                     sizeof digest, compare_digests) != NULL)
                h->report->unchanged++;
            else
                h->report->written++;
        }
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    return ldr_copy_of_from(rc, err);
}

static larder_status
read_source(history *h, larder_error *err)
{
    ldr_offline *offline = h->c->from.offline;
    larder_stream rows = {0};
    int64_t arrival;
    bool there;
    larder_status rc = ldr_copy_of_from(
        open_rows(h, offline, &there, &arrival, &rows, err), err);

    if (rc == LARDER_OK && there)
        rc = h->c->options->dry_run ? count_rows(h, &rows, err)
                                    : append_rows(h, &rows, err);
    larder_stream_close(&rows);
    if (there)
        ldr_offline_end(offline);
    return rc;
}

/* ---------------------------------------------------------------- the whole
 */

static larder_status
judge(history *h, larder_error *err)
{
    uint64_t from = h->tally_from.n_rows, to = h->tally_to.n_rows;

    ldr_copy_compare(h->report, &h->tally_from, &h->tally_to);
    if (h->report->equal || h->c->options->dry_run)
        return LARDER_OK;
    if (to > from)
        return ldr_copy_reason(h->report, err,
            "the target holds %llu rows that are not in what was copied",
            (unsigned long long)(to - from));
    return ldr_copy_reason(
        h->report, err, "the target does not hold the rows that were copied");
}

static larder_status
run_history(history *h, ldr_copied_source *out, larder_error *err)
{
    int64_t arrival = 0;
    larder_status rc;

    if (h->c->options->dry_run) {
        LARDER_TRY(read_target(h, &arrival, err));
        if (h->n_held > 0)
            qsort(h->held, h->n_held, sizeof *h->held, compare_digests);
    }
    LARDER_TRY(read_source(h, err));
    if (!h->c->options->dry_run)
        LARDER_TRY(read_target(h, &arrival, err));
    LARDER_TRY(judge(h, err));
    *out = (ldr_copied_source){.source = h->source,
        .equal = h->report->equal && !h->c->options->dry_run,
        .arrival = arrival};
out:
    return rc;
}

/* Where a scan has a column that is among its first ones. */
static size_t
place_in_head(const larder_table *table, const char *name, size_t otherwise)
{
    for (size_t k = 0; k < table->n_key; k++)
        if (strcmp(table->key[k], name) == 0)
            return k;
    if (strcmp(table->event, name) == 0)
        return table->n_key;
    if (table->created != NULL && strcmp(table->created, name) == 0)
        return table->n_key + 1;
    return otherwise;
}

/* All of the table: its key and times, then the rest. */
static larder_status
make_scan(history *h, larder_error *err)
{
    const larder_table *table = &h->table;
    size_t n = table->schema->n_fields, n_values = 0;
    larder_field *values = ldr_arena_array(&h->arena, n + 1, sizeof *values);
    size_t *places = ldr_arena_array(&h->arena, n + 1, sizeof *places);

    if (values == NULL || places == NULL)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        size_t behind = table->n_key + 2 + n_values;

        places[i] = place_in_head(table, table->schema->fields[i].name, behind);
        if (places[i] == behind)
            values[n_values++] = table->schema->fields[i];
    }
    h->places = places;
    h->scan = (larder_scan){.table = table,
        .key = table->key,
        .n_key = table->n_key,
        .columns = values,
        .n_columns = n_values,
        .from = LARDER_TIME_MIN,
        .to = LARDER_TIME_MAX,
        .order = LARDER_ORDER_ANY};
    return LARDER_OK;
}

larder_status
ldr_copy_source(const ldr_copying *c, const ldr_source *source,
    larder_copied *report, ldr_copied_source *out, larder_error *err)
{
    history h = {.c = c, .source = source, .report = report};
    larder_status rc;

    ldr_source_table(source, &h.table);
    LARDER_TRY(make_scan(&h, err));
    rc = run_history(&h, out, err);
out:
    free(h.held);
    ldr_arena_free(&h.arena);
    return rc;
}
