/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - answers about definitions: rows written as texts, read as a stream.
 */
#ifndef LDR_ROWS_H
#define LDR_ROWS_H

#include "larder.h"

/* Append a row to a batch of strings and bools: a text a column; NULL is null,
 * and a bool is true when its text is "true". */
larder_status ldr_rows_add(
    larder_batch *batch, const char *const *texts, larder_error *err);

#endif
