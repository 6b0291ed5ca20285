/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_latest.c - the newest rows of each key, with those tied on (event,
 * created).
 *
 * Of wanted keys each is a seek, where there is an index; else one pass in
 * order ranks the rows of each key.
 */
#include "postgres_select.h"

/* Each of the wanted keys, and its newest rows. */
static void
say_seeks(postgres_select *s)
{
    sql_add(&s->sql, "SELECT ");
    postgres_shape_list(&s->shape, "t", &s->sql);
    sql_add(&s->sql, " FROM ");
    postgres_select_keys(s);
    sql_add(&s->sql, " CROSS JOIN LATERAL (SELECT t.* FROM %s AS t WHERE ",
        s->shape.table.from);
    postgres_select_match(s, "t");
    sql_add(&s->sql, " AND ");
    postgres_select_filter(s, "t");
    sql_add(&s->sql, " ORDER BY ");
    postgres_shape_newest(&s->shape, "t", &s->sql);
    sql_add(&s->sql, " FETCH FIRST 1 ROW WITH TIES) AS t ORDER BY ");
    postgres_shape_order(&s->shape, "t", &s->sql);
}

/* The order of the window is that of the table, keys included, so that its
 * index serves. */
static void
say_ranks(postgres_select *s)
{
    sql_add(&s->sql, "SELECT ");
    postgres_shape_list(&s->shape, "t", &s->sql);
    sql_add(&s->sql, " FROM (SELECT t.*, rank() OVER (");
    for (size_t i = 0; i < s->shape.n_keys; i++) {
        sql_add(&s->sql, i == 0 ? "PARTITION BY " : ", ");
        postgres_shape_key(&s->shape, i, "t", &s->sql);
    }
    sql_add(&s->sql, " ORDER BY ");
    postgres_shape_order(&s->shape, "t", &s->sql);
    sql_add(&s->sql, ") AS _larder_rank FROM %s AS t", s->shape.table.from);
    if (s->sought) {
        sql_add(&s->sql, " JOIN ");
        postgres_select_keys(s);
        sql_add(&s->sql, " ON ");
        postgres_select_match(s, "t");
    }
    sql_add(&s->sql, " WHERE ");
    postgres_select_filter(s, "t");
    sql_add(&s->sql, ") AS t WHERE t._larder_rank <= 1 ORDER BY ");
    postgres_shape_order(&s->shape, "t", &s->sql);
}

larder_status
postgres_latest(postgres_history *self, const larder_call *call,
    const larder_scan *scan, larder_stream *out, larder_error *err)
{
    larder_scan asked = *scan;
    postgres_select select;
    larder_status rc = LARDER_OK;

    asked.keys_from = asked.keys_to = NULL;
    asked.one_before = false;
    LARDER_TRY(postgres_select_init(&select, self, call, &asked, err));
    if (!select.comparable) {
        rc = larder_fail(err, LARDER_UNSUPPORTED,
            "%s: SQL orders its keys or times in another way than Larder",
            select.shape.table.words);
        goto out;
    }
    if (select.none) {
        rc = postgres_rows_none(&select.shape, out, err);
        goto out;
    }
    if (select.sought && postgres_table_seekable(&select.shape.table, scan->key,
                             scan->n_key, scan->table->event))
        say_seeks(&select);
    else
        say_ranks(&select);
    rc = postgres_select_open(&select, out, err);
out:
    postgres_select_release(&select);
    return rc;
}
