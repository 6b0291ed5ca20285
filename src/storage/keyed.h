/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyed.h - of rows, those of certain keys.
 */
#ifndef LDR_KEYED_H
#define LDR_KEYED_H

#include "larder.h"

/* `keys` has the input's first columns, no nulls, and outlives the stream.
 * Owns the input, also on failure. NOMEM. */
larder_status ldr_keyed(larder_stream *input, const larder_batch *keys,
    larder_stream *out, larder_error *err);

#endif
