/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_table.c - what a SQLite file says of one table, and of its indexes.
 */
#include "sqlite_table.h"

#include <stdlib.h>
#include <string.h>

bool
sqlite_same_name(const char *a, const char *b)
{
    return sqlite3_stricmp(a, b) == 0;
}

const sqlite_column *
sqlite_table_find(const sqlite_table *table, const char *name)
{
    for (size_t i = 0; i < table->n_columns; i++)
        if (sqlite_same_name(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

void
sqlite_table_release(sqlite_table *table)
{
    for (size_t i = 0; i < table->n_columns; i++)
        free(table->columns[i].name);
    free(table->columns);
    *table = (sqlite_table){0};
}

static larder_status
out_of_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory");
}

/* Take over the statement's row: name, declaration, place in the key. */
static larder_status
add_column(sqlite_table *table, sqlite3_stmt *statement, larder_error *err)
{
    sqlite_column *grown = realloc(
        table->columns, (table->n_columns + 1) * sizeof *table->columns);
    const char *name = (const char *)sqlite3_column_text(statement, 0);

    if (grown == NULL || name == NULL)
        return out_of_memory(err);
    table->columns = grown;
    grown += table->n_columns;
    *grown = (sqlite_column){.name = strdup(name),
        .type =
            sqlite_declared((const char *)sqlite3_column_text(statement, 1)),
        .in_key = sqlite3_column_int64(statement, 2)};
    if (grown->name == NULL)
        return out_of_memory(err);
    table->n_columns++;
    return LARDER_OK;
}

larder_status
sqlite_table_load(
    sqlite_link *link, const char *name, sqlite_table *out, larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    sqlite_table table = {0};
    larder_status rc = LARDER_OK;
    bool row = false;

    LARDER_TRY(sqlite_prepare(link,
        "SELECT name, type, pk FROM pragma_table_xinfo(?1) WHERE hidden <> 1",
        &statement, err));
    (void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    for (;;) {
        LARDER_TRY(sqlite_step(link, statement, &row, err));
        if (!row)
            break;
        LARDER_TRY(add_column(&table, statement, err));
    }
    table.exists = table.n_columns != 0;
    table.owned = sqlite_table_find(&table, "_digest") != NULL &&
                  sqlite_table_find(&table, "_arrival") != NULL;
    *out = table;
    table = (sqlite_table){0};
out:
    (void)sqlite3_finalize(statement);
    sqlite_table_release(&table);
    return rc;
}

static bool
is_one_of(const char *name, const char *const *names, size_t n_names)
{
    for (size_t i = 0; i < n_names; i++)
        if (sqlite_same_name(name, names[i]))
            return true;
    return false;
}

larder_status
sqlite_table_seekable(sqlite_link *link, const char *table,
    const char *const *key, size_t n_key, const char *event, bool *out,
    larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    larder_status rc = LARDER_OK;
    bool row = false, fits = false, found = false;

    LARDER_TRY(sqlite_prepare(link,
        "SELECT i.seqno, i.name, i.coll FROM pragma_index_list(?1) l,"
        " pragma_index_xinfo(l.name) i WHERE NOT l.partial AND i.key"
        " ORDER BY l.seq, i.seqno",
        &statement, err));
    (void)sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
    while (!found) {
        const char *name, *collation;
        size_t place;

        LARDER_TRY(sqlite_step(link, statement, &row, err));
        if (!row)
            break;
        place = (size_t)sqlite3_column_int64(statement, 0);
        name = (const char *)sqlite3_column_text(statement, 1);
        collation = (const char *)sqlite3_column_text(statement, 2);
        if (place == 0)
            fits = true;
        if (name == NULL || collation == NULL ||
            !sqlite_same_name(collation, "BINARY"))
            fits = false;
        else if (place < n_key)
            fits = fits && is_one_of(name, key, n_key);
        else if (place == n_key)
            found = fits && sqlite_same_name(name, event);
    }
    *out = found;
out:
    (void)sqlite3_finalize(statement);
    return rc;
}

larder_status
sqlite_table_leads(sqlite_link *link, const char *table, const char *column,
    bool *out, larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(sqlite_prepare(link,
        "SELECT 1 FROM pragma_index_list(?1) l, pragma_index_xinfo(l.name) i"
        " WHERE NOT l.partial AND i.seqno = 0 AND i.coll = 'BINARY'"
        " AND i.name = ?2 COLLATE NOCASE",
        &statement, err));
    (void)sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(statement, 2, column, -1, SQLITE_STATIC);
    LARDER_TRY(sqlite_step(link, statement, out, err));
out:
    (void)sqlite3_finalize(statement);
    return rc;
}
