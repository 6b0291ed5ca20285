/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offline_sqlite.c - history in a SQLite file: the table of methods, and
 * snapshots.
 *
 * How tables look is told in sqlite_history.h. A snapshot is one read
 * transaction for each reader; they are of one moment because nothing was
 * committed between the first and the last, which the file's data version
 * tells.
 */
#include "sqlite_examine.h"
#include "sqlite_history.h"

#include "builtin.h"
#include "sqlite_newest.h"
#include "sqlite_sought.h"

#include <stdlib.h>

/* Times that a commit may come between before the lock is taken. */
#define TRIES 64

static larder_status
history_open(void *self, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    static const char *const known[] = {"type", "path"};
    sqlite_history *history = self;
    larder_status rc = LARDER_OK;

    LARDER_TRY(larder_options_only(
        options, known, sizeof known / sizeof known[0], err));
    LARDER_TRY(sqlite_store_open(&history->store,
        larder_options_find(options, "path"), "history", create, call, err));
out:
    return rc;
}

static void
history_close(void *self)
{
    sqlite_history *history = self;

    for (unsigned i = 0; i < history->n_readers; i++) {
        sqlite_link_close(&history->readers[i]->link);
        free(history->readers[i]->proven);
        free(history->readers[i]);
    }
    free(history->readers);
    sqlite_store_close(&history->store);
    *history = (sqlite_history){0};
}

/* --------------------------------------------------------------- snapshots */

/* As many open readers as are wanted; those of an earlier snapshot serve. */
static larder_status
open_readers(sqlite_history *history, const larder_call *call,
    unsigned n_readers, larder_error *err)
{
    larder_status rc = LARDER_OK;

    while (history->n_readers < n_readers) {
        sqlite_reader **grown = realloc(history->readers,
            (history->n_readers + 1) * sizeof(sqlite_reader *));
        sqlite_reader *reader = calloc(1, sizeof *reader);

        if (grown != NULL)
            history->readers = grown;
        if (grown == NULL || reader == NULL) {
            free(reader);
            return larder_fail(err, LARDER_NOMEM, "out of memory");
        }
        rc = sqlite_link_open(&history->store, &reader->link, call, err);
        if (rc == LARDER_OK && (sqlite_newest_register(reader->link.db,
                                    &reader->asked) != SQLITE_OK ||
                                   sqlite_sought_register(reader->link.db,
                                       &reader->sought) != SQLITE_OK))
            rc = larder_fail(err, LARDER_NOMEM, "out of memory");
        if (rc != LARDER_OK) {
            sqlite_link_close(&reader->link);
            free(reader);
            return rc;
        }
        history->readers[history->n_readers++] = reader;
    }
    return rc;
}

static void
end_readers(sqlite_history *history)
{
    for (unsigned i = 0; i < history->n_readers; i++) {
        sqlite_reader *reader = history->readers[i];

        reader->link.call = NULL;
        free(reader->proven);
        reader->proven = NULL;
        if (reader->begun)
            (void)sqlite_run(&reader->link, "COMMIT", NULL);
        reader->begun = false;
    }
    history->n_begun = 0;
}

static larder_status
begin_readers(sqlite_history *history, const larder_call *call,
    unsigned n_readers, larder_error *err)
{
    larder_status rc = LARDER_OK;
    int64_t n_tables = 0;

    for (unsigned i = 0; i < n_readers; i++) {
        sqlite_reader *reader = history->readers[i];

        reader->link.call = call;
        LARDER_TRY(sqlite_begin(&reader->link, "BEGIN", err));
        reader->begun = true;
        /* The transaction is of the moment of its first read. */
        LARDER_TRY(sqlite_integer(&reader->link,
            "SELECT count(*) FROM sqlite_schema", &n_tables, err));
    }
    history->n_begun = n_readers;
out:
    if (rc != LARDER_OK)
        end_readers(history);
    return rc;
}

/* Begin, and say whether somebody committed meanwhile. */
static larder_status
try_begin(sqlite_history *history, const larder_call *call, unsigned n_readers,
    bool *torn, larder_error *err)
{
    sqlite_link *watch = &history->store.main;
    int64_t before = 0, after = 0;
    larder_status rc = LARDER_OK;

    watch->call = call;
    LARDER_TRY(sqlite_integer(watch, "PRAGMA data_version", &before, err));
    LARDER_TRY(begin_readers(history, call, n_readers, err));
    LARDER_TRY(sqlite_integer(watch, "PRAGMA data_version", &after, err));
    *torn = n_readers > 1 && before != after;
out:
    if (rc != LARDER_OK || *torn)
        end_readers(history);
    return rc;
}

static larder_status
history_begin(
    void *self, const larder_call *call, unsigned n_readers, larder_error *err)
{
    sqlite_history *history = self;
    larder_status rc = LARDER_OK;
    bool torn = true;

    if (history->n_begun != 0)
        return larder_fail(err, LARDER_BUSY, "a snapshot is open already");
    LARDER_TRY(open_readers(history, call, n_readers, err));
    for (int i = 0; torn && i < TRIES; i++) {
        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(try_begin(history, call, n_readers, &torn, err));
    }
    if (torn) {
        LARDER_TRY(sqlite_write_begin(&history->store, call, err));
        rc = begin_readers(history, call, n_readers, err);
        sqlite_write_undo(&history->store);
    }
out:
    return rc;
}

static void
history_end(void *self)
{
    end_readers(self);
}

/* ----------------------------------------------------------------- methods */

static larder_status
history_describe(void *self, const larder_call *call, const larder_table *table,
    larder_described *out, larder_error *err)
{
    return sqlite_describe(self, call, table, out, err);
}

static larder_status
history_create(void *self, const larder_call *call, const larder_table *table,
    const char *const *const *indexes, const size_t *n_index_columns,
    size_t n_indexes, larder_error *err)
{
    return sqlite_create(
        self, call, table, indexes, n_index_columns, n_indexes, err);
}

static larder_status
history_remove(void *self, const larder_call *call, const larder_table *table,
    larder_error *err)
{
    return sqlite_remove(self, call, table, err);
}

static larder_status
history_append(void *self, const larder_call *call, const larder_table *table,
    larder_stream *rows, larder_appended *out, larder_error *err)
{
    return sqlite_append(self, call, table, rows, out, err);
}

static larder_status
history_scan(void *self, unsigned reader, const larder_call *call,
    const larder_scan *scan, larder_stream *out, larder_order *kept,
    larder_error *err)
{
    sqlite_history *history = self;

    return sqlite_scan(history->readers[reader], call, scan, out, kept, err);
}

static larder_status
history_asof(void *self, unsigned reader, const larder_call *call,
    const larder_asof *asof, larder_stream *out, larder_error *err)
{
    sqlite_history *history = self;

    return sqlite_asof(history->readers[reader], call, asof, out, err);
}

static larder_status
history_latest(void *self, unsigned reader, const larder_call *call,
    const larder_scan *scan, larder_stream *out, larder_error *err)
{
    sqlite_history *history = self;

    return sqlite_latest(history->readers[reader], call, scan, out, err);
}

static larder_status
history_query(void *self, const larder_call *call, const char *sql,
    larder_stream *out, larder_error *err)
{
    return sqlite_query(self, call, sql, out, err);
}

static larder_status
history_approach(void *self, unsigned reader, const larder_call *call,
    const larder_asof *asof, larder_approach *out, larder_error *err)
{
    sqlite_history *history = self;

    return sqlite_approach(history->readers[reader], call, asof, out, err);
}

static larder_status
history_propose(void *self, const larder_call *call, const larder_table *table,
    char **out, larder_error *err)
{
    return sqlite_propose(self, call, table, out, err);
}

static larder_status
history_examine(void *self, const larder_call *call, larder_finding_sink *sink,
    larder_error *err)
{
    return sqlite_examine(&((sqlite_history *)self)->store, call, sink, err);
}

const larder_offline_ops ldr_offline_sqlite_ops = {.abi = LARDER_BACKEND_ABI,
    .type = "sqlite",
    .state_bytes = sizeof(sqlite_history),
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
