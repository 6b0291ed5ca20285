/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runs.h - the ledger: up to where each view is materialized, and into which
 * build, kept as reserved rows of the online store (design 7, "positions").
 *
 * Key: entity set 0, the text "positions". Table: XXH3-64 of project and view.
 * The row is row.h's, its columns listed in runs.c. It is only ever put with
 * IF_MATCH, in the transaction of the rows it speaks of.
 */
#ifndef LDR_RUNS_H
#define LDR_RUNS_H

#include "base/arena.h"
#include "data/key.h"
#include "data/row.h"
#include "definition/definition.h"
#include "larder.h"
#include "storage/online.h"

/* A table being read or filled: the view's content hash and a number. */
typedef struct ldr_build {
    char hash[33]; /* "": there is none */
    uint64_t number;
} ldr_build;

/* The table of a view's build, which the online store is told of: `view` is as
 * the build was made. INVALID, UNSUPPORTED (rows of such a view cannot be kept
 * in its layout), NOMEM. */
larder_status ldr_build_table(ldr_online *online, const char *project,
    const ldr_view *view, const ldr_build *build, larder_table_id *out,
    larder_error *err);

#define LDR_OLD_BUILDS_MAX 16u

typedef struct ldr_position {
    ldr_build read;
    int64_t arrival;   /* rows that arrived up to here are in `read` */
    larder_time until; /* ... those with later event times are not */
    ldr_build fill;
    char run[33];                      /* who wrote last */
    ldr_build old[LDR_OLD_BUILDS_MAX]; /* replaced, not yet swept */
    larder_time replaced[LDR_OLD_BUILDS_MAX];
    size_t n_old;
    /* What freshness is judged by; LARDER_TIME_MIN: nobody has said. */
    larder_time newest_event; /* of the rows in `read` */
    larder_time arrived;      /* the latest created time read; without any,
                               * the last run that read a row */
    larder_time ran;          /* the last run that left nothing out began */
    uint64_t checksum;        /* of the stored row; 0: nothing is stored */
} ldr_position;

/* Positions of n views, in one read; those never written are {0} with times
 * of LARDER_TIME_MIN. CORRUPT, and the store's own. */
larder_status ldr_positions_read(ldr_online *online, const larder_call *call,
    const char *project, const char *const *views, size_t n_views,
    ldr_position *out, larder_error *err);

/* Has any of them moved since the last look? Reads checksums only and allocates
 * nothing. */
typedef struct ldr_watch {
    ldr_key key;
    larder_table_id *tables;
    uint64_t *checksums; /* at the last look; of table i */
    size_t n_views, n_found;
} ldr_watch;

larder_status ldr_watch_init(ldr_watch *watch, const char *project,
    const char *const *views, size_t n_views, ldr_arena *arena,
    larder_error *err);
larder_status ldr_watch_look(ldr_watch *watch, ldr_online *online,
    const larder_call *call, bool *moved, larder_error *err);

/* The put that replaces `position` (by its checksum) with what it now says.
 * The bytes live in `room`; *checksum is the new row's. */
larder_status ldr_position_put(const char *project, const char *view,
    const ldr_position *position, larder_time now, ldr_buffer *room,
    ldr_key *key, larder_put *out, uint64_t *checksum, larder_error *err);

#endif
