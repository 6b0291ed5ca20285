/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_shape.c - a table as Larder reads it, and how that is said in SQL.
 */
#include "postgres_shape.h"

#include <stdlib.h>
#include <string.h>

#define LISTS ((unsigned)LARDER_LIST)

static larder_status
out_of_memory(larder_error *err)
{
    return larder_fail(err, LARDER_NOMEM, "out of memory");
}

void
postgres_shape_release(postgres_shape *shape)
{
    for (size_t i = 0; shape->names != NULL && i < shape->schema.n_fields; i++)
        free(shape->names[i]);
    free(shape->names);
    free(shape->fields);
    free(shape->cells);
    free(shape->keys);
    postgres_table_release(&shape->table);
    *shape = (postgres_shape){0};
}

/* ------------------------------------------------------------------- cells */

/* How a SELECT gives a column where the type wanted is this: what stands before
 * the name and after it, and the type of the outcome. */
typedef struct said {
    const char *before, *after;
    Oid given;
} said;

static said
say_list(const postgres_column *column)
{
    if (column->family == POSTGRES_ARRAY)
        return postgres_family_of(postgres_item_of(column->type)) ==
                       POSTGRES_NUMERIC
                   ? (said){"", "::pg_catalog.float8[]", 1022}
                   : (said){"", "", column->type};
    return column->family == POSTGRES_TEXT
               ? (said){"", "", column->type}
               : (said){"", "::pg_catalog.text", 25};
}

static said
say(const postgres_column *column, larder_type type)
{
    bool naive =
        column->family == POSTGRES_NAIVE || column->family == POSTGRES_DATE;

    if (((unsigned)type & LISTS) != 0)
        return say_list(column);
    if (column->family == POSTGRES_NUMERIC && type == LARDER_TIMESTAMP)
        return (said){"", "::pg_catalog.float8", 701};
    if (column->family == POSTGRES_NUMERIC && type != LARDER_STRING &&
        type != LARDER_FLOAT32 && type != LARDER_FLOAT64)
        return (said){"pg_catalog.trim_scale(", ")::pg_catalog.text", 25};
    if (column->family == POSTGRES_NUMERIC ||
        column->family == POSTGRES_OTHER || (naive && type == LARDER_STRING))
        return (said){"", "::pg_catalog.text", 25};
    return (said){"", "", column->type};
}

Oid
postgres_shape_given(const postgres_column *column, larder_type type)
{
    return say(column, type).given;
}

/* Look the column up. A user's must be there. */
static larder_status
find_column(const postgres_shape *shape, const char *name, larder_type type,
    postgres_role role, postgres_cell *cell, larder_error *err)
{
    *cell = (postgres_cell){.type = type, .role = role, .index = -1};
    if (name == NULL)
        return LARDER_OK;
    cell->column = postgres_table_find(&shape->table, name);
    if (cell->column == NULL && !shape->table.owned)
        return larder_fail(err, LARDER_INVALID, "%s has no column '%s'",
            shape->table.words, name);
    if (cell->column != NULL)
        cell->given = say(cell->column, type).given;
    return LARDER_OK;
}

static larder_status
add_cell(postgres_shape *shape, const char *field, const postgres_cell *cell,
    larder_error *err)
{
    size_t at = shape->schema.n_fields;

    shape->names[at] = strdup(field);
    if (shape->names[at] == NULL)
        return out_of_memory(err);
    shape->fields[at] = (larder_field){shape->names[at], cell->type};
    shape->cells[at] = *cell;
    shape->schema.n_fields++;
    return LARDER_OK;
}

static larder_status
find_and_add(postgres_shape *shape, const char *field, const char *name,
    larder_type type, postgres_role role, larder_error *err)
{
    postgres_cell cell;
    larder_status rc = find_column(shape, name, type, role, &cell, err);

    return rc == LARDER_OK ? add_cell(shape, field, &cell, err) : rc;
}

static larder_status
find_keys(postgres_shape *shape, const larder_scan *scan, larder_error *err)
{
    const larder_schema *schema = scan->table->schema;

    for (size_t i = 0; i < scan->n_key; i++) {
        const char *name = scan->key[i];
        size_t at = 0;
        larder_status rc;

        while (at < schema->n_fields &&
               !postgres_same_name(schema->fields[at].name, name))
            at++;
        if (at == schema->n_fields)
            return larder_fail(err, LARDER_INVALID,
                "%s: its schema has no key column '%s'", shape->table.words,
                name);
        rc = find_column(shape, name, schema->fields[at].type, POSTGRES_KEY,
            &shape->keys[i], err);
        if (rc != LARDER_OK)
            return rc;
        shape->n_keys++;
    }
    return LARDER_OK;
}

static larder_status
add_cells(postgres_shape *shape, const larder_scan *scan,
    const larder_field *leading, larder_error *err)
{
    const larder_table *table = scan->table;
    larder_status rc = LARDER_OK;

    LARDER_TRY(find_keys(shape, scan, err));
    if (leading != NULL)
        LARDER_TRY(find_and_add(
            shape, leading->name, NULL, leading->type, POSTGRES_FEATURE, err));
    for (size_t i = 0; leading == NULL && i < scan->n_key; i++)
        LARDER_TRY(add_cell(shape, scan->key[i], &shape->keys[i], err));
    shape->first = shape->schema.n_fields;
    LARDER_TRY(find_and_add(
        shape, "event", table->event, LARDER_TIMESTAMP, POSTGRES_EVENT, err));
    LARDER_TRY(find_and_add(shape, "created", table->created, LARDER_TIMESTAMP,
        POSTGRES_CREATED, err));
    for (size_t i = 0; i < scan->n_columns; i++)
        LARDER_TRY(
            find_and_add(shape, scan->columns[i].name, scan->columns[i].name,
                scan->columns[i].type, POSTGRES_FEATURE, err));
out:
    return rc;
}

/* Number the cells as the list gives them. */
static void
number_cells(postgres_shape *shape, bool leading)
{
    int next = 0;

    for (size_t i = 0; i < shape->schema.n_fields; i++)
        if (shape->cells[i].column != NULL || (leading && i == 0))
            shape->cells[i].index = next++;
    if (leading)
        shape->cells[0].given = 20;
}

/* -------------------------------------------------------------------- init */

static larder_status
check_table(const postgres_shape *shape, bool owned, larder_error *err)
{
    larder_status rc;

    if (!shape->table.exists) {
        rc = larder_fail(err, LARDER_NOT_FOUND, "there is no %s in history",
            shape->table.words);
        if (owned)
            larder_hint(err, "run `larder apply` first");
        return rc;
    }
    if (shape->table.owned && shape->table.hidden) {
        rc = larder_fail(err, LARDER_UNAVAILABLE,
            "%s: row level security hides its rows from this role",
            shape->table.words);
        larder_hint(
            err, "connect as the table's owner, or as a role with BYPASSRLS");
        return rc;
    }
    return LARDER_OK;
}

/* Times without a zone are told before any row is read. */
static larder_status
check_times(const postgres_shape *shape, larder_error *err)
{
    for (size_t i = shape->first; i < shape->first + 2; i++) {
        const postgres_column *column = shape->cells[i].column;

        if (column == NULL || (column->family != POSTGRES_NAIVE &&
                                  column->family != POSTGRES_DATE))
            continue;
        if (shape->naive_offset_minutes != LARDER_NAIVE_REFUSED)
            continue;
        (void)larder_fail(err, LARDER_INVALID,
            "%s, column '%s' holds times without a zone", shape->table.words,
            column->name);
        larder_hint(err, "say which zone in the source: `timezone: UTC`");
        return LARDER_INVALID;
    }
    return LARDER_OK;
}

larder_status
postgres_shape_init(postgres_shape *out, postgres_link *link,
    const larder_scan *scan, const larder_field *leading, larder_error *err)
{
    const larder_table *table = scan->table;
    size_t n = scan->n_key + scan->n_columns + 3;
    postgres_shape shape = {.unit = table->unit,
        .naive_offset_minutes = table->naive_offset_minutes,
        .date_is_end_of_day = table->date_is_end_of_day};
    larder_status rc = LARDER_OK;

    shape.cells = calloc(n, sizeof *shape.cells);
    shape.keys = calloc(scan->n_key + 1, sizeof *shape.keys);
    shape.fields = calloc(n, sizeof *shape.fields);
    shape.names = calloc(n, sizeof(char *));
    if (shape.cells == NULL || shape.keys == NULL || shape.fields == NULL ||
        shape.names == NULL) {
        rc = out_of_memory(err);
        goto out;
    }
    shape.schema.fields = shape.fields;
    LARDER_TRY(postgres_table_load(link, table, &shape.table, err));
    LARDER_TRY(check_table(&shape, table->owned, err));
    LARDER_TRY(add_cells(&shape, scan, leading, err));
    LARDER_TRY(check_times(&shape, err));
    number_cells(&shape, leading != NULL);
    *out = shape;
    shape = (postgres_shape){0};
out:
    postgres_shape_release(&shape);
    return rc;
}

larder_status
postgres_shape_read(postgres_shape *shape, postgres_history *self,
    const larder_call *call, const larder_scan *scan,
    const larder_field *leading, larder_error *err)
{
    postgres_snapshot *snapshot = &self->snapshot;
    larder_status rc;

    (void)pthread_mutex_lock(&snapshot->lock);
    snapshot->link.call = call;
    rc = postgres_shape_init(shape, &snapshot->link, scan, leading, err);
    (void)pthread_mutex_unlock(&snapshot->lock);
    return rc;
}

/* --------------------------------------------------------------------- SQL */

void
postgres_shape_name(const postgres_cell *cell, const char *alias, sql_text *sql)
{
    sql_add(sql, "%s.", alias);
    sql_name(sql, cell->column->name);
}

void
postgres_shape_list(
    const postgres_shape *shape, const char *alias, sql_text *sql)
{
    const char *comma = "";

    for (size_t i = 0; i < shape->schema.n_fields; i++) {
        const postgres_cell *cell = &shape->cells[i];
        said how;

        if (cell->column == NULL)
            continue;
        how = say(cell->column, cell->type);
        sql_add(sql, "%s%s", comma, how.before);
        postgres_shape_name(cell, alias, sql);
        sql_add(sql, "%s", how.after);
        comma = ", ";
    }
}

/* Times that SQL compares as we do: floored ones it would tell apart. */
static bool
is_comparable_time(const postgres_shape *shape, const postgres_cell *cell)
{
    if (cell->column == NULL)
        return true;
    if (cell->column->family == POSTGRES_INTEGER)
        return shape->unit != LARDER_UNIT_NS;
    return cell->column->family == POSTGRES_ZONED ||
           cell->column->family == POSTGRES_NAIVE ||
           cell->column->family == POSTGRES_DATE;
}

static bool
is_comparable_key(const postgres_cell *cell)
{
    if (cell->column == NULL)
        return false;
    switch ((int)cell->type) {
    case LARDER_BOOL:
        return cell->column->family == POSTGRES_BOOL;
    case LARDER_INT32:
    case LARDER_INT64:
        return cell->column->family == POSTGRES_INTEGER;
    case LARDER_STRING:
        return cell->column->family == POSTGRES_TEXT;
    case LARDER_BYTES:
        return cell->column->family == POSTGRES_BYTES;
    case LARDER_TIMESTAMP:
        return cell->column->family == POSTGRES_ZONED;
    default:
        return false;
    }
}

bool
postgres_shape_comparable(const postgres_shape *shape)
{
    for (size_t i = 0; i < shape->n_keys; i++)
        if (!is_comparable_key(&shape->keys[i]))
            return false;
    return shape->cells[shape->first].column != NULL &&
           is_comparable_time(shape, &shape->cells[shape->first]) &&
           is_comparable_time(shape, &shape->cells[shape->first + 1]);
}

void
postgres_shape_newest(
    const postgres_shape *shape, const char *alias, sql_text *sql)
{
    const postgres_cell *event = &shape->cells[shape->first];

    postgres_shape_name(event, alias, sql);
    sql_add(sql, " DESC");
    if (event[1].column == NULL)
        return;
    sql_add(sql, ", ");
    postgres_shape_name(event + 1, alias, sql);
    sql_add(sql, " DESC NULLS LAST");
}

void
postgres_shape_key(
    const postgres_shape *shape, size_t key, const char *alias, sql_text *sql)
{
    const postgres_cell *cell = &shape->keys[key];

    postgres_shape_name(cell, alias, sql);
    if (cell->column->family == POSTGRES_TEXT && !cell->column->ordered)
        sql_add(sql, " COLLATE pg_catalog.\"C\"");
}

/* An index of a user's has its nulls last: where there are none, that serves.
 */
void
postgres_shape_order(
    const postgres_shape *shape, const char *alias, sql_text *sql)
{
    for (size_t i = 0; i < shape->n_keys; i++) {
        bool nulls = shape->table.owned || !shape->keys[i].column->not_null;

        postgres_shape_key(shape, i, alias, sql);
        sql_add(sql, nulls ? " NULLS FIRST, " : ", ");
    }
    postgres_shape_newest(shape, alias, sql);
}

/* ------------------------------------------------------------------ moments */

Oid
postgres_shape_time_type(const postgres_cell *cell)
{
    if (cell->column == NULL)
        return 0;
    switch ((int)cell->column->family) {
    case POSTGRES_ZONED:
        return 1184;
    case POSTGRES_NAIVE:
        return 1114;
    case POSTGRES_DATE:
        return 1082;
    case POSTGRES_INTEGER:
        return 20;
    default:
        return 0;
    }
}

static int64_t
floor_of(int64_t value, int64_t factor)
{
    return value / factor - (value % factor < 0);
}

/* The greatest integer of a unit at or before a moment. */
static int64_t
greatest_integer(larder_time_unit unit, larder_time time)
{
    switch (unit) {
    case LARDER_UNIT_US:
        return time;
    case LARDER_UNIT_S:
        return floor_of(time, 1000000);
    case LARDER_UNIT_MS:
        return floor_of(time, 1000);
    case LARDER_UNIT_NS:
        break;
    }
    return time < INT64_MIN / 1000           ? INT64_MIN
           : time > (INT64_MAX - 999) / 1000 ? INT64_MAX
                                             : time * 1000 + 999;
}

static int
put(unsigned char out[8], uint64_t value, int size)
{
    for (int i = size; i-- > 0; value >>= 8)
        out[i] = (unsigned char)value;
    return size;
}

int
postgres_shape_greatest(const postgres_shape *shape, const postgres_cell *cell,
    larder_time time, unsigned char out[8])
{
    const int64_t epoch = INT64_C(946684800000000);
    const int64_t day = INT64_C(86400000000);
    int64_t local = time - epoch;

    if (cell->column->family == POSTGRES_INTEGER)
        return put(out, (uint64_t)greatest_integer(shape->unit, time), 8);
    if (cell->column->family == POSTGRES_ZONED)
        return put(out, (uint64_t)local, 8);
    local += (int64_t)shape->naive_offset_minutes * 60000000;
    if (cell->column->family == POSTGRES_NAIVE)
        return put(out, (uint64_t)local, 8);
    if (shape->date_is_end_of_day && cell->role != POSTGRES_FEATURE)
        local -= day - 1;
    return put(out, (uint64_t)floor_of(local, day), 4);
}

/* The least value at or after a moment is the one after the greatest that is
 * before it: all of these types are whole numbers. */
int
postgres_shape_least(const postgres_shape *shape, const postgres_cell *cell,
    larder_time time, unsigned char out[8])
{
    int size = postgres_shape_greatest(shape, cell, time - 1, out);
    bool ends =
        cell->column->family == POSTGRES_INTEGER &&
        shape->unit == LARDER_UNIT_NS &&
        (time - 1 < INT64_MIN / 1000 || time - 1 > (INT64_MAX - 999) / 1000);

    for (int i = size; !ends && i-- > 0;)
        if (++out[i] != 0)
            break;
    return size;
}
