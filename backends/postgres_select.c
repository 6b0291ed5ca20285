/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_select.c - which rows of a table a scan wants, as SQL.
 *
 * Times that SQL does not compare as Larder does (texts, reals) are judged when
 * the rows are here; keys of such types are left to the core.
 */
#include "postgres_select.h"

#include <stdlib.h>
#include <string.h>

/* More keys than these are not sent: the core leaves the others out. */
#define MOST_KEYS ((size_t)1 << 20)

void
postgres_select_release(postgres_select *select)
{
    postgres_shape_release(&select->shape);
    postgres_part_release(&select->part);
    sql_release(&select->sql);
    postgres_bindings_release(&select->bindings);
}

/* ----------------------------------------------------------------- arrival */

/* What the appends say of those that came after the mark, and of events beyond
 * the moment it was taken at. */
static larder_status
ask_batches(postgres_select *s, PGresult **out, larder_error *err)
{
    postgres_bindings bindings = {0};
    postgres_cell event = s->shape.cells[s->shape.first];
    const char *name = s->scan->table->name;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    (void)postgres_bind(&bindings, 25, name, strlen(name));
    (void)postgres_bind_int64(&bindings, s->scan->after);
    (void)postgres_bind_greatest(
        &bindings, &s->shape, &event, s->scan->seen_until);
    sql_add(&sql,
        "SELECT coalesce(bool_or(arrival > $2), false),"
        " coalesce(bool_or(arrival <= $2 AND max_event > $3), false) FROM ");
    sql_name(&sql, s->self->options.schema);
    sql_add(&sql, "._larder_batches WHERE table_name = $1");
    LARDER_TRY(sql_finish(&sql, err));
    if (bindings.failed) {
        rc = larder_fail(err, LARDER_NOMEM, "out of memory");
        goto out;
    }
    rc = postgres_read(&s->self->snapshot, s->call, sql.text, bindings.values,
        bindings.n_values, out, err);
out:
    sql_release(&sql);
    postgres_bindings_release(&bindings);
    return rc;
}

static larder_status
find_arrivals(postgres_select *s, larder_error *err)
{
    PGresult *result = NULL;
    larder_status rc = LARDER_OK;

    if (!s->scan->arrived || !s->scan->table->owned)
        return LARDER_OK;
    s->arrivals = POSTGRES_ARRIVALS_EITHER;
    if (s->scan->seen_until < LARDER_TIME_MIN ||
        s->scan->seen_until > LARDER_TIME_MAX)
        return LARDER_OK;
    LARDER_TRY(ask_batches(s, &result, err));
    if (PQgetvalue(result, 0, 1)[0] == 0) {
        s->arrivals = POSTGRES_ARRIVALS_NEW;
        s->none = PQgetvalue(result, 0, 0)[0] == 0;
    }
out:
    PQclear(result);
    return rc;
}

/* -------------------------------------------------------------------- init */

static bool
can_seek(const postgres_select *s)
{
    const larder_batch *keys = s->scan->keys;

    if (keys == NULL || !s->comparable || keys->n_rows > MOST_KEYS ||
        s->shape.n_keys == 0)
        return false;
    for (size_t i = 0; i < keys->schema->n_fields; i++)
        if (keys->schema->fields[i].type != s->shape.keys[i].type)
            return false;
    return true;
}

larder_status
postgres_select_init(postgres_select *s, postgres_history *self,
    const larder_call *call, const larder_scan *scan, larder_error *err)
{
    larder_status rc = LARDER_OK;

    *s = (postgres_select){.self = self, .call = call, .scan = scan};
    LARDER_TRY(postgres_shape_read(&s->shape, self, call, scan, NULL, err));
    s->comparable = postgres_shape_comparable(&s->shape);
    s->sought = can_seek(s);
    s->none = (s->sought && scan->keys->n_rows == 0) || scan->from > scan->to;
    LARDER_TRY(postgres_part_find(self, call, &s->shape, scan, &s->part, err));
    s->none = s->none || s->part.empty;
    if (!s->none)
        LARDER_TRY(find_arrivals(s, err));
out:
    return rc;
}

/* -------------------------------------------------------------------- keys */

/* The moments, kept within those there are. */
static int
bind_moments(postgres_select *s, const larder_time *times, bool greatest)
{
    size_t n = s->scan->keys->n_rows;
    larder_time *kept = calloc(n + 1, sizeof *kept);
    int number = 0;

    if (kept == NULL) {
        s->bindings.failed = true;
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        kept[i] = times[i] < LARDER_TIME_MIN   ? LARDER_TIME_MIN
                  : times[i] > LARDER_TIME_MAX ? LARDER_TIME_MAX
                                               : times[i];
    number = postgres_bind_moments(&s->bindings, &s->shape,
        &s->shape.cells[s->shape.first], kept, NULL, n, greatest);
    free(kept);
    return number;
}

void
postgres_select_keys(postgres_select *s)
{
    const larder_batch *keys = s->scan->keys;
    sql_text *sql = &s->sql;

    sql_add(sql, "unnest(");
    for (size_t i = 0; i < keys->schema->n_fields; i++)
        sql_add(sql, "%s$%d", i == 0 ? "" : ", ",
            postgres_bind_array(
                &s->bindings, &keys->columns[i], 0, keys->n_rows));
    if (s->scan->keys_from != NULL)
        sql_add(sql, ", $%d", bind_moments(s, s->scan->keys_from, false));
    if (s->scan->keys_to != NULL)
        sql_add(sql, ", $%d", bind_moments(s, s->scan->keys_to, true));
    sql_add(sql, ") AS q(");
    for (size_t i = 0; i < keys->schema->n_fields; i++)
        sql_add(sql, "%sk%zu", i == 0 ? "" : ", ", i);
    sql_add(sql, "%s%s)", s->scan->keys_from != NULL ? ", low" : "",
        s->scan->keys_to != NULL ? ", high" : "");
}

void
postgres_select_match(postgres_select *s, const char *alias)
{
    for (size_t i = 0; i < s->shape.n_keys; i++) {
        sql_add(&s->sql, i == 0 ? "" : " AND ");
        postgres_shape_name(&s->shape.keys[i], alias, &s->sql);
        sql_add(&s->sql, " = q.k%zu", i);
    }
}

/* ------------------------------------------------------------------ filter */

static void
add_event(
    postgres_select *s, const char *alias, const char *operator, int value)
{
    postgres_shape_name(&s->shape.cells[s->shape.first], alias, &s->sql);
    sql_add(&s->sql, " %s $%d", operator, value);
}

static void
add_arrival(postgres_select *s, const char *alias)
{
    const postgres_cell *event = &s->shape.cells[s->shape.first];
    larder_time seen = s->scan->seen_until;

    if (s->arrivals == POSTGRES_ARRIVALS_ANY)
        return;
    sql_add(&s->sql, " AND (%s._arrival > $%d", alias,
        postgres_bind_int64(&s->bindings, s->scan->after));
    if (s->arrivals == POSTGRES_ARRIVALS_EITHER && seen < LARDER_TIME_MAX) {
        if (seen < LARDER_TIME_MIN)
            seen = LARDER_TIME_MIN - 1;
        sql_add(&s->sql, " OR ");
        add_event(s, alias, ">",
            postgres_bind_greatest(&s->bindings, &s->shape, event, seen));
    }
    sql_add(&s->sql, ")");
}

/* Of a user's table what was created lately may have arrived. */
static void
add_created(postgres_select *s, const char *alias)
{
    const postgres_cell *event = &s->shape.cells[s->shape.first];
    const larder_scan *scan = s->scan;

    if (!scan->arrived || scan->table->owned || event[1].column == NULL ||
        scan->after < LARDER_TIME_MIN || scan->after > LARDER_TIME_MAX ||
        scan->seen_until < LARDER_TIME_MIN)
        return;
    sql_add(&s->sql, " AND (");
    postgres_shape_name(event + 1, alias, &s->sql);
    sql_add(&s->sql, " > $%d OR ",
        postgres_bind_greatest(
            &s->bindings, &s->shape, event + 1, scan->after));
    postgres_shape_name(event + 1, alias, &s->sql);
    sql_add(&s->sql, " IS NULL");
    if (scan->seen_until <= LARDER_TIME_MAX) {
        sql_add(&s->sql, " OR ");
        add_event(s, alias, ">",
            postgres_bind_greatest(
                &s->bindings, &s->shape, event, scan->seen_until));
    }
    sql_add(&s->sql, ")");
}

void
postgres_select_filter(postgres_select *s, const char *alias)
{
    const postgres_cell *event = &s->shape.cells[s->shape.first];
    const larder_scan *scan = s->scan;

    sql_add(&s->sql, "TRUE");
    if (!event->column->not_null) {
        sql_add(&s->sql, " AND ");
        postgres_shape_name(event, alias, &s->sql);
        sql_add(&s->sql, " IS NOT NULL");
    }
    if (postgres_shape_time_type(event) != 0) {
        if (scan->from > LARDER_TIME_MIN) {
            sql_add(&s->sql, " AND ");
            add_event(s, alias, ">=",
                postgres_bind_least(
                    &s->bindings, &s->shape, event, scan->from));
        }
        if (scan->to < LARDER_TIME_MAX) {
            sql_add(&s->sql, " AND ");
            add_event(s, alias, "<=",
                postgres_bind_greatest(
                    &s->bindings, &s->shape, event, scan->to));
        }
        add_arrival(s, alias);
        if (s->comparable)
            add_created(s, alias);
    }
    postgres_part_add(&s->part, &s->shape, alias, &s->sql, &s->bindings);
}

/* -------------------------------------------------------------------- open */

larder_status
postgres_select_open(postgres_select *s, larder_stream *out, larder_error *err)
{
    const larder_scan *scan = s->scan;
    bool owned = scan->table->owned;
    const postgres_judge judge = {.wanted = !owned,
        .from = scan->from,
        .to = scan->to,
        .arrived = !owned && scan->arrived && scan->table->created != NULL,
        .after = scan->after,
        .seen_until = scan->seen_until};
    larder_status rc = sql_finish(&s->sql, err);

    if (rc != LARDER_OK)
        return rc;
    return postgres_rows_open(s->self, s->call, &s->shape, s->sql.text,
        &s->bindings, owned ? NULL : &judge, out, err);
}
