/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data.h - the events and the spine that everything here is measured on.
 *
 * Every value is a function of the row's number (splitmix64), so each program
 * and each peer sees the same rows without handing them around. Event i of n:
 * an entity of n / 10, a time within 90 days in arrival order with an hour of
 * disorder, 8 doubles (4 with all their digits, 2 of two decimals, 2 integral),
 * 2 integers, 1 text of 60.
 */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

#include <stddef.h>
#include <stdint.h>

#define DATA_START INT64_C(1704067200000000) /* 2024-01-01 */
#define DATA_SPAN (INT64_C(90) * 86400 * 1000000)
#define DATA_DOUBLES 8

typedef struct data_event {
    int64_t entity, ts;
    double f[DATA_DOUBLES];
    int64_t i0, i1;
    char s[8];
    size_t n_s;
} data_event;

void data_event_of(uint64_t i, uint64_t n, data_event *out);
void data_spine_of(uint64_t i, uint64_t n, int64_t *entity, int64_t *t);

/* What expressions are computed from: a is from 0 to 1000 with all its digits,
 * b is 0 in one row of a hundred, c an integer from -1000 to 1000. */
typedef struct data_request {
    double a, b;
    int64_t c;
} data_request;

void data_request_of(uint64_t i, data_request *out);
/* Three expressions in words that Larder and SQLite read alike. */
#define DATA_EXPRESSIONS 3
extern const char *const data_expressions[DATA_EXPRESSIONS];

#endif
