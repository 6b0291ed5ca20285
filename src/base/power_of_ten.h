/* SPDX-License-Identifier: Apache-2.0 */
/*
 * power_of_ten.h - the powers of ten that reading and writing numbers share.
 */
#ifndef LDR_POWER_OF_TEN_H
#define LDR_POWER_OF_TEN_H

#include <stdint.h>

#define LDR_POWER_MIN (-342)
#define LDR_POWER_MAX 324

/* A power's first 128 bits; the first of them is set. */
typedef struct ldr_power_of_ten {
    uint64_t high;
    uint64_t low;
} ldr_power_of_ten;

/* 10^q is at q - LDR_POWER_MIN: exact from 0 to 55, rounded up from -27 to -1
 * (so that a product of few digits comes out exact), cut off elsewhere. No
 * `low` is UINT64_MAX. */
extern const ldr_power_of_ten
    ldr_powers_of_ten[LDR_POWER_MAX - LDR_POWER_MIN + 1];

/* The low half of a product, and its high half. */
static inline uint64_t
ldr_multiply(uint64_t a, uint64_t b, uint64_t *high)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;

    *high = (uint64_t)(product >> 64);
    return (uint64_t)product;
#else
    uint64_t low = (a & UINT32_MAX) * (b & UINT32_MAX);
    uint64_t one = (a >> 32) * (b & UINT32_MAX) + (low >> 32);
    uint64_t two = (a & UINT32_MAX) * (b >> 32) + (one & UINT32_MAX);

    *high = (a >> 32) * (b >> 32) + (one >> 32) + (two >> 32);
    return two << 32 | (low & UINT32_MAX);
#endif
}

#endif
