/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changes.h - what plan, apply, diff and rollback print: a list of changes.
 */
#ifndef CHANGES_H
#define CHANGES_H

#include "print.h"

/* Print and close the stream. A table of none is "no changes"; under -o json
 * the document also says the generation. */
larder_status changes_print(struct run *run, larder_stream *changes,
    const larder_applied *applied, larder_error *err);

#endif
