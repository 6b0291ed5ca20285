/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.h - aggregates over windows of time, of one key's events.
 *
 * The one place where a window has a meaning: joins hand it history, reads hand
 * it the events a row holds, and both get the same bits.
 *
 * What the aggregates make of values that have a choice:
 *   count           of values that are not null; without a column, of events
 *   sum, mean       rounded once, from the exact sum (see base/sum.h); the mean
 *                   is that rounded sum, divided. A sum of an integer column
 *                   declared float64 is rounded once, too. Zeros of any sign
 *                   sum up to 0. NaN, or inf and -inf, make it NaN
 *   stddev          of the population; NaN and infinities make it NaN
 *   min, max        -0 is less than 0; a NaN in the window makes both NaN;
 *                   text and bytes by their bytes; false is less than true
 *   first, last     the oldest and newest value that is not null, by R3
 *   count_distinct  0 and -0 are one value, and so are all NaN
 * An answer declared float32 is the float64 answer, rounded to a float.
 */
#ifndef LDR_WINDOW_H
#define LDR_WINDOW_H

#include "definition/definition.h"
#include "engine/packed.h"

#define LDR_NO_COLUMN SIZE_MAX

/* One feature: over events with  t - offset - window < ts <= t - offset. */
typedef struct ldr_window {
    ldr_aggregate aggregate;
    size_t column; /* of the events; LDR_NO_COLUMN: count counts events */
    size_t filter; /* a bool column of the events; null and false leave an
                    * event out. LDR_NO_COLUMN: all count */
    int64_t window_us, offset_us;
    larder_type type; /* of the answer: int64, float64 or the column's own */
    const char *name; /* of the feature, for messages */
} ldr_window;

/* One key's events, rows [begin, end) of a batch, ascending by R3. */
typedef struct ldr_events {
    const larder_batch *batch;
    size_t begin, end;
    size_t event; /* the column of event times */
} ldr_events;

/* The longest window and offset together: an event that is older than a moment
 * by so much or more counts no longer. */
int64_t ldr_windows_span(const ldr_window *windows, size_t n_windows);

/* Prepared once for a list of features; used for many keys by one thread. */
typedef struct ldr_windows ldr_windows;
/* `windows` outlives it. NOMEM. */
larder_status ldr_windows_new(const ldr_window *windows, size_t n_windows,
    ldr_windows **out, larder_error *err);
void ldr_windows_free(ldr_windows *windows); /* NULL allowed */

/* Append to each of n_windows columns one value for each of n_times moments,
 * which ascend. The events hold, beside those inside any window, the newest one
 * at or before each moment where there is one: without any at or before t all
 * values are null. With one, count and count_distinct of nothing are 0 and the
 * rest null. The time it takes grows with events + moments, not their product.
 * INVALID (an integer sum that does not fit its type: feature named), NOMEM;
 * then the columns hold rows in part. */
larder_status ldr_windows_run(ldr_windows *windows, const ldr_events *events,
    const larder_time *times, size_t n_times, larder_column *const *out,
    larder_error *err);
/* The same, a row of words for each moment; there is room for them, and answers
 * are of types that ldr_packed_fits(). */
larder_status ldr_windows_run_packed(ldr_windows *windows,
    const ldr_events *events, const larder_time *times, size_t n_times,
    ldr_packed *out, larder_error *err);

#endif
