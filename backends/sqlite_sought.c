/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_sought.c - the rows of many keys by one statement.
 */
#include "sqlite_sought.h"

#include <stdlib.h>
#include <string.h>

#include "sqlite_rows.h"

/* Rows of a key passed over before the statement is stopped, to begin again
 * with the next key. */
#define PATIENCE 24u

/* Rows between two looks at how much text there is. */
#define LOOK_EVERY 64u
_Static_assert(BATCH_ROWS % LOOK_EVERY == 0, "a full batch is looked at");

/* Columns of larder_keys: times, then parts of the key. */
enum { LOW, HIGH, FIRST_PART };
#define PARTS "p0, p1, p2, p3, p4, p5, p6, p7"
#define PARTS_MAX 8u

struct sqlite_sought {
    sqlite_reader *reader;
    const sqlite_shape *shape;
    sqlite_keys *keys;
    sqlite3_stmt *statement;
    bool at_key; /* there is one at hand */
    unsigned n_passed;
    bool stopped;        /* on purpose */
    int n_values;        /* of the function's arguments */
    larder_batch *batch; /* being filled */
    size_t n_whole;      /* its rows that are; others lack their key */
    int64_t sure_from;   /* rows of the key at hand that are wanted anyway */
    larder_status rc;    /* why it could not be, and ... */
    larder_error *err;   /* ... where to say so */
};

/* ---------------------------------------------------------- what rows share */

/* Append a word so many times. False: there is no room. */
static bool
repeat_word(larder_column *column, int64_t word, size_t n_rows)
{
    int64_t *values = (int64_t *)column->values + column->n_rows;

    if (n_rows > column->room_rows - column->n_rows)
        return false;
    for (size_t i = 0; i < n_rows; i++)
        values[i] = word;
    for (size_t i = 0, row = column->n_rows;
         column->valid != NULL && i < n_rows; i++) {
        unsigned bits = column->valid[(row + i) >> 3];

        column->valid[(row + i) >> 3] =
            (uint8_t)(bits | 1u << ((row + i) & 7u));
    }
    column->n_rows += n_rows;
    return true;
}

/* Append the key's part to rows of the batch that lack it. */
static larder_status
repeat_part(
    const sqlite_sought *s, size_t part, size_t n_rows, larder_error *err)
{
    larder_column *column = &s->batch->columns[part];
    larder_status rc = LARDER_OK;
    size_t row;
    const larder_column *from = sqlite_keys_part(s->keys, part, &row);
    larder_value value;

    if (from->type == LARDER_INT64 &&
        repeat_word(column, ((const int64_t *)from->values)[row], n_rows))
        return LARDER_OK;
    value = larder_column_value(from, row);
    for (size_t i = 0; i < n_rows && rc == LARDER_OK; i++)
        rc = larder_column_append(column, &value, err);
    return rc;
}

/* Give rows their key, which is the one at hand. */
static larder_status
finish_run(sqlite_sought *s, larder_error *err)
{
    size_t n_rows = s->batch->n_rows - s->n_whole;
    larder_status rc = LARDER_OK;

    s->n_whole = s->batch->n_rows;
    for (size_t i = 0; n_rows > 0 && i < s->shape->first; i++)
        if (rc == LARDER_OK)
            rc = repeat_part(s, i, n_rows, err);
    return rc;
}

/* What the table has not, mostly the created time, is null in all rows. */
static larder_status
finish_batch(sqlite_sought *s, larder_error *err)
{
    const sqlite_shape *shape = s->shape;
    size_t n_rows = s->batch->n_rows;
    larder_status rc = finish_run(s, err);

    for (size_t i = shape->first; i < shape->schema.n_fields; i++) {
        larder_column *column = &s->batch->columns[i];

        if (shape->cells[i].index >= 0)
            continue;
        while (rc == LARDER_OK && column->n_rows < n_rows)
            if (column->type != LARDER_TIMESTAMP || !sqlite_push_null(column))
                rc = larder_column_append_null(column, err);
    }
    return rc;
}

/* ---------------------------------------------------------- keys as a table */

typedef struct keys_cursor {
    sqlite3_vtab_cursor base;
    sqlite_sought *sought;
} keys_cursor;

typedef struct keys_table {
    sqlite3_vtab base;
    sqlite_sought **asked;
} keys_table;

static int
keys_connect(sqlite3 *db, void *context, int n_words, const char *const *words,
    sqlite3_vtab **out, char **message)
{
    keys_table *table;
    int code = sqlite3_declare_vtab(
        db, "CREATE TABLE larder_keys (low, high, " PARTS ")");

    (void)n_words;
    (void)words;
    (void)message;
    if (code != SQLITE_OK)
        return code;
    table = calloc(1, sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    table->asked = context;
    *out = &table->base;
    return SQLITE_OK;
}

static int
keys_disconnect(sqlite3_vtab *table)
{
    free(table);
    return SQLITE_OK;
}

/* They are read once, from the first to the last. */
static int
keys_plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedCost = 1000;
    info->estimatedRows = 1000;
    return SQLITE_OK;
}

static int
keys_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    keys_cursor *cursor = calloc(1, sizeof *cursor);

    (void)table;
    if (cursor == NULL)
        return SQLITE_NOMEM;
    *out = &cursor->base;
    return SQLITE_OK;
}

static int
keys_close(sqlite3_vtab_cursor *cursor)
{
    free(cursor);
    return SQLITE_OK;
}

static int
keys_next(sqlite3_vtab_cursor *base)
{
    sqlite_sought *s = ((keys_cursor *)base)->sought;

    s->rc = finish_run(s, s->err);
    if (s->rc != LARDER_OK)
        return SQLITE_ERROR;
    s->at_key = sqlite_keys_next(s->keys);
    s->sure_from = sqlite_keys_sure_from(s->keys);
    s->n_passed = 0;
    return SQLITE_OK;
}

/* A statement that begins again goes on with the key after the last one. */
static int
keys_filter(sqlite3_vtab_cursor *base, int number, const char *text,
    int n_values, sqlite3_value **values)
{
    keys_cursor *cursor = (keys_cursor *)base;

    (void)number;
    (void)text;
    (void)n_values;
    (void)values;
    cursor->sought = *((keys_table *)base->pVtab)->asked;
    return cursor->sought == NULL ? SQLITE_OK : keys_next(base);
}

static int
keys_ended(sqlite3_vtab_cursor *base)
{
    const sqlite_sought *sought = ((keys_cursor *)base)->sought;

    return sought == NULL || !sought->at_key;
}

/* The values of the types that sqlite_keys_fit() knows; they stay where they
 * are. */
static void
give_part(sqlite3_context *context, const larder_column *column, size_t row)
{
    size_t begin, size;
    const char *text;

    switch ((int)column->type) {
    case LARDER_INT64:
    case LARDER_TIMESTAMP:
        sqlite3_result_int64(context, ((const int64_t *)column->values)[row]);
        return;
    case LARDER_INT32:
        sqlite3_result_int(context, ((const int32_t *)column->values)[row]);
        return;
    case LARDER_BOOL:
        sqlite3_result_int(context,
            ((const uint8_t *)column->values)[row >> 3] >> (row & 7u) & 1);
        return;
    default:
        break;
    }
    begin = (size_t)column->offsets[row];
    size = (size_t)column->offsets[row + 1] - begin;
    text = size == 0 ? "" : (const char *)column->values + begin;
    if (column->type == LARDER_STRING)
        sqlite3_result_text64(context, text, size, SQLITE_STATIC, SQLITE_UTF8);
    else
        sqlite3_result_blob64(context, text, size, SQLITE_STATIC);
}

static int
keys_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int which)
{
    const sqlite_keys *keys = ((keys_cursor *)base)->sought->keys;
    int64_t low, high;
    size_t row;

    if (which >= FIRST_PART) {
        const larder_column *column =
            sqlite_keys_part(keys, (size_t)which - FIRST_PART, &row);

        give_part(context, column, row);
        return SQLITE_OK;
    }
    sqlite_keys_times(keys, &low, &high);
    sqlite3_result_int64(context, which == LOW ? low : high);
    return SQLITE_OK;
}

static int
keys_number(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    (void)base;
    *out = 0; /* nobody asks */
    return SQLITE_OK;
}

/* Without a way to create it, it is there by its name. */
static const sqlite3_module keys_module = {.xConnect = keys_connect,
    .xBestIndex = keys_plan,
    .xDisconnect = keys_disconnect,
    .xOpen = keys_open,
    .xClose = keys_close,
    .xFilter = keys_filter,
    .xNext = keys_next,
    .xEof = keys_ended,
    .xColumn = keys_column,
    .xRowid = keys_number};

/* --------------------------------------------------------- rows by function */

/* The function's first argument is the event time. */
static larder_status
take_row(sqlite_sought *s, sqlite3_value **values, larder_time event,
    larder_error *err)
{
    const sqlite_shape *shape = s->shape;
    larder_column *columns = s->batch->columns;
    size_t i = shape->first;
    int base = shape->cells[i].index;
    larder_status rc = LARDER_OK;

    if (event != 0 && sqlite_push(&columns[i], &event))
        i++;
    for (; i < shape->schema.n_fields && rc == LARDER_OK; i++) {
        const sqlite_cell *cell = &shape->cells[i];

        if (cell->index >= 0)
            rc = sqlite_read_value(
                shape, cell, values[cell->index - base], &columns[i], err);
    }
    s->batch->n_rows++;
    return rc;
}

/* So far is one more row; is that enough? Text is counted now and then. */
static larder_status
look_if_full(sqlite_sought *s, bool *full, larder_error *err)
{
    larder_status rc = LARDER_OK;

    *full = false;
    if (s->batch->n_rows % LOOK_EVERY == 0) {
        rc = finish_run(s, err);
        *full = rc == LARDER_OK && sqlite_batch_is_full(s->batch);
    }
    return rc;
}

static void
pass_over(sqlite_sought *s, sqlite3_context *context)
{
    s->n_passed++;
    if (s->n_passed <= PATIENCE)
        return;
    s->stopped = true;
    sqlite3_result_error(context, "the statement is stopped", -1);
}

/* Rows from the key's own beginning on need no more thought. */
static bool
is_admitted(sqlite_sought *s, larder_time event)
{
    return event >= s->sure_from ||
           (!sqlite_keys_done(s->keys) &&
               sqlite_keys_admit(s->keys, event, NO_CREATED));
}

/* No answer is no. */
static void
call_take(sqlite3_context *context, int n_values, sqlite3_value **values)
{
    sqlite_sought *s = *(sqlite_sought **)sqlite3_user_data(context);
    larder_time event;
    bool full = false;

    if (s == NULL || n_values != s->n_values) {
        sqlite3_result_error(context, "larder_take() is not for users", -1);
        return;
    }
    event = sqlite3_value_int64(values[0]);
    if (!is_admitted(s, event)) {
        pass_over(s, context);
        return;
    }
    s->rc = take_row(s, values, event, s->err);
    if (s->rc == LARDER_OK)
        s->rc = look_if_full(s, &full, s->err);
    if (s->rc != LARDER_OK)
        sqlite3_result_error(context, "the row cannot be read", -1);
    else if (full)
        sqlite3_result_int(context, 1);
}

int
sqlite_sought_register(sqlite3 *db, sqlite_sought **asked)
{
    int code =
        sqlite3_create_module_v2(db, "larder_keys", &keys_module, asked, NULL);

    if (code != SQLITE_OK)
        return code;
    return sqlite3_create_function_v2(
        db, "larder_take", -1, SQLITE_UTF8, asked, call_take, NULL, NULL, NULL);
}

/* ---------------------------------------------------------------- statement */

/* SELECT 1 FROM larder_keys AS k CROSS JOIN table AS h WHERE keys AND times AND
 * larder_take(...): the join is done in this order. */
static larder_status
say(sql_text *sql, const larder_scan *scan, const sqlite_shape *shape,
    bool one_before, larder_error *err)
{
    const char *event = scan->table->event;

    sql_add(sql, "SELECT 1 FROM larder_keys AS k CROSS JOIN ");
    sql_name(sql, scan->table->name);
    sql_add(sql, " AS h WHERE ");
    for (size_t i = 0; i < scan->n_key; i++) {
        sql_add(sql, "h.");
        sql_name(sql, scan->key[i]);
        sql_add(sql, " = k.p%zu COLLATE BINARY AND ", i);
    }
    if (!one_before) {
        sql_add(sql, "h.");
        sql_name(sql, event);
        sql_add(sql, " >= k.low AND ");
    }
    sql_add(sql, "h.");
    sql_name(sql, event);
    sql_add(sql, " <= k.high AND larder_take(");
    for (size_t i = shape->first; i < shape->schema.n_fields; i++) {
        if (shape->cells[i].index < 0)
            continue;
        sql_add(sql, "%sh.", i == shape->first ? "" : ", ");
        sql_name(sql, shape->cells[i].name);
    }
    sql_add(sql, ")");
    return sql_finish(sql, err);
}

/* Does each key lead to its rows in the table, newest first? */
static larder_status
is_sought(sqlite_link *link, const char *text, bool *out, larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;
    bool row = false;

    *out = false;
    sql_add(&sql, "EXPLAIN QUERY PLAN %s", text);
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(sqlite_prepare(link, sql.text, &statement, err));
    for (;;) {
        const char *detail;

        LARDER_TRY(sqlite_step(link, statement, &row, err));
        if (!row)
            break;
        detail = (const char *)sqlite3_column_text(statement, 3);
        if (detail != NULL &&
            sqlite3_strlike("SEARCH h USING PRIMARY KEY (%<?)", detail, 0) == 0)
            *out = true;
    }
out:
    (void)sqlite3_finalize(statement);
    sql_release(&sql);
    return rc;
}

larder_status
sqlite_sought_new(sqlite_reader *reader, const larder_scan *scan,
    const sqlite_shape *shape, sqlite_keys *keys, sqlite_sought **out,
    larder_error *err)
{
    sqlite_sought *made = NULL;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;
    bool can = scan->n_key <= PARTS_MAX;

    *out = NULL;
    if (!can)
        goto out;
    LARDER_TRY(say(&sql, scan, shape, scan->one_before, err));
    LARDER_TRY(is_sought(&reader->link, sql.text, &can, err));
    if (!can)
        goto out;
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        rc = larder_fail(err, LARDER_NOMEM, "out of memory");
        goto out;
    }
    *made = (sqlite_sought){.reader = reader, .shape = shape, .keys = keys};
    for (size_t i = shape->first; i < shape->schema.n_fields; i++)
        made->n_values += shape->cells[i].index >= 0;
    LARDER_TRY(sqlite_prepare(&reader->link, sql.text, &made->statement, err));
    *out = made;
    made = NULL;
out:
    sqlite_sought_free(made);
    sql_release(&sql);
    return rc;
}

void
sqlite_sought_free(sqlite_sought *sought)
{
    if (sought == NULL)
        return;
    (void)sqlite3_finalize(sought->statement);
    free(sought);
}

larder_status
sqlite_sought_fill(
    sqlite_sought *sought, larder_batch *batch, bool *ended, larder_error *err)
{
    int code;

    for (size_t i = 0; i < batch->schema->n_fields; i++) {
        larder_status rc =
            larder_column_reserve(&batch->columns[i], BATCH_ROWS, 0, err);

        if (rc != LARDER_OK)
            return rc;
    }
    sought->batch = batch;
    sought->n_whole = batch->n_rows;
    sought->err = err;
    sought->rc = LARDER_OK;
    do {
        sought->stopped = false;
        sought->reader->sought = sought;
        code = sqlite3_step(sought->statement);
        sought->reader->sought = NULL;
        if (sought->stopped)
            (void)sqlite3_reset(sought->statement);
    } while (sought->stopped);
    if (sought->rc == LARDER_OK)
        sought->rc = finish_batch(sought, err);
    sought->batch = NULL;
    sought->err = NULL;
    *ended = code == SQLITE_DONE;
    if (sought->rc != LARDER_OK)
        return sought->rc;
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        return LARDER_OK;
    return sqlite_fail(&sought->reader->link, code, err);
}
