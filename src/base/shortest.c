/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shortest.c - the shortest decimal that reads back as the same binary number.
 *
 * All that reads back as the number lies between the middles to its two
 * neighbours. Scaled by a power of ten, that interval holds one or a few whole
 * numbers, or a multiple of ten: "Schubfach" (R. Giulietti, "The Schubfach way
 * to render doubles", 2021), which also proves that 128 bits of the power are
 * enough when what is cut off is kept as one sticky bit.
 */
#include "base/shortest.h"

#include "base/power_of_ten.h"

/* floor(log10(2^q)), and floor(log10(3/4 2^q)). */
static int
log_ten(int q, bool three_quarters)
{
    return (q * 1262611 - (three_quarters ? 524031 : 0)) >> 22;
}

/* floor(log2(10^k)) */
static int
log_two(int k)
{
    return (k * 1741647) >> 19;
}

/* 10^k rounded up where it is not exact. */
static ldr_power_of_ten
power_rounded_up(int k)
{
    ldr_power_of_ten power = ldr_powers_of_ten[k - LDR_POWER_MIN];

    power.low += k < -27 || k > 55; /* the table has the others as wanted */
    return power;
}

/* value * power / 2^128; its last bit is set as well if anything was cut. */
static uint64_t
scale(ldr_power_of_ten power, uint64_t value)
{
    uint64_t low_high, high, low;

    ldr_multiply(power.low, value, &low_high);
    low = ldr_multiply(power.high, value, &high);
    low += low_high;
    high += low < low_high;
    return high | (low > 1);
}

/* The interval of one number, in quarters of 10^exponent, both ends included
 * in what reads back as the number. */
typedef struct interval {
    uint64_t lower, value, upper;
} interval;

static ldr_shortest
pick(interval in, int exponent)
{
    uint64_t whole = in.value / 4, tens = whole / 10;
    bool below, above;

    if (tens > 0) { /* a multiple of ten is shorter, and there is at most one */
        below = in.lower <= 40 * tens;
        above = 40 * tens + 40 <= in.upper;
        if (below != above)
            return (ldr_shortest){tens + above, exponent + 1};
    }
    below = in.lower <= 4 * whole;
    above = 4 * whole + 4 <= in.upper;
    if (below == above) /* both or none: the nearer, ties to even */
        above = in.value > 4 * whole + 2 ||
                (in.value == 4 * whole + 2 && whole % 2 == 1);
    return (ldr_shortest){whole + above, exponent};
}

ldr_shortest
ldr_shortest_of(uint64_t mantissa, int exponent, bool closer)
{
    int k = log_ten(exponent, closer);
    int shift = exponent + log_two(-k) + 1;
    ldr_power_of_ten power = power_rounded_up(-k);
    bool odd = mantissa % 2 == 1; /* reading rounds ties away from it */
    interval in;

    if (exponent <= 0 && exponent > -53 &&
        (mantissa & ((UINT64_C(1) << -exponent) - 1)) == 0)
        return (ldr_shortest){mantissa >> -exponent, 0}; /* a whole number */
    in.lower = scale(power, (4 * mantissa - 2 + closer) << shift) + odd;
    in.value = scale(power, 4 * mantissa << shift);
    in.upper = scale(power, (4 * mantissa + 2) << shift) - odd;
    return pick(in, k);
}
