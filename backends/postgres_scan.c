/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_scan.c - reads of one table: all wanted rows.
 *
 * The server leaves out what is not wanted and sorts, where it compares as
 * Larder does. Wanted keys go up as arrays; what comes before each key's first
 * moment is one seek a key.
 */
#include "postgres_select.h"

/* The newest time before a key's own first, "p.newest". */
static void
add_before(postgres_select *s)
{
    const postgres_cell *event = &s->shape.cells[s->shape.first];

    sql_add(&s->sql, " CROSS JOIN LATERAL (SELECT max(");
    postgres_shape_name(event, "b", &s->sql);
    sql_add(&s->sql, ") AS newest FROM %s AS b WHERE ", s->shape.table.from);
    postgres_select_match(s, "b");
    sql_add(&s->sql, " AND ");
    postgres_shape_name(event, "b", &s->sql);
    sql_add(&s->sql, " < q.low AND ");
    if (s->scan->keys_to != NULL) {
        postgres_shape_name(event, "b", &s->sql);
        sql_add(&s->sql, " <= q.high AND ");
    }
    postgres_select_filter(s, "b");
    sql_add(&s->sql, ") AS p");
}

static void
add_key_times(postgres_select *s)
{
    const postgres_cell *event = &s->shape.cells[s->shape.first];

    if (s->scan->keys_from != NULL) {
        sql_add(&s->sql, " AND ");
        postgres_shape_name(event, "t", &s->sql);
        sql_add(&s->sql, s->scan->one_before ? " >= coalesce(p.newest, q.low)"
                                             : " >= q.low");
    }
    if (s->scan->keys_to != NULL) {
        sql_add(&s->sql, " AND ");
        postgres_shape_name(event, "t", &s->sql);
        sql_add(&s->sql, " <= q.high");
    }
}

static void
say_scan(postgres_select *s, bool in_order)
{
    sql_add(&s->sql, "SELECT ");
    postgres_shape_list(&s->shape, "t", &s->sql);
    sql_add(&s->sql, " FROM ");
    if (s->sought) {
        postgres_select_keys(s);
        if (s->scan->one_before)
            add_before(s);
        sql_add(&s->sql, " JOIN %s AS t ON ", s->shape.table.from);
        postgres_select_match(s, "t");
        add_key_times(s);
    } else {
        sql_add(&s->sql, "%s AS t", s->shape.table.from);
    }
    sql_add(&s->sql, " WHERE ");
    postgres_select_filter(s, "t");
    if (in_order) {
        sql_add(&s->sql, " ORDER BY ");
        postgres_shape_order(&s->shape, "t", &s->sql);
    }
}

larder_status
postgres_scan(postgres_history *self, const larder_call *call,
    const larder_scan *scan, larder_stream *out, larder_order *kept,
    larder_error *err)
{
    postgres_select select;
    larder_status rc = LARDER_OK;
    bool in_order;

    LARDER_TRY(postgres_select_init(&select, self, call, scan, err));
    in_order = scan->order == LARDER_ORDER_NEWEST_FIRST && select.comparable;
    if (select.none) {
        LARDER_TRY(postgres_rows_none(&select.shape, out, err));
    } else {
        say_scan(&select, in_order);
        LARDER_TRY(postgres_select_open(&select, out, err));
    }
    *kept = in_order ? scan->order : LARDER_ORDER_ANY;
out:
    postgres_select_release(&select);
    return rc;
}
