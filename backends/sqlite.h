/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite.h - what every store in a SQLite file shares: opening it, the lock
 * around writes, checkpoints, and errors in words.
 *
 * WAL, synchronous=FULL. SQLite 3.7.0 to 3.51.2 can damage a WAL database when
 * one connection resets the WAL while another starts a checkpoint, so one lock
 * of our own (flock on "PATH.lock", which holds the holder's process id)
 * covers each write transaction and each checkpoint; SQLite never checkpoints
 * by itself. Nothing here is global; a store and a link each serve one thread
 * at a time.
 */
#ifndef BACKENDS_SQLITE_H
#define BACKENDS_SQLITE_H

#include "larder_backend.h"

#include <sqlite3.h>

/* One connection. `call` is whose patience counts while SQLite works or waits:
 * set it before each use; NULL waits for up to 30 seconds. */
typedef struct sqlite_link {
    sqlite3 *db;
    const char *path; /* the store's */
    const larder_call *call;
    unsigned waited_ms; /* of the wait that goes on */
} sqlite_link;

/* {0} is closed. */
typedef struct sqlite_store {
    char *path;
    sqlite_link main; /* the connection that writes, between begin and commit */
    int lock;         /* descriptor of the lock file + 1; 0: not open yet */
    bool writing;
    bool wrote;      /* since the last whole checkpoint */
    int n_wal_pages; /* after the last commit */
} sqlite_store;

/* Open the file at an absolute path; with `create` make it, and the folders
 * that lead to it. `what` names what it holds ("history") for messages.
 * INVALID (no path), NOT_FOUND, BUSY, CORRUPT (damaged, or no SQLite file),
 * UNSUPPORTED (a newer format), IO, NOMEM. On failure nothing is open. */
larder_status sqlite_store_open(sqlite_store *store, const char *path,
    const char *what, bool create, const larder_call *call, larder_error *err);
/* {0} allowed. Moves the WAL into the file if nobody else is writing. */
void sqlite_store_close(sqlite_store *store);

/* A further connection, which only reads. `link` stays where it is while
 * open. */
larder_status sqlite_link_open(const sqlite_store *store, sqlite_link *link,
    const larder_call *call, larder_error *err);
void sqlite_link_close(sqlite_link *link); /* {0} allowed */

/* Take the lock and begin a write transaction on store->main. BUSY names the
 * process that holds it. */
larder_status sqlite_write_begin(
    sqlite_store *store, const larder_call *call, larder_error *err);
/* Commit and give the lock back; on failure everything is undone. */
larder_status sqlite_write_commit(sqlite_store *store, larder_error *err);
/* Roll back and give the lock back, if there is anything to undo. */
void sqlite_write_undo(sqlite_store *store);

/* Words for a SQLite result code that is not OK, ROW or DONE. */
larder_status sqlite_fail(sqlite_link *link, int code, larder_error *err);
/* Statements without parameters and rows; several are separated by ';'. */
larder_status sqlite_run(sqlite_link *link, const char *sql, larder_error *err);
/* Run a BEGIN, after the end of a transaction that found no memory for it. */
larder_status sqlite_begin(
    sqlite_link *link, const char *sql, larder_error *err);
larder_status sqlite_prepare(
    sqlite_link *link, const char *sql, sqlite3_stmt **out, larder_error *err);
/* *row: there is one; else the statement is done. */
larder_status sqlite_step(
    sqlite_link *link, sqlite3_stmt *statement, bool *row, larder_error *err);
/* Step a statement that gives no row, then reset it for the next time. */
larder_status sqlite_execute(
    sqlite_link *link, sqlite3_stmt *statement, larder_error *err);
/* The first column of the first row; *out stays as it is without a row. */
larder_status sqlite_integer(
    sqlite_link *link, const char *sql, int64_t *out, larder_error *err);

#endif
