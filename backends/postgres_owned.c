/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_owned.c - what Larder owns in a PostgreSQL database: its schema, and
 * who may touch its tables.
 *
 * Nobody but the role that made them: row level security is on without a
 * policy, and what the database grants on every new table (Supabase does) is
 * taken back.
 */
#include "postgres.h"
#include "sql.h"

#include <string.h>

#define TEXT_TYPE 25

static postgres_value
text_value(const char *text)
{
    return (postgres_value){TEXT_TYPE, text, (int)strlen(text)};
}

/* Run what was built, and be done with it. */
static larder_status
run_built(postgres_link *link, sql_text *sql, larder_error *err)
{
    larder_status rc = sql_finish(sql, err);

    if (rc == LARDER_OK)
        rc = postgres_run(link, sql->text, err);
    sql_release(sql);
    return rc;
}

larder_status
postgres_schema_make(postgres_link *link, larder_error *err)
{
    postgres_value schema = text_value(link->options->schema);
    PGresult *found = NULL;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(postgres_query(link,
        "SELECT pg_catalog.pg_advisory_xact_lock("
        "pg_catalog.hashtextextended('larder schema ' || $1, 0))",
        &schema, 1, true, NULL, err));
    LARDER_TRY(postgres_query(link,
        "SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1", &schema, 1,
        true, &found, err));
    if (PQntuples(found) > 0)
        goto out;
    sql_add(&sql, "CREATE SCHEMA ");
    sql_name(&sql, link->options->schema);
    rc = run_built(link, &sql, err);
out:
    PQclear(found);
    return rc;
}

/* "larder"."table" */
static void
add_table(sql_text *sql, const postgres_link *link, const char *table)
{
    sql_name(sql, link->options->schema);
    sql_add(sql, ".");
    sql_name(sql, table);
}

larder_status
postgres_protect(postgres_link *link, const char *table, larder_error *err)
{
    postgres_value names[] = {
        text_value(link->options->schema), text_value(table)};
    PGresult *found = NULL;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(postgres_query(link,
        "SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE"
        " pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END"
        " FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a"
        " WHERE c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace"
        " WHERE nspname = $1) AND c.relname = $2 AND a.grantee <> c.relowner",
        names, 2, false, &found, err));
    sql_add(&sql, "ALTER TABLE ");
    add_table(&sql, link, table);
    sql_add(&sql, " ENABLE ROW LEVEL SECURITY");
    for (int i = 0; i < PQntuples(found); i++) {
        sql_add(&sql, ";REVOKE ALL ON TABLE ");
        add_table(&sql, link, table);
        sql_add(&sql, " FROM %s", PQgetvalue(found, i, 0));
    }
    rc = run_built(link, &sql, err);
out:
    PQclear(found);
    return rc;
}
