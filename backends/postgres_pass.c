/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_pass.c - a few rows of a spine answered by one pass over a table
 * that has no index for them.
 *
 * Rows of the keys asked for are set apart (h), by a hash of the keys. Their
 * event times and the spine's moments lie in one order, in which each moment
 * takes the event time before it (l). Joined back, that gives the rows, and of
 * those the last created stay.
 */
#include "postgres_spine.h"

/* "k1, k2, ", each with `before` in front. */
static void
add_keys(const postgres_spine *s, const char *before, sql_text *sql)
{
    for (size_t i = 0; i < s->asof->scan.n_key; i++)
        sql_add(sql, "%sk%zu, ", before, i + 1);
}

/* a.k1 = b.k1 AND ... */
static void
add_same_keys(
    const postgres_spine *s, const char *a, const char *b, sql_text *sql)
{
    for (size_t i = 0; i < s->asof->scan.n_key; i++)
        sql_add(sql, "%s.k%zu = %s.k%zu AND ", a, i + 1, b, i + 1);
}

static size_t
count_listed(const postgres_shape *shape)
{
    size_t n = 0;

    for (size_t i = 0; i < shape->schema.n_fields; i++)
        n += shape->cells[i].column != NULL;
    return n;
}

static void
add_listed(const postgres_shape *shape, const char *before, sql_text *sql)
{
    size_t n = count_listed(shape);

    for (size_t i = 0; i < n; i++)
        sql_add(sql, "%s%sc%zu", i == 0 ? "" : ", ", before, i + 1);
}

/* The rows of the keys asked for, none later than the last moment. */
static void
add_history(const postgres_spine *s, sql_text *sql)
{
    const postgres_shape *shape = s->shape;
    const postgres_cell *event = &shape->cells[shape->first];

    sql_add(sql, ", h(");
    add_keys(s, "", sql);
    sql_add(sql, "at, made, ");
    add_listed(shape, "", sql);
    sql_add(sql, ") AS MATERIALIZED (SELECT ");
    for (size_t i = 0; i < shape->n_keys; i++) {
        postgres_shape_key(shape, i, "t", sql);
        sql_add(sql, ", ");
    }
    postgres_shape_name(event, "t", sql);
    sql_add(sql, ", ");
    if (event[1].column != NULL)
        postgres_shape_name(event + 1, "t", sql);
    else
        sql_add(sql, "0");
    sql_add(sql, ", ");
    postgres_shape_list(shape, "t", sql);
    sql_add(sql, " FROM %s AS t WHERE ", shape->table.from);
    postgres_shape_name(event, "t", sql);
    sql_add(sql, " <= (SELECT pg_catalog.max(s.t) FROM s) AND EXISTS (SELECT "
                 "FROM s WHERE ");
    for (size_t i = 0; i < shape->n_keys; i++) {
        postgres_shape_key(shape, i, "t", sql);
        sql_add(sql, " = s.k%zu AND ", i + 1);
    }
    sql_add(sql, "true))");
}

/* Each moment with the newest event time at or before it. */
static void
add_moments(const postgres_spine *s, sql_text *sql)
{
    bool ttl = s->asof->has_ttl;

    sql_add(sql, ", l AS (SELECT * FROM (SELECT n, ");
    add_keys(s, "", sql);
    sql_add(sql,
        "%spg_catalog.max(at) FILTER (WHERE n IS NULL) OVER (PARTITION BY ",
        ttl ? "oldest, " : "");
    add_keys(s, "", sql);
    sql_add(sql, "true ORDER BY at, n NULLS FIRST ROWS UNBOUNDED PRECEDING) "
                 "AS at FROM (SELECT ");
    add_keys(s, "", sql);
    sql_add(sql, "at, %sNULL::pg_catalog.int8 AS n FROM h UNION ALL SELECT ",
        ttl ? "at AS oldest, " : "");
    for (size_t i = 0; i < s->shape->n_keys; i++)
        sql_add(sql, "k%zu%s, ", i + 1,
            s->shape->keys[i].column->family == POSTGRES_TEXT
                ? " COLLATE pg_catalog.\"C\""
                : "");
    sql_add(sql,
        "t, %sn FROM s WHERE t IS NOT NULL) AS u) AS w WHERE n IS NOT NULL AND "
        "at IS NOT NULL%s)",
        ttl ? "oldest, " : "", ttl ? " AND at >= oldest" : "");
}

larder_status
postgres_pass(postgres_spine *s, sql_text *sql, larder_error *err)
{
    const postgres_cell *event = &s->shape->cells[s->shape->first];
    larder_status rc;

    for (size_t i = 0; i < s->asof->scan.n_key; i++)
        postgres_spine_key(s, i);
    postgres_spine_greatest(s, event, "t");
    if (s->asof->has_ttl)
        postgres_spine_oldest(s, event, "oldest");
    LARDER_TRY(postgres_spine_finish(s, err));
    sql_add(sql, "WITH s AS MATERIALIZED (SELECT * FROM %s)", s->rows.text);
    add_history(s, sql);
    add_moments(s, sql);
    sql_add(sql, " SELECT n + %lld, ", (long long)s->row - 1);
    add_listed(s->shape, "", sql);
    sql_add(sql, " FROM (SELECT l.n, ");
    add_listed(s->shape, "h.", sql);
    sql_add(sql, ", pg_catalog.rank() OVER (PARTITION BY l.n ORDER BY h.made "
                 "DESC NULLS LAST) AS r FROM l JOIN h ON ");
    add_same_keys(s, "h", "l", sql);
    sql_add(sql, "h.at = l.at) AS x WHERE r = 1 ORDER BY n");
    rc = sql_finish(sql, err);
out:
    return rc;
}
