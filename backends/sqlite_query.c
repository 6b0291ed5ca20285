/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_query.c - statements that a user wrote: alone, read-only, and their
 * rows as a stream.
 *
 * SQLite's columns have no types, so a result takes them from its first rows:
 * integers, integers with reals, text, bytes; where they differ, text. A later
 * row that does not fit is an error, never another value.
 */
#include "sqlite_history.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- prepare */

static bool
is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n;")] == '\0';
}

larder_status
sqlite_prepare_user(
    sqlite_link *link, const char *sql, sqlite3_stmt **out, larder_error *err)
{
    sqlite3_stmt *statement = NULL, *second = NULL;
    const char *tail = "";
    larder_status rc = LARDER_OK;
    int code = sqlite3_prepare_v2(link->db, sql, -1, &statement, &tail);

    if (code == SQLITE_AUTH)
        rc = larder_fail(err, LARDER_INVALID,
            "the statement would change something; only reading is allowed");
    else if (code != SQLITE_OK)
        rc = sqlite_fail(link, code, err);
    else if (statement == NULL)
        rc = larder_fail(err, LARDER_INVALID, "the statement is empty");
    else if (sqlite3_stmt_readonly(statement) == 0 ||
             sqlite3_column_count(statement) == 0)
        rc = larder_fail(err, LARDER_INVALID,
            "the statement gives no rows; only reading is allowed");
    else if (sqlite3_bind_parameter_count(statement) != 0)
        rc = larder_fail(err, LARDER_INVALID,
            "the statement has a parameter ('%s'), and nothing to put there",
            sqlite3_bind_parameter_name(statement, 1) == NULL
                ? "?"
                : sqlite3_bind_parameter_name(statement, 1));
    /* What follows may be a comment; a second statement is refused. */
    else if (!is_blank(tail) && (sqlite3_prepare_v2(link->db, tail, -1, &second,
                                     NULL) != SQLITE_OK ||
                                    second != NULL))
        rc = larder_fail(err, LARDER_INVALID,
            "there is more than one statement; only one is allowed");
    (void)sqlite3_finalize(second);
    if (rc == LARDER_OK)
        *out = statement;
    else
        (void)sqlite3_finalize(statement);
    return rc;
}

/* ------------------------------------------------------------------ stream */

typedef struct answer {
    sqlite_link link;
    const larder_call *call;
    sqlite3_stmt *statement;
    larder_schema schema;
    larder_field *fields;
    sqlite_shape shape; /* how values are read; without cells of its own */
    sqlite_cell *cells;
    bool ended;
} answer;

static void
answer_free(answer *a)
{
    (void)sqlite3_finalize(a->statement);
    for (size_t i = 0; a->cells != NULL && i < a->schema.n_fields; i++)
        free(a->cells[i].name);
    free(a->cells);
    free(a->fields);
    free(a->shape.table);
    sqlite_link_close(&a->link);
    free(a);
}

/* The type that holds both what was seen so far and one value more. */
static larder_type
widen(larder_type type, int class)
{
    larder_type own = class == SQLITE_INTEGER ? LARDER_INT64
                      : class == SQLITE_FLOAT ? LARDER_FLOAT64
                      : class == SQLITE_BLOB  ? LARDER_BYTES
                                              : LARDER_STRING;

    if (class == SQLITE_NULL || type == own)
        return type;
    if (type == 0)
        return own;
    if ((type == LARDER_INT64 || type == LARDER_FLOAT64) &&
        (own == LARDER_INT64 || own == LARDER_FLOAT64))
        return LARDER_FLOAT64;
    return LARDER_STRING;
}

/* Run the statement's first rows for their types alone, then start over. */
static larder_status
find_types(answer *a, larder_error *err)
{
    size_t n = a->schema.n_fields;
    larder_status rc = LARDER_OK;
    bool row = true;

    for (size_t i = 0; i < n; i++)
        a->cells[i].type = 0;
    for (size_t rows = 0; rows < BATCH_ROWS; rows++) {
        LARDER_TRY(sqlite_step(&a->link, a->statement, &row, err));
        if (!row)
            break;
        for (size_t i = 0; i < n; i++)
            a->cells[i].type = widen(
                a->cells[i].type, sqlite3_column_type(a->statement, (int)i));
    }
    for (size_t i = 0; i < n; i++)
        if (a->cells[i].type == 0)
            a->cells[i].type = LARDER_STRING;
    (void)sqlite3_reset(a->statement);
out:
    return rc;
}

static larder_status
find_fields(answer *a, larder_error *err)
{
    size_t n = (size_t)sqlite3_column_count(a->statement);
    larder_status rc = LARDER_OK;

    a->fields = calloc(n, sizeof *a->fields);
    a->cells = calloc(n, sizeof *a->cells);
    if (a->fields == NULL || a->cells == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    a->schema = (larder_schema){a->fields, n};
    for (size_t i = 0; i < n; i++) {
        const char *name = sqlite3_column_name(a->statement, (int)i);

        a->cells[i].name = strdup(name == NULL ? "" : name);
        a->cells[i].index = (int)i;
        if (a->cells[i].name == NULL)
            return larder_fail(err, LARDER_NOMEM, "out of memory");
    }
    LARDER_TRY(find_types(a, err));
    for (size_t i = 0; i < n; i++)
        a->fields[i] = (larder_field){a->cells[i].name, a->cells[i].type};
out:
    return rc;
}

static larder_status
answer_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    answer *a = self->state;
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_call_check(a->call, err));
    LARDER_TRY(larder_batch_init(&batch, &a->schema, err));
    while (batch.n_rows < BATCH_ROWS && !a->ended) {
        bool row = false;

        LARDER_TRY(sqlite_step(&a->link, a->statement, &row, err));
        a->ended = !row;
        for (size_t i = 0; row && i < a->schema.n_fields; i++)
            LARDER_TRY(sqlite_read(
                &a->shape, &a->cells[i], a->statement, &batch.columns[i], err));
        batch.n_rows += row;
    }
    *out = batch;
    batch = (larder_batch){0};
out:
    larder_batch_release(&batch);
    return rc;
}

static void
answer_close(larder_stream *self)
{
    answer_free(self->state);
    *self = (larder_stream){0};
}

larder_status
sqlite_query(sqlite_history *self, const larder_call *call, const char *sql,
    larder_stream *out, larder_error *err)
{
    answer *a = calloc(1, sizeof *a);
    larder_status rc = LARDER_OK;

    if (a == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    a->call = call;
    a->shape.table = strdup("the result");
    a->shape.naive_offset_minutes = LARDER_NAIVE_REFUSED;
    if (a->shape.table == NULL) {
        rc = larder_fail(err, LARDER_NOMEM, "out of memory");
        goto out;
    }
    LARDER_TRY(sqlite_link_open(&self->store, &a->link, call, err));
    LARDER_TRY(sqlite_run(&a->link, "BEGIN", err));
    LARDER_TRY(sqlite_prepare_user(&a->link, sql, &a->statement, err));
    LARDER_TRY(find_fields(a, err));
    *out = (larder_stream){.schema = &a->schema,
        .next = answer_next,
        .close = answer_close,
        .state = a};
    a = NULL;
out:
    if (a != NULL)
        answer_free(a);
    return rc;
}
