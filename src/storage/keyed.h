/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyed.h - of rows, those of certain keys and their times.
 */
#ifndef LDR_KEYED_H
#define LDR_KEYED_H

#include "larder.h"
#include "larder_backend.h"

/* Leaves out what scan->keys and the times beside them do not want: the
 * contract is larder_scan's. What is the one before shows only `in_order`,
 * newest first: else all rows older than keys_from stay. The input has the
 * scan's columns; what the scan points to outlives the stream. Owns the input,
 * also on failure. NOMEM. */
larder_status ldr_keyed(larder_stream *input, const larder_scan *scan,
    bool in_order, larder_stream *out, larder_error *err);

#endif
