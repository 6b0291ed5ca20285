/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time.h - moments and durations from and to text; never reads a clock.
 *
 * larder_time_parse() and larder_time_print() of larder.h live here too.
 */
#ifndef LDR_TIME_H
#define LDR_TIME_H

#include "larder.h"

#define LDR_SECOND INT64_C(1000000)
#define LDR_DAY (INT64_C(86400) * LDR_SECOND)

/* A calendar date to the first microsecond of its day. False: no such day. */
bool ldr_time_civil(int year, int month, int day, larder_time *out);

/* What a text says of a moment, without a wish about its zone. */
typedef struct ldr_moment {
    larder_time time; /* as if its own digits were UTC, less any offset */
    bool zoned;       /* Z or an offset was given */
    bool date_only;   /* no clock time was given */
} ldr_moment;

/* ISO 8601: date, 'T' or space, HH:MM[:SS[.fraction]], Z or an offset up to
 * 14:00. Finer than microseconds is floored; 23:59:60 rolls. NULL, or why not
 * ("there is no 30 February"). */
const char *ldr_moment_parse(larder_bytes text, ldr_moment *out);

/* "90s", "15m", "12h", "7d", "2w", "1h30m": units descend, each at most once.
 * Zero and more than 9999 years are INVALID. */
larder_status ldr_duration_parse(
    const char *text, int64_t *us, larder_error *err);
/* The canonical spelling, "7d" rather than "168h" or "1w". */
size_t ldr_duration_print(int64_t us, char text[40]);

/* "+05:30", "UTC", "Z". INVALID. */
larder_status ldr_offset_parse(
    const char *text, int32_t *minutes, larder_error *err);

/* t - span, t + span, kept within LARDER_TIME_MIN and LARDER_TIME_MAX. */
larder_time ldr_time_minus(larder_time t, int64_t span_us);
larder_time ldr_time_plus(larder_time t, int64_t span_us);
/* t - span (not negative) where int64 has it: times end long before. */
int64_t ldr_time_back(larder_time t, int64_t span_us);
/* The whole seconds of a moment, toward the past. */
static inline int64_t
ldr_time_seconds(larder_time t)
{
    return t / LDR_SECOND - (t % LDR_SECOND < 0);
}

#endif
