/* SPDX-License-Identifier: Apache-2.0 */
/*
 * breaking.h - which services of the old definitions answer otherwise now.
 */
#ifndef LDR_BREAKING_H
#define LDR_BREAKING_H

#include "registry/diff.h"

/* Mark the changes that break a service of `from`, and say which. NOMEM. */
larder_status ldr_breaking(const ldr_snapshot *from, const ldr_snapshot *to,
    ldr_changes *changes, larder_error *err);

#endif
