/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fill.h - history on its way into one table online: read in parts by threads,
 * encoded, and committed with the view's position in the order of keys.
 *
 * Rows that are rows of history go as they are, and the newest stands. Derived
 * ones (derive.h) are put where nothing is stored; keys of which something is,
 * and those that only are to be derived, are kept for ldr_fill_derive().
 */
#ifndef LDR_FILL_H
#define LDR_FILL_H

#include <pthread.h>

#include "engine/chunk.h"
#include "engine/contract.h"
#include "engine/derive.h"
#include "engine/materialize.h"
#include "engine/runs.h"

typedef enum ldr_filling {
    LDR_FILL_NEWEST,  /* each key's newest row of the scan */
    LDR_FILL_DERIVED, /* each key's row derived from all of the scan */
    LDR_FILL_KEYS     /* the keys of the scan, to be derived afterwards */
} ldr_filling;

typedef struct ldr_fill {
    const ldr_materializing *m;
    const ldr_view *view;
    larder_materialized *report; /* counts are added to it */
    ldr_filling how;
    larder_table_id table; /* online */
    larder_scan scan;
    larder_time until; /* events up to then count for derived rows */
    unsigned n_threads;
    const size_t *key_places; /* of key i (name order) in the scan */
    uint32_t entity_set;
    ldr_row_layout layout;        /* NEWEST */
    const ldr_deriving *deriving; /* the others */
    const ldr_contract *contract; /* of the scan's rows */
    uint64_t n_rows;              /* of history, about */
    ldr_position position;        /* as stored */
    int64_t newest_created;       /* of the rows read */
    larder_time newest_event;     /* of those that have a key */
    ldr_breaches breaches;        /* of the contract, by the rows read */
    larder_batch keys;            /* to be derived: columns deriving->keys */
    /* Of fill.c. */
    pthread_mutex_t lock; /* over what follows, the report and the puts */
    pthread_cond_t changed;
    unsigned n_parts;
    unsigned next_part; /* the first that no thread has taken */
    unsigned turn;      /* the part whose rows go online next */
    bool failed;        /* one thread did: the others end */
    ldr_chunk waiting;  /* rows whose turn has come, in order */
    bool committing;    /* one thread puts those before them, unlocked: */
    ldr_chunk going;
} ldr_fill;

/* A zeroed struct ready for the rest to be set, the breaches too. NOMEM. */
larder_status ldr_fill_init(ldr_fill *fill, larder_error *err);
void ldr_fill_release(ldr_fill *fill);

/* Read the scan, within a snapshot of n_threads readers. What is less than a
 * commit waits for ldr_fill_commit(). INVALID: a row breaks a contract that
 * refuses; then no row of its part goes online. */
larder_status ldr_fill_read(ldr_fill *fill, larder_error *err);
/* Rows that wait, and the position, in one transaction. CONFLICT: another run
 * has taken the view over. */
larder_status ldr_fill_commit(
    ldr_fill *fill, const ldr_position *wanted, larder_error *err);
/* Derive the keys that were kept; outside of any snapshot. */
larder_status ldr_fill_derive(ldr_fill *fill, larder_error *err);

#endif
