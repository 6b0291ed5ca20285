/* SPDX-License-Identifier: Apache-2.0 */
/*
 * differ.h - two rows of one key that should be the same, in words: where they
 * first differ, and what each has there.
 */
#ifndef LDR_DIFFER_H
#define LDR_DIFFER_H

#include "engine/recompute.h"

/* Fill *out, whose view stays untouched. Of the rows at most one is empty:
 * there is none. `history` is whole; `online` may be damaged. NOMEM. */
larder_status ldr_differ(const ldr_recomputing *plan, larder_bytes key,
    larder_bytes online, larder_bytes history, larder_difference *out,
    larder_error *err);
/* Empties it. */
void ldr_difference_release(larder_difference *difference);

#endif
