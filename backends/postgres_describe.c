/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_describe.c - what there is: tables, Larder's and the user's, views,
 * and queries, which are planned and not run.
 *
 * The mark of an owned table is the greatest arrival of its rows, but less than
 * the oldest transaction that is still running: whatever that one brings has
 * its number, and is found by the next read.
 */
#include "postgres_table.h"

#include <stdlib.h>
#include <string.h>

static larder_status
describe_columns(
    const postgres_table *table, larder_described *out, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t i = 0; i < table->n_columns && rc == LARDER_OK; i++) {
        const postgres_column *column = &table->columns[i];
        bool ours = postgres_same_name(column->name, "_arrival") ||
                    postgres_same_name(column->name, "_digest");

        if (!(table->owned && ours))
            rc = larder_described_add(
                out, column->name, postgres_type_of(column->type), err);
    }
    return rc;
}

/* What the appends say of an owned table. Times are from 1970 on. */
static larder_status
describe_batches(postgres_link *link, const char *name, larder_described *out,
    larder_error *err)
{
    const postgres_value value = {25, name, (int)strlen(name)};
    PGresult *result = NULL;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    sql_add(&sql,
        "SELECT coalesce(sum(n_rows), 0)::text, coalesce(least(max(arrival),"
        " (SELECT max(base) FROM ");
    sql_name(&sql, link->options->schema);
    sql_add(&sql,
        "._larder_batches)"
        " + pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())"
        "::text::bigint - 1), 0)::text,"
        " (extract(epoch FROM max(max_event)) * 1000000)::bigint::text FROM ");
    sql_name(&sql, link->options->schema);
    sql_add(&sql, "._larder_batches WHERE table_name = $1");
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(postgres_query(link, sql.text, &value, 1, false, &result, err));
    out->n_rows = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    out->arrival = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
    if (!PQgetisnull(result, 0, 2))
        out->newest_event = strtoll(PQgetvalue(result, 0, 2), NULL, 10);
    out->seekable = true;
out:
    PQclear(result);
    sql_release(&sql);
    return rc;
}

/* Are keys and times stored in types that an index is sought by? */
static bool
has_sought_types(const larder_table *table, const postgres_table *found)
{
    const postgres_column *column = postgres_table_find(found, table->event);
    bool all = column != NULL && (column->family == POSTGRES_ZONED ||
                                     column->family == POSTGRES_NAIVE ||
                                     column->family == POSTGRES_DATE ||
                                     column->family == POSTGRES_INTEGER);

    for (size_t i = 0; all && i < table->n_key; i++) {
        column = postgres_table_find(found, table->key[i]);
        all = column != NULL && column->family != POSTGRES_OTHER &&
              column->family != POSTGRES_NUMERIC &&
              column->family != POSTGRES_REAL;
    }
    return all;
}

static larder_status
describe_table(postgres_link *link, const larder_table *table,
    const postgres_table *found, larder_described *out, larder_error *err)
{
    larder_status rc = LARDER_OK;

    out->exists = found->exists;
    if (!found->exists)
        return LARDER_OK;
    if (table->owned && !found->owned) {
        rc = larder_fail(err, LARDER_INVALID,
            "table '%s' is there already and is not Larder's", table->name);
        larder_hint(err,
            "give the source another name, or read the table as it is: "
            "`table: %s` without `schema:`",
            table->name);
        return rc;
    }
    LARDER_TRY(describe_columns(found, out, err));
    if (found->n_rows > 0)
        out->n_rows = (uint64_t)found->n_rows;
    if (table->owned)
        LARDER_TRY(describe_batches(link, table->name, out, err));
    else if (table->event != NULL)
        out->seekable = postgres_table_seekable(
                            found, table->key, table->n_key, table->event) &&
                        has_sought_types(table, found);
    out->passes = true;
out:
    return rc;
}

/* A statement that would write is the definition's fault. */
static larder_status
blame(const postgres_link *link, const larder_table *table, larder_status rc,
    larder_error *err)
{
    if (table->query == NULL || rc == LARDER_OK)
        return rc;
    if (strcmp(link->sqlstate, "25006") == 0)
        return larder_fail(err, LARDER_INVALID,
            "the query would change something; only reading is allowed");
    if (strcmp(link->sqlstate, "08P01") == 0)
        return larder_fail(err, LARDER_INVALID,
            "the query has a parameter, and nothing to put there");
    return rc;
}

larder_status
postgres_describe(postgres_history *self, const larder_call *call,
    const larder_table *table, larder_described *out, larder_error *err)
{
    larder_described described = {.newest_event = LARDER_TIME_MIN};
    postgres_table found = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(postgres_begin(&self->main, POSTGRES_READ, call, err));
    rc = postgres_table_load(&self->main, table, &found, err);
    if (rc != LARDER_OK) {
        rc = blame(&self->main, table, rc, err);
        goto out;
    }
    LARDER_TRY(describe_table(&self->main, table, &found, &described, err));
    *out = described;
    described = (larder_described){0};
out:
    postgres_undo(&self->main);
    postgres_table_release(&found);
    larder_described_release(&described);
    return rc;
}
