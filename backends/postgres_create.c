/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_create.c - owned tables of history: make, widen, remove.
 *
 * All of one call is one transaction. Nobody but the owner has a right to what
 * is made, whatever the database's default privileges say, and row level
 * security is on without a policy.
 */
#include "postgres_table.h"

#include <string.h>

/* How long a change waits for those who read or write the table. */
#define PATIENCE "30s"
#define SHORT_PATIENCE "500ms"

typedef struct making {
    postgres_history *self;
    const larder_table *table;
    const char *const *const *indexes;
    const size_t *n_index_columns;
    size_t n_indexes;
} making;

/* ------------------------------------------------------------------- shared */

static larder_status
run(postgres_link *link, sql_text *sql, larder_error *err)
{
    larder_status rc = sql_finish(sql, err);

    if (rc == LARDER_OK)
        rc = postgres_run(link, sql->text, err);
    sql_release(sql);
    return rc;
}

/* Who holds the table is not ours to know; that somebody does is. */
static larder_status
say_busy(const larder_table *table, larder_status rc, larder_error *err)
{
    if (rc != LARDER_BUSY)
        return rc;
    (void)larder_fail(err, LARDER_BUSY,
        "table '%s' is being read or written by another transaction",
        table->name);
    larder_hint(err, "let that one end, then repeat the command");
    return LARDER_BUSY;
}

/* "schema"."name" */
static void
add_table(sql_text *sql, const postgres_link *link, const char *name)
{
    sql_name(sql, link->options->schema);
    sql_add(sql, ".");
    sql_name(sql, name);
}

/* The schema, and the table of appends. Programs that make them at the same
 * time do it one after the other. */
static larder_status
make_ground(postgres_link *link, larder_error *err)
{
    const char *schema = link->options->schema;
    const postgres_value value = {25, schema, (int)strlen(schema)};
    PGresult *found = NULL;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(postgres_schema_make(link, err));
    LARDER_TRY(postgres_query(link,
        "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
        " ON n.oid = c.relnamespace"
        " WHERE n.nspname = $1 AND c.relname = '_larder_batches'",
        &value, 1, false, &found, err));
    if (PQntuples(found) != 0)
        goto out;
    sql_add(&sql, "CREATE TABLE ");
    add_table(&sql, link, "_larder_batches");
    sql_add(&sql,
        "(table_name text COLLATE pg_catalog.\"C\" NOT NULL,"
        " arrival bigint NOT NULL, base bigint NOT NULL,"
        " n_rows bigint NOT NULL, min_event timestamptz, max_event timestamptz,"
        " applied timestamptz, PRIMARY KEY (table_name, arrival))");
    LARDER_TRY(run(link, &sql, err));
    LARDER_TRY(postgres_protect(link, "_larder_batches", err));
out:
    PQclear(found);
    sql_release(&sql);
    return rc;
}

/* ------------------------------------------------------------- make, widen */

/* Names that this store keeps for itself. */
static larder_status
check_names(const larder_table *table, larder_error *err)
{
    char head[9] = "";

    strncpy(head, table->name, 8);
    if (postgres_same_name(head, "_larder_"))
        return larder_fail(err, LARDER_INVALID,
            "table '%s': names that begin with '_larder_' are kept by the "
            "store",
            table->name);
    for (size_t i = 0; i < table->schema->n_fields; i++) {
        const char *name = table->schema->fields[i].name;

        if (postgres_same_name(name, "_arrival") ||
            postgres_same_name(name, "_digest"))
            return larder_fail(err, LARDER_INVALID,
                "table '%s': the name of column '%s' is kept by the store",
                table->name, name);
    }
    return LARDER_OK;
}

static bool
is_needed(const larder_table *table, const char *name)
{
    for (size_t i = 0; i < table->n_key; i++)
        if (postgres_same_name(table->key[i], name))
            return true;
    return postgres_same_name(table->event, name);
}

/* Keys, event, created: the order rows are read in. */
static void
add_order(sql_text *sql, const larder_table *table, const char *const *key,
    size_t n_key)
{
    for (size_t i = 0; i < n_key; i++) {
        sql_name(sql, key[i]);
        sql_add(sql, " NULLS FIRST, ");
    }
    sql_name(sql, table->event);
    sql_add(sql, " DESC");
    if (table->created != NULL) {
        sql_add(sql, ", ");
        sql_name(sql, table->created);
        sql_add(sql, " DESC NULLS LAST");
    }
}

/* Before version 15 nulls of a unique index are distinct: then the digest,
 * which the created time is part of, has to say it. */
static void
add_indexes(sql_text *sql, const postgres_link *link, const larder_table *table)
{
    bool one = PQserverVersion(link->conn) >= 150000;

    sql_add(sql, one ? "; CREATE UNIQUE INDEX ON " : "; CREATE INDEX ON ");
    add_table(sql, link, table->name);
    sql_add(sql, " (");
    add_order(sql, table, table->key, table->n_key);
    sql_add(sql, one ? ", _digest) NULLS NOT DISTINCT" : ", _digest)");
    if (!one) {
        sql_add(sql, "; CREATE UNIQUE INDEX ON ");
        add_table(sql, link, table->name);
        sql_add(sql, " (");
        sql_names(sql, "", table->key, table->n_key, "");
        sql_add(sql, "%s", table->n_key == 0 ? "" : ", ");
        sql_name(sql, table->event);
        sql_add(sql, ", _digest)");
    }
    sql_add(sql, "; CREATE INDEX ON ");
    add_table(sql, link, table->name);
    sql_add(sql, " USING brin (_arrival) WITH (autosummarize = on)");
}

static larder_status
make_table(postgres_link *link, const larder_table *table, larder_error *err)
{
    sql_text sql = {0};
    larder_status rc;

    sql_add(&sql, "CREATE TABLE ");
    add_table(&sql, link, table->name);
    sql_add(&sql, " (");
    for (size_t i = 0; i < table->schema->n_fields; i++) {
        const larder_field *field = &table->schema->fields[i];

        sql_name(&sql, field->name);
        sql_add(&sql, " %s%s, ", postgres_declare(field->type),
            is_needed(table, field->name) ? " NOT NULL" : "");
    }
    sql_add(&sql, "_arrival bigint NOT NULL, _digest bigint NOT NULL)");
    add_indexes(&sql, link, table);
    rc = run(link, &sql, err);
    return rc == LARDER_OK ? postgres_protect(link, table->name, err) : rc;
}

/* The n-th column of the order that the definition wants; NULL: no more. */
static const char *
wanted_at(const larder_table *table, size_t place)
{
    const char *last[] = {table->event, table->created, "_digest", NULL};
    size_t at = 0;

    if (place < table->n_key)
        return table->key[place];
    at = place - table->n_key;
    if (table->created == NULL && at > 0)
        at++;
    return at < 4 ? last[at] : NULL;
}

/* The index that holds the table's order: it ends with the digest. */
static bool
find_order(const postgres_table *found, size_t *begin, size_t *end)
{
    for (size_t i = 0; i < found->n_indexed; i++) {
        if (found->indexed[i].place == 0)
            *begin = i;
        if (strcmp(found->indexed[i].name, "_digest") != 0)
            continue;
        *end = i;
        return true;
    }
    return false;
}

static bool
same_order(const postgres_table *found, const larder_table *table, size_t begin,
    size_t end)
{
    for (size_t i = begin; i <= end; i++) {
        const char *wanted = wanted_at(table, i - begin);

        if (wanted == NULL ||
            !postgres_same_name(found->indexed[i].name, wanted))
            return false;
    }
    return wanted_at(table, end - begin + 1) == NULL;
}

static larder_status
check_order(
    const postgres_table *found, const larder_table *table, larder_error *err)
{
    size_t begin = 0, end = 0;
    sql_text words = {0};
    larder_status rc = LARDER_OK;

    if (!find_order(found, &begin, &end))
        return larder_fail(err, LARDER_INVALID,
            "table '%s' has lost the index that is its order", table->name);
    if (same_order(found, table, begin, end))
        return LARDER_OK;
    for (size_t i = begin; i < end; i++)
        sql_add(&words, "%s%s", i == begin ? "" : ", ", found->indexed[i].name);
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
widen_table(postgres_link *link, const postgres_table *found,
    const larder_table *table, larder_error *err)
{
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    if (!found->owned) {
        rc = larder_fail(err, LARDER_INVALID,
            "table '%s' is there already and is not Larder's", table->name);
        larder_hint(err, "give the source another name");
        return rc;
    }
    LARDER_TRY(check_order(found, table, err));
    for (size_t i = 0; i < table->schema->n_fields; i++) {
        const larder_field *field = &table->schema->fields[i];
        const postgres_column *column = postgres_table_find(found, field->name);

        if (column == NULL) {
            sql_add(&sql, "%s ADD COLUMN ", sql.size == 0 ? "" : ",");
            sql_name(&sql, field->name);
            sql_add(&sql, " %s", postgres_declare(field->type));
        } else if (postgres_type_of(column->type) != field->type) {
            rc = larder_fail(err, LARDER_INVALID,
                "table '%s', column '%s' holds %s; it cannot become %s",
                table->name, field->name,
                larder_type_name(postgres_type_of(column->type)),
                larder_type_name(field->type));
            larder_hint(err, "give the new column another name");
            goto out;
        }
    }
    if (sql.size != 0) {
        sql_text all = {0};

        LARDER_TRY(sql_finish(&sql, err));
        sql_add(&all, "ALTER TABLE %s%s", found->from, sql.text);
        rc = run(link, &all, err);
    }
out:
    sql_release(&sql);
    return rc;
}

static larder_status
make_index(postgres_link *link, const larder_table *table,
    const postgres_table *found, const char *const *columns, size_t n_columns,
    larder_error *err)
{
    sql_text sql = {0};

    if (postgres_table_seekable(found, columns, n_columns, table->event))
        return LARDER_OK;
    sql_add(&sql, "CREATE INDEX ON %s (", found->from);
    add_order(&sql, table, columns, n_columns);
    sql_add(&sql, ")");
    return run(link, &sql, err);
}

static larder_status
create_all(void *context, postgres_link *link, larder_error *err)
{
    const making *m = context;
    postgres_table found = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(
        postgres_run(link, "SET LOCAL lock_timeout = '" PATIENCE "'", err));
    LARDER_TRY(make_ground(link, err));
    LARDER_TRY(postgres_table_load(link, m->table, &found, err));
    if (found.exists)
        LARDER_TRY(widen_table(link, &found, m->table, err));
    else
        LARDER_TRY(make_table(link, m->table, err));
    if (m->n_indexes == 0)
        goto out;
    postgres_table_release(&found);
    LARDER_TRY(postgres_table_load(link, m->table, &found, err));
    for (size_t i = 0; i < m->n_indexes; i++)
        LARDER_TRY(make_index(
            link, m->table, &found, m->indexes[i], m->n_index_columns[i], err));
out:
    postgres_table_release(&found);
    return say_busy(m->table, rc, err);
}

larder_status
postgres_create(postgres_history *self, const larder_call *call,
    const larder_table *table, const char *const *const *indexes,
    const size_t *n_index_columns, size_t n_indexes, larder_error *err)
{
    making m = {self, table, indexes, n_index_columns, n_indexes};
    larder_status rc = check_names(table, err);

    return rc == LARDER_OK
               ? postgres_write(&self->main, call, create_all, &m, err)
               : rc;
}

/* ------------------------------------------------------------------ remove */

static larder_status
drop_table(postgres_link *link, const larder_table *table,
    const postgres_table *found, larder_error *err)
{
    const postgres_value value = {25, table->name, (int)strlen(table->name)};
    sql_text sql = {0};
    larder_status rc;

    sql_add(&sql, "DROP TABLE %s", found->from);
    rc = run(link, &sql, err);
    if (rc != LARDER_OK)
        return rc;
    sql_add(&sql, "DELETE FROM ");
    add_table(&sql, link, "_larder_batches");
    sql_add(&sql, " WHERE table_name = $1");
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(postgres_query(link, sql.text, &value, 1, false, NULL, err));
out:
    sql_release(&sql);
    return rc;
}

/* A snapshot of this store may be this thread's own, who waits here: it is
 * given up early. */
static larder_status
remove_all(void *context, postgres_link *link, larder_error *err)
{
    const making *m = context;
    postgres_table found = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(postgres_run(link,
        m->self->snapshot.n_readers != 0
            ? "SET LOCAL lock_timeout = '" SHORT_PATIENCE "'"
            : "SET LOCAL lock_timeout = '" PATIENCE "'",
        err));
    LARDER_TRY(postgres_table_load(link, m->table, &found, err));
    if (found.exists && !found.owned)
        rc = larder_fail(err, LARDER_INVALID,
            "table '%s' is not Larder's and stays", m->table->name);
    else if (found.exists)
        rc = drop_table(link, m->table, &found, err);
out:
    postgres_table_release(&found);
    return say_busy(m->table, rc, err);
}

larder_status
postgres_remove(postgres_history *self, const larder_call *call,
    const larder_table *table, larder_error *err)
{
    making m = {.self = self, .table = table};

    return postgres_write(&self->main, call, remove_all, &m, err);
}
