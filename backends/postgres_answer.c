/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_answer.c - statements that a user wrote: alone, read-only, and their
 * rows as a stream.
 *
 * Each has a connection and a READ ONLY transaction of its own, which its
 * stream keeps open. A SELECT is a cursor; EXPLAIN and SHOW give their few rows
 * at once. Columns of types that Larder has none for come as text, numeric and
 * times without a zone among them: neither is rounded nor guessed at.
 */
#include "postgres_rows.h"

#include <stdlib.h>
#include <string.h>

typedef struct answer {
    postgres_history own; /* its snapshot alone is used */
    bool has_lock;
    larder_stream rows;
} answer;

static larder_status
out_of_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory");
}

static void
answer_free(answer *a)
{
    if (a == NULL)
        return;
    larder_stream_close(&a->rows);
    postgres_undo(&a->own.snapshot.link);
    postgres_link_close(&a->own.snapshot.link);
    if (a->has_lock)
        (void)pthread_mutex_destroy(&a->own.snapshot.lock);
    free(a);
}

/* What the server refused because it would have written. */
static larder_status
blame(const answer *a, larder_status rc, larder_error *err)
{
    const char *state = a->own.snapshot.link.sqlstate;

    if (rc != LARDER_OK &&
        (strcmp(state, "25006") == 0 || strcmp(state, "0A000") == 0))
        return larder_fail(err, LARDER_INVALID,
            "the statement would change something; only reading is allowed");
    if (rc != LARDER_OK && strcmp(state, "08P01") == 0)
        return larder_fail(err, LARDER_INVALID,
            "the statement has a parameter, and nothing to put there");
    return rc;
}

static larder_status
answer_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    answer *a = self->state;

    return blame(a, larder_stream_next(&a->rows, out, err), err);
}

static void
answer_close(larder_stream *self)
{
    answer_free(self->state);
    *self = (larder_stream){0};
}

/* ------------------------------------------------------------- what it says */

/* Past white space and comments. */
static const char *
skip_blank(const char *sql)
{
    for (;;) {
        sql += strspn(sql, " \t\r\n(");
        if (sql[0] == '-' && sql[1] == '-') {
            sql += strcspn(sql, "\n");
        } else if (sql[0] == '/' && sql[1] == '*') {
            const char *end = strstr(sql + 2, "*/");

            if (end == NULL)
                return sql;
            sql = end + 2;
        } else {
            return sql;
        }
    }
}

static bool
begins_with(const char *sql, const char *word)
{
    char head[16] = "";
    size_t size = strlen(word);

    sql = skip_blank(sql);
    strncpy(head, sql, size);
    return postgres_same_name(head, word) &&
           strchr(" \t\r\n;(/-", sql[size]) != NULL;
}

static bool
gives_rows(const char *sql)
{
    return begins_with(sql, "select") || begins_with(sql, "with") ||
           begins_with(sql, "values") || begins_with(sql, "table");
}

/* ------------------------------------------------------------------- select */

/* The type a column is given in. */
static larder_type
type_of(const postgres_column *column)
{
    larder_type type = postgres_type_of(column->type);

    return type == 0 || column->family == POSTGRES_NAIVE ||
                   column->family == POSTGRES_DATE
               ? LARDER_STRING
               : type;
}

/* The columns of the query, called c1, c2, ...: two may have one name. */
static larder_status
shape_of(postgres_shape *shape, larder_error *err)
{
    size_t n = shape->table.n_columns;

    shape->cells = calloc(n + 1, sizeof *shape->cells);
    shape->fields = calloc(n + 1, sizeof *shape->fields);
    shape->names = calloc(n + 1, sizeof(char *));
    if (shape->cells == NULL || shape->fields == NULL || shape->names == NULL)
        return out_of_memory(err);
    shape->schema = (larder_schema){shape->fields, n};
    shape->naive_offset_minutes = LARDER_NAIVE_REFUSED;
    for (size_t i = 0; i < n; i++) {
        postgres_column *column = &shape->table.columns[i];
        larder_type type = type_of(column);
        char alias[24];

        (void)snprintf(alias, sizeof alias, "c%zu", i + 1);
        shape->names[i] = column->name;
        shape->fields[i] = (larder_field){column->name, type};
        column->name = strdup(alias);
        if (column->name == NULL)
            return out_of_memory(err);
        shape->cells[i] = (postgres_cell){.column = column,
            .type = type,
            .role = POSTGRES_FEATURE,
            .given = postgres_shape_given(column, type),
            .index = (int)i};
    }
    return LARDER_OK;
}

/* A row counts though its first column is null: no cell is an event time. */
static larder_status
open_select(
    answer *a, const larder_call *call, const char *sql, larder_error *err)
{
    const larder_table table = {.query = sql};
    const postgres_bindings none = {0};
    postgres_shape shape = {0};
    sql_text text = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(
        postgres_table_load(&a->own.snapshot.link, &table, &shape.table, err));
    LARDER_TRY(shape_of(&shape, err));
    shape.first = shape.schema.n_fields;
    sql_add(&text, "SELECT ");
    if (shape.schema.n_fields == 0) {
        rc = larder_fail(err, LARDER_INVALID, "the statement gives no columns");
        goto out;
    }
    postgres_shape_list(&shape, "t", &text);
    sql_add(&text, " FROM %s AS t(", shape.table.from);
    for (size_t i = 0; i < shape.schema.n_fields; i++)
        sql_add(&text, "%sc%zu", i == 0 ? "" : ", ", i + 1);
    sql_add(&text, ")");
    LARDER_TRY(sql_finish(&text, err));
    rc = postgres_rows_open(
        &a->own, call, &shape, text.text, &none, NULL, &a->rows, err);
out:
    postgres_shape_release(&shape);
    sql_release(&text);
    return rc;
}

/* ------------------------------------------------------------ explain, show */

/* A stream of one batch does not keep its fields: ours does. */
typedef struct words {
    larder_schema schema;
    larder_field *fields;
    PGresult *result; /* holds the names */
    bool given;
} words;

static larder_status
words_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    words *w = self->state;
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_batch_init(&batch, &w->schema, err));
    for (int row = 0; !w->given && row < PQntuples(w->result); row++) {
        for (size_t i = 0; i < w->schema.n_fields; i++) {
            const char *text = PQgetvalue(w->result, row, (int)i);

            LARDER_TRY(larder_column_append_text(
                &batch.columns[i], (larder_bytes){text, strlen(text)}, err));
        }
        batch.n_rows++;
    }
    w->given = true;
    *out = batch;
    batch = (larder_batch){0};
out:
    larder_batch_release(&batch);
    return rc;
}

static void
words_close(larder_stream *self)
{
    words *w = self->state;

    PQclear(w->result);
    free(w->fields);
    free(w);
    *self = (larder_stream){0};
}

static larder_status
open_words(answer *a, const char *sql, larder_error *err)
{
    words *w = calloc(1, sizeof *w);
    larder_status rc = LARDER_OK;
    size_t n;

    if (w == NULL)
        return out_of_memory(err);
    a->rows = (larder_stream){.schema = &w->schema,
        .next = words_next,
        .close = words_close,
        .state = w};
    LARDER_TRY(postgres_query(
        &a->own.snapshot.link, sql, NULL, 0, false, &w->result, err));
    n = (size_t)PQnfields(w->result);
    w->fields = calloc(n + 1, sizeof *w->fields);
    if (w->fields == NULL)
        return out_of_memory(err);
    for (size_t i = 0; i < n; i++)
        w->fields[i] =
            (larder_field){PQfname(w->result, (int)i), LARDER_STRING};
    w->schema = (larder_schema){w->fields, n};
out:
    return rc;
}

/* --------------------------------------------------------------------- open */

larder_status
postgres_answer(postgres_history *self, const larder_call *call,
    const char *sql, larder_stream *out, larder_error *err)
{
    answer *a = calloc(1, sizeof *a);
    larder_status rc = LARDER_OK;

    if (a == NULL)
        return out_of_memory(err);
    a->has_lock = pthread_mutex_init(&a->own.snapshot.lock, NULL) == 0;
    if (!a->has_lock) {
        rc = out_of_memory(err);
        goto out;
    }
    postgres_link_init(&a->own.snapshot.link, &self->options);
    LARDER_TRY(postgres_begin(&a->own.snapshot.link, POSTGRES_READ, call, err));
    if (gives_rows(sql)) {
        rc = open_select(a, call, sql, err);
    } else if (begins_with(sql, "explain") || begins_with(sql, "show")) {
        rc = open_words(a, sql, err);
    } else {
        rc = larder_fail(err, LARDER_INVALID,
            skip_blank(sql)[0] == '\0'
                ? "the statement is empty"
                : "the statement gives no rows; only reading is allowed");
        goto out;
    }
    rc = blame(a, rc, err);
    if (rc != LARDER_OK)
        goto out;
    *out = (larder_stream){.schema = a->rows.schema,
        .next = answer_next,
        .close = answer_close,
        .state = a};
    a = NULL;
out:
    answer_free(a);
    return rc;
}
