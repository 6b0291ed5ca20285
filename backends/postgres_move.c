/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_move.c - from the temporary table of an append into history.
 *
 * The unique index decides what is new. The first rows of an empty table go
 * another way, where they are many and nobody looks at it: its indexes
 * are dropped, and built of all rows at once, which is three times faster; the
 * building tells whether any are equal.
 */
#include "postgres_move.h"

#include <stdlib.h>
#include <string.h>

/* So many are many. */
#define MANY_ROWS 20000u

static larder_status
insert_rows(postgres_link *link, const postgres_table *table,
    const char *columns, int64_t arrival, const char *end, uint64_t *n,
    larder_error *err)
{
    PGresult *result = NULL;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    sql_add(&sql,
        "INSERT INTO %s (%s, _arrival)"
        " SELECT %s, %lld FROM pg_temp._larder_append%s",
        table->from, columns, columns, (long long)arrival, end);
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(postgres_query(link, sql.text, NULL, 0, false, &result, err));
    *n = strtoull(PQcmdTuples(result), NULL, 10);
out:
    PQclear(result);
    sql_release(&sql);
    return rc;
}

/* -------------------------------------------------------------- all at once */

static larder_status
run(postgres_link *link, sql_text *sql, larder_error *err)
{
    larder_status rc = sql_finish(sql, err);

    if (rc == LARDER_OK && sql->size != 0)
        rc = postgres_run(link, sql->text, err);
    sql_release(sql);
    return rc;
}

/* Names and definitions of the table's indexes. */
static larder_status
find_indexes(postgres_link *link, const postgres_table *table, PGresult **out,
    larder_error *err)
{
    static const char indexes[] =
        "SELECT i.indexrelid::pg_catalog.regclass,"
        " pg_catalog.pg_get_indexdef(i.indexrelid) FROM pg_catalog.pg_index i"
        " WHERE i.indrelid = $1::pg_catalog.int8::pg_catalog.oid"
        " ORDER BY i.indexrelid";
    char number[24];
    const postgres_value value = {25, number,
        snprintf(number, sizeof number, "%lu", (unsigned long)table->number)};

    return postgres_query(link, indexes, &value, 1, false, out, err);
}

/* Nobody else sees the table now, and it has no rows. *fits says whether that
 * could be had without waiting. */
static larder_status
take_table(postgres_link *link, const postgres_table *table, bool *fits,
    larder_error *err)
{
    PGresult *result = NULL;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    *fits = false;
    sql_add(&sql, "LOCK TABLE %s IN ACCESS EXCLUSIVE MODE NOWAIT", table->from);
    LARDER_TRY(run(link, &sql, err));
    sql_add(&sql, "SELECT 1 FROM %s LIMIT 1", table->from);
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(postgres_query(link, sql.text, NULL, 0, false, &result, err));
    *fits = PQntuples(result) == 0;
out:
    PQclear(result);
    sql_release(&sql);
    return rc;
}

static larder_status
drop_indexes(postgres_link *link, const PGresult *indexes, larder_error *err)
{
    sql_text sql = {0};

    for (int row = 0; row < PQntuples(indexes); row++)
        sql_add(&sql, "%s%s", row == 0 ? "DROP INDEX " : ", ",
            PQgetvalue(indexes, row, 0));
    return run(link, &sql, err);
}

static larder_status
build_indexes(postgres_link *link, const PGresult *indexes, larder_error *err)
{
    sql_text sql = {0};

    for (int row = 0; row < PQntuples(indexes); row++)
        sql_add(
            &sql, "%s%s", row == 0 ? "" : "; ", PQgetvalue(indexes, row, 1));
    return run(link, &sql, err);
}

/* Of equal rows one stays. */
static larder_status
drop_twins(postgres_link *link, const postgres_table *table, uint64_t *n,
    larder_error *err)
{
    PGresult *result = NULL;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    sql_add(&sql,
        "DELETE FROM %s AS t USING (SELECT ctid, row_number()"
        " OVER (PARTITION BY _digest, r) AS n FROM %s AS r) AS x"
        " WHERE t.ctid = x.ctid AND x.n > 1",
        table->from, table->from);
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(postgres_query(link, sql.text, NULL, 0, false, &result, err));
    *n = strtoull(PQcmdTuples(result), NULL, 10);
out:
    PQclear(result);
    sql_release(&sql);
    return rc;
}

static larder_status
fill_table(postgres_link *link, const postgres_table *table,
    const char *columns, int64_t arrival, const PGresult *indexes,
    uint64_t *n_added, larder_error *err)
{
    uint64_t n = 0, n_twins = 0;
    larder_status rc = LARDER_OK;

    LARDER_TRY(insert_rows(link, table, columns, arrival, "", &n, err));
    LARDER_TRY(postgres_run(link, "SAVEPOINT larder_indexes", err));
    rc = build_indexes(link, indexes, err);
    if (rc != LARDER_OK && strcmp(link->sqlstate, "23505") == 0) {
        LARDER_TRY(
            postgres_run(link, "ROLLBACK TO SAVEPOINT larder_indexes", err));
        LARDER_TRY(drop_twins(link, table, &n_twins, err));
        rc = build_indexes(link, indexes, err);
    }
    *n_added = n - n_twins;
out:
    return rc;
}

/* *done says whether it went this way. What the server refuses before any row
 * is in (a reader in the way, indexes of another owner) is no failure. */
static larder_status
move_at_once(postgres_link *link, const postgres_table *table,
    const char *columns, int64_t arrival, bool *done, uint64_t *n_added,
    larder_error *err)
{
    PGresult *indexes = NULL;
    larder_status rc = LARDER_OK;
    bool fits = false;

    LARDER_TRY(postgres_run(link, "SAVEPOINT larder_table", err));
    rc = take_table(link, table, &fits, err);
    if (rc == LARDER_OK && fits)
        rc = find_indexes(link, table, &indexes, err);
    if (rc == LARDER_OK && fits)
        rc = drop_indexes(link, indexes, err);
    if (rc != LARDER_OK && link->sqlstate[0] == '\0')
        goto out;
    if (rc != LARDER_OK || !fits) {
        rc = postgres_run(link, "ROLLBACK TO SAVEPOINT larder_table", err);
        goto out;
    }
    *done = true;
    rc = fill_table(link, table, columns, arrival, indexes, n_added, err);
out:
    PQclear(indexes);
    return rc;
}

/* -------------------------------------------------------------- one by one */

/* As if all were new, which is faster by half; the first that is not ends that,
 * mostly early, since rows come in the order of the table. */
static larder_status
move_each(postgres_link *link, const postgres_table *table, const char *columns,
    int64_t arrival, uint64_t n_staged, uint64_t *n_added, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (n_staged >= MANY_ROWS) {
        LARDER_TRY(postgres_run(link, "SAVEPOINT larder_rows", err));
        rc = insert_rows(link, table, columns, arrival, "", n_added, err);
        if (rc == LARDER_OK || strcmp(link->sqlstate, "23505") != 0)
            goto out;
        LARDER_TRY(
            postgres_run(link, "ROLLBACK TO SAVEPOINT larder_rows", err));
    }
    rc = insert_rows(
        link, table, columns, arrival, " ON CONFLICT DO NOTHING", n_added, err);
out:
    return rc;
}

/* --------------------------------------------------------------------- both */

larder_status
postgres_move(postgres_link *link, const postgres_table *table,
    const char *columns, int64_t arrival, uint64_t n_staged, uint64_t *n_added,
    larder_error *err)
{
    sql_text sql = {0};
    larder_status rc = LARDER_OK;
    bool done = false;

    if (n_staged >= MANY_ROWS)
        LARDER_TRY(
            move_at_once(link, table, columns, arrival, &done, n_added, err));
    if (!done)
        LARDER_TRY(
            move_each(link, table, columns, arrival, n_staged, n_added, err));
    if (*n_added < MANY_ROWS)
        goto out;
    sql_add(&sql, "ANALYZE %s", table->from);
    rc = run(link, &sql, err);
out:
    return rc;
}
