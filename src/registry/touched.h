/* SPDX-License-Identifier: Apache-2.0 */
/*
 * touched.h - which services read what changes.
 */
#ifndef LDR_TOUCHED_H
#define LDR_TOUCHED_H

#include "registry/diff.h"

/* Name, with each change of an entity, source or view, the services of `from`
 * that read it, themselves or through on-demand views. NOMEM. */
larder_status ldr_touched(
    const ldr_snapshot *from, ldr_changes *changes, larder_error *err);

#endif
