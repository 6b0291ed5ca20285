/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offline_postgres.c - history in PostgreSQL: the table of methods, and
 * snapshots.
 *
 * How tables look is told in postgres_history.h. Nothing is connected before it
 * is needed, and opening makes nothing: the schema comes with the first table
 * that Larder owns.
 */
#include "postgres_examine.h"
#include "postgres_history.h"

#include "builtin.h"

static larder_status
history_open(void *self, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    static const char *const more[] = {NULL};
    postgres_history *history = self;
    larder_status rc = LARDER_OK;

    (void)create;
    (void)call;
    LARDER_TRY(postgres_options_read(options, more, &history->options, err));
    if (pthread_mutex_init(&history->snapshot.lock, NULL) != 0) {
        postgres_options_free(&history->options);
        return larder_fail(err, LARDER_NOMEM, "no memory for a lock");
    }
    postgres_link_init(&history->main, &history->options);
    postgres_link_init(&history->snapshot.link, &history->options);
out:
    return rc;
}

static void
history_close(void *self)
{
    postgres_history *history = self;

    postgres_link_close(&history->snapshot.link);
    postgres_link_close(&history->main);
    (void)pthread_mutex_destroy(&history->snapshot.lock);
    postgres_options_free(&history->options);
    *history = (postgres_history){0};
}

/* --------------------------------------------------------------- snapshots */

/* The transaction is of the moment of its first statement. Cursors are read to
 * their end, so they are planned for that. */
static larder_status
history_begin(
    void *self, const larder_call *call, unsigned n_readers, larder_error *err)
{
    postgres_history *history = self;
    postgres_snapshot *snapshot = &history->snapshot;
    larder_status rc = LARDER_OK;

    if (snapshot->n_readers != 0)
        return larder_fail(err, LARDER_BUSY, "a snapshot is open already");
    LARDER_TRY(postgres_begin(&snapshot->link, POSTGRES_SNAPSHOT, call, err));
    rc = postgres_query(&snapshot->link,
        "SELECT pg_catalog.set_config('cursor_tuple_fraction', '1', true),"
        " pg_catalog.set_config('jit', 'off', true)",
        NULL, 0, false, NULL, err);
    if (rc != LARDER_OK) {
        postgres_undo(&snapshot->link);
        goto out;
    }
    snapshot->call = call;
    snapshot->n_readers = n_readers;
    snapshot->n_cursors = 0;
out:
    return rc;
}

static void
history_end(void *self)
{
    postgres_snapshot *snapshot = &((postgres_history *)self)->snapshot;

    snapshot->link.call = snapshot->call;
    postgres_undo(&snapshot->link);
    snapshot->n_readers = 0;
}

/* ----------------------------------------------------------------- methods */

static larder_status
history_describe(void *self, const larder_call *call, const larder_table *table,
    larder_described *out, larder_error *err)
{
    return postgres_describe(self, call, table, out, err);
}

static larder_status
history_create(void *self, const larder_call *call, const larder_table *table,
    const char *const *const *indexes, const size_t *n_index_columns,
    size_t n_indexes, larder_error *err)
{
    return postgres_create(
        self, call, table, indexes, n_index_columns, n_indexes, err);
}

static larder_status
history_remove(void *self, const larder_call *call, const larder_table *table,
    larder_error *err)
{
    return postgres_remove(self, call, table, err);
}

static larder_status
history_append(void *self, const larder_call *call, const larder_table *table,
    larder_stream *rows, larder_appended *out, larder_error *err)
{
    return postgres_append(self, call, table, rows, out, err);
}

static larder_status
history_scan(void *self, unsigned reader, const larder_call *call,
    const larder_scan *scan, larder_stream *out, larder_order *kept,
    larder_error *err)
{
    (void)reader;
    return postgres_scan(self, call, scan, out, kept, err);
}

static larder_status
history_asof(void *self, unsigned reader, const larder_call *call,
    const larder_asof *asof, larder_stream *out, larder_error *err)
{
    (void)reader;
    return postgres_asof(self, call, asof, out, err);
}

static larder_status
history_latest(void *self, unsigned reader, const larder_call *call,
    const larder_scan *scan, larder_stream *out, larder_error *err)
{
    (void)reader;
    return postgres_latest(self, call, scan, out, err);
}

static larder_status
history_query(void *self, const larder_call *call, const char *sql,
    larder_stream *out, larder_error *err)
{
    return postgres_answer(self, call, sql, out, err);
}

static larder_status
history_approach(void *self, unsigned reader, const larder_call *call,
    const larder_asof *asof, larder_approach *out, larder_error *err)
{
    (void)reader;
    return postgres_approach(self, call, asof, out, err);
}

static larder_status
history_propose(void *self, const larder_call *call, const larder_table *table,
    char **out, larder_error *err)
{
    return postgres_propose(self, call, table, out, err);
}

static larder_status
history_examine(void *self, const larder_call *call, larder_finding_sink *sink,
    larder_error *err)
{
    return postgres_examine(&((postgres_history *)self)->main, call, sink, err);
}

const larder_offline_ops ldr_offline_postgres_ops = {.abi = LARDER_BACKEND_ABI,
    .type = "postgres",
    .state_bytes = sizeof(postgres_history),
    .open = history_open,
    .close = history_close,
    .begin = history_begin,
    .end = history_end,
    .describe = history_describe,
    .create = history_create,
    .remove = history_remove,
    .append = history_append,
    .scan = history_scan,
    .asof_join = history_asof,
    .latest = history_latest,
    .query = history_query,
    .approach = history_approach,
    .propose = history_propose,
    .examine = history_examine};
