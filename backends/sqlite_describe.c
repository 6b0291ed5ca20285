/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_describe.c - what there is: tables, Larder's and the user's, and
 * queries, which are prepared and not run.
 */
#include "sql.h"
#include "sqlite_table.h"

static larder_status
describe_columns(
    const sqlite_table *table, larder_described *out, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < table->n_columns && rc == LARDER_OK; i++) {
        const sqlite_column *column = &table->columns[i];
        bool ours = sqlite_same_name(column->name, "_arrival") ||
                    sqlite_same_name(column->name, "_digest");

        if (!(table->owned && ours))
            rc = larder_described_add(out, column->name, column->type, err);
    }
    return rc;
}

/* What the appends say of an owned table. */
static larder_status
describe_batches(sqlite_link *link, const char *name, larder_described *out,
    larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    larder_status rc = LARDER_OK;
    bool row = false;

    LARDER_TRY(sqlite_prepare(link,
        "SELECT coalesce(sum(n_rows), 0), coalesce(max(arrival), 0),"
        " max(max_event) FROM _larder_batches WHERE table_name = ?1",
        &statement, err));
    (void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    LARDER_TRY(sqlite_step(link, statement, &row, err));
    out->n_rows = (uint64_t)sqlite3_column_int64(statement, 0);
    out->arrival = sqlite3_column_int64(statement, 1);
    if (sqlite3_column_type(statement, 2) != SQLITE_NULL)
        out->newest_event = sqlite3_column_int64(statement, 2);
    out->seekable = true;
out:
    (void)sqlite3_finalize(statement);
    return rc;
}

/* A guess at the rows of a user's table: its greatest rowid. A view, or a table
 * WITHOUT ROWID, has none: then nothing is known. */
static larder_status
guess_rows(
    sqlite_link *link, const char *name, uint64_t *out, larder_error *err)
{
    sql_text sql = {0};
    larder_status rc = LARDER_OK;
    int64_t n_rows = 0;

    sql_add(&sql, "SELECT max(rowid) FROM ");
    sql_name(&sql, name);
    LARDER_TRY(sql_finish(&sql, err));
    if (sqlite_integer(link, sql.text, &n_rows, NULL) == LARDER_OK &&
        n_rows > 0)
        *out = (uint64_t)n_rows;
out:
    sql_release(&sql);
    return rc;
}

/* Times as text come in many spellings: no index has them in order. */
static bool
is_text(const sqlite_table *table, const char *name)
{
    const sqlite_column *column =
        name == NULL ? NULL : sqlite_table_find(table, name);

    return column != NULL && column->type == LARDER_STRING;
}

static larder_status
describe_table(sqlite_link *link, const larder_table *table,
    larder_described *out, larder_error *err)
{
    sqlite_table found = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(sqlite_table_load(link, table->name, &found, err));
    if (table->owned && found.exists && !found.owned) {
        rc = larder_fail(err, LARDER_INVALID,
            "table '%s' is there already and is not Larder's", table->name);
        larder_hint(err,
            "give the source another name, or read the table as it is: "
            "`table: %s` without `schema:`",
            table->name);
        goto out;
    }
    out->exists = found.exists;
    if (!found.exists)
        goto out;
    LARDER_TRY(describe_columns(&found, out, err));
    if (found.owned) {
        LARDER_TRY(describe_batches(link, table->name, out, err));
        goto out;
    }
    LARDER_TRY(guess_rows(link, table->name, &out->n_rows, err));
    if (table->event != NULL && !is_text(&found, table->event) &&
        !is_text(&found, table->created))
        LARDER_TRY(sqlite_table_seekable(link, table->name, table->key,
            table->n_key, table->event, &out->seekable, err));
out:
    sqlite_table_release(&found);
    return rc;
}

static larder_status
describe_query(sqlite_link *link, const char *query, larder_described *out,
    larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(sqlite_prepare_user(link, query, &statement, err));
    out->exists = true;
    for (int i = 0; i < sqlite3_column_count(statement); i++)
        LARDER_TRY(larder_described_add(out, sqlite3_column_name(statement, i),
            sqlite_declared(sqlite3_column_decltype(statement, i)), err));
out:
    (void)sqlite3_finalize(statement);
    return rc;
}

larder_status
sqlite_describe(sqlite_history *self, const larder_call *call,
    const larder_table *table, larder_described *out, larder_error *err)
{
    larder_described described = {.newest_event = LARDER_TIME_MIN};
    sqlite_link link = {0};
    larder_status rc = LARDER_OK;

    self->store.main.call = call;
    if (table->query == NULL) {
        LARDER_TRY(describe_table(&self->store.main, table, &described, err));
    } else {
        LARDER_TRY(sqlite_link_open(&self->store, &link, call, err));
        LARDER_TRY(describe_query(&link, table->query, &described, err));
    }
    *out = described;
    described = (larder_described){0};
out:
    larder_described_release(&described);
    sqlite_link_close(&link);
    return rc;
}
