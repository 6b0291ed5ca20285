/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_sqlite.c - the registry in a SQLite file: the default.
 *
 *   larder_generations  one row a generation; never changed, and removed only
 *                       with its whole project (triggers see to it)
 *   larder_records      runs, statistics, audit; a second record of an id
 *                       replaces the first
 *   larder_leases       one row a name; given back, it keeps its fence
 *
 * Each write is one transaction under the lock of sqlite.h, so of two who apply
 * at once one wins and the other reads what the winner wrote. A lease expires
 * by call->now, since SQLite has no clock that all its users share. Option:
 * path.
 */
#include "builtin.h"
#include "sqlite.h"
#include "sqlite_examine.h"

#include <stdlib.h>
#include <string.h>

#define TABLES                                                                 \
    "CREATE TABLE IF NOT EXISTS larder_generations("                           \
    "project TEXT NOT NULL, number INTEGER NOT NULL,"                          \
    " applied INTEGER NOT NULL, hash TEXT NOT NULL, text TEXT NOT NULL,"       \
    " PRIMARY KEY(project, number));"                                          \
    "CREATE TABLE IF NOT EXISTS larder_forgotten("                             \
    "project TEXT PRIMARY KEY) WITHOUT ROWID;"                                 \
    "CREATE TRIGGER IF NOT EXISTS larder_generations_stay_as_they_are"         \
    " BEFORE UPDATE ON larder_generations BEGIN"                               \
    " SELECT RAISE(ABORT, 'a generation never changes'); END;"                 \
    "CREATE TRIGGER IF NOT EXISTS larder_generations_stay"                     \
    " BEFORE DELETE ON larder_generations"                                     \
    " WHEN OLD.project NOT IN (SELECT project FROM larder_forgotten) BEGIN"    \
    " SELECT RAISE(ABORT, 'a generation is never removed'); END;"              \
    "CREATE TABLE IF NOT EXISTS larder_records("                               \
    "sequence INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL,"       \
    " kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT, at INTEGER NOT NULL,"   \
    " text TEXT NOT NULL, UNIQUE(project, kind, id));"                         \
    "CREATE INDEX IF NOT EXISTS larder_records_newest"                         \
    " ON larder_records(project, kind, at, sequence);"                         \
    "CREATE TABLE IF NOT EXISTS larder_leases("                                \
    "project TEXT NOT NULL, name TEXT NOT NULL, holder TEXT NOT NULL,"         \
    " fence INTEGER NOT NULL, expires INTEGER,"                                \
    " PRIMARY KEY(project, name)) WITHOUT ROWID"

/* ------------------------------------------------------------- statements */

static void
bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    (void)sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static void
bind_integer(sqlite3_stmt *statement, int at, int64_t value)
{
    (void)sqlite3_bind_int64(statement, at, value);
}

/* Begin a write that somebody waits for. */
static larder_status
begin(sqlite_store *store, const larder_call *call, larder_error *err)
{
    larder_status rc = larder_call_check(call, err);

    return rc == LARDER_OK ? sqlite_write_begin(store, call, err) : rc;
}

/* A statement whose first parameter is the project. */
static larder_status
prepare(sqlite_store *store, const char *sql, const char *project,
    sqlite3_stmt **out, larder_error *err)
{
    larder_status rc = sqlite_prepare(&store->main, sql, out, err);

    if (rc == LARDER_OK)
        bind_text(*out, 1, project);
    return rc;
}

/* Run a prepared statement that gives no row, and be done with it. */
static larder_status
run_once(sqlite_store *store, sqlite3_stmt *statement, larder_error *err)
{
    larder_status rc = sqlite_execute(&store->main, statement, err);

    (void)sqlite3_finalize(statement);
    return rc;
}

/* --------------------------------------------------------- open and close */

static larder_status
make_tables(sqlite_store *store, const larder_call *call, larder_error *err)
{
    larder_status rc = LARDER_OK;

    LARDER_TRY(begin(store, call, err));
    LARDER_TRY(sqlite_run(&store->main, TABLES, err));
    LARDER_TRY(sqlite_write_commit(store, err));
out:
    sqlite_write_undo(store);
    return rc;
}

static larder_status
registry_open(void *self, const larder_options *options, bool create,
    const larder_call *call, larder_error *err)
{
    static const char *const known[] = {"path"};
    sqlite_store *store = self;
    larder_status rc = LARDER_OK;
    int64_t n_tables = 0;

    LARDER_TRY(larder_options_only(
        options, known, sizeof known / sizeof known[0], err));
    LARDER_TRY(sqlite_store_open(store, larder_options_find(options, "path"),
        "registry", create, call, err));
    LARDER_TRY(sqlite_integer(&store->main,
        "SELECT count(*) FROM sqlite_schema WHERE name='larder_leases'",
        &n_tables, err));
    if (n_tables == 0 && create)
        LARDER_TRY(make_tables(store, call, err));
    if (n_tables == 0 && !create) {
        rc = larder_fail(
            err, LARDER_NOT_FOUND, "there is no registry at %s", store->path);
        larder_hint(err, "run `larder apply` first");
    }
out:
    if (rc != LARDER_OK)
        sqlite_store_close(store);
    return rc;
}

static void
registry_close(void *self)
{
    sqlite_store_close(self);
}

/* ------------------------------------------------------------- generations */

static larder_status
read_newest(sqlite_store *store, const char *project, uint64_t *number,
    larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    larder_status rc = LARDER_OK;
    bool row;

    LARDER_TRY(prepare(store,
        "SELECT coalesce(max(number), 0) FROM larder_generations"
        " WHERE project=?1",
        project, &statement, err));
    LARDER_TRY(sqlite_step(&store->main, statement, &row, err));
    *number = (uint64_t)sqlite3_column_int64(statement, 0);
out:
    (void)sqlite3_finalize(statement);
    return rc;
}

static larder_status
registry_newest(void *self, const larder_call *call, const char *project,
    uint64_t *number, larder_error *err)
{
    sqlite_store *store = self;

    store->main.call = call;
    return read_newest(store, project, number, err);
}

/* The row a statement stands at: number, applied, hash, text. */
static larder_status
take_generation(
    sqlite3_stmt *statement, larder_generation *out, larder_error *err)
{
    const char *hash = (const char *)sqlite3_column_text(statement, 2);
    const void *text = sqlite3_column_text(statement, 3);
    larder_generation generation = {
        .number = (uint64_t)sqlite3_column_int64(statement, 0),
        .applied = sqlite3_column_int64(statement, 1),
        .n_text = (size_t)sqlite3_column_bytes(statement, 3)};

    if (hash == NULL || text == NULL || strlen(hash) >= sizeof generation.hash)
        return larder_fail(err, LARDER_CORRUPT,
            "generation %llu of the registry has no text or no hash",
            (unsigned long long)generation.number);
    generation.text = malloc(generation.n_text + 1);
    if (generation.text == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    memcpy(generation.text, text, generation.n_text);
    generation.text[generation.n_text] = '\0';
    memcpy(generation.hash, hash, strlen(hash) + 1);
    *out = generation;
    return LARDER_OK;
}

static larder_status
registry_load(void *self, const larder_call *call, const char *project,
    uint64_t number, larder_generation *out, larder_error *err)
{
    sqlite_store *store = self;
    sqlite3_stmt *statement = NULL;
    larder_status rc = LARDER_OK;
    bool row;

    store->main.call = call;
    LARDER_TRY(prepare(store,
        "SELECT number, applied, hash, text FROM larder_generations"
        " WHERE project=?1 AND (?2=0 OR number=?2)"
        " ORDER BY number DESC LIMIT 1",
        project, &statement, err));
    bind_integer(
        statement, 2, number > INT64_MAX ? INT64_MAX : (int64_t)number);
    LARDER_TRY(sqlite_step(&store->main, statement, &row, err));
    if (row)
        LARDER_TRY(take_generation(statement, out, err));
    else if (number == 0)
        *out = (larder_generation){0};
    else
        rc = larder_fail(err, LARDER_NOT_FOUND,
            "project '%s' has no generation %llu", project,
            (unsigned long long)number);
out:
    (void)sqlite3_finalize(statement);
    return rc;
}

static larder_status
insert_generation(sqlite_store *store, const char *project,
    const larder_generation *generation, uint64_t number, larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    larder_status rc = prepare(store,
        "INSERT INTO larder_generations VALUES(?1, ?2, ?3, ?4, ?5)", project,
        &statement, err);

    if (rc != LARDER_OK)
        return rc;
    bind_integer(statement, 2, (int64_t)number);
    bind_integer(statement, 3, generation->applied);
    bind_text(statement, 4, generation->hash);
    (void)sqlite3_bind_text64(statement, 5, generation->text,
        generation->n_text, SQLITE_STATIC, SQLITE_UTF8);
    return run_once(store, statement, err);
}

static larder_status
registry_append(void *self, const larder_call *call, const char *project,
    uint64_t after, larder_generation *generation, larder_error *err)
{
    sqlite_store *store = self;
    larder_status rc = LARDER_OK;
    uint64_t newest = 0;

    LARDER_TRY(begin(store, call, err));
    LARDER_TRY(read_newest(store, project, &newest, err));
    if (newest != after)
        LARDER_TRY(larder_fail(err, LARDER_CONFLICT,
            "project '%s' is at generation %llu, not %llu", project,
            (unsigned long long)newest, (unsigned long long)after));
    LARDER_TRY(insert_generation(store, project, generation, after + 1, err));
    LARDER_TRY(sqlite_write_commit(store, err));
    generation->number = after + 1;
out:
    sqlite_write_undo(store);
    return rc;
}

/* ------------------------------------------------------------------ leases */

/* A lease as it is stored. */
struct held {
    bool there;
    bool given_back;
    char *holder; /* yours to free() */
    uint64_t fence;
    larder_time expires;
};

static larder_status
read_lease(sqlite_store *store, const char *project, const char *name,
    struct held *out, larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    larder_status rc = LARDER_OK;
    const char *holder;

    LARDER_TRY(prepare(store,
        "SELECT holder, fence, expires FROM larder_leases"
        " WHERE project=?1 AND name=?2",
        project, &statement, err));
    bind_text(statement, 2, name);
    LARDER_TRY(sqlite_step(&store->main, statement, &out->there, err));
    if (!out->there)
        goto out;
    holder = (const char *)sqlite3_column_text(statement, 0);
    out->holder = strdup(holder == NULL ? "" : holder);
    if (out->holder == NULL)
        LARDER_TRY(larder_fail(err, LARDER_NOMEM, "out of memory"));
    out->fence = (uint64_t)sqlite3_column_int64(statement, 1);
    out->given_back = sqlite3_column_type(statement, 2) == SQLITE_NULL;
    out->expires = sqlite3_column_int64(statement, 2);
out:
    (void)sqlite3_finalize(statement);
    return rc;
}

/* `expires` NULL: given back. */
static larder_status
write_lease(sqlite_store *store, const char *project, const larder_lease *lease,
    uint64_t fence, const larder_time *expires, larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    larder_status rc = prepare(store,
        "INSERT OR REPLACE INTO larder_leases VALUES(?1, ?2, ?3, ?4, ?5)",
        project, &statement, err);

    if (rc != LARDER_OK)
        return rc;
    bind_text(statement, 2, lease->name);
    bind_text(statement, 3, lease->holder);
    bind_integer(statement, 4, (int64_t)fence);
    if (expires != NULL)
        bind_integer(statement, 5, *expires);
    return run_once(store, statement, err);
}

/* now + ttl, or the end of time. */
static larder_time
expiry(const larder_call *call, int64_t ttl_us)
{
    return call->now > LARDER_TIME_MAX - ttl_us ? LARDER_TIME_MAX
                                                : call->now + ttl_us;
}

/* May the lease be taken or renewed, and under which fence? */
static larder_status
judge_lease(const larder_lease *lease, const struct held *held,
    const larder_call *call, uint64_t *fence, larder_error *err)
{
    bool free = !held->there || held->given_back;
    bool ours = !free && held->fence == lease->fence &&
                strcmp(held->holder, lease->holder) == 0;

    if (!free && !ours && held->expires > call->now)
        return larder_fail(
            err, LARDER_BUSY, "'%s' is held by %s", lease->name, held->holder);
    if (lease->fence != 0 && !ours)
        return larder_fail(err, LARDER_CONFLICT,
            "%s no longer holds '%s': it expired and changed hands",
            lease->holder, lease->name);
    *fence = ours ? held->fence : held->fence + 1;
    return LARDER_OK;
}

static larder_status
registry_lease(void *self, const larder_call *call, const char *project,
    larder_lease *lease, larder_error *err)
{
    sqlite_store *store = self;
    struct held held = {0};
    larder_time expires;
    larder_status rc = LARDER_OK;
    uint64_t fence = lease->fence;

    LARDER_TRY(begin(store, call, err));
    LARDER_TRY(read_lease(store, project, lease->name, &held, err));
    if (lease->ttl_us > 0) {
        expires = expiry(call, lease->ttl_us);
        LARDER_TRY(judge_lease(lease, &held, call, &fence, err));
        LARDER_TRY(write_lease(store, project, lease, fence, &expires, err));
    } else if (held.there && !held.given_back && held.fence == fence &&
               strcmp(held.holder, lease->holder) == 0) {
        LARDER_TRY(write_lease(store, project, lease, fence, NULL, err));
    }
    LARDER_TRY(sqlite_write_commit(store, err));
    lease->fence = fence;
out:
    sqlite_write_undo(store);
    free(held.holder);
    return rc;
}

/* ----------------------------------------------------------------- records */

static larder_status
registry_record(void *self, const larder_call *call, const char *project,
    const larder_record *record, larder_error *err)
{
    sqlite_store *store = self;
    sqlite3_stmt *statement = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(begin(store, call, err));
    LARDER_TRY(prepare(store,
        "INSERT OR REPLACE INTO larder_records"
        "(project, kind, id, name, at, text) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        project, &statement, err));
    bind_text(statement, 2, record->kind);
    bind_text(statement, 3, record->id);
    bind_text(statement, 4, record->name);
    bind_integer(statement, 5, record->at);
    bind_text(statement, 6, record->text);
    LARDER_TRY(run_once(store, statement, err));
    LARDER_TRY(sqlite_write_commit(store, err));
out:
    sqlite_write_undo(store);
    return rc;
}

static larder_status
registry_list(void *self, const larder_call *call, const char *project,
    const char *kind, const char *name, size_t limit, larder_record_sink *sink,
    larder_error *err)
{
    sqlite_store *store = self;
    sqlite3_stmt *statement = NULL;
    larder_status rc = LARDER_OK;
    bool row;

    store->main.call = call;
    LARDER_TRY(prepare(store,
        "SELECT id, name, at, text FROM larder_records"
        " WHERE project=?1 AND kind=?2 AND (?3 IS NULL OR name=?3)"
        " ORDER BY at DESC, sequence DESC LIMIT ?4",
        project, &statement, err));
    bind_text(statement, 2, kind);
    bind_text(statement, 3, name);
    bind_integer(statement, 4, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
    for (;;) {
        larder_record record = {.kind = kind};

        LARDER_TRY(larder_call_check(call, err));
        LARDER_TRY(sqlite_step(&store->main, statement, &row, err));
        if (!row)
            break;
        record.id = (const char *)sqlite3_column_text(statement, 0);
        record.name = (const char *)sqlite3_column_text(statement, 1);
        record.at = sqlite3_column_int64(statement, 2);
        record.text = (const char *)sqlite3_column_text(statement, 3);
        if (record.id == NULL || record.text == NULL)
            LARDER_TRY(larder_fail(err, LARDER_NOMEM, "out of memory"));
        LARDER_TRY(sink->record(sink, &record, err));
    }
out:
    (void)sqlite3_finalize(statement);
    return rc;
}

static larder_status
registry_destroy(
    void *self, const larder_call *call, const char *project, larder_error *err)
{
    static const char *const steps[] = {
        "INSERT INTO larder_forgotten VALUES(?1)",
        "DELETE FROM larder_generations WHERE project=?1",
        "DELETE FROM larder_records WHERE project=?1",
        "DELETE FROM larder_leases WHERE project=?1",
        "DELETE FROM larder_forgotten WHERE project=?1",
    };
    sqlite_store *store = self;
    sqlite3_stmt *statement = NULL;
    larder_status rc = LARDER_OK;

    LARDER_TRY(begin(store, call, err));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        LARDER_TRY(prepare(store, steps[i], project, &statement, err));
        LARDER_TRY(run_once(store, statement, err));
    }
    LARDER_TRY(sqlite_write_commit(store, err));
out:
    sqlite_write_undo(store);
    return rc;
}

static larder_status
registry_examine(void *self, const larder_call *call, larder_finding_sink *sink,
    larder_error *err)
{
    return sqlite_examine(self, call, sink, err);
}

const larder_registry_ops ldr_registry_sqlite_ops = {
    .abi = LARDER_BACKEND_ABI,
    .type = "sqlite",
    .state_bytes = sizeof(sqlite_store),
    .open = registry_open,
    .close = registry_close,
    .load = registry_load,
    .newest = registry_newest,
    .append = registry_append,
    .lease = registry_lease,
    .record = registry_record,
    .list = registry_list,
    .destroy = registry_destroy,
    .examine = registry_examine,
};
