/* SPDX-License-Identifier: Apache-2.0 */
/*
 * examine_lmdb.c - is an LMDB environment in order? Its version, what it lies
 * on, how full its map and its table of readers are, and each row by its
 * length.
 */
#include "examine_lmdb.h"
#include "disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_ROWS 4096u /* between two questions whether the caller waits */

/* Bytes of the map in use. */
static uint64_t
used_bytes(const ldr_lmdb *lmdb, MDB_envinfo *info)
{
    MDB_stat stat;

    (void)mdb_env_info(lmdb->env, info);
    (void)mdb_env_stat(lmdb->env, &stat);
    return ((uint64_t)info->me_last_pgno + 1) * stat.ms_psize;
}

static larder_status
tell_map(const ldr_lmdb *lmdb, uint64_t used, larder_finding_sink *sink,
    larder_error *err)
{
    bool full = used > lmdb->max_size / 10 * 8;
    char held[32], most[32];

    disk_print(used, held);
    disk_print(lmdb->max_size, most);
    return larder_finding_tell(sink, "memory",
        full ? LARDER_DOUBTFUL : LARDER_FINE,
        full ? "raise max_size of the online store" : NULL, err,
        "%s of %s (max_size) are used", held, most);
}

static larder_status
tell_readers(const ldr_lmdb *lmdb, const MDB_envinfo *info,
    larder_finding_sink *sink, larder_error *err)
{
    bool full = info->me_numreaders > info->me_maxreaders / 10 * 8;
    int n_dead = 0;

    (void)mdb_reader_check(lmdb->env, &n_dead);
    return larder_finding_tell(sink, "readers",
        full ? LARDER_DOUBTFUL : LARDER_FINE,
        full ? "raise max_readers of the online store" : NULL, err,
        "%u of %u slots were used, %d by processes that are gone",
        info->me_numreaders, info->me_maxreaders, n_dead);
}

/* Every row, and how many there are as LMDB counts them. */
static larder_status
read_rows(ldr_lmdb *lmdb, ldr_lmdb_reader *reader, const larder_call *call,
    uint64_t *n_rows, uint64_t *n_short, larder_error *err)
{
    MDB_val key, value;
    MDB_cursor_op step = MDB_FIRST;
    larder_status rc = LARDER_OK;
    int code;

    while ((code = mdb_cursor_get(reader->cursor, &key, &value, step)) == 0) {
        step = MDB_NEXT;
        if (++*n_rows % CHECK_ROWS == 0)
            LARDER_TRY(larder_call_check(call, err));
        if (key.mv_size > LARDER_TABLE_BYTES &&
            value.mv_size < LARDER_ROW_HEAD_BYTES)
            ++*n_short;
    }
    if (code != MDB_NOTFOUND)
        rc = ldr_lmdb_fail(lmdb, code, "read", err);
out:
    return rc;
}

static larder_status
tell_integrity(ldr_lmdb *lmdb, const larder_call *call,
    larder_finding_sink *sink, larder_error *err)
{
    uint64_t n_rows = 0, n_short = 0;
    ldr_lmdb_reader *reader;
    MDB_stat stat = {0};
    larder_status rc;

    LARDER_TRY(ldr_lmdb_begin(lmdb, call, &reader, err));
    rc = read_rows(lmdb, reader, call, &n_rows, &n_short, err);
    (void)mdb_stat(reader->txn, lmdb->dbi, &stat);
    ldr_lmdb_end(lmdb, reader);
    LARDER_TRY(rc);
    if (n_short == 0 && n_rows == stat.ms_entries)
        rc = larder_finding_tell(sink, "integrity", LARDER_FINE, NULL, err,
            "all %llu rows are there", (unsigned long long)n_rows);
    else
        rc = larder_finding_tell(sink, "integrity", LARDER_WRONG,
            "remove the folder, then `larder apply` and `larder materialize "
            "--full`",
            err, "it is damaged: %llu rows of %llu, %llu of them too short",
            (unsigned long long)n_rows, (unsigned long long)stat.ms_entries,
            (unsigned long long)n_short);
out:
    return rc;
}

larder_status
ldr_lmdb_examine(ldr_lmdb *lmdb, const larder_call *call,
    larder_finding_sink *sink, larder_error *err)
{
    size_t room = strlen(lmdb->path) + sizeof "/data.mdb";
    char *file = malloc(room);
    MDB_envinfo info = {0};
    uint64_t used = used_bytes(lmdb, &info);
    larder_status rc;

    if (file == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    snprintf(file, room, "%s/data.mdb", lmdb->path);
    LARDER_TRY(larder_finding_tell(sink, "version", LARDER_FINE, NULL, err,
        "%s", mdb_version(NULL, NULL, NULL)));
    LARDER_TRY(disk_examine(lmdb->path, file, used, sink, err));
    LARDER_TRY(tell_map(lmdb, used, sink, err));
    LARDER_TRY(tell_readers(lmdb, &info, sink, err));
    LARDER_TRY(tell_integrity(lmdb, call, sink, err));
out:
    free(file);
    return rc;
}
