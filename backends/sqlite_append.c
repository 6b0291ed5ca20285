/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_append.c - rows into an owned table: whole or not at all, equal rows
 * once.
 *
 * All of one append is one transaction, however great; SQLite spills what it
 * cannot hold into the WAL. Rows come in the table's own order where the caller
 * sorted them, which is what makes it fast.
 */
#include "sql.h"
#include "sqlite_table.h"

#include <stdlib.h>

/* Batches held back until it is known whether the append is small. */
#define SMALL_BATCHES 8u
#define SMALL_ROWS 65536u
/* Rows whose digests are made at a time; a multiple of ... */
#define DIGESTS 64u
/* ... the rows one statement inserts, where its parameters allow: twice as fast
 * as one by one. A power of two. */
#define ROWS_AT_ONCE 16u

typedef struct append {
    sqlite_link *link;
    const larder_call *call;
    const larder_table *table;
    sqlite3_stmt *insert_one, *insert_many;
    size_t n_many; /* rows of insert_many */
    size_t event;  /* columns of the schema */
    size_t created;
    bool has_created;
    int64_t arrival;
    uint64_t n_added, n_read;
    larder_time min_event, max_event;
} append;

static size_t
position(const larder_schema *schema, const char *name)
{
    size_t at = 0;

    while (at < schema->n_fields &&
           !sqlite_same_name(schema->fields[at].name, name))
        at++;
    return at;
}

/* The table must be as create() made it for this schema. */
static larder_status
check_table(append *a, larder_error *err)
{
    const larder_schema *schema = a->table->schema;
    sqlite_table found = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(sqlite_table_load(a->link, a->table->name, &found, err));
    for (size_t i = 0; i < schema->n_fields && rc == LARDER_OK; i++) {
        const sqlite_column *column =
            sqlite_table_find(&found, schema->fields[i].name);

        if (found.exists && found.owned && column != NULL &&
            column->type == schema->fields[i].type)
            continue;
        rc = larder_fail(err, LARDER_NOT_FOUND,
            found.exists ? "table '%s' is not as its definition has it (see "
                           "column '%s')"
                         : "history has no table '%s' yet",
            a->table->name, schema->fields[i].name);
        larder_hint(err, "run `larder apply` first");
    }
    a->event = position(schema, a->table->event);
    a->has_created = a->table->created != NULL;
    if (a->has_created)
        a->created = position(schema, a->table->created);
out:
    sqlite_table_release(&found);
    return rc;
}

/* A row takes a parameter a column and one for its digest; the first of all is
 * the number of the append. A conflict is an equal row: no other constraint can
 * fail, and OR IGNORE spares SQLite the means to undo a single statement. */
static larder_status
prepare_insert(append *a, size_t n_rows, sqlite3_stmt **out, larder_error *err)
{
    const larder_schema *schema = a->table->schema;
    sql_text sql = {0};
    size_t parameter = 2;
    larder_status rc = LARDER_OK;

    sql_add(&sql, "INSERT OR IGNORE INTO ");
    sql_name(&sql, a->table->name);
    sql_add(&sql, "(_arrival");
    for (size_t i = 0; i < schema->n_fields; i++) {
        sql_add(&sql, ", ");
        sql_name(&sql, schema->fields[i].name);
    }
    sql_add(&sql, ", _digest) VALUES");
    for (size_t row = 0; row < n_rows; row++) {
        sql_add(&sql, row == 0 ? " (?1" : ", (?1");
        for (size_t i = 0; i <= schema->n_fields; i++)
            sql_add(&sql, ", ?%zu", parameter++);
        sql_add(&sql, ")");
    }
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(sqlite_prepare(a->link, sql.text, out, err));
out:
    sql_release(&sql);
    return rc;
}

static larder_status
prepare_inserts(append *a, larder_error *err)
{
    size_t most =
        (size_t)sqlite3_limit(a->link->db, SQLITE_LIMIT_VARIABLE_NUMBER, -1);
    larder_status rc;

    a->n_many = ROWS_AT_ONCE;
    while (a->n_many > 1 &&
           a->n_many * (a->table->schema->n_fields + 1) + 1 > most)
        a->n_many /= 2;
    LARDER_TRY(prepare_insert(a, 1, &a->insert_one, err));
    LARDER_TRY(prepare_insert(a, a->n_many, &a->insert_many, err));
out:
    return rc;
}

static void
finalize_inserts(append *a)
{
    (void)sqlite3_finalize(a->insert_one);
    (void)sqlite3_finalize(a->insert_many);
    a->insert_one = a->insert_many = NULL;
}

/* The next number: odd for a small append, even for a great one. */
static larder_status
number_append(append *a, bool small, larder_error *err)
{
    int64_t last = 0;
    larder_status rc = sqlite_integer(a->link,
        "SELECT value FROM _larder_meta WHERE name = 'arrival'", &last, err);

    if (rc != LARDER_OK)
        return rc;
    a->arrival = last + 1 + (((last + 1) & 1) != (int64_t)small);
    return sqlite3_bind_int64(a->insert_one, 1, a->arrival) == SQLITE_OK &&
                   sqlite3_bind_int64(a->insert_many, 1, a->arrival) ==
                       SQLITE_OK
               ? LARDER_OK
               : sqlite_fail(a->link, SQLITE_NOMEM, err);
}

/* So many of the rows were added. The others equal rows that are there: their
 * times are the table's too. */
static void
note_rows(append *a, const larder_batch *batch, size_t row, size_t n_rows,
    uint64_t n_added)
{
    const int64_t *events = batch->columns[a->event].values;

    if (n_added == 0)
        return;
    for (size_t i = row; i < row + n_rows; i++) {
        if ((a->n_added == 0 && i == row) || events[i] < a->min_event)
            a->min_event = events[i];
        if ((a->n_added == 0 && i == row) || events[i] > a->max_event)
            a->max_event = events[i];
    }
    a->n_added += n_added;
}

static int
bind_row(const append *a, sqlite3_stmt *insert, int parameter,
    const larder_batch *batch, size_t row, uint64_t digest)
{
    size_t n = a->table->schema->n_fields;
    int code = SQLITE_OK;

    for (size_t i = 0; i < n && code == SQLITE_OK; i++)
        code = a->has_created && i == a->created &&
                       sqlite_null(&batch->columns[i], row)
                   ? sqlite3_bind_int64(insert, parameter + (int)i, NO_CREATED)
                   : sqlite_bind(
                         insert, parameter + (int)i, &batch->columns[i], row);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int64(insert, parameter + (int)n, (int64_t)digest);
    return code;
}

static larder_status
put_rows(append *a, const larder_batch *batch, size_t row, size_t n_rows,
    const uint64_t *digests, larder_error *err)
{
    sqlite3_stmt *insert = n_rows == 1 ? a->insert_one : a->insert_many;
    int n = (int)a->table->schema->n_fields + 1, code = SQLITE_OK;
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < n_rows && code == SQLITE_OK; i++)
        code = bind_row(a, insert, 2 + (int)i * n, batch, row + i, digests[i]);
    if (code != SQLITE_OK)
        return sqlite_fail(a->link, code, err);
    code = sqlite3_step(insert);
    if (code != SQLITE_DONE)
        rc = sqlite_fail(a->link, code, err);
    else
        note_rows(
            a, batch, row, n_rows, (uint64_t)sqlite3_changes(a->link->db));
    (void)sqlite3_reset(insert);
    return rc;
}

static larder_status
put_batch(append *a, const larder_batch *batch, larder_error *err)
{
    larder_status rc = larder_call_check(a->call, err);
    uint64_t digests[DIGESTS];

    for (size_t row = 0, n; row < batch->n_rows && rc == LARDER_OK; row += n) {
        size_t left = batch->n_rows - row;

        n = left < a->n_many ? 1 : a->n_many;
        if (row % DIGESTS == 0)
            larder_row_digests(
                batch, row, left < DIGESTS ? left : DIGESTS, digests);
        rc = put_rows(a, batch, row, n, digests + row % DIGESTS, err);
    }
    a->n_read += batch->n_rows;
    return rc;
}

static larder_status
put_stream(append *a, larder_stream *rows, larder_error *err)
{
    larder_batch held[SMALL_BATCHES] = {{0}};
    size_t n_held = 0, n_rows = 0, done = 0;
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;
    bool ended = false;

    while (!ended && n_held < SMALL_BATCHES && n_rows < SMALL_ROWS) {
        LARDER_TRY(larder_stream_next(rows, &held[n_held], err));
        n_rows += held[n_held].n_rows;
        ended = held[n_held].n_rows == 0;
        n_held += !ended;
    }
    LARDER_TRY(number_append(a, ended, err));
    for (; done < n_held; done++) {
        LARDER_TRY(put_batch(a, &held[done], err));
        larder_batch_release(&held[done]);
    }
    while (!ended) {
        LARDER_TRY(larder_stream_next(rows, &batch, err));
        LARDER_TRY(put_batch(a, &batch, err));
        ended = batch.n_rows == 0;
        larder_batch_release(&batch);
    }
out:
    larder_batch_release(&batch);
    for (size_t i = done; i < SMALL_BATCHES; i++)
        larder_batch_release(&held[i]);
    return rc;
}

/* Write down that this append was. */
static larder_status
note_append(const append *a, larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(sqlite_prepare(a->link,
        "INSERT INTO _larder_batches VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        &statement, err));
    (void)sqlite3_bind_int64(statement, 1, a->arrival);
    (void)sqlite3_bind_text(statement, 2, a->table->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(statement, 3, (int64_t)a->n_added);
    (void)sqlite3_bind_int64(statement, 4, a->min_event);
    (void)sqlite3_bind_int64(statement, 5, a->max_event);
    (void)sqlite3_bind_int64(statement, 6, a->call->now);
    LARDER_TRY(sqlite_execute(a->link, statement, err));
    (void)sqlite3_finalize(statement);
    statement = NULL;
    LARDER_TRY(sqlite_prepare(a->link,
        "INSERT OR REPLACE INTO _larder_meta VALUES('arrival', ?1)", &statement,
        err));
    (void)sqlite3_bind_int64(statement, 1, a->arrival);
    LARDER_TRY(sqlite_execute(a->link, statement, err));
out:
    (void)sqlite3_finalize(statement);
    return rc;
}

larder_status
sqlite_append(sqlite_history *self, const larder_call *call,
    const larder_table *table, larder_stream *rows, larder_appended *out,
    larder_error *err)
{
    append a = {.link = &self->store.main, .call = call, .table = table};
    larder_status rc = LARDER_OK;

    LARDER_TRY(sqlite_write_begin(&self->store, call, err));
    LARDER_TRY(check_table(&a, err));
    LARDER_TRY(prepare_inserts(&a, err));
    LARDER_TRY(put_stream(&a, rows, err));
    if (a.n_added != 0)
        LARDER_TRY(note_append(&a, err));
    finalize_inserts(&a);
    LARDER_TRY(sqlite_write_commit(&self->store, err));
    *out = (larder_appended){.added = a.n_added,
        .duplicate = a.n_read - a.n_added,
        .arrival = a.n_added == 0 ? 0 : a.arrival};
out:
    finalize_inserts(&a);
    sqlite_write_undo(&self->store);
    return rc;
}
