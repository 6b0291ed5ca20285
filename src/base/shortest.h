/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shortest.h - the shortest decimal that reads back as the same binary number.
 */
#ifndef LDR_SHORTEST_H
#define LDR_SHORTEST_H

#include <stdbool.h>
#include <stdint.h>

/* digits * 10^exponent; digits may end in zeros. */
typedef struct ldr_shortest {
    uint64_t digits;
    int exponent;
} ldr_shortest;

/* Of mantissa * 2^exponent, a finite positive double or float whose neighbours
 * are one mantissa away; where the neighbour below is only half as near (the
 * mantissa is a power of two, and not the least exponent's), say `closer`. Of
 * equally short ones it is the nearest. */
ldr_shortest ldr_shortest_of(uint64_t mantissa, int exponent, bool closer);

#endif
