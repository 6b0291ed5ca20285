/* SPDX-License-Identifier: Apache-2.0 */
/*
 * computed.h - the features of a read that no stored row holds as they are:
 * windows over the events of a row, and on-demand features over the others.
 *
 * Training computes them by the same rooms (window.h, ondemand.h) from the same
 * values.
 */
#ifndef LDR_COMPUTED_H
#define LDR_COMPUTED_H

#include "engine/reader.h"

/* Windowed features of one view, at `now`. LIMIT: a row says that its entity
 * has too many events. INVALID (a sum that does not fit its type), NOMEM. */
larder_status ldr_computed_windows(larder_reader *reader, size_t view,
    size_t n_rows, larder_time now, larder_answer *answer, larder_error *err);

/* On-demand features, once all others are there. NOMEM. */
larder_status ldr_computed_on_demand(larder_reader *reader,
    const larder_batch *keys, larder_time now, larder_answer *answer,
    larder_error *err);

#endif
