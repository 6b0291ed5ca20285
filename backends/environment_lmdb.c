/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment_lmdb.c - an LMDB environment that survives what happens to it.
 *
 * Locks are taken in this order: writing, the turn among processes, gate. A
 * snapshot is inside the gate; the map moves when no one is.
 */
#include "environment_lmdb.h"
#include "folder_lmdb.h"
#include "users_lmdb.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* What a new map holds; it grows by doubling. Address space, not disk. */
#define FIRST_SIZE (UINT64_C(8) << 20)

/* ------------------------------------------------------------------- words */

larder_status
ldr_lmdb_fail(
    const ldr_lmdb *lmdb, int code, const char *doing, larder_error *err)
{
    switch (code) {
    case MDB_READERS_FULL:
        larder_fail(err, LARDER_BUSY,
            "cannot %s '%s': all %u reader slots are taken", doing, lmdb->path,
            lmdb->max_readers);
        larder_hint(err, "raise max_readers of the online store");
        return LARDER_BUSY;
    case MDB_TXN_FULL:
        return larder_fail(err, LARDER_LIMIT,
            "cannot %s '%s': too many rows in one transaction", doing,
            lmdb->path);
    case MDB_BAD_VALSIZE:
        return larder_fail(err, LARDER_LIMIT,
            "cannot %s '%s': a key or a row is too long for LMDB", doing,
            lmdb->path);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        larder_fail(err, LARDER_CORRUPT, "'%s' is damaged: %s", lmdb->path,
            mdb_strerror(code));
        larder_hint(err, "restore it, or remove the folder, then `larder "
                         "apply` and `larder materialize --full`");
        return LARDER_CORRUPT;
    case MDB_PANIC:
        larder_fail(err, LARDER_IO,
            "cannot %s '%s': writing its first page failed before", doing,
            lmdb->path);
        larder_hint(err, "close the store and open it again");
        return LARDER_IO;
    }
    if (code > 0)
        return ldr_lmdb_folder_fail(lmdb->path, doing, code, err);
    return larder_fail(err, LARDER_IO, "cannot %s '%s': %s", doing, lmdb->path,
        mdb_strerror(code));
}

/* First of all: in a forked child even the locks are not to be touched. */
static larder_status
check_process(const ldr_lmdb *lmdb, larder_error *err)
{
    if (ldr_lmdb_users_same_process(&lmdb->user))
        return LARDER_OK;
    larder_fail(err, LARDER_INVALID,
        "'%s' was opened before fork(), which LMDB does not survive",
        lmdb->path);
    larder_hint(err, "open the store in the child");
    return LARDER_INVALID;
}

/* Why the environment cannot be used any more, if so. */
static larder_status
check_usable(const ldr_lmdb *lmdb, larder_error *err)
{
    if (lmdb->destroyed)
        return larder_fail(
            err, LARDER_NOT_FOUND, "'%s' has been removed", lmdb->path);
    if (lmdb->broken)
        return larder_fail(err, LARDER_IO,
            "'%s' could not be mapped again after it grew; close it and open "
            "it again",
            lmdb->path);
    return LARDER_OK;
}

/* ------------------------------------------------------- the gate, the map */

/* Keep new snapshots out and wait until those in use have ended. */
static larder_status
shut_gate(ldr_lmdb *lmdb, const larder_call *call, larder_error *err)
{
    larder_status rc = LARDER_OK;

    pthread_mutex_lock(&lmdb->gate);
    lmdb->shut = true;
    while (lmdb->n_reading > 0 && rc == LARDER_OK) {
        pthread_mutex_unlock(&lmdb->gate);
        rc = ldr_lmdb_pause(call, err);
        pthread_mutex_lock(&lmdb->gate);
    }
    if (rc != LARDER_OK)
        lmdb->shut = false;
    pthread_mutex_unlock(&lmdb->gate);
    return rc;
}

static void
open_gate(ldr_lmdb *lmdb)
{
    pthread_mutex_lock(&lmdb->gate);
    lmdb->shut = false;
    pthread_mutex_unlock(&lmdb->gate);
}

/* The file is as long as the map, so that a page of the map never lies past
 * the file's end and a file cut short is told by its length. It has holes:
 * this takes no disk. */
static int
lengthen(int data, size_t size)
{
    struct stat what;

    if (fstat(data, &what) != 0)
        return errno;
    if ((size_t)what.st_size < size && ftruncate(data, (off_t)size) != 0)
        return errno;
    return 0;
}

/* Would a map of this size succeed? LMDB gives the old one up before it asks
 * for the new one. */
static int
try_map(int data, size_t size)
{
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, data, 0);

    if (map == MAP_FAILED)
        return errno;
    (void)munmap(map, size);
    return 0;
}

/* Map `size` bytes, or with 0 as many as another process has made it; the
 * caller holds `writing`. */
static larder_status
move_map(
    ldr_lmdb *lmdb, size_t size, const larder_call *call, larder_error *err)
{
    larder_status rc = LARDER_OK;
    int code = 0;

    if (size != 0 && (code = lengthen(lmdb->data, size)) == 0)
        code = try_map(lmdb->data, size);
    if (code != 0)
        return ldr_lmdb_fail(lmdb, code, "grow", err);
    LARDER_TRY(shut_gate(lmdb, call, err));
    code = mdb_env_set_mapsize(lmdb->env, size);
    if (code != 0) {
        lmdb->broken = true;
        rc = ldr_lmdb_fail(lmdb, code, "grow", err);
    }
    open_gate(lmdb);
out:
    return rc;
}

/* Take `writing`, asking now and then whether the caller still waits. */
static larder_status
lock_writing(ldr_lmdb *lmdb, const larder_call *call, larder_error *err)
{
    larder_status rc = check_process(lmdb, err);

    if (rc != LARDER_OK)
        return rc;
    while (pthread_mutex_trylock(&lmdb->writing) != 0) {
        struct timespec until;

        rc = larder_call_check(call, err);
        if (rc != LARDER_OK)
            return rc;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 20000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_mutex_timedlock(&lmdb->writing, &until) == 0)
            break;
    }
    return LARDER_OK;
}

/* Another process has made the map greater: so do we. */
static larder_status
follow_map(ldr_lmdb *lmdb, const larder_call *call, larder_error *err)
{
    larder_status rc = lock_writing(lmdb, call, err);

    if (rc != LARDER_OK)
        return rc;
    rc = check_usable(lmdb, err);
    if (rc == LARDER_OK)
        rc = move_map(lmdb, 0, call, err);
    pthread_mutex_unlock(&lmdb->writing);
    return rc;
}

/* Room for what did not fit: pages that only the dead still read, else twice
 * the map. */
static larder_status
make_room(ldr_lmdb *lmdb, const larder_call *call, larder_error *err)
{
    MDB_envinfo info;
    size_t size, max_size = (size_t)lmdb->max_size;
    int n_dead = 0;

    (void)mdb_reader_check(lmdb->env, &n_dead);
    if (n_dead > 0)
        return LARDER_OK;
    (void)mdb_env_info(lmdb->env, &info);
    size = info.me_mapsize;
    if (size >= max_size) {
        larder_fail(err, LARDER_LIMIT,
            "'%s' is full: it holds %llu bytes, and max_size is %llu",
            lmdb->path, (unsigned long long)size,
            (unsigned long long)lmdb->max_size);
        larder_hint(err, "raise max_size of the online store");
        return LARDER_LIMIT;
    }
    size = size > max_size / 2 ? max_size : size * 2;
    return move_map(lmdb, size, call, err);
}

/* -------------------------------------------------------------- snapshots */

/* Through the gate, with a kept reader or an empty one; NULL: *rc says why. */
static ldr_lmdb_reader *
enter(ldr_lmdb *lmdb, const larder_call *call, larder_status *rc,
    larder_error *err)
{
    ldr_lmdb_reader *reader = NULL;

    *rc = check_process(lmdb, err);
    if (*rc != LARDER_OK)
        return NULL;
    pthread_mutex_lock(&lmdb->gate);
    while (lmdb->shut && *rc == LARDER_OK) {
        pthread_mutex_unlock(&lmdb->gate);
        *rc = ldr_lmdb_pause(call, err);
        pthread_mutex_lock(&lmdb->gate);
    }
    if (*rc == LARDER_OK)
        *rc = check_usable(lmdb, err);
    if (*rc == LARDER_OK) {
        reader = lmdb->idle;
        if (reader != NULL)
            lmdb->idle = reader->next;
        else
            reader = calloc(1, sizeof *reader);
        if (reader == NULL)
            *rc = larder_fail(err, LARDER_NOMEM, "out of memory");
        else
            lmdb->n_reading++;
    }
    pthread_mutex_unlock(&lmdb->gate);
    return reader;
}

static void
leave(ldr_lmdb *lmdb, ldr_lmdb_reader *reader)
{
    bool keep = reader->txn != NULL;

    pthread_mutex_lock(&lmdb->gate);
    lmdb->n_reading--;
    if (keep) {
        reader->next = lmdb->idle;
        lmdb->idle = reader;
    }
    pthread_mutex_unlock(&lmdb->gate);
    if (!keep)
        free(reader);
}

/* LMDB reads the newest snapshot's number, then its root from one of two places
 * that take turns. A reader held up in between finds the root of two commits
 * later: perhaps one not on disk yet, and the next reader would see it undone.
 */
static bool
is_overtaken(const ldr_lmdb *lmdb, MDB_txn *txn)
{
    MDB_envinfo info;

    (void)mdb_env_info(lmdb->env, &info);
    return info.me_last_txnid > mdb_txn_id(txn) + 1;
}

/* The newest snapshot in a reader, kept or new; LMDB's code. */
static int
renew(ldr_lmdb *lmdb, ldr_lmdb_reader *reader)
{
    bool kept = reader->txn != NULL;
    int code = kept ? mdb_txn_renew(reader->txn)
                    : mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &reader->txn);

    if (!kept && code != 0)
        reader->txn = NULL;
    while (code == 0 && is_overtaken(lmdb, reader->txn)) {
        mdb_txn_reset(reader->txn);
        code = mdb_txn_renew(reader->txn);
    }
    if (code == 0)
        code = kept ? mdb_cursor_renew(reader->txn, reader->cursor)
                    : mdb_cursor_open(reader->txn, lmdb->dbi, &reader->cursor);
    if (!kept && code != 0 && reader->txn != NULL) {
        mdb_txn_abort(reader->txn);
        reader->txn = NULL;
    }
    return code;
}

larder_status
ldr_lmdb_begin(ldr_lmdb *lmdb, const larder_call *call, ldr_lmdb_reader **out,
    larder_error *err)
{
    bool checked = false;

    for (;;) {
        larder_status rc;
        ldr_lmdb_reader *reader = enter(lmdb, call, &rc, err);
        int code;

        if (reader == NULL)
            return rc;
        code = renew(lmdb, reader);
        if (code == 0) {
            *out = reader;
            return LARDER_OK;
        }
        if (code == MDB_READERS_FULL && !checked) {
            (void)mdb_reader_check(lmdb->env, NULL);
            checked = true;
            code = 0;
        }
        leave(lmdb, reader);
        if (code == MDB_MAP_RESIZED)
            rc = follow_map(lmdb, call, err);
        else if (code != 0)
            rc = ldr_lmdb_fail(lmdb, code, "read", err);
        if (rc != LARDER_OK)
            return rc;
    }
}

void
ldr_lmdb_end(ldr_lmdb *lmdb, ldr_lmdb_reader *reader)
{
    mdb_txn_reset(reader->txn);
    leave(lmdb, reader);
}

/* ------------------------------------------------------------------ writes */

/* One transaction; LMDB's code, or ECANCELED. */
static int
attempt(ldr_lmdb *lmdb, ldr_lmdb_work *work, void *context)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor;
    int code = mdb_txn_begin(lmdb->env, NULL, 0, &txn);

    if (code != 0)
        return code;
    code = mdb_cursor_open(txn, lmdb->dbi, &cursor);
    if (code == 0) {
        code = work(context, cursor);
        mdb_cursor_close(cursor);
    }
    if (code == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

larder_status
ldr_lmdb_write(ldr_lmdb *lmdb, const larder_call *call, ldr_lmdb_work *work,
    void *context, larder_error *err)
{
    larder_status rc = lock_writing(lmdb, call, err);
    bool turn = false;
    int code;

    if (rc != LARDER_OK)
        return rc;
    LARDER_TRY(check_usable(lmdb, err));
    LARDER_TRY(ldr_lmdb_users_turn(&lmdb->user, lmdb->path, call, err));
    turn = true;
    (void)mdb_reader_check(lmdb->env, NULL);
    for (;;) {
        LARDER_TRY(larder_call_check(call, err));
        code = attempt(lmdb, work, context);
        if (code == MDB_MAP_RESIZED)
            LARDER_TRY(move_map(lmdb, 0, call, err));
        else if (code == MDB_MAP_FULL)
            LARDER_TRY(make_room(lmdb, call, err));
        else
            break;
    }
    if (code == ECANCELED) {
        rc = larder_call_check(call, err);
        if (rc == LARDER_OK)
            rc = larder_fail(err, LARDER_INTERRUPTED, "stopped by the caller");
    } else if (code != 0) {
        rc = ldr_lmdb_fail(lmdb, code, "write", err);
    }
out:
    if (turn)
        ldr_lmdb_users_turn_end(&lmdb->user);
    pthread_mutex_unlock(&lmdb->writing);
    return rc;
}

/* ---------------------------------------------------------- open and close */

/* LMDB's own open, and the length of the file made the map's. */
static int
start(ldr_lmdb *lmdb)
{
    MDB_envinfo info;
    MDB_txn *txn;
    int code = mdb_env_create(&lmdb->env);

    if (code != 0) {
        lmdb->env = NULL;
        return code;
    }
    if ((code = mdb_env_set_maxreaders(lmdb->env, lmdb->max_readers)) != 0 ||
        (code = mdb_env_open(lmdb->env, lmdb->path, MDB_NOTLS, 0664)) != 0 ||
        (code = mdb_env_info(lmdb->env, &info)) != 0 ||
        (code = lengthen(lmdb->data, info.me_mapsize)) != 0 ||
        (code = mdb_reader_check(lmdb->env, NULL)) != 0 ||
        (code = mdb_env_get_maxreaders(lmdb->env, &lmdb->max_readers)) != 0 ||
        (code = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &txn)) != 0)
        return code;
    code = mdb_dbi_open(txn, NULL, 0, &lmdb->dbi);
    if (code != 0)
        mdb_txn_abort(txn);
    else
        code = mdb_txn_commit(txn);
    return code;
}

/* Is it ours, and can we read what is in it? */
static larder_status
check_mark(ldr_lmdb *lmdb, const larder_call *call, larder_error *err)
{
    char mark[] = LDR_LMDB_MARK;
    MDB_val key = {.mv_size = strlen(mark), .mv_data = mark}, value;
    ldr_lmdb_reader *reader;
    larder_status rc = ldr_lmdb_begin(lmdb, call, &reader, err);
    int code;

    if (rc != LARDER_OK)
        return rc;
    code = mdb_cursor_get(reader->cursor, &key, &value, MDB_SET);
    if (code == MDB_NOTFOUND)
        rc = larder_fail(err, LARDER_INVALID,
            "'%s' is an LMDB environment, but not one of Larder's", lmdb->path);
    else if (code != 0)
        rc = ldr_lmdb_fail(lmdb, code, "open", err);
    else if (value.mv_size != strlen(LDR_LMDB_FORMAT) ||
             memcmp(value.mv_data, LDR_LMDB_FORMAT, value.mv_size) != 0)
        rc = larder_fail(err, LARDER_UNSUPPORTED,
            "'%s' has format %.*s, and this Larder reads format %s", lmdb->path,
            (int)(value.mv_size < 20 ? value.mv_size : 20),
            (const char *)value.mv_data, LDR_LMDB_FORMAT);
    ldr_lmdb_end(lmdb, reader);
    return rc;
}

/* Give the environment back to LMDB, unless it was the parent's: closing that
 * would clear the parent's readers. */
static void
stop(ldr_lmdb *lmdb)
{
    bool ours = ldr_lmdb_users_same_process(&lmdb->user);

    assert(!ours || lmdb->n_reading == 0);
    while (lmdb->idle != NULL) {
        ldr_lmdb_reader *reader = lmdb->idle;

        lmdb->idle = reader->next;
        if (ours) {
            mdb_cursor_close(reader->cursor);
            mdb_txn_abort(reader->txn);
        }
        free(reader);
    }
    if (ours && lmdb->env != NULL)
        mdb_env_close(lmdb->env);
    lmdb->env = NULL;
}

larder_status
ldr_lmdb_open(ldr_lmdb *lmdb, const char *path, uint64_t max_size,
    unsigned max_readers, bool create, const larder_call *call,
    larder_error *err)
{
    uint64_t first = max_size < FIRST_SIZE ? max_size : FIRST_SIZE;
    larder_status rc = LARDER_OK;
    int code;

    *lmdb = (ldr_lmdb){
        .max_size = max_size, .max_readers = max_readers, .data = -1};
    LARDER_TRY(ldr_lmdb_folder_find(path, create, first, call, err));
    lmdb->path = ldr_lmdb_folder_name(path, "");
    if (lmdb->path == NULL || pthread_mutex_init(&lmdb->writing, NULL) != 0)
        LARDER_TRY(larder_fail(err, LARDER_NOMEM, "out of memory"));
    if (pthread_mutex_init(&lmdb->gate, NULL) != 0) {
        pthread_mutex_destroy(&lmdb->writing);
        LARDER_TRY(larder_fail(err, LARDER_NOMEM, "out of memory"));
    }
    lmdb->open = true;
    LARDER_TRY(ldr_lmdb_users_join(&lmdb->user, path, call, err));
    LARDER_TRY(ldr_lmdb_folder_check(path, &lmdb->data, err));
    code = start(lmdb);
    if (code != 0)
        LARDER_TRY(ldr_lmdb_fail(lmdb, code, "open", err));
    LARDER_TRY(check_mark(lmdb, call, err));
out:
    if (rc != LARDER_OK)
        ldr_lmdb_close(lmdb);
    return rc;
}

void
ldr_lmdb_close(ldr_lmdb *lmdb)
{
    if (lmdb->open) {
        stop(lmdb);
        ldr_lmdb_users_leave(&lmdb->user);
        pthread_mutex_destroy(&lmdb->gate);
        pthread_mutex_destroy(&lmdb->writing);
        if (lmdb->data >= 0)
            close(lmdb->data);
    }
    free(lmdb->path);
    *lmdb = (ldr_lmdb){0};
}

larder_status
ldr_lmdb_destroy(ldr_lmdb *lmdb, const larder_call *call, larder_error *err)
{
    larder_status rc = lock_writing(lmdb, call, err);
    bool shut = false;

    if (rc != LARDER_OK)
        return rc;
    LARDER_TRY(check_usable(lmdb, err));
    LARDER_TRY(ldr_lmdb_users_alone(&lmdb->user, lmdb->path, err));
    LARDER_TRY(shut_gate(lmdb, call, err));
    shut = true;
    stop(lmdb);
    lmdb->destroyed = true;
    LARDER_TRY(ldr_lmdb_folder_remove(lmdb->path, err));
out:
    if (shut)
        open_gate(lmdb);
    pthread_mutex_unlock(&lmdb->writing);
    return rc;
}
