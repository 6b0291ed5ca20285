/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changes.h - what plan, apply, diff and rollback print: a list of changes.
 */
#ifndef CHANGES_H
#define CHANGES_H

#include "print.h"

/* Print and close the stream; a table of none is "no changes". `facts` belong
 * into the document of -o json, and are taken over. */
larder_status changes_print(
    struct run *run, larder_stream *changes, json_t *facts, larder_error *err);
json_t *changes_generation(const larder_applied *applied);

#endif
