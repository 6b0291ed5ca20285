/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_seekable.c - can SQL find the rows of a key, newest first, by seeking?
 *
 * Of an owned table an index decides. A user's table may hold what SQL compares
 * in another way than Larder, so there each row is looked at first.
 */
#include "sqlite_table.h"

#include <stdlib.h>
#include <string.h>

/* May SQL compare this column of a user's table as Larder would? Integers with
 * integers, text with text. */
static const char *
storage_of(const larder_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->n_fields; i++) {
        if (!sqlite_same_name(schema->fields[i].name, name))
            continue;
        switch ((int)schema->fields[i].type) {
        case LARDER_BOOL:
        case LARDER_INT32:
        case LARDER_INT64:
            return "integer";
        case LARDER_STRING:
            return "text";
        default:
            return NULL;
        }
    }
    return NULL;
}

static void
add_unlike(sql_text *sql, const char *name, const char *storage)
{
    sql_add(sql, "typeof(");
    sql_name(sql, name);
    sql_add(sql, ") NOT IN ('null', '%s')", storage);
}

/* Look at every row of a user's table, once a snapshot: does any hold a key or
 * time that SQL would compare in another way? */
static larder_status
prove_types(sqlite_reader *reader, const larder_scan *scan, bool *out,
    larder_error *err)
{
    const larder_table *table = scan->table;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;
    int64_t unlike = 0;

    *out = false;
    sql_add(&sql, "SELECT 1 FROM ");
    sql_name(&sql, table->name);
    sql_add(&sql, " WHERE ");
    for (size_t i = 0; i < scan->n_key; i++) {
        const char *storage = storage_of(table->schema, scan->key[i]);

        if (storage == NULL)
            goto out;
        add_unlike(&sql, scan->key[i], storage);
        sql_add(&sql, " OR ");
    }
    if (table->created != NULL) {
        add_unlike(&sql, table->created, "integer");
        sql_add(&sql, " OR ");
    }
    add_unlike(&sql, table->event, "integer");
    sql_add(&sql, " LIMIT 1");
    LARDER_TRY(sql_finish(&sql, err));
    *out = reader->proven != NULL && strcmp(reader->proven, sql.text) == 0;
    if (*out)
        goto out;
    LARDER_TRY(sqlite_integer(&reader->link, sql.text, &unlike, err));
    *out = unlike == 0;
    if (*out) {
        free(reader->proven);
        reader->proven = strdup(sql.text);
    }
out:
    sql_release(&sql);
    return rc;
}

larder_status
sqlite_seekable(sqlite_reader *reader, const larder_scan *scan, bool *out,
    larder_error *err)
{
    const larder_table *table = scan->table;
    larder_status rc = LARDER_OK;
    bool can = false;

    if (table->query == NULL)
        LARDER_TRY(sqlite_table_seekable(&reader->link, table->name, scan->key,
            scan->n_key, table->event, &can, err));
    /* Nanoseconds that differ may be one microsecond: order is lost. */
    if (can && !table->owned)
        can = table->unit != LARDER_UNIT_NS;
    if (can && !table->owned)
        LARDER_TRY(prove_types(reader, scan, &can, err));
    *out = can;
out:
    return rc;
}

/* The stored type of each key decides whether an index would be used. */
static larder_status
check_key_types(
    sqlite_link *link, const larder_table *table, bool *out, larder_error *err)
{
    sqlite_table found = {0};
    const sqlite_column *event;
    larder_status rc;

    LARDER_TRY(sqlite_table_load(link, table->name, &found, err));
    event = sqlite_table_find(&found, table->event);
    *out = event != NULL && event->type != LARDER_STRING;
    for (size_t i = 0; i < table->n_key; i++)
        *out = *out && sqlite_table_find(&found, table->key[i]) != NULL &&
               storage_of(table->schema, table->key[i]) != NULL;
out:
    sqlite_table_release(&found);
    return rc;
}

larder_status
sqlite_propose(sqlite_history *self, const larder_call *call,
    const larder_table *table, char **out, larder_error *err)
{
    sql_text sql = {0};
    larder_status rc = LARDER_OK;
    bool helps = false;

    self->store.main.call = call;
    if (!table->owned && table->query == NULL && table->unit != LARDER_UNIT_NS)
        LARDER_TRY(check_key_types(&self->store.main, table, &helps, err));
    if (!helps)
        goto out;
    sql_add(&sql, "CREATE INDEX \"%s_by_key\" ON ", table->name);
    sql_name(&sql, table->name);
    sql_add(&sql, " (");
    for (size_t i = 0; i < table->n_key; i++) {
        sql_name(&sql, table->key[i]);
        sql_add(&sql, ", ");
    }
    sql_name(&sql, table->event);
    sql_add(&sql, ")");
    LARDER_TRY(sql_finish(&sql, err));
    *out = sql.text;
    sql = (sql_text){0};
out:
    sql_release(&sql);
    return rc;
}
