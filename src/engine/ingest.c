/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest.c - rows from outside into the history of a source Larder owns.
 */
#include "engine/ingest.h"

#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/schema.h"
#include "definition/table.h"
#include "engine/channel.h"
#include "engine/parallel.h"

/* The input, looked at on its way into the store. */
typedef struct checked {
    larder_stream *input; /* borrowed */
    const ldr_source *source;
    size_t required[LDR_VIEW_KEYS_MAX + 1]; /* columns that are never null */
    size_t n_required;
    const ldr_contract *contract; /* NULL: nothing to judge */
    ldr_breaches breaches;
    uint64_t n_rows;
} checked;

static larder_status
refuse_null(const checked *c, const larder_batch *batch, size_t column,
    larder_error *err)
{
    size_t row = 0;

    while (!ldr_column_is_null(&batch->columns[column], row))
        row++;
    return larder_fail(err, LARDER_INVALID,
        "source '%s', row %llu has no '%s': a row needs every part of its key, "
        "and its time",
        c->source->about.name, (unsigned long long)(c->n_rows + row + 1),
        batch->schema->fields[column].name);
}

/* Is any value one that the contract refuses? */
static larder_status
judge(checked *c, const larder_batch *batch, larder_error *err)
{
    uint64_t row = 0;
    larder_status rc;

    ldr_contract_judge(
        c->contract, batch, 0, batch->n_rows, c->n_rows + 1, &c->breaches);
    if (c->contract->n_refusing == 0)
        return LARDER_OK;
    rc = ldr_contract_refuse(c->contract, &c->breaches, &row, err);
    if (rc != LARDER_OK)
        larder_context(err, "source '%s', row %llu", c->source->about.name,
            (unsigned long long)row);
    return rc;
}

static larder_status
checked_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    checked *c = self->state;
    larder_batch batch = {0};
    larder_status rc;

    LARDER_TRY(larder_stream_next(c->input, &batch, err));
    for (size_t i = 0; i < c->n_required && batch.n_rows > 0; i++)
        if (batch.columns[c->required[i]].n_nulls > 0)
            LARDER_TRY(refuse_null(c, &batch, c->required[i], err));
    if (c->contract != NULL)
        LARDER_TRY(judge(c, &batch, err));
    c->n_rows += batch.n_rows;
    *out = batch;
    batch = (larder_batch){0};
out:
    larder_batch_release(&batch);
    return rc;
}

static void
checked_close(larder_stream *self)
{
    *self = (larder_stream){0}; /* the input stays the caller's */
}

static larder_status
require(checked *c, const char *name, larder_error *err)
{
    if (c->n_required == sizeof c->required / sizeof *c->required)
        return larder_fail(err, LARDER_LIMIT, "source '%s' has too many keys",
            c->source->about.name);
    c->required[c->n_required++] = ldr_schema_find(&c->source->schema, name);
    return LARDER_OK;
}

/* ------------------------------------------------------------ the pipeline */

/* Read, sort and write at the same time, each handing batches to the next. The
 * caller's thread reads, since the stream is the caller's. */
enum { WRITE, SORT, READ, N_PARTS };

typedef struct pipeline {
    ldr_offline *offline;
    const larder_call *call;
    const larder_table *table;
    larder_stream *rows;
    ldr_channel read, sorted;
    larder_appended appended;
    larder_status status[N_PARTS];
    larder_error error[N_PARTS];
} pipeline;

static larder_status
write_part(pipeline *p, larder_error *err)
{
    larder_stream rows;
    larder_status rc;

    /* No lock on the store while rows are still being read. */
    ldr_channel_wait(&p->sorted);
    ldr_channel_stream(&p->sorted, &rows);
    rc = ldr_offline_append_sorted(
        p->offline, p->call, p->table, &rows, &p->appended, err);
    larder_stream_close(&rows);
    return rc;
}

static larder_status
sort_part(pipeline *p, larder_error *err)
{
    larder_stream rows, in_order = {0};
    ldr_sorted *sorted = NULL;
    larder_status rc;

    ldr_channel_stream(&p->read, &rows);
    LARDER_TRY(ldr_offline_sort(p->table, &rows, p->call, &sorted, err));
    LARDER_TRY(ldr_sorted_read(sorted, &in_order, err));
    LARDER_TRY(ldr_channel_give_all(&p->sorted, &in_order, err));
out:
    ldr_channel_end(&p->sorted, rc, err);
    larder_stream_close(&rows);
    larder_stream_close(&in_order);
    ldr_sorted_free(sorted);
    return rc;
}

static larder_status
read_part(pipeline *p, larder_error *err)
{
    larder_status rc = ldr_channel_give_all(&p->read, p->rows, err);

    ldr_channel_end(&p->read, rc, err);
    return rc;
}

static void
run_part(void *context, unsigned part)
{
    static larder_status (*const parts[N_PARTS])(pipeline *, larder_error *) = {
        write_part, sort_part, read_part};
    pipeline *p = context;

    p->status[part] = parts[part](p, &p->error[part]);
}

/* The failure of the first in line: those behind it fail for its sake. */
static larder_status
outcome(const pipeline *p, larder_error *err)
{
    for (unsigned i = N_PARTS; i-- > 0;) {
        if (p->status[i] == LARDER_OK)
            continue;
        if (err != NULL)
            *err = p->error[i];
        return p->status[i];
    }
    return LARDER_OK;
}

static larder_status
append_in_parts(ldr_offline *offline, const larder_call *call,
    const larder_table *table, larder_stream *rows, larder_appended *out,
    larder_error *err)
{
    pipeline *p = calloc(1, sizeof *p);
    larder_status rc;

    if (p == NULL)
        return larder_fail(err, LARDER_NOMEM, "no memory to ingest");
    p->offline = offline;
    p->call = call;
    p->table = table;
    p->rows = rows;
    rc = ldr_channel_init(&p->read, rows->schema, err);
    if (rc != LARDER_OK)
        goto no_channel;
    LARDER_TRY(ldr_channel_init(&p->sorted, rows->schema, err));
    if (ldr_parallel_together(N_PARTS, run_part, p)) {
        rc = outcome(p, err);
        *out = p->appended;
    } else {
        rc = ldr_offline_append(offline, call, table, rows, out, err);
    }
    ldr_channel_release(&p->sorted);
out:
    ldr_channel_release(&p->read);
no_channel:
    free(p);
    return rc;
}

/* What was added, and what it breaks. */
static larder_status
report(const checked *c, const larder_call *call,
    const larder_appended *appended, larder_ingested *out, larder_error *err)
{
    larder_violation *violations = NULL;
    size_t n_violations = 0;
    larder_status rc = LARDER_OK;

    if (c->contract != NULL) {
        LARDER_TRY(ldr_contract_report(
            c->contract, &c->breaches, &violations, &n_violations, err));
        ldr_contract_warn(c->contract, &c->breaches, call);
    }
    *out = (larder_ingested){.read = c->n_rows,
        .added = appended->added,
        .duplicate = appended->duplicate,
        .violations = violations,
        .n_violations = n_violations};
out:
    return rc;
}

larder_status
ldr_ingest(ldr_offline *offline, const ldr_source *source,
    const ldr_contract *contract, const larder_call *call, larder_stream *rows,
    larder_ingested *out, larder_error *err)
{
    checked c = {.input = rows, .source = source};
    larder_stream stream = {.schema = rows->schema,
        .next = checked_next,
        .close = checked_close,
        .state = &c};
    larder_appended appended = {0};
    larder_table table;
    larder_status rc;

    if (!ldr_schema_equal(rows->schema, &source->schema))
        return larder_fail(err, LARDER_INVALID,
            "the rows' columns are not those of source '%s'",
            source->about.name);
    for (size_t k = 0; k < source->n_key; k++)
        LARDER_TRY(require(&c, source->key[k], err));
    LARDER_TRY(require(&c, source->timestamp_field, err));
    if (contract != NULL && contract->n_clauses > 0) {
        LARDER_TRY(ldr_breaches_init(&c.breaches, contract, err));
        c.contract = contract;
    }
    ldr_source_table(source, &table);
    rc = ldr_parallel_width(call) > 1
             ? append_in_parts(offline, call, &table, &stream, &appended, err)
             : ldr_offline_append(
                   offline, call, &table, &stream, &appended, err);
    if (rc == LARDER_OK)
        rc = report(&c, call, &appended, out, err);
out:
    ldr_breaches_release(&c.breaches);
    return rc;
}
