/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialect_sql.c - a point-in-time join as one statement of PostgreSQL or
 * DuckDB, for whoever wants to run it there.
 *
 * Each view is one join of the spine: in PostgreSQL LATERAL, which seeks where
 * there is an index on the key and the time; in DuckDB ASOF, which sorts. What
 * neither can is said in the remarks above the statement.
 */
#include "builtin.h"
#include "sql.h"

#include <string.h>

/* ------------------------------------------------------------------ relations
 */

/* "schema"."table" of schema.table. */
static void
add_relation(sql_text *sql, const char *name)
{
    const char *dot = strchr(name, '.');
    char schema[128];
    size_t size = dot == NULL ? 0 : (size_t)(dot - name);

    if (size > 0 && size < sizeof schema) {
        memcpy(schema, name, size);
        schema[size] = '\0';
        sql_name(sql, schema);
        sql_add(sql, ".");
        name = dot + 1;
    }
    sql_name(sql, name);
}

static void
add_literal(sql_text *sql, const char *text)
{
    sql_add(sql, "'");
    for (; *text != '\0'; text++)
        sql_add(sql, "%s%c", *text == '\'' ? "'" : "", *text);
    sql_add(sql, "'");
}

/* Does this name a file, and not a table? */
static bool
is_file(const char *name)
{
    static const char *const endings[] = {".csv", ".tsv", ".gz", ".zst",
        ".parquet", ".json", ".jsonl", ".ndjson"};
    size_t size = strlen(name);

    if (strchr(name, '/') != NULL)
        return true;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t n = strlen(endings[i]);

        if (size > n && strcmp(name + size - n, endings[i]) == 0)
            return true;
    }
    return false;
}

/* What stands after FROM for a view; `schema` is where Larder's tables lie. */
static void
add_history(sql_text *sql, const larder_table *table, const char *schema)
{
    size_t size;

    if (table->query != NULL) {
        size = strlen(table->query);
        while (size > 0 && strchr("; \t\r\n", table->query[size - 1]) != NULL)
            size--;
        sql_add(sql, "(\n%.*s\n    )", (int)size, table->query);
    } else if (table->owned) {
        if (schema != NULL) {
            sql_name(sql, schema);
            sql_add(sql, ".");
        }
        sql_name(sql, table->name);
    } else {
        add_relation(sql, table->name);
    }
}

static void
add_column(sql_text *sql, const char *alias, const char *name)
{
    sql_add(sql, "%s.", alias);
    sql_name(sql, name);
}

/* What a table can hold that SQL would not compare as Larder does. */
static larder_status
check_times(const larder_sql_view *view, larder_error *err)
{
    const larder_table *table = &view->table;
    const char *what = NULL;

    if (!table->owned && table->unit != LARDER_UNIT_US)
        what = "times as whole numbers (timestamp_unit)";
    else if (!table->owned && table->date_is_end_of_day)
        what = "dates that mean the end of the day (date_is)";
    if (what == NULL)
        return LARDER_OK;
    larder_fail(
        err, LARDER_INVALID, "feature view '%s' reads %s", view->label, what);
    larder_hint(err, "turn them into timestamps in a query: of the source");
    return LARDER_INVALID;
}

static larder_status
check_views(const larder_sql_join *join, larder_error *err)
{
    larder_status rc = LARDER_OK;

    for (size_t v = 0; v < join->n_views && rc == LARDER_OK; v++)
        rc = check_times(&join->views[v], err);
    return rc;
}

/* -------------------------------------------------------------------- remarks
 */

static void
add_zones(sql_text *sql, const larder_sql_join *join)
{
    bool said = false;

    for (size_t v = 0; v < join->n_views; v++) {
        const larder_table *table = &join->views[v].table;
        int32_t minutes = table->naive_offset_minutes;

        if (table->owned || minutes == 0 || minutes == LARDER_NAIVE_REFUSED)
            continue;
        sql_add(sql,
            "-- Times of %s without a zone are %+d minutes from UTC: run this "
            "in that zone.\n",
            join->views[v].label, (int)minutes);
        said = true;
    }
    if (!said)
        sql_add(sql, "-- Times without a zone are read in the session's: SET "
                     "TimeZone = 'UTC' first.\n");
}

static void
add_remarks(sql_text *sql, const larder_sql_join *join, const char *product)
{
    sql_add(sql,
        "-- A point-in-time join for %s: each row of the spine once, with\n"
        "-- the newest row of history at or before its time.\n"
        "-- What Larder does and this cannot: of rows with the same key, event "
        "time\n-- and created time Larder takes the greatest by its bytes, "
        "this any of them;\n-- and the rows come in no order.\n",
        product);
    add_zones(sql, join);
}

static void
add_features(sql_text *sql, const larder_sql_join *join)
{
    sql_add(sql, "SELECT s.*");
    for (size_t f = 0; f < join->n_features; f++) {
        sql_add(sql, ",\n    v%zu.f%zu AS ", join->features[f].view + 1, f + 1);
        sql_name(sql, join->features[f].name);
    }
}

/* The columns a view gives: f1, f2, ... */
static void
add_values(sql_text *sql, const larder_sql_join *join, size_t view)
{
    bool first = true;

    for (size_t f = 0; f < join->n_features; f++) {
        if (join->features[f].view != view)
            continue;
        sql_add(sql, "%s", first ? "" : ", ");
        add_column(sql, "h", join->features[f].column);
        sql_add(sql, " AS f%zu", f + 1);
        first = false;
    }
}

static void
add_keys_equal(sql_text *sql, const larder_sql_view *view, const char *alias,
    const char *between)
{
    for (size_t k = 0; k < view->n_key; k++) {
        add_column(sql, alias, view->key[k]);
        sql_add(sql, " = ");
        add_column(sql, "s", view->spine_key[k]);
        sql_add(sql, "%s", between);
    }
}

static void
add_oldest(sql_text *sql, const larder_sql_join *join, int64_t ttl_us)
{
    add_column(sql, "s", join->timestamp);
    sql_add(sql, " - INTERVAL '%lld microseconds'", (long long)ttl_us);
}

/* -------------------------------------------------------------------- LATERAL
 */

static void
add_lateral(
    sql_text *sql, const larder_sql_join *join, size_t v, const char *schema)
{
    const larder_sql_view *view = &join->views[v];
    const larder_table *table = &view->table;

    sql_add(sql, "\nLEFT JOIN LATERAL ( -- %s\n    SELECT ", view->label);
    add_values(sql, join, v);
    sql_add(sql, "\n    FROM ");
    add_history(sql, table, schema);
    sql_add(sql, " AS h\n    WHERE ");
    add_keys_equal(sql, view, "h", "\n        AND ");
    add_column(sql, "h", table->event);
    sql_add(sql, " <= ");
    add_column(sql, "s", join->timestamp);
    if (view->has_ttl) {
        sql_add(sql, "\n        AND ");
        add_column(sql, "h", table->event);
        sql_add(sql, " >= ");
        add_oldest(sql, join, view->ttl_us);
    }
    if (join->as_known) {
        sql_add(sql, "\n        AND ");
        add_column(sql, "h", table->created);
        sql_add(sql, " <= ");
        add_column(sql, "s", join->timestamp);
    }
    sql_add(sql, "\n    ORDER BY ");
    add_column(sql, "h", table->event);
    sql_add(sql, " DESC");
    if (table->created != NULL) {
        sql_add(sql, ", ");
        add_column(sql, "h", table->created);
        sql_add(sql, " DESC NULLS LAST");
    }
    sql_add(sql, "\n    LIMIT 1\n) AS v%zu ON true", v + 1);
}

static larder_status
finish(sql_text *sql, char **out, larder_error *err)
{
    larder_status rc;

    sql_add(sql, ";\n");
    rc = sql_finish(sql, err);
    if (rc == LARDER_OK) {
        *out = sql->text;
        *sql = (sql_text){0};
    }
    sql_release(sql);
    return rc;
}

static larder_status
join_postgres(const larder_options *options, const larder_sql_join *join,
    char **out, larder_error *err)
{
    const char *schema =
        options == NULL ? NULL : larder_options_find(options, "db_schema");
    sql_text sql = {0};
    larder_status rc = check_views(join, err);

    if (rc != LARDER_OK)
        return rc;
    if (is_file(join->spine)) {
        larder_fail(err, LARDER_INVALID,
            "PostgreSQL joins tables, and '%s' is a file", join->spine);
        larder_hint(err, "load it into a table, and give the table's name");
        return LARDER_INVALID;
    }
    add_remarks(&sql, join, "PostgreSQL");
    if (schema != NULL)
        sql_add(&sql, "-- Tables are looked for along search_path.\n");
    add_features(&sql, join);
    sql_add(&sql, "\nFROM ");
    add_relation(&sql, join->spine);
    sql_add(&sql, " AS s");
    for (size_t v = 0; v < join->n_views; v++)
        add_lateral(&sql, join, v, schema == NULL ? "larder" : schema);
    return finish(&sql, out, err);
}

/* ----------------------------------------------------------------------- ASOF
 */

/* ASOF takes any row of the newest event time: only the newest by created time
 * is left of each. */
static void
add_asof(sql_text *sql, const larder_sql_join *join, size_t v)
{
    const larder_sql_view *view = &join->views[v];
    const larder_table *table = &view->table;

    sql_add(sql, "\nASOF LEFT JOIN ( -- %s\n    SELECT ", view->label);
    add_values(sql, join, v);
    for (size_t k = 0; k < view->n_key; k++) {
        sql_add(sql, ", ");
        add_column(sql, "h", view->key[k]);
        sql_add(sql, " AS k%zu", k + 1);
    }
    sql_add(sql, ", ");
    add_column(sql, "h", table->event);
    sql_add(sql, " AS t\n    FROM ");
    add_history(sql, table, NULL);
    sql_add(sql, " AS h");
    if (table->created != NULL) {
        sql_add(sql, "\n    QUALIFY row_number() OVER (PARTITION BY ");
        for (size_t k = 0; k < view->n_key; k++) {
            add_column(sql, "h", view->key[k]);
            sql_add(sql, ", ");
        }
        add_column(sql, "h", table->event);
        sql_add(sql, "\n        ORDER BY ");
        add_column(sql, "h", table->created);
        sql_add(sql, " DESC NULLS LAST) = 1");
    }
    sql_add(sql, "\n) AS v%zu ON ", v + 1);
    for (size_t k = 0; k < view->n_key; k++) {
        sql_add(sql, "v%zu.k%zu = ", v + 1, k + 1);
        add_column(sql, "s", view->spine_key[k]);
        sql_add(sql, " AND ");
    }
    sql_add(sql, "v%zu.t <= ", v + 1);
    add_column(sql, "s", join->timestamp);
}

/* ASOF knows no ttl: what is too old is left out where it is given. */
static void
add_young_features(sql_text *sql, const larder_sql_join *join)
{
    sql_add(sql, "SELECT s.*");
    for (size_t f = 0; f < join->n_features; f++) {
        size_t v = join->features[f].view;
        const larder_sql_view *view = &join->views[v];

        sql_add(sql, ",\n    ");
        if (view->has_ttl) {
            sql_add(sql, "CASE WHEN v%zu.t >= ", v + 1);
            add_oldest(sql, join, view->ttl_us);
            sql_add(sql, " THEN v%zu.f%zu END", v + 1, f + 1);
        } else {
            sql_add(sql, "v%zu.f%zu", v + 1, f + 1);
        }
        sql_add(sql, " AS ");
        sql_name(sql, join->features[f].name);
    }
}

static larder_status
join_duckdb(const larder_options *options, const larder_sql_join *join,
    char **out, larder_error *err)
{
    sql_text sql = {0};
    larder_status rc = check_views(join, err);

    (void)options;
    if (rc != LARDER_OK)
        return rc;
    add_remarks(&sql, join, "DuckDB");
    if (join->as_known)
        add_features(&sql, join);
    else
        add_young_features(&sql, join);
    sql_add(&sql, "\nFROM ");
    if (is_file(join->spine))
        add_literal(&sql, join->spine);
    else
        add_relation(&sql, join->spine);
    sql_add(&sql, " AS s");
    for (size_t v = 0; v < join->n_views; v++) {
        if (join->as_known) /* ASOF compares one pair of times only */
            add_lateral(&sql, join, v, NULL);
        else
            add_asof(&sql, join, v);
    }
    return finish(&sql, out, err);
}

/* ------------------------------------------------------------------- dialects
 */

const larder_dialect ldr_dialect_duckdb = {
    .abi = LARDER_BACKEND_ABI, .name = "duckdb", .join = join_duckdb};

const larder_dialect ldr_dialect_postgres = {
    .abi = LARDER_BACKEND_ABI, .name = "postgres", .join = join_postgres};
