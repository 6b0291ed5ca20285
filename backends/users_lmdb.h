/* SPDX-License-Identifier: Apache-2.0 */
/*
 * users_lmdb.h - who else has an LMDB store open, and whose turn it is.
 *
 * What is held among processes is let go when its process ends, however it
 * ends. Threads that share one environment are environment_lmdb.c's affair.
 */
#ifndef LDR_USERS_LMDB_H
#define LDR_USERS_LMDB_H

#include <sys/types.h>

#include "larder_backend.h"

#define LDR_LMDB_LOCK "larder.lock"

/* This process, as a user of one folder. {0} is none; stays where it is. */
typedef struct ldr_lmdb_user {
    bool joined;
    int lock; /* descriptor of larder.lock */
    unsigned n_forks;
    dev_t device;
    ino_t inode;
    struct ldr_lmdb_user *next;
} ldr_lmdb_user;

/* Be counted among the users; nobody removes the store meanwhile. BUSY (this
 * process is one already; or there is one in another PID namespace, whose dead
 * LMDB cannot tell from the living), NOT_FOUND (removed just now), IO. */
larder_status ldr_lmdb_users_join(ldr_lmdb_user *user, const char *path,
    const larder_call *call, larder_error *err);
void ldr_lmdb_users_leave(ldr_lmdb_user *user);
/* False in a process forked from the one that joined. */
bool ldr_lmdb_users_same_process(const ldr_lmdb_user *user);
/* BUSY when there are others; else none but us until we leave. */
larder_status ldr_lmdb_users_alone(
    const ldr_lmdb_user *user, const char *path, larder_error *err);

/* Wait for the turn to write, as LMDB's own mutex cannot be waited for: with a
 * deadline. End it. */
larder_status ldr_lmdb_users_turn(const ldr_lmdb_user *user, const char *path,
    const larder_call *call, larder_error *err);
void ldr_lmdb_users_turn_end(const ldr_lmdb_user *user);

/* A moment's sleep while somebody else has it, unless nobody waits for us. */
larder_status ldr_lmdb_pause(const larder_call *call, larder_error *err);

#endif
