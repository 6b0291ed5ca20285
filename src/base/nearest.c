/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nearest.c - the binary number nearest to a decimal one.
 *
 * Up to 19 digits: one or two multiplications by a 128-bit power of ten decide
 * always (D. Lemire, "Number parsing at a gigabyte per second", 2021; N.
 * Mushtak and D. Lemire, "Fast number parsing without fallback", 2023). More
 * digits: the first 19, and those plus one, nearly always agree; else the
 * digits are compared with the middle between two neighbours, exactly.
 */
#include "base/nearest.h"

#include "base/power_of_ten.h"

#include <assert.h>
#include <stdbool.h>

const ldr_binary ldr_binary64 = {
    .fraction_bits = 52,
    .bias = 1023,
    .infinity = UINT64_C(0x7FF) << 52,
    .ties_min = -4,
    .ties_max = 23,
};

const ldr_binary ldr_binary32 = {
    .fraction_bits = 23,
    .bias = 127,
    .infinity = UINT64_C(0xFF) << 23,
    .ties_min = -17,
    .ties_max = 10,
};

/* --------------------------------------------------------- up to 19 digits */

/* floor(log2(10^q)) + 63, for |q| < 400. */
static int
power_of_two(int q)
{
    return ((152170 + 65536) * q >> 16) + 63;
}

/* The first 128 bits of digits (its first bit set) * 10^q: as many as `wanted`
 * of them are right. */
static ldr_power_of_ten
product(uint64_t digits, int q, int wanted)
{
    const ldr_power_of_ten *power = &ldr_powers_of_ten[q - LDR_POWER_MIN];
    uint64_t rest = UINT64_MAX >> wanted;
    ldr_power_of_ten result;

    result.low = ldr_multiply(digits, power->high, &result.high);
    if ((result.high & rest) == rest) { /* the rest of the power may carry */
        uint64_t carry;

        ldr_multiply(digits, power->low, &carry);
        result.low += carry;
        result.high += carry > result.low;
    }
    return result;
}

/* A mantissa with one bit too many below it: round, ties up. */
static uint64_t
halve(uint64_t mantissa)
{
    return (mantissa + (mantissa & 1)) >> 1;
}

uint64_t
ldr_nearest(const ldr_binary *kind, uint64_t digits, int64_t exponent)
{
    int n_zeros, q, upper, shift, field;
    ldr_power_of_ten wide;
    uint64_t mantissa;

    if (digits == 0 || exponent < LDR_POWER_MIN)
        return 0;
    if (exponent > 308)
        return kind->infinity;
    q = (int)exponent;
    n_zeros = __builtin_clzll(digits);
    wide = product(digits << n_zeros, q, kind->fraction_bits + 3);
    upper = (int)(wide.high >> 63);
    shift = upper + 64 - kind->fraction_bits - 3;
    mantissa = wide.high >> shift;
    field = power_of_two(q) + upper - n_zeros + kind->bias;
    if (field <= 0) { /* subnormal; rounding up may make it the least normal */
        if (field <= -62)
            return 0;
        return halve(mantissa >> (1 - field));
    }
    if (wide.low <= 1 && q >= kind->ties_min && q <= kind->ties_max &&
        (mantissa & 3) == 1 && mantissa << shift == wide.high)
        mantissa &= ~UINT64_C(1); /* half way, exactly: to even */
    mantissa = halve(mantissa) + ((uint64_t)(field - 1) << kind->fraction_bits);
    return mantissa < kind->infinity ? mantissa : kind->infinity;
}

/* ------------------------------------------------- more digits, compared */

/* The middle of two neighbours has at most 767 digits; what follows them only
 * says that the number is a little more. */
#define DIGITS_MAX 800
/* 2900 bits: 801 digits, or 5^1130 times a mantissa, and a shift by 64. */
#define LIMBS_MAX 92

/* A natural number, least limb first, none of the used ones above n. */
typedef struct natural {
    uint32_t limbs[LIMBS_MAX];
    size_t n;
} natural;

/* a = a * factor + term */
static void
multiply_add(natural *a, uint32_t factor, uint32_t term)
{
    uint64_t carry = term;

    for (size_t i = 0; i < a->n; i++) {
        carry += (uint64_t)a->limbs[i] * factor;
        a->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        assert(a->n < LIMBS_MAX);
        a->limbs[a->n++] = (uint32_t)carry;
    }
}

static void
multiply_power_of_five(natural *a, int power)
{
    for (; power >= 13; power -= 13)
        multiply_add(a, 1220703125, 0);
    for (; power > 0; power--)
        multiply_add(a, 5, 0);
}

static void
shift_left(natural *a, int n_bits)
{
    size_t n_limbs = (size_t)n_bits / 32;

    multiply_add(a, UINT32_C(1) << n_bits % 32, 0);
    if (n_limbs == 0 || a->n == 0)
        return;
    assert(a->n + n_limbs <= LIMBS_MAX);
    for (size_t i = a->n; i > 0; i--)
        a->limbs[i - 1 + n_limbs] = a->limbs[i - 1];
    for (size_t i = 0; i < n_limbs; i++)
        a->limbs[i] = 0;
    a->n += n_limbs;
}

static int
compare(const natural *a, const natural *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (size_t i = a->n; i > 0; i--)
        if (a->limbs[i - 1] != b->limbs[i - 1])
            return a->limbs[i - 1] < b->limbs[i - 1] ? -1 : 1;
    return 0;
}

/* A decimal number: digits * 10^exponent. */
typedef struct decimal {
    natural digits;
    int exponent;
} decimal;

/* The digits of a text; those that cannot matter become one 1. */
static void
read_digits(const char *text, size_t size, int64_t exponent, decimal *out)
{
    size_t n_digits = 0;
    bool more = false;

    out->digits.n = 0;
    for (size_t i = 0; i < size; i++) {
        uint32_t digit = (uint32_t)(unsigned char)text[i] - '0';

        if (text[i] == '.' || (n_digits == 0 && digit == 0))
            continue;
        if (n_digits < DIGITS_MAX) {
            multiply_add(&out->digits, 10, digit);
        } else {
            more = more || digit != 0;
            exponent++;
        }
        n_digits++;
    }
    if (more) {
        multiply_add(&out->digits, 10, 1);
        exponent--;
    }
    out->exponent = (int)exponent;
}

/* The number against the middle between `bits` and the next greater. */
static int
compare_with_middle(
    const ldr_binary *kind, const decimal *number, uint64_t bits)
{
    uint64_t hidden = UINT64_C(1) << kind->fraction_bits;
    int field = (int)(bits >> kind->fraction_bits);
    uint64_t middle =
        2 * ((bits & (hidden - 1)) | (field > 0 ? hidden : 0)) + 1;
    int two = (field > 0 ? field : 1) - kind->bias - kind->fraction_bits - 1;
    int shift = number->exponent - two;
    natural left = number->digits;
    natural right = {
        .limbs = {(uint32_t)middle, (uint32_t)(middle >> 32)},
        .n = middle >> 32 == 0 ? 1 : 2,
    };

    if (number->exponent >= 0)
        multiply_power_of_five(&left, number->exponent);
    else
        multiply_power_of_five(&right, -number->exponent);
    if (shift >= 0)
        shift_left(&left, shift);
    else
        shift_left(&right, -shift);
    return compare(&left, &right);
}

/* The nearest to a long number, by steps from a finite guess next to it. */
static uint64_t
settle(const ldr_binary *kind, const decimal *number, uint64_t guess)
{
    assert(guess < kind->infinity);
    for (;;) {
        int order = compare_with_middle(kind, number, guess);

        if (order < 0 || (order == 0 && guess % 2 == 0))
            break;
        if (++guess == kind->infinity)
            return guess;
    }
    for (; guess > 0; guess--) {
        int order = compare_with_middle(kind, number, guess - 1);

        if (order > 0 || (order == 0 && guess % 2 == 0))
            break;
    }
    return guess;
}

uint64_t
ldr_nearest_long(
    const ldr_binary *kind, const char *text, size_t size, int64_t exponent)
{
    uint64_t head = 0, below, above;
    int64_t n_left = 0;
    int n_digits = 0;
    decimal number;

    for (size_t i = 0; i < size; i++) {
        unsigned digit = (unsigned)(unsigned char)text[i] - '0';

        if (text[i] == '.' || (n_digits == 0 && digit == 0))
            continue;
        if (n_digits == 19) {
            n_left++;
        } else {
            head = head * 10 + digit;
            n_digits++;
        }
    }
    below = ldr_nearest(kind, head, exponent + n_left);
    above = ldr_nearest(kind, head + 1, exponent + n_left);
    if (below == above)
        return below;
    read_digits(text, size, exponent, &number);
    return settle(kind, &number, below);
}
