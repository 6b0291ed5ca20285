/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sum.c - exact sums, as whole numbers of the smallest double.
 *
 * Every double is a whole number of 2^-1074, every square of one a whole number
 * of 2^-2148. An accumulator holds such a number in limbs of 32 bits, wide
 * enough for 2^64 of the greatest values; a limb has 64 bits with a sign, so an
 * addition touches two limbs (a square four) and carries wait until there were
 * MOST_WAITING of them. Nothing is rounded before the end, so order cannot
 * matter, and taking away is adding the opposite.
 *
 * Shifting a negative number right keeps its sign with every compiler that has
 * __int128.
 */
#include "base/sum.h"

#include <assert.h>
#include <math.h>
#include <string.h>

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 wide_bits;

#define LOW32 UINT64_C(0xffffffff)
#define FRACTION_BITS 52u
#define FRACTION_MASK ((UINT64_C(1) << FRACTION_BITS) - 1)
#define EXPONENT_MASK 0x7ffu
#define GREATEST_SHIFT 2045 /* of a finite double */
/* A limb gets less than 2^52 in one addition. */
#define MOST_WAITING 1024u

/* A finite double: mantissa * 2^(shift - 1074). */
typedef struct parts {
    uint64_t mantissa;
    unsigned shift;
    int64_t sign; /* 0, or -1 where it is negative */
} parts;

/* A number that was rounded to 53 bits: mantissa * 2^exponent units; the
 * exponent is 0 where nothing was cut off. */
typedef struct rounded {
    bool negative;
    uint64_t mantissa;
    int exponent;
} rounded;

static uint64_t
bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double
double_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* False: NaN or an infinity. */
static inline bool
take_apart(double value, parts *out)
{
    uint64_t bits = bits_of(value);
    unsigned exponent = (unsigned)(bits >> FRACTION_BITS) & EXPONENT_MASK;

    out->sign = -(int64_t)(bits >> 63);
    out->mantissa = (bits & FRACTION_MASK) | (uint64_t)(exponent != 0)
                                                 << FRACTION_BITS;
    out->shift = exponent - (exponent != 0);
    return exponent != EXPONENT_MASK;
}

/* ------------------------------------------------------------------ limbs */

static inline size_t
first_limb(const ldr_limbs *used, size_t n_limbs)
{
    return n_limbs - used->depth;
}

/* Settle what waits: the highest limb in use has the number's sign and is near
 * 0, the others are below 2^32 and not negative. */
static void
carry(int64_t *limbs, size_t n_limbs, ldr_limbs *used)
{
    int64_t over = 0, top;

    for (size_t i = first_limb(used, n_limbs); i + 1 < used->end; i++) {
        int64_t limb = limbs[i] + over;

        over = limb >> 32;
        limbs[i] = (int64_t)((uint64_t)limb & LOW32);
    }
    top = limbs[used->end - 1] + over;
    over = top >> 32;
    if (used->end < n_limbs && over != 0 && over != -1) {
        limbs[used->end - 1] = (int64_t)((uint64_t)top & LOW32);
        limbs[used->end++] = over;
    } else {
        limbs[used->end - 1] = top;
    }
    used->n_waiting = 1;
}

/* Limbs [begin, end) are about to be changed. */
static inline void
use(int64_t *limbs, uint32_t n_limbs, ldr_limbs *used, uint32_t begin,
    uint32_t end)
{
    if (++used->n_waiting > MOST_WAITING)
        carry(limbs, n_limbs, used);
    used->depth = n_limbs - begin > used->depth ? n_limbs - begin : used->depth;
    used->end = end > used->end ? end : used->end;
}

static inline int64_t
with_sign(uint64_t value, int64_t sign)
{
    return ((int64_t)value ^ sign) - sign;
}

/* Add mantissa * 2^shift; the mantissa is below 2^53, or below 2^64 where the
 * shift leaves its upper part below 2^53. */
static inline void
put(ldr_sum *sum, uint64_t mantissa, unsigned shift, int64_t sign)
{
    unsigned at = shift / 32, low = shift % 32;

    if (mantissa == 0)
        return;
    use(sum->limbs, LDR_SUM_LIMBS, &sum->used, at, at + 2);
    sum->limbs[at] += with_sign((mantissa << low) & LOW32, sign);
    sum->limbs[at + 1] += with_sign(mantissa >> (32 - low), sign);
}

/* The same for squares: value * 2^shift. */
static inline void
put_square(ldr_moments *moments, wide_bits value, unsigned shift, int64_t sign)
{
    unsigned at = shift / 32, low = shift % 32;
    int64_t *limbs = moments->squares + at;

    if (value == 0)
        return;
    use(moments->squares, LDR_SQUARES_LIMBS, &moments->used, at, at + 4);
    limbs[0] += with_sign(((uint64_t)value << low) & LOW32, sign);
    limbs[1] += with_sign((uint64_t)(value >> (32 - low)) & LOW32, sign);
    limbs[2] += with_sign((uint64_t)(value >> (64 - low)) & LOW32, sign);
    limbs[3] += with_sign((uint64_t)(value >> (96 - low)), sign);
}

/* The limbs of a settled number without its sign. */
typedef struct magnitude {
    bool negative;
    size_t first, n; /* digits[i] counts 2^(32 * (first + i)) */
    uint32_t digits[LDR_SQUARES_LIMBS + 4];
} magnitude;

static void
magnitude_of(
    const int64_t *limbs, size_t n_limbs, const ldr_limbs *used, magnitude *out)
{
    size_t first = first_limb(used, n_limbs), n = 0;
    int64_t over = 0;

    for (size_t i = first; i < used->end; i++) {
        int64_t limb = limbs[i] + over;

        out->digits[n++] = (uint32_t)((uint64_t)limb & LOW32);
        over = limb >> 32;
    }
    out->digits[n++] = (uint32_t)((uint64_t)over & LOW32);
    out->negative = over < 0;
    if (out->negative) {
        uint64_t one = 1;

        for (size_t i = 0; i < n; i++) {
            one += (uint32_t)~out->digits[i];
            out->digits[i] = (uint32_t)one;
            one >>= 32;
        }
    }
    out->first = first;
    out->n = n;
}

/* --------------------------------------------------------------- rounding */

/* To nearest, ties to even: `bits`, whose first is set, counts 2^(position),
 * and `more` says that there is something below. */
static rounded
round_bits(uint64_t bits, int position, bool more)
{
    rounded out = {.mantissa = bits >> 11, .exponent = position + 11};
    uint64_t rest = bits & 0x7ff;

    if (out.exponent <= 0) { /* whole units: nothing is cut off */
        out.mantissa = bits >> -position;
        out.exponent = 0;
        return out;
    }
    if (rest > 0x400 || (rest == 0x400 && (more || (out.mantissa & 1) != 0)))
        out.mantissa++;
    return out;
}

static rounded
round_magnitude(const magnitude *number)
{
    const uint32_t *digits = number->digits;
    size_t top = number->n;
    uint64_t bits, next;
    rounded out = {0};
    bool more = false;
    int zeros;

    while (top > 0 && digits[top - 1] == 0)
        top--;
    if (top == 0)
        return out;
    bits = (uint64_t)digits[top - 1] << 32;
    bits |= top > 1 ? digits[top - 2] : 0;
    next = top > 2 ? (uint64_t)digits[top - 3] << 32 : 0;
    zeros = __builtin_clzll(bits);
    if (zeros != 0) {
        bits = bits << zeros | next >> (64 - zeros);
        next <<= zeros;
    }
    more = next != 0;
    for (size_t i = 0; !more && i + 3 < top; i++)
        more = digits[i] != 0;
    out = round_bits(bits, (int)(number->first + top) * 32 - 64 - zeros, more);
    out.negative = number->negative;
    return out;
}

static rounded
round_wide(wide total, unsigned scale)
{
    wide_bits bits = total < 0 ? -(wide_bits)total : (wide_bits)total;
    uint64_t high = (uint64_t)(bits >> 64);
    rounded out = {0};
    int zeros;

    if (bits == 0)
        return out;
    zeros = high != 0 ? __builtin_clzll(high)
                      : 64 + __builtin_clzll((uint64_t)bits);
    bits <<= zeros;
    out = round_bits(
        (uint64_t)(bits >> 64), (int)scale + 64 - zeros, (uint64_t)bits != 0);
    out.negative = total < 0;
    return out;
}

/* In units of 2^-1074. */
static double
rounded_value(rounded number)
{
    uint64_t sign = (uint64_t)number.negative << 63;
    uint64_t bits =
        ((uint64_t)number.exponent << FRACTION_BITS) + number.mantissa;

    if (number.exponent > GREATEST_SHIFT)
        bits = (uint64_t)EXPONENT_MASK << FRACTION_BITS;
    return double_of(bits | sign);
}

static double
rounded_mean(rounded number, uint64_t n)
{
    double value = rounded_value(number);

    if (isinf(value)) { /* the quotient may be finite all the same */
        value = ldexp((double)number.mantissa, number.exponent - 1074 - 128);
        value = ldexp(value / (double)n, 128);
        return number.negative ? -value : value;
    }
    return value / (double)n;
}

/* ------------------------------------------------------------ sum of reals */

static void
count_special(ldr_sum *sum, double value, uint64_t by)
{
    if (isnan(value))
        sum->n_nan += by;
    else if (value > 0)
        sum->n_above += by;
    else
        sum->n_below += by;
}

void
ldr_sum_add(ldr_sum *sum, double value)
{
    parts number;

    if (take_apart(value, &number))
        put(sum, number.mantissa, number.shift, number.sign);
    else
        count_special(sum, value, 1);
}

void
ldr_sum_take(ldr_sum *sum, double value)
{
    parts number;

    if (take_apart(value, &number))
        put(sum, number.mantissa, number.shift, ~number.sign);
    else
        count_special(sum, value, UINT64_MAX);
}

static void
clear_limbs(int64_t *limbs, size_t n_limbs, ldr_limbs *used)
{
    size_t first = first_limb(used, n_limbs);

    if (used->depth != 0)
        memset(limbs + first, 0, (used->end - first) * sizeof *limbs);
    *used = (ldr_limbs){0};
}

void
ldr_sum_clear(ldr_sum *sum)
{
    clear_limbs(sum->limbs, LDR_SUM_LIMBS, &sum->used);
    sum->n_nan = sum->n_above = sum->n_below = 0;
}

/* False: the sum is what *value says. */
static bool
is_finite(const ldr_sum *sum, double *value)
{
    if ((sum->n_nan | sum->n_above | sum->n_below) == 0)
        return true;
    if (sum->n_nan != 0 || (sum->n_above != 0 && sum->n_below != 0))
        *value = (double)NAN;
    else
        *value = sum->n_above != 0 ? (double)INFINITY : -(double)INFINITY;
    return false;
}

static rounded
round_sum(const ldr_sum *sum)
{
    magnitude number;

    if (sum->used.depth == 0)
        return (rounded){0};
    magnitude_of(sum->limbs, LDR_SUM_LIMBS, &sum->used, &number);
    return round_magnitude(&number);
}

double
ldr_sum_value(const ldr_sum *sum)
{
    double value = 0;

    return is_finite(sum, &value) ? rounded_value(round_sum(sum)) : value;
}

double
ldr_sum_mean(const ldr_sum *sum, uint64_t n)
{
    double value = 0;

    assert(n > 0);
    return is_finite(sum, &value) ? rounded_mean(round_sum(sum), n) : value;
}

/* --------------------------------------------------------- sum of integers */

void
ldr_integer_sum_add(ldr_integer_sum *sum, int64_t value)
{
    sum->total += value;
}

void
ldr_integer_sum_take(ldr_integer_sum *sum, int64_t value)
{
    sum->total -= value;
}

bool
ldr_integer_sum_value(const ldr_integer_sum *sum, int64_t *out)
{
    if (sum->total < INT64_MIN || sum->total > INT64_MAX)
        return false;
    *out = (int64_t)sum->total;
    return true;
}

double
ldr_integer_sum_real(const ldr_integer_sum *sum)
{
    return rounded_value(round_wide(sum->total, 1074));
}

/* ---------------------------------------------------------------- moments */

static void
change_moments(ldr_moments *moments, double value, bool take)
{
    parts number;
    wide_bits mantissa;

    if (!take_apart(value, &number)) {
        count_special(&moments->sum, value, take ? UINT64_MAX : 1);
        return;
    }
    mantissa = number.mantissa;
    put(&moments->sum, number.mantissa, number.shift,
        take ? ~number.sign : number.sign);
    put_square(moments, mantissa * mantissa, 2 * number.shift, -(int64_t)take);
}

void
ldr_moments_add(ldr_moments *moments, double value)
{
    moments->n++;
    change_moments(moments, value, false);
}

void
ldr_moments_take(ldr_moments *moments, double value)
{
    moments->n--;
    change_moments(moments, value, true);
}

/* 1074 and 2148 leave little over a limb's beginning, so even 2^63 and its
 * square put less than 2^52 into a limb. */
static void
change_moments_by_integer(ldr_moments *moments, int64_t value, bool take)
{
    int64_t sign = value < 0 ? -1 : 0;
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;

    put(&moments->sum, size, 1074, take ? ~sign : sign);
    put_square(moments, (wide_bits)size * size, 2148, -(int64_t)take);
}

void
ldr_moments_add_integer(ldr_moments *moments, int64_t value)
{
    moments->n++;
    change_moments_by_integer(moments, value, false);
}

void
ldr_moments_take_integer(ldr_moments *moments, int64_t value)
{
    moments->n--;
    change_moments_by_integer(moments, value, true);
}

/* Both are settled first, so no limb comes near its bounds. */
static void
join_limbs(int64_t *limbs, uint32_t n_limbs, ldr_limbs *used, int64_t *from,
    ldr_limbs *by)
{
    if (by->depth == 0)
        return;
    carry(from, n_limbs, by);
    if (used->depth != 0)
        carry(limbs, n_limbs, used);
    use(limbs, n_limbs, used, n_limbs - by->depth, by->end);
    for (size_t i = first_limb(by, n_limbs); i < by->end; i++)
        limbs[i] += from[i];
}

void
ldr_moments_join(ldr_moments *moments, const ldr_moments *from)
{
    ldr_moments by = *from;

    moments->n += by.n;
    moments->sum.n_nan += by.sum.n_nan;
    moments->sum.n_above += by.sum.n_above;
    moments->sum.n_below += by.sum.n_below;
    join_limbs(moments->sum.limbs, LDR_SUM_LIMBS, &moments->sum.used,
        by.sum.limbs, &by.sum.used);
    join_limbs(moments->squares, LDR_SQUARES_LIMBS, &moments->used, by.squares,
        &by.used);
}

void
ldr_moments_clear(ldr_moments *moments)
{
    clear_limbs(moments->squares, LDR_SQUARES_LIMBS, &moments->used);
    ldr_sum_clear(&moments->sum);
    moments->n = 0;
}

/* number *= n; it has room for two digits more. */
static void
multiply(magnitude *number, uint64_t n)
{
    wide_bits over = 0;

    for (size_t i = 0; i < number->n; i++) {
        over += (wide_bits)number->digits[i] * n;
        number->digits[i] = (uint32_t)over;
        over >>= 32;
    }
    for (; over != 0; over >>= 32)
        number->digits[number->n++] = (uint32_t)over;
}

/* Digits down to limb `first`, where it is below. */
static void
extend_down(magnitude *number, size_t first)
{
    size_t more;

    if (first >= number->first)
        return;
    more = number->first - first;
    memmove(number->digits + more, number->digits,
        number->n * sizeof *number->digits);
    memset(number->digits, 0, more * sizeof *number->digits);
    number->first = first;
    number->n += more;
}

/* from -= by * by * 2^(64 * by->first), which is no greater. */
static void
subtract_square(magnitude *from, const magnitude *by)
{
    uint32_t *digits = from->digits + (2 * by->first - from->first);

    for (size_t i = 0; i < by->n; i++) {
        uint64_t over = 0; /* of the product, and what was borrowed */

        if (by->digits[i] == 0)
            continue;
        for (size_t j = 0; j < by->n || over != 0; j++) {
            uint64_t product =
                over +
                (j < by->n ? (uint64_t)by->digits[i] * by->digits[j] : 0);
            uint32_t low = (uint32_t)product;

            over = (product >> 32) + (digits[i + j] < low);
            digits[i + j] -= low;
        }
    }
}

/* Leave zeros at the top away, so that products fit. */
static void
trim(magnitude *number)
{
    while (number->n > 0 && number->digits[number->n - 1] == 0)
        number->n--;
}

double
ldr_moments_stddev(const ldr_moments *moments)
{
    magnitude sum, squares;
    double value, n_squared;
    rounded variance;

    assert(moments->n > 0);
    if (!is_finite(&moments->sum, &value))
        return (double)NAN;
    if (moments->used.depth == 0)
        return 0;
    magnitude_of(moments->sum.limbs, LDR_SUM_LIMBS, &moments->sum.used, &sum);
    magnitude_of(moments->squares, LDR_SQUARES_LIMBS, &moments->used, &squares);
    trim(&sum);
    trim(&squares);
    multiply(&squares, moments->n);
    extend_down(&squares, 2 * sum.first);
    subtract_square(&squares, &sum);
    variance = round_magnitude(&squares);
    n_squared = (double)((wide_bits)moments->n * moments->n);
    value = (double)variance.mantissa;
    if (variance.exponent % 2 != 0) {
        value *= 2;
        variance.exponent--;
    }
    return ldexp(sqrt(value / n_squared), (variance.exponent - 2148) / 2);
}

/* ------------------------------------------------------------ running sums */

void
ldr_running_integers(const int64_t *values, size_t n, ldr_integer_sum *sums)
{
    wide total = 0;

    sums[0].total = 0;
    for (size_t i = 0; i < n; i++) {
        total += values[i];
        sums[i + 1].total = total;
    }
}

/* Do so many numbers below 2^high, whole numbers of 2^scale, have sums of 128
 * bits? */
static bool
is_near(unsigned high, unsigned scale, size_t n)
{
    unsigned room = 2;

    for (size_t left = n; left != 0; left >>= 1)
        room++;
    return high <= scale || high - scale + room <= 128;
}

/* By the last digit that any number has, though it may be a zero. */
static bool
scale_by_digits(const double *values, size_t n, unsigned *scale)
{
    unsigned low = EXPONENT_MASK, high = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned exponent =
            (unsigned)(bits_of(values[i]) >> FRACTION_BITS) & EXPONENT_MASK;
        unsigned least = values[i] == 0 ? EXPONENT_MASK : exponent;

        low = least < low ? least : low;
        high = exponent > high ? exponent : high;
    }
    *scale = low == EXPONENT_MASK ? 0 : low - (low != 0);
    return high != EXPONENT_MASK && is_near(high + FRACTION_BITS, *scale, n);
}

bool
ldr_running_scale(const double *values, size_t n, unsigned *scale)
{
    unsigned low = UINT32_MAX, high = 0;
    parts number;

    if (scale_by_digits(values, n, scale))
        return true;
    for (size_t i = 0; i < n; i++) {
        unsigned begin, end;

        if (!take_apart(values[i], &number))
            return false;
        if (number.mantissa == 0)
            continue;
        begin = number.shift + (unsigned)__builtin_ctzll(number.mantissa);
        end = number.shift + FRACTION_BITS + 1;
        low = begin < low ? begin : low;
        high = end > high ? end : high;
    }
    *scale = low == UINT32_MAX ? 0 : low;
    return is_near(high, *scale, n);
}

/* The bits of 2^exponent, which is a normal number. */
static double
power_of_two(int exponent)
{
    return double_of((uint64_t)(1023 + exponent) << FRACTION_BITS);
}

/* Units of such a scale are 1 over a normal number, and so is 2^63 of them. */
static bool
is_common(unsigned scale)
{
    return scale >= 1074 - 1023 && scale <= 1074 + 1022 - 63;
}

/* Are they all below 2^63 units? */
static bool
is_narrow(const double *values, size_t n, unsigned scale)
{
    uint64_t greatest = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t size = bits_of(values[i]) << 1;

        greatest = size > greatest ? size : greatest;
    }
    return (greatest >> (FRACTION_BITS + 1)) + FRACTION_BITS <= scale + 63;
}

/* Powers of two change no digit. */
static void
run_narrow(
    const double *values, size_t n, unsigned scale, ldr_integer_sum *sums)
{
    double units = power_of_two(1074 - (int)scale);
    wide total = 0;

    for (size_t i = 0; i < n; i++) {
        total += (int64_t)(values[i] * units);
        sums[i + 1].total = total;
    }
}

/* A number below 2^126 units in two words: how often 2^63, and the rest. What
 * it has in common with the first word can be taken away without rounding. */
static void
run_wide(const double *values, size_t n, unsigned scale, ldr_integer_sum *sums)
{
    double units = power_of_two(1074 - (int)scale);
    double words = power_of_two(1074 - (int)scale - 63);
    double word = power_of_two((int)scale + 63 - 1074);
    wide total = 0;

    for (size_t i = 0; i < n; i++) {
        int64_t high = (int64_t)(values[i] * words);
        double rest = values[i] - (double)high * word;

        total += (wide)((wide_bits)(wide)high << 63) + (int64_t)(rest * units);
        sums[i + 1].total = total;
    }
}

/* Whatever it is; zeros may be below all units. */
static void
run_any(const double *values, size_t n, unsigned scale, ldr_integer_sum *sums)
{
    wide total = 0;

    for (size_t i = 0; i < n; i++) {
        parts number;
        wide value = 0;

        take_apart(values[i], &number);
        if (number.shift >= scale)
            value =
                (wide)((wide_bits)number.mantissa << (number.shift - scale));
        else if (number.mantissa != 0)
            value = (wide)(number.mantissa >> (scale - number.shift));
        total += (value ^ number.sign) - number.sign;
        sums[i + 1].total = total;
    }
}

void
ldr_running_reals(
    const double *values, size_t n, unsigned scale, ldr_integer_sum *sums)
{
    sums[0].total = 0;
    if (!is_common(scale))
        run_any(values, n, scale, sums);
    else if (is_narrow(values, n, scale))
        run_narrow(values, n, scale, sums);
    else
        run_wide(values, n, scale, sums);
}

double
ldr_running_value(const ldr_integer_sum *stretch, unsigned scale)
{
    return rounded_value(round_wide(stretch->total, scale));
}

double
ldr_running_mean(const ldr_integer_sum *stretch, unsigned scale, uint64_t n)
{
    assert(n > 0);
    return rounded_mean(round_wide(stretch->total, scale), n);
}
