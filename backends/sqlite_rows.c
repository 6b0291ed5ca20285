/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_rows.c - the rows of a prepared statement as a stream.
 */
#include "sqlite_rows.h"

#include <stdlib.h>

/* Text a batch holds before it is given away. */
#define BATCH_BYTES (4 << 20)

/* Keys sought between two looks at the caller's wish to stop. */
#define CHECK_EVERY 1024u

larder_status
sqlite_rows_new(sqlite_reader *reader, const larder_call *call,
    const larder_scan *scan, sqlite_rows **out, larder_error *err)
{
    sqlite_rows *rows = calloc(1, sizeof *rows);
    larder_status rc = LARDER_OK;

    if (rows == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    reader->link.call = call;
    rows->reader = reader;
    rows->link = &reader->link;
    rows->call = call;
    rows->judge = !scan->table->owned;
    rows->from = scan->from;
    rows->to = scan->to;
    rows->arrived = scan->arrived && scan->table->created != NULL;
    rows->after = scan->after;
    rows->seen_until = scan->seen_until;
    LARDER_TRY(sqlite_shape_init(&rows->shape, scan, NULL, err));
    LARDER_TRY(sqlite_shape_find(&rows->shape, rows->link, scan->table, err));
    *out = rows;
    rows = NULL;
out:
    sqlite_rows_free(rows);
    return rc;
}

void
sqlite_rows_free(sqlite_rows *rows)
{
    if (rows == NULL)
        return;
    (void)sqlite3_finalize(rows->statement);
    (void)sqlite3_finalize(rows->onward);
    sqlite_newest_free(rows->newest);
    sqlite_sought_free(rows->sought);
    sqlite_keys_free(rows->keys);
    sqlite_part_release(&rows->part);
    sqlite_shape_release(&rows->shape);
    free(rows);
}

/* Is the current row of a user's table one the scan wants? A row whose created
 * time is null may have arrived at any time. */
static larder_status
judge(const sqlite_rows *rows, bool *wanted, larder_error *err)
{
    const sqlite_cell *cell = &rows->shape.cells[rows->shape.first];
    larder_time event = 0, created = 0;
    bool no_event = false, no_created = false;
    larder_status rc = LARDER_OK;

    LARDER_TRY(sqlite_read_time(
        &rows->shape, cell, rows->statement, &event, &no_event, err));
    *wanted = !no_event && event >= rows->from && event <= rows->to;
    if (!*wanted || !rows->arrived || event > rows->seen_until)
        goto out;
    LARDER_TRY(sqlite_read_time(
        &rows->shape, cell + 1, rows->statement, &created, &no_created, err));
    *wanted = no_created || created > rows->after;
out:
    return rc;
}

/* Is the current row, in order, of keys beyond the part? */
static bool
is_beyond(const sqlite_rows *rows)
{
    return rows->high != NULL && sqlite_bound_reached(rows->high,
                                     sqlite3_column_value(rows->statement,
                                         rows->shape.cells[0].index));
}

/* Is the current row one that its key is sought for? */
static larder_status
judge_sought(const sqlite_rows *rows, bool *wanted, larder_error *err)
{
    const sqlite_cell *cell = &rows->shape.cells[rows->shape.first];
    larder_time event = 0, created = 0;
    bool no_event = false, no_created = false;
    larder_status rc = LARDER_OK;

    LARDER_TRY(sqlite_read_time(
        &rows->shape, cell, rows->statement, &event, &no_event, err));
    LARDER_TRY(sqlite_read_time(
        &rows->shape, cell + 1, rows->statement, &created, &no_created, err));
    *wanted =
        sqlite_keys_admit(rows->keys, event, no_created ? NO_CREATED : created);
out:
    return rc;
}

static larder_status
read_row(sqlite_rows *rows, larder_batch *batch, larder_error *err)
{
    const sqlite_shape *shape = &rows->shape;
    larder_status rc = LARDER_OK;
    bool wanted = true;

    if (rows->judge)
        rc = judge(rows, &wanted, err);
    else if (rows->newest != NULL && !rows->in_sql)
        rc = sqlite_newest_admit(
            rows->newest, shape, rows->statement, &wanted, err);
    if (rc == LARDER_OK && wanted && rows->keys != NULL &&
        sqlite_keys_judge(rows->keys))
        rc = judge_sought(rows, &wanted, err);
    if (rc != LARDER_OK || !wanted)
        return rc;
    for (size_t i = 0; i < shape->schema.n_fields && rc == LARDER_OK; i++)
        rc = sqlite_read(
            shape, &shape->cells[i], rows->statement, &batch->columns[i], err);
    batch->n_rows++;
    return rc;
}

bool
sqlite_batch_is_full(const larder_batch *batch)
{
    int64_t bytes = 0;

    if (batch->n_rows >= BATCH_ROWS)
        return true;
    if (batch->n_rows % 64 != 0)
        return false;
    for (size_t i = 0; i < batch->schema->n_fields; i++) {
        const larder_column *column = &batch->columns[i];

        if (column->items == NULL && column->offsets != NULL)
            bytes += column->offsets[column->n_rows];
    }
    return bytes > BATCH_BYTES;
}

/* From here on the statement gives the keys after the last one. */
static larder_status
jump(sqlite_rows *rows, larder_error *err)
{
    int code;

    if (rows->onward != NULL) {
        (void)sqlite3_finalize(rows->statement);
        rows->statement = rows->onward;
        rows->onward = NULL;
    }
    (void)sqlite3_reset(rows->statement);
    code =
        sqlite_newest_bind_key(rows->newest, rows->statement, rows->onward_key);
    return code == SQLITE_OK ? LARDER_OK : sqlite_fail(rows->link, code, err);
}

static int
step_once(sqlite_rows *rows)
{
    int code;

    rows->reader->asked = rows->newest;
    code = sqlite3_step(rows->statement);
    rows->reader->asked = NULL;
    return code;
}

static larder_status
step(sqlite_rows *rows, bool *row, larder_error *err)
{
    int code = step_once(rows);
    larder_status rc = LARDER_OK;

    while (code == SQLITE_ERROR && rows->newest != NULL) {
        sqlite_stop why = sqlite_newest_stopped(rows->newest);

        if (why == STOP_NOT)
            break;
        if (why == STOP_JUMP)
            LARDER_TRY(jump(rows, err));
        code = why == STOP_JUMP ? step_once(rows) : SQLITE_DONE;
    }
    *row = code == SQLITE_ROW;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        rc = sqlite_fail(rows->link, code, err);
out:
    return rc;
}

/* The next row of the key that is bound, or of one after it. */
static larder_status
step_keys(sqlite_rows *rows, bool *row, larder_error *err)
{
    int code = SQLITE_DONE;
    larder_status rc = LARDER_OK;

    *row = false;
    if (!sqlite_keys_done(rows->keys))
        code = sqlite3_step(rows->statement);
    while (code == SQLITE_DONE) {
        bool more = false;

        (void)sqlite3_reset(rows->statement);
        code =
            sqlite_keys_bind(rows->keys, rows->statement, &rows->places, &more);
        if (code == SQLITE_OK && !more)
            goto out;
        if (rows->n_sought++ % CHECK_EVERY == 0)
            LARDER_TRY(larder_call_check(rows->call, err));
        if (code == SQLITE_OK)
            code = sqlite3_step(rows->statement);
    }
    *row = code == SQLITE_ROW;
    if (!*row)
        rc = sqlite_fail(rows->link, code, err);
out:
    return rc;
}

/* Step from row to row. */
static larder_status
fill(sqlite_rows *rows, larder_batch *batch, larder_error *err)
{
    larder_status rc = LARDER_OK;

    rows->ended = rows->ended || rows->statement == NULL;
    while (!rows->ended) {
        bool row = false;

        LARDER_TRY(rows->keys == NULL ? step(rows, &row, err)
                                      : step_keys(rows, &row, err));
        rows->ended = !row || is_beyond(rows);
        if (!rows->ended)
            LARDER_TRY(read_row(rows, batch, err));
        if (batch->n_rows != 0 && sqlite_batch_is_full(batch))
            break;
    }
out:
    return rc;
}

static larder_status
rows_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    sqlite_rows *rows = self->state;
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;

    rows->link->call = rows->call;
    LARDER_TRY(larder_call_check(rows->call, err));
    LARDER_TRY(larder_batch_init(&batch, &rows->shape.schema, err));
    if (rows->sought == NULL)
        LARDER_TRY(fill(rows, &batch, err));
    else if (!rows->ended)
        LARDER_TRY(sqlite_sought_fill(rows->sought, &batch, &rows->ended, err));
    *out = batch;
    batch = (larder_batch){0};
out:
    larder_batch_release(&batch);
    return rc;
}

static void
rows_close(larder_stream *self)
{
    sqlite_rows_free(self->state);
    *self = (larder_stream){0};
}

void
sqlite_rows_stream(sqlite_rows *rows, larder_stream *out)
{
    *out = (larder_stream){.schema = &rows->shape.schema,
        .next = rows_next,
        .close = rows_close,
        .state = rows};
}
