/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_examine.c - is a SQLite file in order? Its version, what it lies on,
 * its WAL, and SQLite's own quick check of every page.
 */
#include "sqlite_examine.h"
#include "disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GREAT_WAL (UINT64_C(256) << 20)

static larder_status
tell_version(larder_finding_sink *sink, sqlite_link *link, larder_error *err)
{
    int64_t format = 0;
    larder_status rc;

    LARDER_TRY(sqlite_integer(link,
        "SELECT CAST(value AS INTEGER) FROM _larder_meta WHERE name = 'format'",
        &format, err));
    rc = larder_finding_tell(sink, "version", LARDER_FINE, NULL, err,
        "SQLite %s; Larder's format %lld", sqlite3_libversion(),
        (long long)format);
out:
    return rc;
}

static larder_status
tell_wal(larder_finding_sink *sink, const char *wal, larder_error *err)
{
    uint64_t bytes = disk_size(wal);
    char text[32];

    disk_print(bytes, text);
    if (bytes <= GREAT_WAL)
        return larder_finding_tell(
            sink, "wal", LARDER_FINE, NULL, err, "%s wait in the WAL", text);
    return larder_finding_tell(sink, "wal", LARDER_DOUBTFUL,
        "a reader that never ends keeps it from being moved: end it", err,
        "%s wait in the WAL", text);
}

static larder_status
tell_integrity(larder_finding_sink *sink, sqlite_link *link, larder_error *err)
{
    sqlite3_stmt *statement = NULL;
    char words[200] = "";
    bool row = false;
    larder_status rc;

    LARDER_TRY(sqlite_prepare(link, "PRAGMA quick_check(1)", &statement, err));
    LARDER_TRY(sqlite_step(link, statement, &row, err));
    if (row)
        snprintf(words, sizeof words, "%s",
            (const char *)sqlite3_column_text(statement, 0));
    for (char *c = words; *c != '\0'; c++)
        *c = *c == '\n' ? ' ' : *c;
    if (strcmp(words, "ok") == 0)
        rc = larder_finding_tell(sink, "integrity", LARDER_FINE, NULL, err,
            "every page is in order");
    else
        rc = larder_finding_tell(sink, "integrity", LARDER_WRONG,
            "restore the file from a backup", err, "it is damaged: %s", words);
out:
    sqlite3_finalize(statement);
    return rc;
}

static larder_status
tell_all(larder_finding_sink *sink, sqlite_link *link, const char *folder,
    const char *wal, larder_error *err)
{
    larder_status rc;

    LARDER_TRY(tell_version(sink, link, err));
    LARDER_TRY(disk_examine(
        folder, link->path, disk_size(link->path) + disk_size(wal), sink, err));
    LARDER_TRY(tell_wal(sink, wal, err));
    LARDER_TRY(tell_integrity(sink, link, err));
out:
    return rc;
}

larder_status
sqlite_examine(sqlite_store *store, const larder_call *call,
    larder_finding_sink *sink, larder_error *err)
{
    size_t n = strlen(store->path);
    char *folder = strdup(store->path), *wal = malloc(n + 5);
    char *slash = folder == NULL ? NULL : strrchr(folder, '/');
    larder_status rc;

    if (folder == NULL || wal == NULL) {
        free(folder);
        free(wal);
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    }
    memcpy(wal, store->path, n);
    memcpy(wal + n, "-wal", 5);
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    store->main.call = call;
    rc = tell_all(sink, &store->main, folder, wal, err);
    free(folder);
    free(wal);
    return rc;
}
