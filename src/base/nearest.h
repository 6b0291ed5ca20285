/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nearest.h - the binary number nearest to a decimal one, ties to even.
 *
 * Binary numbers are bits of IEEE 754 without a sign: the next greater number
 * is the next greater integer, up to infinity.
 */
#ifndef LDR_NEAREST_H
#define LDR_NEAREST_H

#include <stddef.h>
#include <stdint.h>

/* A kind of binary number. */
typedef struct ldr_binary {
    int fraction_bits;
    int bias;          /* of the exponent field */
    uint64_t infinity; /* its bits */
    int ties_min;      /* 10^these can make digits fall half way */
    int ties_max;
} ldr_binary;

extern const ldr_binary ldr_binary64;
extern const ldr_binary ldr_binary32;

/* The one nearest to digits * 10^exponent. */
uint64_t ldr_nearest(const ldr_binary *kind, uint64_t digits, int64_t exponent);

/* The same for any number of digits, at least 20 after leading zeros: `text`
 * holds them, read as one integer; a '.' among them is passed over. */
uint64_t ldr_nearest_long(
    const ldr_binary *kind, const char *text, size_t size, int64_t exponent);

#endif
