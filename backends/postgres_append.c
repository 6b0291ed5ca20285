/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_append.c - rows into an owned table: whole or not at all, equal rows
 * once.
 *
 * Rows go up by binary COPY into a table of this transaction alone, and from
 * there those that are not in history yet go into it; few rows go by one
 * INSERT. Nobody waits for the stream: only the last step takes its turn among
 * those who append to the same table, so that two of them cannot wait for each
 * other.
 *
 * The arrival of a row is the number of its transaction. Transactions commit in
 * another order than they are numbered in, so the mark that a reader gets is
 * below the oldest one that is still running: see postgres_describe.c. A
 * database restored from a dump begins to count anew; `base` is added from then
 * on, so that arrivals only grow.
 *
 * A COMMIT whose answer was lost is asked after, by the transaction's number;
 * where that cannot be, the same append again adds what is missing.
 */
#include "postgres_cells.h"
#include "postgres_move.h"

#include <stdlib.h>
#include <string.h>

/* Bytes sent at a time. */
#define SEND_BYTES ((size_t)256 << 10)
/* Rows whose digests are made at a time. */
#define DIGESTS 256u
/* An append of so few values needs no COPY. */
#define FEW_VALUES 2000u

typedef struct append {
    postgres_link *link;
    const larder_call *call;
    const larder_table *table;
    postgres_table found;
    postgres_bytes bytes;
    size_t event;                  /* column of the schema */
    int64_t arrival, base, number; /* number: the transaction's own */
    uint64_t n_read, n_added;
    larder_time min_event, max_event;
} append;

/* ------------------------------------------------------------------- prepare
 */

/* The table must be as create() made it for this schema. */
static larder_status
check_table(append *a, larder_error *err)
{
    const larder_schema *schema = a->table->schema;
    larder_status rc = LARDER_OK;

    LARDER_TRY(postgres_table_load(a->link, a->table, &a->found, err));
    for (size_t i = 0; i < schema->n_fields; i++) {
        const postgres_column *column =
            postgres_table_find(&a->found, schema->fields[i].name);

        if (postgres_same_name(schema->fields[i].name, a->table->event))
            a->event = i;
        if (a->found.exists && a->found.owned && column != NULL &&
            postgres_type_of(column->type) == schema->fields[i].type)
            continue;
        rc = larder_fail(err, LARDER_NOT_FOUND,
            a->found.exists ? "table '%s' is not as its definition has it (see "
                              "column '%s')"
                            : "history has no table '%s' yet",
            a->table->name, schema->fields[i].name);
        larder_hint(err, "run `larder apply` first");
        goto out;
    }
out:
    return rc;
}

static void
add_columns(sql_text *sql, const append *a)
{
    const larder_schema *schema = a->table->schema;

    for (size_t i = 0; i < schema->n_fields; i++) {
        sql_name(
            sql, postgres_table_find(&a->found, schema->fields[i].name)->name);
        sql_add(sql, ", ");
    }
}

/* Wait for one's turn, and learn one's number. */
static larder_status
take_turn(append *a, larder_error *err)
{
    const postgres_value value = {
        25, a->found.from, (int)strlen(a->found.from)};
    PGresult *result = NULL;
    sql_text sql = {0};
    larder_status rc = LARDER_OK;
    long long last, next;

    LARDER_TRY(postgres_query(a->link,
        "SELECT pg_catalog.pg_advisory_xact_lock("
        "pg_catalog.hashtextextended('larder:' || $1, 0))",
        &value, 1, false, NULL, err));
    sql_add(&sql,
        "SELECT pg_catalog.pg_current_xact_id()::text,"
        " pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text,"
        " (SELECT max(arrival) FROM ");
    sql_name(&sql, a->link->options->schema);
    sql_add(&sql, "._larder_batches)::text, (SELECT max(base) FROM ");
    sql_name(&sql, a->link->options->schema);
    sql_add(&sql, "._larder_batches)::text");
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(postgres_query(a->link, sql.text, NULL, 0, false, &result, err));
    a->number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    next = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
    last = strtoll(PQgetvalue(result, 0, 2), NULL, 10);
    a->base = strtoll(PQgetvalue(result, 0, 3), NULL, 10);
    if (next < a->number)
        next = a->number;
    if (last > a->base + next) /* no transaction of here had that number */
        a->base = last;
    a->arrival = a->base + a->number;
out:
    PQclear(result);
    sql_release(&sql);
    return rc;
}

/* ------------------------------------------------------------------- encode */

static void
note_events(append *a, const larder_batch *batch)
{
    const int64_t *events = batch->columns[a->event].values;

    for (size_t i = 0; i < batch->n_rows; i++) {
        if (a->n_read + i == 0 || events[i] < a->min_event)
            a->min_event = events[i];
        if (a->n_read + i == 0 || events[i] > a->max_event)
            a->max_event = events[i];
    }
    a->n_read += batch->n_rows;
}

static larder_status
encode_row(append *a, const larder_batch *batch, size_t row, uint64_t digest,
    larder_error *err)
{
    size_t n = batch->schema->n_fields;
    larder_status rc = postgres_bytes_room(&a->bytes, 2, err);

    if (rc != LARDER_OK)
        return rc;
    postgres_put16(a->bytes.bytes + a->bytes.size, (uint16_t)(n + 1));
    a->bytes.size += 2;
    for (size_t i = 0; i < n; i++) {
        rc = postgres_encode(&a->bytes, &batch->columns[i], row, err);
        if (rc != LARDER_OK) {
            larder_context(err, "table '%s', column '%s'", a->table->name,
                batch->schema->fields[i].name);
            return rc;
        }
    }
    LARDER_TRY(postgres_bytes_room(&a->bytes, 12, err));
    postgres_put32(a->bytes.bytes + a->bytes.size, 8);
    postgres_put64(a->bytes.bytes + a->bytes.size + 4, digest);
    a->bytes.size += 12;
out:
    return rc;
}

static larder_status
send_bytes(append *a, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (a->bytes.size != 0)
        rc = postgres_copy_bytes(a->link, a->bytes.bytes, a->bytes.size, err);
    a->bytes.size = 0;
    return rc;
}

static larder_status
send_batch(append *a, const larder_batch *batch, larder_error *err)
{
    uint64_t digests[DIGESTS];
    larder_status rc = LARDER_OK;

    for (size_t row = 0; row < batch->n_rows; row++) {
        size_t left = batch->n_rows - row;

        if (row % DIGESTS == 0)
            larder_row_digests(
                batch, row, left < DIGESTS ? left : DIGESTS, digests);
        LARDER_TRY(encode_row(a, batch, row, digests[row % DIGESTS], err));
        if (a->bytes.size >= SEND_BYTES)
            LARDER_TRY(send_bytes(a, err));
    }
    note_events(a, batch);
out:
    return rc;
}

/* --------------------------------------------------------------------- copy */

static larder_status
begin_copy(append *a, larder_error *err)
{
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    sql_add(&sql, "CREATE TEMP TABLE _larder_append ON COMMIT DROP AS SELECT ");
    add_columns(&sql, a);
    sql_add(&sql, "_digest FROM %s WITH NO DATA", a->found.from);
    LARDER_TRY(sql_finish(&sql, err));
    LARDER_TRY(postgres_run(a->link, sql.text, err));
    LARDER_TRY(postgres_copy_begin(a->link,
        "COPY pg_temp._larder_append FROM STDIN WITH (FORMAT binary)", err));
    rc = postgres_copy_head(&a->bytes, err);
out:
    sql_release(&sql);
    return rc;
}

/* The batch at hand and all that follow; it is released. */
static larder_status
copy_rows(
    append *a, larder_batch *batch, larder_stream *rows, larder_error *err)
{
    larder_status rc = LARDER_OK;
    uint64_t n_copied = 0;

    while (batch->n_rows != 0) {
        LARDER_TRY(larder_call_check(a->call, err));
        LARDER_TRY(send_batch(a, batch, err));
        larder_batch_release(batch);
        LARDER_TRY(larder_stream_next(rows, batch, err));
    }
    LARDER_TRY(postgres_copy_tail(&a->bytes, err));
    LARDER_TRY(send_bytes(a, err));
    return postgres_copy_end(a->link, &n_copied, err);
out:
    postgres_copy_abandon(a->link, "the rows did not all come");
    return rc;
}

static larder_status
move_rows(append *a, larder_error *err)
{
    sql_text columns = {0};
    larder_status rc = LARDER_OK;

    add_columns(&columns, a);
    sql_add(&columns, "_digest");
    LARDER_TRY(sql_finish(&columns, err));
    rc = postgres_move(a->link, &a->found, columns.text, a->arrival, a->n_read,
        &a->n_added, err);
out:
    sql_release(&columns);
    return rc;
}

/* ---------------------------------------------------------------- few rows */

/* The rows as parameters of one INSERT: what the encoding made, in pieces. */
static void
say_values(append *a, const larder_batch *batch, postgres_bindings *bindings,
    sql_text *sql)
{
    size_t n = batch->schema->n_fields, at = 0;

    for (size_t row = 0; row < batch->n_rows; row++) {
        sql_add(sql, row == 0 ? " (" : ", (");
        at += 2;
        for (size_t i = 0; i <= n; i++) {
            Oid type =
                i < n ? postgres_declared(batch->schema->fields[i].type) : 20;
            const unsigned char *head =
                (const unsigned char *)a->bytes.bytes + at;
            uint32_t size = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 |
                            (uint32_t)head[2] << 8 | head[3];

            at += 4;
            if (size == UINT32_MAX)
                sql_add(sql, "NULL, ");
            else
                sql_add(sql, "$%d, ",
                    postgres_bind(bindings, type, a->bytes.bytes + at, size));
            at += size == UINT32_MAX ? 0 : size;
        }
        sql_add(sql, "%lld)", (long long)a->arrival);
    }
}

static larder_status
insert_few(append *a, const larder_batch *batch, larder_error *err)
{
    postgres_bindings bindings = {0};
    PGresult *result = NULL;
    uint64_t digests[FEW_VALUES];
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    larder_row_digests(batch, 0, batch->n_rows, digests);
    for (size_t row = 0; row < batch->n_rows; row++)
        LARDER_TRY(encode_row(a, batch, row, digests[row], err));
    note_events(a, batch);
    LARDER_TRY(take_turn(a, err));
    sql_add(&sql, "INSERT INTO %s (", a->found.from);
    add_columns(&sql, a);
    sql_add(&sql, "_digest, _arrival) VALUES");
    say_values(a, batch, &bindings, &sql);
    sql_add(&sql, " ON CONFLICT DO NOTHING");
    LARDER_TRY(sql_finish(&sql, err));
    if (bindings.failed) {
        rc = larder_fail(err, LARDER_NOMEM, "out of memory");
        goto out;
    }
    LARDER_TRY(postgres_query(a->link, sql.text, bindings.values,
        bindings.n_values, false, &result, err));
    a->n_added = strtoull(PQcmdTuples(result), NULL, 10);
out:
    PQclear(result);
    postgres_bindings_release(&bindings);
    sql_release(&sql);
    return rc;
}

/* --------------------------------------------------------------------- ends */

/* Write down that this append was. */
static larder_status
note_append(const append *a, larder_error *err)
{
    const postgres_value name = {
        25, a->table->name, (int)strlen(a->table->name)};
    postgres_bindings bindings = {0};
    sql_text sql = {0};
    larder_status rc = LARDER_OK;

    (void)postgres_bind(&bindings, 25, name.bytes, (size_t)name.size);
    (void)postgres_bind_int64(&bindings, a->arrival);
    (void)postgres_bind_int64(&bindings, a->base);
    (void)postgres_bind_int64(&bindings, (int64_t)a->n_added);
    for (int i = 0; i < 3; i++) {
        larder_time times[] = {a->min_event, a->max_event, a->call->now};
        char bytes[8];

        postgres_put64(bytes, (uint64_t)(times[i] - POSTGRES_EPOCH));
        (void)postgres_bind(&bindings, 1184, bytes, sizeof bytes);
    }
    sql_add(&sql, "INSERT INTO ");
    sql_name(&sql, a->link->options->schema);
    sql_add(&sql,
        "._larder_batches (table_name, arrival, base, n_rows, min_event,"
        " max_event, applied) VALUES ($1, $2, $3, $4, $5, $6, $7)");
    LARDER_TRY(sql_finish(&sql, err));
    if (bindings.failed) {
        rc = larder_fail(err, LARDER_NOMEM, "out of memory");
        goto out;
    }
    rc = postgres_query(a->link, sql.text, bindings.values, bindings.n_values,
        false, NULL, err);
out:
    postgres_bindings_release(&bindings);
    sql_release(&sql);
    return rc;
}

/* The answer to COMMIT was lost: what became of the transaction? The failure
 * stands where nobody knows. */
static larder_status
ask_outcome(append *a, larder_status failure, larder_error *err)
{
    char number[32];
    const postgres_value value = {25, number,
        snprintf(number, sizeof number, "%lld", (long long)a->number)};
    PGresult *result = NULL;
    larder_status rc = failure;

    (void)err; /* keeps what COMMIT said, unless it was done */
    if (postgres_begin(a->link, POSTGRES_READ, a->call, NULL) != LARDER_OK)
        return rc;
    if (postgres_query(a->link,
            "SELECT pg_catalog.pg_xact_status($1::pg_catalog.xid8)", &value, 1,
            false, &result, NULL) == LARDER_OK &&
        PQntuples(result) == 1 &&
        strcmp(PQgetvalue(result, 0, 0), "committed") == 0)
        rc = LARDER_OK;
    PQclear(result);
    postgres_undo(a->link);
    return rc;
}

static larder_status
put_rows(append *a, larder_stream *rows, larder_error *err)
{
    larder_batch batch = {0}, second = {0};
    larder_status rc = LARDER_OK;
    bool few;

    LARDER_TRY(larder_stream_next(rows, &batch, err));
    if (batch.n_rows == 0)
        goto out;
    few = batch.n_rows * (batch.schema->n_fields + 1) <= FEW_VALUES;
    if (few) {
        LARDER_TRY(larder_call_check(a->call, err));
        LARDER_TRY(larder_stream_next(rows, &second, err));
        if (second.n_rows == 0) {
            rc = insert_few(a, &batch, err);
            goto out;
        }
    }
    LARDER_TRY(begin_copy(a, err));
    if (few) {
        rc = send_batch(a, &batch, err);
        if (rc != LARDER_OK) {
            postgres_copy_abandon(a->link, "the rows did not all come");
            goto out;
        }
        larder_batch_release(&batch);
        batch = second;
        second = (larder_batch){0};
    }
    LARDER_TRY(copy_rows(a, &batch, rows, err));
    LARDER_TRY(take_turn(a, err));
    rc = move_rows(a, err);
out:
    larder_batch_release(&batch);
    larder_batch_release(&second);
    return rc;
}

larder_status
postgres_append(postgres_history *self, const larder_call *call,
    const larder_table *table, larder_stream *rows, larder_appended *out,
    larder_error *err)
{
    append a = {.link = &self->main, .call = call, .table = table};
    larder_status rc = LARDER_OK;

    LARDER_TRY(postgres_begin(a.link, POSTGRES_WRITE, call, err));
    LARDER_TRY(check_table(&a, err));
    LARDER_TRY(put_rows(&a, rows, err));
    if (a.n_added != 0) {
        LARDER_TRY(note_append(&a, err));
        rc = postgres_commit(a.link, err);
        if (rc != LARDER_OK && a.link->doubtful)
            rc = ask_outcome(&a, rc, err);
        if (rc != LARDER_OK)
            goto out;
    }
    *out = (larder_appended){.added = a.n_added,
        .duplicate = a.n_read - a.n_added,
        .arrival = a.n_added == 0 ? 0 : a.arrival};
out:
    postgres_undo(a.link);
    postgres_bytes_release(&a.bytes);
    postgres_table_release(&a.found);
    return rc;
}
