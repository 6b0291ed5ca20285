/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.c - columns of one schema: build, copy, release.
 *
 * What a column is made of is in column.c.
 */
#include "data/batch.h"

#include <assert.h>
#include <stdlib.h>

#include "data/schema.h"

larder_status
larder_batch_init(
    larder_batch *batch, const larder_schema *schema, larder_error *err)
{
    larder_batch made = {.schema = schema};
    size_t n = schema->n_fields;
    larder_status rc = LARDER_OK;

    made.columns = calloc(n == 0 ? 1 : n, sizeof *made.columns);
    if (made.columns == NULL)
        return larder_fail(
            err, LARDER_NOMEM, "out of memory for a batch of %zu columns", n);
    for (size_t i = 0; i < n && rc == LARDER_OK; i++) {
        rc = ldr_column_init(&made.columns[i], schema->fields[i].type, err);
        if (rc != LARDER_OK)
            larder_context(err, "column '%s'", schema->fields[i].name);
    }
    if (rc == LARDER_OK)
        *batch = made;
    else
        larder_batch_release(&made);
    return rc;
}

void
larder_batch_clear(larder_batch *batch)
{
    if (batch->columns != NULL)
        for (size_t i = 0; i < batch->schema->n_fields; i++)
            ldr_column_clear(&batch->columns[i]);
    batch->n_rows = 0;
}

void
larder_batch_release(larder_batch *batch)
{
    if (batch->columns != NULL)
        for (size_t i = 0; i < batch->schema->n_fields; i++)
            ldr_column_release(&batch->columns[i]);
    free(batch->columns);
    *batch = (larder_batch){0};
}

void
ldr_batch_finish(larder_batch *batch)
{
    size_t n_rows =
        batch->schema->n_fields == 0 ? batch->n_rows : batch->columns[0].n_rows;

    for (size_t i = 0; i < batch->schema->n_fields; i++)
        assert(batch->columns[i].n_rows == n_rows);
    batch->n_rows = n_rows;
}

static size_t
column_bytes(const larder_column *column)
{
    size_t bytes = column->room_bytes;

    if (column->valid != NULL)
        bytes += column->room_rows / 8;
    if (column->offsets != NULL)
        bytes += (column->room_rows + 1) * sizeof(int64_t);
    if (column->type == LARDER_BOOL)
        bytes += column->room_rows / 8;
    bytes += column->room_rows * ldr_type_width(column->type);
    if (column->items != NULL)
        bytes += sizeof *column->items + column_bytes(column->items);
    return bytes;
}

size_t
ldr_batch_bytes(const larder_batch *batch)
{
    size_t bytes = 0;

    if (batch->columns != NULL)
        for (size_t i = 0; i < batch->schema->n_fields; i++)
            bytes += sizeof(larder_column) + column_bytes(&batch->columns[i]);
    return bytes;
}

static size_t
column_weight(const larder_column *column, size_t begin, size_t n_rows)
{
    size_t width = ldr_type_width(column->type);
    size_t bytes = n_rows * width + n_rows / 8, first, last;

    if (column->offsets == NULL || n_rows == 0)
        return bytes;
    first = (size_t)column->offsets[begin];
    last = (size_t)column->offsets[begin + n_rows];
    bytes += n_rows * sizeof(int64_t);
    return bytes + (column->items == NULL
                           ? last - first
                           : column_weight(column->items, first, last - first));
}

size_t
ldr_batch_weight(const larder_batch *batch, size_t begin, size_t n_rows)
{
    size_t bytes = 0;

    for (size_t i = 0; i < batch->schema->n_fields; i++)
        bytes += column_weight(&batch->columns[i], begin, n_rows);
    return bytes;
}

larder_status
ldr_batch_copy(larder_batch *to, const larder_batch *from, size_t row,
    size_t n_rows, larder_error *err)
{
    size_t before = to->n_rows, n = to->schema->n_fields;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < n && rc == LARDER_OK; i++)
        rc = ldr_column_copy(
            &to->columns[i], &from->columns[i], row, n_rows, err);
    if (rc == LARDER_OK)
        to->n_rows += n_rows;
    for (size_t i = 0; i < n && rc != LARDER_OK; i++)
        ldr_column_truncate(&to->columns[i], before);
    return rc;
}
