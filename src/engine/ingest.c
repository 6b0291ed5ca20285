/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest.c - rows from outside into the history of a source Larder owns.
 */
#include "engine/ingest.h"

#include <string.h>

#include "data/batch.h"
#include "data/schema.h"
#include "definition/table.h"

/* The input, looked at on its way into the store. */
typedef struct checked {
    larder_stream *input; /* borrowed */
    const ldr_source *source;
    size_t required[LDR_VIEW_KEYS_MAX + 1]; /* columns that are never null */
    size_t n_required;
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

larder_status
ldr_ingest(ldr_offline *offline, const ldr_source *source,
    const larder_call *call, larder_stream *rows, larder_ingested *out,
    larder_error *err)
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
    ldr_source_table(source, &table);
    LARDER_TRY(
        ldr_offline_append(offline, call, &table, &stream, &appended, err));
    *out = (larder_ingested){.read = c.n_rows,
        .added = appended.added,
        .duplicate = appended.duplicate};
out:
    return rc;
}
