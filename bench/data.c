/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data.c - the events and the spine that everything here is measured on.
 */
#include "bench/data.h"

#include <stdio.h>

#define MILLISECOND 1000

static uint64_t
mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* The k-th number of row i; in [0, 1) as a double. */
static uint64_t
number(uint64_t i, uint64_t k)
{
    return mix(16 * i + k);
}

static double
unit(uint64_t i, uint64_t k)
{
    return (double)(number(i, k) >> 11) / 9007199254740992.0;
}

void
data_event_of(uint64_t i, uint64_t n, data_event *out)
{
    int64_t arrival = (int64_t)((double)i / (double)n * (double)DATA_SPAN);
    int64_t disorder = (int64_t)(unit(i, 2) * 3600e6);

    out->entity = (int64_t)(number(i, 1) % (n / 10)) + 1;
    out->ts = DATA_START + arrival - disorder;
    out->ts -= out->ts % MILLISECOND;
    for (uint64_t k = 0; k < 4; k++)
        out->f[k] = unit(i, 3 + k) * 100 - 50;
    out->f[4] = (double)(number(i, 7) % 100000) / 100;
    out->f[5] = (double)(number(i, 8) % 100000) / 100;
    out->f[6] = (double)(number(i, 9) % 1000);
    out->f[7] = (double)(number(i, 10) % 1000);
    out->i0 = (int64_t)(number(i, 11) % 1000);
    out->i1 = (int64_t)(number(i, 12) & ((UINT64_C(1) << 44) - 1));
    out->n_s = (size_t)snprintf(
        out->s, sizeof out->s, "cat_%02u", (unsigned)(number(i, 13) % 60));
}

void
data_spine_of(uint64_t i, uint64_t n, int64_t *entity, int64_t *t)
{
    uint64_t far = UINT64_C(1) << 59; /* a stream of its own */

    *entity = (int64_t)(mix(far + 2 * i) % (n / 10)) + 1;
    *t = DATA_START +
         (int64_t)(mix(far + 2 * i + 1) % (uint64_t)(DATA_SPAN / MILLISECOND)) *
             MILLISECOND;
}

const char *const data_expressions[DATA_EXPRESSIONS] = {
    "a / nullif(b, 0)",
    "(a - b) * (c + 1) / 2.0",
    "a * 0.25 + b * 0.5 - c % 7",
};

void
data_request_of(uint64_t i, data_request *out)
{
    uint64_t far = UINT64_C(1) << 58; /* a stream of its own */
    uint64_t b = mix(far + 4 * i + 1), c = mix(far + 4 * i + 2);

    out->a = (double)(mix(far + 4 * i) >> 11) / 9007199254740992.0 * 1000;
    out->b = (double)(b % 100) / 8;
    out->c = (int64_t)(c % 2001) - 1000;
}
