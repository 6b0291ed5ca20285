/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_lock.c - one writer at a time, checkpoints included.
 *
 * The lock is flock()'s on "PATH.lock": it ends with its holder, however that
 * dies, and it also keeps apart two stores of one process. The file holds the
 * process id of the last holder, after a commit also that rows are kept, and
 * is never removed.
 */
#include "sqlite_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 30000u
#define LONGEST_NAP_MS 25u

/* In the lock file: the store's file holds something. */
#define KEPT "kept"

/* A WAL greater than this is moved into the file after a commit. */
#define WAL_BYTES (4 << 20)

larder_status
sqlite_wait(const larder_call *call, unsigned *waited_ms)
{
    unsigned nap = *waited_ms / 4 + 1;
    struct timespec span = {0};

    if (call != NULL) {
        larder_status rc = larder_call_check(call, NULL);

        if (rc != LARDER_OK)
            return rc;
    }
    if (*waited_ms >= PATIENCE_MS &&
        (call == NULL || call->monotonic == NULL || call->deadline == 0))
        return LARDER_DEADLINE;
    if (nap > LONGEST_NAP_MS)
        nap = LONGEST_NAP_MS;
    span.tv_nsec = (long)nap * 1000000L;
    (void)nanosleep(&span, NULL);
    *waited_ms += nap;
    return LARDER_OK;
}

int
sqlite_busy(void *link, int n_calls)
{
    sqlite_link *self = link;

    if (n_calls == 0)
        self->waited_ms = 0;
    return sqlite_wait(self->call, &self->waited_ms) == LARDER_OK;
}

/* -------------------------------------------------------------- the lock */

static larder_status
open_lock(sqlite_store *store, larder_error *err)
{
    size_t room = strlen(store->path) + sizeof ".lock";
    char *path, words[128] = "";
    int descriptor;

    if (store->lock != 0)
        return LARDER_OK;
    path = malloc(room);
    if (path == NULL)
        return larder_fail(err, LARDER_NOMEM, "out of memory");
    (void)snprintf(path, room, "%s.lock", store->path);
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        (void)strerror_r(errno, words, sizeof words);
        (void)larder_fail(
            err, LARDER_IO, "%s cannot be written: %s", path, words);
        free(path);
        return LARDER_IO;
    }
    free(path);
    store->lock = descriptor + 1;
    return LARDER_OK;
}

static larder_status
fail_held(const sqlite_store *store, larder_error *err)
{
    char text[24];
    ssize_t size = pread(store->lock - 1, text, sizeof text - 1, 0);
    char *end;

    text[size < 0 ? 0 : size] = '\0';
    end = strchr(text, '\n');
    if (end != NULL)
        *end = '\0';
    (void)larder_fail(err, LARDER_BUSY, "process %s is writing to %s",
        text[0] == '\0' ? "?" : text, store->path);
    larder_hint(err, "wait for it to finish, then try again");
    return LARDER_BUSY;
}

/* Who holds it, for those who wait. Losing this loses only words. */
static void
sign_lock(const sqlite_store *store)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());

    if (ftruncate(store->lock - 1, 0) == 0 && size > 0 &&
        pwrite(store->lock - 1, text, (size_t)size, 0) < 0)
        return;
}

static larder_status
take_lock(sqlite_store *store, const larder_call *call, larder_error *err)
{
    unsigned waited_ms = 0;
    larder_status rc = open_lock(store, err);

    if (rc != LARDER_OK)
        return rc;
    while (flock(store->lock - 1, LOCK_EX | LOCK_NB) != 0) {
        char words[128] = "";

        if (errno != EWOULDBLOCK && errno != EINTR) {
            (void)strerror_r(errno, words, sizeof words);
            return larder_fail(err, LARDER_IO, "%s.lock cannot be locked: %s",
                store->path, words);
        }
        rc = sqlite_wait(call, &waited_ms);
        if (rc == LARDER_INTERRUPTED)
            return larder_call_check(call, err);
        if (rc != LARDER_OK)
            return fail_held(store, err);
    }
    sign_lock(store);
    return LARDER_OK;
}

static void
give_lock(const sqlite_store *store)
{
    (void)flock(store->lock - 1, LOCK_UN);
}

/* Under the lock, after a commit. Losing this loses no row: only that a file
 * cut to nothing is told from a new one. */
static void
mark_kept(const sqlite_store *store)
{
    char text[40];
    int size = snprintf(text, sizeof text, "%ld\n" KEPT "\n", (long)getpid());

    if (size > 0 && pwrite(store->lock - 1, text, (size_t)size, 0) < 0)
        return;
}

bool
sqlite_lock_kept(const sqlite_store *store)
{
    size_t room = strlen(store->path) + sizeof ".lock";
    char *path = malloc(room), text[40] = "";
    int descriptor;

    if (path == NULL)
        return false;
    (void)snprintf(path, room, "%s.lock", store->path);
    descriptor = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    if (descriptor < 0)
        return false;
    if (read(descriptor, text, sizeof text - 1) < 0)
        text[0] = '\0';
    (void)close(descriptor);
    return strstr(text, "\n" KEPT "\n") != NULL;
}

larder_status
sqlite_lock_forget(
    sqlite_store *store, const larder_call *call, larder_error *err)
{
    larder_status rc = take_lock(store, call, err);

    if (rc == LARDER_OK)
        give_lock(store);
    return rc;
}

/* ------------------------------------------------------------ checkpoints */

/* Under the lock. Readers of older rows keep it from finishing: then the next
 * one does. What it cannot do now costs nothing but room. */
static void
checkpoint(sqlite_store *store)
{
    sqlite3 *db = store->main.db;
    int code;

    (void)sqlite3_busy_handler(db, NULL, NULL);
    code = sqlite3_wal_checkpoint_v2(
        db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    (void)sqlite3_busy_handler(db, sqlite_busy, &store->main);
    if (code == SQLITE_OK) {
        store->wrote = false;
        store->n_wal_pages = 0;
    }
}

static int
on_commit(void *context, sqlite3 *db, const char *name, int n_pages)
{
    sqlite_store *store = context;

    (void)db;
    (void)name;
    store->n_wal_pages = n_pages;
    return SQLITE_OK;
}

void
sqlite_lock_close(sqlite_store *store)
{
    if (store->lock == 0)
        return;
    if (store->wrote && flock(store->lock - 1, LOCK_EX | LOCK_NB) == 0)
        checkpoint(store);
    (void)close(store->lock - 1);
    store->lock = 0;
}

/* ----------------------------------------------------------- transactions */

larder_status
sqlite_write_begin(
    sqlite_store *store, const larder_call *call, larder_error *err)
{
    larder_status rc = LARDER_OK;

    store->main.call = call;
    if (sqlite3_db_readonly(store->main.db, "main") == 1)
        return larder_fail(err, LARDER_IO,
            "%s cannot be written: it is read-only", store->path);
    rc = take_lock(store, call, err);
    if (rc != LARDER_OK)
        return rc;
    (void)sqlite3_wal_hook(store->main.db, on_commit, store);
    LARDER_TRY(sqlite_run(&store->main, "PRAGMA journal_mode=WAL", err));
    LARDER_TRY(sqlite_begin(&store->main, "BEGIN IMMEDIATE", err));
    store->writing = true;
out:
    if (rc != LARDER_OK)
        give_lock(store);
    return rc;
}

larder_status
sqlite_write_commit(sqlite_store *store, larder_error *err)
{
    int64_t page_bytes = 0;
    larder_status rc = sqlite_run(&store->main, "COMMIT", err);

    if (rc != LARDER_OK) {
        sqlite_write_undo(store);
        return rc;
    }
    store->writing = false;
    store->wrote = true;
    mark_kept(store);
    store->main.call = NULL; /* it stands: nobody can interrupt it now */
    if (sqlite_integer(&store->main, "PRAGMA page_size", &page_bytes, NULL) ==
            LARDER_OK &&
        store->n_wal_pages * page_bytes > WAL_BYTES)
        checkpoint(store);
    give_lock(store);
    return LARDER_OK;
}

void
sqlite_write_undo(sqlite_store *store)
{
    if (!store->writing)
        return;
    store->main.call = NULL;
    if (sqlite3_get_autocommit(store->main.db) == 0)
        (void)sqlite_run(&store->main, "ROLLBACK", NULL);
    store->writing = false;
    give_lock(store);
}
