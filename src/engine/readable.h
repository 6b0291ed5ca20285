/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readable.h - can all that is declared be read?
 *
 * Each definition may be right by itself while a read that brings several
 * together fails: one request column in two types, a column that is a join key
 * for one view and part of the request for another. So each service and each
 * on-demand view is planned once, as a read would plan it.
 */
#ifndef LDR_READABLE_H
#define LDR_READABLE_H

#include "larder.h"
#include "registry/snapshot.h"

/* Tells each that cannot be read. INVALID, with the first fault, if any. */
larder_status ldr_readable(
    ldr_snapshot *snapshot, ldr_faults *faults, larder_error *err);

#endif
