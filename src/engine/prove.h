/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prove.h - is what is online what history says, byte for byte?
 *
 * Of each view some entities' rows are made anew from history and compared with
 * those online. History may hold more than the ledger's mark tells of: such a
 * row may be online or not, so an entity that has any is equal also without
 * them. Writes nothing; others may write meanwhile.
 */
#ifndef LDR_PROVE_H
#define LDR_PROVE_H

#include "registry/snapshot.h"
#include "storage/offline.h"
#include "storage/online.h"

typedef struct ldr_proving {
    ldr_offline *offline;
    ldr_online *online;
    const larder_call *call;
    const char *project;
    size_t sample; /* entities of each view */
} ldr_proving;

/* larder_prove() of these views, each of them once; the report's names are
 * copies, and it is filled as far as it came, also on failure. */
larder_status ldr_prove(const ldr_proving *proving,
    const ldr_view *const *views, size_t n_views, larder_proved *report,
    larder_error *err);

#endif
