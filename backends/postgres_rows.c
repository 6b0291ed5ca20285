/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_rows.c - the rows of a cursor as a stream.
 *
 * A FETCH is a batch. How many rows it asks for follows from how many bytes
 * those before had, so that wide rows do not fill the memory.
 */
#include "postgres_rows.h"

#include <stdlib.h>
#include <string.h>

/* Rows of the first FETCH, and about how many bytes one should bring. */
#define FIRST_ROWS 128
#define FETCH_BYTES ((size_t)4 << 20)

typedef struct rows {
    postgres_history *self;
    const larder_call *call;
    postgres_shape shape;
    postgres_reading *readings; /* one a cell */
    postgres_judge judge;
    postgres_items items;
    char cursor[32];
    int n_wanted; /* of the next FETCH */
    int *wanted;  /* the rows of a FETCH that are; POSTGRES_BATCH_ROWS */
    bool open;    /* the cursor is */
} rows;

static larder_status
out_of_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory");
}

/* --------------------------------------------------------------- snapshot */

larder_status
postgres_read(postgres_snapshot *snapshot, const larder_call *call,
    const char *sql, const postgres_value *values, int n_values, PGresult **out,
    larder_error *err)
{
    larder_status rc;

    (void)pthread_mutex_lock(&snapshot->lock);
    snapshot->link.call = call;
    rc = postgres_query(&snapshot->link, sql, values, n_values, true, out, err);
    (void)pthread_mutex_unlock(&snapshot->lock);
    return rc;
}

/* What the cursor holds is given back early; the end would do it too. */
static void
close_cursor(rows *r)
{
    char sql[64];
    bool alive;

    if (!r->open)
        return;
    r->open = false;
    (void)pthread_mutex_lock(&r->self->snapshot.lock);
    alive = r->self->snapshot.link.in_transaction &&
            r->self->snapshot.link.conn != NULL &&
            PQtransactionStatus(r->self->snapshot.link.conn) == PQTRANS_INTRANS;
    (void)pthread_mutex_unlock(&r->self->snapshot.lock);
    if (!alive || larder_call_check(r->call, NULL) != LARDER_OK)
        return;
    (void)snprintf(sql, sizeof sql, "CLOSE %s", r->cursor);
    if (postgres_read(&r->self->snapshot, r->call, sql, NULL, 0, NULL, NULL) !=
        LARDER_OK)
        return;
}

static void
rows_free(rows *r)
{
    if (r == NULL)
        return;
    postgres_items_release(&r->items);
    postgres_shape_release(&r->shape);
    free(r->readings);
    free(r->wanted);
    free(r);
}

/* -------------------------------------------------------------------- judge */

static const char *
value_at(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NULL
                                            : PQgetvalue(result, row, column);
}

/* Is this row of a user's table one the scan wants? One whose created time is
 * null may have arrived at any time. */
static larder_status
judge_row(const rows *r, const PGresult *result, int row, bool *wanted,
    larder_error *err)
{
    const postgres_judge *judge = &r->judge;
    const postgres_cell *event = &r->shape.cells[r->shape.first];
    const postgres_reading *reading = &r->readings[r->shape.first];
    const char *bytes = NULL;
    larder_time time = 0;
    larder_status rc = LARDER_OK;

    *wanted = true;
    if (!judge->wanted)
        return rc;
    bytes = value_at(result, row, event->index);
    *wanted = bytes != NULL;
    if (bytes == NULL)
        return rc;
    LARDER_TRY(postgres_time_read(
        reading, bytes, PQgetlength(result, row, event->index), &time, err));
    *wanted = time >= judge->from && time <= judge->to;
    if (!*wanted || !judge->arrived || time > judge->seen_until)
        goto out;
    bytes = event[1].index < 0 ? NULL : value_at(result, row, event[1].index);
    if (bytes == NULL)
        goto out;
    LARDER_TRY(postgres_time_read(reading + 1, bytes,
        PQgetlength(result, row, event[1].index), &time, err));
    *wanted = time > judge->after;
out:
    return rc;
}

static larder_status
judge_rows(rows *r, const PGresult *result, int *n, larder_error *err)
{
    int n_rows = PQntuples(result);
    larder_status rc = LARDER_OK;
    bool wanted = true;

    *n = 0;
    for (int row = 0; row < n_rows && rc == LARDER_OK; row++) {
        rc = judge_row(r, result, row, &wanted, err);
        if (wanted)
            r->wanted[(*n)++] = row;
    }
    return rc;
}

/* --------------------------------------------------------------------- rows */

/* One column of the rows wanted. */
static larder_status
read_column(rows *r, const PGresult *result, int n, size_t at,
    larder_column *column, size_t *n_bytes, larder_error *err)
{
    const postgres_reading *reading = &r->readings[at];
    int index = r->shape.cells[at].index;
    larder_status rc = larder_column_reserve(column, (size_t)n, 0, err);

    for (int i = 0; i < n && rc == LARDER_OK; i++) {
        int row = r->wanted[i];
        int size;

        if (index < 0 || PQgetisnull(result, row, index)) {
            rc = larder_column_append_null(column, err);
            continue;
        }
        size = PQgetlength(result, row, index);
        *n_bytes += (size_t)size;
        rc = postgres_cell_read(reading, PQgetvalue(result, row, index), size,
            &r->items, column, err);
    }
    return rc;
}

static larder_status
read_batch(rows *r, const PGresult *result, int n, larder_batch *out,
    larder_error *err)
{
    size_t n_bytes = (size_t)n * 16, fitting;
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_batch_init(&batch, &r->shape.schema, err));
    for (size_t i = 0; i < r->shape.schema.n_fields; i++)
        LARDER_TRY(
            read_column(r, result, n, i, &batch.columns[i], &n_bytes, err));
    batch.n_rows = (size_t)n;
    fitting = FETCH_BYTES / (n_bytes / (size_t)n + 1) + 1;
    r->n_wanted *= 8;
    if ((size_t)r->n_wanted > fitting)
        r->n_wanted = (int)fitting;
    if (r->n_wanted > (int)POSTGRES_BATCH_ROWS)
        r->n_wanted = (int)POSTGRES_BATCH_ROWS;
    *out = batch;
    batch = (larder_batch){0};
out:
    larder_batch_release(&batch);
    return rc;
}

static larder_status
rows_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    rows *r = self->state;
    PGresult *result = NULL;
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;
    int n = 0;

    while (n == 0 && r->open) {
        char sql[64];

        LARDER_TRY(larder_call_check(r->call, err));
        PQclear(result);
        result = NULL;
        (void)snprintf(
            sql, sizeof sql, "FETCH %d FROM %s", r->n_wanted, r->cursor);
        LARDER_TRY(postgres_read(
            &r->self->snapshot, r->call, sql, NULL, 0, &result, err));
        LARDER_TRY(judge_rows(r, result, &n, err));
        if (PQntuples(result) < r->n_wanted)
            close_cursor(r);
    }
    if (n > 0)
        LARDER_TRY(read_batch(r, result, n, &batch, err));
    *out = batch;
out:
    PQclear(result);
    return rc;
}

static void
rows_close(larder_stream *self)
{
    rows *r = self->state;

    close_cursor(r);
    rows_free(r);
    *self = (larder_stream){0};
}

/* --------------------------------------------------------------------- open */

static larder_status
make_readings(rows *r, larder_error *err)
{
    const postgres_shape *shape = &r->shape;

    r->readings = calloc(shape->schema.n_fields + 1, sizeof *r->readings);
    r->wanted = calloc(POSTGRES_BATCH_ROWS, sizeof *r->wanted);
    if (r->readings == NULL || r->wanted == NULL)
        return out_of_memory(err);
    for (size_t i = 0; i < shape->schema.n_fields; i++) {
        const postgres_cell *cell = &shape->cells[i];

        r->readings[i] = (postgres_reading){.words = shape->table.words,
            .name = shape->fields[i].name,
            .given = cell->given,
            .family = postgres_family_of(cell->given),
            .type = cell->type,
            .ends_day = shape->date_is_end_of_day &&
                        (cell->role == POSTGRES_EVENT ||
                            cell->role == POSTGRES_CREATED),
            .unit = shape->unit,
            .naive_offset_minutes = shape->naive_offset_minutes};
        if (cell->column != NULL)
            r->readings[i].name = cell->column->name;
    }
    return LARDER_OK;
}

static larder_status
declare(rows *r, const char *sql, const postgres_bindings *bindings,
    larder_error *err)
{
    postgres_snapshot *snapshot = &r->self->snapshot;
    sql_text text = {0};
    larder_status rc = LARDER_OK;

    (void)pthread_mutex_lock(&snapshot->lock);
    (void)snprintf(
        r->cursor, sizeof r->cursor, "larder_%u", ++snapshot->n_cursors);
    (void)pthread_mutex_unlock(&snapshot->lock);
    sql_add(&text, "DECLARE %s NO SCROLL CURSOR FOR %s", r->cursor, sql);
    LARDER_TRY(sql_finish(&text, err));
    LARDER_TRY(postgres_read(snapshot, r->call, text.text, bindings->values,
        bindings->n_values, NULL, err));
    r->open = true;
out:
    sql_release(&text);
    return rc;
}

static larder_status
rows_new(postgres_shape *shape, rows **out, larder_error *err)
{
    rows *r = calloc(1, sizeof *r);

    if (r == NULL) {
        postgres_shape_release(shape);
        return out_of_memory(err);
    }
    r->shape = *shape;
    *shape = (postgres_shape){0};
    *out = r;
    return LARDER_OK;
}

static void
rows_give(rows *r, larder_stream *out)
{
    *out = (larder_stream){.schema = &r->shape.schema,
        .next = rows_next,
        .close = rows_close,
        .state = r};
}

larder_status
postgres_rows_open(postgres_history *self, const larder_call *call,
    postgres_shape *shape, const char *sql, const postgres_bindings *bindings,
    const postgres_judge *judge, larder_stream *out, larder_error *err)
{
    rows *r = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(rows_new(shape, &r, err));
    r->self = self;
    r->call = call;
    r->n_wanted = FIRST_ROWS;
    if (judge != NULL)
        r->judge = *judge;
    LARDER_TRY(make_readings(r, err));
    if (bindings->failed) {
        rc = out_of_memory(err);
        goto out;
    }
    LARDER_TRY(declare(r, sql, bindings, err));
    rows_give(r, out);
    r = NULL;
out:
    rows_free(r);
    return rc;
}

larder_status
postgres_rows_none(postgres_shape *shape, larder_stream *out, larder_error *err)
{
    rows *r = NULL;
    larder_status rc = rows_new(shape, &r, err);

    if (rc == LARDER_OK)
        rows_give(r, out);
    return rc;
}
