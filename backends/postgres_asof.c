/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_asof.c - for each spine row the newest row at or before its time,
 * and those tied with it, found inside the server.
 *
 * Three plans, chosen by what the catalog says. Where an index begins with the
 * keys and goes on with the event time: a seek for each row. Without one, and
 * for few rows: one pass over the table (postgres_pass.c). Else UNSUPPORTED: so
 * many rows are asked for that reading the table once in order is cheaper, and
 * the core merges that.
 *
 * For seeks the spine goes up slice by slice, as one array for each of its
 * columns, sorted as it is, so that one seek finds in memory most of what the
 * one before it touched. Arrays need no right to make tables, leave nothing in
 * the catalog, and work in a read only transaction and on a standby; a
 * temporary table filled by COPY is no faster (bench/README.md). Bounds of
 * times go up in the column's own type, so that its index serves.
 */
#include "postgres_spine.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A seek costs about as much as so many rows read in order; a row asked for in
 * a pass as much as so many of the table. */
#define ROWS_A_SEEK 3.0
#define ROWS_A_PASS 20.0

/* In a table of fewer rows anything is quick; one that nobody counted may have
 * so many. */
#define FEW_ROWS 10000.0
#define UNKNOWN_ROWS 200000.0

/* Spine rows in a statement of seeks. */
#define SLICE_ROWS ((size_t)131072)

static const larder_field leading = {"spine", LARDER_INT64};

/* --------------------------------------------------------------- the choice */

typedef enum plan { SEEK, PASS, MERGE } plan;

/* *reason says why, of all but SEEK. */
static plan
choose(
    const postgres_shape *shape, const larder_asof *asof, const char **reason)
{
    const postgres_table *table = &shape->table;
    const larder_scan *scan = &asof->scan;
    double n = (double)asof->spine->n_rows;
    double n_rows = table->n_rows < 0 ? UNKNOWN_ROWS : table->n_rows;

    *reason = "its keys or times are of types that compare in another way";
    if (!postgres_shape_comparable(shape))
        return MERGE;
    if (!table->is_query && postgres_table_seekable(table, scan->key,
                                scan->n_key, scan->table->event)) {
        *reason = "so many rows are asked for that reading all is cheaper";
        return n_rows >= FEW_ROWS && n * ROWS_A_SEEK > n_rows ? MERGE : SEEK;
    }
    *reason = table->is_query ? "a query has no index"
                              : "there is no index on the keys and the time";
    return asof->as_known || n * ROWS_A_PASS > n_rows ? MERGE : PASS;
}

/* ---------------------------------------------------------------------- SQL */

/* Some collations hold texts of different bytes for equal. The index finds
 * those too, and they are left out. */
static void
add_bytes_equal(const postgres_shape *shape, size_t key, sql_text *sql)
{
    const postgres_column *column = shape->keys[key].column;

    if (column->family != POSTGRES_TEXT || column->ordered)
        return;
    postgres_shape_key(shape, key, "h", sql);
    sql_add(sql, " = s.k%zu AND ", key + 1);
}

static void
add_condition(const postgres_cell *cell, const char *words, sql_text *sql)
{
    postgres_shape_name(cell, "h", sql);
    sql_add(sql, "%s", words);
}

/* Of which rows the first is wanted; the spine gets what they are compared
 * with. */
static void
add_conditions(postgres_spine *s, sql_text *sql)
{
    const postgres_shape *shape = s->shape;
    const postgres_cell *event = &shape->cells[shape->first];

    for (size_t i = 0; i < shape->n_keys; i++) {
        postgres_spine_key(s, i);
        postgres_shape_name(&shape->keys[i], "h", sql);
        sql_add(sql, " = s.k%zu AND ", i + 1);
        add_bytes_equal(shape, i, sql);
    }
    postgres_spine_greatest(s, event, "t");
    add_condition(event, " <= s.t", sql);
    if (s->asof->has_ttl) {
        postgres_spine_oldest(s, event, "oldest");
        sql_add(sql, " AND ");
        add_condition(event, " >= s.oldest", sql);
    }
    if (s->asof->as_known && event[1].column != NULL) {
        postgres_spine_greatest(s, event + 1, "known");
        sql_add(sql, " AND ");
        add_condition(event + 1, " <= s.known", sql);
    }
}

static larder_status
make_seeks(postgres_spine *s, sql_text *sql, larder_error *err)
{
    sql_text where = {0};
    larder_status rc;

    add_conditions(s, &where);
    LARDER_TRY(sql_finish(&where, err));
    LARDER_TRY(postgres_spine_finish(s, err));
    sql_add(sql, "SELECT s.n + %lld, h.* FROM %s CROSS JOIN LATERAL (SELECT ",
        (long long)s->row - 1, s->rows.text);
    postgres_shape_list(s->shape, "h", sql);
    sql_add(sql, " FROM %s AS h WHERE %s ORDER BY ", s->shape->table.from,
        where.text);
    postgres_shape_newest(s->shape, "h", sql);
    sql_add(sql, " FETCH FIRST 1 ROW WITH TIES) AS h");
    rc = sql_finish(sql, err);
out:
    sql_release(&where);
    return rc;
}

static larder_status
make_statement(postgres_spine *s, plan how, sql_text *sql, larder_error *err)
{
    return how == PASS ? postgres_pass(s, sql, err) : make_seeks(s, sql, err);
}

/* ------------------------------------------------------------------- slices */

/* The stream: one cursor after the other. */
typedef struct slices {
    postgres_history *self;
    const larder_call *call;
    larder_asof asof;
    plan how;             /* SEEK or PASS */
    size_t row;           /* the first of the next slice */
    postgres_shape shape; /* for it, where it was looked up already */
    bool has_shape;
    larder_stream rows;
    larder_schema schema;
    larder_field *fields; /* their names are the caller's */
} slices;

static void
slices_free(slices *s)
{
    larder_stream_close(&s->rows);
    postgres_shape_release(&s->shape);
    free(s->fields);
    free(s);
}

static larder_status
open_slice(slices *s, larder_error *err)
{
    postgres_spine spine = {
        .asof = &s->asof, .row = s->row, .shape = &s->shape};
    size_t left = s->asof.spine->n_rows - s->row;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    spine.n = left < SLICE_ROWS || s->how == PASS ? left : SLICE_ROWS;
    if (!s->has_shape)
        LARDER_TRY(postgres_shape_read(
            &s->shape, s->self, s->call, &s->asof.scan, &leading, err));
    s->has_shape = false;
    LARDER_TRY(make_statement(&spine, s->how, &sql, err));
    LARDER_TRY(postgres_rows_open(s->self, s->call, &s->shape, sql.text,
        &spine.bindings, NULL, &s->rows, err));
    s->row += spine.n;
out:
    sql_release(&sql);
    postgres_spine_release(&spine);
    return rc;
}

static larder_status
slices_next(larder_stream *self, larder_batch *out, larder_error *err)
{
    slices *s = self->state;
    larder_batch batch = {0};
    larder_status rc = LARDER_OK;

    while (s->rows.next != NULL || s->row < s->asof.spine->n_rows) {
        if (s->rows.next == NULL)
            LARDER_TRY(open_slice(s, err));
        LARDER_TRY(larder_stream_next(&s->rows, &batch, err));
        if (batch.n_rows > 0)
            break;
        larder_batch_release(&batch);
        larder_stream_close(&s->rows);
    }
    batch.schema = &s->schema; /* that of the rows ends with them */
    *out = batch;
out:
    return rc;
}

static void
slices_close(larder_stream *self)
{
    slices_free(self->state);
    *self = (larder_stream){0};
}

static slices *
slices_new(
    postgres_history *self, const larder_call *call, const larder_asof *asof)
{
    size_t n = asof->scan.n_columns + 3;
    slices *s = calloc(1, sizeof *s);
    larder_field *fields = calloc(n, sizeof *fields);

    if (s == NULL || fields == NULL) {
        free(s);
        free(fields);
        return NULL;
    }
    fields[0] = leading;
    fields[1] = (larder_field){"event", LARDER_TIMESTAMP};
    fields[2] = (larder_field){"created", LARDER_TIMESTAMP};
    if (n > 3)
        memcpy(fields + 3, asof->scan.columns, (n - 3) * sizeof *fields);
    *s = (slices){.self = self,
        .call = call,
        .asof = *asof,
        .fields = fields,
        .schema = {fields, n}};
    return s;
}

larder_status
postgres_asof(postgres_history *self, const larder_call *call,
    const larder_asof *asof, larder_stream *out, larder_error *err)
{
    slices *s = slices_new(self, call, asof);
    const char *reason;
    larder_status rc;

    if (s == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    LARDER_TRY(
        postgres_shape_read(&s->shape, self, call, &asof->scan, &leading, err));
    s->has_shape = true;
    s->how = choose(&s->shape, asof, &reason);
    if (s->how == MERGE) {
        rc = larder_fail(err, LARDER_UNSUPPORTED, "%s", reason);
        goto out;
    }
    /* Without a created time nothing is known of when a row was known. */
    if (asof->as_known && s->shape.cells[s->shape.first + 1].column == NULL)
        s->row = asof->spine->n_rows;
    *out = (larder_stream){.schema = &s->schema,
        .next = slices_next,
        .close = slices_close,
        .state = s};
    s = NULL;
out:
    if (s != NULL)
        slices_free(s);
    return rc;
}

/* ----------------------------------------------------------------- approach */

static larder_status tell(
    char **out, larder_error *err, const char *format, ...) LARDER_PRINTF(3, 4);

static larder_status
tell(char **out, larder_error *err, const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    *out = strdup(text);
    return *out == NULL ? larder_fail(err, LARDER_NOMEM, "out of memory")
                        : LARDER_OK;
}

/* "100 rows against about 2000000: why" */
static larder_status
tell_reason(const postgres_shape *shape, const larder_asof *asof,
    const char *why, char **out, larder_error *err)
{
    if (shape->table.n_rows < 0)
        return tell(out, err, "%zu rows against a number nobody counted: %s",
            asof->spine->n_rows, why);
    return tell(out, err, "%zu rows against about %lld: %s",
        asof->spine->n_rows, (long long)shape->table.n_rows, why);
}

/* What the merge reads is one ordered pass over the table. */
static void
add_scan(const postgres_shape *shape, sql_text *sql)
{
    sql_add(sql, "SELECT ");
    postgres_shape_list(shape, "t", sql);
    sql_add(sql, " FROM %s AS t", shape->table.from);
    if (!postgres_shape_comparable(shape))
        return; /* rows are put in order by the core */
    sql_add(sql, " ORDER BY ");
    postgres_shape_order(shape, "t", sql);
}

static larder_status
tell_statement(const postgres_shape *shape, const larder_asof *asof, plan how,
    char **out, larder_error *err)
{
    postgres_spine spine = {.asof = asof, .shape = shape, .shown = true};
    sql_text sql = {0};
    larder_status rc;

    if (how == MERGE) {
        add_scan(shape, &sql);
        LARDER_TRY(sql_finish(&sql, err));
    } else {
        LARDER_TRY(make_statement(&spine, how, &sql, err));
    }
    *out = sql.text;
    sql = (sql_text){0};
    rc = LARDER_OK;
out:
    sql_release(&sql);
    postgres_spine_release(&spine);
    return rc;
}

larder_status
postgres_approach(postgres_history *self, const larder_call *call,
    const larder_asof *asof, larder_approach *out, larder_error *err)
{
    static const char *const plans[] = {
        [SEEK] = "seek", [PASS] = "pass", [MERGE] = "merge"};
    postgres_shape shape = {0};
    larder_approach told = {0};
    const char *reason;
    larder_status rc;
    plan how;

    LARDER_TRY(
        postgres_shape_read(&shape, self, call, &asof->scan, &leading, err));
    how = choose(&shape, asof, &reason);
    if (how == SEEK)
        reason = "an index finds the newest of each";
    LARDER_TRY(tell(&told.plan, err, "%s", plans[how]));
    LARDER_TRY(tell_reason(&shape, asof, reason, &told.reason, err));
    LARDER_TRY(tell_statement(&shape, asof, how, &told.sql, err));
    *out = told;
    told = (larder_approach){0};
out:
    free(told.plan);
    free(told.reason);
    free(told.sql);
    postgres_shape_release(&shape);
    return rc;
}
