/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calendar.c - numbers computed from moments, in UTC.
 *
 * The calendar is the Gregorian one, as in base/time.c.
 */
#include "expression/functions.h"

#include "base/time.h"

#define HOUR (3600 * LDR_SECOND)

static int64_t
floor_divide(int64_t a, int64_t by)
{
    return a / by - (a % by < 0);
}

typedef struct civil_date {
    int64_t year;
    int64_t month, day; /* from 1 */
} civil_date;

/* A year is counted from March, so that the leap day is its last. */
static civil_date
date_of(larder_time time)
{
    int64_t since = floor_divide(time, LDR_DAY) + 719468;
    int64_t era = floor_divide(since, 146097);
    int64_t day = since - era * 146097, year, month;

    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    month += month < 10 ? 3 : -9;
    return (civil_date){era * 400 + year + (month <= 2), month, day + 1};
}

#define FROM_TIME(name, value)                                                 \
    void ldr_run_##name(                                                       \
        const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)     \
    {                                                                          \
        (void)texts;                                                           \
        for (size_t i = 0; i < n; i++) {                                       \
            larder_time t = args[0].integers[i];                               \
                                                                               \
            out->integers[i] = value;                                          \
        }                                                                      \
    }

FROM_TIME(hour, (t % LDR_DAY + (t % LDR_DAY < 0 ? LDR_DAY : 0)) / HOUR)
FROM_TIME(day_of_month, date_of(t).day)
FROM_TIME(month, date_of(t).month)
FROM_TIME(year, date_of(t).year)

/* 1970-01-01 was a Thursday; Monday is 1. */
void
ldr_run_day_of_week(
    const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    (void)texts;
    for (size_t i = 0; i < n; i++) {
        int64_t day = floor_divide(args[0].integers[i], LDR_DAY) + 3;

        out->integers[i] = day - floor_divide(day, 7) * 7 + 1;
    }
}

/* From the first to the second, in units; the microseconds between any two
 * moments of the calendar are exact. */
static void
between(const ldr_vector *args, size_t n, ldr_slot *out, double unit)
{
    for (size_t i = 0; i < n; i++) {
        int64_t us = 0;

        if (__builtin_sub_overflow(
                args[1].integers[i], args[0].integers[i], &us)) {
            us = 0;
            ldr_slot_fault(out, n, i);
        }
        out->reals[i] = (double)us / unit;
    }
}

void
ldr_run_seconds_between(
    const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    (void)texts;
    between(args, n, out, (double)LDR_SECOND);
}

void
ldr_run_days_between(
    const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    (void)texts;
    between(args, n, out, (double)LDR_DAY);
}
