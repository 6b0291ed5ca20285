/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_create.c - owned tables of history: make, widen, remove.
 */
#include "sql.h"
#include "sqlite_table.h"

/* ------------------------------------------------------------ make, widen */

/* Names that SQLite or this store keeps for itself. */
static larder_status
check_names(const larder_table *table, larder_error *err)
{
    if (sqlite3_strnicmp(table->name, "_larder_", 8) == 0 ||
        sqlite3_strnicmp(table->name, "sqlite_", 7) == 0)
        return larder_fail(err, LARDER_INVALID,
            "table '%s': names that begin with '%.*s' are kept by the store",
            table->name, table->name[0] == '_' ? 8 : 7, table->name);
    for (size_t i = 0; i < table->schema->n_fields; i++) {
        const char *name = table->schema->fields[i].name;

        if (sqlite_same_name(name, "_arrival") ||
            sqlite_same_name(name, "_digest"))
            return larder_fail(err, LARDER_INVALID,
                "table '%s': the name of column '%s' is kept by the store",
                table->name, name);
    }
    return LARDER_OK;
}

/* The clustering: key, event, created, digest. `descending` for DDL. */
static void
add_cluster(sql_text *sql, const larder_table *table)
{
    sql_names(sql, "", table->key, table->n_key, "");
    sql_add(sql, "%s", table->n_key == 0 ? "" : ", ");
    sql_name(sql, table->event);
    sql_add(sql, " DESC, ");
    if (table->created != NULL) {
        sql_name(sql, table->created);
        sql_add(sql, " DESC, ");
    }
    sql_add(sql, "_digest");
}

/* "_larder_TABLE(COLUMN,COLUMN)": no other index can be called so. */
static larder_status
name_index(sql_text *name, const char *table, const char *const *columns,
    size_t n_columns, larder_error *err)
{
    sql_add(name, "_larder_%s(", table);
    for (size_t i = 0; i < n_columns; i++)
        sql_add(name, "%s%s", i == 0 ? "" : ",", columns[i]);
    sql_add(name, ")");
    return sql_finish(name, err);
}

static larder_status
make_table(sqlite_link *link, const larder_table *table, larder_error *err)
{
    static const char *const arrival[] = {"_arrival"};
    sql_text sql = {0}, name = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(name_index(&name, table->name, arrival, 1, err));
    sql_add(&sql, "CREATE TABLE ");
    sql_name(&sql, table->name);
    sql_add(&sql, "(");
    for (size_t i = 0; i < table->schema->n_fields; i++) {
        sql_name(&sql, table->schema->fields[i].name);
        sql_add(&sql, " %s, ", sqlite_declare(table->schema->fields[i].type));
    }
    /* NOT NULL on a column outside the key of such a table would make SQLite
     * 3.40's integrity_check cry wolf. */
    sql_add(&sql, "_arrival INTEGER, _digest INTEGER NOT NULL, PRIMARY KEY(");
    add_cluster(&sql, table);
    sql_add(&sql, ")) WITHOUT ROWID; CREATE INDEX ");
    sql_name(&sql, name.text);
    sql_add(&sql, " ON ");
    sql_name(&sql, table->name);
    sql_add(&sql, "(_arrival) WHERE _arrival & 1");
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(sqlite_run(link, sql.text, err));
out:
    sql_release(&name);
    sql_release(&sql);
    return rc;
}

/* Is the table clustered as the definition wants it? */
static bool
same_cluster(const sqlite_table *found, const larder_table *table)
{
    int64_t place = 1;
    const char *last[] = {table->event, table->created, "_digest"};
    size_t n_in_key = 0;

    for (size_t i = 0; i < found->n_columns; i++)
        n_in_key += found->columns[i].in_key != 0;
    for (size_t i = 0; i < table->n_key + 3; i++) {
        const char *name =
            i < table->n_key ? table->key[i] : last[i - table->n_key];
        const sqlite_column *column;

        if (name == NULL)
            continue;
        column = sqlite_table_find(found, name);
        if (column == NULL || column->in_key != place++)
            return false;
    }
    return n_in_key == (size_t)place - 1;
}

static larder_status
refuse_cluster(
    const sqlite_table *found, const larder_table *table, larder_error *err)
{
    sql_text words = {0};
    larder_status rc = LARDER_OK;

    for (int64_t place = 1; place <= (int64_t)found->n_columns; place++)
        for (size_t i = 0; i < found->n_columns; i++)
            if (found->columns[i].in_key == place &&
                !sqlite_same_name(found->columns[i].name, "_digest"))
                sql_add(&words, "%s%s", place == 1 ? "" : ", ",
                    found->columns[i].name);
    LARDER_TRY(sql_finish(&words, err));
    rc = larder_fail(err, LARDER_INVALID,
        "table '%s' is ordered by (%s): key, time and created columns of a "
        "table with rows cannot change",
        table->name, words.text);
    larder_hint(err,
        "set `key:` and the time columns as they were, or give the source "
        "another name and ingest again");
out:
    sql_release(&words);
    return rc;
}

static larder_status
add_one_column(sqlite_link *link, const char *table, const larder_field *field,
    larder_error *err)
{
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    sql_add(&sql, "ALTER TABLE ");
    sql_name(&sql, table);
    sql_add(&sql, " ADD COLUMN ");
    sql_name(&sql, field->name);
    sql_add(&sql, " %s", sqlite_declare(field->type));
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(sqlite_run(link, sql.text, err));
out:
    sql_release(&sql);
    return rc;
}

static larder_status
widen_table(sqlite_link *link, const sqlite_table *found,
    const larder_table *table, larder_error *err)
{
    if (!found->owned) {
        (void)larder_fail(err, LARDER_INVALID,
            "table '%s' is there already and is not Larder's", table->name);
        larder_hint(err, "give the source another name");
        return LARDER_INVALID;
    }
    if (!same_cluster(found, table))
        return refuse_cluster(found, table, err);
    for (size_t i = 0; i < table->schema->n_fields; i++) {
        const larder_field *field = &table->schema->fields[i];
        const sqlite_column *column = sqlite_table_find(found, field->name);
        larder_status rc = LARDER_OK;

        if (column == NULL) {
            rc = add_one_column(link, table->name, field, err);
        } else if (column->type != field->type) {
            rc = larder_fail(err, LARDER_INVALID,
                "table '%s', column '%s' holds %s; it cannot become %s",
                table->name, field->name, larder_type_name(column->type),
                larder_type_name(field->type));
            larder_hint(err, "give the new column another name");
        }
        if (rc != LARDER_OK)
            return rc;
    }
    return LARDER_OK;
}

static larder_status
make_index(sqlite_link *link, const larder_table *table,
    const char *const *columns, size_t n_columns, larder_error *err)
{
    sql_text sql = {0}, name = {0};
    larder_status rc = LARDER_OK;
    bool there = false;

    LARDER_TRY(sqlite_table_seekable(
        link, table->name, columns, n_columns, table->event, &there, err));
    if (there)
        goto out;
    LARDER_TRY(name_index(&name, table->name, columns, n_columns, err));
    sql_add(&sql, "CREATE INDEX IF NOT EXISTS ");
    sql_name(&sql, name.text);
    sql_add(&sql, " ON ");
    sql_name(&sql, table->name);
    sql_add(&sql, "(");
    sql_names(&sql, "", columns, n_columns, "");
    sql_add(&sql, "%s", n_columns == 0 ? "" : ", ");
    sql_name(&sql, table->event);
    sql_add(&sql, " DESC");
    if (table->created != NULL) {
        sql_add(&sql, ", ");
        sql_name(&sql, table->created);
        sql_add(&sql, " DESC");
    }
    sql_add(&sql, ")");
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(sqlite_run(link, sql.text, err));
out:
    sql_release(&name);
    sql_release(&sql);
    return rc;
}

larder_status
sqlite_create(sqlite_history *self, const larder_call *call,
    const larder_table *table, const char *const *const *indexes,
    const size_t *n_index_columns, size_t n_indexes, larder_error *err)
{
    sqlite_link *link = &self->store.main;
    sqlite_table found = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(check_names(table, err));
    LARDER_TRY(sqlite_write_begin(&self->store, call, err));
    LARDER_TRY(sqlite_run(link,
        "CREATE TABLE IF NOT EXISTS _larder_batches("
        "arrival INTEGER PRIMARY KEY, table_name TEXT NOT NULL,"
        " n_rows INTEGER NOT NULL, min_event TIMESTAMP, max_event TIMESTAMP,"
        " applied TIMESTAMP)",
        err));
    LARDER_TRY(sqlite_table_load(link, table->name, &found, err));
    if (found.exists)
        LARDER_TRY(widen_table(link, &found, table, err));
    else
        LARDER_TRY(make_table(link, table, err));
    for (size_t i = 0; i < n_indexes; i++)
        LARDER_TRY(
            make_index(link, table, indexes[i], n_index_columns[i], err));
    LARDER_TRY(sqlite_write_commit(&self->store, err));
out:
    sqlite_table_release(&found);
    sqlite_write_undo(&self->store);
    return rc;
}

/* ------------------------------------------------------------------ remove */

static larder_status
drop_table(sqlite_link *link, const char *name, larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    sql_add(&sql, "DROP TABLE ");
    sql_name(&sql, name);
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(sqlite_run(link, sql.text, err));
    LARDER_TRY(sqlite_prepare(link,
        "DELETE FROM _larder_batches WHERE table_name = ?1", &statement, err));
    (void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    LARDER_TRY(sqlite_execute(link, statement, err));
out:
    (void)sqlite3_finalize(statement);
    sql_release(&sql);
    return rc;
}

larder_status
sqlite_remove(sqlite_history *self, const larder_call *call,
    const larder_table *table, larder_error *err)
{
    sqlite_link *link = &self->store.main;
    sqlite_table found = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(sqlite_write_begin(&self->store, call, err));
    LARDER_TRY(sqlite_table_load(link, table->name, &found, err));
    if (found.exists && !found.owned)
        rc = larder_fail(err, LARDER_INVALID,
            "table '%s' is not Larder's and stays", table->name);
    else if (found.exists)
        rc = drop_table(link, table->name, err);
    if (rc == LARDER_OK)
        rc = sqlite_write_commit(&self->store, err);
out:
    sqlite_table_release(&found);
    sqlite_write_undo(&self->store);
    return rc;
}
