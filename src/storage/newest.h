/* SPDX-License-Identifier: Apache-2.0 */
/*
 * newest.h - of rows in order, the first of each key and those tied with it.
 */
#ifndef LDR_NEWEST_H
#define LDR_NEWEST_H

#include "larder.h"

/* The input has n_key key columns, event and created, and comes by key, then
 * newest first. Owns the input, also on failure. NOMEM. */
larder_status ldr_newest(
    larder_stream *input, size_t n_key, larder_stream *out, larder_error *err);

#endif
