/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sum.h - exact sums of doubles and of integers: add, take away, round once.
 *
 * What was added and taken away, in whatever order, decides every bit of the
 * answer. A sum of doubles equals Python's math.fsum wherever that returns.
 * The structs are plain values: {0} is empty, a copy is independent.
 */
#ifndef LDR_SUM_H
#define LDR_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits of 32 bits, kept in 64 so that carries may wait. */
#define LDR_SUM_LIMBS 68u      /* 2^-1074 to 2^1024, 2^64 times */
#define LDR_SQUARES_LIMBS 136u /* 2^-2148 to 2^2048, 2^64 times */

/* Which limbs may be other than 0: those from n_limbs - `depth` to `end`. */
typedef struct ldr_limbs {
    uint32_t depth, end;
    uint32_t n_waiting; /* additions since carries were settled */
} ldr_limbs;

/* Sums of doubles. {0} is empty. NaN and infinities are counted apart: a NaN,
 * or both infinities, make the sum NaN; one kind of infinity makes it that. An
 * empty sum, and one of zeros of any sign, is 0. A sum whose magnitude rounds
 * past DBL_MAX is an infinity. */
typedef struct ldr_sum {
    ldr_limbs used;
    uint64_t n_nan, n_above, n_below; /* NaN, inf, -inf */
    int64_t limbs[LDR_SUM_LIMBS];
} ldr_sum;
void ldr_sum_add(ldr_sum *sum, double value);
void ldr_sum_take(ldr_sum *sum, double value); /* one that was added */
void ldr_sum_clear(ldr_sum *sum);              /* = {0}, faster */
double ldr_sum_value(const ldr_sum *sum);
/* The sum, rounded once, by n > 0; finite where the quotient is. */
double ldr_sum_mean(const ldr_sum *sum, uint64_t n);

/* Sums of int64 in 128 bits: 2^64 of them cannot overflow. {0} is empty. */
typedef struct ldr_integer_sum {
    __extension__ __int128 total;
} ldr_integer_sum;
void ldr_integer_sum_add(ldr_integer_sum *sum, int64_t value);
void ldr_integer_sum_take(ldr_integer_sum *sum, int64_t value);
/* false: it does not fit an int64. */
bool ldr_integer_sum_value(const ldr_integer_sum *sum, int64_t *out);
double ldr_integer_sum_real(const ldr_integer_sum *sum); /* rounded once */

/* n, the sum and the sum of squares of doubles, exact: enough for the
 * population's standard deviation, whose variance (n * squares - sum^2) / n^2
 * is rounded once before it is divided and its root taken. {0} is empty. NaN
 * and infinities make it NaN. Integers count as they are, not rounded. */
typedef struct ldr_moments {
    uint64_t n;
    ldr_sum sum;
    ldr_limbs used; /* of squares */
    int64_t squares[LDR_SQUARES_LIMBS];
} ldr_moments;
void ldr_moments_add(ldr_moments *moments, double value);
void ldr_moments_take(ldr_moments *moments, double value);
void ldr_moments_add_integer(ldr_moments *moments, int64_t value);
void ldr_moments_take_integer(ldr_moments *moments, int64_t value);
/* As if each of the values of `from` had been added. */
void ldr_moments_join(ldr_moments *moments, const ldr_moments *from);
void ldr_moments_clear(ldr_moments *moments);          /* = {0}, faster */
double ldr_moments_stddev(const ldr_moments *moments); /* n > 0 */

/*
 * Running sums of a list: sums[i] is that of the first i values, so that any
 * stretch is the difference of two. Integers always have them. Doubles have
 * them as whole numbers of a common unit, 2^(scale - 1074), where their
 * exponents are near enough for 128 bits; then a stretch has the same bits as
 * in an ldr_sum.
 */
void ldr_running_integers(
    const int64_t *values, size_t n, ldr_integer_sum *sums);
/* false: there is no such unit, or a value is NaN or infinite. */
bool ldr_running_scale(const double *values, size_t n, unsigned *scale);
void ldr_running_reals(
    const double *values, size_t n, unsigned scale, ldr_integer_sum *sums);
static inline ldr_integer_sum
ldr_running_between(const ldr_integer_sum *sums, size_t begin, size_t end)
{
    return (ldr_integer_sum){sums[end].total - sums[begin].total};
}
/* As ldr_sum_value and ldr_sum_mean. */
double ldr_running_value(const ldr_integer_sum *stretch, unsigned scale);
double ldr_running_mean(
    const ldr_integer_sum *stretch, unsigned scale, uint64_t n);

#endif
