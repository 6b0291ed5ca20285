/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment_lmdb.h - an LMDB environment that survives what happens to it.
 *
 * LMDB leaves much to its user: one handle a process and path, a map that never
 * grows by itself, readers that died, files cut short, a first page that is not
 * written in one piece. All of that is here, once. online_lmdb.c above it sees
 * snapshots and write transactions only.
 *
 * The folder holds data.mdb and lock.mdb (LMDB's) and larder.lock (ours: who is
 * here, whose turn it is to write). The sync flags are LMDB's own defaults and
 * cannot be chosen.
 */
#ifndef LDR_ENVIRONMENT_LMDB_H
#define LDR_ENVIRONMENT_LMDB_H

#include <lmdb.h>
#include <pthread.h>

#include "larder_backend.h"
#include "users_lmdb.h"

/* A snapshot in use: a read transaction and a cursor, kept when it ends. */
typedef struct ldr_lmdb_reader {
    MDB_txn *txn;
    MDB_cursor *cursor;
    struct ldr_lmdb_reader *next; /* while idle */
} ldr_lmdb_reader;

/* An environment in use by any number of threads. {0} is closed. */
typedef struct ldr_lmdb {
    char *path; /* of the folder */
    uint64_t max_size;
    unsigned max_readers;
    MDB_env *env;
    MDB_dbi dbi;
    int data; /* descriptor of data.mdb */
    bool open, broken, destroyed;
    unsigned n_forks;        /* as counted when it was opened */
    pthread_mutex_t writing; /* one writer or remapper of this process */
    pthread_mutex_t gate;    /* the fields below */
    pthread_cond_t moved;    /* a reader left, or the gate opened */
    bool shut;               /* the map is about to move: no new snapshot */
    unsigned n_reading;
    ldr_lmdb_reader *idle;
    ldr_lmdb_user user;
} ldr_lmdb;

/* The folder `path`, made whole and then renamed into place if there is none
 * and `create`. INVALID (no folder of ours), NOT_FOUND, BUSY (open in this
 * process already, or in another container), CORRUPT, UNSUPPORTED (a newer
 * format), IO, NOMEM; then nothing needs closing. */
larder_status ldr_lmdb_open(ldr_lmdb *lmdb, const char *path, uint64_t max_size,
    unsigned max_readers, bool create, const larder_call *call,
    larder_error *err);
void ldr_lmdb_close(ldr_lmdb *lmdb);
/* Remove the files, and the folder when nothing else is in it. BUSY while
 * another process has it open. */
larder_status ldr_lmdb_destroy(
    ldr_lmdb *lmdb, const larder_call *call, larder_error *err);

/* The newest snapshot; allocates only when more threads read than before. */
larder_status ldr_lmdb_begin(ldr_lmdb *lmdb, const larder_call *call,
    ldr_lmdb_reader **out, larder_error *err);
void ldr_lmdb_end(ldr_lmdb *lmdb, ldr_lmdb_reader *reader);

/*
 * Run `work` in a write transaction and commit it: all of it or nothing. `work`
 * gives 0, the code of an LMDB call that failed, or ECANCELED when the caller
 * no longer waits. It runs again, from the start, each time the map was full
 * and could be made greater. LIMIT (max_size), and as above.
 */
typedef int ldr_lmdb_work(void *context, MDB_cursor *cursor);
larder_status ldr_lmdb_write(ldr_lmdb *lmdb, const larder_call *call,
    ldr_lmdb_work *work, void *context, larder_error *err);

/* What an LMDB code means, in words; `doing`: "read", "write". */
larder_status ldr_lmdb_fail(
    const ldr_lmdb *lmdb, int code, const char *doing, larder_error *err);

#endif
