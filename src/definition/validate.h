/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate.h - names resolve, types agree, nothing is circular.
 *
 * Fills what load left open (pointers, join keys, clustering keys) and reports
 * every fault with the nearest name. Touches no store.
 */
#ifndef LDR_VALIDATE_H
#define LDR_VALIDATE_H

#include "definition/definition.h"

/* NOMEM only; look at faults->n_errors. */
larder_status ldr_validate(ldr_definitions *all, ldr_arena *arena,
    ldr_faults *faults, larder_error *err);

#endif
