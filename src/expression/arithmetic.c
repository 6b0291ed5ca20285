/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arithmetic.c - numbers computed from numbers.
 *
 * Each loop computes every row, null or not, and only notes whether something
 * went wrong somewhere; what did is looked for afterwards. Reals are single
 * operations of IEEE 754, or the C library's functions.
 */
#include "expression/functions.h"

#include <math.h>

#include "base/nearest.h"
#include "base/power_of_ten.h"

/* ---------------------------------------------------------------- integers */

/* `fails` computes a[i] and b[i] into *to, and says whether it cannot. */
#define INTEGERS(name, fails)                                                  \
    static bool name##_row(int64_t a, int64_t b, int64_t *to)                  \
    {                                                                          \
        return fails;                                                          \
    }                                                                          \
                                                                               \
    void ldr_run_##name##_integers(                                            \
        const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)     \
    {                                                                          \
        const int64_t *a = args[0].integers, *b = args[1].integers;            \
        bool failed = false;                                                   \
                                                                               \
        (void)texts;                                                           \
        for (size_t i = 0; i < n; i++)                                         \
            failed |= name##_row(a[i], b[i], &out->integers[i]);               \
        for (size_t i = 0; failed && i < n; i++)                               \
            if (name##_row(a[i], b[i], &out->integers[i])) {                   \
                out->integers[i] = 0;                                          \
                ldr_slot_fault(out, n, i);                                     \
            }                                                                  \
    }

static bool
cannot_divide(int64_t a, int64_t b)
{
    return b == 0 || (b == -1 && a == INT64_MIN);
}

static bool
divide(int64_t a, int64_t b, int64_t *to)
{
    *to = cannot_divide(a, b) ? 0 : a / b;
    return cannot_divide(a, b);
}

/* The least integer by -1 leaves nothing, though it cannot be divided. */
static bool
modulo(int64_t a, int64_t b, int64_t *to)
{
    *to = cannot_divide(a, b) ? 0 : a % b;
    return b == 0;
}

INTEGERS(add, __builtin_add_overflow(a, b, to))
INTEGERS(subtract, __builtin_sub_overflow(a, b, to))
INTEGERS(multiply, __builtin_mul_overflow(a, b, to))
INTEGERS(divide, divide(a, b, to))
INTEGERS(modulo, modulo(a, b, to))

/* Of one argument: `value` of x, whose least one is a fault if `least` is. */
#define INTEGERS_OF_ONE(name, value, least)                                    \
    void ldr_run_##name##_integers(                                            \
        const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)     \
    {                                                                          \
        (void)texts;                                                           \
        for (size_t i = 0; i < n; i++) {                                       \
            int64_t x = args[0].integers[i];                                   \
                                                                               \
            if ((least) && x == INT64_MIN) {                                   \
                x = 0;                                                         \
                ldr_slot_fault(out, n, i);                                     \
            }                                                                  \
            out->integers[i] = value;                                          \
        }                                                                      \
    }

INTEGERS_OF_ONE(negate, -x, true)
INTEGERS_OF_ONE(abs, x < 0 ? -x : x, true)
INTEGERS_OF_ONE(sign, (x > 0) - (x < 0), false)
INTEGERS_OF_ONE(same, x, false)

/* ------------------------------------------------------------------- reals */

/* NaN and infinities to faults. */
static void
settle(ldr_slot *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ldr_real_beyond(out->reals[i]) >= LDR_REAL_BEYOND) {
            out->reals[i] = 0;
            ldr_slot_fault(out, n, i);
        }
}

#define REALS(name, value)                                                     \
    void ldr_run_##name(                                                       \
        const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)     \
    {                                                                          \
        const double *a = args[0].reals, *b = args[1].reals;                   \
        double *to = out->reals;                                               \
        uint64_t beyond = 0;                                                   \
                                                                               \
        (void)texts;                                                           \
        for (size_t i = 0; i < n; i++) {                                       \
            to[i] = value;                                                     \
            beyond |= ldr_real_beyond(to[i]);                                  \
        }                                                                      \
        if (beyond >= LDR_REAL_BEYOND)                                         \
            settle(out, n);                                                    \
    }

REALS(add, a[i] + b[i])
REALS(subtract, a[i] - b[i])
REALS(multiply, a[i] * b[i])
REALS(divide, a[i] / b[i])
REALS(modulo, fmod(a[i], b[i]))
REALS(pow, pow(a[i], b[i]))

#define REALS_OF_ONE(name, value)                                              \
    void ldr_run_##name(                                                       \
        const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)     \
    {                                                                          \
        uint64_t beyond = 0;                                                   \
                                                                               \
        (void)texts;                                                           \
        for (size_t i = 0; i < n; i++) {                                       \
            double x = args[0].reals[i];                                       \
                                                                               \
            out->reals[i] = value;                                             \
            beyond |= ldr_real_beyond(out->reals[i]);                          \
        }                                                                      \
        if (beyond >= LDR_REAL_BEYOND)                                         \
            settle(out, n);                                                    \
    }

REALS_OF_ONE(negate, -x)
REALS_OF_ONE(abs, fabs(x))
REALS_OF_ONE(floor, floor(x))
REALS_OF_ONE(ceil, ceil(x))
REALS_OF_ONE(round, round(x))
REALS_OF_ONE(sqrt, sqrt(x))
REALS_OF_ONE(exp, exp(x))
REALS_OF_ONE(ln, log(x))
REALS_OF_ONE(log10, log10(x))

void
ldr_run_sign(const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    (void)texts;
    for (size_t i = 0; i < n; i++)
        out->integers[i] = (args[0].reals[i] > 0) - (args[0].reals[i] < 0);
}

/* ---------------------------------------------------------------- rounding */

/* The most decimals, so that five to their power is a word. */
#define DECIMALS_MAX 27

/* A finite number above zero is mantissa * 2^exponent. */
static uint64_t
take_apart(double positive, int *exponent)
{
    uint64_t bits, fraction;
    int field;

    memcpy(&bits, &positive, sizeof bits);
    fraction = bits & ((UINT64_C(1) << 52) - 1);
    field = (int)(bits >> 52);
    *exponent = (field == 0 ? 1 : field) - 1075;
    return field == 0 ? fraction : fraction | UINT64_C(1) << 52;
}

/* high:low / 2^shift, halves up, where that fits a word; else UINT64_MAX. */
static uint64_t
shift_down(uint64_t high, uint64_t low, int shift)
{
    uint64_t whole, half;

    if (shift > 127)
        return 0; /* the product of both has 117 bits */
    if (shift > 64) {
        whole = high >> (shift - 64);
        half = high >> (shift - 65) & 1;
    } else if (shift == 64) {
        whole = high;
        half = low >> 63;
    } else if (high >> shift != 0) {
        return UINT64_MAX;
    } else {
        whole = high << (64 - shift) | low >> shift;
        half = low >> (shift - 1) & 1;
    }
    return whole == UINT64_MAX ? whole : whole + half;
}

/* The double nearest to the decimal of so many decimals that is nearest to the
 * exact value of x, halves away from zero. `power` is 5^decimals. */
static double
round_real(double x, int decimals, uint64_t power)
{
    int exponent, shift;
    uint64_t mantissa, high, low, bits;
    double rounded;

    if (x == 0 || decimals == 0)
        return round(x);
    mantissa = take_apart(fabs(x), &exponent);
    shift = -(exponent + decimals);
    if (shift <= 0) /* a multiple of 1 / 2^decimals, and of more */
        return x;
    low = ldr_multiply(mantissa, power, &high);
    low = shift_down(high, low, shift);
    if (low >= UINT64_C(1) << 63) /* its neighbours are farther away */
        return x;
    bits = ldr_nearest(&ldr_binary64, low, -decimals);
    memcpy(&rounded, &bits, sizeof rounded);
    return copysign(rounded, x);
}

void
ldr_run_round_to(
    const ldr_vector *args, size_t n, ldr_slot *out, ldr_texts *texts)
{
    uint64_t power = 1;
    int64_t of = 0; /* the decimals that it is the power of */

    (void)texts;
    for (size_t i = 0; i < n; i++) {
        int64_t decimals = args[1].integers[i];

        if (decimals < 0)
            decimals = 0;
        if (decimals > DECIMALS_MAX)
            decimals = DECIMALS_MAX;
        if (decimals < of) {
            of = 0;
            power = 1;
        }
        for (; of < decimals; of++)
            power *= 5;
        out->reals[i] = round_real(args[0].reals[i], (int)decimals, power);
    }
}
