/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite.c - opening a SQLite file, its connections, statements and errors.
 *
 * The lock around writes is sqlite_lock.c's.
 */
#include "sqlite.h"

#include "sqlite_lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* The layout of our tables; a file that says more was written by a later
 * Larder. */
#define FORMAT 1
#define FORMAT_TEXT "1"

/* ------------------------------------------------------------------ errors */

/* The folder of a path, cut in place; "/" for a path below the root. */
static void
cut_to_folder(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash != NULL)
        slash[slash == path] = '\0';
}

/* A file whose name is the path's with an end. */
static bool
stat_beside(const char *path, const char *end, struct stat *out)
{
    size_t room = strlen(path) + strlen(end) + 1;
    char *name = malloc(room);
    bool found = false;

    if (name == NULL)
        return false;
    (void)snprintf(name, room, "%s%s", path, end);
    found = stat(name, out) == 0;
    free(name);
    return found;
}

/* Is the device full? SQLite often calls that an I/O error. */
static bool
is_full(const char *path)
{
    char *folder = strdup(path);
    struct statvfs device;
    bool full = false;

    if (folder == NULL)
        return false;
    cut_to_folder(folder);
    if (statvfs(folder, &device) == 0)
        full = device.f_bavail < 256 /* blocks: a WAL index needs some */
               || (device.f_files != 0 && device.f_favail == 0);
    free(folder);
    return full;
}

/* Has the file, or what was written beside it, reached the process's limit
 * for files (ulimit -f)? */
static bool
is_at_limit(const char *path)
{
    static const char *const ends[] = {"", "-wal"};
    struct rlimit limit;
    bool at = false;

    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends && !at; i++) {
        struct stat file;

        at = stat_beside(path, ends[i], &file) &&
             (rlim_t)file.st_size + (1u << 20) > limit.rlim_cur;
    }
    return at;
}

static larder_status
fail_io(const sqlite_link *link, larder_error *err)
{
    char words[128];
    int number = sqlite3_system_errno(link->db);

    if (is_full(link->path))
        return larder_fail(err, LARDER_IO,
            "no space is left on the device that holds %s", link->path);
    if (is_at_limit(link->path))
        return larder_fail(err, LARDER_IO,
            "%s has reached the file size limit of this process", link->path);
    if (number == 0 || strerror_r(number, words, sizeof words) != 0)
        return larder_fail(
            err, LARDER_IO, "%s: %s", link->path, sqlite3_errmsg(link->db));
    return larder_fail(err, LARDER_IO, "%s: %s (%s)", link->path,
        sqlite3_errmsg(link->db), words);
}

static larder_status
fail_corrupt(const sqlite_link *link, int code, larder_error *err)
{
    (void)larder_fail(err, LARDER_CORRUPT,
        (code & 0xff) == SQLITE_NOTADB ? "%s is not a SQLite database"
                                       : "%s is damaged: %s",
        link->path, sqlite3_errmsg(link->db));
    larder_hint(err, "restore the file from a copy");
    return LARDER_CORRUPT;
}

larder_status
sqlite_fail(sqlite_link *link, int code, larder_error *err)
{
    larder_status rc;

    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return fail_corrupt(link, code, err);
    case SQLITE_INTERRUPT:
        rc =
            link->call == NULL ? LARDER_OK : larder_call_check(link->call, err);
        return rc != LARDER_OK
                   ? rc
                   : larder_fail(err, LARDER_INTERRUPTED, "interrupted");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        rc = link->call == NULL ? LARDER_OK
                                : larder_call_check(link->call, NULL);
        if (rc == LARDER_INTERRUPTED)
            return larder_call_check(link->call, err);
        return larder_fail(
            err, LARDER_BUSY, "%s is locked by another program", link->path);
    case SQLITE_READONLY:
        (void)larder_fail(err, LARDER_IO,
            "%s cannot be written: it is read-only", link->path);
        larder_hint(err, "readers write too, beside it: -wal and -shm");
        return LARDER_IO;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return fail_io(link, err);
    case SQLITE_TOOBIG:
        return larder_fail(err, LARDER_LIMIT,
            "%s: a value is longer than SQLite holds", link->path);
    default:
        return larder_fail(err, LARDER_INVALID, "%s", sqlite3_errmsg(link->db));
    }
}

/* -------------------------------------------------------------- statements */

larder_status
sqlite_run(sqlite_link *link, const char *sql, larder_error *err)
{
    int code = sqlite3_exec(link->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? LARDER_OK : sqlite_fail(link, code, err);
}

larder_status
sqlite_begin(sqlite_link *link, const char *sql, larder_error *err)
{
    larder_status rc = LARDER_OK;

    if (sqlite3_get_autocommit(link->db) == 0)
        LARDER_TRY(sqlite_run(link, "ROLLBACK", err));
    rc = sqlite_run(link, sql, err);
out:
    return rc;
}

larder_status
sqlite_prepare(
    sqlite_link *link, const char *sql, sqlite3_stmt **out, larder_error *err)
{
    int code = sqlite3_prepare_v2(link->db, sql, -1, out, NULL);

    return code == SQLITE_OK ? LARDER_OK : sqlite_fail(link, code, err);
}

larder_status
sqlite_step(
    sqlite_link *link, sqlite3_stmt *statement, bool *row, larder_error *err)
{
    int code = sqlite3_step(statement);

    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return sqlite_fail(link, code, err);
    *row = code == SQLITE_ROW;
    return LARDER_OK;
}

larder_status
sqlite_execute(sqlite_link *link, sqlite3_stmt *statement, larder_error *err)
{
    int code = sqlite3_step(statement);
    larder_status rc = LARDER_OK;

    if (code != SQLITE_ROW && code != SQLITE_DONE)
        rc = sqlite_fail(link, code, err);
    (void)sqlite3_reset(statement);
    return rc;
}

larder_status
sqlite_integer(
    sqlite_link *link, const char *sql, int64_t *out, larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    larder_status rc = LARDER_OK;
    bool row = false;

    LARDER_TRY(sqlite_prepare(link, sql, &statement, err));
    LARDER_TRY(sqlite_step(link, statement, &row, err));
    if (row)
        *out = sqlite3_column_int64(statement, 0);
out:
    (void)sqlite3_finalize(statement);
    return rc;
}

/* ------------------------------------------------------------- connections */

/* SQLite calls it now and then in a long statement: stop? */
static int
on_progress(void *context)
{
    const sqlite_link *link = context;

    return link->call != NULL &&
           larder_call_check(link->call, NULL) != LARDER_OK;
}

/* Open a connection and set what does not depend on the file. */
static larder_status
connect_file(sqlite_link *link, const char *path, int flags,
    const larder_call *call, larder_error *err)
{
    int code, off = 0;

    *link = (sqlite_link){.path = path, .call = call};
    code = sqlite3_open_v2(path, &link->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (link->db == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    if (code != SQLITE_OK)
        return sqlite_fail(link, code, err);
    (void)sqlite3_extended_result_codes(link->db, 1);
    (void)sqlite3_busy_handler(link->db, sqlite_busy, link);
    sqlite3_progress_handler(link->db, 20000, on_progress, link);
    (void)sqlite3_wal_autocheckpoint(link->db, 0);
    (void)sqlite3_db_config(
        link->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, &off);
    /* "x" is a column or an error, never a text. */
    (void)sqlite3_db_config(link->db, SQLITE_DBCONFIG_DQS_DML, 0, &off);
    (void)sqlite3_db_config(link->db, SQLITE_DBCONFIG_DQS_DDL, 0, &off);
    (void)sqlite3_db_config(link->db, SQLITE_DBCONFIG_DEFENSIVE, 1, &off);
    (void)sqlite3_db_config(link->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, &off);
    return sqlite_run(link,
        "PRAGMA synchronous=FULL; PRAGMA temp_store=FILE;"
        " PRAGMA cache_size=-16384",
        err);
}

/* What a reader may do: look, at data and at tables, and begin and end. */
static int
on_ask(void *context, int action, const char *what, const char *more,
    const char *database, const char *trigger)
{
    static const char *const pragmas[] = {"table_info", "table_xinfo",
        "table_list", "index_list", "index_info", "index_xinfo"};

    (void)context;
    (void)more;
    (void)database;
    (void)trigger;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
    case SQLITE_TRANSACTION:
        return SQLITE_OK;
    case SQLITE_PRAGMA:
        for (size_t i = 0; i < sizeof pragmas / sizeof pragmas[0]; i++)
            if (what != NULL && sqlite3_stricmp(what, pragmas[i]) == 0)
                return SQLITE_OK;
        return SQLITE_DENY;
    case SQLITE_UPDATE: /* how a pragma is asked as a table; writes nothing */
        return what != NULL && strcmp(what, "sqlite_master") == 0 ? SQLITE_OK
                                                                  : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

larder_status
sqlite_link_open(const sqlite_store *store, sqlite_link *link,
    const larder_call *call, larder_error *err)
{
    larder_status rc =
        connect_file(link, store->path, SQLITE_OPEN_READONLY, call, err);

    if (rc == LARDER_OK)
        rc = sqlite_run(link, "PRAGMA query_only=ON", err);
    if (rc == LARDER_OK)
        (void)sqlite3_set_authorizer(link->db, on_ask, NULL);
    else
        sqlite_link_close(link);
    return rc;
}

void
sqlite_link_close(sqlite_link *link)
{
    (void)sqlite3_close_v2(link->db);
    *link = (sqlite_link){0};
}

/* ----------------------------------------------------------------- opening */

/* Make the folders that lead to a path. */
static larder_status
make_folders(const char *path, larder_error *err)
{
    char *folder = strdup(path);
    larder_status rc = LARDER_OK;

    if (folder == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    for (char *at = folder + 1; (at = strchr(at, '/')) != NULL; at++) {
        char words[128] = "";

        *at = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
            (void)strerror_r(errno, words, sizeof words);
            rc = larder_fail(
                err, LARDER_IO, "folder %s cannot be made: %s", folder, words);
            break;
        }
        *at = '/';
    }
    free(folder);
    return rc;
}

static larder_status
has_format(sqlite_link *link, int64_t *there, larder_error *err)
{
    return sqlite_integer(link,
        "SELECT count(*) FROM sqlite_schema WHERE name='_larder_meta'", there,
        err);
}

/* Refuse what cannot be read as it is. */
static larder_status
check_format(sqlite_link *link, larder_error *err)
{
    larder_status rc = LARDER_OK;
    int64_t there = 0, format = 0;

    LARDER_TRY(has_format(link, &there, err));
    if (there == 0)
        goto out;
    LARDER_TRY(sqlite_integer(link,
        "SELECT value FROM _larder_meta WHERE name='format'", &format, err));
    if (format > FORMAT)
        rc = larder_fail(err, LARDER_UNSUPPORTED,
            "%s has format %lld of a later Larder; this one knows up to %d",
            link->path, (long long)format, FORMAT);
out:
    return rc;
}

/* Make an empty file ours, or add our word to a user's. */
static larder_status
lay_out(sqlite_store *store, const larder_call *call, larder_error *err)
{
    sqlite_link *link = &store->main;
    larder_status rc = LARDER_OK;
    int64_t there = 0, n_objects = 0;

    LARDER_TRY(has_format(link, &there, err));
    if (there != 0)
        goto out;
    /* The page size is taken by a file that has no page yet. */
    LARDER_TRY(sqlite_run(link, "PRAGMA page_size=16384", err));
    LARDER_TRY(sqlite_write_begin(store, call, err));
    LARDER_TRY(sqlite_integer(
        link, "SELECT count(*) FROM sqlite_schema", &n_objects, err));
    if (n_objects == 0)
        LARDER_TRY(sqlite_run(
            link, "PRAGMA application_id=0x4C617264" /* "Lard" */, err));
    LARDER_TRY(sqlite_run(link,
        "CREATE TABLE IF NOT EXISTS _larder_meta("
        "name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
        " INSERT OR IGNORE INTO _larder_meta VALUES('format'," FORMAT_TEXT ")",
        err));
    LARDER_TRY(sqlite_write_commit(store, err));
out:
    sqlite_write_undo(store);
    return rc;
}

/* There is no file, or an empty one: nothing was ever kept here. */
static larder_status
fail_absent(const char *path, const char *what, larder_error *err)
{
    (void)larder_fail(
        err, LARDER_NOT_FOUND, "there is no %s at %s", what, path);
    larder_hint(err, "run `larder apply` first");
    return LARDER_NOT_FOUND;
}

/* *absent: there is none yet, and it is to be made. */
static larder_status
check_file(const char *path, const char *what, bool create, bool *absent,
    larder_error *err)
{
    char words[128] = "";
    struct stat file;

    *absent = false;
    if (stat(path, &file) == 0) {
        if (!S_ISREG(file.st_mode))
            return larder_fail(err, LARDER_INVALID,
                "%s is %s; %s is kept in a file", path,
                S_ISDIR(file.st_mode) ? "a folder" : "no plain file", what);
        return LARDER_OK;
    }
    if (errno == ENOENT || errno == ENOTDIR) {
        *absent = true;
        return create ? LARDER_OK : fail_absent(path, what, err);
    }
    (void)strerror_r(errno, words, sizeof words);
    return larder_fail(err, LARDER_IO, "%s: %s", path, words);
}

/* Does the file end inside a page, with no WAL that would mend it? */
static bool
ends_inside(const char *path, int64_t page_bytes)
{
    struct stat file, wal;

    return page_bytes > 0 && stat(path, &file) == 0 &&
           file.st_size % page_bytes != 0 &&
           !(stat_beside(path, "-wal", &wal) && wal.st_size > 0);
}

/* A file that was cut to nothing is a new one to SQLite, and what is missing
 * of a last page is zeros: to us both are damaged. The transaction keeps a
 * writer from making the file longer meanwhile. */
static larder_status
check_whole(sqlite_store *store, larder_error *err)
{
    sqlite_link *link = &store->main;
    bool kept = sqlite_lock_kept(store); /* before the look at the file */
    int64_t n_pages = 0, page_bytes = 0, unused = 0;
    larder_status rc = LARDER_OK;

    LARDER_TRY(sqlite_begin(link, "BEGIN", err));
    LARDER_TRY(has_format(link, &unused, err));
    LARDER_TRY(sqlite_integer(link, "PRAGMA page_count", &n_pages, err));
    LARDER_TRY(sqlite_integer(link, "PRAGMA page_size", &page_bytes, err));
    if (n_pages == 0 && kept)
        rc = larder_fail(err, LARDER_CORRUPT,
            "%s is damaged: it is empty, and was not", link->path);
    else if (n_pages > 0 && ends_inside(link->path, page_bytes))
        rc = larder_fail(err, LARDER_CORRUPT,
            "%s is damaged: it ends inside a page", link->path);
    if (rc != LARDER_OK)
        larder_hint(err, "restore the file from a copy");
out:
    if (link->db != NULL && sqlite3_get_autocommit(link->db) == 0)
        (void)sqlite_run(link, "COMMIT", NULL);
    return rc;
}

larder_status
sqlite_store_open(sqlite_store *store, const char *path, const char *what,
    bool create, const larder_call *call, larder_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
    larder_status rc = LARDER_OK;
    int64_t n_pages = 0;
    bool absent;

    *store = (sqlite_store){0};
    if (path == NULL || path[0] == '\0')
        return larder_fail(err, LARDER_INVALID,
            "option 'path' is missing: where is the file of this %s?", what);
    LARDER_TRY(check_file(path, what, create, &absent, err));
    if (create)
        LARDER_TRY(make_folders(path, err));
    store->path = strdup(path);
    if (store->path == NULL) {
        rc = larder_fail(err, LARDER_NOMEM, "out of memory");
        goto out;
    }
    if (absent)
        LARDER_TRY(sqlite_lock_forget(store, call, err));
    LARDER_TRY(connect_file(&store->main, store->path, flags, call, err));
    if (!absent)
        LARDER_TRY(check_whole(store, err));
    if (create)
        LARDER_TRY(lay_out(store, call, err));
    LARDER_TRY(
        sqlite_integer(&store->main, "PRAGMA page_count", &n_pages, err));
    if (n_pages == 0) {
        rc = fail_absent(path, what, err);
        goto out;
    }
    LARDER_TRY(check_format(&store->main, err));
out:
    store->main.call = NULL;
    if (rc != LARDER_OK)
        sqlite_store_close(store);
    return rc;
}

void
sqlite_store_close(sqlite_store *store)
{
    sqlite_write_undo(store);
    sqlite_lock_close(store);
    sqlite_link_close(&store->main);
    free(store->path);
    *store = (sqlite_store){0};
}
