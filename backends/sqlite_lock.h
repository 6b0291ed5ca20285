/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_lock.h - the lock around writes, as sqlite.c needs it.
 */
#ifndef BACKENDS_SQLITE_LOCK_H
#define BACKENDS_SQLITE_LOCK_H

#include "sqlite.h"

/* Sleep a moment more, adding to *waited_ms. The deadline decides when to give
 * up (DEADLINE), 30 seconds where there is none; INTERRUPTED. */
larder_status sqlite_wait(const larder_call *call, unsigned *waited_ms);
/* SQLite's busy handler; the context is a sqlite_link. */
int sqlite_busy(void *link, int n_calls);
/* Does the lock file say that rows were kept in the store's file? It does
 * from a commit on, until the file is made anew. */
bool sqlite_lock_kept(const sqlite_store *store);
/* There is no file: whatever was kept, it is gone. Call it before the file is
 * made. */
larder_status sqlite_lock_forget(
    sqlite_store *store, const larder_call *call, larder_error *err);
/* If the store wrote and nobody else does: checkpoint. Then let the lock file
 * go. */
void sqlite_lock_close(sqlite_store *store);

#endif
