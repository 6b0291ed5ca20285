/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_scan.c - reads of one table: all wanted rows, or the newest of each
 * key.
 *
 * Of an owned table SQLite itself gives the order and leaves out what is not
 * wanted. Of a user's table it gives rows as they lie, since their times and
 * keys may be spelt in ways that SQL does not compare as Larder does.
 */
#include "sqlite_part.h"
#include "sqlite_rows.h"
#include "sqlite_table.h"

/* Parameters of every statement here, by number. */
enum { P_FROM = 1, P_TO, P_AFTER, P_SEEN, P_LOW, P_HIGH, P_KEY };

/* The index of arrivals is worth its detours for one row in so many. */
#define INDEX_PAYS 16

/* How the rows that arrived are found. */
typedef enum arrivals {
    ARRIVALS_ANY,   /* it does not matter */
    ARRIVALS_NONE,  /* nothing arrived */
    ARRIVALS_INDEX, /* few rows, all of small appends */
    ARRIVALS_NEW,   /* by number; no event is beyond seen_until */
    ARRIVALS_EITHER /* by number or by event */
} arrivals;

/* ----------------------------------------------------------------- arrival */

static larder_status
find_arrivals(sqlite_link *link, const larder_scan *scan, arrivals *out,
    larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    larder_status rc = LARDER_OK;
    int64_t n_new, n_rows, n_great;
    bool row = false;

    *out = ARRIVALS_ANY;
    if (!scan->arrived)
        return LARDER_OK;
    LARDER_TRY(sqlite_prepare(link,
        "SELECT coalesce(sum(n_rows) FILTER (WHERE arrival > ?2), 0),"
        " coalesce(sum(n_rows), 0),"
        " count(*) FILTER (WHERE arrival > ?2 AND NOT arrival & 1),"
        " coalesce(max(max_event) FILTER (WHERE arrival <= ?2) > ?3, 0)"
        " FROM _larder_batches WHERE table_name = ?1",
        &statement, err));
    (void)sqlite3_bind_text(statement, 1, scan->table->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(statement, 2, scan->after);
    (void)sqlite3_bind_int64(statement, 3, scan->seen_until);
    LARDER_TRY(sqlite_step(link, statement, &row, err));
    n_new = sqlite3_column_int64(statement, 0);
    n_rows = sqlite3_column_int64(statement, 1);
    n_great = sqlite3_column_int64(statement, 2);
    if (sqlite3_column_int(statement, 3) != 0)
        *out = ARRIVALS_EITHER;
    else if (n_new == 0)
        *out = ARRIVALS_NONE;
    else if (n_great == 0 && n_new < n_rows / INDEX_PAYS)
        *out = ARRIVALS_INDEX;
    else
        *out = ARRIVALS_NEW;
out:
    (void)sqlite3_finalize(statement);
    return rc;
}

/* ------------------------------------------------------------------- units */

int64_t
sqlite_least(larder_time_unit unit, larder_time from)
{
    int64_t factor = unit == LARDER_UNIT_S ? 1000000 : 1000;

    if (unit == LARDER_UNIT_US)
        return from;
    if (unit == LARDER_UNIT_NS)
        return from < INT64_MIN / 1000   ? INT64_MIN
               : from > INT64_MAX / 1000 ? INT64_MAX
                                         : from * 1000;
    return from / factor + (from % factor > 0);
}

int64_t
sqlite_greatest(larder_time_unit unit, larder_time to)
{
    int64_t factor = unit == LARDER_UNIT_S ? 1000000 : 1000;

    if (unit == LARDER_UNIT_US)
        return to;
    if (unit == LARDER_UNIT_NS)
        return to < INT64_MIN / 1000           ? INT64_MIN
               : to > (INT64_MAX - 999) / 1000 ? INT64_MAX
                                               : to * 1000 + 999;
    return to / factor - (to % factor < 0);
}

/* --------------------------------------------------------------------- SQL */

static void
add_and(sql_text *sql, bool *first)
{
    sql_add(sql, *first ? " WHERE " : " AND ");
    *first = false;
}

static bool
may_be_null(const larder_table *table, const char *column)
{
    for (size_t i = 0; i < table->n_key; i++)
        if (sqlite_same_name(table->key[i], column))
            return false;
    return true;
}

static void
add_low(sql_text *sql, const larder_scan *scan, const sqlite_part *part,
    bool *first)
{
    if (!part->low.set)
        return;
    add_and(sql, first);
    sql_name(sql, scan->key[0]);
    sql_add(sql, " >= ?%d", P_LOW);
}

/* Nulls come before the first bound there is. */
static void
add_high(sql_text *sql, const larder_scan *scan, const sqlite_part *part,
    bool *first)
{
    bool nulls;

    if (!part->high.set)
        return;
    nulls = !part->low.set && may_be_null(scan->table, scan->key[0]);
    add_and(sql, first);
    sql_add(sql, nulls ? "(" : "");
    sql_name(sql, scan->key[0]);
    sql_add(sql, nulls ? " >= ?%d) IS NOT TRUE" : " < ?%d", P_HIGH);
}

/* A user's column may compare its text in another way than its index. */
static void
add_key(sql_text *sql, const larder_scan *scan, bool *first)
{
    for (size_t i = 0; i < scan->n_key; i++) {
        add_and(sql, first);
        sql_name(sql, scan->key[i]);
        sql_add(sql, " = ?%d COLLATE BINARY", P_KEY + (int)i);
    }
}

/* Keys after the last one, to go on from. */
static void
add_onward(sql_text *sql, const larder_scan *scan, bool *first)
{
    add_and(sql, first);
    sql_add(sql, "(");
    sql_names(sql, "", scan->key, scan->n_key, "");
    sql_add(sql, ") > (");
    for (size_t i = 0; i < scan->n_key; i++)
        sql_add(sql, "%s?%d", i == 0 ? "" : ", ", P_KEY + (int)i);
    sql_add(sql, ")");
}

/* Times and arrival, as SQL says them of an owned table. */
static void
add_filter(sql_text *sql, const larder_scan *scan, arrivals how, bool *first)
{
    if (scan->from > LARDER_TIME_MIN || scan->keys_from != NULL) {
        add_and(sql, first);
        sql_name(sql, scan->table->event);
        sql_add(sql, " >= ?%d", P_FROM);
    }
    if (scan->to < LARDER_TIME_MAX || scan->keys_to != NULL) {
        add_and(sql, first);
        sql_name(sql, scan->table->event);
        sql_add(sql, " <= ?%d", P_TO);
    }
    if (how == ARRIVALS_ANY)
        return;
    add_and(sql, first);
    sql_add(sql, how == ARRIVALS_EITHER ? "(_arrival > ?%d" : "_arrival > ?%d",
        P_AFTER);
    if (how == ARRIVALS_INDEX)
        sql_add(sql, " AND _arrival & 1");
    if (how == ARRIVALS_EITHER) {
        sql_add(sql, " OR ");
        sql_name(sql, scan->table->event);
        sql_add(sql, " > ?%d)", P_SEEN);
    }
}

/* The same inside a function, which keeps the newest rows only. The arrival
 * lies at the row's end: to look there costs as much as all the rest. */
static void
add_newest(sql_text *sql, const larder_scan *scan, bool *first)
{
    add_and(sql, first);
    sql_add(sql, "larder_newest(");
    sql_name(sql, scan->table->event);
    if (scan->table->created != NULL) {
        sql_add(sql, ", ");
        sql_name(sql, scan->table->created);
    }
    sql_add(sql, scan->arrived ? ", _arrival" : "");
    sql_add(sql, "%s", scan->n_key == 0 ? "" : ", ");
    sql_names(sql, "", scan->key, scan->n_key, "");
    sql_add(sql, ")");
}

static void
add_order(sql_text *sql, const larder_scan *scan)
{
    sql_add(sql, " ORDER BY ");
    sql_names(sql, "", scan->key, scan->n_key, "");
    sql_add(sql, "%s", scan->n_key == 0 ? "" : ", ");
    sql_name(sql, scan->table->event);
    sql_add(sql, " DESC");
    if (scan->table->created != NULL) {
        sql_add(sql, ", ");
        sql_name(sql, scan->table->created);
        sql_add(sql, " DESC");
    }
}

/* Which rows a SELECT gives. */
typedef enum choice {
    ROWS_ALL,
    ROWS_OPEN,   /* and on to the table's end: who reads them stops */
    ROWS_SOUGHT, /* of one key */
    ROWS_NEWEST, /* of each key; the function stops them */
    ROWS_ONWARD  /* the same, of keys after the last one */
} choice;

/* SELECT of an owned table; or of a user's, whose keys can be sought. Going on
 * from a key leaves the part's low end out: SQLite would seek that, and read
 * again all that lies before the key. The high end SQLite would look for in
 * each row anew, which costs as much as the step to it. */
static larder_status
say_owned(sql_text *sql, const sqlite_shape *shape, const larder_scan *scan,
    const sqlite_part *part, arrivals how, choice of, larder_error *err)
{
    bool first = true;

    sql_add(sql, "SELECT ");
    sqlite_shape_list(shape, sql);
    sql_add(sql, " FROM ");
    sql_name(sql, scan->table->name);
    if (how == ARRIVALS_INDEX)
        sql_add(sql, " INDEXED BY \"_larder_%s(_arrival)\"", scan->table->name);
    if (of != ROWS_ONWARD)
        add_low(sql, scan, part, &first);
    if (of == ROWS_ALL)
        add_high(sql, scan, part, &first);
    if (of == ROWS_SOUGHT)
        add_key(sql, scan, &first);
    if (of == ROWS_ONWARD)
        add_onward(sql, scan, &first);
    if (of == ROWS_NEWEST || of == ROWS_ONWARD)
        add_newest(sql, scan, &first);
    else
        add_filter(sql, scan, how, &first);
    if (scan->order == LARDER_ORDER_NEWEST_FIRST)
        add_order(sql, scan);
    return sql_finish(sql, err);
}

/* SELECT of a user's table. Integers are compared here already, so that few
 * rows are looked at; whatever else is there is judged later. */
static larder_status
say_foreign(sql_text *sql, const sqlite_shape *shape, const larder_scan *scan,
    larder_error *err)
{
    sql_add(sql, "SELECT ");
    sqlite_shape_list(shape, sql);
    sql_add(sql, " FROM ");
    sql_name(sql, scan->table->name);
    sql_add(sql, " WHERE (typeof(");
    sql_name(sql, scan->table->event);
    sql_add(sql, ") <> 'integer' OR ");
    sql_name(sql, scan->table->event);
    sql_add(sql, " BETWEEN ?%d AND ?%d)", P_FROM, P_TO);
    return sql_finish(sql, err);
}

/* Bind what the statement has; the others are not there to be bound. */
static void
bind_all(
    sqlite3_stmt *statement, const larder_scan *scan, const sqlite_part *part)
{
    const larder_table *table = scan->table;
    larder_time_unit unit = table->owned ? LARDER_UNIT_US : table->unit;

    (void)sqlite3_bind_int64(statement, P_FROM, sqlite_least(unit, scan->from));
    (void)sqlite3_bind_int64(statement, P_TO, sqlite_greatest(unit, scan->to));
    (void)sqlite3_bind_int64(statement, P_AFTER, scan->after);
    (void)sqlite3_bind_int64(statement, P_SEEN, scan->seen_until);
    if (part->low.set)
        (void)sqlite_bound_bind(&part->low, statement, P_LOW);
    if (part->high.set)
        (void)sqlite_bound_bind(&part->high, statement, P_HIGH);
}

/* ------------------------------------------------------------------- scans */

/* Does the statement give its rows in order without sorting them? */
static larder_status
is_in_order(sqlite_link *link, const char *text, bool *out, larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;
    bool row = false;

    *out = true;
    sql_add(&sql, "EXPLAIN QUERY PLAN %s", text);
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(sqlite_prepare(link, sql.text, &statement, err));
    for (;;) {
        const char *detail;

        LARDER_TRY(sqlite_step(link, statement, &row, err));
        if (!row)
            break;
        detail = (const char *)sqlite3_column_text(statement, 3);
        if (detail == NULL || sqlite3_strlike("%TEMP B-TREE%", detail, 0) == 0)
            *out = false;
    }
out:
    (void)sqlite3_finalize(statement);
    sql_release(&sql);
    return rc;
}

/* Prepare what the newest rows of greater keys come from, where seeking them
 * gives them in order too. */
static larder_status
prepare_onward(sqlite_rows *rows, const larder_scan *scan, larder_error *err)
{
    sql_text sql = {0};
    larder_status rc = LARDER_OK;
    bool in_order = true;

    if (scan->n_key == 0) {
        sqlite_newest_set_jumps(rows->newest);
        goto out;
    }
    LARDER_TRY(say_owned(
        &sql, &rows->shape, scan, &rows->part, ARRIVALS_ANY, ROWS_ONWARD, err));
    LARDER_TRY(is_in_order(rows->link, sql.text, &in_order, err));
    if (!in_order)
        goto out;
    LARDER_TRY(sqlite_prepare(rows->link, sql.text, &rows->onward, err));
    bind_all(rows->onward, scan, &rows->part);
    rows->onward_key = P_KEY;
    sqlite_newest_set_jumps(rows->newest);
out:
    sql_release(&sql);
    return rc;
}

/* The SELECT that answers the scan: if it gives rows in order, it asks for the
 * newest itself, or is stopped where the part ends. */
static larder_status
say_best(sqlite_rows *rows, const larder_scan *scan, arrivals how,
    sql_text *sql, larder_error *err)
{
    choice of = rows->newest == NULL ? ROWS_OPEN : ROWS_NEWEST;
    larder_status rc = LARDER_OK;
    bool in_order = false;

    if (scan->order == LARDER_ORDER_NEWEST_FIRST && how != ARRIVALS_INDEX &&
        (of == ROWS_NEWEST || rows->part.high.set)) {
        LARDER_TRY(
            say_owned(sql, &rows->shape, scan, &rows->part, how, of, err));
        LARDER_TRY(is_in_order(rows->link, sql->text, &in_order, err));
    }
    if (in_order) {
        rows->in_sql = of == ROWS_NEWEST;
        rows->high = of == ROWS_OPEN ? &rows->part.high : NULL;
        goto out;
    }
    sql_release(sql);
    LARDER_TRY(
        say_owned(sql, &rows->shape, scan, &rows->part, how, ROWS_ALL, err));
out:
    return rc;
}

static larder_status
prepare_owned(sqlite_rows *rows, const larder_scan *scan, larder_error *err)
{
    arrivals how = ARRIVALS_ANY;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    LARDER_TRY(find_arrivals(rows->link, scan, &how, err));
    if (how == ARRIVALS_NONE)
        goto out;
    LARDER_TRY(say_best(rows, scan, how, &sql, err));
    LARDER_TRY(sqlite_prepare(rows->link, sql.text, &rows->statement, err));
    if (!rows->in_sql)
        goto out;
    sqlite_newest_set_end(rows->newest, &rows->part.high);
    LARDER_TRY(prepare_onward(rows, scan, err));
out:
    sql_release(&sql);
    return rc;
}

static larder_status
prepare_foreign(sqlite_rows *rows, const larder_scan *scan, larder_error *err)
{
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    if (scan->table->query != NULL)
        return sqlite_prepare_user(
            rows->link, scan->table->query, &rows->statement, err);
    LARDER_TRY(say_foreign(&sql, &rows->shape, scan, err));
    LARDER_TRY(sqlite_prepare(rows->link, sql.text, &rows->statement, err));
out:
    sql_release(&sql);
    return rc;
}

/* A statement for all keys takes longer to prepare than some keys take. */
#define MANY_KEYS 64u

/* Prepare the SELECT of one key's rows, if keys are to be sought: then all of
 * them, as all rows of other keys are read otherwise. */
static larder_status
prepare_sought(sqlite_reader *reader, sqlite_rows *rows,
    const larder_scan *scan, bool latest, larder_error *err)
{
    const sqlite_part all = {0};
    larder_scan asked = *scan;
    arrivals how = ARRIVALS_ANY;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;
    bool can = false;

    if (scan->keys == NULL || !sqlite_keys_fit(scan->keys))
        return LARDER_OK;
    LARDER_TRY(sqlite_seekable(reader, scan, &can, err));
    if (!can && (!scan->table->owned || scan->keys->n_rows != 1))
        goto out;
    LARDER_TRY(sqlite_keys_new(scan, latest, &rows->keys, err));
    if (scan->table->owned)
        LARDER_TRY(find_arrivals(rows->link, scan, &how, err));
    if (how == ARRIVALS_NONE)
        goto out;
    if (scan->table->owned && how == ARRIVALS_ANY && !latest &&
        scan->keys->n_rows >= MANY_KEYS)
        LARDER_TRY(sqlite_sought_new(
            reader, scan, &rows->shape, rows->keys, &rows->sought, err));
    if (rows->sought != NULL)
        goto out;
    if (how == ARRIVALS_INDEX)
        how = ARRIVALS_NEW;
    if (sqlite_keys_judge(rows->keys))
        asked.order = LARDER_ORDER_NEWEST_FIRST;
    LARDER_TRY(
        say_owned(&sql, &rows->shape, &asked, &all, how, ROWS_SOUGHT, err));
    LARDER_TRY(sqlite_prepare(rows->link, sql.text, &rows->statement, err));
    bind_all(rows->statement, scan, &all);
    rows->places = (sqlite_keys_places){P_KEY, P_FROM, P_TO};
out:
    sql_release(&sql);
    return rc;
}

/* The rows that answer the scan. */
static larder_status
prepare_rows(sqlite_rows *rows, const larder_scan *scan, larder_error *err)
{
    bool query = scan->table->query != NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(sqlite_part_find(rows->link, scan, &rows->part, err));
    if (rows->part.empty)
        goto out;
    if (scan->table->owned)
        LARDER_TRY(prepare_owned(rows, scan, err));
    else
        LARDER_TRY(prepare_foreign(rows, scan, err));
    if (rows->statement != NULL && !query)
        bind_all(rows->statement, scan, &rows->part);
out:
    return rc;
}

larder_status
sqlite_scan(sqlite_reader *reader, const larder_call *call,
    const larder_scan *scan, larder_stream *out, larder_order *kept,
    larder_error *err)
{
    sqlite_rows *rows = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(sqlite_rows_new(reader, call, scan, &rows, err));
    LARDER_TRY(prepare_sought(reader, rows, scan, false, err));
    if (rows->keys == NULL)
        LARDER_TRY(prepare_rows(rows, scan, err));
    *kept = scan->table->owned || rows->keys != NULL ? scan->order
                                                     : LARDER_ORDER_ANY;
    sqlite_rows_stream(rows, out);
    rows = NULL;
out:
    sqlite_rows_free(rows);
    return rc;
}

larder_status
sqlite_latest(sqlite_reader *reader, const larder_call *call,
    const larder_scan *scan, larder_stream *out, larder_error *err)
{
    larder_scan ordered = *scan;
    sqlite_rows *rows = NULL;
    larder_status rc = LARDER_OK;

    if (!scan->table->owned)
        return larder_fail(err, LARDER_UNSUPPORTED,
            "only tables that Larder owns lie in the order this needs");
    ordered.order = LARDER_ORDER_NEWEST_FIRST;
    ordered.keys_from = ordered.keys_to = NULL;
    ordered.one_before = false;
    LARDER_TRY(sqlite_rows_new(reader, call, &ordered, &rows, err));
    LARDER_TRY(prepare_sought(reader, rows, &ordered, true, err));
    if (rows->keys == NULL) {
        LARDER_TRY(sqlite_newest_new(&ordered, &rows->newest, err));
        LARDER_TRY(prepare_rows(rows, &ordered, err));
    }
    sqlite_rows_stream(rows, out);
    rows = NULL;
out:
    sqlite_rows_free(rows);
    return rc;
}
