/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folder_lmdb.h - the folder of an LMDB store, before LMDB sees it.
 *
 * Makes it beside and renames it into place, because LMDB's first two pages are
 * not written in one piece; tells a file that was cut short, because reading
 * past its end kills the process. Who uses it: users_lmdb.h.
 */
#ifndef LDR_FOLDER_LMDB_H
#define LDR_FOLDER_LMDB_H

#include "larder_backend.h"

/* A record that no row can be, being shorter than a table id: by it we know
 * the environment for ours, and its value is the version of what is in it. It
 * begins with 1 to lie before the rows: behind them it would share a page with
 * the last, and each page filled in key order would be split in halves. */
#define LDR_LMDB_MARK "\001larder"
#define LDR_LMDB_FORMAT "1"

/* Is there a store? Made, with room for `size` bytes, when there is none and
 * `create`. INVALID (something else is there), NOT_FOUND, IO, NOMEM. */
larder_status ldr_lmdb_folder_find(const char *path, bool create, uint64_t size,
    const larder_call *call, larder_error *err);

/* Open data.mdb, which is an LMDB file and all there. CORRUPT, IO. */
larder_status ldr_lmdb_folder_check(
    const char *path, int *data, larder_error *err);

/* Remove our files and, if it is then empty, the folder. IO. */
larder_status ldr_lmdb_folder_remove(const char *path, larder_error *err);

/* Words for an errno; `doing`: "open", "write". IO or NOMEM. */
larder_status ldr_lmdb_folder_fail(
    const char *path, const char *doing, int code, larder_error *err);

/* The path with an ending, yours to free(). NULL: no memory. */
char *ldr_lmdb_folder_name(const char *path, const char *ending);

#endif
