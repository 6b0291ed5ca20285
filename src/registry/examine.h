/* SPDX-License-Identifier: Apache-2.0 */
/*
 * examine.h - what is found when stores and repository are looked at: kept in
 * a report, also what made looking impossible.
 */
#ifndef LDR_EXAMINE_H
#define LDR_EXAMINE_H

#include "definition/config.h"
#include "registry/diff.h"
#include "registry/snapshot.h"

/* A sink that keeps what it is told in `out`. */
typedef struct ldr_examining {
    larder_finding_sink sink;
    larder_examined *out;
    const char *store, *type; /* that is being looked at */
    size_t first;             /* of its findings */
    size_t room;
} ldr_examining;

void ldr_examine_begin(
    ldr_examining *examining, const char *store, const char *type);
/* A store that could be opened, or why not. OK, but for INTERRUPTED and NOMEM.
 */
larder_status ldr_examine_opened(ldr_examining *examining, larder_status rc,
    const larder_error *why, larder_error *err);
/* Looking came to an end: well, or early. */
larder_status ldr_examine_ended(ldr_examining *examining, larder_status rc,
    const larder_error *why, larder_error *err);

/* Who may read secrets that the configuration holds. */
larder_status ldr_examine_config(
    ldr_examining *examining, const ldr_config *config, larder_error *err);
/* Are the definitions of the folder right (NULL: they are not, see faults), and
 * are they those of the registry (NULL: it is not known)? */
larder_status ldr_examine_definitions(ldr_examining *examining,
    const ldr_snapshot *folder, const ldr_faults *faults,
    const ldr_snapshot *current, larder_error *err);

#endif
