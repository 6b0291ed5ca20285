/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_shape.c - which column of a statement becomes which column of ours.
 */
#include "sql.h"
#include "sqlite_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static larder_status
out_of_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory");
}

void
sqlite_shape_release(sqlite_shape *shape)
{
    for (size_t i = 0; shape->cells != NULL && i < shape->schema.n_fields; i++)
        free(shape->cells[i].name);
    free(shape->cells);
    free(shape->fields);
    free(shape->table);
    *shape = (sqlite_shape){0};
}

static sqlite_plain
plain_of(const sqlite_shape *shape, larder_type type, sqlite_role role)
{
    if (!shape->owned)
        return PLAIN_NOT;
    if (role == ROLE_CREATED)
        return PLAIN_CREATED;
    if (type == LARDER_INT64 || type == LARDER_TIMESTAMP)
        return PLAIN_INTEGER;
    return type == LARDER_FLOAT64 ? PLAIN_REAL : PLAIN_NOT;
}

/* The next cell; `field` is its column's name for the reader of the stream,
 * NULL: the same. */
static larder_status
add_cell(sqlite_shape *shape, const char *field, const char *name,
    larder_type type, sqlite_role role, larder_error *err)
{
    size_t at = shape->schema.n_fields;
    char *copy = strdup(name == NULL ? field : name);

    if (copy == NULL)
        return out_of_memory(err);
    shape->cells[at] = (sqlite_cell){.name = copy,
        .type = type,
        .role = role,
        .plain = plain_of(shape, type, role),
        .absent = name == NULL,
        .index = -1};
    shape->fields[at] =
        (larder_field){.name = field == NULL ? copy : field, .type = type};
    shape->schema.n_fields++;
    return LARDER_OK;
}

static larder_status
add_key(sqlite_shape *shape, const larder_schema *schema, const char *name,
    larder_error *err)
{
    for (size_t i = 0; i < schema->n_fields; i++)
        if (sqlite_same_name(schema->fields[i].name, name))
            return add_cell(
                shape, NULL, name, schema->fields[i].type, ROLE_VALUE, err);
    return larder_fail(err, LARDER_INVALID,
        "%s: its schema has no key column '%s'", shape->table, name);
}

static larder_status
name_table(sqlite_shape *shape, const larder_table *table, larder_error *err)
{
    const char *name = table->name == NULL ? "" : table->name;
    size_t room = strlen(name) + sizeof "table ''";

    shape->table = malloc(room);
    if (shape->table == NULL)
        return out_of_memory(err);
    if (table->query != NULL)
        (void)snprintf(shape->table, room, "the query");
    else
        (void)snprintf(shape->table, room, "table '%s'", name);
    return LARDER_OK;
}

/* In a table of ours the created column has its null in its own way, whatever
 * it is read as. */
static sqlite_role
value_role(const larder_table *table, const larder_field *column)
{
    return table->owned && table->created != NULL &&
                   column->type == LARDER_TIMESTAMP &&
                   sqlite_same_name(column->name, table->created)
               ? ROLE_CREATED
               : ROLE_VALUE;
}

larder_status
sqlite_shape_init(sqlite_shape *shape, const larder_scan *scan,
    const larder_field *leading, larder_error *err)
{
    const larder_table *table = scan->table;
    size_t n = scan->n_key + scan->n_columns + 3;
    larder_status rc = LARDER_OK;

    *shape = (sqlite_shape){.owned = table->owned,
        .unit = table->unit,
        .naive_offset_minutes = table->naive_offset_minutes,
        .date_is_end_of_day = table->date_is_end_of_day};
    shape->cells = calloc(n, sizeof *shape->cells);
    shape->fields = calloc(n, sizeof *shape->fields);
    if (shape->cells == NULL || shape->fields == NULL) {
        rc = out_of_memory(err);
        goto out;
    }
    shape->schema.fields = shape->fields;
    LARDER_TRY(name_table(shape, table, err));
    if (leading != NULL)
        LARDER_TRY(add_cell(
            shape, leading->name, NULL, leading->type, ROLE_VALUE, err));
    else
        for (size_t i = 0; i < scan->n_key; i++)
            LARDER_TRY(add_key(shape, table->schema, scan->key[i], err));
    shape->first = shape->schema.n_fields;
    LARDER_TRY(add_cell(
        shape, "event", table->event, LARDER_TIMESTAMP, ROLE_EVENT, err));
    LARDER_TRY(add_cell(
        shape, "created", table->created, LARDER_TIMESTAMP, ROLE_CREATED, err));
    for (size_t i = 0; i < scan->n_columns; i++)
        LARDER_TRY(add_cell(shape, NULL, scan->columns[i].name,
            scan->columns[i].type, value_role(table, &scan->columns[i]), err));
out:
    if (rc != LARDER_OK)
        sqlite_shape_release(shape);
    return rc;
}

/* The statement's column of that name, or -1. */
static int
find_column(sqlite3_stmt *statement, const char *name)
{
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        const char *found = sqlite3_column_name(statement, i);

        if (found != NULL && sqlite_same_name(found, name))
            return i;
    }
    return -1;
}

static larder_status
find_in_statement(
    sqlite_shape *shape, sqlite3_stmt *statement, larder_error *err)
{
    for (size_t i = 0; i < shape->schema.n_fields; i++) {
        sqlite_cell *cell = &shape->cells[i];

        if (cell->absent)
            continue;
        cell->index = find_column(statement, cell->name);
        if (cell->index < 0 && !shape->owned)
            return larder_fail(err, LARDER_INVALID, "%s has no column '%s'",
                shape->table, cell->name);
    }
    return LARDER_OK;
}

/* What SELECT * of the table gives, without running it. */
static larder_status
prepare_all(sqlite_shape *shape, sqlite_link *link, const char *name,
    sqlite3_stmt **out, larder_error *err)
{
    sqlite_table found = {0};
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(sqlite_table_load(link, name, &found, err));
    if (!found.exists) {
        rc = larder_fail(
            err, LARDER_NOT_FOUND, "there is no %s in history", shape->table);
        if (shape->owned)
            larder_hint(err, "run `larder apply` first");
        goto out;
    }
    sql_add(&sql, "SELECT * FROM ");
    sql_name(&sql, name);
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(sqlite_prepare(link, sql.text, out, err));
out:
    sqlite_table_release(&found);
    sql_release(&sql);
    return rc;
}

larder_status
sqlite_shape_find(sqlite_shape *shape, sqlite_link *link,
    const larder_table *table, larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    larder_status rc = LARDER_OK;
    int n_listed = 0;

    if (table->query != NULL)
        LARDER_TRY(sqlite_prepare_user(link, table->query, &statement, err));
    else
        LARDER_TRY(prepare_all(shape, link, table->name, &statement, err));
    LARDER_TRY(find_in_statement(shape, statement, err));
    for (size_t i = 0; table->query == NULL && i < shape->schema.n_fields; i++)
        if (shape->cells[i].index >= 0)
            shape->cells[i].index = n_listed++;
out:
    (void)sqlite3_finalize(statement);
    return rc;
}

void
sqlite_shape_list(const sqlite_shape *shape, sql_text *sql)
{
    const char *comma = "";

    for (size_t i = 0; i < shape->schema.n_fields; i++) {
        if (shape->cells[i].index < 0)
            continue;
        sql_add(sql, "%s", comma);
        sql_name(sql, shape->cells[i].name);
        comma = ", ";
    }
}
