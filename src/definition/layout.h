/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.h - do views fit `layout: feast` of an online store?
 *
 * Any view fits the packed layout. Feast's has no windows, no keys of type
 * bool, whole seconds where values are timestamps, and fields that are called
 * by four bytes of a hash.
 */
#ifndef LDR_LAYOUT_H
#define LDR_LAYOUT_H

#include "definition/definition.h"

/* Faults are errors and, of what is kept but not as it is, warnings. Those of a
 * view that is stored already, as `before` (may be empty) has it, tell what
 * becomes of its rows. NOMEM. */
larder_status ldr_layout_check(const ldr_definitions *before,
    const ldr_definitions *wanted, ldr_faults *faults, larder_error *err);

#endif
