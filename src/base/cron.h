/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cron.h - a cron line: five fields, parsed; and how far apart its moments lie.
 *
 * "*", "5", "1-5", each with "/2" behind it, in a comma list; months and days
 * of the week also by three letters. Where both days are restricted either is
 * enough, as in every cron.
 */
#ifndef LDR_CRON_H
#define LDR_CRON_H

#include "larder.h"

#define LDR_CRON_FIELDS 5u

typedef struct ldr_cron {
    uint64_t fields[LDR_CRON_FIELDS]; /* bit n: at n; Sunday is 0 */
    bool any_day, any_weekday;        /* written as "*" */
} ldr_cron;

/* What is wrong with a line. */
typedef struct ldr_cron_fault {
    size_t n_fields;  /* of the line; where they are 5: */
    const char *what; /* "day of month" takes numbers from ... */
    unsigned low, high;
    const char *text; /* ... and this, in the line, is none */
    size_t size;
} ldr_cron_fault;

bool ldr_cron_parse(const char *line, ldr_cron *out, ldr_cron_fault *fault);

/* The longest time between one moment of a line and its next, over all years;
 * 0: it has no moment, like 30 February. */
int64_t ldr_cron_longest_gap(const ldr_cron *cron);

#endif
