/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_asof.c - for each spine row a seek: the newest row at or before its
 * time, and those tied with it.
 *
 * One statement serves all seeks. The spine is sorted, so one seek finds in
 * memory most of what the one before it touched.
 */
#include "sqlite_rows.h"

#include <stdlib.h>

/* Spine rows between two looks at the caller's wish to stop. */
#define CHECK_EVERY 1024u

typedef struct seeks {
    sqlite_link *link;
    const larder_call *call;
    const larder_batch *spine;
    size_t row; /* the next of the spine */
    size_t n_key;
    larder_time_unit unit;
    bool has_ttl;
    int64_t ttl_us;
    bool as_known;
    bool never;         /* as known, and the table knows no created time */
    bool has_values_us; /* older rows come without values, and alone */
    int64_t values_us;
    sqlite_shape shape;
    sqlite3_stmt *statement;
} seeks;

/* OK, or UNSUPPORTED: then a scan finds the same rows. */
static larder_status
check_seekable(
    sqlite_reader *reader, const larder_scan *scan, larder_error *err)
{
    larder_status rc = LARDER_OK;
    bool can = false;

    LARDER_TRY(sqlite_seekable(reader, scan, &can, err));
    if (!can)
        rc = larder_fail(err, LARDER_UNSUPPORTED,
            "there is no index on the keys and the time, or not all of them "
            "are integers and texts");
out:
    return rc;
}

/* --------------------------------------------------------------------- SQL */

static void
add_order(sql_text *sql, const larder_table *table)
{
    sql_add(sql, " ORDER BY ");
    sql_name(sql, table->event);
    sql_add(sql, " DESC");
    if (table->created != NULL) {
        sql_add(sql, ", ");
        sql_name(sql, table->created);
        sql_add(sql, " DESC");
    }
}

/* Parameters: the keys, then the greatest event, the least, the greatest
 * created time. A user's column may compare its text in another way than its
 * index. */
static void
add_seek(const sqlite_shape *shape, const larder_asof *asof, sql_text *sql)
{
    const larder_table *table = asof->scan.table;
    size_t n_key = asof->scan.n_key;

    sql_add(sql, "SELECT ");
    sqlite_shape_list(shape, sql);
    sql_add(sql, " FROM ");
    sql_name(sql, table->name);
    sql_add(sql, " WHERE ");
    for (size_t i = 0; i < n_key; i++) {
        sql_name(sql, asof->scan.key[i]);
        sql_add(sql, " = ?%zu COLLATE BINARY AND ", i + 1);
    }
    sql_name(sql, table->event);
    sql_add(sql, " <= ?%zu", n_key + 1);
    if (asof->has_ttl) {
        sql_add(sql, " AND ");
        sql_name(sql, table->event);
        sql_add(sql, " >= ?%zu", n_key + 2);
    }
    if (asof->as_known && table->created != NULL) {
        sql_add(sql, " AND ");
        sql_name(sql, table->created);
        sql_add(sql, " <= ?%zu AND ", n_key + 3);
        sql_name(sql, table->created);
        sql_add(sql, " > %s", "-9223372036854775808");
    }
    add_order(sql, table);
}

static larder_status
prepare_seek(seeks *s, const larder_asof *asof, larder_error *err)
{
    sql_text sql = {0};
    larder_status rc;

    add_seek(&s->shape, asof, &sql);
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(sqlite_prepare(s->link, sql.text, &s->statement, err));
out:
    sql_release(&sql);
    return rc;
}

/* ------------------------------------------------------------------- seeks */

/* The spine row's parameters. *whole: no part of key or time is null. */
static int
bind_row(const seeks *s, size_t row, bool *whole)
{
    const larder_column *columns = s->spine->columns;
    int next = (int)s->n_key + 1, code = SQLITE_OK;
    larder_time t, least;

    *whole = false;
    for (size_t i = 0; i <= s->n_key; i++)
        if (sqlite_null(&columns[i], row))
            return SQLITE_OK;
    *whole = true;
    for (size_t i = 0; i < s->n_key && code == SQLITE_OK; i++)
        code = sqlite_bind(s->statement, (int)i + 1, &columns[i], row);
    if (code != SQLITE_OK)
        return code;
    t = ((const int64_t *)columns[s->n_key].values)[row];
    least = s->has_ttl && t >= LARDER_TIME_MIN + s->ttl_us ? t - s->ttl_us
                                                           : LARDER_TIME_MIN;
    (void)sqlite3_bind_int64(s->statement, next, sqlite_greatest(s->unit, t));
    if (s->has_ttl)
        (void)sqlite3_bind_int64(
            s->statement, next + 1, sqlite_least(s->unit, least));
    if (s->as_known)
        (void)sqlite3_bind_int64(
            s->statement, next + 2, sqlite_greatest(s->unit, t));
    return SQLITE_OK;
}

/* Event and created time as they are stored: equal ones are ties. */
typedef struct version {
    int64_t event, created;
    bool no_created;
} version;

static version
version_at(const seeks *s)
{
    int created = s->shape.cells[s->shape.first + 1].index;
    version found = {.no_created = true};

    found.event = sqlite3_column_int64(
        s->statement, s->shape.cells[s->shape.first].index);
    if (created >= 0) {
        found.created = sqlite3_column_int64(s->statement, created);
        found.no_created =
            sqlite3_column_type(s->statement, created) == SQLITE_NULL;
    }
    return found;
}

static larder_status
take_row(seeks *s, bool values, larder_batch *batch, larder_error *err)
{
    size_t n = s->shape.schema.n_fields;
    size_t n_read = values ? n : s->shape.first + 2;
    larder_status rc =
        larder_column_append_integer(&batch->columns[0], (int64_t)s->row, err);

    for (size_t i = 1; i < n_read && rc == LARDER_OK; i++)
        rc = sqlite_read(&s->shape, &s->shape.cells[i], s->statement,
            &batch->columns[i], err);
    for (size_t i = n_read; i < n && rc == LARDER_OK; i++)
        rc = larder_column_append_null(&batch->columns[i], err);
    batch->n_rows++;
    return rc;
}

/* Is a row's value of no interest to the current spine row? */
static bool
is_old(const seeks *s, int64_t event)
{
    int64_t t = ((const int64_t *)s->spine->columns[s->n_key].values)[s->row];

    return s->has_values_us && t >= LARDER_TIME_MIN + s->values_us &&
           event < t - s->values_us;
}

/* One seek: the newest row, and those that follow it and are as new. */
static larder_status
seek(seeks *s, larder_batch *batch, larder_error *err)
{
    larder_status rc = LARDER_OK;
    version newest, next;
    bool row = false;

    LARDER_TRY(sqlite_step(s->link, s->statement, &row, err));
    if (!row)
        goto out;
    newest = version_at(s);
    if (is_old(s, newest.event)) {
        rc = take_row(s, false, batch, err);
        goto out;
    }
    do {
        LARDER_TRY(take_row(s, true, batch, err));
        LARDER_TRY(sqlite_step(s->link, s->statement, &row, err));
        if (!row)
            break;
        next = version_at(s);
    } while (next.event == newest.event && next.created == newest.created &&
             next.no_created == newest.no_created);
out:
    (void)sqlite3_reset(s->statement);
    return rc;
}

static larder_status
seeks_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    seeks *s = self->state;
    size_t n_rows = s->never ? 0 : s->spine->n_rows;
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;

    s->link->call = s->call;
    LARDER_TRY(larder_batch_init(&batch, &s->shape.schema, err));
    for (; s->row < n_rows; s->row++) {
        bool whole = false;
        int code;

        if (batch.n_rows != 0 && sqlite_batch_is_full(&batch))
            break;
        if (s->row % CHECK_EVERY == 0)
            LARDER_TRY(larder_call_check(s->call, err));
        code = bind_row(s, s->row, &whole);
        if (code != SQLITE_OK) {
            rc = sqlite_fail(s->link, code, err);
            goto out;
        }
        if (whole)
            LARDER_TRY(seek(s, &batch, err));
    }
    *out = batch;
    batch = (larder_batch){0};
out:
    larder_batch_release(&batch);
    return rc;
}

static void
seeks_free(seeks *s)
{
    (void)sqlite3_finalize(s->statement);
    sqlite_shape_release(&s->shape);
    free(s);
}

static void
seeks_close(larder_stream *self)
{
    seeks_free(self->state);
    *self = (larder_stream){0};
}

larder_status
sqlite_asof(sqlite_reader *reader, const larder_call *call,
    const larder_asof *asof, larder_stream *out, larder_error *err)
{
    static const larder_field leading = {"spine", LARDER_INT64};
    const larder_table *table = asof->scan.table;
    seeks *s = calloc(1, sizeof *s);
    larder_status rc = LARDER_OK;

    if (s == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    s->link = &reader->link;
    s->link->call = call;
    s->call = call;
    s->spine = asof->spine;
    s->n_key = asof->scan.n_key;
    s->unit = table->owned ? LARDER_UNIT_US : table->unit;
    s->has_ttl = asof->has_ttl;
    s->ttl_us = asof->ttl_us;
    s->has_values_us = table->owned && asof->has_values_us;
    s->values_us = asof->values_us;
    s->as_known = asof->as_known;
    s->never = asof->as_known && table->created == NULL;
    LARDER_TRY(check_seekable(reader, &asof->scan, err));
    LARDER_TRY(sqlite_shape_init(&s->shape, &asof->scan, &leading, err));
    LARDER_TRY(sqlite_shape_find(&s->shape, s->link, table, err));
    LARDER_TRY(prepare_seek(s, asof, err));
    *out = (larder_stream){.schema = &s->shape.schema,
        .next = seeks_next,
        .close = seeks_close,
        .state = s};
    s = NULL;
out:
    if (s != NULL)
        seeks_free(s);
    return rc;
}

/* ----------------------------------------------------------------- approach */

/* Such a text, for the caller to free(). */
static larder_status
copy_text(const char *text, char **out, larder_error *err)
{
    *out = strdup(text);
    return *out == NULL ? larder_fail(err, LARDER_NOMEM, "out of memory")
                        : LARDER_OK;
}

static larder_status
tell_seek(sqlite_reader *reader, const larder_asof *asof, larder_approach *out,
    larder_error *err)
{
    static const larder_field leading = {"spine", LARDER_INT64};
    sqlite_shape shape = {0};
    sql_text sql = {0};
    larder_status rc;

    LARDER_TRY(sqlite_shape_init(&shape, &asof->scan, &leading, err));
    LARDER_TRY(sqlite_shape_find(&shape, &reader->link, asof->scan.table, err));
    add_seek(&shape, asof, &sql);
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(copy_text("seek", &out->plan, err));
    LARDER_TRY(copy_text(
        "an index finds the newest row of each key", &out->reason, err));
    LARDER_TRY(copy_text(sql.text, &out->sql, err));
out:
    sql_release(&sql);
    sqlite_shape_release(&shape);
    return rc;
}

larder_status
sqlite_approach(sqlite_reader *reader, const larder_call *call,
    const larder_asof *asof, larder_approach *out, larder_error *err)
{
    larder_approach told = {0};
    larder_error why = {0};
    larder_status rc;

    reader->link.call = call;
    rc = check_seekable(reader, &asof->scan, &why);
    if (rc == LARDER_OK) {
        LARDER_TRY(tell_seek(reader, asof, &told, err));
    } else if (rc == LARDER_UNSUPPORTED) {
        LARDER_TRY(copy_text("merge", &told.plan, err));
        LARDER_TRY(copy_text(why.message, &told.reason, err));
    } else {
        if (err != NULL)
            *err = why;
        goto out;
    }
    *out = told;
    told = (larder_approach){0};
out:
    free(told.plan);
    free(told.reason);
    free(told.sql);
    return rc;
}
