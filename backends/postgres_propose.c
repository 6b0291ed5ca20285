/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_propose.c - the statement that makes the index a join would seek in.
 */
#include "postgres_cells.h"
#include "postgres_wire.h"

static const larder_field leading = {"spine", LARDER_INT64};

/* Views and foreign tables have no indexes. */
static larder_status
find_kind(postgres_link *link, Oid number, char *out, larder_error *err)
{
    char text[32];
    postgres_value value = {.type = 26, .bytes = text};
    PGresult *result = NULL;
    larder_status rc;

    postgres_put32(text, number);
    value.size = 4;
    LARDER_TRY(postgres_query(link,
        "SELECT relkind FROM pg_catalog.pg_class WHERE oid = $1", &value, 1,
        true, &result, err));
    *out = PQntuples(result) == 1 ? PQgetvalue(result, 0, 0)[0] : '\0';
out:
    PQclear(result);
    return rc;
}

/* CONCURRENTLY lets writers go on; a table in partitions has no such way. */
static larder_status
add_index(const larder_table *table, const postgres_shape *shape, char kind,
    char **out, larder_error *err)
{
    sql_text sql = {0};
    larder_status rc;

    sql_add(&sql, "CREATE INDEX %sON %s (", kind == 'p' ? "" : "CONCURRENTLY ",
        shape->table.from);
    for (size_t i = 0; i < table->n_key; i++) {
        sql_name(&sql, shape->keys[i].column->name);
        sql_add(&sql, ", ");
    }
    sql_name(&sql, shape->cells[shape->first].column->name);
    sql_add(&sql, " DESC");
    if (shape->cells[shape->first + 1].column != NULL) {
        sql_add(&sql, ", ");
        sql_name(&sql, shape->cells[shape->first + 1].column->name);
        sql_add(&sql, " DESC NULLS LAST");
    }
    sql_add(&sql, ")");
    rc = sql_finish(&sql, err);
    if (rc == LARDER_OK) {
        *out = sql.text;
        sql = (sql_text){0};
    }
    sql_release(&sql);
    return rc;
}

larder_status
postgres_propose(postgres_history *self, const larder_call *call,
    const larder_table *table, char **out, larder_error *err)
{
    larder_scan scan = {
        .table = table, .key = table->key, .n_key = table->n_key};
    postgres_shape shape = {0};
    char kind = '\0';
    larder_status rc;

    LARDER_TRY(postgres_begin(&self->main, POSTGRES_READ, call, err));
    LARDER_TRY(postgres_shape_init(&shape, &self->main, &scan, &leading, err));
    if (!shape.table.is_query && postgres_shape_comparable(&shape))
        LARDER_TRY(find_kind(&self->main, shape.table.number, &kind, err));
    if (kind == 'r' || kind == 'p' || kind == 'm')
        LARDER_TRY(add_index(table, &shape, kind, out, err));
out:
    postgres_undo(&self->main);
    postgres_shape_release(&shape);
    return rc;
}
